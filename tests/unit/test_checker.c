/* The chaos checker: a history without faults, and for each rule one that breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chaos/checker.h"
#include "chaos/pauses.h"

enum { MESSAGES = 20, OLD = 100, NEW = 200, OLD_PROCESS = 1, NEW_PROCESS = 2, MS = 1000000 };

static chaos_history history;

/* --- writing a history ------------------------------------------------------------ */

static seg_id id_of(uint32_t n)
{
	return (seg_id){1000, n};
}

static void sent(uint32_t n)
{
	chaos_append(&history.sends, (chaos_send){0, 7, n, true, id_of(n)});
}

static void record(chaos_record_kind kind, int process, uint64_t epoch, int64_t ms, uint32_t n)
{
	chaos_append(&history.records, (chaos_record){kind, process, 0, epoch, ms * MS, id_of(n), 7, n});
}

/* One call for the messages first..last, one ms each, starting at `ms`. */
static void called(int process, uint64_t epoch, int64_t ms, uint32_t first, uint32_t last)
{
	for (uint32_t n = first; n <= last; n++)
		record(CHAOS_MESSAGE, process, epoch, ms + n - first, n);
	record(CHAOS_RETURN_DONE, process, epoch, ms + last - first + 1, last);
}

static void executed(chaos_audit_kind kind, uint64_t epoch, int64_t ms, seg_id id)
{
	chaos_append(&history.audits, (chaos_audit){kind, 0, epoch, id, ms * MS});
}

static void process(int number, int64_t killed_ms)
{
	int64_t end = killed_ms ? killed_ms * MS : CHAOS_NEVER;
	chaos_append(&history.processes, (chaos_process){number, end, killed_ms != 0, killed_ms * MS});
}

static void frozen(int number, int64_t from, int64_t to)
{
	chaos_append(&history.freezes, (chaos_freeze){number, from * MS, to * MS});
}

static chaos_verdict judge(void)
{
	chaos_verdict verdict;
	chaos_check(&history, &verdict, NULL);
	return verdict;
}

static int setup(void **state)
{
	(void)state;
	history = (chaos_history){.window = 8};
	for (uint32_t n = 0; n < MESSAGES; n++)
		sent(n);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	chaos_history_fini(&history);
	return 0;
}

/* The old owner handles 0 to 9 and commits them. */
static void old_owner(void)
{
	process(OLD_PROCESS, 0);
	executed(CHAOS_AUDIT_CLAIM, OLD, 5, (seg_id){0, 0});
	record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	called(OLD_PROCESS, OLD, 10, 0, 9);
	executed(CHAOS_AUDIT_COMMIT, OLD, 30, id_of(9));
}

static void old_owner_releases(void)
{
	record(CHAOS_CLOSE_RELEASED, OLD_PROCESS, OLD, 40, 0);
	executed(CHAOS_AUDIT_RELEASE, OLD, 45, id_of(9));
}

/* The new owner claims at 9 and begins with `first`. */
static void new_owner(uint32_t first)
{
	process(NEW_PROCESS, 0);
	executed(CHAOS_AUDIT_CLAIM, NEW, 50, id_of(9));
	record(CHAOS_OPEN, NEW_PROCESS, NEW, 55, 0);
	called(NEW_PROCESS, NEW, 60, first, MESSAGES - 1);
	executed(CHAOS_AUDIT_COMMIT, NEW, 90, id_of(MESSAGES - 1));
}

/* --- allowed histories ------------------------------------------------------------------ */

static void a_clean_handoff_is_good(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.sent, MESSAGES);
	assert_int_equal(v.handled, MESSAGES);
	assert_int_equal(v.duplicates, 0);
}

static void messages_in_flight_may_come_again_after_a_crash(void **state)
{
	(void)state;
	old_owner();
	history.processes.items[0] = (chaos_process){OLD_PROCESS, 35 * MS, true, 34 * MS};
	new_owner(5);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.duplicates, 5);
	assert_int_equal(v.takeovers, 1);
	assert_int_equal(v.takeover_p99_ms, 55 - 34);
}

static void partitions_lost_before_a_crash_do_not_count_as_its_takeovers(void **state)
{
	(void)state;
	old_owner();
	record(CHAOS_CLOSE_LOST, OLD_PROCESS, OLD, 32, 0);
	history.processes.items[0] = (chaos_process){OLD_PROCESS, 35 * MS, true, 34 * MS};
	new_owner(10);
	assert_int_equal(judge().takeovers, 0);
}

static void a_message_may_be_tried_again(void **state)
{
	(void)state;
	process(OLD_PROCESS, 0);
	record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 10, 0);
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 11, 1);
	record(CHAOS_RETURN_AGAIN, OLD_PROCESS, OLD, 12, 1);
	called(OLD_PROCESS, OLD, 20, 1, MESSAGES - 1);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.duplicates, 0);
}

static void a_retried_message_is_no_duplicate_at_the_next_owner(void **state)
{
	(void)state;
	old_owner();
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 32, 10);
	record(CHAOS_RETURN_AGAIN, OLD_PROCESS, OLD, 33, 10);
	old_owner_releases();
	new_owner(10);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.duplicates, 0);
}

static void a_call_that_was_frozen_may_end_late(void **state)
{
	(void)state;
	old_owner();
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 40, 10);
	frozen(OLD_PROCESS, 41, 100);
	new_owner(10);
	record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 101, 10);
	record(CHAOS_CLOSE_LOST, OLD_PROCESS, OLD, 102, 0);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
}

static void an_unknown_send_may_be_there_or_not(void **state)
{
	(void)state;
	history.sends.items[MESSAGES - 1].acknowledged = false;
	chaos_append(&history.sends, (chaos_send){0, 7, MESSAGES, false, {0, 0}});
	old_owner();
	old_owner_releases();
	new_owner(10);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.sent, MESSAGES - 1);
}

/* Message n was deleted after its log had been read up to 9. */
static void deleted(uint32_t n, int64_t ms)
{
	chaos_append(&history.deletions, (chaos_deletion){0, 7, n, id_of(n), ms * MS});
}

static void entries_deleted_unread_may_be_skipped_and_are_counted(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	deleted(10, 48);
	new_owner(11);
	history.removed_unread = 1;
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.gaps, 1);
	assert_int_equal(v.handled, MESSAGES - 1);
}

static void entries_deleted_within_an_ownership_may_be_skipped(void **state)
{
	(void)state;
	process(OLD_PROCESS, 0);
	record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	called(OLD_PROCESS, OLD, 10, 0, 9);
	deleted(10, 25);
	deleted(11, 25);
	called(OLD_PROCESS, OLD, 30, 12, MESSAGES - 1);
	history.removed_unread = 2;
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.gaps, 2);
}

static void deleting_a_handled_entry_makes_no_gap(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	deleted(5, 48);
	new_owner(10);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.gaps, 0);
}

/*
 * A replica whose log ends at `kept` becomes the primary; the old primary's log ended at `lost`. The position
 * is 9 again.
 */
static void rolled_back(int64_t ms, uint32_t kept, uint32_t lost, uint64_t epoch)
{
	chaos_append(&history.rollbacks, (chaos_rollback){.time = ms * MS,
							  .until = ms * MS,
							  .kept = id_of(kept),
							  .lost = id_of(lost),
							  .position = id_of(9),
							  .epoch = epoch});
	executed(CHAOS_AUDIT_GAP, 0, ms, (seg_id){0, 0});
	executed(CHAOS_AUDIT_ROLLBACK, epoch, ms, id_of(9));
}

/* The new owner claims at 9, as after a rollback, and handles these messages. */
static void owner_after_rollback(uint32_t first, uint32_t last)
{
	process(NEW_PROCESS, 0);
	executed(CHAOS_AUDIT_CLAIM, NEW, 50, id_of(9));
	record(CHAOS_OPEN, NEW_PROCESS, NEW, 55, 0);
	called(NEW_PROCESS, NEW, 60, first, last);
	executed(CHAOS_AUDIT_COMMIT, NEW, 90, id_of(last));
}

static void a_message_that_a_new_primary_never_had_is_not_lost(void **state)
{
	(void)state;
	old_owner();
	rolled_back(40, 15, MESSAGES - 1, OLD);
	owner_after_rollback(10, 15);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.vanished, MESSAGES - 16);
}

static void messages_that_a_new_primary_has_again_are_handled_again(void **state)
{
	(void)state;
	history.window = 1;
	old_owner();
	called(OLD_PROCESS, OLD, 31, 10, 15);
	executed(CHAOS_AUDIT_COMMIT, OLD, 38, id_of(15));
	rolled_back(40, MESSAGES - 1, MESSAGES - 1, OLD);
	owner_after_rollback(10, MESSAGES - 1);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.duplicates, 6);
}

/* All logs were read at the end, and have these messages. */
static void in_the_log(uint32_t first, uint32_t last)
{
	history.whole_log = true;
	for (uint32_t n = first; n <= last; n++)
		chaos_append(&history.logged, (chaos_logged){0, 7, n, id_of(n)});
}

static void what_a_failover_lost_is_counted_by_what_the_log_lacks(void **state)
{
	(void)state;
	old_owner();
	rolled_back(40, 12, MESSAGES - 1, OLD);
	in_the_log(0, 15);
	owner_after_rollback(10, 15);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.forgotten, MESSAGES - 16);
	assert_int_equal(v.vanished, MESSAGES - 16);
}

static void what_nodes_that_disagreed_on_a_slot_lost_is_lost_by_redis_even_if_all_replicas_had_it(
	void **state)
{
	(void)state;
	old_owner();
	rolled_back(40, 12, MESSAGES - 1, OLD);
	in_the_log(0, 15);
	owner_after_rollback(10, 15);
	history.durable = true;
	assert_int_equal(judge().lost, MESSAGES - 16);
	history.rollbacks.items[0].disputed = true;
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.forgotten, MESSAGES - 16);
}

static void while_two_primaries_may_have_been_one_is_not_held_against_the_other(void **state)
{
	(void)state;
	old_owner();
	rolled_back(40, 9, MESSAGES - 1, OLD - 1);
	history.rollbacks.items[0].time = 29 * MS;
	executed(CHAOS_AUDIT_COMMIT, OLD - 1, 39, id_of(9));
	in_the_log(0, MESSAGES - 1);
	owner_after_rollback(10, MESSAGES - 1);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
}

/*
 * The old owner is the owner at the new primary, too; the new owner claims at the old one, which alone has 16, 18 and 19. Both
 * have everything up to `kept`. The new owner handles up to `last` in one call.
 */
static void two_primaries(uint32_t kept, uint32_t last)
{
	history.lease = 20 * (int64_t)MS;
	history.window = 1;
	old_owner();
	rolled_back(80, kept, MESSAGES - 1, OLD);
	history.rollbacks.items[0].time = 45 * MS;
	in_the_log(0, 15);
	chaos_append(&history.logged, (chaos_logged){0, 7, 17, id_of(17)});
	called(OLD_PROCESS, OLD, 46, 10, 15);
	process(NEW_PROCESS, 0);
	record(CHAOS_OPEN, NEW_PROCESS, NEW, 55, 0);
	called(NEW_PROCESS, NEW, 60, 10, last);
}

static void an_owner_at_the_old_primary_does_not_end_the_ownership_at_the_new_one(void **state)
{
	(void)state;
	two_primaries(9, 16);
	called(NEW_PROCESS, NEW, 90, 18, 19);
	called(OLD_PROCESS, OLD, 200, 17, 17);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_true(v.outlived > 0);
}

static void an_owner_at_the_old_primary_that_outlives_its_lease_is_found(void **state)
{
	(void)state;
	two_primaries(9, 16);
	called(NEW_PROCESS, NEW, 190, 18, 19);
	called(OLD_PROCESS, OLD, 200, 17, 17);
	assert_int_equal(judge().stale, 1);
}

static void an_owner_at_the_old_primary_may_not_skip_what_both_have(void **state)
{
	(void)state;
	two_primaries(15, 14);
	called(NEW_PROCESS, NEW, 70, 16, 16);
	called(OLD_PROCESS, OLD, 200, 17, 17);
	assert_int_equal(judge().reordered, 1);
}

static void a_lease_of_before_a_jump_of_the_clock_holds_until_it_ends(void **state)
{
	(void)state;
	history.lease = 20 * (int64_t)MS;
	old_owner();
	chaos_append(&history.jumps, (int64_t)47 * MS);
	new_owner(10);
	called(OLD_PROCESS, OLD, 65, 10, 10);
	assert_int_equal(judge().stale, 0);
	history.lease = 10 * (int64_t)MS;
	assert_int_equal(judge().stale, 1);
}

static void a_lease_of_a_lost_history_holds_until_it_ends(void **state)
{
	(void)state;
	history.lease = 1000 * (int64_t)MS;
	old_owner();
	rolled_back(40, MESSAGES - 1, MESSAGES - 1, OLD - 1);
	owner_after_rollback(10, MESSAGES - 1);
	called(OLD_PROCESS, OLD, 65, 10, 10);
	chaos_verdict v = judge();
	assert_int_equal(v.stale, 0);
	assert_true(v.outlived > 0);
	history.lease = 10 * (int64_t)MS;
	assert_true(judge().stale > 0);
}

/* --- violations ------------------------------------------------------------------------ */

static void a_message_that_nobody_handled_is_lost(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	sent(MESSAGES);
	assert_int_equal(judge().lost, 1);
}

static void a_message_that_the_log_lacks_without_a_failover_is_lost(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	in_the_log(0, MESSAGES - 2);
	assert_int_equal(judge().lost, 1);
}

static void a_message_of_the_log_that_nobody_acknowledged_must_be_handled(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	chaos_append(&history.sends, (chaos_send){0, 7, MESSAGES, false, {0, 0}});
	in_the_log(0, MESSAGES);
	assert_int_equal(judge().lost, 1);
}

static void what_all_replicas_confirmed_must_survive_a_failover(void **state)
{
	(void)state;
	history.durable = true;
	old_owner();
	rolled_back(40, 12, MESSAGES - 1, OLD);
	in_the_log(0, MESSAGES - 2);
	owner_after_rollback(10, MESSAGES - 2);
	assert_int_equal(judge().lost, 1);
}

static void skipping_a_message_before_it_is_deleted_is_seen(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(11);
	deleted(10, 80);
	history.removed_unread = 1;
	assert_true(judge().reordered >= 1);
}

static void not_counting_a_deletion_is_a_miscount(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	deleted(10, 48);
	new_owner(11);
	assert_int_equal(judge().miscounted, 1);
}

static void counting_a_deletion_that_never_happened_is_a_miscount(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	history.removed_unread = 1;
	assert_int_equal(judge().miscounted, 1);
}

static void a_message_that_a_new_primary_has_and_nobody_handles_is_lost(void **state)
{
	(void)state;
	old_owner();
	rolled_back(40, 16, MESSAGES - 1, OLD);
	owner_after_rollback(10, 15);
	assert_int_equal(judge().lost, 1);
}

static void skipping_a_message_before_it_vanishes_is_seen(void **state)
{
	(void)state;
	process(OLD_PROCESS, 0);
	record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	called(OLD_PROCESS, OLD, 10, 0, 9);
	called(OLD_PROCESS, OLD, 30, 12, 12);
	rolled_back(40, 9, MESSAGES - 1, OLD);
	assert_int_equal(judge().reordered, 1);
}

static void a_claim_past_a_rolled_back_position_is_stale(void **state)
{
	(void)state;
	old_owner();
	rolled_back(40, MESSAGES - 1, MESSAGES - 1, OLD);
	executed(CHAOS_AUDIT_CLAIM, NEW, 50, id_of(5));
	assert_int_equal(judge().stale, 1);
}

static void a_message_whose_call_never_returned_is_lost(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	sent(MESSAGES);
	record(CHAOS_MESSAGE, NEW_PROCESS, NEW, 95, MESSAGES);
	assert_int_equal(judge().lost, 1);
}

static void a_dead_letter_must_be_there_once(void **state)
{
	(void)state;
	old_owner();
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 32, 10);
	record(CHAOS_RETURN_DEAD, OLD_PROCESS, OLD, 33, 10);
	called(OLD_PROCESS, OLD, 40, 11, MESSAGES - 1);
	assert_int_equal(judge().lost, 1);
	chaos_append(&history.dead_letters, (chaos_dead_letter){0, id_of(10), 0});
	assert_int_equal(judge().lost, 0);
	chaos_append(&history.dead_letters, (chaos_dead_letter){0, id_of(10), 0});
	assert_int_equal(judge().lost, 1);
}

static void a_message_is_not_deadly_when_its_owners_lived(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	chaos_append(&history.dead_letters, (chaos_dead_letter){0, id_of(10), 3});
	assert_int_equal(judge().lost, 1);
}

static void a_skipped_message_is_seen(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(11);
	chaos_verdict v = judge();
	assert_true(v.lost >= 1);
	assert_true(v.reordered >= 1);
}

static void a_gap_within_an_ownership_is_seen_though_it_is_filled_later(void **state)
{
	(void)state;
	process(OLD_PROCESS, 0);
	record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	called(OLD_PROCESS, OLD, 10, 0, 9);
	called(OLD_PROCESS, OLD, 30, 11, 11);
	called(OLD_PROCESS, OLD, 40, 10, 10);
	called(OLD_PROCESS, OLD, 50, 12, MESSAGES - 1);
	chaos_verdict v = judge();
	assert_int_equal(v.lost, 0);
	assert_true(v.reordered >= 1);
}

static void a_record_that_was_added_twice_is_seen(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	record(CHAOS_MESSAGE, NEW_PROCESS, NEW, 95, MESSAGES);
	history.records.items[history.records.count - 1].number = MESSAGES - 1;
	record(CHAOS_RETURN_DONE, NEW_PROCESS, NEW, 96, MESSAGES);
	assert_int_equal(judge().reordered, 1);
}

static void records_of_a_key_that_overtook_each_other_are_seen(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	history.sends.items[3].number = 4;
	history.sends.items[4].number = 3;
	for (size_t i = 0; i < history.records.count; i++) {
		chaos_record *r = &history.records.items[i];
		if (r->kind == CHAOS_MESSAGE && (r->id.seq == 3 || r->id.seq == 4))
			r->number = 7 - r->number;
	}
	assert_int_equal(judge().reordered, 1);
}

static void a_message_that_nobody_sent_is_seen(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	record(CHAOS_MESSAGE, NEW_PROCESS, NEW, 95, MESSAGES);
	record(CHAOS_RETURN_DONE, NEW_PROCESS, NEW, 96, MESSAGES);
	assert_int_equal(judge().reordered, 1);
}

static void a_commit_of_an_older_epoch_is_stale(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(10);
	executed(CHAOS_AUDIT_COMMIT, OLD, 95, id_of(MESSAGES - 1));
	assert_int_equal(judge().stale, 1);
}

static void a_commit_after_the_release_is_stale(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	executed(CHAOS_AUDIT_COMMIT, OLD, 46, id_of(9));
	new_owner(10);
	assert_int_equal(judge().stale, 1);
}

static void a_position_that_goes_back_is_stale(void **state)
{
	(void)state;
	old_owner();
	executed(CHAOS_AUDIT_COMMIT, OLD, 31, id_of(5));
	assert_int_equal(judge().stale, 1);
}

static void a_position_ahead_of_the_handler_is_stale(void **state)
{
	(void)state;
	old_owner();
	executed(CHAOS_AUDIT_COMMIT, OLD, 31, id_of(10));
	called(OLD_PROCESS, OLD, 32, 10, MESSAGES - 1);
	assert_int_equal(judge().stale, 1);
}

static void an_epoch_that_does_not_rise_is_stale(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	executed(CHAOS_AUDIT_CLAIM, OLD, 46, id_of(9));
	assert_int_equal(judge().stale, 1);
}

static void a_claim_that_is_not_at_the_position_is_stale(void **state)
{
	(void)state;
	old_owner();
	executed(CHAOS_AUDIT_CLAIM, NEW, 46, id_of(12));
	assert_int_equal(judge().stale, 1);
}

static void two_owners_at_once_are_stale(void **state)
{
	(void)state;
	old_owner();
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 40, 10);
	new_owner(10);
	record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 101, 10);
	assert_int_equal(judge().stale, 1);
}

static void a_second_call_after_a_freeze_is_stale(void **state)
{
	(void)state;
	old_owner();
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 40, 10);
	frozen(OLD_PROCESS, 41, 100);
	new_owner(10);
	record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 101, 10);
	called(OLD_PROCESS, OLD, 102, 11, 12);
	assert_int_equal(judge().stale, 1);
}

static void more_repetition_than_in_flight_is_excessive(void **state)
{
	(void)state;
	old_owner();
	new_owner(1);
	assert_int_equal(judge().excessive, 1);
}

static void messages_that_a_frozen_owner_handles_late_are_no_repetition_of_its_own(void **state)
{
	(void)state;
	history.window = 1;
	process(OLD_PROCESS, 0);
	executed(CHAOS_AUDIT_CLAIM, OLD, 5, (seg_id){0, 0});
	record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	called(OLD_PROCESS, OLD, 10, 0, 9);
	executed(CHAOS_AUDIT_COMMIT, OLD, 30, id_of(9));
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 40, 10);
	frozen(OLD_PROCESS, 41, 100);
	new_owner(10);
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 101, 11);
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 102, 12);
	record(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 103, 12);
	assert_int_equal(judge().excessive, 0);
}

static void a_dead_letter_may_be_left_to_the_next_owner_but_not_written_twice(void **state)
{
	(void)state;
	old_owner();
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 32, 10);
	record(CHAOS_RETURN_DEAD, OLD_PROCESS, OLD, 33, 10);
	old_owner_releases();
	new_owner(10);
	chaos_append(&history.dead_letters, (chaos_dead_letter){0, id_of(10), 0});
	assert_int_equal(judge().excessive, 0);
	executed(CHAOS_AUDIT_COMMIT, OLD, 34, id_of(10));
	assert_int_equal(judge().excessive, 1);
}

static void repetition_after_a_clean_handoff_is_excessive(void **state)
{
	(void)state;
	old_owner();
	old_owner_releases();
	new_owner(9);
	assert_int_equal(judge().excessive, 1);
}

/* --- pauses ------------------------------------------------------------------------------------ */

static void a_pause_is_from_one_call_to_the_next_wherever_it_is(void **state)
{
	(void)state;
	chaos_pauses pauses;
	old_owner();
	old_owner_releases();
	new_owner(10);
	chaos_append(&history.restarts, 9 * MS);
	chaos_append(&history.restarts, 100 * MS);
	chaos_pauses_measure(&history, &pauses);
	assert_int_equal(pauses.moved, 1);
	assert_int_equal(pauses.moved_max, 40000);
	assert_int_equal(pauses.stayed, 0);
}

static void a_partition_that_stays_pauses_between_its_calls(void **state)
{
	(void)state;
	chaos_pauses pauses;
	record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	called(OLD_PROCESS, OLD, 10, 0, 9);
	called(OLD_PROCESS, OLD, 25, 10, 15);
	record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 32, 16);
	record(CHAOS_RETURN_AGAIN, OLD_PROCESS, OLD, 33, 16);
	called(OLD_PROCESS, OLD, 50, 16, MESSAGES - 1);
	chaos_append(&history.restarts, 9 * MS);
	chaos_append(&history.restarts, 100 * MS);
	chaos_pauses_measure(&history, &pauses);
	assert_int_equal(pauses.moved, 0);
	assert_int_equal(pauses.stayed, 1);
	assert_int_equal(pauses.stayed_p99, 5000);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_clean_handoff_is_good),
		test(messages_in_flight_may_come_again_after_a_crash),
		test(partitions_lost_before_a_crash_do_not_count_as_its_takeovers),
		test(a_message_may_be_tried_again),
		test(a_retried_message_is_no_duplicate_at_the_next_owner),
		test(a_call_that_was_frozen_may_end_late),
		test(an_unknown_send_may_be_there_or_not),
		test(a_message_that_a_new_primary_never_had_is_not_lost),
		test(messages_that_a_new_primary_has_again_are_handled_again),
		test(what_a_failover_lost_is_counted_by_what_the_log_lacks),
		test(what_nodes_that_disagreed_on_a_slot_lost_is_lost_by_redis_even_if_all_replicas_had_it),
		test(while_two_primaries_may_have_been_one_is_not_held_against_the_other),
		test(an_owner_at_the_old_primary_does_not_end_the_ownership_at_the_new_one),
		test(an_owner_at_the_old_primary_that_outlives_its_lease_is_found),
		test(an_owner_at_the_old_primary_may_not_skip_what_both_have),
		test(a_lease_of_before_a_jump_of_the_clock_holds_until_it_ends),
		test(a_lease_of_a_lost_history_holds_until_it_ends),
		test(a_message_that_the_log_lacks_without_a_failover_is_lost),
		test(a_message_of_the_log_that_nobody_acknowledged_must_be_handled),
		test(what_all_replicas_confirmed_must_survive_a_failover),
		test(entries_deleted_unread_may_be_skipped_and_are_counted),
		test(entries_deleted_within_an_ownership_may_be_skipped),
		test(deleting_a_handled_entry_makes_no_gap),
		test(a_message_that_nobody_handled_is_lost),
		test(skipping_a_message_before_it_is_deleted_is_seen),
		test(a_message_that_a_new_primary_has_and_nobody_handles_is_lost),
		test(skipping_a_message_before_it_vanishes_is_seen),
		test(a_claim_past_a_rolled_back_position_is_stale),
		test(not_counting_a_deletion_is_a_miscount),
		test(counting_a_deletion_that_never_happened_is_a_miscount),
		test(a_message_whose_call_never_returned_is_lost),
		test(a_dead_letter_must_be_there_once),
		test(a_message_is_not_deadly_when_its_owners_lived),
		test(a_skipped_message_is_seen),
		test(a_gap_within_an_ownership_is_seen_though_it_is_filled_later),
		test(a_record_that_was_added_twice_is_seen),
		test(records_of_a_key_that_overtook_each_other_are_seen),
		test(a_message_that_nobody_sent_is_seen),
		test(a_commit_of_an_older_epoch_is_stale),
		test(a_commit_after_the_release_is_stale),
		test(a_position_that_goes_back_is_stale),
		test(a_position_ahead_of_the_handler_is_stale),
		test(an_epoch_that_does_not_rise_is_stale),
		test(a_claim_that_is_not_at_the_position_is_stale),
		test(two_owners_at_once_are_stale),
		test(a_second_call_after_a_freeze_is_stale),
		test(more_repetition_than_in_flight_is_excessive),
		test(messages_that_a_frozen_owner_handles_late_are_no_repetition_of_its_own),
		test(a_dead_letter_may_be_left_to_the_next_owner_but_not_written_twice),
		test(repetition_after_a_clean_handoff_is_excessive),
		test(a_pause_is_from_one_call_to_the_next_wherever_it_is),
		test(a_partition_that_stays_pauses_between_its_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
