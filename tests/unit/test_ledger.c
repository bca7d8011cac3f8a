/*
 * The books of a partition: what was fetched, handled and committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "harness/books.h"

/* --- positions --------------------------------------------------------------------------------- */

static void a_new_ownership_begins_at_its_position_whatever_the_last_one_did(void **state)
{
	(void)state;
	test_books_deliver(11, 3, 1);
	test_books_handle(2, false);
	seg_ledger_collect(&books.ledger);
	test_books_commit();
	seg_ledger_end(&books.ledger);
	test_books_begin((seg_id){5, 1}, -1);
	assert_int_equal(books.ledger.fetched.ms, 5);
	assert_int_equal(books.ledger.handled.seq, 1);
	assert_false(seg_ledger_collect(&books.ledger));
	assert_int_equal(seg_ledger_uncommitted(&books.ledger), 0);
	test_books_deliver(6, 1, 1);
	assert_int_equal(seg_handoff_take(&books.handoff)->sequence, 0);
}

static void batches_carry_partition_epoch_and_a_number_that_goes_on(void **state)
{
	(void)state;
	books.epoch = 77;
	test_books_deliver(11, 3, 1);
	test_books_deliver(14, 2, 1);
	const seg_fetched *first = seg_handoff_take(&books.handoff),
			  *second = seg_handoff_take(&books.handoff);
	assert_int_equal(first->sequence, 0);
	assert_int_equal(second->sequence, 3);
	assert_int_equal(second->batch.partition, 7);
	assert_int_equal(second->batch.epoch, 77);
	assert_int_equal(books.ledger.fetched.ms, 15);
}

static void deleted_entries_are_passed_over_but_hand_nothing_on(void **state)
{
	(void)state;
	assert_true(test_books_read());
	seg_fetched *target = books.ledger.target;
	test_books_arrive(11, -1);
	test_books_arrive(12, -1);
	assert_int_equal(seg_ledger_deliver(&books.ledger, 7, books.epoch).messages, 0);
	assert_int_equal(books.ledger.fetched.ms, 12);
	assert_ptr_equal(books.ledger.target, target);
	assert_null(seg_handoff_take(&books.handoff));
	/* Should Redis have lost its newest writes, ids may begin lower than what was seen. */
	test_books_deliver(11, 1, 1);
	assert_int_equal(books.ledger.fetched.ms, 12);
}

static void the_position_is_the_last_handled_message_also_in_the_middle_of_a_batch(void **state)
{
	(void)state;
	test_books_deliver(11, 4, 1);
	test_books_deliver(21, 4, 1);
	assert_false(seg_ledger_collect(&books.ledger));
	test_books_handle(2, false);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 12);
	test_books_handle(4, true);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 14);
	test_books_handle(7, false);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 23);
	assert_int_equal(books.ledger.handled_count, 7);
	assert_int_equal(books.ledger.committed.ms, 10);
}

static void several_batches_handled_between_two_looks_are_counted_at_once(void **state)
{
	(void)state;
	test_books_deliver(11, 4, 1);
	test_books_deliver(21, 2, 1);
	test_books_deliver(31, 3, 1);
	test_books_handle(4, true);
	test_books_handle(6, true);
	test_books_handle(8, false);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 32);
	assert_int_equal(books.ledger.outstanding_count, 1);
	assert_int_equal(books.ledger.outstanding_bytes, 3);
}

static void what_is_committed_is_not_committed_again(void **state)
{
	(void)state;
	test_books_deliver(11, 4, 1);
	test_books_handle(3, false);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(seg_ledger_uncommitted(&books.ledger), 3);
	test_books_commit();
	assert_int_equal(seg_ledger_uncommitted(&books.ledger), 0);
	assert_false(seg_ledger_collect(&books.ledger));
	test_books_handle(4, true);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(seg_ledger_uncommitted(&books.ledger), 1);
}

static void a_batch_that_came_back_is_kept_until_its_last_message_counts(void **state)
{
	(void)state;
	test_books_deliver(11, 4, 1);
	test_books_handle(3, true);
	seg_ledger_collect(&books.ledger);
	assert_int_equal(books.ledger.outstanding_count, 1);
	assert_int_equal(books.ledger.handled.ms, 13);
	test_books_handle(4, false);
	seg_ledger_collect(&books.ledger);
	assert_int_equal(books.ledger.outstanding_count, 0);
	assert_int_equal(books.ledger.handled.ms, 14);
}

static void entries_read_go_on_from_the_groups_count_or_stay_unknown(void **state)
{
	(void)state;
	assert_int_equal(seg_ledger_entries_read(&books.ledger, (seg_id){20, 0}, 5), 105);
	test_books_begin((seg_id){10, 0}, -1);
	assert_int_equal(seg_ledger_entries_read(&books.ledger, (seg_id){20, 0}, 5), -1);
	test_books_begin((seg_id){10, 0}, 0);
	assert_int_equal(seg_ledger_entries_read(&books.ledger, (seg_id){20, 0}, 5), 5);
}

static void removed_messages_count_as_read_once_the_position_is_past_them(void **state)
{
	(void)state;
	assert_int_equal(seg_ledger_look(&books.ledger), 0);
	seg_ledger_removed(&books.ledger, (seg_id){14, 0}, 3);
	assert_int_equal(seg_ledger_entries_read(&books.ledger, (seg_id){13, 9}, 5), 105);
	assert_int_equal(seg_ledger_entries_read(&books.ledger, (seg_id){14, 0}, 5), 108);
	/* Nothing up to there is handled yet when Redis is asked again. */
	assert_int_equal(seg_ledger_look(&books.ledger), 0);
	assert_int_equal(seg_ledger_entries_read(&books.ledger, (seg_id){14, 0}, 5), 105);
	seg_ledger_removed(&books.ledger, (seg_id){15, 0}, 4);
	books.ledger.handled = (seg_id){15, 0};
	assert_int_equal(seg_ledger_look(&books.ledger), 4);
	assert_int_equal(seg_ledger_entries_read(&books.ledger, (seg_id){15, 0}, 5), 109);
}

/* --- the end ------------------------------------------------------------------------------------- */

static void at_the_end_every_batch_is_back_wherever_it_was(void **state)
{
	(void)state;
	test_books_deliver(11, 2, 1);
	test_books_deliver(21, 2, 1);
	test_books_handle(2, true);
	seg_handoff_take(&books.handoff);
	assert_true(seg_ledger_ready_target(&books.ledger));
	seg_ledger_end(&books.ledger);
	assert_int_equal(books.ledger.outstanding_count, 0);
	assert_int_equal(books.ledger.outstanding_bytes, 0);
	assert_int_equal(books.ledger.spare_count, 0);
	assert_int_equal(books.ledger.batch_count, 1); /* the target: a read may be under way */
	assert_non_null(books.ledger.target);
}

static void a_batch_that_a_caller_still_holds_at_the_end_is_left_to_it(void **state)
{
	(void)state;
	test_books_deliver(11, 1, 1);
	seg_fetched *held = seg_handoff_take(&books.handoff);
	seg_fetched_retain(held);
	seg_ledger_end(&books.ledger);
	assert_int_equal(books.ledger.batch_count, 0);
	assert_int_equal(held->batch.messages[0].id.ms, 11);
	seg_fetched_release(held);
}

/* --- all of it at random ------------------------------------------------------------------------- */

enum { STEPS = 60000 };
static uint64_t id_of_message[STEPS * TEST_BOOKS_BATCH];

/* The worker's side of the walk: batches it has not given back. */
static seg_fetched *in_hand;
static uint64_t done;

static void walk_read(uint64_t *next_id)
{
	if (!test_books_read())
		return;
	size_t asked = seg_ledger_read_count(&books.ledger);
	size_t got = (size_t)rand() % (asked + 1);
	for (size_t i = 0; i < got; i++) {
		bool deleted = rand() % 10 == 0;
		if (!deleted)
			id_of_message[books.ledger.fetched_count + books.ledger.target->batch.count] =
				*next_id;
		test_books_arrive((*next_id)++, deleted            ? -1
						: rand() % 50 == 0 ? rand() % TEST_BOOKS_BYTES
								   : rand() % 100);
	}
	seg_ledger_deliver(&books.ledger, 7, books.epoch);
}

static void walk_work(void)
{
	if (!in_hand && !(in_hand = seg_handoff_take(&books.handoff)))
		return;
	uint64_t end = in_hand->sequence + in_hand->batch.count;
	done += (uint64_t)rand() % (end - done + 1);
	seg_handoff_handled(&books.handoff, done);
	if (done < end)
		return;
	seg_handoff_give_back(&books.handoff, in_hand);
	in_hand = NULL;
}

static void whatever_happens_the_window_holds_and_the_position_is_that_of_the_last_handled_message(
	void **state)
{
	(void)state;
	uint64_t next_id = 11;
	srand(1);
	for (int step = 0; step < STEPS; step++) {
		switch (rand() % 4) {
		case 0:
			walk_read(&next_id);
			break;
		case 1:
			walk_work();
			break;
		case 2:
			seg_ledger_collect(&books.ledger);
			assert_int_equal(books.ledger.handled_count, done);
			assert_int_equal(books.ledger.handled.ms, done ? id_of_message[done - 1] : 10);
			break;
		default:
			test_books_commit();
		}
		assert_true(books.ledger.fetched_count - atomic_load(&books.handoff.io.committed) <=
			    seg_ledger_window(&books.ledger));
		assert_true(books.ledger.batch_count <= TEST_BOOKS_BATCHES);
	}
	/* It got somewhere. */
	assert_true(done > STEPS / 10);
}

/* --- completions --------------------------------------------------------------------------------- */

/* The messages [begin, end) are done, with so many changes of `bytes` each; `unadded` outputs are missing. */
static seg_completion *completes(uint64_t begin, uint64_t end, size_t changes, size_t bytes, size_t unadded)
{
	seg_completion *c = seg_completion_create();
	assert_non_null(c);
	c->begin = begin;
	c->end = end;
	for (size_t i = 0; i < changes; i++) {
		seg_change *change = seg_completion_add_change(c);
		assert_non_null(change);
		change->value = seg_completion_alloc(c, bytes);
		change->value_length = bytes;
	}
	for (size_t i = 0; i < unadded; i++)
		assert_non_null(seg_completion_add_emission(c));
	seg_handoff_complete(&books.handoff, c);
	return c;
}

/* Else the I/O thread would not sleep as long as a target is full. */
static void a_batch_that_waits_for_its_outputs_is_no_news(void **state)
{
	(void)state;
	test_books_deliver(11, 2, 10);
	assert_false(seg_ledger_has_news(&books.ledger));
	seg_completion *first = completes(0, 2, 1, 1, 1);
	test_books_handle(2, true);
	assert_true(seg_ledger_has_news(&books.ledger));
	seg_ledger_collect(&books.ledger);
	assert_false(seg_ledger_has_news(&books.ledger));

	test_books_deliver(13, 2, 10);
	test_books_handle(4, true);
	assert_true(seg_ledger_has_news(&books.ledger));
	seg_ledger_collect(&books.ledger);
	assert_false(seg_ledger_has_news(&books.ledger));

	first->unadded = 0;
	seg_ledger_collect(&books.ledger);
	assert_int_equal(books.ledger.outstanding_count, 0);
	assert_false(seg_ledger_has_news(&books.ledger));
}

static void a_batch_that_comes_back_after_its_messages_were_counted_is_news(void **state)
{
	(void)state;
	test_books_deliver(11, 2, 10);
	test_books_handle(2, false);
	seg_ledger_collect(&books.ledger);
	assert_false(seg_ledger_has_news(&books.ledger));
	seg_handoff_give_back(&books.handoff, seg_handoff_take(&books.handoff));
	assert_true(seg_ledger_has_news(&books.ledger));
	seg_ledger_collect(&books.ledger);
	assert_false(seg_ledger_has_news(&books.ledger));
}

static void the_position_waits_for_outputs_and_changes_wait_with_it(void **state)
{
	(void)state;
	test_books_deliver(11, 4, 1);
	seg_completion *first = completes(0, 2, 1, 1, 1);
	completes(2, 3, 1, 1, 0);
	test_books_handle(4, false);
	assert_false(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 10);
	assert_int_equal(books.ledger.changed.count, 0);
	assert_ptr_equal(seg_ledger_take_outputs(&books.ledger), first);
	assert_null(seg_ledger_take_outputs(&books.ledger));
	first->unadded = 0;
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 14);
	assert_int_equal(books.ledger.changed.count, 2);
	assert_false(seg_ledger_is_settled(&books.ledger));
	seg_ledger_changes_committed(&books.ledger, 2);
	assert_true(seg_ledger_is_settled(&books.ledger));
}

static void no_change_counts_before_the_worker_has_counted_its_message(void **state)
{
	(void)state;
	test_books_deliver(11, 3, 1);
	completes(1, 2, 1, 1, 0);
	test_books_handle(1, false);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 11);
	assert_int_equal(books.ledger.changed.count, 0);
	test_books_handle(2, false);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 12);
	assert_int_equal(books.ledger.changed.count, 1);
}

static void the_changes_of_a_commit_are_bounded_and_the_position_ends_before_the_rest(void **state)
{
	(void)state;
	enum { HALF = 2 << 20 };
	test_books_deliver(11, 4, 1);
	for (uint64_t i = 0; i < 4; i++)
		completes(i, i + 1, 1, HALF, 0);
	test_books_handle(4, false);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.changed.count, 2);
	assert_int_equal(books.ledger.handled.ms, 12);
	assert_true(seg_ledger_is_full_of_changes(&books.ledger));
	test_books_commit();
	seg_ledger_changes_committed(&books.ledger, 2);
	assert_false(seg_ledger_is_full_of_changes(&books.ledger));
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.handled.ms, 14);
}

static void a_drain_takes_all_changes_at_once(void **state)
{
	(void)state;
	enum { HALF = 2 << 20 };
	test_books_deliver(11, 4, 1);
	for (uint64_t i = 0; i < 4; i++)
		completes(i, i + 1, 1, HALF, 0);
	test_books_handle(4, false);
	seg_ledger_drain(&books.ledger);
	assert_true(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.changed.count, 4);
	assert_int_equal(books.ledger.handled.ms, 14);
}

static void the_next_ownership_has_no_changes_of_the_last_one(void **state)
{
	(void)state;
	test_books_deliver(11, 3, 1);
	completes(0, 1, 1, 1, 0);
	completes(1, 2, 1, 1, 1);
	test_books_handle(2, false);
	assert_true(seg_ledger_collect(&books.ledger));
	seg_ledger_end(&books.ledger);
	test_books_begin((seg_id){11, 0}, -1);
	assert_false(seg_ledger_collect(&books.ledger));
	assert_int_equal(books.ledger.changed.count, 0);
	assert_int_equal(books.ledger.completions.count, 0);
	assert_null(seg_ledger_take_outputs(&books.ledger));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_books_set_up, test_books_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_ownership_begins_at_its_position_whatever_the_last_one_did),
		TEST(batches_carry_partition_epoch_and_a_number_that_goes_on),
		TEST(deleted_entries_are_passed_over_but_hand_nothing_on),
		TEST(the_position_is_the_last_handled_message_also_in_the_middle_of_a_batch),
		TEST(several_batches_handled_between_two_looks_are_counted_at_once),
		TEST(what_is_committed_is_not_committed_again),
		TEST(a_batch_that_came_back_is_kept_until_its_last_message_counts),
		TEST(entries_read_go_on_from_the_groups_count_or_stay_unknown),
		TEST(removed_messages_count_as_read_once_the_position_is_past_them),
		TEST(at_the_end_every_batch_is_back_wherever_it_was),
		TEST(a_batch_that_a_caller_still_holds_at_the_end_is_left_to_it),
		TEST(a_batch_that_waits_for_its_outputs_is_no_news),
		TEST(a_batch_that_comes_back_after_its_messages_were_counted_is_news),
		TEST(the_position_waits_for_outputs_and_changes_wait_with_it),
		TEST(no_change_counts_before_the_worker_has_counted_its_message),
		TEST(the_changes_of_a_commit_are_bounded_and_the_position_ends_before_the_rest),
		TEST(a_drain_takes_all_changes_at_once),
		TEST(the_next_ownership_has_no_changes_of_the_last_one),
		TEST(whatever_happens_the_window_holds_and_the_position_is_that_of_the_last_handled_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
