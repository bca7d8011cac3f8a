/* directory.h - the directory in which a plugin keeps its files. */
#ifndef PLUGINS_DIRECTORY_H
#define PLUGINS_DIRECTORY_H

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0, or why `path` is no directory, as far as this user can see. */
static inline int directory_look(const char *path)
{
	struct stat status;
	if (stat(path, &status))
		return errno == EACCES ? 0 : errno;
	return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

/*
 * For a plugin's check: whether directory_make can succeed for the user who runs segrunner, who need not be the user who
 * checks. So permissions are not judged. Changes nothing. Returns 0, or -1 with one line in error.
 */
static inline int directory_check(const char *path, char *error, size_t error_size)
{
	char copy[PATH_MAX];
	int reason = directory_look(path);
	if (reason == ENOENT && snprintf(copy, sizeof(copy), "%s", path) < (int)sizeof(copy))
		reason = directory_look(dirname(copy));
	if (reason == 0)
		return 0;
	snprintf(error, error_size, "option.directory = %s cannot be used: %s; %s", path, strerror(reason),
		 reason == ENOENT ? "create the directory that it shall be in" : "name a directory");
	return -1;
}

/*
 * Creates the directory if only it is missing, and checks that files can be created in it. Returns 0, or -1 with one line
 * in error that names option.directory.
 */
static inline int directory_make(const char *path, char *error, size_t error_size)
{
	struct stat status;
	int reason = 0;
	if (mkdir(path, 0750) && errno != EEXIST)
		reason = errno;
	else if (stat(path, &status))
		reason = errno;
	else if (!S_ISDIR(status.st_mode))
		reason = ENOTDIR;
	else if (access(path, W_OK | X_OK))
		reason = errno;
	if (reason == 0)
		return 0;
	snprintf(
		error, error_size,
		"cannot write to option.directory = %s: %s; create the directory, or correct its permissions",
		path, strerror(reason));
	return -1;
}

#endif
