/* test_checker_failover.c - the chaos checker: what may be missing or come again when Redis fails over, and what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chaos/written.h"

/*
 * A replica whose log ends at `kept` becomes the primary; the old primary's log ended at `lost`. The position
 * is 9 again.
 */
static void rolled_back(int64_t ms, uint32_t kept, uint32_t lost, uint64_t epoch)
{
	chaos_append(&test_history.rollbacks, (chaos_rollback){.time = ms * MS,
							       .until = ms * MS,
							       .kept = test_id(kept),
							       .lost = test_id(lost),
							       .position = test_id(9),
							       .epoch = epoch});
	test_executed(CHAOS_AUDIT_GAP, 0, ms, (seg_id){0, 0});
	test_executed(CHAOS_AUDIT_ROLLBACK, epoch, ms, test_id(9));
}

/* The new owner claims at 9, as after a rollback, and handles these messages. */
static void owner_after_rollback(uint32_t first, uint32_t last)
{
	test_process(NEW_PROCESS, 0);
	test_executed(CHAOS_AUDIT_CLAIM, NEW, 50, test_id(9));
	test_record(CHAOS_OPEN, NEW_PROCESS, NEW, 55, 0);
	test_called(NEW_PROCESS, NEW, 60, first, last);
	test_executed(CHAOS_AUDIT_COMMIT, NEW, 90, test_id(last));
}

static void a_message_that_a_new_primary_never_had_is_not_lost(void **state)
{
	(void)state;
	test_old_owner();
	rolled_back(40, 15, MESSAGES - 1, OLD);
	owner_after_rollback(10, 15);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.vanished, MESSAGES - 16);
}

static void messages_that_a_new_primary_has_again_are_handled_again(void **state)
{
	(void)state;
	test_history.window = 1;
	test_old_owner();
	test_called(OLD_PROCESS, OLD, 31, 10, 15);
	test_executed(CHAOS_AUDIT_COMMIT, OLD, 38, test_id(15));
	rolled_back(40, MESSAGES - 1, MESSAGES - 1, OLD);
	owner_after_rollback(10, MESSAGES - 1);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.duplicates, 6);
}

/* All logs were read at the end, and have these messages. */
static void in_the_log(uint32_t first, uint32_t last)
{
	test_history.whole_log = true;
	for (uint32_t n = first; n <= last; n++)
		chaos_append(&test_history.logged, (chaos_logged){0, 7, n, test_id(n)});
}

static void what_a_failover_lost_is_counted_by_what_the_log_lacks(void **state)
{
	(void)state;
	test_old_owner();
	rolled_back(40, 12, MESSAGES - 1, OLD);
	in_the_log(0, 15);
	owner_after_rollback(10, 15);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.forgotten, MESSAGES - 16);
	assert_int_equal(v.vanished, MESSAGES - 16);
}

static void what_nodes_that_disagreed_on_a_slot_lost_is_lost_by_redis_even_if_all_replicas_had_it(
	void **state)
{
	(void)state;
	test_old_owner();
	rolled_back(40, 12, MESSAGES - 1, OLD);
	in_the_log(0, 15);
	owner_after_rollback(10, 15);
	test_history.durable = true;
	assert_int_equal(test_judge().lost, MESSAGES - 16);
	test_history.rollbacks.items[0].disputed = true;
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.forgotten, MESSAGES - 16);
}

static void while_two_primaries_may_have_been_one_is_not_held_against_the_other(void **state)
{
	(void)state;
	test_old_owner();
	rolled_back(40, 9, MESSAGES - 1, OLD - 1);
	test_history.rollbacks.items[0].time = 29 * MS;
	test_executed(CHAOS_AUDIT_COMMIT, OLD - 1, 39, test_id(9));
	in_the_log(0, MESSAGES - 1);
	owner_after_rollback(10, MESSAGES - 1);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
}

/*
 * The old owner is the owner at the new primary, too; the new owner claims at the old one, which alone has 16, 18 and 19. Both
 * have everything up to `kept`. The new owner handles up to `last` in one call.
 */
static void two_primaries(uint32_t kept, uint32_t last)
{
	test_history.lease = 20 * (int64_t)MS;
	test_history.window = 1;
	test_old_owner();
	rolled_back(80, kept, MESSAGES - 1, OLD);
	test_history.rollbacks.items[0].time = 45 * MS;
	in_the_log(0, 15);
	chaos_append(&test_history.logged, (chaos_logged){0, 7, 17, test_id(17)});
	test_called(OLD_PROCESS, OLD, 46, 10, 15);
	test_process(NEW_PROCESS, 0);
	test_record(CHAOS_OPEN, NEW_PROCESS, NEW, 55, 0);
	test_called(NEW_PROCESS, NEW, 60, 10, last);
}

static void an_owner_at_the_old_primary_does_not_end_the_ownership_at_the_new_one(void **state)
{
	(void)state;
	two_primaries(9, 16);
	test_called(NEW_PROCESS, NEW, 90, 18, 19);
	test_called(OLD_PROCESS, OLD, 200, 17, 17);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_true(v.outlived > 0);
}

static void an_owner_at_the_old_primary_that_outlives_its_lease_is_found(void **state)
{
	(void)state;
	two_primaries(9, 16);
	test_called(NEW_PROCESS, NEW, 190, 18, 19);
	test_called(OLD_PROCESS, OLD, 200, 17, 17);
	assert_int_equal(test_judge().stale, 1);
}

static void an_owner_at_the_old_primary_may_not_skip_what_both_have(void **state)
{
	(void)state;
	two_primaries(15, 14);
	test_called(NEW_PROCESS, NEW, 70, 16, 16);
	test_called(OLD_PROCESS, OLD, 200, 17, 17);
	assert_int_equal(test_judge().reordered, 1);
}

static void a_lease_of_before_a_jump_of_the_clock_holds_until_it_ends(void **state)
{
	(void)state;
	test_history.lease = 20 * (int64_t)MS;
	test_old_owner();
	chaos_append(&test_history.jumps, (chaos_jump){(int64_t)47 * MS, 300});
	test_new_owner(10);
	test_called(OLD_PROCESS, OLD, 65, 10, 10);
	assert_int_equal(test_judge().stale, 0);
	test_history.lease = 10 * (int64_t)MS;
	assert_int_equal(test_judge().stale, 1);
}

/* The old owner claimed at 5 ms, and its partition opened at 8 ms. */
static void an_owner_that_claimed_before_a_jump_and_opened_after_it_has_a_lease_of_before_it(void **state)
{
	(void)state;
	test_history.lease = 100 * (int64_t)MS;
	test_old_owner();
	chaos_append(&test_history.jumps, (chaos_jump){(int64_t)6 * MS, 300});
	test_new_owner(10);
	test_called(OLD_PROCESS, OLD, 65, 10, 10);
	assert_int_equal(test_judge().stale, 0);
	test_history.jumps.items[0].time = (int64_t)4 * MS;
	assert_int_equal(test_judge().stale, 1);
}

static void a_lease_of_a_lost_history_holds_until_it_ends(void **state)
{
	(void)state;
	test_history.lease = 1000 * (int64_t)MS;
	test_old_owner();
	rolled_back(40, MESSAGES - 1, MESSAGES - 1, OLD - 1);
	owner_after_rollback(10, MESSAGES - 1);
	test_called(OLD_PROCESS, OLD, 65, 10, 10);
	chaos_verdict v = test_judge();
	assert_int_equal(v.stale, 0);
	assert_true(v.outlived > 0);
	test_history.lease = 10 * (int64_t)MS;
	assert_true(test_judge().stale > 0);
}

static void a_message_that_the_log_lacks_without_a_failover_is_lost(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	in_the_log(0, MESSAGES - 2);
	assert_int_equal(test_judge().lost, 1);
}

static void a_message_of_the_log_that_nobody_acknowledged_must_be_handled(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	chaos_append(&test_history.sends, (chaos_send){0, 7, MESSAGES, false, {0, 0}});
	in_the_log(0, MESSAGES);
	assert_int_equal(test_judge().lost, 1);
}

static void what_all_replicas_confirmed_must_survive_a_failover(void **state)
{
	(void)state;
	test_history.durable = true;
	test_old_owner();
	rolled_back(40, 12, MESSAGES - 1, OLD);
	in_the_log(0, MESSAGES - 2);
	owner_after_rollback(10, MESSAGES - 2);
	assert_int_equal(test_judge().lost, 1);
}

static void a_message_that_a_new_primary_has_and_nobody_handles_is_lost(void **state)
{
	(void)state;
	test_old_owner();
	rolled_back(40, 16, MESSAGES - 1, OLD);
	owner_after_rollback(10, 15);
	assert_int_equal(test_judge().lost, 1);
}

static void skipping_a_message_before_it_vanishes_is_seen(void **state)
{
	(void)state;
	test_process(OLD_PROCESS, 0);
	test_record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	test_called(OLD_PROCESS, OLD, 10, 0, 9);
	test_called(OLD_PROCESS, OLD, 30, 12, 12);
	rolled_back(40, 9, MESSAGES - 1, OLD);
	assert_int_equal(test_judge().reordered, 1);
}

static void a_claim_past_a_rolled_back_position_is_stale(void **state)
{
	(void)state;
	test_old_owner();
	rolled_back(40, MESSAGES - 1, MESSAGES - 1, OLD);
	test_executed(CHAOS_AUDIT_CLAIM, NEW, 50, test_id(5));
	assert_int_equal(test_judge().stale, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_history_set_up, test_history_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_that_a_new_primary_never_had_is_not_lost),
		TEST(messages_that_a_new_primary_has_again_are_handled_again),
		TEST(what_a_failover_lost_is_counted_by_what_the_log_lacks),
		TEST(what_nodes_that_disagreed_on_a_slot_lost_is_lost_by_redis_even_if_all_replicas_had_it),
		TEST(while_two_primaries_may_have_been_one_is_not_held_against_the_other),
		TEST(an_owner_at_the_old_primary_does_not_end_the_ownership_at_the_new_one),
		TEST(an_owner_at_the_old_primary_that_outlives_its_lease_is_found),
		TEST(an_owner_at_the_old_primary_may_not_skip_what_both_have),
		TEST(a_lease_of_before_a_jump_of_the_clock_holds_until_it_ends),
		TEST(an_owner_that_claimed_before_a_jump_and_opened_after_it_has_a_lease_of_before_it),
		TEST(a_lease_of_a_lost_history_holds_until_it_ends),
		TEST(a_message_that_the_log_lacks_without_a_failover_is_lost),
		TEST(a_message_of_the_log_that_nobody_acknowledged_must_be_handled),
		TEST(what_all_replicas_confirmed_must_survive_a_failover),
		TEST(a_message_that_a_new_primary_has_and_nobody_handles_is_lost),
		TEST(skipping_a_message_before_it_vanishes_is_seen),
		TEST(a_claim_past_a_rolled_back_position_is_stale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
