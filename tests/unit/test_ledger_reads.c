/*
 * How much of a partition may be on its way at once, and so how much a read asks for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness/books.h"

static void reading_stops_when_every_batch_is_on_its_way_and_goes_on_when_one_is_committed(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < TEST_BOOKS_BATCHES; i++)
		test_books_deliver(11 + 10 * i, TEST_BOOKS_BATCH, 1);
	assert_false(seg_ledger_ready_target(&books.ledger));
	assert_true(books.handoff.io.starved);
	test_books_handle(4, true);
	seg_ledger_collect(&books.ledger);
	test_books_commit();
	assert_true(seg_ledger_ready_target(&books.ledger));
	assert_false(books.handoff.io.starved);
}

static void what_is_handled_but_not_committed_keeps_its_place_in_the_window(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < TEST_BOOKS_BATCHES; i++) {
		test_books_deliver(11 + 10 * i, TEST_BOOKS_BATCH, 1);
		test_books_handle(TEST_BOOKS_BATCH * (i + 1), true);
		seg_ledger_collect(&books.ledger);
	}
	assert_int_equal(books.ledger.outstanding_count, 0);
	assert_false(seg_ledger_ready_target(&books.ledger));
	test_books_commit();
	assert_true(seg_ledger_ready_target(&books.ledger));
}

static void the_bound_on_bytes_stops_reading_but_never_the_only_message(void **state)
{
	(void)state;
	test_books_deliver(11, 1, TEST_BOOKS_BYTES + 1);
	assert_false(seg_ledger_ready_target(&books.ledger));
	test_books_handle(1, true);
	seg_ledger_collect(&books.ledger);
	assert_int_equal(books.ledger.outstanding_bytes, 0);
	assert_true(seg_ledger_ready_target(&books.ledger));
	assert_int_equal(seg_ledger_read_count(&books.ledger), 1);
}

static void a_read_asks_for_what_fits_the_bound_on_bytes(void **state)
{
	(void)state;
	books.limits.batch_size = 512;
	test_books_begin((seg_id){10, 0}, 100);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 64);
	test_books_deliver(11, 1, 99);
	assert_int_equal(seg_ledger_read_count(&books.ledger), TEST_BOOKS_BYTES / TEST_BOOKS_BATCHES / 100);
	books.limits.batch_size = 5;
	test_books_begin((seg_id){10, 0}, 100);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 5);
}

static void the_first_read_asks_for_what_fits_if_the_size_is_known(void **state)
{
	(void)state;
	books.limits.batch_size = 512;
	test_books_begin((seg_id){10, 0}, 100);
	seg_ledger_expect(&books.ledger, 0, 0);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 64);
	seg_ledger_expect(&books.ledger, 10, 0);
	assert_int_equal(seg_ledger_read_count(&books.ledger), TEST_BOOKS_BYTES / TEST_BOOKS_BATCHES / 10);
	seg_ledger_expect(&books.ledger, TEST_BOOKS_BYTES, 0);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 1);
	/* What was read before may come again. */
	test_books_begin((seg_id){20, 0}, 200);
	seg_ledger_expect(&books.ledger, 10, 0);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 1);
}

static void large_messages_are_believed_at_once_and_small_ones_slowly(void **state)
{
	(void)state;
	books.limits.batch_size = 64;
	test_books_begin((seg_id){10, 0}, 100);
	test_books_deliver(11, 1, 0);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 64);
	test_books_handle(1, true);
	seg_ledger_collect(&books.ledger);
	test_books_deliver(12, 1, 999);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 1);
	size_t rounds = 0, last = 1;
	for (uint64_t done = 2; seg_ledger_read_count(&books.ledger) < 64; done++, rounds++) {
		test_books_handle(done, true);
		seg_ledger_collect(&books.ledger);
		test_books_commit();
		test_books_deliver(13 + rounds, 1, 0);
		assert_true(seg_ledger_read_count(&books.ledger) >= last);
		last = seg_ledger_read_count(&books.ledger);
		assert_true(rounds < 100);
	}
	assert_true(rounds > 10);
}

static void batches_are_used_again_and_no_more_are_made_than_allowed(void **state)
{
	(void)state;
	seg_fetched *seen[TEST_BOOKS_BATCHES] = {NULL};
	uint64_t done = 0;
	for (uint64_t round = 0; round < 50; round++) {
		test_books_deliver(11 + round * 2, 2, 1);
		seg_fetched *fetched = seg_handoff_take(&books.handoff);
		size_t i = 0;
		while (i < TEST_BOOKS_BATCHES && seen[i] && seen[i] != fetched)
			i++;
		assert_true(i < TEST_BOOKS_BATCHES);
		seen[i] = fetched;
		seg_handoff_handled(&books.handoff, done += 2);
		seg_handoff_give_back(&books.handoff, fetched);
		seg_ledger_collect(&books.ledger);
		test_books_commit();
	}
	assert_true(books.ledger.batch_count <= TEST_BOOKS_BATCHES);
}

/* --- over a distance ----------------------------------------------------------------------------- */

#define RTT (50 * SEG_MS)

/* A full read ends after `took`, for which the worker had waited. */
static void a_far_read(int64_t took)
{
	seg_ledger_adapt(&books.ledger, RTT, took, 0);
}

static void reads_grow_while_the_worker_waits_for_round_trips(void **state)
{
	(void)state;
	books.limits.in_flight_batches = 0;
	books.limits.in_flight_bytes = 4 << 20;
	test_books_deliver(11, 1, 0);
	a_far_read(RTT);
	assert_int_equal(books.ledger.read_size, 4 * TEST_BOOKS_BATCH);
	/* One message is in flight, and the window is four reads. */
	assert_int_equal(seg_ledger_read_count(&books.ledger), 4 * TEST_BOOKS_BATCH);
	a_far_read(2 * RTT);
	assert_int_equal(books.ledger.read_size, 8 * TEST_BOOKS_BATCH);
	a_far_read(4 * RTT);
	assert_int_equal(books.ledger.read_size, 8 * TEST_BOOKS_BATCH);
	for (int i = 0; i < 20; i++)
		a_far_read(RTT);
	assert_int_equal(books.ledger.read_size, SEG_LEDGER_READ_MAX);
	assert_int_equal(seg_ledger_window(&books.ledger), 4 * SEG_LEDGER_READ_MAX);
}

static void reads_shrink_when_replies_queue_or_the_worker_is_busy_or_redis_is_near(void **state)
{
	(void)state;
	books.limits.in_flight_batches = 0;
	a_far_read(RTT);
	a_far_read(RTT);
	assert_int_equal(books.ledger.read_size, 16 * TEST_BOOKS_BATCH);
	a_far_read(9 * RTT);
	assert_int_equal(books.ledger.read_size, 8 * TEST_BOOKS_BATCH);
	seg_ledger_adapt(&books.ledger, RTT, RTT, 8 * TEST_BOOKS_BATCH);
	assert_int_equal(books.ledger.read_size, 4 * TEST_BOOKS_BATCH);
	seg_ledger_adapt(&books.ledger, RTT, RTT, 1);
	assert_int_equal(books.ledger.read_size, 4 * TEST_BOOKS_BATCH);
	seg_ledger_adapt(&books.ledger, SEG_MS / 2, SEG_MS, 0);
	assert_int_equal(books.ledger.read_size, TEST_BOOKS_BATCH);
	test_books_begin((seg_id){10, 0}, 100);
	assert_int_equal(books.ledger.read_size, TEST_BOOKS_BATCH);
}

static void the_first_read_may_be_large_if_the_size_is_known(void **state)
{
	(void)state;
	books.limits.in_flight_batches = 0;
	books.limits.in_flight_bytes = 64 << 20;
	test_books_begin((seg_id){10, 0}, 100);
	seg_ledger_expect(&books.ledger, 100, 5 * TEST_BOOKS_BATCH * 100);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 5 * TEST_BOOKS_BATCH);
	/* Of large messages it asks for no more than a batch, and of small ones for no more than any read. */
	seg_ledger_expect(&books.ledger, 1000, TEST_BOOKS_BATCH * 1000 / 2);
	assert_int_equal(seg_ledger_read_count(&books.ledger), TEST_BOOKS_BATCH);
	seg_ledger_expect(&books.ledger, 1000, UINT64_MAX);
	assert_int_equal(seg_ledger_read_count(&books.ledger), SEG_LEDGER_READ_MAX);
	/* What may be in flight bounds it, too. */
	books.limits.in_flight_bytes = 2 * 3 * TEST_BOOKS_BATCH * 1000;
	assert_int_equal(seg_ledger_read_count(&books.ledger), 3 * TEST_BOOKS_BATCH);
}

static void without_a_size_the_first_read_is_small_whatever_it_may_bring(void **state)
{
	(void)state;
	books.limits.in_flight_batches = 0;
	books.limits.batch_size = 512;
	test_books_begin((seg_id){10, 0}, 100);
	seg_ledger_expect(&books.ledger, 0, UINT64_MAX);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 64);
	assert_int_equal(books.ledger.read_size, 512);
}

static void a_number_of_batches_in_flight_is_kept_over_a_distance_too(void **state)
{
	(void)state;
	books.limits.in_flight_batches = 6;
	for (int i = 0; i < 5; i++)
		a_far_read(RTT);
	assert_int_equal(books.ledger.read_size, 3 * TEST_BOOKS_BATCH);
	assert_int_equal(seg_ledger_window(&books.ledger), 6 * TEST_BOOKS_BATCH);
	test_books_begin((seg_id){10, 0}, 100);
	seg_ledger_expect(&books.ledger, 1, UINT64_MAX);
	assert_int_equal(books.ledger.read_size, 3 * TEST_BOOKS_BATCH);
}

static void after_a_lost_read_the_next_is_small_and_each_that_comes_lets_the_next_double(void **state)
{
	(void)state;
	uint64_t id = 11;
	books.limits = (seg_ledger_limits){.batch_size = 64, .in_flight_bytes = 1 << 20};
	seg_ledger_fini(&books.ledger);
	seg_ledger_init(&books.ledger, &books.limits, &books.stock, &books.handoff);
	test_books_begin((seg_id){10, 0}, 100);
	static const size_t lost[] = {64, 8, 1, 1};
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		assert_true(seg_ledger_ready_target(&books.ledger));
		assert_int_equal(seg_ledger_read_count(&books.ledger), lost[i]);
		assert_true(test_books_read());
		test_books_arrive(id, 10);
		seg_ledger_read_lost(&books.ledger);
	}
	static const size_t comes[] = {1, 2, 4, 8, 16, 32, 64, 64};
	for (size_t i = 0; i < sizeof(comes) / sizeof(comes[0]); i++) {
		assert_true(seg_ledger_ready_target(&books.ledger));
		assert_int_equal(seg_ledger_read_count(&books.ledger), comes[i]);
		assert_true(test_books_read());
		test_books_arrive(id, 10);
		assert_int_equal(seg_ledger_deliver(&books.ledger, 0, 1).messages, 1);
		id++;
		test_books_handle(i + 1, true);
		seg_ledger_collect(&books.ledger);
		test_books_commit();
	}
}

static void a_read_without_memory_frees_what_waits_for_other_reads(void **state)
{
	(void)state;
	test_books_deliver(11, 1, 10);
	test_books_handle(1, true);
	seg_ledger_collect(&books.ledger);
	assert_int_equal(books.stock.count, 1);
	assert_true(test_books_read());
	assert_int_equal(seg_ledger_read_starved(&books.ledger), 1);
	assert_int_equal(books.stock.count, 0);
	test_books_deliver(12, 1, 10);
}

static void so_does_one_whose_entry_finds_no_memory(void **state)
{
	(void)state;
	test_books_deliver(11, 1, 10);
	test_books_deliver(12, 1, 10);
	test_books_handle(1, true);
	test_books_handle(2, true);
	seg_ledger_collect(&books.ledger);
	assert_int_equal(books.stock.count, 2);
	assert_true(test_books_read());
	assert_true(seg_parser_entry(&books.ledger.parser, "13-0", 4, 4));
	assert_true(seg_parser_text(&books.ledger.parser, NULL, 1));
	assert_int_equal(seg_ledger_deliver(&books.ledger, 7, books.epoch).starved, 1);
	assert_int_equal(books.stock.count, 0);
	test_books_deliver(13, 1, 10);
}

static void a_large_read_has_half_of_the_bytes_in_flight(void **state)
{
	(void)state;
	books.limits.in_flight_batches = 0;
	books.limits.in_flight_bytes = 1000;
	test_books_deliver(11, 1, 99);
	for (int i = 0; i < 5; i++)
		a_far_read(RTT);
	assert_int_equal(seg_ledger_read_count(&books.ledger), 5);
	test_books_handle(1, true);
	seg_ledger_collect(&books.ledger);
	test_books_deliver(21, 5, 99);
	assert_true(seg_ledger_ready_target(&books.ledger));
	test_books_deliver(31, 2, 99);
	assert_false(seg_ledger_ready_target(&books.ledger));
}

static void a_reply_that_is_larger_than_the_limit_is_cut_and_read_on_from_there(void **state)
{
	(void)state;
	assert_true(test_books_read());
	for (uint64_t i = 0; i < TEST_BOOKS_BATCH; i++)
		test_books_arrive(11 + i, TEST_BOOKS_BYTES / 2);
	seg_read_result result = seg_ledger_deliver(&books.ledger, 7, books.epoch);
	assert_int_equal(result.messages, 2);
	assert_true(books.ledger.filled);
	assert_int_equal(books.ledger.fetched.ms, 12);
}

static void after_messages_that_become_large_within_a_read_the_next_asks_for_few(void **state)
{
	(void)state;
	books.limits.batch_size = 64;
	test_books_begin((seg_id){10, 0}, 100);
	test_books_deliver(11, 1, 0);
	test_books_handle(1, true);
	seg_ledger_collect(&books.ledger);
	test_books_commit();
	assert_true(test_books_read());
	for (uint64_t i = 0; i < 60; i++)
		test_books_arrive(12 + i, 0);
	for (uint64_t i = 0; i < 4; i++)
		test_books_arrive(72 + i, TEST_BOOKS_BYTES / 2);
	assert_int_equal(seg_ledger_deliver(&books.ledger, 7, books.epoch).messages, 62);
	test_books_handle(63, true);
	seg_ledger_collect(&books.ledger);
	test_books_commit();
	assert_int_equal(seg_ledger_read_count(&books.ledger), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_books_set_up, test_books_tear_down)
		TEST(reading_stops_when_every_batch_is_on_its_way_and_goes_on_when_one_is_committed),
		TEST(what_is_handled_but_not_committed_keeps_its_place_in_the_window),
		TEST(the_bound_on_bytes_stops_reading_but_never_the_only_message),
		TEST(a_read_asks_for_what_fits_the_bound_on_bytes),
		TEST(the_first_read_asks_for_what_fits_if_the_size_is_known),
		TEST(large_messages_are_believed_at_once_and_small_ones_slowly),
		TEST(batches_are_used_again_and_no_more_are_made_than_allowed),
		TEST(reads_grow_while_the_worker_waits_for_round_trips),
		TEST(reads_shrink_when_replies_queue_or_the_worker_is_busy_or_redis_is_near),
		TEST(the_first_read_may_be_large_if_the_size_is_known),
		TEST(without_a_size_the_first_read_is_small_whatever_it_may_bring),
		TEST(a_number_of_batches_in_flight_is_kept_over_a_distance_too),
		TEST(after_a_lost_read_the_next_is_small_and_each_that_comes_lets_the_next_double),
		TEST(a_read_without_memory_frees_what_waits_for_other_reads),
		TEST(so_does_one_whose_entry_finds_no_memory),
		TEST(a_large_read_has_half_of_the_bytes_in_flight),
		TEST(a_reply_that_is_larger_than_the_limit_is_cut_and_read_on_from_there),
		TEST(after_messages_that_become_large_within_a_read_the_next_asks_for_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
