/* test_share.c - how many of the messages that wait a lane takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "partition/share.h"

enum { MS = 1000000 };

static void each_lane_has_the_same_share(void **state)
{
	(void)state;
	const seg_share unknown = {0};
	assert_int_equal(seg_share_of(&unknown, 512, 16, 512), 32);
	assert_int_equal(seg_share_of(&unknown, 5, 16, 512), 1);
	assert_int_equal(seg_share_of(&unknown, 10000, 8, 512), 512);
	assert_int_equal(seg_share_of_slots(9, 8), 2);
	assert_int_equal(seg_share_of_slots(8, 8), 1);
}

static void slow_messages_are_taken_for_a_tenth_of_a_second(void **state)
{
	(void)state;
	seg_share share = {0};
	seg_share_note(&share, (int64_t)30 * 10 * MS, 30);
	assert_int_equal(seg_share_of(&share, 10000, 8, 512), 10);
	seg_share_note(&share, (int64_t)5000 * MS, 1);
	assert_int_equal(seg_share_of(&share, 10000, 8, 512), 1);
}

static void quick_messages_are_worth_being_handed_over(void **state)
{
	(void)state;
	seg_share share = {0};
	seg_share_note(&share, MS, 1000);
	assert_int_equal(seg_share_of(&share, 512, 16, 512), 200);
	assert_int_equal(seg_share_of(&share, 512, 16, 100), 100);
}

static void the_newest_cost_counts_for_an_eighth(void **state)
{
	(void)state;
	seg_share share = {0};
	seg_share_note(&share, 8000, 1);
	seg_share_note(&share, 16000, 1);
	assert_true(share.cost > 8999 && share.cost < 9001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_lane_has_the_same_share),
		cmocka_unit_test(slow_messages_are_taken_for_a_tenth_of_a_second),
		cmocka_unit_test(quick_messages_are_worth_being_handed_over),
		cmocka_unit_test(the_newest_cost_counts_for_an_eighth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
