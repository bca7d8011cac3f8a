/*
 * recorded.h - runners that record what they handle, on the rig: the group "g" of the stream "s", and load that is sent to it. At the
 * end all of the load must have been handled, in order.
 *
 * Every function fails the test if something goes wrong.
 */
#ifndef TEST_HARNESS_RECORDED_H
#define TEST_HARNESS_RECORDED_H

#include <stddef.h>
#include <stdint.h>

#include "harness/load.h"
#include "harness/rig.h"

enum { TEST_RECORDED_BATCH = 16 /* batch_size */ };

/* Sets the rig up. The stream is to have so many partitions; the load, so many keys. */
void test_recorded_start(int partitions, int keys);

/* Starts rig.runners[i], which is named runner-<i>, instead of an older one. more: lines of its section, and other sections. */
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
