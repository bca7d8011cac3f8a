/* The chaos checker, where Redis forgets: a log that is made anew, a group, everything; and deaths that count against a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chaos/checker.h"

/* Messages 0 to 9 are of the lost log, the others of the next one, whose ids are lower. The group was at 5. */
enum { LOST = 10, MESSAGES = 20, OLD = 100, NEW = 200, OLD_PROCESS = 1, NEW_PROCESS = 2, MS = 1000000 };
enum { LOST_AT = 40, POSITION = 5 };

static chaos_history history;

static seg_id id_of(uint32_t n)
{
	return n < LOST ? (seg_id){1000, n} : (seg_id){900, n};
}

static void record_of(chaos_record_kind kind, int process, uint64_t epoch, int64_t ms, uint32_t n, seg_id id)
{
	chaos_append(&history.records, (chaos_record){kind, process, 0, epoch, ms * MS, id, 7, n, 0});
}

static void record(chaos_record_kind kind, int process, uint64_t epoch, int64_t ms, uint32_t n)
{
	record_of(kind, process, epoch, ms, n, id_of(n));
}

static void called(int process, uint64_t epoch, int64_t ms, uint32_t first, uint32_t last)
{
	for (uint32_t n = first; n <= last; n++)
		record(CHAOS_MESSAGE, process, epoch, ms + n - first, n);
	record(CHAOS_RETURN_DONE, process, epoch, ms + last - first + 1, last);
}

static void executed(chaos_audit_kind kind, uint64_t epoch, int64_t ms, seg_id id)
{
	chaos_append(&history.audits, (chaos_audit){kind, 0, epoch, id, ms * MS, 0});
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
	history = (chaos_history){.window = 8, .lease = 30 * (int64_t)MS};
	for (uint32_t n = 0; n < MESSAGES; n++)
		chaos_append(&history.sends, (chaos_send){0, 7, n, true, id_of(n), 0, 0});
	for (int p = OLD_PROCESS; p <= NEW_PROCESS; p++)
		chaos_append(&history.processes, (chaos_process){p, CHAOS_NEVER, false, 0});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	chaos_history_fini(&history);
	return 0;
}

/* The old owner handles first to last, and commits `last`. */
static void old_owner(uint32_t first, uint32_t last)
{
	executed(CHAOS_AUDIT_CLAIM, OLD, 5, (seg_id){0, 0});
	record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	called(OLD_PROCESS, OLD, 10, first, last);
	executed(CHAOS_AUDIT_COMMIT, OLD, 30, id_of(last));
}

/* The log, which still has 4 to 9, is lost; or everything. */
static void lost(chaos_audit_kind what)
{
	bool all = what == CHAOS_AUDIT_ALL_LOST;
	chaos_append(&history.losses, (chaos_loss){0, LOST_AT * (int64_t)MS, id_of(POSITION), all, false});
	for (uint32_t n = 4; n < LOST; n++)
		chaos_append(&history.lost, (chaos_lost){0, 0, 7, n, id_of(n)});
	executed(what, 0, LOST_AT, (seg_id){0, 0});
}

static void new_owner(uint32_t first)
{
	executed(CHAOS_AUDIT_CLAIM, NEW, 70, (seg_id){0, 0});
	record(CHAOS_OPEN, NEW_PROCESS, NEW, 75, 0);
	called(NEW_PROCESS, NEW, 80, first, MESSAGES - 1);
	executed(CHAOS_AUDIT_COMMIT, NEW, 120, id_of(MESSAGES - 1));
}

static void what_a_lost_log_had_after_the_position_is_not_lost_by_the_group(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	lost(CHAOS_AUDIT_LOG_LOST);
	new_owner(LOST);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.vanished, LOST - POSITION - 1);
}

static void a_commit_that_comes_again_moves_nothing(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	executed(CHAOS_AUDIT_AGAIN, OLD, 35, id_of(POSITION));
	lost(CHAOS_AUDIT_LOG_LOST);
	executed(CHAOS_AUDIT_AGAIN, OLD, LOST_AT + 1, id_of(POSITION));
	new_owner(LOST);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
}

static void a_commit_that_comes_again_must_leave_the_position_as_it_is(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	executed(CHAOS_AUDIT_AGAIN, OLD, 35, id_of(POSITION - 2));
	lost(CHAOS_AUDIT_LOG_LOST);
	new_owner(LOST);
	chaos_verdict v = judge();
	assert_int_equal(v.stale, 1);
}

static void what_the_group_had_passed_must_have_been_handled(void **state)
{
	(void)state;
	old_owner(0, 3);
	executed(CHAOS_AUDIT_COMMIT, OLD, 35, id_of(POSITION));
	lost(CHAOS_AUDIT_LOG_LOST);
	new_owner(LOST);
	chaos_verdict v = judge();
	assert_int_equal(v.lost, 2);
	assert_int_equal(v.stale, 1);
}

static void a_message_that_came_after_the_loss_must_be_handled(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	lost(CHAOS_AUDIT_ALL_LOST);
	new_owner(LOST + 3);
	chaos_verdict v = judge();
	assert_int_equal(v.lost, 3);
	assert_int_equal(v.reordered, 1);
	assert_int_equal(v.stale, 1);
}

/* The next log gives the ids of the lost one again. */
static void the_same_id_names_another_message_in_the_next_log(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	lost(CHAOS_AUDIT_LOG_LOST);
	executed(CHAOS_AUDIT_CLAIM, NEW, 70, (seg_id){0, 0});
	record(CHAOS_OPEN, NEW_PROCESS, NEW, 75, 0);
	for (uint32_t n = LOST; n < MESSAGES; n++) {
		history.sends.items[n].id = id_of(n - LOST);
		record_of(CHAOS_MESSAGE, NEW_PROCESS, NEW, 80 + n, n, id_of(n - LOST));
	}
	record_of(CHAOS_RETURN_DONE, NEW_PROCESS, NEW, 110, 0, id_of(LOST - 1));
	executed(CHAOS_AUDIT_COMMIT, NEW, 120, id_of(LOST - 1));
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	assert_int_equal(v.handled, POSITION + 1 + MESSAGES - LOST);
	history.records.count--;
	assert_int_equal(judge().lost, MESSAGES - LOST);
}

/* The old owner has read up to 1000-9, and does not see the lower ids of the next log; then come higher ones. */
static void an_owner_may_go_astray_in_the_next_log_until_its_commit(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	lost(CHAOS_AUDIT_LOG_LOST);
	const seg_id higher = {1001, 0};
	chaos_append(&history.sends, (chaos_send){0, 7, MESSAGES, true, higher, 0, 0});
	record_of(CHAOS_MESSAGE, OLD_PROCESS, OLD, 50, MESSAGES, higher);
	record_of(CHAOS_RETURN_DONE, OLD_PROCESS, OLD, 51, MESSAGES, higher);
	new_owner(LOST);
	record_of(CHAOS_MESSAGE, NEW_PROCESS, NEW, 130, MESSAGES, higher);
	record_of(CHAOS_RETURN_DONE, NEW_PROCESS, NEW, 131, MESSAGES, higher);
	chaos_verdict v = judge();
	assert_true(chaos_verdict_good(&v));
	/* It must not commit what it has passed. */
	history.audits.items[3] = (chaos_audit){CHAOS_AUDIT_COMMIT, 0, OLD, higher, 60 * (int64_t)MS, 0};
	assert_true(judge().stale > 0);
}

static void a_new_owner_may_not_begin_in_the_middle_of_the_next_log(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	lost(CHAOS_AUDIT_LOG_LOST);
	new_owner(LOST + 1);
	assert_true(judge().reordered > 0);
}

static void an_acknowledged_record_must_not_come_again_in_the_next_log(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	lost(CHAOS_AUDIT_LOG_LOST);
	new_owner(LOST);
	const seg_id again = {2000, 0};
	record_of(CHAOS_MESSAGE, NEW_PROCESS, NEW, 130, LOST - 1, again);
	record_of(CHAOS_RETURN_DONE, NEW_PROCESS, NEW, 131, LOST - 1, again);
	assert_true(judge().reordered > 0);
}

static void a_lease_that_redis_has_lost_holds_until_it_ends(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	lost(CHAOS_AUDIT_ALL_LOST);
	executed(CHAOS_AUDIT_CLAIM, NEW, 45, (seg_id){0, 0});
	record(CHAOS_OPEN, NEW_PROCESS, NEW, 46, 0);
	record(CHAOS_MESSAGE, NEW_PROCESS, NEW, 47, LOST);
	called(OLD_PROCESS, OLD, 50, POSITION + 1, POSITION + 1);
	for (uint32_t n = LOST + 1; n < MESSAGES; n++)
		record(CHAOS_MESSAGE, NEW_PROCESS, NEW, 48 + n, n);
	record(CHAOS_RETURN_DONE, NEW_PROCESS, NEW, 70, MESSAGES - 1);
	assert_int_equal(judge().stale, 0);
	history.lease = 5 * (int64_t)MS;
	assert_true(judge().stale > 0);
}

static void an_epoch_that_comes_twice_is_stale_whatever_was_lost(void **state)
{
	(void)state;
	old_owner(0, POSITION);
	lost(CHAOS_AUDIT_ALL_LOST);
	executed(CHAOS_AUDIT_CLAIM, OLD, 70, (seg_id){0, 0});
	record(CHAOS_OPEN, NEW_PROCESS, OLD, 75, 0);
	called(NEW_PROCESS, OLD, 80, LOST, MESSAGES - 1);
	assert_int_equal(judge().stale, 1);
}

/* --- deaths -------------------------------------------------------------------------------- */

/* Message 6 is the first after the position; so many owners claim there and die before they begin. */
static void owners_die_at_the_position(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		executed(CHAOS_AUDIT_CLAIM, OLD + 1 + i, 40 + i, id_of(POSITION));
	executed(CHAOS_AUDIT_CLAIM, NEW, 60, id_of(POSITION));
	record(CHAOS_OPEN, NEW_PROCESS, NEW, 61, 0);
}

static size_t judge_deaths(uint32_t deaths)
{
	history.dead_letters.count = 0;
	chaos_append(&history.dead_letters,
		     (chaos_dead_letter){0, id_of(POSITION + 1), deaths, 7, POSITION + 1, 0});
	return judge().lost;
}

static void at_most_two_deaths_of_others_count_against_a_message(void **state)
{
	(void)state;
	history.sends.count = POSITION + 2;
	old_owner(0, POSITION);
	owners_die_at_the_position(4);
	assert_int_equal(judge_deaths(2), 0);
	assert_int_equal(judge_deaths(3), 1);
}

static void only_deaths_that_happened_count_against_a_message(void **state)
{
	(void)state;
	history.sends.count = POSITION + 2;
	old_owner(0, POSITION);
	owners_die_at_the_position(0);
	/* The old owner died right before the message. */
	assert_int_equal(judge_deaths(1), 0);
	assert_int_equal(judge_deaths(2), 1);
	/* Nobody knows who came and went. */
	executed(CHAOS_AUDIT_GAP, 0, 59, (seg_id){0, 0});
	assert_int_equal(judge_deaths(2), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_lost_log_had_after_the_position_is_not_lost_by_the_group),
		TEST(a_commit_that_comes_again_moves_nothing),
		TEST(a_commit_that_comes_again_must_leave_the_position_as_it_is),
		TEST(what_the_group_had_passed_must_have_been_handled),
		TEST(a_message_that_came_after_the_loss_must_be_handled),
		TEST(the_same_id_names_another_message_in_the_next_log),
		TEST(an_owner_may_go_astray_in_the_next_log_until_its_commit),
		TEST(a_new_owner_may_not_begin_in_the_middle_of_the_next_log),
		TEST(an_acknowledged_record_must_not_come_again_in_the_next_log),
		TEST(a_lease_that_redis_has_lost_holds_until_it_ends),
		TEST(an_epoch_that_comes_twice_is_stale_whatever_was_lost),
		TEST(at_most_two_deaths_of_others_count_against_a_message),
		TEST(only_deaths_that_happened_count_against_a_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
