/*
 * test_worker.c - when a worker may call its plugin: not without a lease, not once the partition is lost, and
 * with at most one message at a time that may kill the process. The test plays the I/O thread.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness/server.h"
#include "partition/parser.h"
#include "work/worker.h"

enum { PATIENCE_MS = 10000, LONG_MS = 50, WORKERS = 2, NOT_CLOSED = -1 };

/* One owned partition, as the plugin and the I/O thread see it. */
typedef struct {
	seg_partition partition;
	seg_worker worker;
	seg_fetched *fetched;
	bool started;
	atomic_int opened, handled, ticks;
	atomic_int closed;         /* a seg_close_reason, or NOT_CLOSED */
	atomic_bool blocked;       /* handle does not return while this is set */
	atomic_bool tick_expires;  /* each tick ends the lease */
	atomic_int handle_demands; /* the seg_demand that is made while handle runs */
} owned;

static owned list[WORKERS];
static owned *const first = &list[0], *const second = &list[1];
static atomic_llong lease;
static atomic_int without_lease; /* the plugin's calls */
static seg_waker waker;
static seg_section_counters counters;
static seg_hindered hindered;
static seg_task_setup setup;

static void note_call(void)
{
	if (seg_now() >= atomic_load(&lease))
		atomic_fetch_add(&without_lease, 1);
}

static int plugin_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error, size_t size)
{
	(void)plugin, (void)epoch, (void)error, (void)size;
	note_call();
	*state = &list[number];
	atomic_fetch_add(&list[number].opened, 1);
	return 0;
}

static seg_answer plugin_handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin;
	owned *o = state;
	note_call();
	atomic_fetch_add(&o->handled, (int)batch->count);
	if (atomic_load(&o->handle_demands) != SEG_DEMAND_RUN)
		seg_handoff_demand(&o->partition.handoff, (seg_demand)atomic_load(&o->handle_demands));
	while (atomic_load(&o->blocked))
		sched_yield();
	return seg_done();
}

static void plugin_tick(void *plugin, void *state)
{
	(void)plugin;
	owned *o = state;
	note_call();
	if (atomic_load(&o->tick_expires))
		atomic_store(&lease, 0);
	atomic_fetch_add(&o->ticks, 1);
}

static void plugin_close(void *plugin, void *state, seg_close_reason reason)
{
	(void)plugin;
	if (reason == SEG_CLOSE_RELEASED)
		note_call();
	atomic_store(&((owned *)state)->closed, (int)reason);
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "test",
	.partition_open = plugin_open,
	.handle = plugin_handle,
	.tick = plugin_tick,
	.partition_close = plugin_close,
};

static void stop(void *arg, const seg_logger *logger, const seg_id *at, const char *reason)
{
	(void)arg, (void)logger, (void)at, (void)reason;
}

static int set_up(void **state)
{
	(void)state;
	memset(list, 0, sizeof(list));
	memset(&counters, 0, sizeof(counters));
	atomic_store(&lease, SEG_NEVER);
	atomic_store(&without_lease, 0);
	setup = (seg_task_setup){
		.handler = &handler,
		.retry = {.max_attempts = 10},
		.tick = SEG_MS,
		.isolate = 100,
		.stop = stop,
		.counters = &counters,
		.hindered = &hindered,
	};
	seg_hindered_init(&hindered);
	return seg_waker_init(&waker);
}

static void demand(owned *o, seg_demand what)
{
	seg_handoff_demand(&o->partition.handoff, what);
}

/* Answers the worker's requests meanwhile. */
static void abandon(owned *o)
{
	seg_handoff *handoff = &o->partition.handoff;
	seg_request request;
	demand(o, SEG_DEMAND_ABANDON);
	while (!atomic_load(&handoff->worker.stopped)) {
		if (seg_handoff_pending(handoff, &request))
			seg_handoff_answer(handoff, SEG_EFENCED, 0);
		sched_yield();
	}
	seg_worker_join(&o->worker);
	seg_task_fini(&o->worker.task);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < WORKERS; i++)
		atomic_store(&list[i].blocked, false);
	for (int i = 0; i < WORKERS; i++) {
		if (list[i].started)
			abandon(&list[i]);
		if (list[i].fetched)
			seg_fetched_release(list[i].fetched);
	}
	seg_hindered_fini(&hindered);
	seg_waker_fini(&waker);
	return 0;
}

/* The partition's owners died `crashes` times: after two deaths each message is handed over alone. */
static void start(owned *o, uint32_t crashes)
{
	o->partition.number = (uint32_t)(o - list);
	o->partition.resume.crashes = crashes;
	o->closed = NOT_CLOSED;
	seg_handoff_init(&o->partition.handoff, &waker, &lease, NULL);
	assert_int_equal(seg_worker_start(&o->worker, &setup, &o->partition, -1), 0);
	o->started = true;
}

/* 1-0, 2-0 and so on. */
static void push_messages(owned *o, unsigned count)
{
	seg_parser parser = {0};
	o->fetched = seg_fetched_create(count, NULL);
	seg_parser_limits limits = {.entries = count, .bytes = SIZE_MAX};
	seg_parser_begin(&parser, o->fetched, (seg_id){0, 0}, &limits);
	for (unsigned i = 0; i < count; i++) {
		char id[24];
		int length = snprintf(id, sizeof(id), "%u-0", i + 1);
		assert_true(seg_parser_entry(&parser, id, (size_t)length, 4));
		assert_true(seg_parser_text(&parser, "partitionKey", 12));
		assert_true(seg_parser_text(&parser, "k", 1));
		assert_true(seg_parser_text(&parser, "data", 4));
		assert_true(seg_parser_text(&parser, "d", 1));
	}
	seg_parser_finish(&parser);
	assert_true(seg_handoff_push(&o->partition.handoff, o->fetched));
}

static void push_message(owned *o)
{
	push_messages(o, 1);
}

static void renew_lease(owned *o)
{
	atomic_store(&lease, SEG_NEVER);
	seg_handoff_wake(&o->partition.handoff);
}

/* --- waiting ------------------------------------------------------------------------------- */

static bool is_three(void *arg)
{
	return atomic_load((atomic_int *)arg) >= 3;
}

static bool is_one(void *arg)
{
	return atomic_load((atomic_int *)arg) >= 1;
}

static bool is_closed(void *arg)
{
	return atomic_load(&((owned *)arg)->closed) != NOT_CLOSED;
}

static bool asks(void *arg)
{
	seg_request request;
	return seg_handoff_pending(&((owned *)arg)->partition.handoff, &request);
}

static void wait_for(bool (*condition)(void *), void *arg, const char *what)
{
	test_wait_until(condition, arg, PATIENCE_MS, what);
}

/* Waits long enough for many ticks, so that anything forbidden would happen meanwhile. */
static void let_time_pass(void)
{
	nanosleep(&(struct timespec){.tv_nsec = LONG_MS * SEG_MS}, NULL);
}

/* --- without a lease -------------------------------------------------------------------------- */

static void a_tick_waits_for_the_lease(void **state)
{
	(void)state;
	first->tick_expires = true;
	start(first, 0);
	wait_for(is_one, &first->ticks, "the first tick");
	let_time_pass();
	assert_int_equal(first->ticks, 1);
	first->tick_expires = false;
	renew_lease(first);
	wait_for(is_three, &first->ticks, "ticks after the renewal");
	assert_int_equal(without_lease, 0);
}

static void a_message_waits_for_the_lease(void **state)
{
	(void)state;
	first->tick_expires = true;
	start(first, 0);
	wait_for(is_one, &first->ticks, "the tick that ends the lease");
	push_message(first);
	let_time_pass();
	assert_int_equal(first->handled, 0);
	renew_lease(first);
	wait_for(is_one, &first->handled, "the message");
	assert_int_equal(without_lease, 0);
}

static void a_message_that_was_marked_waits_for_a_lease_that_ended_meanwhile(void **state)
{
	(void)state;
	setup.tick = SEG_SECOND * 3600;
	start(first, 2);
	push_message(first);
	wait_for(asks, first, "the request for a mark");
	atomic_store(&lease, 0);
	seg_handoff_answer(&first->partition.handoff, 0, 0);
	let_time_pass();
	assert_false(asks(first));
	assert_int_equal(first->handled, 0);
	renew_lease(first);
	wait_for(asks, first, "the note that the handler begins");
	assert_int_equal(first->partition.handoff.worker.request.kind, SEG_REQUEST_BEGIN);
	assert_int_equal(first->handled, 0);
	seg_handoff_answer(&first->partition.handoff, 0, 0);
	wait_for(is_one, &first->handled, "the message");
	assert_int_equal(without_lease, 0);
}

static void a_drained_partition_is_closed_as_released_only_under_a_lease(void **state)
{
	(void)state;
	start(first, 0);
	wait_for(is_one, &first->ticks, "the first tick");
	atomic_store(&lease, 0);
	demand(first, SEG_DEMAND_DRAIN);
	let_time_pass();
	assert_int_equal(first->closed, NOT_CLOSED);
	renew_lease(first);
	wait_for(is_closed, first, "the partition to be closed");
	assert_int_equal(first->closed, SEG_CLOSE_RELEASED);
}

static void a_drained_partition_whose_lease_does_not_come_back_is_closed_as_lost(void **state)
{
	(void)state;
	start(first, 0);
	wait_for(is_one, &first->ticks, "the first tick");
	atomic_store(&lease, 0);
	demand(first, SEG_DEMAND_DRAIN);
	demand(first, SEG_DEMAND_ABANDON);
	wait_for(is_closed, first, "the partition to be closed");
	assert_int_equal(first->closed, SEG_CLOSE_LOST);
}

static void a_partition_is_not_opened_without_a_lease(void **state)
{
	(void)state;
	atomic_store(&lease, 0);
	start(first, 0);
	let_time_pass();
	assert_int_equal(first->opened, 0);
	renew_lease(first);
	wait_for(is_one, &first->opened, "the partition to be opened");
	assert_int_equal(without_lease, 0);
}

static void a_partition_that_was_lost_during_a_batch_gets_no_tick_before_it_is_closed(void **state)
{
	(void)state;
	setup.tick = 0;
	first->handle_demands = SEG_DEMAND_ABANDON;
	first->blocked = true;
	start(first, 0);
	push_message(first);
	wait_for(is_one, &first->handled, "the message");
	int before = atomic_load(&first->ticks);
	first->blocked = false;
	wait_for(is_closed, first, "the partition to be closed");
	assert_int_equal(first->ticks, before);
	assert_int_equal(first->closed, SEG_CLOSE_LOST);
}

/* --- messages that may kill the process --------------------------------------------------------- */

static void answer_mark(owned *o)
{
	wait_for(asks, o, "the request for a mark");
	assert_int_equal(o->partition.handoff.worker.request.kind, SEG_REQUEST_MARK);
	seg_handoff_answer(&o->partition.handoff, 0, 0);
	wait_for(asks, o, "the note that the handler begins");
	assert_int_equal(o->partition.handoff.worker.request.kind, SEG_REQUEST_BEGIN);
	seg_handoff_answer(&o->partition.handoff, 0, 0);
}

/* Before that, no other worker has its turn. */
static void answer_end(owned *o)
{
	wait_for(asks, o, "the note that the handler has returned");
	assert_int_equal(o->partition.handoff.worker.request.kind, SEG_REQUEST_END);
	let_time_pass();
	assert_false(asks(second));
	seg_handoff_answer(&o->partition.handoff, 0, 0);
}

static void mark(owned *o)
{
	push_message(o);
	answer_mark(o);
}

/* The first worker is handling a suspect message; the second one has a suspect message, too. */
static void both_have_a_suspect_message(void)
{
	first->blocked = true;
	start(first, 2);
	start(second, 2);
	mark(first);
	wait_for(is_one, &first->handled, "the first worker's message");
	push_message(second);
	let_time_pass();
	assert_false(asks(second));
}

static void a_suspect_message_is_marked_and_handled_only_after_the_one_before_it(void **state)
{
	(void)state;
	both_have_a_suspect_message();
	assert_int_equal(second->handled, 0);
	first->blocked = false;
	answer_end(first);
	answer_mark(second);
	wait_for(is_one, &second->handled, "the second worker's message");
}

static void a_worker_that_waits_for_its_turn_stops_when_it_is_told_to(void **state)
{
	(void)state;
	both_have_a_suspect_message();
	demand(second, SEG_DEMAND_DRAIN);
	wait_for(is_closed, second, "the second partition to be closed");
	assert_int_equal(second->handled, 0);
	assert_int_equal(first->closed, NOT_CLOSED);
}

static void a_message_that_has_killed_too_often_is_dead_lettered_and_the_turn_passes_on(void **state)
{
	(void)state;
	setup.retry.max_attempts = 2; /* the one death before the isolation and one alone */
	first->blocked = true;
	start(first, 1);
	second->partition.resume.suspect = (seg_id){1, 0};
	second->partition.resume.attempts = 2;
	start(second, 1);
	mark(first);
	wait_for(is_one, &first->handled, "the first worker's message");
	push_message(second);
	let_time_pass();
	assert_false(asks(second));
	first->blocked = false;
	answer_end(first);
	wait_for(asks, second, "the request for a dead letter");
	assert_int_equal(second->partition.handoff.worker.request.kind, SEG_REQUEST_DEAD_LETTER);
	assert_int_equal(second->partition.handoff.worker.request.attempts, 2);
	seg_handoff_answer(&second->partition.handoff, 0, 0);
	demand(second, SEG_DEMAND_DRAIN);
	wait_for(is_closed, second, "the second partition to be closed");
	assert_int_equal(second->handled, 0);
	assert_int_equal(atomic_load(&second->partition.handoff.worker.handled), 1);
}

/* --- after an owner with lanes ------------------------------------------------------------------- */

static bool are_four_counted(void *arg)
{
	return atomic_load(&((owned *)arg)->partition.handoff.worker.handled) == 4;
}

static void what_an_owner_with_lanes_has_done_beyond_the_position_is_passed_over(void **state)
{
	(void)state;
	seg_beyond *beyond = &first->partition.resume.beyond;
	assert_true(seg_beyond_add(beyond, (seg_id){0, 0}, (seg_id){2, 0}, (seg_id){2, 0}));
	assert_true(seg_beyond_add(beyond, (seg_id){0, 0}, (seg_id){3, 0}, (seg_id){3, 0}));
	start(first, 0);
	push_messages(first, 4);
	wait_for(are_four_counted, first, "all messages to count as handled");
	assert_int_equal(first->handled, 2);
	demand(first, SEG_DEMAND_DRAIN);
	wait_for(is_closed, first, "the partition to be closed");
	seg_beyond_fini(beyond);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tick_waits_for_the_lease),
		TEST(a_message_waits_for_the_lease),
		TEST(a_message_that_was_marked_waits_for_a_lease_that_ended_meanwhile),
		TEST(a_drained_partition_is_closed_as_released_only_under_a_lease),
		TEST(a_drained_partition_whose_lease_does_not_come_back_is_closed_as_lost),
		TEST(a_partition_is_not_opened_without_a_lease),
		TEST(a_partition_that_was_lost_during_a_batch_gets_no_tick_before_it_is_closed),
		TEST(a_suspect_message_is_marked_and_handled_only_after_the_one_before_it),
		TEST(a_worker_that_waits_for_its_turn_stops_when_it_is_told_to),
		TEST(a_message_that_has_killed_too_often_is_dead_lettered_and_the_turn_passes_on),
		TEST(what_an_owner_with_lanes_has_done_beyond_the_position_is_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
