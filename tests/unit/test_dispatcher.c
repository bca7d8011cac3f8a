/*
 * test_dispatcher.c - lanes with real threads: a slot's messages are handled in order and never two at a time, nothing is done
 * before it was handled, and a message that fails holds up its slot only. The test plays the I/O thread.
 */
#include <errno.h>
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
#include "partition/key_slot.h"
#include "partition/parser.h"
#include "work/worker.h"

enum { PATIENCE_MS = 20000, LANES = 8, KEYS = 50, BATCHES = 40, BATCH = 64, MESSAGES = BATCHES * BATCH };

static seg_partition partition;
static seg_worker worker;
static seg_fetched *batches[BATCHES];
static bool returned[BATCHES];
static atomic_llong lease;
static seg_waker waker;
static seg_section_counters counters;
static seg_hindered hindered;
static seg_task_setup setup;
static bool started;

static atomic_bool handled[MESSAGES]; /* the handler has returned for it */
static bool done[MESSAGES];           /* a completion says so */
static size_t done_count;             /* of these */
static atomic_int busy[SEG_SLOTS];    /* calls with messages of the slot */
static atomic_int newest[SEG_SLOTS];  /* the newest message of it that was handled */
static atomic_int opened, closed, met, disordered, early, stops;
static char stop_reason[256]; /* written before `stops` grows */
static atomic_int failing;    /* the key whose messages fail; -1: none */
static atomic_bool gate;      /* the handler waits while this is set */
static atomic_int calls, running, lost;
static atomic_int hanging;         /* the message whose call waits while this is set; -1: none */
static atomic_int ending;          /* the message whose call ends its thread; -1: none */
static atomic_int threads;         /* so many more may be started */
static bool marked[MESSAGES];      /* it was handled alone */
static unsigned begun_with_others; /* such calls that began while others ran */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			  void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			  void *arg)
{
	if (atomic_fetch_sub(&threads, 1) > 0)
		return __real_pthread_create(thread, attributes, run, arg);
	atomic_fetch_add(&threads, 1);
	return EAGAIN;
}

static int number_of(const seg_message *m)
{
	char text[16] = "";
	memcpy(text, m->data, m->data_length < 15 ? m->data_length : 15);
	return (int)strtol(text, NULL, 10);
}

static int plugin_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error, size_t size)
{
	(void)plugin, (void)number, (void)epoch, (void)error, (void)size, (void)state;
	atomic_fetch_add(&opened, 1);
	return 0;
}

static bool fails(const seg_message *m)
{
	return number_of(m) % KEYS == atomic_load(&failing);
}

static seg_answer plugin_handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state;
	seg_answer answer = seg_done();
	size_t count = batch->count;
	atomic_fetch_add(&calls, 1);
	atomic_fetch_add(&running, 1);
	while (atomic_load(&gate))
		sched_yield();
	for (size_t i = 0; i < batch->count; i++) {
		while (atomic_load(&hanging) == number_of(&batch->messages[i]))
			sched_yield();
		if (atomic_load(&ending) == number_of(&batch->messages[i]))
			pthread_exit(NULL);
	}
	for (size_t i = 0; i < batch->count; i++)
		if (answer.outcome == SEG_OUTCOME_DONE && fails(&batch->messages[i])) {
			answer = seg_retry(i, "it fails");
			count = i;
		}
	for (size_t i = 0; i < count; i++) {
		const seg_message *m = &batch->messages[i];
		uint16_t slot = seg_key_slot(m->key, m->key_length);
		atomic_fetch_add(&met, atomic_fetch_add(&busy[slot], 1) != 0);
		atomic_fetch_add(&disordered, atomic_exchange(&newest[slot], number_of(m)) > number_of(m));
		atomic_store(&handled[number_of(m)], true);
		atomic_fetch_sub(&busy[slot], 1);
	}
	atomic_fetch_sub(&running, 1);
	return answer;
}

static void plugin_close(void *plugin, void *state, seg_close_reason reason)
{
	(void)plugin, (void)state;
	atomic_fetch_add(&closed, 1);
	atomic_fetch_add(&lost, reason == SEG_CLOSE_LOST);
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "test",
	.partition_open = plugin_open,
	.handle = plugin_handle,
	.partition_close = plugin_close,
	.flags = SEG_HANDLER_PARALLEL,
};

static void stop(void *arg, const seg_logger *logger, const seg_id *at, const char *reason)
{
	(void)arg, (void)logger, (void)at;
	snprintf(stop_reason, sizeof(stop_reason), "%s", reason);
	atomic_fetch_add(&stops, 1);
}

static int set_up(void **state)
{
	(void)state;
	memset(&partition, 0, sizeof(partition));
	memset(returned, 0, sizeof(returned));
	memset(handled, 0, sizeof(handled));
	memset(done, 0, sizeof(done));
	done_count = 0;
	for (unsigned i = 0; i < SEG_SLOTS; i++)
		newest[i] = -1;
	memset(marked, 0, sizeof(marked));
	begun_with_others = 0;
	opened = closed = met = disordered = early = stops = calls = running = lost = 0;
	failing = hanging = ending = -1;
	threads = 1000;
	gate = false;
	lease = SEG_NEVER;
	setup = (seg_task_setup){
		.handler = &handler,
		.retry = {.max_attempts = 0, .backoff = SEG_MS, .backoff_max = 2 * SEG_MS},
		.tick = SEG_SECOND,
		.effects = {.call_bytes = 1 << 20},
		.pending_bytes = UINT64_MAX,
		.parallel = LANES,
		.batch_size = BATCH,
		.in_flight_bytes = 1 << 20,
		.stop = stop,
		.counters = &counters,
		.hindered = &hindered,
	};
	seg_hindered_init(&hindered);
	return seg_waker_init(&waker);
}

static seg_fetched *make_batch(unsigned number)
{
	seg_parser parser = {0};
	seg_parser_limits limits = {.entries = BATCH, .bytes = SIZE_MAX};
	seg_fetched *fetched = seg_fetched_create(BATCH, NULL);
	assert_non_null(fetched);
	seg_parser_begin(&parser, fetched, (seg_id){0, 0}, &limits);
	for (unsigned i = 0; i < BATCH; i++) {
		char id[24], key[24], data[24];
		unsigned message = number * BATCH + i;
		int id_length = snprintf(id, sizeof(id), "%u-0", message + 1);
		int key_length = snprintf(key, sizeof(key), "key-%u", message % KEYS);
		int data_length = snprintf(data, sizeof(data), "%u", message);
		assert_true(seg_parser_entry(&parser, id, (size_t)id_length, 4));
		assert_true(seg_parser_text(&parser, "partitionKey", 12));
		assert_true(seg_parser_text(&parser, key, (size_t)key_length));
		assert_true(seg_parser_text(&parser, "data", 4));
		assert_true(seg_parser_text(&parser, data, (size_t)data_length));
	}
	seg_parser_finish(&parser);
	fetched->sequence = number * BATCH;
	return fetched;
}

static void start(void)
{
	seg_handoff_init(&partition.handoff, &waker, &lease, NULL);
	assert_int_equal(seg_worker_start(&worker, &setup, &partition, -1), 0);
	started = true;
	for (unsigned i = 0; i < BATCHES; i++) {
		batches[i] = make_batch(i);
		assert_true(seg_handoff_push(&partition.handoff, batches[i]));
	}
}

/* Redis answers what lanes ask for messages that are handled alone. */
static void answer_request(void)
{
	seg_request request;
	if (!seg_handoff_pending(&partition.handoff, &request))
		return;
	if (request.kind == SEG_REQUEST_MARK)
		marked[request.sequence] = true;
	if (request.kind == SEG_REQUEST_BEGIN)
		begun_with_others += atomic_load(&running) > 0;
	seg_handoff_answer(&partition.handoff, 0, 0);
}

/* Takes what the lanes have completed, and the batches, which come back in their order. */
static void collect(void)
{
	seg_completions queue = {0};
	answer_request();
	seg_handoff_take_completions(&partition.handoff, &queue);
	for (seg_completion *c; (c = seg_completions_take(&queue)) != NULL;) {
		for (size_t i = 0; i < c->done_count; i++) {
			assert_false(done[c->done[i]]);
			early += !atomic_load(&handled[c->done[i]]);
			done[c->done[i]] = true;
			done_count++;
		}
		seg_handoff_free_completion(&partition.handoff, c);
	}
	for (seg_fetched *fetched; (fetched = seg_handoff_pop_free(&partition.handoff)) != NULL;) {
		size_t number = fetched->sequence / BATCH;
		assert_true(number == 0 || returned[number - 1]);
		returned[number] = true;
		/* A lane that wrongly reads these messages again must not find them. */
		memset(fetched->room.messages, 0, BATCH * sizeof(*fetched->room.messages));
	}
}

static bool reached(void *arg)
{
	collect();
	return done_count >= *(size_t *)arg;
}

static void wait_for_done(size_t count)
{
	test_wait_until(reached, &count, PATIENCE_MS, "the messages to be done");
}

static bool all_returned(void *arg)
{
	(void)arg;
	collect();
	return returned[BATCHES - 1];
}

static void wait_for_batches(void)
{
	test_wait_until(all_returned, NULL, PATIENCE_MS, "all batches to come back");
}

static bool are_open(void *arg)
{
	collect();
	return atomic_load(&opened) == *(int *)arg;
}

/* A quick handler may need no more lanes than the first ones. */
static void wait_for_lanes(int count)
{
	test_wait_until(are_open, &count, PATIENCE_MS, "the lanes to open the partition");
}

static void end(seg_demand demand)
{
	seg_handoff *handoff = &partition.handoff;
	seg_handoff_demand(handoff, demand);
	while (!atomic_load(&handoff->worker.stopped)) {
		answer_request();
		sched_yield();
	}
	seg_worker_join(&worker);
	seg_task_fini(&worker.task);
	started = false;
	collect();
}

static int tear_down(void **state)
{
	(void)state;
	gate = false;
	hanging = -1;
	if (started)
		end(SEG_DEMAND_ABANDON);
	for (unsigned i = 0; i < BATCHES; i++)
		if (batches[i])
			seg_fetched_release(batches[i]);
	memset(batches, 0, sizeof(batches));
	seg_hindered_fini(&hindered);
	seg_waker_fini(&waker);
	return 0;
}

static void assert_order(void)
{
	assert_int_equal(met, 0);
	assert_int_equal(disordered, 0);
	assert_int_equal(early, 0);
}

static void the_messages_of_a_key_are_handled_in_order_and_never_two_at_a_time(void **state)
{
	(void)state;
	start();
	wait_for_done(MESSAGES);
	wait_for_batches();
	wait_for_lanes(LANES);
	end(SEG_DEMAND_DRAIN);
	assert_order();
	assert_int_equal(closed, LANES);
}

static void a_key_that_fails_holds_up_its_slot_only(void **state)
{
	(void)state;
	char key[] = "key-7";
	size_t held = 0;
	for (unsigned i = 0; i < MESSAGES; i++) {
		char other[24];
		int length = snprintf(other, sizeof(other), "key-%u", i % KEYS);
		held += seg_key_slot(other, (size_t)length) == seg_key_slot(key, strlen(key));
	}
	failing = 7;
	start();
	wait_for_done(MESSAGES - held);
	assert_true(counters.retries > 0);
	assert_order();
	/* What waits is parked, and all batches are back. */
	wait_for_batches();
	failing = -1;
	wait_for_done(MESSAGES);
	end(SEG_DEMAND_DRAIN);
	assert_order();
}

static bool is_called(void *arg)
{
	(void)arg;
	return atomic_load(&calls) == LANES;
}

static bool is_quiet(void *arg)
{
	(void)arg;
	return atomic_load(&running) == 0;
}

static void a_drain_finishes_the_jobs_in_hand_and_begins_no_other(void **state)
{
	(void)state;
	gate = true;
	start();
	test_wait_until(is_called, NULL, PATIENCE_MS, "a call of each lane");
	seg_handoff_demand(&partition.handoff, SEG_DEMAND_DRAIN);
	gate = false;
	end(SEG_DEMAND_DRAIN);
	assert_int_equal(calls, LANES);
	assert_int_equal(closed, LANES);
	size_t count = 0;
	for (unsigned i = 0; i < MESSAGES; i++)
		count += handled[i];
	assert_int_equal(done_count, count);
	assert_true(count <= LANES * BATCH);
	assert_order();
}

/* One of those in flight has killed its owners. If messages that fail counted, the one to blame would never be handled alone. */
static void after_deaths_so_many_messages_are_handled_alone_besides_those_that_fail(void **state)
{
	(void)state;
	enum { ALONE = 2 * KEYS };
	setup.isolate = ALONE;
	partition.resume.crashes = 2;
	partition.resume.position = (seg_id){0, 0};
	failing = 0;
	start();
	wait_for_done(MESSAGES / 2);
	size_t alone = 0;
	for (unsigned i = 0; i < MESSAGES; i++)
		alone += marked[i] && done[i];
	assert_int_equal(alone, ALONE);
	assert_true(marked[0]);
	assert_false(done[0]);
	failing = -1;
	wait_for_done(MESSAGES);
	end(SEG_DEMAND_DRAIN);
	assert_order();
	assert_int_equal(begun_with_others, 0);
}

static void calls_under_way_when_the_lease_is_lost_end_and_no_other_begins(void **state)
{
	(void)state;
	gate = true;
	start();
	test_wait_until(is_called, NULL, PATIENCE_MS, "a call of each lane");
	lease = seg_now() - 1;
	seg_handoff_demand(&partition.handoff, SEG_DEMAND_ABANDON);
	gate = false;
	end(SEG_DEMAND_ABANDON);
	assert_int_equal(calls, LANES);
	assert_int_equal(closed, LANES);
	assert_int_equal(lost, LANES);
	assert_order();
}

static void while_the_lease_is_over_no_lane_begins_a_call(void **state)
{
	(void)state;
	gate = true;
	start();
	test_wait_until(is_called, NULL, PATIENCE_MS, "a call of each lane");
	lease = seg_now() - 1;
	gate = false;
	test_wait_until(is_quiet, NULL, PATIENCE_MS, "the calls to return");
	collect();
	assert_int_equal(calls, LANES);
	/* A renewed lease wakes the lanes, as the member does. */
	lease = SEG_NEVER;
	seg_handoff_wake(&partition.handoff);
	wait_for_done(MESSAGES);
	end(SEG_DEMAND_DRAIN);
	assert_order();
}

static bool all_but_those_behind(void *arg)
{
	collect();
	return done_count >= *(size_t *)arg && atomic_load(&running) == 1;
}

static void a_call_that_hangs_holds_up_its_slots_only_and_is_the_one_that_is_watched(void **state)
{
	(void)state;
	hanging = 0;
	start();
	size_t count = MESSAGES / 2;
	test_wait_until(all_but_those_behind, &count, PATIENCE_MS, "the others to be done");
	const seg_plugin_call *call = seg_worker_call(&worker);
	assert_true(seg_plugin_call_since(call) > 0);
	assert_false(done[0]);
	assert_int_equal(seg_plugin_call_message(call).ms, 1);
	hanging = -1;
	wait_for_done(MESSAGES);
	end(SEG_DEMAND_DRAIN);
	assert_order();
}

static bool is_stopped(void *arg)
{
	(void)arg;
	collect();
	return atomic_load(&stops) > 0;
}

static bool have_the_others_closed(void *arg)
{
	(void)arg;
	return atomic_load(&closed) == atomic_load(&opened) - 1;
}

static void a_lane_whose_thread_the_plugin_ends_stops_the_runner_and_its_messages_are_not_done(void **state)
{
	(void)state;
	ending = 1;
	start();
	test_wait_until(is_stopped, NULL, PATIENCE_MS, "the runner to be stopped");
	/* A drain would release the partition as after a clean end. */
	seg_handoff_demand(&partition.handoff, SEG_DEMAND_DRAIN);
	test_wait_until(have_the_others_closed, NULL, PATIENCE_MS, "the other lanes to end");
	assert_false(atomic_load(&partition.handoff.worker.stopped));
	assert_true(seg_plugin_call_is_lost(seg_worker_call(&worker)));
	end(SEG_DEMAND_ABANDON);
	assert_int_equal(stops, 1);
	assert_string_equal(
		stop_reason,
		"it ended a thread of segrunner's (pthread_exit) in handle of partition 0, at or after message 1-0");
	assert_int_equal(closed, opened - 1);
	assert_false(done[1]);
	assert_order();
}

static void with_too_few_threads_it_goes_on_with_fewer_lanes_and_starts_the_others_later(void **state)
{
	(void)state;
	enum { FEW = 3 };
	threads = 1 + FEW;
	start();
	wait_for_done(MESSAGES);
	wait_for_lanes(FEW);
	assert_true(seg_unserved_is_served(seg_worker_unserved(&worker)));
	assert_false(seg_unserved_lasts(seg_worker_unserved(&worker)));
	threads = 1000;
	wait_for_lanes(LANES);
	end(SEG_DEMAND_DRAIN);
	assert_int_equal(closed, LANES);
	assert_order();
}

static bool is_short(void *arg)
{
	(void)arg;
	return seg_unserved_lasts(seg_worker_unserved(&worker));
}

static void without_a_thread_for_any_lane_the_partition_is_not_served_until_there_is_one(void **state)
{
	(void)state;
	threads = 1;
	start();
	test_wait_until(is_short, NULL, PATIENCE_MS, "the shortage to be told");
	assert_int_equal(opened, 0);
	threads = 1000;
	wait_for_done(MESSAGES);
	assert_false(seg_unserved_lasts(seg_worker_unserved(&worker)));
	end(SEG_DEMAND_DRAIN);
	assert_order();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_messages_of_a_key_are_handled_in_order_and_never_two_at_a_time),
		TEST(a_key_that_fails_holds_up_its_slot_only),
		TEST(a_drain_finishes_the_jobs_in_hand_and_begins_no_other),
		TEST(after_deaths_so_many_messages_are_handled_alone_besides_those_that_fail),
		TEST(calls_under_way_when_the_lease_is_lost_end_and_no_other_begins),
		TEST(while_the_lease_is_over_no_lane_begins_a_call),
		TEST(a_call_that_hangs_holds_up_its_slots_only_and_is_the_one_that_is_watched),
		TEST(a_lane_whose_thread_the_plugin_ends_stops_the_runner_and_its_messages_are_not_done),
		TEST(with_too_few_threads_it_goes_on_with_fewer_lanes_and_starts_the_others_later),
		TEST(without_a_thread_for_any_lane_the_partition_is_not_served_until_there_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
