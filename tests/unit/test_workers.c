/*
 * test_workers.c - when a partition gets its thread: with its first message if the plugin allows that, else as soon as it is
 * owned. The test plays the member, and calls its hooks.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "group/shortage.h"
#include "harness/server.h"
#include "partition/parser.h"
#include "work/workers.h"

enum { PATIENCE_MS = 10000 };

static seg_member member;
static seg_partition partition;
static seg_fetched *fetched;
static seg_workers workers;
static seg_member_hooks hooks;
static seg_section_counters counters;
static seg_hindered hindered;
static seg_config_cpus cpus;
static atomic_uint next_cpu;
static seg_waker waker;
static atomic_llong lease;
static atomic_int opened, handled, closed;
static int threads; /* that were started */
static bool no_threads;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	if (no_threads)
		return EAGAIN;
	threads++;
	return __real_pthread_create(thread, attr, run, arg);
}

/* --- the plugins ------------------------------------------------------------------------------- */

static int plugin_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error, size_t size)
{
	(void)plugin, (void)number, (void)epoch, (void)state, (void)error, (void)size;
	atomic_fetch_add(&opened, 1);
	return 0;
}

static seg_answer plugin_handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state;
	atomic_fetch_add(&handled, (int)batch->count);
	return seg_done();
}

static void plugin_tick(void *plugin, void *state)
{
	(void)plugin, (void)state;
}

static void plugin_close(void *plugin, void *state, seg_close_reason reason)
{
	(void)plugin, (void)state, (void)reason;
	atomic_fetch_add(&closed, 1);
}

#define PLUGIN .abi = SEG_HANDLER_ABI, .size = sizeof(seg_handler), .name = "test", .handle = plugin_handle

static const seg_handler plain = {PLUGIN}, opening = {PLUGIN, .partition_open = plugin_open},
			 closing = {PLUGIN, .partition_close = plugin_close},
			 late = {PLUGIN, .partition_open = plugin_open, .partition_close = plugin_close,
				 .flags = SEG_HANDLER_LATE},
			 ticking = {PLUGIN, .tick = plugin_tick, .flags = SEG_HANDLER_LATE};

/* --- the member --------------------------------------------------------------------------------- */

static void own(const seg_handler *handler)
{
	workers.setup.handler = handler;
	partition = (seg_partition){.member = &member, .own = {.state = SEG_OWN_ACTIVE, .worker = true}};
	seg_handoff_init(&partition.handoff, &waker, &lease, NULL);
	assert_int_equal(hooks.start(hooks.arg, &partition), 0);
	partition.agent.running = true;
}

static int64_t check(void)
{
	return hooks.check(hooks.arg, &partition, seg_now());
}

static void push_message(void)
{
	seg_parser parser = {0};
	seg_parser_limits limits = {.entries = 1, .bytes = SIZE_MAX};
	fetched = seg_fetched_create(1, NULL);
	seg_parser_begin(&parser, fetched, (seg_id){0, 0}, &limits);
	assert_true(seg_parser_entry(&parser, "1-0", 3, 4));
	assert_true(seg_parser_text(&parser, "partitionKey", 12));
	assert_true(seg_parser_text(&parser, "k", 1));
	assert_true(seg_parser_text(&parser, "data", 4));
	assert_true(seg_parser_text(&parser, "d", 1));
	seg_parser_finish(&parser);
	assert_true(seg_handoff_push(&partition.handoff, fetched));
}

static void demand(seg_demand what)
{
	seg_handoff_demand(&partition.handoff, what);
	hooks.demand(hooks.arg, &partition, what);
}

static bool is_one(void *arg)
{
	return atomic_load((atomic_int *)arg) >= 1;
}

static bool has_stopped(void *arg)
{
	(void)arg;
	return atomic_load(&partition.handoff.worker.stopped);
}

static void finish(void)
{
	test_wait_until(has_stopped, NULL, PATIENCE_MS, "the worker to stop");
	hooks.finish(hooks.arg, &partition);
	partition.agent.running = false;
}

static int set_up(void **state)
{
	(void)state;
	memset(&member, 0, sizeof(member));
	memset(&counters, 0, sizeof(counters));
	seg_shortage_init(&member);
	seg_hindered_init(&hindered);
	atomic_store(&lease, SEG_NEVER);
	atomic_store(&opened, 0);
	atomic_store(&handled, 0);
	atomic_store(&closed, 0);
	threads = 0;
	no_threads = false;
	fetched = NULL;
	workers = (seg_workers){.setup = {.retry = {.max_attempts = 10},
					  .tick = SEG_SECOND,
					  .isolate = 100,
					  .parallel = 1,
					  .counters = &counters,
					  .hindered = &hindered},
				.cpus = &cpus,
				.next_cpu = &next_cpu};
	hooks = seg_workers_hooks(&workers);
	return seg_workers_init(&workers, 1) || seg_waker_init(&waker);
}

static int tear_down(void **state)
{
	(void)state;
	if (partition.agent.running) {
		demand(SEG_DEMAND_ABANDON);
		finish();
	}
	if (fetched)
		seg_fetched_release(fetched);
	seg_waker_fini(&waker);
	seg_workers_fini(&workers);
	seg_hindered_fini(&hindered);
	seg_shortage_fini(&member);
	return 0;
}

/* --- an idle partition ----------------------------------------------------------------------------- */

static void a_partition_without_messages_has_no_thread(void **state)
{
	(void)state;
	own(&plain);
	check();
	assert_int_equal(threads, 0);
	assert_int_equal(atomic_load(&counters.owned), 1);
	assert_true(partition.shortage.served);
}

static void the_first_message_starts_the_thread_which_handles_it(void **state)
{
	(void)state;
	own(&plain);
	push_message();
	check();
	test_wait_until(is_one, &handled, PATIENCE_MS, "the message");
	check();
	assert_int_equal(threads, 1);
}

static void a_plugin_that_opens_partitions_is_told_of_them_at_once(void **state)
{
	(void)state;
	own(&opening);
	test_wait_until(is_one, &opened, PATIENCE_MS, "partition_open");
	assert_int_equal(threads, 1);
}

static void a_plugin_that_closes_partitions_closes_also_one_without_messages(void **state)
{
	(void)state;
	own(&closing);
	demand(SEG_DEMAND_DRAIN);
	finish();
	assert_int_equal(atomic_load(&closed), 1);
}

static void a_plugin_that_may_be_late_opens_a_partition_with_its_first_message(void **state)
{
	(void)state;
	own(&late);
	check();
	assert_int_equal(threads, 0);
	push_message();
	check();
	test_wait_until(is_one, &handled, PATIENCE_MS, "the message");
	assert_int_equal(atomic_load(&opened), 1);
	demand(SEG_DEMAND_DRAIN);
	finish();
	assert_int_equal(atomic_load(&closed), 1);
}

static void a_plugin_with_ticks_has_its_thread_at_once(void **state)
{
	(void)state;
	own(&ticking);
	assert_int_equal(threads, 1);
}

/* --- its end ---------------------------------------------------------------------------------------- */

static void a_partition_without_a_thread_stops_at_once(void **state)
{
	(void)state;
	own(&late);
	demand(SEG_DEMAND_DRAIN);
	assert_true(has_stopped(NULL));
	finish();
	assert_int_equal(threads, 0);
	assert_int_equal(atomic_load(&opened) + atomic_load(&closed), 0);
	assert_int_equal(atomic_load(&counters.owned), 0);
}

static void no_thread_starts_for_messages_of_a_partition_that_must_stop(void **state)
{
	(void)state;
	own(&plain);
	push_message();
	demand(SEG_DEMAND_DRAIN);
	check();
	demand(SEG_DEMAND_ABANDON);
	check();
	assert_int_equal(threads, 0);
	finish();
}

static void a_partition_that_comes_back_waits_for_a_message_again(void **state)
{
	(void)state;
	own(&plain);
	push_message();
	check();
	test_wait_until(is_one, &handled, PATIENCE_MS, "the message");
	demand(SEG_DEMAND_DRAIN);
	finish();
	own(&plain);
	check();
	assert_int_equal(threads, 1);
}

/* --- without threads ----------------------------------------------------------------------------------- */

static void a_message_for_which_there_is_no_thread_waits_for_the_next_try(void **state)
{
	(void)state;
	own(&plain);
	no_threads = true;
	push_message();
	int64_t next = check();
	assert_true(next > seg_now() && next < seg_now() + SEG_SECOND);
	assert_false(partition.shortage.served);
	assert_true(partition.shortage.failing);
	no_threads = false;
	workers.list[0].start_at = 0;
	check();
	test_wait_until(is_one, &handled, PATIENCE_MS, "the message");
}

static void a_partition_for_which_there_is_no_thread_for_long_is_given_back(void **state)
{
	(void)state;
	own(&plain);
	no_threads = true;
	push_message();
	check();
	assert_int_equal(partition.own.state, SEG_OWN_ACTIVE);
	workers.list[0].start_at = 0;
	workers.list[0].failing_since -= 10 * SEG_SECOND;
	check();
	assert_int_equal(partition.own.state, SEG_OWN_DRAINING);
	demand(SEG_DEMAND_DRAIN);
	finish();
	assert_int_equal(atomic_load(&handled), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_partition_without_messages_has_no_thread),
		TEST(the_first_message_starts_the_thread_which_handles_it),
		TEST(a_plugin_that_opens_partitions_is_told_of_them_at_once),
		TEST(a_plugin_that_closes_partitions_closes_also_one_without_messages),
		TEST(a_plugin_that_may_be_late_opens_a_partition_with_its_first_message),
		TEST(a_plugin_with_ticks_has_its_thread_at_once),
		TEST(a_partition_without_a_thread_stops_at_once),
		TEST(no_thread_starts_for_messages_of_a_partition_that_must_stop),
		TEST(a_partition_that_comes_back_waits_for_a_message_again),
		TEST(a_message_for_which_there_is_no_thread_waits_for_the_next_try),
		TEST(a_partition_for_which_there_is_no_thread_for_long_is_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
