/* test_producer.c - the asynchronous producer: each record is reported once, in order, and added once. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/log.h"
#include "harness/producer.h"

/* --- without faults ---------------------------------------------------------------- */

static void every_record_is_added_once_and_reported_once_in_order(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(test_producer_send_next(producer, (i * 7) % TEST_PRODUCER_KEYS, counts,
							 &sent),
				 0);
	assert_int_equal(seg_producer_flush(producer, 30000, NULL), 0);
	test_producer_told_each_once(sent);
	test_producer_added_all(sent);
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS, counts,
					false),
			 sent);
	test_producer_close(producer);
}

static void a_lone_record_goes_out_when_it_has_lingered(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int linger_ms = 0; linger_ms <= 200; linger_ms += 100) {
		options.linger_us = (uint32_t)linger_ms * 1000;
		seg_producer *producer = test_producer_open(&options);
		/* The first send makes the connection; after that only the lingering takes time. */
		assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
		assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
		long before = test_producer_heard_all();
		long long began = test_now_ms();
		assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
		while (test_producer_heard_all() == before && test_now_ms() - began < 5000)
			test_producer_pause(1);
		/* Not before; and by itself, however busy the machine is. */
		assert_in_range(test_now_ms() - began, linger_ms ? linger_ms - 1 : 0, linger_ms + 4000);
		test_producer_close(producer);
	}
}

static void flushing_does_not_wait_for_the_linger(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.linger_us = 20000000;
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int i = 0; i < 10; i++)
		assert_int_equal(test_producer_send_next(producer, i, counts, &sent), 0);
	long long before = test_now_ms();
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	assert_true(test_now_ms() - before < 5000);
	test_producer_told_each_once(sent);
	test_producer_close(producer);
}

static void closing_sends_what_is_left(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.linger_us = 20000000;
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int i = 0; i < 5000; i++)
		assert_int_equal(test_producer_send_next(producer, i % TEST_PRODUCER_KEYS, counts, &sent), 0);
	test_producer_close(producer);
	test_producer_told_each_once(sent);
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS, counts,
					false),
			 sent);
	assert_int_equal(seg_producer_close(NULL, 0, NULL), 0);
}

static void headers_and_binary_data_arrive(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	seg_producer *producer = test_producer_open(&options);
	seg_header headers[] = {{"h\0x", 3, "\xff\0", 2}};
	seg_record record = {"hextech", 7, "\0\r\n", 3, headers, 1};
	assert_int_equal(seg_producer_send(producer, &record, NULL, NULL), 0);
	test_producer_close(producer);
	redisContext *context = test_server_connect(rig.server);
	redisReply *reply = test_server_command(context, "XRANGE __default:s:partition_%u - +",
						seg_partition_of("hextech", 7, TEST_PRODUCER_PARTITIONS));
	const redisReply *fields = reply->element[0]->element[1];
	assert_int_equal(fields->elements, 6);
	assert_int_equal(fields->element[3]->len, 3);
	assert_memory_equal(fields->element[3]->str, "\0\r\n", 3);
	assert_memory_equal(fields->element[4]->str, "h\0x", 3);
	assert_memory_equal(fields->element[5]->str, "\xff\0", 2);
	freeReplyObject(reply);
	redisFree(context);
}

static void the_go_codec_writes_its_envelope(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.codec = SEG_CODEC_SEGMENTER_GO;
	seg_producer *producer = test_producer_open(&options);
	seg_record record = {"k1", 2, "hi", 2, NULL, 0}, bad = {"\xff", 1, "hi", 2, NULL, 0};
	assert_int_equal(seg_producer_send(producer, &record, NULL, NULL), 0);
	assert_int_equal(seg_producer_send(producer, &bad, NULL, NULL), SEG_EINVAL);
	test_producer_close(producer);
	redisContext *context = test_server_connect(rig.server);
	redisReply *reply = test_server_command(context, "XRANGE __default:s:partition_%u - +",
						seg_partition_of("k1", 2, TEST_PRODUCER_PARTITIONS));
	assert_string_equal(reply->element[0]->element[1]->element[3]->str,
			    "{\"metadata\":{},\"data\":\"aGk=\",\"partitionKey\":\"k1\"}");
	freeReplyObject(reply);
	redisFree(context);
}

static void options_out_of_range_are_refused(void **state)
{
	(void)state;
	seg_producer *producer;
	seg_error error = {0};
	seg_producer_options options = test_producer_usual();
	options.batch_records = 4097;
	assert_int_equal(seg_producer_open(rig.stream, &options, &producer, &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "batch_records is 4097"));
	options = test_producer_usual();
	options.linger_us = 30000000;
	assert_int_equal(seg_producer_open(rig.stream, &options, &producer, &error), SEG_EINVAL);
	options = test_producer_usual();
	options.codec = (seg_codec)9;
	assert_int_equal(seg_producer_open(rig.stream, &options, &producer, &error), SEG_EINVAL);
	assert_int_equal(seg_producer_open(NULL, NULL, &producer, &error), SEG_EINVAL);
	assert_null(producer);
}

static void a_record_over_the_limits_is_not_taken(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.in_flight_bytes = 64 << 10;
	seg_producer *producer = test_producer_open(&options);
	char *data = calloc(1, 70000);
	seg_record record = {"k", 1, data, 70000, NULL, 0};
	seg_error error = {0};
	assert_int_equal(seg_producer_send(producer, &record, NULL, &error), SEG_ETOOBIG);
	assert_non_null(strstr(error.text, "in_flight_bytes"));
	record.data_length = 65000;
	assert_int_equal(seg_producer_send(producer, &record, NULL, &error), 0);
	free(data);
	test_producer_close(producer);
}

/* --- many threads -------------------------------------------------------------------- */

enum { THREADS = 4, EACH = 30000 };

typedef struct {
	seg_producer *producer;
	int first_key;
	bool failed;
} sender_thread;

static void *send_many(void *arg)
{
	sender_thread *s = arg;
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int i = 0; i < EACH && !s->failed; i++)
		s->failed = test_producer_send_next(s->producer,
						    s->first_key + i % (TEST_PRODUCER_KEYS / THREADS), counts,
						    &sent);
	return NULL;
}

static void many_threads_may_send_and_each_keys_order_is_kept(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.in_flight_bytes = 128 << 10;
	options.delivery = NULL;
	seg_producer *producer = test_producer_open(&options);
	pthread_t threads[THREADS];
	sender_thread senders[THREADS];
	for (int t = 0; t < THREADS; t++) {
		senders[t] = (sender_thread){producer, t * (TEST_PRODUCER_KEYS / THREADS), false};
		assert_int_equal(pthread_create(&threads[t], NULL, send_many, &senders[t]), 0);
	}
	for (int t = 0; t < THREADS; t++) {
		pthread_join(threads[t], NULL);
		assert_false(senders[t].failed);
	}
	test_producer_close(producer);
	long counts[TEST_PRODUCER_KEYS];
	for (int k = 0; k < TEST_PRODUCER_KEYS; k++)
		counts[k] = EACH / (TEST_PRODUCER_KEYS / THREADS);
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS, counts,
					false),
			 THREADS * EACH);
}

/* --- bounds ------------------------------------------------------------------------------ */

static void without_waiting_a_full_producer_says_so_at_once(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.in_flight_bytes = 64 << 10;
	options.when_blocked_ms = 0;
	kill(rig.server->pid, SIGSTOP);
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	long long before = test_now_ms();
	int status = 0;
	while (sent < 10000 && status == 0)
		status = test_producer_send_next(producer, (int)sent % TEST_PRODUCER_KEYS, counts, &sent);
	long long took = test_now_ms() - before;
	kill(rig.server->pid, SIGCONT);
	assert_int_equal(status, SEG_EFULL);
	assert_in_range(sent, 500, 1100);
	assert_true(took < 1000);
	test_producer_close(producer);
	test_producer_told_each_once(sent);
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS, counts,
					false),
			 sent);
}

static void a_blocked_send_waits_and_gives_up_in_time(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.in_flight_bytes = 64 << 10;
	options.when_blocked_ms = 300;
	kill(rig.server->pid, SIGSTOP);
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	long long before = test_now_ms();
	int status = 0;
	while (sent < 10000 && status == 0)
		status = test_producer_send_next(producer, 0, counts, &sent);
	long long took = test_now_ms() - before;
	kill(rig.server->pid, SIGCONT);
	assert_int_equal(status, SEG_EFULL);
	assert_in_range(took, 290, 2000);
	test_producer_close(producer);
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS, counts,
					false),
			 sent);
}

typedef struct {
	seg_producer *producer;
	long wanted;
	atomic_long answered;
	bool failed;
} chain;

/* Each delivery callback sends the next record. */
static void send_another(void *arg, const seg_delivery *delivery)
{
	chain *c = arg;
	c->failed |= delivery->status != SEG_OK;
	if (atomic_fetch_add(&c->answered, 1) + 1 >= c->wanted)
		return;
	seg_record record = {"k", 1, "d", 1, NULL, 0};
	c->failed |= seg_producer_send(c->producer, &record, NULL, NULL) != 0;
}

static void the_delivery_callback_may_send(void **state)
{
	(void)state;
	chain c = {.wanted = 100};
	seg_producer_options options = test_producer_usual();
	options.when_blocked_ms = 0;
	options.linger_us = 0;
	options.delivery = send_another;
	options.delivery_arg = &c;
	c.producer = test_producer_open(&options);
	seg_record record = {"k", 1, "d", 1, NULL, 0};
	assert_int_equal(seg_producer_send(c.producer, &record, NULL, NULL), 0);
	long long before = test_now_ms();
	while (atomic_load(&c.answered) < c.wanted && test_now_ms() - before < 10000)
		test_producer_pause(1);
	test_producer_close(c.producer);
	assert_int_equal(atomic_load(&c.answered), c.wanted);
	assert_false(c.failed);
}

/* It would wait for itself, or for ever use what it has freed. */
static void end_the_producer(void *arg, const seg_delivery *delivery)
{
	chain *c = arg;
	c->failed |= delivery->status != SEG_OK;
	c->failed |= seg_producer_flush(c->producer, 10000, NULL) != SEG_EINVAL;
	c->failed |= seg_producer_close(c->producer, 10000, NULL) != SEG_EINVAL;
	atomic_fetch_add(&c->answered, 1);
}

static void the_delivery_callback_may_not_flush_or_close(void **state)
{
	(void)state;
	chain c = {.wanted = 2};
	seg_producer_options options = test_producer_usual();
	options.delivery = end_the_producer;
	options.delivery_arg = &c;
	c.producer = test_producer_open(&options);
	seg_record record = {"k", 1, "d", 1, NULL, 0};
	for (int i = 0; i < c.wanted; i++) {
		assert_int_equal(seg_producer_send(c.producer, &record, NULL, NULL), 0);
		assert_int_equal(seg_producer_flush(c.producer, 10000, NULL), 0);
	}
	test_producer_close(c.producer);
	assert_int_equal(atomic_load(&c.answered), c.wanted);
	assert_false(c.failed);
}

/* --- full partitions ----------------------------------------------------------------------- */

static void a_full_partition_takes_what_fits_and_refuses_the_rest(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int i = 0; i < 25; i++)
		assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	test_producer_close(producer);
	test_producer_told_each_once(25);
	assert_int_equal(test_producer_heard(SEG_OK), 10);
	assert_int_equal(test_producer_heard(SEG_EFULL), 15);
	assert_true(test_producer_failure_says("is full: 10 messages"));
	long ten = 10;
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, 1, &ten, false), 10);
}

/* Acts as a consumer of group g: commits everything, so that it may be trimmed. */
static void *commit_all(void *arg)
{
	atomic_bool *over = arg;
	redisContext *context = redisConnectUnix(rig.server->socket);
	uint32_t p = seg_partition_of("k0", 2, TEST_PRODUCER_PARTITIONS);
	while (!atomic_load(over)) {
		redisReply *reply =
			redisCommand(context, "XREVRANGE __default:s:partition_%u + - COUNT 1", p);
		if (reply && reply->elements == 1)
			freeReplyObject(redisCommand(context, "XGROUP SETID __default:s:partition_%u g %s", p,
						     reply->element[0]->element[0]->str));
		freeReplyObject(reply);
		test_producer_pause(5);
	}
	redisFree(context);
	return NULL;
}

static void waiting_for_room_keeps_order_and_loses_nothing(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.wait_when_full = 1;
	seg_producer *producer = test_producer_open(&options);
	atomic_bool over = false;
	pthread_t consumer;
	assert_int_equal(pthread_create(&consumer, NULL, commit_all, &over), 0);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int i = 0; i < 300; i++)
		assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	seg_error error = {0};
	if (seg_producer_flush(producer, 30000, &error))
		fail_msg("%s", error.text);
	atomic_store(&over, true);
	pthread_join(consumer, NULL);
	/* The callback checks that ids rise in the order of sending. */
	test_producer_told_each_once(300);
	assert_int_equal(test_producer_heard(SEG_OK), 300);
	test_producer_close(producer);
}

static void waiting_for_room_ends_with_the_delivery_timeout(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.wait_when_full = 1;
	options.delivery_timeout_ms = 3000;
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	long long before = test_now_ms();
	for (int i = 0; i < 25; i++)
		assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 20000, NULL), 0);
	assert_in_range(test_now_ms() - before, 2500, 20000);
	test_producer_told_each_once(25);
	assert_int_equal(test_producer_heard(SEG_OK), 10);
	/* Records whose last try was in progress at the timeout have an unknown fate. */
	assert_int_equal(test_producer_heard(SEG_EFULL) + test_producer_heard(SEG_EUNKNOWN), 15);
	test_producer_close(producer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_producer_set_up, test_producer_tear_down)
#define TEST_SMALL(name) \
	cmocka_unit_test_setup_teardown(name, test_producer_set_up_small, test_producer_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_record_is_added_once_and_reported_once_in_order),
		TEST(a_lone_record_goes_out_when_it_has_lingered),
		TEST(flushing_does_not_wait_for_the_linger),
		TEST(closing_sends_what_is_left),
		TEST(headers_and_binary_data_arrive),
		TEST(the_go_codec_writes_its_envelope),
		TEST(options_out_of_range_are_refused),
		TEST(a_record_over_the_limits_is_not_taken),
		TEST(many_threads_may_send_and_each_keys_order_is_kept),
		TEST(without_waiting_a_full_producer_says_so_at_once),
		TEST(a_blocked_send_waits_and_gives_up_in_time),
		TEST(the_delivery_callback_may_send),
		TEST(the_delivery_callback_may_not_flush_or_close),
		TEST_SMALL(a_full_partition_takes_what_fits_and_refuses_the_rest),
		TEST_SMALL(waiting_for_room_keeps_order_and_loses_nothing),
		TEST_SMALL(waiting_for_room_ends_with_the_delivery_timeout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
