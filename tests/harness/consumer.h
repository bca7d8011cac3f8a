/* consumer.h - pull consumers of one test. Every function fails the test if something goes wrong. */
#ifndef TEST_HARNESS_CONSUMER_H
#define TEST_HARNESS_CONSUMER_H

#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

/* Joins the group "g" of the stream. session_ms 0: the default. */
seg_consumer *test_consumer_join(seg_client *client, const char *stream, uint32_t session_ms);

/* Polls, commits and releases batches until that many messages have come. */
void test_consumer_handle(seg_consumer *consumer, size_t messages);

#endif
