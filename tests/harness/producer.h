/*
 * producer.h - an asynchronous producer under test, and what its delivery callback is told: each record once, in order.
 *
 * A test's setup sets the rig up, with the stream "s" of 8 partitions. A record's opaque is its number among all records
 * of the test, from 1 on. What fails here fails the test. Any thread may ask what was heard.
 */
#ifndef TEST_HARNESS_PRODUCER_H
#define TEST_HARNESS_PRODUCER_H

#include <segmenter/segmenter.h>

#include "harness/rig.h"

enum { TEST_PRODUCER_PARTITIONS = 8, TEST_PRODUCER_KEYS = 40 };

/*
 * A test's setups and teardown. _small: partitions of 10 messages, and a group that has read nothing, so that nothing may
 * be trimmed. _durable: Redis writes each command to disk before it answers.
 */
int test_producer_set_up(void **state);
int test_producer_set_up_small(void **state);
int test_producer_set_up_durable(void **state);
int test_producer_tear_down(void **state);

/* Options with the callback that hears. _patient: with timeouts for a connection that is down for seconds. */
seg_producer_options test_producer_usual(void);
seg_producer_options test_producer_patient(void);

seg_producer *test_producer_open(const seg_producer_options *options);
void test_producer_close(seg_producer *producer);

/* Sends "k<key>:<number>" with the next number of that key. Returns the status of seg_producer_send. */
int test_producer_send_next(seg_producer *producer, int k, long counts[TEST_PRODUCER_KEYS], long *sent);

/* How many records had this status; how many were reported at all; whether the newest failure's text has these words. */
long test_producer_heard(int status);
long test_producer_heard_all(void);
bool test_producer_failure_says(const char *words);

/* The first `records` records were reported once each, in order; and all of them as added. */
void test_producer_told_each_once(long records);
void test_producer_added_all(long records);

void test_producer_pause(long ms);

#endif
