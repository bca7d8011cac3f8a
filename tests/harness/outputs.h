/*
 * outputs.h - a stream "in" whose messages are to come to a stream "out": its server, its streams, and a reader of "out", which checks
 * that each key gets its numbers once and in order.
 *
 * What fails here fails the test.
 */
#ifndef TEST_HARNESS_OUTPUTS_H
#define TEST_HARNESS_OUTPUTS_H

#include <segmenter/segmenter.h>

#include "harness/rig.h"

enum { TEST_OUTPUTS_PARTITIONS = 4, TEST_OUTPUTS_KEYS = 12, TEST_OUTPUTS_PATIENCE_MS = 20000 };

/* A test's setup: sets the rig up, and opens its client. */
int test_outputs_set_up(void **state);

void test_outputs_pause(long ms);

/* Registers a stream whose partitions hold so many messages. */
void test_outputs_make_stream(const char *name, uint64_t size, seg_packing packing);

void test_outputs_send(const char *stream, const char *key, const char *data);

/* A field of a hash in Redis, "" if it is missing; valid until the next call. */
char *test_outputs_hash_field(const char *key, const char *field);

/* How many entries the partition's log has. _await: waits until it has so many. */
long long test_outputs_length(const char *stream, int partition);
void test_outputs_await_length(const char *stream, int partition, long long count);

int test_outputs_partition(const char *key);

/* Waits until the state of a partition tells of a hindrance with these words. */
void test_outputs_await_hindrance(const char *state_key, const char *words);

typedef struct test_reader {
	seg_consumer *consumer;
	int next[TEST_OUTPUTS_KEYS]; /* the number that each key gets next */
	int records;
} test_reader;

/* Joins the stream's group "reader". Keys are "k0", "k1", ..., and data is a number. */
void test_reader_open(test_reader *reader, const char *stream);
void test_reader_close(test_reader *reader);

/* 12 messages of "k0" in "in", for an "out" that holds 5 in each partition: the reader's group keeps what it has not read. */
void test_outputs_send_too_much(test_reader *reader);

/* Reads what comes within `ms`, or until nothing came for so long; each key must get its next number. */
void test_reader_read(test_reader *reader, int ms);

/* Reads until each key has had so many numbers. Patience counts from the newest record on: how long all of them take is the machine's
 * business. */
void test_reader_read_all(test_reader *reader, int numbers);

#endif
