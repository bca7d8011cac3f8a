/* The beat: when the partitions of a member commit together, and how many commits lengthen it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "group/beat.h"

#define INTERVAL (5 * SEG_MS)

/* A beat that so many partitions commit with. */
static seg_beat beat_of(uint32_t commits, int64_t at)
{
	seg_beat beat = {0};
	for (uint32_t i = 0; i < commits; i++)
		seg_beat_note(&beat, INTERVAL, false, at);
	return beat;
}

static int64_t pause_after(uint32_t commits, int64_t interval, bool awaited)
{
	const int64_t at = 1000 * SEG_SECOND;
	seg_beat beat = beat_of(commits, at);
	return seg_beat_next(&beat, interval, awaited, at + 1) - at;
}

static void the_first_commit_need_not_wait(void **state)
{
	(void)state;
	seg_beat beat = {0};
	assert_true(seg_beat_next(&beat, INTERVAL, false, SEG_SECOND) <= SEG_SECOND);
}

static void other_partitions_commit_with_the_first_one(void **state)
{
	(void)state;
	seg_beat beat = beat_of(1, SEG_SECOND);
	assert_int_equal(seg_beat_next(&beat, INTERVAL, false, SEG_SECOND), SEG_SECOND);
}

static void the_next_beat_comes_an_interval_later(void **state)
{
	(void)state;
	assert_int_equal(pause_after(1, INTERVAL, false), INTERVAL);
	assert_int_equal(pause_after(INTERVAL / SEG_BEAT_PER_COMMIT, INTERVAL, false), INTERVAL);
}

static void many_commits_delay_the_next_beat(void **state)
{
	(void)state;
	assert_int_equal(pause_after(50, INTERVAL, false), 50 * SEG_BEAT_PER_COMMIT);
	assert_int_equal(pause_after(200, INTERVAL, false), 200 * SEG_BEAT_PER_COMMIT);
}

static void no_beat_is_delayed_for_long(void **state)
{
	(void)state;
	assert_int_equal(pause_after(10000, INTERVAL, false), SEG_BEAT_MOST);
	assert_int_equal(pause_after(10000, 60 * SEG_SECOND, false), 60 * SEG_SECOND);
	assert_int_equal(pause_after(500, 120 * SEG_MS, false), 120 * SEG_MS);
}

static void a_caller_that_waits_gets_the_interval(void **state)
{
	(void)state;
	assert_int_equal(pause_after(200, INTERVAL, true), INTERVAL);
}

static void without_an_interval_nothing_waits(void **state)
{
	(void)state;
	assert_int_equal(pause_after(200, 0, false), 0);
}

static void a_new_beat_counts_anew(void **state)
{
	(void)state;
	seg_beat beat = beat_of(200, SEG_SECOND);
	seg_beat_note(&beat, INTERVAL, false, 2 * SEG_SECOND);
	assert_int_equal(beat.at, 2 * SEG_SECOND);
	assert_int_equal(beat.sent, 1);
}

/* Else a partition that commits again and again would keep the others waiting for ever. */
static void commits_between_two_beats_delay_no_other(void **state)
{
	(void)state;
	seg_beat beat = beat_of(50, SEG_SECOND);
	int64_t next = seg_beat_next(&beat, INTERVAL, false, SEG_SECOND + 1);
	for (int64_t now = SEG_SECOND + 1; now < next; now += SEG_MS / 10)
		seg_beat_note(&beat, INTERVAL, false, now);
	assert_int_equal(seg_beat_next(&beat, INTERVAL, false, next - 1), next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_commit_need_not_wait),
		cmocka_unit_test(other_partitions_commit_with_the_first_one),
		cmocka_unit_test(the_next_beat_comes_an_interval_later),
		cmocka_unit_test(many_commits_delay_the_next_beat),
		cmocka_unit_test(no_beat_is_delayed_for_long),
		cmocka_unit_test(a_caller_that_waits_gets_the_interval),
		cmocka_unit_test(without_an_interval_nothing_waits),
		cmocka_unit_test(a_new_beat_counts_anew),
		cmocka_unit_test(commits_between_two_beats_delay_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
