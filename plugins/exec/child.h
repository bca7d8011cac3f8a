/*
 * child.h - a process in its own process group, with pipes to its standard input, output and error.
 *
 * Lines that the child writes to its standard error go to segrunner's log. The child inherits no other descriptor. The
 * kernel kills the child when the thread that started it ends. Only the partition's worker calls these functions.
 */
#ifndef PLUGINS_EXEC_CHILD_H
#define PLUGINS_EXEC_CHILD_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include <segmenter/handler.h>

#include "../common/buffer.h"

typedef struct child {
	const seg_host *host;
	uint32_t partition;
	uint64_t epoch;
	const char *variables; /* for environment_make; borrowed */
	pid_t pid;             /* 0: no child */
	int pidfd;             /* readable once the process has ended */
	int in;                /* its standard input, non-blocking; -1 once closed */
	int out;               /* its standard output, non-blocking */
	int err;               /* its standard error, non-blocking; -1 once the child has closed it */
	buffer said;           /* an incomplete line of standard error */
} child;

/* Starts no process yet. variables: as for environment_make; they outlive the child. */
void child_init(child *c, const seg_host *host, uint32_t partition, uint64_t epoch, const char *variables);

/*
 * Starts `/bin/sh -c command` in the directory (NULL: segrunner's own), with the environment of
 * environment.h. Returns 0, or -1 with one line in error.
 */
int child_start(child *c, const char *command, const char *directory, char *error, size_t error_size);

static inline bool child_runs(const child *c)
{
	return c->pid > 0;
}

/* Whether the process has ended but is not reaped yet. Never blocks. */
bool child_has_ended(const child *c);

/* Logs what the child has written to its standard error. Never blocks. */
void child_listen(child *c);

/*
 * Ends the child, and reaps it: closes its standard input and waits for `patience` ns; then sends SIGTERM to its group and
 * waits as long again; then sends SIGKILL to the group. patience 0: SIGKILL at once. No process of the group survives.
 * `fate`, unless NULL, gets how the child ended: "ended with exit code 1".
 */
void child_end(child *c, int64_t patience, char *fate, size_t fate_size);

/* Frees the buffers. If a child was started, child_end must have been called. */
void child_fini(child *c);

#endif
