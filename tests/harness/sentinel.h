/*
 * sentinel.h - a real master with replicas, and the Sentinels that watch them, for one test: each is a server of
 * server.h, on a TCP port of its own. Whatever does not succeed in time fails the test.
 */
#ifndef TEST_HARNESS_SENTINEL_H
#define TEST_HARNESS_SENTINEL_H

#include <stdbool.h>

#include "harness/certificates.h"
#include "harness/server.h"

enum { TEST_SENTINEL_SERVERS_MAX = 8, TEST_SENTINEL_SENTINELS_MAX = 5 };

/* What the Sentinels call the master. */
#define TEST_SENTINEL_NAME "mymaster"

typedef struct test_sentinel_options {
	int replicas;                          /* 0: 1 */
	int sentinels;                         /* 0: 3 */
	int down_after_ms;                     /* 0: 1000 */
	const char *arguments;                 /* more of them for each redis-server, or NULL */
	const char *password;                  /* of the servers, or NULL */
	const char *sentinel_password;         /* of the Sentinels, or NULL */
	const test_certificates *certificates; /* TLS for the servers and the Sentinels; or NULL */
	bool client_certificates;              /* clients must show one, too */
} test_sentinel_options;

typedef struct test_sentinel {
	test_server *servers[TEST_SENTINEL_SERVERS_MAX]; /* 0 begins as the master */
	test_server *sentinels[TEST_SENTINEL_SENTINELS_MAX];
	int server_count, sentinel_count;
	char address
		[512]; /* redis+sentinel://127.0.0.1:p0,127.0.0.1:p1,.../mymaster/0, or rediss+sentinel:// */
	test_sentinel_options options;
} test_sentinel;

/*
 * Starts all, and waits until each Sentinel knows the replicas and the other Sentinels. NULL: one replica, three
 * Sentinels.
 */
test_sentinel *test_sentinel_start(const test_sentinel_options *options);

/* Kills them, removes the directories, frees. */
void test_sentinel_stop(test_sentinel *sentinel);

/* The number of the server that most of the Sentinels that live call the master. */
int test_sentinel_master(const test_sentinel *sentinel);

/* SENTINEL FAILOVER; returns the new master when all Sentinels that live know it, and it is one. */
int test_sentinel_failover(const test_sentinel *sentinel);

/* kill -9 of the current master; returns its number, and does not wait for the next. */
int test_sentinel_kill_master(const test_sentinel *sentinel);

/*
 * Whether all Sentinels that live name one master, which is one, all other servers that live follow it, and no failover is
 * under way. No server may be suspended.
 */
bool test_sentinel_is_settled(const test_sentinel *sentinel);

/* Starts a killed Sentinel again, with what it knew. */
void test_sentinel_restart(test_sentinel *sentinel, int number);

/* Waits until all Sentinels that live name one other server than `old`, and it is a master; returns its number. */
int test_sentinel_wait_failover(const test_sentinel *sentinel, int old, int timeout_ms);

#endif
