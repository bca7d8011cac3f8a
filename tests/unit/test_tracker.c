/*
 * Which messages of an ownership are done, out of order: the position, and the set beyond it.
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
#include "partition/tracker.h"

static seg_tracker tracker;
static seg_beyond earlier, set;
static seg_beyond_text text;

/* Message n of the log has this id; the position of the claim is that of message -1. */
static seg_id id(uint64_t n)
{
	return (seg_id){100 + n / 3, n % 3};
}

static int setup(void **state)
{
	(void)state;
	seg_tracker_begin(&tracker, (seg_id){99, 2});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	seg_tracker_fini(&tracker);
	seg_beyond_fini(&earlier);
	seg_beyond_fini(&set);
	seg_beyond_text_fini(&text);
	return 0;
}

static void come(uint64_t count)
{
	assert_true(seg_tracker_reserve(&tracker, count));
	for (uint64_t i = 0; i < count; i++)
		seg_tracker_enter(&tracker, id(tracker.end), seg_beyond_has(&earlier, id(tracker.end)));
}

static void done(uint64_t number)
{
	assert_true(seg_tracker_mark(&tracker, number));
}

/* What is written, as text. */
static void writes(const char *expected)
{
	size_t kept = seg_tracker_write(&tracker, &earlier, &set);
	if (seg_beyond_is_empty(&set)) {
		assert_string_equal("", expected);
		assert_int_equal(set.hole_count, 0);
		return;
	}
	assert_string_equal(seg_beyond_text_write(&text, &set, tracker.position, kept), expected);
}

/* Writes what has changed since the last time: the set and its text are what they would be if they were written for the first time. */
static void writes_what_a_first_time_would(void)
{
	seg_tracker copy = tracker;
	seg_beyond whole = {0};
	seg_beyond_text whole_text = {0};
	copy.unwritten = 0;
	seg_tracker_write(&copy, &earlier, &whole);
	writes(seg_beyond_is_empty(&whole) ? ""
					   : seg_beyond_text_write(&whole_text, &whole, copy.position, 0));
	seg_beyond_fini(&whole);
	seg_beyond_text_fini(&whole_text);
}

static void the_position_never_passes_a_message_that_is_not_done(void **state)
{
	(void)state;
	come(5);
	done(1);
	done(2);
	assert_int_equal(tracker.first, 0);
	assert_int_equal(seg_id_compare(tracker.position, (seg_id){99, 2}), 0);
	assert_int_equal(seg_tracker_beyond(&tracker), 2);
	done(0);
	assert_int_equal(tracker.first, 3);
	assert_int_equal(seg_id_compare(tracker.position, id(2)), 0);
	assert_int_equal(seg_tracker_beyond(&tracker), 0);
}

static void a_message_is_done_once(void **state)
{
	(void)state;
	come(3);
	done(1);
	assert_false(seg_tracker_mark(&tracker, 1));
	done(0);
	assert_false(seg_tracker_mark(&tracker, 0));
	assert_false(seg_tracker_mark(&tracker, 3));
	assert_int_equal(tracker.done_count, 2);
}

static void the_message_that_holds_up_the_position_is_known(void **state)
{
	(void)state;
	seg_id first;
	assert_false(seg_tracker_first(&tracker, &first));
	come(3);
	done(0);
	done(2);
	assert_true(seg_tracker_first(&tracker, &first));
	assert_int_equal(seg_id_compare(first, id(1)), 0);
	done(1);
	assert_false(seg_tracker_first(&tracker, &first));
}

static void what_is_not_done_between_others_is_a_hole(void **state)
{
	(void)state;
	come(9);
	writes("");
	done(1);
	done(4);
	done(5);
	/* 0, 2 and 3 are not done. */
	writes("1-0,2:1-0 101-2 3");
	done(0);
	writes("1:1-0 101-2 2");
	done(2);
	done(3);
	writes("");
}

static void many_messages_wrap_around_and_the_room_grows(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < 50; round++) {
		come(700);
		for (uint64_t n = round * 700; n < (round + 1) * 700; n++)
			if (n % 100 != 7 || n < 30000)
				done(n);
	}
	assert_int_equal(tracker.first, 30007);
	assert_int_equal(tracker.done_count, 35000 - 50);
	seg_tracker_write(&tracker, NULL, &set);
	assert_int_equal(set.hole_count, 50);
	assert_int_equal(set.count, 35000 - 30007 - 50);
	for (uint64_t n = 30007; n < 35000; n++)
		assert_int_equal(seg_beyond_has(&set, id(n)), n % 100 != 7);
}

static void what_an_earlier_owner_has_done_counts_when_it_comes(void **state)
{
	(void)state;
	/* 0, 1 and 4 are not done; the frontier is 5. */
	assert_int_equal(seg_beyond_decode(&earlier, tracker.position, "1-0:1,1-1 101-2 3", 17), 0);
	come(1);
	done(0);
	assert_int_equal(tracker.first, 1);
	come(3);
	assert_int_equal(tracker.done_count, 3);
	done(1);
	assert_int_equal(tracker.first, 4);
}

static void what_an_earlier_owner_has_done_stays_in_the_set_until_it_comes(void **state)
{
	(void)state;
	/* Not done: 0 and 1, 4, 7 to 9; the frontier is 10. */
	const char *stored = "1-0:1,1-1,1-1:2 103-1 5";
	for (uint64_t arrived = 0; arrived <= 12; arrived++) {
		seg_tracker_begin(&tracker, (seg_id){99, 2});
		assert_int_equal(seg_beyond_decode(&earlier, tracker.position, stored, strlen(stored)), 0);
		come(arrived);
		seg_tracker_write(&tracker, &earlier, &set);
		for (uint64_t n = 0; n < 14; n++)
			if (seg_beyond_has(&set, id(n)) != seg_beyond_has(&earlier, id(n)))
				fail_msg("after %d have come, message %d is another", (int)arrived, (int)n);
		/* What is written can be read. */
		const char *again = seg_beyond_text_write(&text, &set, tracker.position, 0);
		assert_int_equal(seg_beyond_decode(&earlier, tracker.position, again, text.length), 0);
	}
}

/* What comes after the newest message, and is done, has no hole before it: the set has none at all. */
static void a_position_that_has_caught_up_keeps_what_is_done_after_it(void **state)
{
	(void)state;
	assert_int_equal(seg_beyond_decode(&earlier, tracker.position, "1-0 102-0 6", 11), 0);
	come(2);
	done(0);
	assert_int_equal(tracker.first, 2);
	seg_tracker_write(&tracker, &earlier, &set);
	assert_int_equal(set.hole_count, 0);
	assert_true(seg_beyond_has(&set, id(6)));
	assert_false(seg_beyond_has(&set, id(7)));
}

/* Any messages done, any set of an earlier owner, any number that has come: the set names what is done, and nothing else. */
static void the_set_is_exactly_what_is_done(void **state)
{
	(void)state;
	srand(3);
	for (int round = 0; round < 3000; round++) {
		enum { MOST = 40 };
		bool is_done[MOST] = {false};
		seg_beyond_clear(&earlier);
		seg_tracker_begin(&tracker, (seg_id){99, 2});
		for (uint64_t n = 0; n < MOST; n++)
			if (rand() % 3 == 0 &&
			    (is_done[n] = seg_beyond_add(&earlier, tracker.position, id(n), id(n))))
				assert_true(is_done[n]);
		uint64_t arrived = (uint64_t)rand() % MOST;
		come(arrived);
		for (uint64_t n = 0; n < arrived; n++)
			if (rand() % 2 && seg_tracker_mark(&tracker, n))
				is_done[n] = true;
		seg_tracker_write(&tracker, &earlier, &set);
		for (uint64_t n = 0; n < MOST; n++) {
			bool before = n < tracker.first;
			assert_int_equal(before || seg_beyond_has(&set, id(n)), is_done[n]);
			if (before)
				assert_true(is_done[n]);
		}
	}
}

static void too_many_holes_make_a_smaller_set_and_no_wrong_one(void **state)
{
	(void)state;
	const uint64_t count = 2 * (uint64_t)SEG_BEYOND_HOLES_MAX + 100;
	come(count);
	for (uint64_t n = 1; n < count; n += 2)
		done(n);
	seg_tracker_write(&tracker, NULL, &set);
	assert_int_equal(set.hole_count, SEG_BEYOND_HOLES_MAX);
	assert_true(seg_id_compare(set.frontier, set.holes[set.hole_count - 1].last) > 0);
	for (uint64_t n = 0; n < count; n++)
		if (seg_beyond_has(&set, id(n)) && n % 2 == 0)
			fail_msg("message %d is not done", (int)n);
	/* Once there is room again, it goes on where it ended. */
	for (uint64_t n = 2; n < 400; n += 2)
		done(n);
	writes_what_a_first_time_would();
	assert_int_equal(seg_id_compare(set.frontier, id(count - 1)), 0);
}

/* Messages come and are done in any order, some long after the others; the set is written now and then. */
static void what_is_written_again_is_what_a_first_time_would_write(void **state)
{
	(void)state;
	srand(5);
	for (int round = 0; round < 300; round++) {
		enum { MOST = 200 };
		seg_beyond_clear(&earlier);
		seg_tracker_begin(&tracker, (seg_id){99, 2});
		for (uint64_t n = 0; round % 2 && n < MOST; n++)
			if (rand() % 3 == 0)
				assert_true(seg_beyond_add(&earlier, tracker.position, id(n), id(n)));
		while (tracker.end < MOST || tracker.first < MOST) {
			uint64_t most = (uint64_t)rand() % 20, left = MOST - tracker.end;
			come(most < left ? most : left);
			for (int i = rand() % 30; i > 0 && tracker.end > 0; i--) {
				uint64_t back = (uint64_t)rand() % 30;
				if (rand() % 50 == 0)
					seg_tracker_mark(&tracker, tracker.first);
				else if (back < tracker.end)
					seg_tracker_mark(&tracker, tracker.end - 1 - back);
			}
			if (tracker.end == MOST && rand() % 4 == 0)
				seg_tracker_mark(&tracker, tracker.first + (uint64_t)rand() % 9);
			writes_what_a_first_time_would();
		}
	}
}

static void only_the_end_of_the_set_is_written_again_while_it_grows(void **state)
{
	(void)state;
	come(900);
	for (uint64_t n = 1; n < 800; n += 2)
		done(n);
	assert_int_equal(seg_tracker_write(&tracker, NULL, &set), 0);
	assert_int_equal(seg_tracker_write(&tracker, NULL, &set), 400);
	done(801);
	assert_int_equal(seg_tracker_write(&tracker, NULL, &set), 400);
	done(600);
	assert_int_equal(seg_tracker_write(&tracker, NULL, &set), 300);
	assert_int_equal(set.hole_count, 400);
	done(0);
	assert_int_equal(seg_tracker_write(&tracker, NULL, &set), 0);
	assert_int_equal(set.hole_count, 399);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_position_never_passes_a_message_that_is_not_done),
		TEST(a_message_is_done_once),
		TEST(the_message_that_holds_up_the_position_is_known),
		TEST(what_is_not_done_between_others_is_a_hole),
		TEST(many_messages_wrap_around_and_the_room_grows),
		TEST(what_an_earlier_owner_has_done_counts_when_it_comes),
		TEST(what_an_earlier_owner_has_done_stays_in_the_set_until_it_comes),
		TEST(a_position_that_has_caught_up_keeps_what_is_done_after_it),
		TEST(the_set_is_exactly_what_is_done),
		TEST(too_many_holes_make_a_smaller_set_and_no_wrong_one),
		TEST(what_is_written_again_is_what_a_first_time_would_write),
		TEST(only_the_end_of_the_set_is_written_again_while_it_grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
