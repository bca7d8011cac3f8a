/*
 * test_checker_lanes.c - the chaos checker where partitions have lanes: a history without faults, and for each rule one that breaks it.
 * Message n has the id 1000-n and the key n % KEYS; keys 0 and 1 are of two slots. Times are in ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chaos/written.h"

enum { KEYS = 2 };

static bool pulls; /* the owners are pull consumers: they tell neither that lanes open nor that they close */

static int set_up(void **state)
{
	pulls = false;
	test_history_set_up(state);
	test_history.lanes = 8;
	for (uint32_t n = 0; n < MESSAGES; n++)
		test_history.sends.items[n].key = n % KEYS;
	return 0;
}

static void lane_record(chaos_record_kind kind, int process, uint64_t epoch, uint32_t lane, int64_t ms,
			uint32_t n)
{
	test_record(kind, process, epoch, ms, n);
	chaos_record *r = &test_history.records.items[test_history.records.count - 1];
	r->key = n % KEYS;
	r->lane = lane;
}

/* One call, from `from` to `to`, of messages of one key: n, n + KEYS, ... */
static void call(int process, uint64_t epoch, uint32_t lane, int64_t from, int64_t to, uint32_t n,
		 uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		lane_record(CHAOS_MESSAGE, process, epoch, lane, from + i, n + i * KEYS);
	lane_record(CHAOS_RETURN_DONE, process, epoch, lane, to, n + (count - 1) * KEYS);
}

static void open_lanes(int process, uint64_t epoch, int64_t ms)
{
	for (uint32_t lane = 0; lane < 2 && !pulls; lane++)
		lane_record(CHAOS_OPEN, process, epoch, lane, ms, 0);
}

/* Both keys' first five messages at once, by two lanes. */
static void old_owner(void)
{
	test_process(OLD_PROCESS, 0);
	test_executed(CHAOS_AUDIT_CLAIM, OLD, 5, (seg_id){0, 0});
	open_lanes(OLD_PROCESS, OLD, 8);
	call(OLD_PROCESS, OLD, 0, 10, 20, 0, 5);
	call(OLD_PROCESS, OLD, 1, 10, 20, 1, 5);
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 30, test_id(9));
}

static void old_owner_releases(void)
{
	for (uint32_t lane = 0; lane < 2 && !pulls; lane++)
		lane_record(CHAOS_CLOSE_RELEASED, OLD_PROCESS, OLD, lane, 40, 0);
	test_executed(CHAOS_AUDIT_RELEASE, OLD, 45, test_id(9));
}

/* The rest of both keys, from the message `first` of each on. */
static void new_owner(uint32_t first)
{
	test_process(NEW_PROCESS, 0);
	test_executed(CHAOS_AUDIT_CLAIM, NEW, 50, test_id(9));
	open_lanes(NEW_PROCESS, NEW, 55);
	call(NEW_PROCESS, NEW, 0, 60, 75, first, (MESSAGES - first) / KEYS);
	call(NEW_PROCESS, NEW, 1, 60, 75, first + 1, (MESSAGES - first) / KEYS);
	test_executed(CHAOS_AUDIT_COMMIT, NEW, 90, test_id(MESSAGES - 1));
}

static void two_lanes_may_handle_two_keys_at_once(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.handled, MESSAGES);
	assert_int_equal(v.duplicates, 0);
}

static void a_key_may_be_ahead_of_another_one(void **state)
{
	(void)state;
	old_owner();
	call(OLD_PROCESS, OLD, 0, 31, 45, 10, 5);
	call(OLD_PROCESS, OLD, 1, 50, 60, 11, 5);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.handled, MESSAGES);
}

static void two_lanes_must_not_have_a_key_at_once(void **state)
{
	(void)state;
	old_owner();
	lane_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 0, 31, 10);
	lane_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 1, 32, 12);
	lane_record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 0, 33, 10);
	lane_record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 1, 34, 12);
	call(OLD_PROCESS, OLD, 0, 41, 50, 14, 3);
	call(OLD_PROCESS, OLD, 1, 50, 60, 11, 5);
	assert_true(test_judge().reordered > 0);
}

static void a_key_must_not_go_on_before_its_message_is_done(void **state)
{
	(void)state;
	old_owner();
	call(OLD_PROCESS, OLD, 0, 31, 33, 12, 1);
	call(OLD_PROCESS, OLD, 0, 35, 37, 10, 1);
	call(OLD_PROCESS, OLD, 0, 41, 50, 14, 3);
	call(OLD_PROCESS, OLD, 1, 50, 60, 11, 5);
	assert_true(test_judge().reordered > 0);
}

static void a_message_must_not_come_twice_within_an_ownership(void **state)
{
	(void)state;
	old_owner();
	call(OLD_PROCESS, OLD, 0, 31, 33, 8, 1);
	new_owner(10);
	assert_true(test_judge().reordered > 0);
}

static void a_retried_message_comes_again_before_those_behind_it(void **state)
{
	(void)state;
	old_owner();
	lane_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 0, 31, 10);
	lane_record(CHAOS_RETURN_AGAIN, OLD_PROCESS, OLD, 0, 32, 10);
	call(OLD_PROCESS, OLD, 0, 33, 40, 11, 5);
	call(OLD_PROCESS, OLD, 1, 41, 50, 10, 5);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.duplicates, 0);
}

static void a_key_must_not_pass_a_message_that_is_to_be_retried(void **state)
{
	(void)state;
	old_owner();
	lane_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 0, 31, 10);
	lane_record(CHAOS_RETURN_AGAIN, OLD_PROCESS, OLD, 0, 32, 10);
	call(OLD_PROCESS, OLD, 0, 33, 40, 12, 4);
	call(OLD_PROCESS, OLD, 1, 33, 40, 11, 5);
	call(OLD_PROCESS, OLD, 1, 41, 42, 10, 1);
	assert_true(test_judge().reordered > 0);
}

static void a_message_that_no_lane_finished_is_lost(void **state)
{
	(void)state;
	old_owner();
	call(OLD_PROCESS, OLD, 0, 31, 45, 10, 5);
	call(OLD_PROCESS, OLD, 1, 31, 45, 11, 4);
	assert_int_equal(test_judge().lost, 1);
}

static void nothing_comes_again_after_a_clean_handoff(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(8);
	assert_int_equal(test_judge().excessive, 2);
}

static void of_a_pull_consumer_redis_says_that_it_handed_over(void **state)
{
	pulls = true;
	old_owner();
	old_owner_releases();
	new_owner(8);
	assert_int_equal(test_judge().excessive, 2);
	test_history_tear_down(state);
	set_up(state);
	pulls = true;
	old_owner();
	new_owner(8);
	assert_int_equal(test_judge().excessive, 0);
}

static void after_a_kill_only_so_many_messages_may_come_again(void **state)
{
	(void)state;
	old_owner();
	test_history.processes.items[0].killed = true;
	test_history.processes.items[0].killed_at = test_history.processes.items[0].ended = 40 * MS;
	test_history.audits.count--;
	new_owner(4);
	test_history.audits.items[test_history.audits.count - 2].id = test_id(3);
	chaos_verdict v = test_judge();
	assert_int_equal(v.excessive, 0);
	assert_int_equal(v.duplicates, 6);
	assert_int_equal(v.most_again, 6);
	test_history.window = 5;
	assert_int_equal(test_judge().excessive, 1);
}

static void what_waits_for_a_retry_comes_on_top_of_the_window(void **state)
{
	(void)state;
	old_owner();
	lane_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 0, 31, 10);
	lane_record(CHAOS_RETURN_AGAIN, OLD_PROCESS, OLD, 0, 32, 10);
	call(OLD_PROCESS, OLD, 0, 33, 36, 11, 3);
	call(OLD_PROCESS, OLD, 1, 34, 37, 10, 2);
	new_owner(10);
	test_history.window = 3;
	chaos_verdict v = test_judge();
	assert_int_equal(v.excessive, 0);
	assert_int_equal(v.most_again, 3);
}

static void a_position_must_not_pass_a_message_that_no_lane_finished(void **state)
{
	(void)state;
	old_owner();
	call(OLD_PROCESS, OLD, 0, 31, 45, 10, 5);
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 46, test_id(18));
	call(OLD_PROCESS, OLD, 1, 50, 60, 11, 5);
	assert_int_equal(test_judge().stale, 1);
}

static void two_owners_must_not_handle_at_once(void **state)
{
	(void)state;
	old_owner();
	lane_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 0, 40, 10);
	lane_record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 0, 95, 10);
	new_owner(10);
	assert_true(test_judge().stale > 0);
}

static void a_stopped_owner_may_end_a_call_of_each_lane(void **state)
{
	(void)state;
	old_owner();
	test_frozen(OLD_PROCESS, 42, 94);
	for (uint32_t lane = 0; lane < 2; lane++) {
		lane_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, lane, 40 + lane, 10 + lane);
		lane_record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, lane, 95 + lane, 10 + lane);
	}
	new_owner(10);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	test_history.lanes = 2;
	for (int64_t late = 0; late < 2; late++) {
		lane_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 0, 97 + 2 * late, 12 + 2 * (uint32_t)late);
		lane_record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 0, 98 + 2 * late, 12 + 2 * (uint32_t)late);
	}
	assert_true(test_judge().stale > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_history_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_lanes_may_handle_two_keys_at_once),
		TEST(a_key_may_be_ahead_of_another_one),
		TEST(two_lanes_must_not_have_a_key_at_once),
		TEST(a_key_must_not_go_on_before_its_message_is_done),
		TEST(a_message_must_not_come_twice_within_an_ownership),
		TEST(a_retried_message_comes_again_before_those_behind_it),
		TEST(a_key_must_not_pass_a_message_that_is_to_be_retried),
		TEST(a_message_that_no_lane_finished_is_lost),
		TEST(nothing_comes_again_after_a_clean_handoff),
		TEST(of_a_pull_consumer_redis_says_that_it_handed_over),
		TEST(after_a_kill_only_so_many_messages_may_come_again),
		TEST(what_waits_for_a_retry_comes_on_top_of_the_window),
		TEST(a_position_must_not_pass_a_message_that_no_lane_finished),
		TEST(two_owners_must_not_handle_at_once),
		TEST(a_stopped_owner_may_end_a_call_of_each_lane),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
