/* test_checker_owners.c - the chaos checker: what owners may do after another, and for each rule a history that breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chaos/written.h"

static void a_clean_handoff_is_good(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.sent, MESSAGES);
	assert_int_equal(v.handled, MESSAGES);
	assert_int_equal(v.duplicates, 0);
}

static void messages_in_flight_may_come_again_after_a_crash(void **state)
{
	(void)state;
	test_old_owner();
	test_history.processes.items[0] = (chaos_process){OLD_PROCESS, 35 * MS, true, 34 * MS};
	test_new_owner(5);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.duplicates, 5);
	assert_int_equal(v.takeovers, 1);
	assert_int_equal(v.takeover_p99_ms, 55 - 34);
}

static void partitions_lost_before_a_crash_do_not_count_as_its_takeovers(void **state)
{
	(void)state;
	test_old_owner();
	test_record(CHAOS_CLOSE_LOST, OLD_PROCESS, OLD, 32, 0);
	test_history.processes.items[0] = (chaos_process){OLD_PROCESS, 35 * MS, true, 34 * MS};
	test_new_owner(10);
	assert_int_equal(test_judge().takeovers, 0);
}

static void a_retried_message_is_no_duplicate_at_the_next_owner(void **state)
{
	(void)state;
	test_old_owner();
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 32, 10);
	test_record(CHAOS_RETURN_AGAIN, OLD_PROCESS, OLD, 33, 10);
	test_old_owner_releases();
	test_new_owner(10);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.duplicates, 0);
}

static void a_call_that_was_frozen_may_end_late(void **state)
{
	(void)state;
	test_old_owner();
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 40, 10);
	test_frozen(OLD_PROCESS, 41, 100);
	test_new_owner(10);
	test_record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 101, 10);
	test_record(CHAOS_CLOSE_LOST, OLD_PROCESS, OLD, 102, 0);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
}

static void a_commit_of_an_older_epoch_is_stale(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 95, test_id(MESSAGES - 1));
	assert_int_equal(test_judge().stale, 1);
}

static void a_commit_after_the_release_is_stale(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 46, test_id(9));
	test_new_owner(10);
	assert_int_equal(test_judge().stale, 1);
}

static void a_position_that_goes_back_is_stale(void **state)
{
	(void)state;
	test_old_owner();
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 31, test_id(5));
	assert_int_equal(test_judge().stale, 1);
}

static void a_position_ahead_of_the_handler_is_stale(void **state)
{
	(void)state;
	test_old_owner();
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 31, test_id(10));
	test_called(OLD_PROCESS, OLD, 32, 10, MESSAGES - 1);
	assert_int_equal(test_judge().stale, 1);
}

static void an_epoch_that_does_not_rise_is_stale(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_executed(CHAOS_AUDIT_CLAIM, OLD, 46, test_id(9));
	assert_int_equal(test_judge().stale, 1);
}

static void a_claim_that_is_not_at_the_position_is_stale(void **state)
{
	(void)state;
	test_old_owner();
	test_executed(CHAOS_AUDIT_CLAIM, NEW, 46, test_id(12));
	assert_int_equal(test_judge().stale, 1);
}

static void two_owners_at_once_are_stale(void **state)
{
	(void)state;
	test_old_owner();
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 40, 10);
	test_new_owner(10);
	test_record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 101, 10);
	assert_int_equal(test_judge().stale, 1);
}

static void a_second_call_after_a_freeze_is_stale(void **state)
{
	(void)state;
	test_old_owner();
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 40, 10);
	test_frozen(OLD_PROCESS, 41, 100);
	test_new_owner(10);
	test_record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 101, 10);
	test_called(OLD_PROCESS, OLD, 102, 11, 12);
	assert_int_equal(test_judge().stale, 1);
}

static void more_repetition_than_in_flight_is_excessive(void **state)
{
	(void)state;
	test_old_owner();
	test_new_owner(1);
	assert_int_equal(test_judge().excessive, 1);
}

static void messages_that_a_frozen_owner_handles_late_are_no_repetition_of_its_own(void **state)
{
	(void)state;
	test_history.window = 1;
	test_process(OLD_PROCESS, 0);
	test_executed(CHAOS_AUDIT_CLAIM, OLD, 5, (seg_id){0, 0});
	test_record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	test_called(OLD_PROCESS, OLD, 10, 0, 9);
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 30, test_id(9));
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 40, 10);
	test_frozen(OLD_PROCESS, 41, 100);
	test_new_owner(10);
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 101, 11);
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 102, 12);
	test_record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 103, 12);
	assert_int_equal(test_judge().excessive, 0);
}

static void a_dead_letter_may_be_left_to_the_next_owner_but_not_written_twice(void **state)
{
	(void)state;
	test_old_owner();
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 32, 10);
	test_record(CHAOS_RETURN_DEAD, OLD_PROCESS, OLD, 33, 10);
	test_old_owner_releases();
	test_new_owner(10);
	chaos_append(&test_history.dead_letters, (chaos_dead_letter){0, test_id(10), 0});
	assert_int_equal(test_judge().excessive, 0);
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 34, test_id(10));
	assert_int_equal(test_judge().excessive, 1);
}

static void repetition_after_a_clean_handoff_is_excessive(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(9);
	assert_int_equal(test_judge().excessive, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_history_set_up, test_history_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_clean_handoff_is_good),
		TEST(messages_in_flight_may_come_again_after_a_crash),
		TEST(partitions_lost_before_a_crash_do_not_count_as_its_takeovers),
		TEST(a_retried_message_is_no_duplicate_at_the_next_owner),
		TEST(a_call_that_was_frozen_may_end_late),
		TEST(a_commit_of_an_older_epoch_is_stale),
		TEST(a_commit_after_the_release_is_stale),
		TEST(a_position_that_goes_back_is_stale),
		TEST(a_position_ahead_of_the_handler_is_stale),
		TEST(an_epoch_that_does_not_rise_is_stale),
		TEST(a_claim_that_is_not_at_the_position_is_stale),
		TEST(two_owners_at_once_are_stale),
		TEST(a_second_call_after_a_freeze_is_stale),
		TEST(more_repetition_than_in_flight_is_excessive),
		TEST(messages_that_a_frozen_owner_handles_late_are_no_repetition_of_its_own),
		TEST(a_dead_letter_may_be_left_to_the_next_owner_but_not_written_twice),
		TEST(repetition_after_a_clean_handoff_is_excessive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
