#include "embedded/paths.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/trust.h"

enum { SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

static const char socket_name[] = "redis.sock", log_name[] = "redis.log", pid_name[] = "redis.pid";

/* What another user can write to is not the embedded Redis's own. */
static int check_owner(const char *directory, const struct stat *status, seg_error *error)
{
	switch (seg_trust_judge(status)) {
	case SEG_TRUST_GOOD:
		break;
	case SEG_TRUST_OWNER:
		return seg_fail(
			error, SEG_EINVAL,
			"%s, for the embedded Redis's data, belongs to user %u; the embedded Redis needs a directory "
			"of its own: chown it to user %u, or choose another one",
			directory, (unsigned)status->st_uid, (unsigned)geteuid());
	case SEG_TRUST_EVERYONE:
		return seg_fail(
			error, SEG_EINVAL,
			"every user of this machine may write to %s; the embedded Redis needs a directory "
			"of its own: chmod o-w it, or choose another one",
			directory);
	case SEG_TRUST_GROUP:
		return seg_fail(
			error, SEG_EINVAL,
			"group %u may write to %s; the embedded Redis needs a directory of its own: chmod g-w it, or "
			"choose another one",
			(unsigned)status->st_gid, directory);
	}
	return 0;
}

/* Another user could have made them before the directory was ours: a link, which Redis would follow. */
static int check_files(const char *directory, int fd, seg_error *error)
{
	static const char *const names[] = {log_name, pid_name, socket_name, "appendonlydir"};
	struct stat status;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fstatat(fd, names[i], &status, AT_SYMLINK_NOFOLLOW) == 0 && !seg_trust_is_owner(&status))
			return seg_fail(
				error, SEG_EINVAL,
				"%s/%s belongs to user %u, and the embedded Redis would write to it: remove "
				"it, or choose another directory",
				directory, names[i], (unsigned)status.st_uid);
	return 0;
}

static int check_opened(const char *directory, int fd, seg_error *error)
{
	struct stat status;
	if (fstat(fd, &status))
		return seg_fail(error, SEG_EINVAL, "cannot use %s for the embedded Redis's data: %s",
				directory, strerror(errno));
	int result = check_owner(directory, &status, error);
	return result ? result : check_files(directory, fd, error);
}

static int fail_unusable(const char *directory, seg_error *error)
{
	if (errno == ENOTDIR)
		return seg_fail(error, SEG_EINVAL, "%s, for the embedded Redis's data, is not a directory",
				directory);
	return seg_fail(error, SEG_EINVAL, "cannot use %s for the embedded Redis's data: %s", directory,
			strerror(errno));
}

/* A descriptor, SEG_EINVAL with an error, or SEG_ESYSTEM with errno. */
static int open_directory(const char *path, const char *directory, seg_error *error)
{
	seg_error why = {0};
	int fd = seg_trust_open(path, O_RDONLY | O_DIRECTORY, &why);
	if (fd == SEG_EINVAL)
		seg_fail(error, SEG_EINVAL, "%s, for the embedded Redis's data: %s", directory, why.text);
	return fd;
}

static int check_directory(const char *directory, seg_error *error)
{
	int fd = open_directory(directory, directory, error);
	if (fd == SEG_EINVAL)
		return fd;
	if (fd < 0)
		return fail_unusable(directory, error);
	int result = check_opened(directory, fd, error);
	close(fd);
	return result;
}

/* Divides a path, without its slashes at the end, into its parent and its last part, in `copy`. */
static void divide(char *copy, const char **parent, const char **name)
{
	size_t length = strlen(copy);
	while (length > 1 && copy[length - 1] == '/')
		copy[--length] = '\0';
	char *slash = strrchr(copy, '/');
	*name = slash ? slash + 1 : copy;
	*parent = !slash ? "." : slash == copy ? "/" : copy;
	if (slash)
		*slash = '\0';
}

/* Creates the directory if only its last part is missing. */
static int make_directory(const char *directory, seg_error *error)
{
	const char *parent, *name;
	char *copy = strdup(directory);
	if (!copy)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	divide(copy, &parent, &name);
	int fd = open_directory(parent, directory, error);
	int result = fd == SEG_EINVAL ? fd : 0;
	if (result == 0 && (fd < 0 || (mkdirat(fd, name, 0700) && errno != EEXIST)))
		result = seg_fail(
			error, SEG_EINVAL,
			"cannot make the embedded Redis's directory %s: %s; make it, or choose another one",
			directory, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(copy);
	return result;
}

static bool is_missing(const char *directory)
{
	struct stat status;
	return lstat(directory, &status) && errno == ENOENT;
}

static char *join(const char *directory, const char *name)
{
	char *path;
	return asprintf(&path, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name) < 0 ? NULL : path;
}

static int check_length(const char *directory, seg_error *error)
{
	size_t length = strlen(directory), most = SOCKET_PATH_MAX - sizeof(socket_name);
	if (length <= most)
		return 0;
	return seg_fail(
		error, SEG_EINVAL,
		"the directory's name %s is too long for the embedded Redis's socket: it has %zu bytes, "
		"and may have %zu at most; choose a shorter one",
		directory, length, most);
}

int seg_embedded_paths_init(seg_embedded_paths *p, const char *directory, seg_error *error)
{
	*p = (seg_embedded_paths){0};
	int status = is_missing(directory) ? make_directory(directory, error) : 0;
	if (status == 0)
		status = check_directory(directory, error);
	if (status)
		return status;
	p->directory = realpath(directory, NULL);
	if (!p->directory)
		return seg_fail(error, SEG_EINVAL, "cannot use %s for the embedded Redis's data: %s",
				directory, strerror(errno));
	p->socket = join(p->directory, socket_name);
	p->log = join(p->directory, log_name);
	p->pid = join(p->directory, pid_name);
	p->start_lock = join(p->directory, "start.lock");
	p->users_lock = join(p->directory, "users.lock");
	p->server_lock = join(p->directory, "server.lock");
	if (!p->socket || !p->log || !p->pid || !p->start_lock || !p->users_lock || !p->server_lock)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	return check_length(p->directory, error);
}

/* The absolute path that a directory, which may be missing, has or will have; NULL if it can have none. */
static char *foresee(const char *directory)
{
	const char *parent, *name;
	char *path = realpath(directory, NULL), *copy = path ? NULL : strdup(directory);
	if (!copy)
		return path;
	divide(copy, &parent, &name);
	char *above = realpath(parent, NULL);
	path = above ? join(above, name) : NULL;
	free(above);
	free(copy);
	return path;
}

int seg_embedded_paths_check(const char *directory, seg_error *error)
{
	char *path = foresee(directory);
	int status = path ? check_length(path, error) : 0;
	free(path);
	return status || is_missing(directory) ? status : check_directory(directory, error);
}

void seg_embedded_paths_fini(seg_embedded_paths *p)
{
	free(p->directory);
	free(p->socket);
	free(p->log);
	free(p->pid);
	free(p->start_lock);
	free(p->users_lock);
	free(p->server_lock);
}

/* Copies the text, with characters that mean something in an address as %HH. Returns the end. */
static char *escape(char *end, const char *text)
{
	for (const char *c = text; *c; c++)
		end += sprintf(end, isalnum((unsigned char)*c) || strchr("/._-+,@:=~", *c) ? "%c" : "%%%02X",
			       (unsigned char)*c);
	return end;
}

char *seg_embedded_paths_address(const char *directory)
{
	char *socket = join(directory, socket_name);
	char *address = socket ? malloc(sizeof("unix://") + 3 * strlen(socket)) : NULL;
	if (address)
		*escape(stpcpy(address, "unix://"), socket) = '\0';
	free(socket);
	return address;
}
