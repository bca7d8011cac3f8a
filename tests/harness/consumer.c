#include "harness/consumer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000, PARTITION_SIZE = 100000 };

void test_consumed_start(uint32_t partitions, const seg_client_options *options)
{
	test_rig_set_up(NULL);
	rig.client = test_rig_client(options);
	test_rig_register("s",
			  &(seg_stream_shape){.partitions = partitions, .partition_size = PARTITION_SIZE});
}

long long test_consumed_letters(void)
{
	redisReply *reply = test_server_command(rig.redis, "XLEN {__default:s:partition_0}:g:dead");
	long long letters = reply->integer;
	freeReplyObject(reply);
	return letters;
}

seg_consumer *test_consumer_open(seg_client *client, const char *stream, const seg_consumer_options *options)
{
	seg_error error;
	seg_consumer *consumer;
	if (seg_consumer_open(client, stream, options, &consumer, &error))
		fail_msg("%s", error.text);
	return consumer;
}

seg_consumer *test_consumer_join(seg_client *client, const char *stream, uint32_t session_ms)
{
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	if (session_ms > 0)
		options.session_timeout_ms = session_ms;
	return test_consumer_open(client, stream, &options);
}

const seg_batch *test_consumer_poll(seg_consumer *consumer)
{
	seg_error error = {0};
	const seg_batch *batch = NULL;
	if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
		fail_msg("no batch came within %d ms; %s", PATIENCE_MS, error.text);
	return batch;
}

void test_consumer_finish(seg_consumer *consumer, const seg_batch *batch)
{
	assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, NULL), 0);
	seg_consumer_release(consumer, batch);
}

size_t test_consumer_handle(seg_consumer *consumer, size_t messages)
{
	size_t handled = 0;
	while (handled < messages) {
		const seg_batch *batch = test_consumer_poll(consumer);
		handled += batch->count;
		test_consumer_finish(consumer, batch);
	}
	return handled;
}
