/*
 * The books of a partition with lanes: messages are done out of order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/books.h"

enum { LIMIT = 20 };

static seg_beyond earlier;

/* The ownership has so many lanes. */
static void begins_with_lanes(uint32_t parallel)
{
	seg_ledger_end(&books.ledger);
	seg_ledger_fini(&books.ledger);
	books.limits.parallel = parallel;
	seg_ledger_init(&books.ledger, &books.limits, &books.stock, &books.handoff);
	seg_ledger_begin(&books.ledger, (seg_id){10, 0}, 100);
}

static int set_up(void **state)
{
	if (test_books_set_up(state))
		return -1;
	books.epoch = 1;
	books.limits.in_flight_bytes = 100000;
	books.limits.beyond_limit = LIMIT;
	begins_with_lanes(2);
	return 0;
}

static int tear_down(void **state)
{
	test_books_tear_down(state);
	seg_beyond_fini(&earlier);
	return 0;
}

static void reads(uint64_t ms, int count)
{
	test_books_deliver(ms, count, 1);
}

/* The message of that number is done; its outputs are added once `unadded` is 0. */
static seg_completion *completes(uint64_t number, size_t outputs)
{
	seg_completion *c = seg_completion_create();
	*seg_completion_add_done(c, 1) = number;
	for (size_t i = 0; i < outputs; i++)
		seg_completion_add_emission(c);
	seg_handoff_complete(&books.handoff, c);
	return c;
}

static void gives_back(void)
{
	seg_handoff_give_back(&books.handoff, seg_handoff_take(&books.handoff));
}

static void commits(void)
{
	test_books_commit();
	seg_ledger_done_committed(&books.ledger, seg_ledger_done(&books.ledger));
}

/* `<done> <set>`, or a sign in place of the set. */
static void writes(const char *expected)
{
	static const char nonce[] = "ab.1";
	char text[200], position[SEG_ID_TEXT_MAX];
	size_t lead = (size_t)snprintf(text, sizeof(text), "%s %s ", nonce,
				       seg_id_format(books.ledger.handled, position));
	const char *beyond = seg_ledger_beyond_text(&books.ledger, nonce);
	assert_non_null(beyond);
	if (beyond[1]) {
		assert_memory_equal(beyond, text, lead);
		beyond += lead;
	}
	snprintf(text, sizeof(text), "%d %s", (int)seg_ledger_done_of_epoch(&books.ledger), beyond);
	assert_string_equal(text, expected);
}

static void a_message_that_is_done_out_of_order_is_due_and_the_position_waits(void **state)
{
	(void)state;
	reads(11, 4);
	assert_false(seg_ledger_collect(&books.ledger));
	completes(2, 0);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 10);
	assert_int_equal(seg_ledger_uncommitted(&books.ledger), 1);
	writes("1 1-0:1-0 13-0 1");
	commits();
	assert_false(seg_ledger_collect(&books.ledger));
	completes(0, 0);
	completes(1, 0);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 13);
	assert_int_equal(books.ledger.handled_count, 3);
	writes("3 -");
	writes("3 =");
}

static void a_completion_whose_outputs_are_missing_holds_up_those_behind_it(void **state)
{
	(void)state;
	reads(11, 4);
	seg_completion *first = completes(3, 1);
	completes(0, 0);
	assert_false(seg_ledger_collect(&books.ledger));
	first->unadded = 0;
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 11);
	assert_int_equal(seg_ledger_done(&books.ledger), 2);
}

static void batches_come_back_before_their_messages_are_done(void **state)
{
	(void)state;
	reads(11, 4);
	reads(15, 4);
	gives_back();
	seg_ledger_collect(&books.ledger);
	assert_int_equal(books.ledger.outstanding_count, 1);
	assert_int_equal(books.ledger.spare_count, 1);
	assert_true(seg_ledger_expects(&books.ledger));
}

static void parked_messages_make_room_in_the_window(void **state)
{
	(void)state;
	reads(11, 4);
	reads(15, 4);
	reads(19, 4);
	assert_false(seg_ledger_ready_target(&books.ledger));
	atomic_store(&books.handoff.worker.parked, 4);
	gives_back();
	seg_ledger_collect(&books.ledger);
	assert_true(seg_ledger_ready_target(&books.ledger));
	assert_int_equal(seg_ledger_unhandled(&books.ledger), 8);
}

static void what_is_done_and_committed_beyond_the_position_makes_room(void **state)
{
	(void)state;
	reads(11, 4);
	reads(15, 4);
	reads(19, 4);
	for (uint64_t n = 1; n < 12; n++)
		completes(n, 0);
	gives_back();
	seg_ledger_collect(&books.ledger);
	assert_false(seg_ledger_ready_target(&books.ledger));
	commits();
	assert_true(seg_ledger_ready_target(&books.ledger));
}

static void reading_stops_at_beyond_limit_and_goes_on_when_the_position_moves(void **state)
{
	(void)state;
	uint64_t number = 1, done;
	seg_id id;
	for (uint64_t ms = 11; seg_ledger_ready_target(&books.ledger); ms += 4) {
		assert_false(seg_ledger_is_held_up(&books.ledger, &id, &done));
		reads(ms, 4);
		gives_back();
		for (; number < books.ledger.fetched_count; number++)
			completes(number, 0);
		seg_ledger_collect(&books.ledger);
		commits();
	}
	assert_true(books.ledger.fetched_count >= LIMIT);
	assert_true(books.ledger.fetched_count <= LIMIT + TEST_BOOKS_BATCH * TEST_BOOKS_BATCHES);
	assert_true(seg_ledger_is_held_up(&books.ledger, &id, &done));
	assert_int_equal(id.ms, 11);
	assert_int_equal(done, books.ledger.fetched_count - 1);
	completes(0, 0);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled_count, books.ledger.fetched_count);
	commits();
	assert_false(seg_ledger_is_held_up(&books.ledger, &id, &done));
	assert_true(seg_ledger_ready_target(&books.ledger));
}

static void skips(const char *set)
{
	assert_int_equal(seg_beyond_decode(&earlier, (seg_id){10, 0}, set, strlen(set)), 0);
	seg_ledger_skip(&books.ledger, &earlier);
}

static void what_earlier_owners_have_done_counts_as_done_and_is_kept(void **state)
{
	(void)state;
	/* 11 and 14 are not done; 12, 13 and 15 to 18 are. */
	skips("1-0,3-0 18-0 6");
	reads(11, 3);
	assert_false(seg_ledger_collect(&books.ledger));
	writes("0 1-0,3-0 18-0 6");
	completes(0, 0);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 13);
	assert_int_equal(seg_ledger_done(&books.ledger), 1);
	writes("1 1-0 18-0 4");
	commits();
	/* No message of this ownership has become done, and yet the position moves. */
	reads(15, 4);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 18);
	assert_int_equal(seg_ledger_unhandled(&books.ledger), 0);
}

static void an_owner_without_lanes_keeps_what_is_left_of_what_earlier_ones_have_done(void **state)
{
	(void)state;
	begins_with_lanes(1);
	assert_false(seg_ledger_keeps_beyond(&books.ledger));
	/* 11 and 14 are not done; 12, 13 and 15 to 18 are. */
	skips("1-0,3-0 18-0 6");
	assert_true(seg_ledger_keeps_beyond(&books.ledger));
	assert_false(seg_ledger_collect(&books.ledger));
	reads(11, 4);
	seg_handoff_handled(&books.handoff, 2);
	assert_true(seg_ledger_collect(&books.ledger));
	writes("2 2-0 18-0 5");
	commits();
	assert_false(seg_ledger_collect(&books.ledger));
	/* 13 and 14, one of them as a dead letter: its call has moved the position in Redis, and the set must follow. */
	seg_ledger_committed(&books.ledger, (seg_id){14, 0}, 4);
	seg_handoff_handled(&books.handoff, 4);
	assert_true(seg_ledger_collect(&books.ledger));
	writes("4 - 18-0 4");
	assert_false(seg_ledger_collect(&books.ledger));
	gives_back();
	reads(15, 4);
	seg_handoff_handled(&books.handoff, 8);
	assert_true(seg_ledger_collect(&books.ledger));
	writes("8 -");
	assert_false(seg_ledger_keeps_beyond(&books.ledger));
}

static void a_new_ownership_forgets_what_the_last_one_had_done(void **state)
{
	(void)state;
	reads(11, 4);
	completes(2, 0);
	seg_ledger_collect(&books.ledger);
	seg_ledger_end(&books.ledger);
	/* The release still needs it. */
	writes("1 1-0:1-0 13-0 1");
	seg_ledger_settle(&books.ledger);
	seg_ledger_begin(&books.ledger, (seg_id){10, 0}, 100);
	assert_false(seg_ledger_collect(&books.ledger));
	/* The count goes on: after a claim in the same epoch, Redis would take a lower one for a call that comes late. */
	writes("2 =");
	reads(11, 4);
	assert_int_equal(seg_ledger_unhandled(&books.ledger), 4);
}

/* Reads an entry of packed records that cannot be unpacked, and hands it over. */
static void reads_what_it_cannot_unpack(const char *id)
{
	assert_true(test_books_read());
	assert_true(seg_parser_entry(&books.ledger.parser, id, strlen(id), 2));
	assert_true(seg_parser_text(&books.ledger.parser, "packed", 6));
	assert_true(seg_parser_text(&books.ledger.parser, "?", 1));
	assert_int_equal(seg_ledger_deliver(&books.ledger, 7, 1).messages, 1);
}

static void an_entry_that_can_no_longer_be_unpacked_is_done_only_if_all_its_records_are(void **state)
{
	(void)state;
	skips("10-0:2 30-4 7");
	reads_what_it_cannot_unpack("20-4");
	assert_int_equal(seg_ledger_unhandled(&books.ledger), 1);
	reads_what_it_cannot_unpack("30-4");
	assert_int_equal(seg_ledger_unhandled(&books.ledger), 1);
}

static void the_records_of_an_entry_that_could_not_be_unpacked_are_not_done(void **state)
{
	(void)state;
	reads(11, 2);
	reads_what_it_cannot_unpack("20-4");
	reads(21, 1);
	completes(1, 0);
	completes(3, 0);
	seg_ledger_collect(&books.ledger);
	writes("2 1-0,9-0:4 21-0 2");
}

static void a_dead_letter_counts_as_done(void **state)
{
	(void)state;
	reads(11, 4);
	seg_ledger_mark(&books.ledger, 1);
	writes("1 1-0 12-0 1");
	completes(1, 0);
	seg_ledger_collect(&books.ledger);
	assert_int_equal(seg_ledger_done(&books.ledger), 1);
}

static void a_read_brings_a_message_for_each_lane(void **state)
{
	(void)state;
	books.limits.parallel = 64;
	books.limits.in_flight_batches = 0;
	seg_ledger_begin(&books.ledger, (seg_id){10, 0}, 100);
	assert_int_equal(books.ledger.read_size, 64);
	assert_int_equal(seg_ledger_window(&books.ledger), 64 * SEG_LEDGER_BATCHES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_that_is_done_out_of_order_is_due_and_the_position_waits),
		TEST(a_completion_whose_outputs_are_missing_holds_up_those_behind_it),
		TEST(batches_come_back_before_their_messages_are_done),
		TEST(parked_messages_make_room_in_the_window),
		TEST(what_is_done_and_committed_beyond_the_position_makes_room),
		TEST(reading_stops_at_beyond_limit_and_goes_on_when_the_position_moves),
		TEST(what_earlier_owners_have_done_counts_as_done_and_is_kept),
		TEST(an_owner_without_lanes_keeps_what_is_left_of_what_earlier_ones_have_done),
		TEST(a_new_ownership_forgets_what_the_last_one_had_done),
		TEST(an_entry_that_can_no_longer_be_unpacked_is_done_only_if_all_its_records_are),
		TEST(the_records_of_an_entry_that_could_not_be_unpacked_are_not_done),
		TEST(a_dead_letter_counts_as_done),
		TEST(a_read_brings_a_message_for_each_lane),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
