#include "plugin/file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
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
	bool trusted = status->st_uid == 0 || status->st_uid == geteuid();
	if (status->st_mode & S_IWOTH)
		return seg_fail(
			error, SEG_EINVAL,
			"every user of this machine may write to the plugin %s: run chmod o-w on it, and "
			"check that nobody changed it",
			path);
	if ((status->st_mode & S_IWGRP) && !trusted)
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s belongs to user %u, and its group may write to it: run chmod g-w on "
			"it, or chown it to root or to user %u",
			path, (unsigned)status->st_uid, (unsigned)geteuid());
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
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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
