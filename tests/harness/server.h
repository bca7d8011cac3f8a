/*
 * server.h - a real redis-server for one test: in a temporary directory, on a private Unix socket (and a free
 * TCP port on request), stopped by pid. Failing to start fails the test.
 *
 * The environment variable SEG_TEST_REDIS_SERVER names another program than redis-server, such as valkey-server.
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
	int port;           /* 0: no TCP; with TLS if tls */
	bool tls;
	char url[48];      /* redis://127.0.0.1:<port>, or rediss://; "" without TCP */
	char password[64]; /* of the user default; "" if there is none */
	bool sentinel;
	pid_t pid;
	char *extra[64];                /* the arguments of its start, for restarts */
	const char *const *environment; /* as in the options */
} test_server;

typedef struct test_server_options {
	const char *arguments; /* "--appendonly yes", or NULL; as for test_server_start */
	bool tcp;              /* a TCP port on 127.0.0.1 */
	bool tls;              /* that port speaks TLS only; the arguments name the certificates */
	const char
		*password; /* of the user default, also towards the master that the server follows; or NULL */
	const char *sentinel; /* the server is a Sentinel, with these lines as its configuration; or NULL */
	const char *const *environment; /* more variables, each NAME=VALUE, up to NULL; kept; or NULL */
} test_server_options;

/*
 * Starts a server and waits until it answers PING. `arguments` ("--appendonly yes") or NULL; they are split
 * at blanks and follow the harness's own (no snapshot, no AOF).
 */
test_server *test_server_start(const char *arguments);

/* The same with a TCP port on 127.0.0.1 in addition; server->port has its number. */
test_server *test_server_start_tcp(const char *arguments);

/* The same with these options. */
test_server *test_server_start_with(const test_server_options *options);

/* The two halves of it, so that several servers start at the same time. */
test_server *test_server_launch(const test_server_options *options);
void test_server_wait(test_server *server);

/* Kills the server with SIGKILL and waits until the process is gone; the data and the socket's path stay. */
void test_server_kill(test_server *server);

/* Starts a killed server again, with the same arguments on the same data, and waits until it answers PING. */
void test_server_restart(test_server *server);

/* Kills the server with SIGKILL, waits for its end, removes the directory, frees. */
void test_server_stop(test_server *server);

/*
 * The server's program for a purpose: test_server_program("cli") is redis-cli, or valkey-cli if
 * SEG_TEST_REDIS_SERVER names a valkey-server.
 */
const char *test_server_program(const char *purpose);

/* A stock hiredis connection to the Unix socket, logged in as the user default, which the caller frees. Fails the test if it cannot connect. */
redisContext *test_server_connect(const test_server *server);

/* Sends one command. The caller frees the reply with freeReplyObject. Fails the test if there is no reply. */
redisReply *test_server_command(redisContext *context, const char *format, ...);

/*
 * The same on a connection of its own: as the user default, at the Unix socket. test_server_tell fails the test if the
 * reply is an error, and frees the reply.
 */
redisReply *test_server_ask(const test_server *server, const char *format, ...);
void test_server_tell(const test_server *server, const char *format, ...);

/* Whether the answer to the command, a text, has `part` in it. */
bool test_server_says(const test_server *server, const char *command, const char *part);

/* The same; false, too, if there is no answer, as when the server closes its connections or is dead. */
bool test_server_seems(const test_server *server, const char *command, const char *part);

/* The server becomes a replica of the master, or with NULL a master. Does not wait for the data. */
void test_server_follow(const test_server *server, const test_server *master);

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
