/*
 * postgres.h - a real PostgreSQL server of a test's own: in a temporary directory, on a private Unix socket
 * alone, stopped by pid. It runs as an unprivileged user where the test is root, as it demands.
 */
#ifndef TEST_HARNESS_POSTGRES_H
#define TEST_HARNESS_POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct test_postgres {
	char directory[64];   /* of its own; the socket and the data are in it */
	char programs[256];   /* where initdb, postgres and psql are */
	char connection[160]; /* "host=... user=... dbname=...", as libpq takes it */
	pid_t pid;            /* 0: it was killed */
} test_postgres;

/* Whether PostgreSQL is installed; says that tests are skipped where not. */
bool test_postgres_is_installed(void);

/* Starts one and waits until it answers. Failing to start fails the test. */
test_postgres *test_postgres_start(void);

/* SIGKILLs the server with all its sessions; and starts it again on the same data. */
void test_postgres_kill(test_postgres *postgres);
void test_postgres_restart(test_postgres *postgres);

/* SIGSTOP and SIGCONT to all of its processes: it neither answers nor closes a connection. */
void test_postgres_freeze(test_postgres *postgres);
void test_postgres_thaw(test_postgres *postgres);

/* Kills, removes, frees. NULL is allowed. */
void test_postgres_stop(test_postgres *postgres);

/*
 * Runs SQL with psql (printf) and returns its rows, columns separated by | and rows by newlines. The text is
 * valid until the next call. Fails the test where the SQL does.
 */
__attribute__((format(printf, 2, 3))) const char *test_postgres_query(const test_postgres *postgres,
								      const char *format, ...);

#endif
