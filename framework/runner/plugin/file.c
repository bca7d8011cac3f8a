#include "plugin/file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/trust.h"
#include "plugin/locate.h"

static int fail_unopened(const char *name, const char *path, int reason, seg_error *error)
{
	if (reason == ENOENT)
		return seg_plugin_not_found(name, path, error);
	return seg_fail(error, SEG_EINVAL, "cannot read the plugin %s: %s; make it readable for user %u",
			path, strerror(reason), (unsigned)geteuid());
}

/* A user who can write to the file controls this process. */
static int check_owner(const char *path, const struct stat *status, seg_error *error)
{
	switch (seg_trust_judge(status)) {
	case SEG_TRUST_GOOD:
		break;
	case SEG_TRUST_OWNER:
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s belongs to user %u, whose code user %u must not run: check it, and chown "
			"it to root or to user %u",
			path, (unsigned)status->st_uid, (unsigned)geteuid(), (unsigned)geteuid());
	case SEG_TRUST_EVERYONE:
		return seg_fail(
			error, SEG_EINVAL,
			"every user of this machine may write to the plugin %s: run chmod o-w on it, and "
			"check that nobody changed it",
			path);
	case SEG_TRUST_GROUP:
		return seg_fail(
			error, SEG_EINVAL,
			"group %u may write to the plugin %s: run chmod g-w on it, and check that nobody "
			"changed it",
			(unsigned)status->st_gid, path);
	}
	return 0;
}

/* This program's own ELF header, from the linker. A plugin's must have the same machine. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static int check_elf(const char *path, int fd, seg_error *error)
{
	ElfW(Ehdr) header = {0};
	ssize_t length = pread(fd, &header, sizeof(header), 0);
	if (length < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s is not a shared object: build one from its source with cc -shared "
			"-fPIC",
			path);
	if (length < (ssize_t)sizeof(header))
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s is incomplete, only %zd bytes long: copy it again", path,
				length);
	if (header.e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
	    header.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] ||
	    header.e_machine != __ehdr_start.e_machine)
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s was built for another kind of machine than this segrunner: build it "
			"for this machine",
			path);
	if (header.e_type != ET_DYN)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s is %s, not a shared object: link it with cc -shared", path,
				header.e_type == ET_REL ? "an object file" : "a program");
	return 0;
}

int seg_plugin_file_open(const char *name, const char *path, seg_error *error)
{
	seg_error why = {0};
	int fd = seg_trust_open(path, O_RDONLY | O_NONBLOCK, &why);
	if (fd == SEG_EINVAL)
		return seg_fail(error, SEG_EINVAL, "the plugin %s: %s", path, why.text);
	if (fd < 0)
		return fail_unopened(name, path, errno, error);
	struct stat status;
	int result;
	if (fstat(fd, &status))
		result = fail_unopened(name, path, errno, error);
	else if (!S_ISREG(status.st_mode))
		result = seg_fail(error, SEG_EINVAL,
				  "the plugin %s is %s, not a file: write the path of its shared object",
				  path, S_ISDIR(status.st_mode) ? "a directory" : "a device or a pipe");
	else if ((result = check_owner(path, &status, error)) == 0)
		result = check_elf(path, fd, error);
	if (result == 0)
		return fd;
	close(fd);
	return result;
}
