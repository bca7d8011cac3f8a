#include "harness/outputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

int test_outputs_set_up(void **state)
{
	test_rig_set_up(state);
	rig.client = test_rig_client(NULL);
	return 0;
}

void test_outputs_pause(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

void test_outputs_make_stream(const char *name, uint64_t size, seg_packing packing)
{
	seg_stream *stream;
	const seg_stream_shape shape = {.partitions = TEST_OUTPUTS_PARTITIONS,
					.partition_size = size,
					.packing = packing};
	assert_int_equal(seg_stream_register(rig.client, name, &shape, &stream, NULL), 0);
	seg_stream_close(stream);
}

void test_outputs_send(const char *stream_name, const char *key, const char *data)
{
	seg_stream *stream;
	seg_error error;
	assert_int_equal(seg_stream_open(rig.client, stream_name, &stream, NULL), 0);
	const seg_record record = {.key = key,
				   .key_length = strlen(key),
				   .data = data,
				   .data_length = strlen(data)};
	if (seg_stream_send(stream, &record, NULL, &error))
		fail_msg("%s", error.text);
	seg_stream_close(stream);
}

char *test_outputs_hash_field(const char *key, const char *field)
{
	static char text[1024];
	redisReply *reply = test_server_command(rig.redis, "HGET %s %s", key, field);
	snprintf(text, sizeof(text), "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");
	freeReplyObject(reply);
	return text;
}

long long test_outputs_length(const char *stream, int partition)
{
	redisReply *reply =
		test_server_command(rig.redis, "XLEN __default:%s:partition_%d", stream, partition);
	long long count = reply->integer;
	freeReplyObject(reply);
	return count;
}

int test_outputs_partition(const char *key)
{
	return (int)seg_partition_of(key, strlen(key), TEST_OUTPUTS_PARTITIONS);
}

void test_outputs_await_length(const char *stream, int partition, long long count)
{
	for (int waited = 0; test_outputs_length(stream, partition) < count; waited += 20) {
		if (waited > TEST_OUTPUTS_PATIENCE_MS)
			fail_msg("%lld records in \"%s\"", test_outputs_length(stream, partition), stream);
		test_outputs_pause(20);
	}
}

void test_outputs_await_hindrance(const char *state_key, const char *words)
{
	for (int waited = 0; !strstr(test_outputs_hash_field(state_key, "hindrance"), words); waited += 20) {
		if (waited > TEST_OUTPUTS_PATIENCE_MS)
			fail_msg("nothing hinders the partition: %s",
				 test_outputs_hash_field(state_key, "hindrance"));
		test_outputs_pause(20);
	}
}

/* --- the reader of a target ------------------------------------------------------------------ */

void test_reader_open(test_reader *r, const char *name)
{
	seg_consumer_options options;
	seg_error error;
	memset(r, 0, sizeof(*r));
	seg_consumer_options_init(&options);
	options.group = "reader";
	if (seg_consumer_open(rig.client, name, &options, &r->consumer, &error))
		fail_msg("%s", error.text);
}

void test_reader_close(test_reader *r)
{
	assert_int_equal(seg_consumer_close(r->consumer, 5000, NULL), 0);
}

void test_reader_read(test_reader *r, int ms)
{
	const seg_batch *batch;
	int64_t until = seg_now() + ms * SEG_MS;
	while (seg_now() < until && seg_consumer_poll(r->consumer, (uint32_t)ms, &batch, NULL) == 1) {
		for (size_t i = 0; i < batch->count; i++) {
			const seg_message *m = &batch->messages[i];
			char key[32], data[32];
			snprintf(key, sizeof(key), "%.*s", (int)m->key_length, (const char *)m->key);
			snprintf(data, sizeof(data), "%.*s", (int)m->data_length, (const char *)m->data);
			int k = atoi(key + 1);
			assert_in_range(k, 0, TEST_OUTPUTS_KEYS - 1);
			if (atoi(data) != r->next[k])
				fail_msg("key %s got %s, and %d was to come", key, data, r->next[k]);
			r->next[k]++;
			r->records++;
		}
		seg_consumer_commit(r->consumer, batch, batch->count, NULL);
		seg_consumer_release(r->consumer, batch);
	}
}

void test_reader_read_all(test_reader *r, int numbers)
{
	int before = r->records;
	for (int waited = 0; r->records < TEST_OUTPUTS_KEYS * numbers; waited += 100) {
		if (r->records > before)
			waited = 0;
		before = r->records;
		if (waited > TEST_OUTPUTS_PATIENCE_MS)
			fail_msg("%d of %d records have come", r->records, TEST_OUTPUTS_KEYS * numbers);
		test_reader_read(r, 100);
	}
	test_reader_read(r, 300);
	assert_int_equal(r->records, TEST_OUTPUTS_KEYS * numbers);
}

void test_outputs_send_too_much(test_reader *r)
{
	char data[16];
	test_outputs_make_stream("in", 1000, SEG_PACKING_OFF);
	test_outputs_make_stream("out", 5, SEG_PACKING_OFF);
	for (int i = 0; i < 12; i++) {
		snprintf(data, sizeof(data), "%d", i);
		test_outputs_send("in", "k0", data);
	}
	test_reader_open(r, "out");
}
