#include "runner/plugin_probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <segmenter/handler.h>

#include "base/clock.h"
#include "base/error.h"

/*
 * The child: says on `fd` that it came back. Its exit code proves nothing, since a constructor may exit with
 * 0 too.
 */
static _Noreturn void try_in_child(const char *path, int copy, int fd)
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", copy);
	void *object = dlopen(copy >= 0 ? name : path, RTLD_NOW | RTLD_LOCAL);
	void *symbol = object ? dlsym(object, SEG_HANDLER_SYMBOL) : NULL;
	if (symbol) {
		const seg_handler *(*entry)(void);
		memcpy(&entry, &symbol, sizeof(entry));
		entry();
	}
	ssize_t written = write(fd, "", 1);
	_exit(written == 1 ? 0 : 1);
}

/* Waits for the child's word or its end: 1 it came back, 0 it ended without, -1 the time is up. */
static int await_word(int fd, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = poll(&p, 1, seg_poll_timeout(deadline, seg_now()));
		if (ready == 0)
			return -1;
		if (ready < 0 && errno == EINTR)
			continue;
		char byte;
		ssize_t n = read(fd, &byte, 1);
		if (n < 0 && errno == EINTR)
			continue;
		return n == 1;
	}
}

static int refuse(const char *path, int status, seg_error *error)
{
	if (WIFSIGNALED(status))
		return seg_fail(
			error, SEG_EINVAL,
			"%s crashes while it is loaded (signal %d, %s): look at its constructors and static objects, "
			"and leave such work to its init",
			path, WTERMSIG(status), strsignal(WTERMSIG(status)));
	return seg_fail(
		error, SEG_EINVAL,
		"%s ends the process while it is loaded (exit code %d): look at its constructors, and let its "
		"init return -1 instead",
		path, WEXITSTATUS(status));
}

int seg_plugin_probe(const char *path, int copy, int64_t timeout, seg_error *error)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return seg_fail(error, SEG_ESYSTEM, "cannot make a pipe to try %s: %s", path,
				strerror(errno));
	fflush(NULL); /* else a constructor that exits would write our buffered output again */
	pid_t child = fork();
	if (child < 0) {
		int saved = errno;
		close(ends[0]);
		close(ends[1]);
		return seg_fail(error, SEG_ESYSTEM, "cannot make a process to try %s: %s", path,
				strerror(saved));
	}
	if (child == 0)
		try_in_child(path, copy, ends[1]);
	close(ends[1]);
	int word = await_word(ends[0], seg_now() + timeout);
	close(ends[0]);
	if (word < 0)
		kill(child, SIGKILL);
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (word < 0)
		return seg_fail(
			error, SEG_EINVAL,
			"%s does not return from its constructors within %lld s: leave such work to its init",
			path, (long long)(timeout / SEG_SECOND));
	return word ? 0 : refuse(path, status, error);
}
