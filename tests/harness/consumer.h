/* consumer.h - pull consumers of one test. Every function fails the test if something goes wrong. */
#ifndef TEST_HARNESS_CONSUMER_H
#define TEST_HARNESS_CONSUMER_H

#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "harness/rig.h"

/* Sets the rig up with the stream "s". options: of the client; NULL: the defaults. */
void test_consumed_start(uint32_t partitions, const seg_client_options *options);

/* How many dead letters the group "g" has in partition 0. */
long long test_consumed_letters(void);

/* Joins the group that the options name. */
seg_consumer *test_consumer_open(seg_client *client, const char *stream, const seg_consumer_options *options);

/* Joins the group "g" of the stream. session_ms 0: the default. */
seg_consumer *test_consumer_join(seg_client *client, const char *stream, uint32_t session_ms);

/* The next batch, which comes. */
const seg_batch *test_consumer_poll(seg_consumer *consumer);

/* Commits all of the batch, and releases it. */
void test_consumer_finish(seg_consumer *consumer, const seg_batch *batch);

/* Polls, commits and releases batches until at least that many messages have come; returns how many. */
size_t test_consumer_handle(seg_consumer *consumer, size_t messages);

#endif
