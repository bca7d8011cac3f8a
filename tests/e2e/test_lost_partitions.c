/*
 * test_lost_partitions.c - partitions that are lost while something is under way: a batch is held, a worker asks, a
 * release was answered into the void. Nobody may wait for ever, and no partition stay with nobody.
 */
#include <pthread.h>
#include <sched.h>
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

#include "base/clock.h"
#include "group/member.h"
#include "harness/rig.h"

enum { PATIENCE_MS = 10000, LOSSES = 40 };

static atomic_int errors_logged;

#define STATE_KEY "{__default:s:partition_0}:g:state"

static void count_errors(void *arg, const seg_log_event *event)
{
	(void)arg;
	if (event->level == SEG_LOG_ERROR)
		atomic_fetch_add(&errors_logged, 1);
}

static void send_messages(int count)
{
	for (int i = 0; i < count; i++)
		test_rig_send("k", "d");
}

static int set_up(void **state)
{
	seg_client_options options;
	test_rig_set_up(state);
	seg_client_options_init(&options);
	options.log = count_errors;
	rig.client = test_rig_client(&options);
	test_rig_register("s", &(seg_stream_shape){.partitions = 1, .partition_size = 100000});
	send_messages(10);
	return 0;
}

static seg_consumer *open_consumer(uint32_t commit_interval_us)
{
	seg_error error;
	seg_consumer *consumer;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.commit_interval_us = commit_interval_us;
	assert_int_equal(seg_consumer_open(rig.client, "s", &options, &consumer, &error), 0);
	return consumer;
}

static const seg_batch *poll_one(seg_consumer *consumer)
{
	seg_error error;
	const seg_batch *batch = NULL;
	if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
		fail_msg("no batch came within %d ms", PATIENCE_MS);
	return batch;
}

/* As if this process had claimed the partition once more. Another owner's fence would look like that owner's death. */
static void lose_fence(void)
{
	static const char script[] =
		"local process = string.match(redis.call('HGET', KEYS[1], 'nonce'), '^%x+%.')"
		"redis.call('HSET', KEYS[1], 'nonce', process .. 'lost')"
		"return 'OK'";
	redisReply *reply = test_server_command(rig.redis, "EVAL %s 1 " STATE_KEY, script);
	assert_int_equal(reply->type, REDIS_REPLY_STRING);
	freeReplyObject(reply);
}

/* --- the pull consumer ------------------------------------------------------------------- */

/* Of partition 0, in messages. */
static long long position(void)
{
	redisReply *reply = test_server_command(rig.redis, "XINFO GROUPS __default:s:partition_0");
	long long read = -1;
	for (size_t i = 0; reply->elements == 1 && i + 1 < reply->element[0]->elements; i += 2)
		if (strcmp(reply->element[0]->element[i]->str, "entries-read") == 0)
			read = reply->element[0]->element[i + 1]->integer;
	freeReplyObject(reply);
	return read;
}

static void sync_waits_for_the_last_commit_of_what_is_handed_over(void **state)
{
	(void)state;
	seg_error error;
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.max_processing_ms = 1000; /* far longer than until the pause below */
	assert_int_equal(seg_consumer_open(rig.client, "s", &options, &consumer, &error), 0);
	const seg_batch *batch = poll_one(consumer);
	test_rig_tell("CLIENT PAUSE 60000 WRITE");
	/* Until it has been held for too long. */
	int64_t deadline = seg_now() + PATIENCE_MS * SEG_MS;
	while (seg_consumer_commit(consumer, batch, 3, &error) == 0) {
		assert_true(seg_now() < deadline);
		sched_yield();
	}
	assert_int_equal(seg_consumer_sync(consumer, 200, &error), SEG_ETIMEOUT);
	test_rig_tell("CLIENT UNPAUSE");
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, &error), 0);
	assert_int_equal(position(), 3);
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, &error), 0);
}

/* Also run with the address sanitizer: the I/O thread still looks at the buffer when the caller lets go of it. */
static void a_batch_of_a_lost_partition_is_released_without_harm_and_comes_again(void **state)
{
	(void)state;
	seg_error error;
	seg_consumer *consumer = open_consumer(0);
	for (int i = 0; i < LOSSES; i++) {
		const seg_batch *batch = poll_one(consumer);
		uint64_t epoch = batch->epoch;
		/* A loss is no death, after which a message would be read alone. */
		assert_int_equal(batch->count, 10);
		lose_fence();
		assert_int_equal(seg_consumer_commit(consumer, batch, 1, &error), 0);
		long long deadline = test_now_ms() + PATIENCE_MS;
		while (seg_consumer_commit(consumer, batch, 1, &error) != SEG_EFENCED)
			assert_true(test_now_ms() < deadline);
		seg_consumer_release(consumer, batch);
		batch = poll_one(consumer);
		assert_true(batch->epoch > epoch);
		seg_consumer_release(consumer, batch);
	}
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, &error), 0);
}

static void a_partition_whose_fence_was_deleted_comes_back(void **state)
{
	(void)state;
	seg_error error;
	seg_consumer *consumer = open_consumer(2000);
	const seg_batch *batch = poll_one(consumer);
	test_rig_tell("DEL " STATE_KEY);
	assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, &error), 0);
	seg_consumer_release(consumer, batch);
	/* The commit was refused, so its messages come again. */
	batch = poll_one(consumer);
	assert_int_equal(batch->count, 10);
	assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, &error), 0);
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, &error), 0);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, &error), 0);
}

static bool was_refused_often(void *arg)
{
	static const char field[] = "errorstat_WRONGTYPE:count=";
	(void)arg;
	redisReply *reply = test_server_command(rig.redis, "INFO errorstats");
	const char *found = strstr(reply->str, field);
	long long refusals = found ? atoll(found + strlen(field)) : 0;
	freeReplyObject(reply);
	/* Four commits, and a look for removed messages that may have come in between. */
	return refusals >= 5;
}

static void a_commit_that_is_refused_for_good_is_tried_less_and_less_often_and_logged_once(void **state)
{
	(void)state;
	seg_error error;
	seg_consumer *consumer = open_consumer(2000);
	const seg_batch *batch = poll_one(consumer);
	atomic_store(&errors_logged, 0);
	long long before = test_now_ms();
	test_rig_tell("SET " STATE_KEY " nonsense");
	assert_int_equal(seg_consumer_commit(consumer, batch, 1, &error), 0);
	test_wait_until(was_refused_often, NULL, PATIENCE_MS, "the fourth refused commit");
	/* Half of 50 + 100 + 200 ms at least. */
	assert_true(test_now_ms() - before >= 175);
	assert_int_equal(atomic_load(&errors_logged), 1);
	test_rig_tell("DEL " STATE_KEY);
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, &error), 0);
}

static int64_t processor_time(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * SEG_SECOND + t.tv_nsec;
}

static void a_batch_held_costs_no_processor_time_with_commit_interval_0(void **state)
{
	(void)state;
	seg_error error;
	seg_consumer *consumer = open_consumer(0);
	const seg_batch *batch = poll_one(consumer);
	int64_t before = processor_time();
	/* What is measured is a time, not waited for. */
	nanosleep(&(struct timespec){.tv_nsec = 500 * SEG_MS}, NULL);
	assert_true(processor_time() - before < 200 * SEG_MS);
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, &error), 0);
}

static void a_close_ends_the_thread_in_time_while_redis_hangs(void **state)
{
	(void)state;
	seg_error error = {0};
	seg_consumer *consumer = open_consumer(2000);
	seg_consumer_release(consumer, poll_one(consumer));
	kill(rig.server->pid, SIGSTOP);
	long long before = test_now_ms();
	int status = seg_consumer_close(consumer, 300, &error);
	long long taken = test_now_ms() - before;
	kill(rig.server->pid, SIGCONT);
	assert_int_equal(status, SEG_ETIMEOUT);
	assert_null(strstr(error.text, "left behind"));
	assert_true(taken < 1000);
}

/* --- a worker of our own --------------------------------------------------------------------- */

static struct {
	pthread_t thread;
	atomic_int handling; /* buffers taken */
	atomic_bool demanded;
	atomic_int answer; /* to the request; 1: not yet */
} worker;

/* Takes a buffer, is in its "handler" until the partition is lost, and asks then. */
static void *work(void *arg)
{
	seg_handoff *handoff = arg;
	for (seg_fetched *buffer = NULL; !buffer;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		buffer = seg_handoff_take(handoff);
		if (!buffer && seg_handoff_may_dispatch(handoff) >= SEG_DISPATCH_DRAIN)
			goto out;
		if (!buffer)
			seg_handoff_wait(handoff, ticket, SEG_NEVER, SEG_IDLE_PARK);
	}
	atomic_fetch_add(&worker.handling, 1);
	while (!atomic_load(&worker.demanded))
		sched_yield();
	seg_request request = {.kind = SEG_REQUEST_MARK, .id = {1, 1}};
	atomic_store(&worker.answer, seg_handoff_ask(handoff, &request, NULL, SEG_IDLE_PARK));
out:
	seg_handoff_stopped(handoff);
	return NULL;
}

static int start(void *arg, seg_partition *partition)
{
	(void)arg;
	return pthread_create(&worker.thread, NULL, work, &partition->handoff) ? SEG_ESYSTEM : 0;
}

/* All that the I/O thread does when it makes the demand is done. */
static void demand(void *arg, seg_partition *partition, seg_demand what)
{
	(void)arg;
	(void)partition;
	(void)what;
	atomic_store(&worker.demanded, true);
}

static void finish(void *arg, seg_partition *partition)
{
	(void)arg;
	(void)partition;
	pthread_join(worker.thread, NULL);
}

static void fatal(void *arg, const seg_error *error)
{
	(void)arg;
	(void)error;
}

static bool is_handling(void *arg)
{
	(void)arg;
	return atomic_load(&worker.handling) > 0;
}

static bool was_answered(void *arg)
{
	(void)arg;
	return atomic_load(&worker.answer) != 1;
}

static void a_worker_that_asks_after_its_partition_was_lost_is_answered(void **state)
{
	(void)state;
	seg_error error;
	seg_member *member;
	seg_member_options options = {
		.group = "g",
		.name = "m",
		.capacity = 100,
		.limits = {.batch_size = 10, .in_flight_batches = 2, .in_flight_bytes = 1 << 20},
		.session_timeout = 10 * SEG_SECOND,
		.commit_interval = 2 * SEG_MS,
		.hooks = {.start = start, .demand = demand, .finish = finish, .fatal = fatal},
	};
	atomic_store(&worker.answer, 1);
	assert_int_equal(seg_member_open(rig.stream, &options, &member, &error), 0);
	test_wait_until(is_handling, NULL, PATIENCE_MS, "a buffer for the worker");
	seg_member_stop(member, SEG_STOP_NOW);
	test_wait_until(was_answered, NULL, PATIENCE_MS, "an answer to the worker's request");
	assert_int_equal(atomic_load(&worker.answer), SEG_EFENCED);
	assert_int_equal(seg_member_join(member, PATIENCE_MS * SEG_MS), 0);
	seg_member_destroy(member);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)
		TEST(sync_waits_for_the_last_commit_of_what_is_handed_over),
		TEST(a_batch_of_a_lost_partition_is_released_without_harm_and_comes_again),
		TEST(a_partition_whose_fence_was_deleted_comes_back),
		TEST(a_commit_that_is_refused_for_good_is_tried_less_and_less_often_and_logged_once),
		TEST(a_batch_held_costs_no_processor_time_with_commit_interval_0),
		TEST(a_close_ends_the_thread_in_time_while_redis_hangs),
		TEST(a_worker_that_asks_after_its_partition_was_lost_is_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
