/*
 * server.h - the redis-server that segbench measures against: its own, in a temporary directory, on a Unix
 * socket and on a free TCP port, without persistence. It ends with segbench.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_SERVER_H
#define SEGBENCH_MEASURE_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct bench_server {
	char directory[64]; /* for the files of all that is measured */
	char socket[96];
	char address[112]; /* as seg_client_options takes it: the Unix socket, or with tcp the port */
	int port;
	bool tcp; /* what is measured connects through TCP */
	pid_t pid;
	redisContext *admin; /* for what is not measured */
} bench_server;

/* Starts it, and waits until it answers. */
void bench_server_start(bench_server *server, bool tcp);

/* Ends it and removes the directory. Safe to call twice. */
void bench_server_stop(bench_server *server);

/* A blocking connection like those that are measured. */
redisContext *bench_server_connect(const bench_server *server);

/* A command on the admin connection; the reply is the caller's, and no error. */
__attribute__((format(printf, 2, 3))) redisReply *bench_server_command(bench_server *server,
								       const char *format, ...);

/* The same, for commands whose reply does not matter. */
__attribute__((format(printf, 2, 3))) void bench_server_do(bench_server *server, const char *format, ...);

/* The number behind `name:` in the INFO of a section. */
double bench_server_info(bench_server *server, const char *section, const char *name);

/* CPU time of the server so far, all threads, in ns. */
int64_t bench_server_cpu(bench_server *server);

#endif
