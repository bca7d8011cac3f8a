/*
 * pipe.h - a pipelined connection that costs as little as can be: commands are formatted into one buffer and
 * go out in one write, replies are parsed by hiredis with object functions that the owner gives, so that
 * nothing is allocated for them.
 */
#ifndef SEGBENCH_MEASURE_PIPE_H
#define SEGBENCH_MEASURE_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include <hiredis/hiredis.h>

#include "measure/server.h"

typedef struct bench_pipe {
	int fd;
	redisReader *reader;
	char *output;
	size_t length, capacity;
	char *input; /* bench_pipe_receive's */
} bench_pipe;

/* Connects as server->tcp says. `arg` is the tasks' privdata. Errors end the program. */
void bench_pipe_open(bench_pipe *pipe, const bench_server *server, redisReplyObjectFunctions *functions,
		     void *arg);
void bench_pipe_close(bench_pipe *pipe);

/* Adds a command of `count` words to what goes out with the next flush. */
void bench_pipe_add(bench_pipe *pipe, int count, const char *const *words, const size_t *lengths);
void bench_pipe_flush(bench_pipe *pipe);

/* Blocks for one read(2) of what has come. */
void bench_pipe_receive(bench_pipe *pipe);

/* Parses the next reply of what was received; false: it is not complete. */
bool bench_pipe_next(bench_pipe *pipe, void **reply);

#endif
