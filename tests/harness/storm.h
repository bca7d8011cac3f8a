/* storm.h - a thread that breaks connections while a test works. */
#ifndef TEST_HARNESS_STORM_H
#define TEST_HARNESS_STORM_H

#include <pthread.h>
#include <stdatomic.h>

#include "harness/server.h"

typedef struct test_storm {
	const test_server *server;
	int interval_ms;
	pthread_t thread;
	atomic_bool over;
	atomic_int strikes;
} test_storm;

/* Kills every client's connection (CLIENT KILL) every interval_ms, until test_storm_end. */
void test_storm_start(test_storm *storm, const test_server *server, int interval_ms);

/* Ends the storm. Returns how often it killed connections. */
int test_storm_end(test_storm *storm);

#endif
