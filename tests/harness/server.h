/*
 * server.h - a real redis-server of a test's own: in a temporary directory, on a private Unix socket (and a
 * free TCP port, where asked for), stopped by pid. Failing to start fails the test that asked.
 */
#ifndef TEST_HARNESS_SERVER_H
#define TEST_HARNESS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct test_server {
	char directory[64]; /* of its own, removed at stop */
	char socket[96];    /* the Unix socket's path */
	char address[112];  /* unix://<socket>, as a client takes it */
	int port;           /* 0: no TCP */
	pid_t pid;
	char *extra[32]; /* arguments it was started with, for restarts */
} test_server;

/*
 * Starts one with `arguments` ("--appendonly yes") split at blanks behind the harness's own (no snapshot, no AOF), or
 * NULL, and waits until it answers PING. NULL-safe to stop.
 */
test_server *test_server_start(const char *arguments);

/* The same with a TCP port on 127.0.0.1 besides; server->port says which. */
test_server *test_server_start_tcp(const char *arguments);

/* Kills with SIGKILL and waits for the process to be gone; data and socket path stay. */
void test_server_kill(test_server *server);

/* Starts a killed one again with the same arguments, on the same data, and waits for PING. */
void test_server_restart(test_server *server);

/* SIGKILLs, waits, removes the directory, frees. */
void test_server_stop(test_server *server);

/* A stock hiredis connection, freed by the caller. Fails the test if it cannot be had. */
redisContext *test_server_connect(const test_server *server);

/* One command, its reply freed by the caller with freeReplyObject; fails the test on no reply. */
redisReply *test_server_command(redisContext *context, const char *format, ...);

/* A fresh private directory under $TMPDIR; the caller removes it with test_directory_remove. */
void test_directory_make(char directory[64]);
void test_directory_remove(const char *directory);

/* ms on a monotonic clock, for bounding waits. */
long long test_now_ms(void);

/* Polls `condition(arg)` each few ms until it holds, or fails the test naming `what` after timeout_ms. */
void test_wait_until(bool (*condition)(void *arg), void *arg, int timeout_ms, const char *what);

#endif
