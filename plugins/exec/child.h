/*
 * child.h - a process in a process group of its own, with pipes to its standard input, output and error.
 *
 * What it writes to its standard error goes to segrunner's log, line by line. It inherits no other
 * descriptor, and the kernel ends it with the thread that started it. One thread at a time: the partition's worker.
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
	pid_t pid;   /* 0: there is none */
	int pidfd;   /* readable once the process has ended */
	int in;      /* its standard input, non-blocking; -1 once closed */
	int out;     /* its standard output, non-blocking */
	int err;     /* its standard error, non-blocking; -1 once it has ended */
	buffer said; /* of standard error: a line without its end yet */
} child;

/* No process yet. */
void child_init(child *c, const seg_host *host, uint32_t partition, uint64_t epoch);

/*
 * Starts `/bin/sh -c command` in the directory (NULL: segrunner's own), with SEGMENTER_STREAM, _GROUP,
 * _CONSUMER, _PARTITION and _EPOCH in its environment. Returns 0, or -1 with a line in error.
 */
int child_start(child *c, const char *command, const char *directory, char *error, size_t error_size);

static inline bool child_runs(const child *c)
{
	return c->pid > 0;
}

/* Whether the process has ended, and waits to be buried. Never blocks. */
bool child_has_ended(const child *c);

/* Logs what there is to read of its standard error. Never blocks. */
void child_listen(child *c);

/*
 * Ends it: closes its standard input and waits for `patience` ns, sends SIGTERM to its group and waits as
 * long again, then SIGKILL. patience 0: SIGKILL at once. Leaves nothing of the group running. `fate`, where
 * not NULL, says how it ended: "ended with exit code 1".
 */
void child_end(child *c, int64_t patience, char *fate, size_t fate_size);

/* Frees; child_end was called where it runs. */
void child_fini(child *c);

#endif
