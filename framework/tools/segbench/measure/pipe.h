/*
 * pipe.h - a pipelined connection with the least possible cost. The pipe formats commands into one buffer and
 * sends the buffer with one write. hiredis parses the replies with the owner's object functions, so that a
 * reply needs no allocation.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_PIPE_H
#define SEGBENCH_MEASURE_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include <hiredis/hiredis.h>
#include <openssl/types.h>

#include "measure/server.h"

typedef struct bench_pipe {
	int fd;
	SSL *tls; /* NULL: without TLS */
	redisReader *reader;
	char *output;
	size_t length, capacity;
	char *input; /* the buffer of bench_pipe_receive */
} bench_pipe;

/* Connects: through TCP if server->tcp is set, with TLS if the server has a ca_file. The object functions find `arg` in a task's privdata. */
void bench_pipe_open(bench_pipe *pipe, const bench_server *server, redisReplyObjectFunctions *functions,
		     void *arg);
void bench_pipe_close(bench_pipe *pipe);

/* Adds a command of `count` words, which the next flush sends. `lengths` NULL: the words end with a NUL. */
void bench_pipe_add(bench_pipe *pipe, int count, const char *const *words, const size_t *lengths);
void bench_pipe_flush(bench_pipe *pipe);

/* Reads once from the connection, which blocks: what is there, or a record of TLS. */
void bench_pipe_receive(bench_pipe *pipe);

/* Parses the next reply. Returns false if the received bytes do not hold a complete reply. */
bool bench_pipe_next(bench_pipe *pipe, void **reply);

#endif
