#include "harness/consumer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

seg_consumer *test_consumer_join(seg_client *client, const char *stream, uint32_t session_ms)
{
	seg_error error;
	seg_consumer *consumer;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	if (session_ms > 0)
		options.session_timeout_ms = session_ms;
	if (seg_consumer_open(client, stream, &options, &consumer, &error))
		fail_msg("%s", error.text);
	return consumer;
}

void test_consumer_handle(seg_consumer *consumer, size_t messages)
{
	for (size_t handled = 0; handled < messages;) {
		const seg_batch *batch;
		seg_error error = {0};
		if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
			fail_msg("no batch; %s", error.text);
		handled += batch->count;
		assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, NULL), 0);
		seg_consumer_release(consumer, batch);
	}
}
