/*
 * Which messages beyond a position are done, and the text of that for Redis.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "partition/beyond_text.h"

static seg_beyond beyond;
static seg_beyond_text written;

static int teardown(void **state)
{
	(void)state;
	seg_beyond_fini(&beyond);
	seg_beyond_text_fini(&written);
	return 0;
}

static seg_id id(uint64_t ms, uint64_t seq)
{
	return (seg_id){ms, seq};
}

static bool has(uint64_t ms, uint64_t seq)
{
	return seg_beyond_has(&beyond, id(ms, seq));
}

static void hole(seg_id first, seg_id last)
{
	assert_true(seg_beyond_add_hole(&beyond, first, last));
}

static void encodes(seg_id position, const char *expected)
{
	const char *text = seg_beyond_text_write(&written, &beyond, position, 0);
	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(written.length, strlen(expected));
}

static int decodes(seg_id position, const char *text)
{
	return seg_beyond_decode(&beyond, position, text, strlen(text));
}

/* --- membership --------------------------------------------------------------------------- */

static void nothing_is_done_in_an_empty_set(void **state)
{
	(void)state;
	assert_true(seg_beyond_is_empty(&beyond));
	assert_false(has(1, 0));
}

static void what_is_up_to_the_frontier_is_done_but_for_the_holes(void **state)
{
	(void)state;
	hole(id(5, 1), id(5, 3));
	hole(id(7, 0), id(7, 0));
	beyond.frontier = id(9, 2);
	assert_true(has(5, 0));
	assert_false(has(5, 1));
	assert_false(has(5, 3));
	assert_true(has(5, 4));
	assert_true(has(6, UINT64_MAX));
	assert_false(has(7, 0));
	assert_true(has(7, 1));
	assert_true(has(9, 2));
	assert_false(has(9, 3));
	assert_false(has(10, 0));
}

static void a_message_beyond_the_frontier_moves_it_and_leaves_a_hole(void **state)
{
	(void)state;
	assert_true(seg_beyond_add(&beyond, id(5, 0), id(6, 0), id(6, 0)));
	assert_true(has(6, 0));
	assert_false(has(5, 1));
	assert_true(seg_beyond_add(&beyond, id(5, 0), id(6, 1), id(6, 1)));
	assert_int_equal(beyond.hole_count, 1);
	assert_true(seg_beyond_add(&beyond, id(5, 0), id(8, 5), id(8, 5)));
	assert_int_equal(beyond.hole_count, 2);
	assert_false(has(7, 0));
	assert_false(has(8, 4));
	assert_int_equal(beyond.count, 3);
}

static void a_message_right_after_the_position_leaves_no_hole(void **state)
{
	(void)state;
	assert_true(seg_beyond_add(&beyond, id(5, UINT64_MAX), id(6, 0), id(6, 0)));
	assert_int_equal(beyond.hole_count, 0);
	assert_true(has(6, 0));
}

static void a_message_in_a_hole_splits_shortens_or_fills_it(void **state)
{
	(void)state;
	hole(id(5, 0), id(5, 4));
	beyond.frontier = id(6, 0);
	assert_true(seg_beyond_add(&beyond, id(4, 0), id(5, 2), id(5, 2)));
	assert_int_equal(beyond.hole_count, 2);
	assert_true(has(5, 2));
	assert_false(has(5, 1));
	assert_false(has(5, 3));
	assert_true(seg_beyond_add(&beyond, id(4, 0), id(5, 0), id(5, 0)));
	assert_true(seg_beyond_add(&beyond, id(4, 0), id(5, 4), id(5, 4)));
	assert_int_equal(beyond.hole_count, 2);
	assert_true(seg_beyond_add(&beyond, id(4, 0), id(5, 1), id(5, 1)));
	assert_int_equal(beyond.hole_count, 1);
	assert_false(has(5, 3));
	assert_true(seg_beyond_add(&beyond, id(4, 0), id(5, 3), id(5, 3)));
	assert_int_equal(beyond.hole_count, 0);
	/* Once more changes nothing. */
	uint64_t count = beyond.count;
	assert_true(seg_beyond_add(&beyond, id(4, 0), id(5, 3), id(5, 3)));
	assert_int_equal(beyond.count, count);
}

static void an_entry_is_done_with_all_ids_up_to_its_own(void **state)
{
	(void)state;
	/* It lies behind the frontier: what is between is a hole. */
	assert_true(seg_beyond_add(&beyond, id(5, 0), id(6, 1), id(7, 0)));
	assert_true(seg_beyond_has_entry(&beyond, id(6, 0), id(7, 0)));
	assert_false(has(6, 0));
	assert_int_equal(beyond.hole_count, 1);
	assert_int_equal(beyond.count, 1);
	/* Some of its messages are done: it fills the holes of the others. */
	seg_beyond_clear(&beyond);
	hole(id(5, 1), id(5, 3));
	hole(id(5, 5), id(5, 5));
	hole(id(5, 7), id(5, 9));
	beyond.frontier = id(6, 0);
	assert_true(seg_beyond_add(&beyond, id(5, 0), id(5, 2), id(5, 8)));
	assert_int_equal(beyond.hole_count, 2);
	assert_false(has(5, 1));
	assert_true(seg_beyond_has_entry(&beyond, id(5, 1), id(5, 8)));
	assert_false(has(5, 9));
	assert_int_equal(beyond.frontier.ms, 6);
	/* In part behind the frontier. */
	assert_true(seg_beyond_add(&beyond, id(5, 0), id(5, 9), id(8, 0)));
	assert_int_equal(beyond.hole_count, 1);
	assert_int_equal(beyond.frontier.ms, 8);
	assert_true(has(5, 9));
}

static void there_is_a_most_of_holes(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < SEG_BEYOND_HOLES_MAX; i++)
		hole(id(2 * i + 1, 0), id(2 * i + 1, 0));
	assert_false(seg_beyond_add_hole(&beyond, id(UINT64_MAX, 0), id(UINT64_MAX, 0)));
	beyond.frontier = id(UINT64_MAX - 2, 0);
	assert_false(seg_beyond_add(&beyond, id(0, 0), id(UINT64_MAX, 0), id(UINT64_MAX, 0)));
	assert_int_equal(beyond.frontier.ms, UINT64_MAX - 2);
}

/* --- the text -------------------------------------------------------------------------------- */

static void ids_are_written_as_distances_from_the_one_before(void **state)
{
	(void)state;
	hole(id(100, 6), id(100, 6));
	hole(id(100, 9), id(103, 2));
	hole(id(103, 4), id(103, 5));
	beyond.frontier = id(200, 0);
	beyond.count = 42;
	encodes(id(100, 5), "1,3:3-2,2:1 200-0 42");
}

static void a_set_without_holes_has_a_text_too(void **state)
{
	(void)state;
	beyond.frontier = id(7, 1);
	beyond.count = 3;
	encodes(id(5, 0), "- 7-1 3");
	assert_int_equal(decodes(id(5, 0), "- 7-1 3"), 0);
	assert_true(has(7, 1));
	assert_int_equal(beyond.hole_count, 0);
}

static void a_text_is_read_back_as_it_was_written(void **state)
{
	(void)state;
	seg_id position = id(0, 3), last = position;
	srand(1);
	for (int i = 0; i < 1000; i++) {
		seg_id first = rand() % 2 ? id(last.ms, last.seq + 1 + (uint64_t)rand() % 9)
					  : id(last.ms + 1 + (uint64_t)rand() % 5000, (uint64_t)rand() % 3);
		last = rand() % 2 ? first : id(first.ms + (uint64_t)rand() % 2, first.seq + 1);
		hole(first, last);
	}
	beyond.frontier = id(last.ms, last.seq + 1);
	beyond.count = 1234;
	const char *text = seg_beyond_text_write(&written, &beyond, position, 0);
	seg_beyond again = {0};
	assert_int_equal(seg_beyond_decode(&again, position, text, written.length), 0);
	assert_int_equal(again.hole_count, beyond.hole_count);
	assert_memory_equal(again.holes, beyond.holes, beyond.hole_count * sizeof(seg_hole));
	assert_int_equal(seg_id_compare(again.frontier, beyond.frontier), 0);
	assert_int_equal(again.count, 1234);
	seg_beyond_fini(&again);
}

static void the_largest_ids_fit_into_a_text(void **state)
{
	(void)state;
	hole(id(UINT64_MAX, UINT64_MAX - 2), id(UINT64_MAX, UINT64_MAX - 1));
	beyond.frontier = id(UINT64_MAX, UINT64_MAX);
	beyond.count = UINT64_MAX;
	const char *text = seg_beyond_text_write(&written, &beyond, id(0, 0), 0);
	assert_int_equal(seg_beyond_decode(&beyond, id(0, 0), text, written.length), 0);
	assert_true(has(UINT64_MAX, UINT64_MAX));
}

/* What was kept is not written again: a change in it must not show. */
static void a_text_goes_on_behind_the_holes_that_are_kept(void **state)
{
	(void)state;
	hole(id(5, 1), id(5, 3));
	hole(id(5, 7), id(5, 7));
	beyond.frontier = id(5, 8);
	beyond.count = 2;
	encodes(id(5, 0), "1:2,4 5-8 2");
	beyond.holes[0].first = id(5, 2);
	beyond.holes[1].first = id(5, 6);
	assert_string_equal(seg_beyond_text_write(&written, &beyond, id(5, 0), 1), "1:2,3:1 5-8 2");
	assert_string_equal(seg_beyond_text_after(&written, "ab.1"), "ab.1 5-0 1:2,3:1 5-8 2");
	/* After another position, all is. */
	assert_string_equal(seg_beyond_text_write(&written, &beyond, id(4, 0), 2), "1-2:1,3:1 5-8 2");
	assert_string_equal(seg_beyond_text_after(&written, "n"), "n 4-0 1-2:1,3:1 5-8 2");
}

static void a_malformed_text_is_an_error_and_leaves_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"-",
		"- ",
		"- 7-1",
		"- 7-1 ",
		"- 7-1 x",
		"- 7-1 3 ",
		"- 7 3",
		"- 5-0 3",   /* not after the position */
		"0 7-1 3",   /* a hole at the position */
		"1,0 7-1 3", /* at the hole before */
		"1, 7-1 3",
		",1 7-1 3",
		"1: 7-1 3",
		"1:0-2 7-1 3", /* the distance of another ms is above 0 */
		"2-1 7-1 3",   /* the hole is at the frontier */
		"2-0:2 7-1 3", /* and it ends behind it */
		"1 7-1 3x",
		"a 7-1 3",
		"18446744073709551616 7-1 3",
		"18446744073709551611-0 7-1 3",
		"- 18446744073709551616-0 3",
		"- 7-1 18446744073709551616",
		"1-18446744073709551615:1 99-0 3",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (decodes(id(5, 0), texts[i]) != SEG_EINVAL)
			fail_msg("taken: \"%s\"", texts[i]);
		assert_true(seg_beyond_is_empty(&beyond));
		assert_int_equal(beyond.hole_count, 0);
	}
	/* One that is not cut off, but longer than its length says. */
	assert_int_equal(seg_beyond_decode(&beyond, id(5, 0), "- 7-1 3 more", 7), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_done_in_an_empty_set),
		TEST(what_is_up_to_the_frontier_is_done_but_for_the_holes),
		TEST(a_message_beyond_the_frontier_moves_it_and_leaves_a_hole),
		TEST(a_message_right_after_the_position_leaves_no_hole),
		TEST(a_message_in_a_hole_splits_shortens_or_fills_it),
		TEST(an_entry_is_done_with_all_ids_up_to_its_own),
		TEST(there_is_a_most_of_holes),
		TEST(ids_are_written_as_distances_from_the_one_before),
		TEST(a_set_without_holes_has_a_text_too),
		TEST(a_text_is_read_back_as_it_was_written),
		TEST(the_largest_ids_fit_into_a_text),
		TEST(a_text_goes_on_behind_the_holes_that_are_kept),
		TEST(a_malformed_text_is_an_error_and_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
