/*
 * clustered.h - a stream on a cluster, a group with two runners that record what they handle, load, and the pauses of the group.
 *
 * A test program starts clustered.cluster, and uses test_clustered_stop, test_clustered_set_up and test_rig_tear_down as its fixtures.
 * Each test has a stream of its own, and a directory (rig.h). Every function fails the test if something goes wrong.
 */
#ifndef TEST_HARNESS_CLUSTERED_H
#define TEST_HARNESS_CLUSTERED_H

#include <stddef.h>
#include <stdint.h>

#include "harness/cluster.h"
#include "harness/load.h"
#include "harness/rig.h"

enum { TEST_CLUSTERED_RUNNERS = 2, TEST_CLUSTERED_PARTITIONS = 6, TEST_CLUSTERED_KEYS = 24 };

extern struct test_clustered {
	test_cluster *cluster;
	char stream[16];
} clustered;

int test_clustered_stop(void **state);
int test_clustered_set_up(void **state);

/* One node as the address; user: with this user, whose password is "pass", or NULL. One of four buffers. */
const char *test_clustered_address(int node, const char *user);

void test_clustered_make_stream(void);

/* Starts rig.runners[i], instead of an older one; more: lines of its configuration. Or starts both, and waits until they share. */
void test_clustered_run(int i, const char *address, const char *more);
void test_clustered_run_both(void);

/* The slot of a partition, and that of the group's control keys. */
int test_clustered_slot(uint32_t partition);
int test_clustered_control_slot(void);

/*
 * Starts load and both runners, and notes pauses from then on. Finishing ends the load, checks that all was handled in order,
 * prints the pauses as those of `what`, and fails if a partition paused for more than most_ms. _pauses only does the last part.
 */
test_load *test_clustered_load(void);
void test_clustered_finish(test_load *load, const char *what, int most_ms);
void test_clustered_pauses(const char *what, size_t repeated, int most_ms);

#endif
