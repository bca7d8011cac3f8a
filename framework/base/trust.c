#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

enum { LINKS_MAX = 40 };

/* A walk along a path: `at` is the directory that it has reached, and `rest` is the path from there. */
typedef struct walk {
	int fd;
	unsigned links;
	char at[PATH_MAX];
	char rest[2 * PATH_MAX];
	seg_error *error;
} walk;

bool seg_trust_is_owner(const struct stat *status)
{
	return status->st_uid == 0 || status->st_uid == geteuid();
}

seg_trust seg_trust_judge(const struct stat *status)
{
	bool group = status->st_gid == 0 || status->st_gid == getegid();
	if (!seg_trust_is_owner(status))
		return SEG_TRUST_OWNER;
	if (status->st_mode & S_IWOTH)
		return SEG_TRUST_EVERYONE;
	return (status->st_mode & S_IWGRP) && !group ? SEG_TRUST_GROUP : SEG_TRUST_GOOD;
}

/* --- what is not trusted ---------------------------------------------------------- */

/* Where a directory is sticky, as /tmp is, nobody renames what belongs to another. */
static int check_directory(const walk *w)
{
	struct stat status;
	if (fstat(w->fd, &status))
		return SEG_ESYSTEM;
	seg_trust trust = seg_trust_judge(&status);
	if (trust == SEG_TRUST_GOOD || (trust != SEG_TRUST_OWNER && (status.st_mode & S_ISVTX)))
		return 0;
	switch (trust) {
	case SEG_TRUST_OWNER:
		return seg_fail(
			w->error, SEG_EINVAL,
			"the directory %s belongs to user %u, who can exchange what is in it: chown it to "
			"root or to user %u, or use another directory",
			w->at, (unsigned)status.st_uid, (unsigned)geteuid());
	case SEG_TRUST_EVERYONE:
		return seg_fail(
			w->error, SEG_EINVAL,
			"every user of this machine may write to the directory %s, and exchange what is in "
			"it: run chmod o-w on it, or use another directory",
			w->at);
	case SEG_TRUST_GROUP:
		return seg_fail(
			w->error, SEG_EINVAL,
			"group %u may write to the directory %s, and exchange what is in it: run chmod g-w "
			"on it, or use another directory",
			(unsigned)status.st_gid, w->at);
	case SEG_TRUST_GOOD:
		break;
	}
	return 0;
}

static int check_link(const walk *w, const char *name, const struct stat *status)
{
	if (seg_trust_is_owner(status))
		return 0;
	return seg_fail(
		w->error, SEG_EINVAL,
		"the symbolic link %s/%s belongs to user %u, who can point it elsewhere: write the path that "
		"it leads to",
		strcmp(w->at, "/") == 0 ? "" : w->at, name, (unsigned)status->st_uid);
}

/* --- the walk ----------------------------------------------------------------------- */

/* Takes the descriptor over. */
static int enter(walk *w, int fd)
{
	if (fd < 0)
		return SEG_ESYSTEM;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	return 0;
}

static int enter_root(walk *w)
{
	strcpy(w->at, "/");
	int status = enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return status ? status : check_directory(w);
}

static int enter_directory(walk *w, const char *name)
{
	size_t length = strlen(w->at);
	int status = enter(w, openat(w->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (status)
		return status;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(w->at, '/');
		slash[slash == w->at] = '\0';
	} else if (snprintf(w->at + length, sizeof(w->at) - length, "%s%s", length > 1 ? "/" : "", name) >=
		   (int)(sizeof(w->at) - length)) {
		errno = ENAMETOOLONG;
		return SEG_ESYSTEM;
	}
	return check_directory(w);
}

/* Puts a text before the rest of the path. */
static int prepend(walk *w, const char *text)
{
	size_t length = strlen(text), rest = strlen(w->rest);
	if (length + 1 + rest >= sizeof(w->rest)) {
		errno = ENAMETOOLONG;
		return SEG_ESYSTEM;
	}
	memmove(w->rest + length + 1, w->rest, rest + 1);
	memcpy(w->rest, text, length);
	w->rest[length] = '/';
	return 0;
}

static int follow(walk *w, const char *name, const struct stat *status)
{
	char target[PATH_MAX];
	int result = check_link(w, name, status);
	if (result)
		return result;
	ssize_t length = readlinkat(w->fd, name, target, sizeof(target) - 1);
	if (length < 0 || ++w->links > LINKS_MAX) {
		errno = length < 0 ? errno : ELOOP;
		return SEG_ESYSTEM;
	}
	target[length] = '\0';
	result = prepend(w, target);
	return result == 0 && target[0] == '/' ? enter_root(w) : result;
}

/* Moves the first part of the path from `rest` to name; false at the end. */
static bool next_part(walk *w, char name[NAME_MAX + 1])
{
	char *start = w->rest + strspn(w->rest, "/");
	size_t length = strcspn(start, "/");
	if (length == 0)
		return false;
	snprintf(name, NAME_MAX + 1, "%.*s", (int)length, start);
	memmove(w->rest, start + length, strlen(start + length) + 1);
	return true;
}

static int walk_on(walk *w, int flags)
{
	char name[NAME_MAX + 1];
	struct stat status;
	while (next_part(w, name)) {
		int result;
		if (strcmp(name, ".") == 0)
			continue;
		if (fstatat(w->fd, name, &status, AT_SYMLINK_NOFOLLOW))
			return SEG_ESYSTEM;
		bool last = w->rest[strspn(w->rest, "/")] == '\0';
		if (S_ISLNK(status.st_mode))
			result = follow(w, name, &status);
		else if (last && strcmp(name, "..") != 0) {
			int fd = openat(w->fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
			return fd < 0 ? SEG_ESYSTEM : fd;
		} else
			result = enter_directory(w, name);
		if (result)
			return result;
	}
	int fd = openat(w->fd, ".", flags | O_CLOEXEC);
	return fd < 0 ? SEG_ESYSTEM : fd;
}

int seg_trust_open(const char *path, int flags, seg_error *error)
{
	walk w = {.fd = -1, .error = error};
	char here[PATH_MAX];
	int result;
	if (snprintf(w.rest, PATH_MAX, "%s", path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return SEG_ESYSTEM;
	}
	result = enter_root(&w);
	if (result == 0 && path[0] != '/')
		result = getcwd(here, sizeof(here)) ? prepend(&w, here) : SEG_ESYSTEM;
	if (result == 0)
		result = walk_on(&w, flags);
	int failure = errno;
	if (w.fd >= 0)
		close(w.fd);
	errno = failure;
	return result;
}
