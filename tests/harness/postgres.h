/*
 * postgres.h - a real PostgreSQL server for one test: in a temporary directory, reachable only by a private
 * Unix socket, stopped by pid. PostgreSQL refuses to run as root; a test that is root runs it as an
 * unprivileged user.
 */
#ifndef TEST_HARNESS_POSTGRES_H
#define TEST_HARNESS_POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct test_postgres {
	char directory[64];   /* the server's own; holds the socket and the data */
	char programs[256];   /* the directory of initdb, postgres and psql */
	char connection[160]; /* "host=... user=... dbname=...", for libpq */
	pid_t pid;            /* 0: it was killed */
} test_postgres;

/* Whether PostgreSQL is installed; if not, prints that the tests are skipped. */
bool test_postgres_is_installed(void);

/* Starts a server and waits until it answers. Failing to start fails the test. */
test_postgres *test_postgres_start(void);

/* Kills the server and all its sessions with SIGKILL; starts it again on the same data. */
void test_postgres_kill(test_postgres *postgres);
void test_postgres_restart(test_postgres *postgres);

/* Sends SIGSTOP and SIGCONT to all its processes. A frozen server neither answers nor closes a connection. */
void test_postgres_freeze(test_postgres *postgres);
void test_postgres_thaw(test_postgres *postgres);

/* Kills the server, removes its directory, frees. NULL is allowed. */
void test_postgres_stop(test_postgres *postgres);

/*
 * Runs SQL (printf) with psql. Returns its rows: columns are separated by a vertical bar, rows by newlines.
 * The text is valid until the next call. Fails the test if the SQL fails.
 */
__attribute__((format(printf, 2, 3))) const char *test_postgres_query(const test_postgres *postgres,
								      const char *format, ...);

#endif
