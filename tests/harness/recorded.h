/*
 * recorded.h - runners that record what they handle, in a file of the test's own directory. The first two functions are all that
 * runners on a cluster need (clustered.h). The others are for a server, the group "g" of the stream "s", and load that is sent to
 * it: at the end all of it must have been handled, in order.
 *
 * Every function fails the test if something goes wrong.
 */
#ifndef TEST_HARNESS_RECORDED_H
#define TEST_HARNESS_RECORDED_H

#include <stddef.h>
#include <stdint.h>

#include "harness/load.h"
#include "harness/runner.h"
#include "harness/server.h"

enum { TEST_RECORDED_RUNNERS = 4, TEST_RECORDED_BATCH = 16 /* batch_size */ };

extern struct test_recorded {
	test_runner *runners[TEST_RECORDED_RUNNERS]; /* each NULL until it runs */
	char directory[64], deliveries[96];          /* of this test; the file in which the runners record */
	test_server *server;                         /* or NULL: the runners use a cluster */
	int partitions, keys;
} recorded;

/* Makes the directory. Stops the runners, and removes it. */
void test_recorded_make(void);
void test_recorded_remove(void);

/* Starts the server. The stream is to have so many partitions; the load, so many keys. */
void test_recorded_start(int partitions, int keys);

/* A test's teardown: stops what runs. */
int test_recorded_stop(void **state);

/* Starts runner i, which is named runner-<i>, instead of an older one. more: lines of its section, and other sections. */
void test_recorded_run(int i, const char *more);

/* Waits until so many runners share all partitions. */
void test_recorded_wait_balanced(uint32_t members);

test_load *test_recorded_load(int per_second);

/*
 * Ends the load, waits until all is handled, and checks that nothing is missing or out of order, but for `late` messages of a process
 * that was suspended (test_deliveries_check). Returns how many deliveries were repetitions.
 */
size_t test_recorded_finish(test_load *load, size_t late);

#endif
