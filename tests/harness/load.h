/*
 * load.h - a producer that keeps sending, on a thread of its own: keys k0, k1, ... each get the numbers 0, 1, ... as data.
 *
 * It is the asynchronous producer, so that a Redis that goes away and comes back neither loses nor adds twice.
 */
#ifndef TEST_HARNESS_LOAD_H
#define TEST_HARNESS_LOAD_H

typedef struct test_load test_load;

/* Registers the stream with so many partitions, unless it exists, and starts sending a number to all keys, so many numbers a second. */
test_load *test_load_start(const char *address, const char *stream, int partitions, int keys, int per_second);

/* Returns when so many numbers were sent to each key, or fails the test. */
void test_load_reach(const test_load *load, int numbers);

/* The same for so many more. */
void test_load_go_on(const test_load *load, int numbers);

/* Ends, and waits until all is acknowledged, or fails the test. Returns how many numbers each key got; frees. */
int test_load_end(test_load *load);

#endif
