/* directory.h - the directory in which a plugin keeps its files. */
#ifndef PLUGINS_DIRECTORY_H
#define PLUGINS_DIRECTORY_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
