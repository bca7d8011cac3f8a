/*
 * test_brief.c - which rounds are brief, and which partitions they go on with: on a member made by hand. No thread, no Redis.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "group/brief.h"
#include "harness/member.h"

enum { PARTITIONS = 100 };

#define NOW (1000 * SEG_SECOND)

static seg_member *member;
static seg_partition *first;

/* A member with all partitions awake, after a full round. */
static int set_up(void **state)
{
	(void)state;
	member = test_member_make(PARTITIONS);
	first = member->partitions;
	member->phase = SEG_PHASE_MEMBER;
	member->awake_count = PARTITIONS;
	if (seg_brief_init(member))
		return -1;
	seg_brief_end(member, NOW);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	seg_brief_fini(member);
	test_member_free(member);
	return 0;
}

static void rounds_soon_after_a_full_one_are_brief(void **state)
{
	(void)state;
	int64_t end = seg_brief_ends(member);
	assert_true(end > NOW);
	assert_true(seg_brief_suffices(member, false, NOW));
	assert_true(seg_brief_suffices(member, false, end - 1));
	assert_false(seg_brief_suffices(member, false, end));
}

static void brief_rounds_do_not_put_off_the_next_full_one(void **state)
{
	(void)state;
	int64_t end = seg_brief_ends(member);
	seg_brief_heard(&first[7]);
	seg_brief_forget(member);
	assert_true(seg_brief_ends(member) == end);
	seg_brief_end(member, end);
	assert_true(seg_brief_ends(member) > end);
}

static void the_more_partitions_are_awake_the_longer_is_the_time_but_not_without_end(void **state)
{
	(void)state;
	int64_t before = seg_brief_ends(member);
	member->awake_count = 2 * PARTITIONS;
	seg_brief_end(member, NOW);
	assert_true(seg_brief_ends(member) - NOW == 2 * (before - NOW));
	member->awake_count = 1000000;
	seg_brief_end(member, NOW);
	assert_true(seg_brief_ends(member) - NOW <= 5 * SEG_MS);
}

static void whatever_may_concern_any_partition_needs_a_full_round(void **state)
{
	(void)state;
	assert_true(seg_brief_suffices(member, false, NOW));
	assert_false(seg_brief_suffices(member, true, NOW));
	member->notes.what = 1;
	assert_false(seg_brief_suffices(member, false, NOW));
	member->notes.what = 0;
	member->phase = SEG_PHASE_LEAVING;
	assert_false(seg_brief_suffices(member, false, NOW));
}

static void few_partitions_get_full_rounds_only(void **state)
{
	(void)state;
	member->awake_count = 8;
	assert_false(seg_brief_suffices(member, false, NOW));
}

static void a_thread_that_is_not_kicked_gets_full_rounds_only(void **state)
{
	(void)state;
	member->options.idle = SEG_IDLE_SPIN;
	assert_false(seg_brief_suffices(member, false, NOW));
	member->options.idle = SEG_IDLE_YIELD;
	assert_false(seg_brief_suffices(member, false, NOW));
}

static void a_partition_is_heard_once_until_the_round_forgets(void **state)
{
	(void)state;
	seg_brief_heard(&first[3]);
	seg_brief_heard(&first[5]);
	seg_brief_heard(&first[3]);
	assert_int_equal(member->brief.count, 2);
	assert_ptr_equal(member->brief.heard[0], &first[3]);
	assert_ptr_equal(member->brief.heard[1], &first[5]);
	seg_brief_forget(member);
	assert_int_equal(member->brief.count, 0);
	seg_brief_heard(&first[3]);
	assert_int_equal(member->brief.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(rounds_soon_after_a_full_one_are_brief),
		TEST(brief_rounds_do_not_put_off_the_next_full_one),
		TEST(the_more_partitions_are_awake_the_longer_is_the_time_but_not_without_end),
		TEST(whatever_may_concern_any_partition_needs_a_full_round),
		TEST(few_partitions_get_full_rounds_only),
		TEST(a_thread_that_is_not_kicked_gets_full_rounds_only),
		TEST(a_partition_is_heard_once_until_the_round_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
