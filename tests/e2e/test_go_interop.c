/*
 * test_go_interop.c - the Go library segmenter on the same stream: this library reads what Go producers
 * write, and writes what Go consumers read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/rig.h"

enum { PATIENCE_MS = 10000, PARTITIONS = 20 };

static int set_up(void **state)
{
	seg_client_options options;
	test_rig_set_up(state);
	seg_client_options_init(&options);
	options.name_space = "example";
	rig.client = test_rig_client(&options);
	test_rig_register("myStream", &(seg_stream_shape){.partitions = PARTITIONS, .partition_size = 2500});
	return 0;
}

/*
 * Writes as the Go library's Stream.Send: the log's name, FNV-1a of the key, protojson with base64 in `data`.
 */
static void go_sends(uint32_t hash, const char *key, const char *envelope)
{
	test_rig_tell("XADD __example:myStream:partition_%u MAXLEN 2500 * data %s partitionKey %s",
		      hash % PARTITIONS, envelope, key);
}

static seg_consumer *join(seg_codec codec)
{
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_error error;
	seg_consumer_options_init(&options);
	options.group = "group1";
	options.codec = codec;
	if (seg_consumer_open(rig.client, "myStream", &options, &consumer, &error))
		fail_msg("%s", error.text);
	return consumer;
}

static void messages_of_a_go_producer_are_read_as_they_were_sent(void **state)
{
	(void)state;
	/* The library's own test vectors of its hash. */
	go_sends(3513945414u, "hextech",
		 "{\"metadata\":{\"trace\":\"42\"}, \"data\":\"U29tZSBNZXNzYWdlIGNhbiBiZSBhbnl0aGluZw==\", "
		 "\"partitionKey\":\"hextech\"}");
	seg_consumer *consumer = join(SEG_CODEC_SEGMENTER_GO);
	const seg_batch *batch;
	assert_int_equal(seg_consumer_poll(consumer, PATIENCE_MS, &batch, NULL), 1);
	assert_int_equal(batch->count, 1);
	assert_int_equal(batch->partition, seg_partition_of("hextech", 7, PARTITIONS));
	const seg_message *message = &batch->messages[0];
	assert_int_equal(message->data_length, strlen("Some Message can be anything"));
	assert_memory_equal(message->data, "Some Message can be anything", message->data_length);
	assert_memory_equal(message->key, "hextech", 7);
	assert_int_equal(message->header_count, 1);
	assert_string_equal(message->headers[0].name, "trace");
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

static void an_invalid_envelope_is_dead_lettered_and_the_partition_continues(void **state)
{
	(void)state;
	go_sends(873244444u, "1", "not-json");
	go_sends(873244444u, "1", "{\"data\":\"Z29vZA==\",\"partitionKey\":\"1\"}");
	seg_consumer *consumer = join(SEG_CODEC_SEGMENTER_GO);
	const seg_batch *batch;
	assert_int_equal(seg_consumer_poll(consumer, PATIENCE_MS, &batch, NULL), 1);
	assert_memory_equal(batch->messages[0].data, "good", 4);
	redisReply *letters =
		test_server_command(rig.redis, "XRANGE {__example:myStream:partition_%u}:group1:dead - +",
				    873244444u % PARTITIONS);
	assert_int_equal(letters->elements, 1);
	assert_string_equal(letters->element[0]->element[1]->element[3]->str,
			    "the field data holds no envelope of codec segmenter-go");
	freeReplyObject(letters);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

static void messages_have_the_fields_and_the_place_that_a_go_consumer_reads(void **state)
{
	(void)state;
	seg_record record = {.key = "1", .key_length = 1, .data = "a\0b", .data_length = 3};
	assert_int_equal(seg_stream_send(rig.stream, &record, NULL, NULL), 0);
	redisReply *reply = test_server_command(rig.redis, "XRANGE __example:myStream:partition_%u - +",
						873244444u % PARTITIONS);
	assert_int_equal(reply->elements, 1);
	redisReply *fields = reply->element[0]->element[1];
	assert_int_equal(fields->elements, 4);
	assert_string_equal(fields->element[0]->str, "partitionKey");
	assert_string_equal(fields->element[1]->str, "1");
	assert_string_equal(fields->element[2]->str, "data");
	assert_int_equal(fields->element[3]->len, 3);
	assert_memory_equal(fields->element[3]->str, "a\0b", 3);
	freeReplyObject(reply);
}

static void an_envelope_written_here_is_one_that_is_read_here(void **state)
{
	(void)state;
	seg_producer_options options;
	seg_producer *producer;
	seg_record record = {.key = "k", .key_length = 1, .data = "\0\xff\n", .data_length = 3};
	seg_producer_options_init(&options);
	options.codec = SEG_CODEC_SEGMENTER_GO;
	assert_int_equal(seg_producer_open(rig.stream, &options, &producer, NULL), 0);
	assert_int_equal(seg_producer_send(producer, &record, NULL, NULL), 0);
	assert_int_equal(seg_producer_close(producer, PATIENCE_MS, NULL), 0);
	seg_consumer *consumer = join(SEG_CODEC_SEGMENTER_GO);
	const seg_batch *batch;
	assert_int_equal(seg_consumer_poll(consumer, PATIENCE_MS, &batch, NULL), 1);
	assert_int_equal(batch->messages[0].data_length, 3);
	assert_memory_equal(batch->messages[0].data, "\0\xff\n", 3);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_of_a_go_producer_are_read_as_they_were_sent),
		TEST(an_invalid_envelope_is_dead_lettered_and_the_partition_continues),
		TEST(messages_have_the_fields_and_the_place_that_a_go_consumer_reads),
		TEST(an_envelope_written_here_is_one_that_is_read_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
