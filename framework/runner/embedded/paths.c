#include "embedded/paths.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/error.h"

enum { SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

static const char socket_name[] = "redis.sock";

static int check_directory(const char *directory, seg_error *error)
{
	if (mkdir(directory, 0700) && errno != EEXIST)
		return seg_fail(
			error, SEG_EINVAL,
			"cannot make the embedded Redis's directory %s: %s; make it, or choose another one",
			directory, strerror(errno));
	struct stat status;
	if (stat(directory, &status) || !S_ISDIR(status.st_mode))
		return seg_fail(error, SEG_EINVAL, "%s, for the embedded Redis's data, is not a directory",
				directory);
	if (status.st_mode & S_IWOTH)
		return seg_fail(
			error, SEG_EINVAL,
			"every user of this machine may write to %s; the embedded Redis needs a directory "
			"of its own: chmod o-w it, or choose another one",
			directory);
	return 0;
}

static char *join(const char *directory, const char *name)
{
	char *path;
	return asprintf(&path, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name) < 0 ? NULL : path;
}

int seg_embedded_paths_init(seg_embedded_paths *p, const char *directory, seg_error *error)
{
	*p = (seg_embedded_paths){0};
	int status = check_directory(directory, error);
	if (status)
		return status;
	p->directory = realpath(directory, NULL);
	if (!p->directory)
		return seg_fail(error, SEG_EINVAL, "cannot use %s for the embedded Redis's data: %s",
				directory, strerror(errno));
	p->socket = join(p->directory, socket_name);
	p->log = join(p->directory, "redis.log");
	p->pid = join(p->directory, "redis.pid");
	p->start_lock = join(p->directory, "start.lock");
	p->users_lock = join(p->directory, "users.lock");
	p->server_lock = join(p->directory, "server.lock");
	if (!p->socket || !p->log || !p->pid || !p->start_lock || !p->users_lock || !p->server_lock)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	if (strlen(p->socket) <= SOCKET_PATH_MAX)
		return 0;
	return seg_fail(
		error, SEG_EINVAL,
		"the directory's name %s is too long for the embedded Redis's socket: it has %zu bytes, "
		"and may have %zu at most; choose a shorter one",
		p->directory, strlen(p->directory), SOCKET_PATH_MAX - strlen("/") - strlen(socket_name));
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
