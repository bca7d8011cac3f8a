/*
 * test_producer_faults.c - the asynchronous producer while connections break, Redis dies, forgets, is full, or hangs: each
 * record is reported once, and added at most once.
 */
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
#include "harness/storm.h"

static void a_storm_of_killed_connections_adds_nothing_twice_and_keeps_order(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_patient();
	seg_producer *producer = test_producer_open(&options);
	test_storm storm;
	test_storm_start(&storm, rig.server, 40);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	long long until = test_now_ms() + 4000;
	while (test_now_ms() < until)
		for (int k = 0; k < TEST_PRODUCER_KEYS; k++)
			assert_int_equal(test_producer_send_next(producer, k, counts, &sent), 0);
	int strikes = test_storm_end(&storm);
	test_producer_close(producer);
	print_message("%ld records, %d strikes\n", sent, strikes);
	assert_true(strikes > 0);
	test_producer_told_each_once(sent);
	test_producer_added_all(sent);
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS, counts,
					false),
			 sent);
}

typedef struct {
	seg_producer *producer;
	long counts[TEST_PRODUCER_KEYS];
	long sent;
	atomic_bool over;
	int status;
} steady_sender;

static void *send_steadily(void *arg)
{
	steady_sender *s = arg;
	while (!atomic_load(&s->over) && s->status == 0)
		for (int k = 0; k < TEST_PRODUCER_KEYS && s->status == 0; k++)
			s->status = test_producer_send_next(s->producer, k, s->counts, &s->sent);
	return NULL;
}

static void a_redis_killed_and_restarted_adds_nothing_twice_and_loses_nothing(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_patient();
	steady_sender sender = {.producer = test_producer_open(&options)};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, send_steadily, &sender), 0);
	for (int i = 0; i < 10; i++) {
		test_producer_pause(200);
		test_server_kill(rig.server);
		test_server_restart(rig.server);
	}
	atomic_store(&sender.over, true);
	pthread_join(thread, NULL);
	assert_int_equal(sender.status, 0);
	test_producer_close(sender.producer);
	print_message("%ld records over 10 restarts\n", sender.sent);
	test_producer_told_each_once(sender.sent);
	test_producer_added_all(sender.sent);
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS,
					sender.counts, false),
			 sender.sent);
}

static void scripts_that_redis_forgot_are_handed_over_again(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	seg_producer *producer = test_producer_open(&options);
	redisContext *context = test_server_connect(rig.server);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int i = 0; i < 50; i++) {
		freeReplyObject(test_server_command(context, "SCRIPT FLUSH"));
		for (int k = 0; k < TEST_PRODUCER_KEYS; k++)
			assert_int_equal(test_producer_send_next(producer, k, counts, &sent), 0);
		assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	}
	redisFree(context);
	test_producer_close(producer);
	test_producer_added_all(sent);
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS, counts,
					false),
			 sent);
}

typedef struct {
	seg_producer *producer;
	redisContext *redis;
	long counts[TEST_PRODUCER_KEYS], sent;
} sending;

static bool sends_and_is_registered(void *arg)
{
	sending *s = arg;
	assert_int_equal(test_producer_send_next(s->producer, 0, s->counts, &s->sent), 0);
	redisReply *reply = test_server_command(s->redis, "HGET {__default:s}:info partitions");
	bool registered = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "8") == 0;
	freeReplyObject(reply);
	return registered;
}

static bool sends_and_is_refused(void *arg)
{
	sending *s = arg;
	assert_int_equal(test_producer_send_next(s->producer, 0, s->counts, &s->sent), 0);
	return test_producer_heard(SEG_ESHAPE) > 0;
}

static bool sends_and_is_taken_again(void *arg)
{
	sending *s = arg;
	long before = test_producer_heard(SEG_OK);
	assert_int_equal(test_producer_send_next(s->producer, 0, s->counts, &s->sent), 0);
	assert_int_equal(seg_producer_flush(s->producer, 10000, NULL), 0);
	return test_producer_heard(SEG_OK) > before;
}

static void a_registration_that_redis_lost_is_made_again_and_another_shape_stops_the_producer(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	sending s = {test_producer_open(&options), test_server_connect(rig.server), {0}, 0};
	freeReplyObject(test_server_command(s.redis, "FLUSHALL"));
	test_wait_until(sends_and_is_registered, &s, 20000, "the stream is registered again");
	assert_int_equal(seg_producer_flush(s.producer, 10000, NULL), 0);
	test_producer_added_all(s.sent);
	freeReplyObject(test_server_command(s.redis, "HSET {__default:s}:info partitions 4"));
	test_wait_until(sends_and_is_refused, &s, 20000, "records are refused");
	assert_true(test_producer_failure_says("exists with 4 partitions"));
	redisReply *reply = test_server_command(s.redis, "HGET {__default:s}:info partitions");
	assert_string_equal(reply->str, "4");
	freeReplyObject(reply);
	freeReplyObject(test_server_command(s.redis, "DEL {__default:s}:info"));
	test_wait_until(sends_and_is_taken_again, &s, 20000, "records are taken again");
	redisFree(s.redis);
	test_producer_close(s.producer);
}

static void records_that_were_never_sent_are_unreachable(void **state)
{
	(void)state;
	test_server_kill(rig.server);
	seg_producer_options options = test_producer_usual();
	options.delivery_timeout_ms = 500;
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int i = 0; i < 100; i++)
		assert_int_equal(test_producer_send_next(producer, i % TEST_PRODUCER_KEYS, counts, &sent), 0);
	long long before = test_now_ms();
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	assert_in_range(test_now_ms() - before, 400, 2000);
	test_producer_close(producer);
	test_producer_told_each_once(sent);
	assert_int_equal(test_producer_heard(SEG_EUNREACHABLE), sent);
	assert_true(test_producer_failure_says(rig.server->socket));
	test_server_restart(rig.server);
}

static void records_that_were_sent_and_not_answered_have_an_unknown_fate(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.delivery_timeout_ms = 2000;
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	/* One answered record shows that the connection stands. */
	assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	kill(rig.server->pid, SIGSTOP);
	for (int i = 0; i < 10; i++)
		assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	int status = seg_producer_flush(producer, 10000, NULL);
	kill(rig.server->pid, SIGCONT);
	assert_int_equal(status, 0);
	assert_int_equal(test_producer_heard(SEG_EUNKNOWN), 10);
	assert_true(test_producer_failure_says("may have been added"));
	/* Later records are added after the ten, or without them. */
	for (int i = 0; i < 10; i++)
		assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	test_producer_close(producer);
	test_producer_told_each_once(sent);
	assert_int_equal(test_producer_heard(SEG_OK), 11);
	test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, 1, counts, true);
}

static void a_redis_out_of_memory_is_waited_for(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	seg_producer *producer = test_producer_open(&options);
	redisContext *context = test_server_connect(rig.server);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	freeReplyObject(test_server_command(context, "CONFIG SET maxmemory 1"));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(test_producer_send_next(producer, i % TEST_PRODUCER_KEYS, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 300, NULL), SEG_ETIMEOUT);
	assert_int_equal(test_producer_heard_all(), 0);
	freeReplyObject(test_server_command(context, "CONFIG SET maxmemory 0"));
	redisFree(context);
	test_producer_close(producer);
	test_producer_added_all(sent);
	assert_int_equal(test_log_check(rig.server, "s", TEST_PRODUCER_PARTITIONS, TEST_PRODUCER_KEYS, counts,
					false),
			 sent);
}

static void a_partition_that_fails_does_not_stop_the_others(void **state)
{
	(void)state;
	redisContext *context = test_server_connect(rig.server);
	freeReplyObject(test_server_command(context, "SET __default:s:partition_3 x"));
	seg_producer_options options = test_producer_usual();
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	for (int i = 0; i < 4000; i++)
		assert_int_equal(test_producer_send_next(producer, i % TEST_PRODUCER_KEYS, counts, &sent), 0);
	test_producer_close(producer);
	test_producer_told_each_once(sent);
	assert_true(test_producer_heard(SEG_ESERVER) > 0);
	assert_true(test_producer_heard(SEG_OK) > 0);
	assert_int_equal(test_producer_heard(SEG_OK) + test_producer_heard(SEG_ESERVER), sent);
	assert_true(test_producer_failure_says("WRONGTYPE"));
	freeReplyObject(test_server_command(context, "DEL __default:s:partition_3"));
	redisFree(context);
	assert_int_equal(test_log_count(rig.server, "s", TEST_PRODUCER_PARTITIONS),
			 test_producer_heard(SEG_OK));
}

static void closing_never_hangs_and_tells_of_what_was_left(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	kill(rig.server->pid, SIGSTOP);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(test_producer_send_next(producer, i % TEST_PRODUCER_KEYS, counts, &sent), 0);
	seg_error error = {0};
	long long before = test_now_ms();
	int status = seg_producer_close(producer, 200, &error);
	long long took = test_now_ms() - before;
	kill(rig.server->pid, SIGCONT);
	assert_int_equal(status, SEG_ETIMEOUT);
	assert_in_range(took, 190, 1500);
	test_producer_told_each_once(sent);
	assert_true(test_producer_heard(SEG_EUNKNOWN) > 0);
	assert_int_equal(test_producer_heard(SEG_OK) + test_producer_heard(SEG_EUNKNOWN) +
				 test_producer_heard(SEG_ECLOSED),
			 sent);
}

static void *send_until_closed(void *arg)
{
	steady_sender *s = arg;
	while (s->status == 0)
		s->status = test_producer_send_next(s->producer, 0, s->counts, &s->sent);
	return NULL;
}

static void closing_ends_sends_that_wait_for_room(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.in_flight_bytes = 64 << 10;
	options.when_blocked_ms = 60000;
	kill(rig.server->pid, SIGSTOP);
	steady_sender sender = {.producer = test_producer_open(&options)};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, send_until_closed, &sender), 0);
	/* 64 KiB take a moment to fill. If the send does not wait by then, the test holds as well. */
	test_producer_pause(200);
	long long before = test_now_ms();
	int status = seg_producer_close(sender.producer, 100, NULL);
	long long took = test_now_ms() - before;
	kill(rig.server->pid, SIGCONT);
	pthread_join(thread, NULL);
	assert_int_equal(sender.status, SEG_ECLOSED);
	assert_int_equal(status, SEG_ETIMEOUT);
	assert_true(took < 2000);
}

/* --- without memory --------------------------------------------------------------------------- */

/* No larger block is there, but for threads that are spared; 0: each is. */
static atomic_size_t largest_block;
static _Thread_local bool spared;

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_realloc(void *block, size_t size)
{
	size_t largest = atomic_load(&largest_block);
	return largest && size > largest && !spared ? NULL : __real_realloc(block, size);
}

enum { SMALL_BLOCK = 1024, MANY = 200 };

static void a_producer_that_lacks_memory_says_so_and_does_not_blame_redis(void **state)
{
	(void)state;
	seg_producer_options options = test_producer_usual();
	options.delivery_timeout_ms = 1000;
	options.linger_us = 100000;
	seg_producer *producer = test_producer_open(&options);
	long counts[TEST_PRODUCER_KEYS] = {0}, sent = 0;
	assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	spared = true; /* the record itself finds room */
	atomic_store(&largest_block, SMALL_BLOCK);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	int status = seg_producer_flush(producer, 10000, NULL);
	atomic_store(&largest_block, 0);
	spared = false;
	assert_int_equal(status, 0);
	assert_int_equal(test_producer_heard(SEG_ENOMEM), MANY);
	assert_true(test_producer_failure_says("out of memory for sending 200 records"));
	assert_int_equal(test_producer_send_next(producer, 0, counts, &sent), 0);
	assert_int_equal(seg_producer_flush(producer, 10000, NULL), 0);
	assert_int_equal(test_producer_heard(SEG_OK), 2);
	test_producer_close(producer);
}

/* The connection comes back meanwhile, for which the memory suffices. */
static void so_does_a_send(void **state)
{
	(void)state;
	enum { HEADERS = 20, CONNECTION_BLOCK = 32 << 10 };
	seg_header headers[HEADERS];
	seg_record records[MANY];
	seg_send_result results[MANY];
	seg_error error = {0};
	for (size_t i = 0; i < HEADERS; i++)
		headers[i] = (seg_header){.name = "h", .name_length = 1};
	for (size_t i = 0; i < MANY; i++)
		records[i] = (seg_record){.key = "k",
					  .key_length = 1,
					  .headers = headers,
					  .header_count = HEADERS};
	atomic_store(&largest_block, CONNECTION_BLOCK);
	int status = seg_stream_send_batch(rig.stream, records, MANY, results, &error);
	atomic_store(&largest_block, 0);
	assert_int_equal(status, SEG_ENOMEM);
	assert_non_null(strstr(error.text, "out of memory for a command"));
	assert_int_equal(seg_stream_send_batch(rig.stream, records, MANY, results, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_producer_set_up, test_producer_tear_down)
#define TEST_DURABLE(name) \
	cmocka_unit_test_setup_teardown(name, test_producer_set_up_durable, test_producer_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_storm_of_killed_connections_adds_nothing_twice_and_keeps_order),
		TEST_DURABLE(a_redis_killed_and_restarted_adds_nothing_twice_and_loses_nothing),
		TEST(scripts_that_redis_forgot_are_handed_over_again),
		TEST(a_registration_that_redis_lost_is_made_again_and_another_shape_stops_the_producer),
		TEST(records_that_were_never_sent_are_unreachable),
		TEST(records_that_were_sent_and_not_answered_have_an_unknown_fate),
		TEST(a_redis_out_of_memory_is_waited_for),
		TEST(a_partition_that_fails_does_not_stop_the_others),
		TEST(closing_never_hangs_and_tells_of_what_was_left),
		TEST(closing_ends_sends_that_wait_for_room),
		TEST(a_producer_that_lacks_memory_says_so_and_does_not_blame_redis),
		TEST(so_does_a_send),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
