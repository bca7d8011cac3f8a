#include "plugin/probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <segmenter/handler.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/error.h"

static const char *program = "/proc/self/exe";

void seg_plugin_probe_by(const char *segrunner)
{
	program = segrunner;
}

/* A constructor that hangs must not outlive segrunner, which may have ended before this was asked for. */
static void end_with_parent(int word)
{
	struct pollfd reader = {.fd = word};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&reader, 1, 0) > 0 && reader.revents & POLLERR)
		_exit(1);
}

/*
 * Writes a byte to show that the calls returned: an exit code proves nothing, because a constructor may exit
 * with 0.
 */
void seg_plugin_probe_child(char *const arguments[3])
{
	const char *path = arguments[0];
	int copy = (int)strtol(arguments[1], NULL, 10), word = (int)strtol(arguments[2], NULL, 10);
	char name[64];
	end_with_parent(word);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", copy);
	void *object = dlopen(copy >= 0 ? name : path, RTLD_NOW | RTLD_LOCAL);
	void *symbol = object ? dlsym(object, SEG_HANDLER_SYMBOL) : NULL;
	if (symbol) {
		const seg_handler *(*entry)(void);
		memcpy(&entry, &symbol, sizeof(entry));
		entry();
	}
	ssize_t written = write(word, "", 1);
	_exit(written == 1 ? 0 : 1);
}

/* Starts the child, in which the descriptors keep their numbers. Returns 0 or an errno. */
static int start(const char *path, int copy, int word, pid_t *child)
{
	char copy_text[16], word_text[16];
	snprintf(copy_text, sizeof(copy_text), "%d", copy);
	snprintf(word_text, sizeof(word_text), "%d", word);
	char *path_text = strdup(path);
	if (!path_text)
		return ENOMEM;
	posix_spawn_file_actions_t actions;
	int failure = posix_spawn_file_actions_init(&actions);
	if (failure) {
		free(path_text);
		return failure;
	}
	/* To itself, which clears close-on-exec. */
	failure = posix_spawn_file_actions_adddup2(&actions, word, word);
	if (failure == 0 && copy >= 0)
		failure = posix_spawn_file_actions_adddup2(&actions, copy, copy);
	char *const arguments[] = {"segrunner", SEG_PLUGIN_PROBE_COMMAND, path_text, copy_text, word_text,
				   NULL};
	if (failure == 0)
		failure = posix_spawn(child, program, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(path_text);
	return failure;
}

/* Waits for the child's byte. Returns 1 if it came, 0 if the child ended without it, -1 at the deadline. */
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
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS)
		return seg_fail(
			error, SEG_EINVAL,
			"%s seems to be incomplete (signal %d, %s, while it is loaded): build or copy it again",
			path, SIGBUS, strsignal(SIGBUS));
	if (WIFSIGNALED(status))
		return seg_fail(
			error, SEG_EINVAL,
			"%s crashes while it is loaded (signal %d, %s): check its constructors and static "
			"objects, and move their work to init",
			path, WTERMSIG(status), strsignal(WTERMSIG(status)));
	return seg_fail(
		error, SEG_EINVAL,
		"%s ends the process while it is loaded (exit code %d): check its constructors; to refuse "
		"to start, return -1 from init",
		path, WEXITSTATUS(status));
}

int seg_plugin_probe(const char *path, int copy, int64_t timeout, seg_error *error)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return seg_fail(error, SEG_ESYSTEM, "cannot create a pipe to try %s: %s%s", path,
				strerror(errno), seg_descriptors_advice(errno));
	pid_t child;
	int failure = start(path, copy, ends[1], &child);
	if (failure) {
		close(ends[0]);
		close(ends[1]);
		return seg_fail(error, SEG_ESYSTEM, "cannot start %s to try %s: %s", program, path,
				strerror(failure));
	}
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
			"%s does not return from its constructors within %lld s: move their work to init",
			path, (long long)(timeout / SEG_SECOND));
	return word ? 0 : refuse(path, status, error);
}
