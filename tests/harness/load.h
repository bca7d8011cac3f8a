/*
 * load.h - a producer that keeps sending, on a thread of its own: each of the keys k0, k1, ... gets the
 * numbers 0, 1, ... as data.
 *
 * It uses the asynchronous producer, which neither loses nor duplicates a record when Redis goes away and
 * comes back.
 */
#ifndef TEST_HARNESS_LOAD_H
#define TEST_HARNESS_LOAD_H

typedef struct test_load test_load;

/*
 * Registers the stream with this many partitions, unless it exists. Then sends per_second numbers a second to
 * every key.
 */
test_load *test_load_start(const char *address, const char *stream, int partitions, int keys, int per_second);

/* Returns once each key has got this many numbers, or fails the test. */
void test_load_reach(const test_load *load, int numbers);

/* Returns once each key has got this many more numbers, or fails the test. */
void test_load_go_on(const test_load *load, int numbers);

/*
 * Stops sending, and waits until every record is acknowledged, or fails the test. Returns how many numbers
 * each key got; frees the load.
 */
int test_load_end(test_load *load);

#endif
