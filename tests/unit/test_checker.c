/* test_checker.c - the chaos checker: a history without faults, and for each rule about messages one that breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chaos/written.h"

static void a_message_may_be_tried_again(void **state)
{
	(void)state;
	test_process(OLD_PROCESS, 0);
	test_record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 10, 0);
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 11, 1);
	test_record(CHAOS_RETURN_AGAIN, OLD_PROCESS, OLD, 12, 1);
	test_called(OLD_PROCESS, OLD, 20, 1, MESSAGES - 1);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.duplicates, 0);
}

static void an_unknown_send_may_be_there_or_not(void **state)
{
	(void)state;
	test_history.sends.items[MESSAGES - 1].acknowledged = false;
	chaos_append(&test_history.sends, (chaos_send){0, 7, MESSAGES, false, {0, 0}});
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.sent, MESSAGES - 1);
}

static void entries_deleted_unread_may_be_skipped_and_are_counted(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_deleted(10, 48);
	test_new_owner(11);
	test_history.removed_unread = 1;
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.gaps, 1);
	assert_int_equal(v.handled, MESSAGES - 1);
}

static void entries_deleted_within_an_ownership_may_be_skipped(void **state)
{
	(void)state;
	test_process(OLD_PROCESS, 0);
	test_record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	test_called(OLD_PROCESS, OLD, 10, 0, 9);
	test_deleted(10, 25);
	test_deleted(11, 25);
	test_called(OLD_PROCESS, OLD, 30, 12, MESSAGES - 1);
	test_history.removed_unread = 2;
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.gaps, 2);
}

static void deleting_a_handled_entry_makes_no_gap(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_deleted(5, 48);
	test_new_owner(10);
	chaos_verdict v = test_judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.gaps, 0);
}

static void a_message_that_nobody_handled_is_lost(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	test_sent(MESSAGES);
	assert_int_equal(test_judge().lost, 1);
}

static void skipping_a_message_before_it_is_deleted_is_seen(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(11);
	test_deleted(10, 80);
	test_history.removed_unread = 1;
	assert_true(test_judge().reordered >= 1);
}

static void not_counting_a_deletion_is_a_miscount(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_deleted(10, 48);
	test_new_owner(11);
	assert_int_equal(test_judge().miscounted, 1);
}

static void counting_a_deletion_that_never_happened_is_a_miscount(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	test_history.removed_unread = 1;
	assert_int_equal(test_judge().miscounted, 1);
}

static void a_message_whose_call_never_returned_is_lost(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	test_sent(MESSAGES);
	test_record(CHAOS_MESSAGE, NEW_PROCESS, NEW, 95, MESSAGES);
	assert_int_equal(test_judge().lost, 1);
}

static void a_dead_letter_must_be_there_once(void **state)
{
	(void)state;
	test_old_owner();
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 32, 10);
	test_record(CHAOS_RETURN_DEAD, OLD_PROCESS, OLD, 33, 10);
	test_called(OLD_PROCESS, OLD, 40, 11, MESSAGES - 1);
	assert_int_equal(test_judge().lost, 1);
	chaos_append(&test_history.dead_letters, (chaos_dead_letter){0, test_id(10), 0});
	assert_int_equal(test_judge().lost, 0);
	chaos_append(&test_history.dead_letters, (chaos_dead_letter){0, test_id(10), 0});
	assert_int_equal(test_judge().lost, 1);
}

static void a_message_is_not_deadly_when_its_owners_lived(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	chaos_append(&test_history.dead_letters, (chaos_dead_letter){0, test_id(10), 3});
	assert_int_equal(test_judge().lost, 1);
}

static void a_skipped_message_is_seen(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(11);
	chaos_verdict v = test_judge();
	assert_true(v.lost >= 1);
	assert_true(v.reordered >= 1);
}

static void a_gap_within_an_ownership_is_seen_though_it_is_filled_later(void **state)
{
	(void)state;
	test_process(OLD_PROCESS, 0);
	test_record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	test_called(OLD_PROCESS, OLD, 10, 0, 9);
	test_called(OLD_PROCESS, OLD, 30, 11, 11);
	test_called(OLD_PROCESS, OLD, 40, 10, 10);
	test_called(OLD_PROCESS, OLD, 50, 12, MESSAGES - 1);
	chaos_verdict v = test_judge();
	assert_int_equal(v.lost, 0);
	assert_true(v.reordered >= 1);
}

static void a_record_that_was_added_twice_is_seen(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	test_record(CHAOS_MESSAGE, NEW_PROCESS, NEW, 95, MESSAGES);
	test_history.records.items[test_history.records.count - 1].number = MESSAGES - 1;
	test_record(CHAOS_RETURN_DONE, NEW_PROCESS, NEW, 96, MESSAGES);
	assert_int_equal(test_judge().reordered, 1);
}

static void records_of_a_key_that_overtook_each_other_are_seen(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	test_history.sends.items[3].number = 4;
	test_history.sends.items[4].number = 3;
	for (size_t i = 0; i < test_history.records.count; i++) {
		chaos_record *r = &test_history.records.items[i];
		if (r->kind == CHAOS_MESSAGE && (r->id.seq == 3 || r->id.seq == 4))
			r->number = 7 - r->number;
	}
	assert_int_equal(test_judge().reordered, 1);
}

static void a_message_that_nobody_sent_is_seen(void **state)
{
	(void)state;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	test_record(CHAOS_MESSAGE, NEW_PROCESS, NEW, 95, MESSAGES);
	test_record(CHAOS_RETURN_DONE, NEW_PROCESS, NEW, 96, MESSAGES);
	assert_int_equal(test_judge().reordered, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_history_set_up, test_history_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_may_be_tried_again),
		TEST(an_unknown_send_may_be_there_or_not),
		TEST(entries_deleted_unread_may_be_skipped_and_are_counted),
		TEST(entries_deleted_within_an_ownership_may_be_skipped),
		TEST(deleting_a_handled_entry_makes_no_gap),
		TEST(a_message_that_nobody_handled_is_lost),
		TEST(skipping_a_message_before_it_is_deleted_is_seen),
		TEST(not_counting_a_deletion_is_a_miscount),
		TEST(counting_a_deletion_that_never_happened_is_a_miscount),
		TEST(a_message_whose_call_never_returned_is_lost),
		TEST(a_dead_letter_must_be_there_once),
		TEST(a_message_is_not_deadly_when_its_owners_lived),
		TEST(a_skipped_message_is_seen),
		TEST(a_gap_within_an_ownership_is_seen_though_it_is_filled_later),
		TEST(a_record_that_was_added_twice_is_seen),
		TEST(records_of_a_key_that_overtook_each_other_are_seen),
		TEST(a_message_that_nobody_sent_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
