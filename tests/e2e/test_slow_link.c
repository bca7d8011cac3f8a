/*
 * test_slow_link.c - large messages over a slow link: a group keeps its leases, and what moves is not given up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/rig.h"
#include "harness/slow_link.h"

enum {
	PARTITIONS = 16,
	MESSAGE = 100 * 1000,
	MESSAGES = 160,    /* 16 MB */
	SESSION_MS = 4000, /* less than half of the time that they take on the slow link */
	PATIENCE_MS = 60000,
};

static test_slow_link *link;
static atomic_int warnings;
static char *data;

static void count_warnings(void *arg, const seg_log_event *event)
{
	(void)arg;
	if (event->level >= SEG_LOG_WARNING && !strstr(event->text, "keeps nothing on disk")) {
		print_message("%s\n", event->text);
		atomic_fetch_add(&warnings, 1);
	}
}

static void open_client(const char *address, uint32_t timeout_ms)
{
	seg_error error;
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = address;
	options.timeout_ms = timeout_ms;
	options.log = count_warnings;
	if (seg_client_open(&options, &rig.client, &error))
		fail_msg("%s", error.text);
}

static void open_slow_client(unsigned bytes_per_second, uint32_t timeout_ms)
{
	seg_error error;
	link = test_slow_link_start(rig.server->socket, bytes_per_second);
	open_client(test_slow_link_address(link), timeout_ms);
	if (seg_stream_open(rig.client, "s", &rig.stream, &error))
		fail_msg("%s", error.text);
}

static int set_up(void **state)
{
	test_rig_set_up(state);
	open_client(rig.server->address, PATIENCE_MS);
	test_rig_register("s", &(seg_stream_shape){.partitions = PARTITIONS, .partition_size = 100000});
	atomic_store(&warnings, 0);
	data = calloc(1, (size_t)64 << 20);
	return data ? 0 : -1;
}

static int tear_down(void **state)
{
	test_rig_close_client();
	test_slow_link_stop(link);
	link = NULL;
	free(data);
	return test_rig_tear_down(state);
}

static void fill_the_log(void)
{
	seg_record records[MESSAGES];
	seg_send_result results[MESSAGES];
	char keys[MESSAGES][12];
	seg_error error;
	for (int i = 0; i < MESSAGES; i++) {
		int length = snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		records[i] = (seg_record){.key = keys[i],
					  .key_length = (size_t)length,
					  .data = data,
					  .data_length = MESSAGE};
	}
	if (seg_stream_send_batch(rig.stream, records, MESSAGES, results, &error))
		fail_msg("%s", error.text);
}

static seg_consumer *join(void)
{
	seg_consumer *consumer;
	seg_error error;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.session_timeout_ms = SESSION_MS;
	if (seg_consumer_open(rig.client, "s", &options, &consumer, &error))
		fail_msg("%s", error.text);
	return consumer;
}

/* Handles a batch if one comes in time. Returns the number of its messages. */
static size_t handle(seg_consumer *consumer, uint32_t timeout_ms)
{
	const seg_batch *batch;
	seg_error error;
	int got = seg_consumer_poll(consumer, timeout_ms, &batch, &error);
	if (got < 0)
		fail_msg("%s", error.text);
	size_t count = got ? batch->count : 0;
	if (got && seg_consumer_commit(consumer, batch, count, &error))
		fail_msg("%s", error.text);
	if (got)
		seg_consumer_release(consumer, batch);
	return count;
}

/* Milliseconds until the only member's lease ends, by Redis's clock. */
static long long lease_left(redisContext *redis)
{
	redisReply *time = test_server_command(redis, "TIME");
	redisReply *lease = test_server_command(redis, "ZRANGE {__default:s}:g:leases 0 0 WITHSCORES");
	long long now = atoll(time->element[0]->str) * 1000 + atoll(time->element[1]->str) / 1000;
	long long left = lease->elements == 2 ? atoll(lease->element[1]->str) - now : 0;
	freeReplyObject(time);
	freeReplyObject(lease);
	return left;
}

static void no_lease_ends_while_a_backlog_longer_than_the_session_is_read(void **state)
{
	(void)state;
	fill_the_log();
	test_rig_close_client();
	open_slow_client(1500 * 1000, PATIENCE_MS);
	redisContext *redis = test_server_connect(rig.server);
	seg_consumer *consumer = join();
	size_t handled = handle(consumer, PATIENCE_MS);
	long long begun = test_now_ms(), least = SESSION_MS;
	while (handled < MESSAGES && test_now_ms() - begun < PATIENCE_MS) {
		handled += handle(consumer, 50);
		long long left = lease_left(redis);
		least = left < least ? left : least;
	}
	long long took = test_now_ms() - begun;
	seg_consumer_close(consumer, PATIENCE_MS, NULL);
	redisFree(redis);
	assert_int_equal(handled, MESSAGES);
	assert_true(took > 3 * SESSION_MS / 2);
	if (least <= 0)
		fail_msg("the lease ended for at least %lld ms", -least);
	assert_int_equal(atomic_load(&warnings), 0);
}

static atomic_int outcome;

static void delivered(void *arg, const seg_delivery *delivery)
{
	(void)arg;
	if (delivery->status)
		print_message("%s\n", delivery->text);
	atomic_store(&outcome, delivery->status);
}

static void a_record_whose_transfer_takes_longer_than_any_timer_is_sent(void **state)
{
	(void)state;
	enum { DELIVERY_MS = 9000, MESSAGE_BYTES = 6 << 20 };
	test_rig_close_client();
	open_slow_client(1200 * 1000, PATIENCE_MS);
	seg_error error;
	seg_producer *producer;
	seg_producer_options options;
	seg_producer_options_init(&options);
	options.delivery = delivered;
	options.delivery_timeout_ms = DELIVERY_MS; /* a third of it breaks a connection without progress */
	const seg_record record = {.key = "k", .key_length = 1, .data = data, .data_length = MESSAGE_BYTES};
	atomic_store(&outcome, 1);
	if (seg_producer_open(rig.stream, &options, &producer, &error) ||
	    seg_producer_send(producer, &record, NULL, &error))
		fail_msg("%s", error.text);
	seg_producer_flush(producer, PATIENCE_MS, NULL);
	assert_int_equal(atomic_load(&outcome), SEG_OK);
	assert_int_equal(atomic_load(&warnings), 0);
	seg_producer_close(producer, PATIENCE_MS, NULL);
}

static void a_call_that_is_too_slow_says_how_much_was_left(void **state)
{
	(void)state;
	test_rig_close_client();
	open_slow_client(1000 * 1000, 1000);
	const seg_record record = {.key = "k", .key_length = 1, .data = data, .data_length = 4 << 20};
	seg_error error;
	assert_int_equal(seg_stream_send(rig.stream, &record, NULL, &error), SEG_EUNKNOWN);
	assert_non_null(strstr(error.text, "bytes were left to send after 1000 ms; raise timeout_ms"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_lease_ends_while_a_backlog_longer_than_the_session_is_read),
		TEST(a_record_whose_transfer_takes_longer_than_any_timer_is_sent),
		TEST(a_call_that_is_too_slow_says_how_much_was_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
