/*
 * server.h - a real redis-server for one test: in a temporary directory, on a private Unix socket (and a free
 * TCP port on request), stopped by pid. Failing to start fails the test.
 */
#ifndef TEST_HARNESS_SERVER_H
#define TEST_HARNESS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct test_server {
	char directory[64]; /* the server's own; removed by test_server_stop */
	char socket[96];    /* the path of the Unix socket */
	char address[112];  /* unix://<socket>, as a client takes it */
	int port;           /* 0: no TCP */
	pid_t pid;
	char *extra[32]; /* the arguments of its start, for restarts */
} test_server;

/*
 * Starts a server and waits until it answers PING. `arguments` ("--appendonly yes") or NULL; they are split
 * at blanks and follow the harness's own (no snapshot, no AOF).
 */
test_server *test_server_start(const char *arguments);

/* The same with a TCP port on 127.0.0.1 in addition; server->port has its number. */
test_server *test_server_start_tcp(const char *arguments);

/* Kills the server with SIGKILL and waits until the process is gone; the data and the socket's path stay. */
void test_server_kill(test_server *server);

/* Starts a killed server again, with the same arguments on the same data, and waits until it answers PING. */
void test_server_restart(test_server *server);

/* Kills the server with SIGKILL, waits for its end, removes the directory, frees. */
void test_server_stop(test_server *server);

/* A stock hiredis connection, which the caller frees. Fails the test if it cannot connect. */
redisContext *test_server_connect(const test_server *server);

/* Sends one command. The caller frees the reply with freeReplyObject. Fails the test if there is no reply. */
redisReply *test_server_command(redisContext *context, const char *format, ...);

/* A new private directory under $TMPDIR; the caller removes it with test_directory_remove. */
void test_directory_make(char directory[64]);
void test_directory_remove(const char *directory);

/* ms on a monotonic clock, to bound waits. */
long long test_now_ms(void);

/*
 * Polls `condition(arg)` every few ms until it holds. After timeout_ms it fails the test, and the message has
 * `what`.
 */
void test_wait_until(bool (*condition)(void *arg), void *arg, int timeout_ms, const char *what);

#endif
