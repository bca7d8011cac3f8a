/* test_accumulator.c - batches are gathered in order and within bounds; the test has a clock of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "stream/accumulator.h"

#define LINGER 1000
#define WINDOW 3
#define BEHIND 5000
#define TIMEOUT 1000000

static seg_accumulator acc;

static void make(size_t batch_records, size_t batch_bytes, size_t held_bytes)
{
	seg_accumulator_limits limits = {
		.partitions = 4,
		.batch_records = batch_records,
		.batch_bytes = batch_bytes,
		.held_bytes = held_bytes,
		.window = WINDOW,
		.linger = LINGER,
		.behind = BEHIND,
		.timeout = TIMEOUT,
	};
	assert_int_equal(seg_accumulator_init(&acc, &limits), 0);
}

static int make_usual(void **state)
{
	(void)state;
	make(3, 1000, 100000);
	return 0;
}

static int destroy(void **state)
{
	(void)state;
	seg_accumulator_fini(&acc);
	return 0;
}

/* The opaque is the record's number; the data is the same number as text. */
static void add(uint32_t partition, uintptr_t number, int64_t now)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "%zu", (size_t)number);
	seg_record record = {.key = "key", .key_length = 3, .data = text, .data_length = (size_t)length};
	assert_int_equal(seg_accumulator_add(&acc, partition, &record, (void *)number, now), 0);
}

static void assert_holds(seg_producer_batch *batch, uint32_t partition, uintptr_t first, size_t count)
{
	assert_non_null(batch);
	assert_int_equal(batch->partition, partition);
	assert_int_equal(batch->count, count);
	for (size_t i = 0; i < count; i++) {
		char text[24];
		snprintf(text, sizeof(text), "%zu", (size_t)first + i);
		seg_record record = seg_producer_batch_record(batch, i);
		assert_int_equal((uintptr_t)batch->records[i].opaque, first + i);
		assert_int_equal(record.key_length, 3);
		assert_memory_equal(record.key, "key", 3);
		assert_int_equal(record.data_length, strlen(text));
		assert_memory_equal(record.data, text, strlen(text));
	}
}

static void an_empty_one_has_nothing_to_do_ever(void **state)
{
	(void)state;
	assert_null(seg_accumulator_take(&acc, SEG_NEVER));
	assert_null(seg_accumulator_take_expired(&acc, SEG_NEVER));
	assert_true(seg_accumulator_next_time(&acc, true, 5) == SEG_NEVER);
}

static void a_batch_waits_for_more_until_it_has_lingered(void **state)
{
	(void)state;
	add(0, 1, 100);
	assert_int_equal(seg_accumulator_next_time(&acc, true, 100), 100 + LINGER);
	assert_null(seg_accumulator_take(&acc, 100 + LINGER - 1));
	add(0, 2, 100 + LINGER - 1);
	assert_holds(seg_accumulator_take(&acc, 100 + LINGER), 0, 1, 2);
}

static void a_full_batch_goes_at_once(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 4; n++)
		add(0, n, 0);
	assert_int_equal(seg_accumulator_next_time(&acc, true, 0), 0);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 1, 3);
	assert_null(seg_accumulator_take(&acc, 0));
}

static void a_batch_is_full_by_bytes_too(void **state)
{
	(void)state;
	seg_accumulator_fini(&acc);
	make(100, 10, 100000);
	add(0, 1, 0);
	add(0, 2, 0);
	add(0, 3, 0);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 1, 2);
}

static void a_record_larger_than_a_batch_is_a_batch_alone(void **state)
{
	(void)state;
	static char data[5000];
	add(0, 1, 0);
	seg_record large = {.data = data, .data_length = sizeof(data)};
	assert_int_equal(seg_accumulator_add(&acc, 0, &large, NULL, 0), 0);
	add(0, 3, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 0);
	assert_holds(first, 0, 1, 1);
	seg_accumulator_finish(&acc, first);
	seg_producer_batch *second = seg_accumulator_take(&acc, 0);
	assert_int_equal(second->count, 1);
	assert_int_equal(second->records[0].data_length, 5000);
	seg_accumulator_finish(&acc, second);
	assert_holds(seg_accumulator_take(&acc, LINGER), 0, 3, 1);
}

static void a_partition_has_as_many_batches_in_flight_as_the_window(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 15; n++)
		add(0, n, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 0);
	assert_holds(first, 0, 1, 3);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 4, 3);
	seg_producer_batch *third = seg_accumulator_take(&acc, 0);
	assert_holds(third, 0, 7, 3);
	assert_null(seg_accumulator_take(&acc, SEG_NEVER));
	assert_ptr_equal(seg_accumulator_oldest(&acc, 0), first);
	seg_accumulator_finish(&acc, third);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 10, 3);
	seg_accumulator_finish(&acc, first);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 13, 3);
}

static void after_a_loss_the_window_begins_with_one_batch_and_doubles(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 15; n++)
		add(0, n, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 0), *second = seg_accumulator_take(&acc, 0);
	seg_accumulator_lost(&acc, second);
	seg_accumulator_lost(&acc, first);
	assert_ptr_equal(seg_accumulator_take(&acc, 0), first);
	assert_null(seg_accumulator_take(&acc, 0));
	seg_accumulator_finish(&acc, first);
	assert_ptr_equal(seg_accumulator_take(&acc, 0), second);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 7, 3);
	assert_null(seg_accumulator_take(&acc, 0));
	seg_accumulator_finish(&acc, second);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 10, 3);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 13, 3);
}

static void behind_others_a_batch_goes_when_it_is_full_or_has_waited(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 4; n++)
		add(0, n, 0);
	seg_accumulator_take(&acc, 0);
	assert_null(seg_accumulator_take(&acc, LINGER));
	assert_int_equal(seg_accumulator_next_time(&acc, true, LINGER), BEHIND);
	assert_null(seg_accumulator_take(&acc, BEHIND - 1));
	add(0, 5, BEHIND - 1);
	assert_holds(seg_accumulator_take(&acc, BEHIND), 0, 4, 2);
	add(0, 6, BEHIND);
	add(0, 7, BEHIND);
	assert_null(seg_accumulator_take(&acc, BEHIND + LINGER));
	add(0, 8, BEHIND + LINGER);
	assert_holds(seg_accumulator_take(&acc, BEHIND + LINGER), 0, 6, 3);
}

static void batches_that_are_put_back_go_again_in_order(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 12; n++)
		add(0, n, 0);
	seg_producer_batch *batches[WINDOW];
	for (int i = 0; i < WINDOW; i++)
		batches[i] = seg_accumulator_take(&acc, 0);
	for (int i = WINDOW - 1; i >= 0; i--)
		seg_accumulator_put_back(&acc, batches[i]);
	for (int i = 0; i < WINDOW; i++)
		assert_ptr_equal(seg_accumulator_take(&acc, 0), batches[i]);
	assert_null(seg_accumulator_take(&acc, 0));
}

static void a_ready_batch_lets_an_older_one_that_is_put_back_go_first(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 6; n++)
		add(0, n, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 0);
	seg_accumulator_put_back(&acc, first);
	assert_ptr_equal(seg_accumulator_take(&acc, 0), first);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 4, 3);
}

static void after_a_refusal_a_batch_is_tried_alone(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 9; n++)
		add(0, n, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 0), *second = seg_accumulator_take(&acc, 0);
	first->refusals = 1;
	seg_accumulator_rest(&acc, first, 500);
	seg_accumulator_put_back(&acc, second);
	assert_null(seg_accumulator_take(&acc, 499));
	assert_ptr_equal(seg_accumulator_take(&acc, 500), first);
	assert_null(seg_accumulator_take(&acc, 500));
	seg_accumulator_finish(&acc, first);
	assert_ptr_equal(seg_accumulator_take(&acc, 500), second);
	assert_holds(seg_accumulator_take(&acc, 500), 0, 7, 3);
}

static void partitions_do_not_wait_for_each_other(void **state)
{
	(void)state;
	for (uint32_t p = 0; p < 4; p++)
		for (uintptr_t n = 0; n < 3; n++)
			add(p, 10 * p + n, 0);
	for (uint32_t p = 0; p < 4; p++)
		assert_holds(seg_accumulator_take(&acc, 0), p, 10 * p, 3);
}

static void a_batch_that_waits_for_another_keeps_filling(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 4; n++)
		add(0, n, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 2 * LINGER);
	add(0, 5, 2 * LINGER);
	seg_accumulator_finish(&acc, first);
	assert_holds(seg_accumulator_take(&acc, 2 * LINGER), 0, 4, 2);
}

static void a_batch_that_was_sent_takes_no_more_records(void **state)
{
	(void)state;
	add(0, 1, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, LINGER);
	seg_accumulator_put_back(&acc, first);
	add(0, 2, LINGER);
	assert_ptr_equal(seg_accumulator_take(&acc, 5 * LINGER), first);
	assert_holds(first, 0, 1, 1);
}

static void a_batch_that_is_put_back_comes_before_later_ones(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 6; n++)
		add(0, n, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 0);
	first->sequence = 7;
	seg_accumulator_put_back(&acc, first);
	assert_ptr_equal(seg_accumulator_take(&acc, 0), first);
	assert_int_equal(first->sequence, 7);
	assert_holds(seg_accumulator_take(&acc, 0), 0, 4, 3);
}

static void a_refused_batch_rests_and_its_partition_with_it(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 6; n++)
		add(0, n, 0);
	add(1, 7, 0);
	add(1, 8, 0);
	add(1, 9, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 0);
	seg_accumulator_rest(&acc, first, 500);
	seg_producer_batch *other = seg_accumulator_take(&acc, 0);
	assert_holds(other, 1, 7, 3);
	seg_accumulator_rest(&acc, other, 300);
	assert_null(seg_accumulator_take(&acc, 299));
	assert_int_equal(seg_accumulator_next_time(&acc, true, 0), 300);
	assert_ptr_equal(seg_accumulator_take(&acc, 300), other);
	assert_int_equal(seg_accumulator_next_time(&acc, true, 300), 500);
	assert_ptr_equal(seg_accumulator_take(&acc, 500), first);
}

static void without_a_connection_only_deadlines_count(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 3; n++)
		add(0, n, 50);
	assert_int_equal(seg_accumulator_next_time(&acc, false, 60), 50 + TIMEOUT);
}

static void batches_expire_oldest_first_and_only_when_their_time_has_come(void **state)
{
	(void)state;
	add(0, 1, 0);
	add(1, 2, 10);
	assert_null(seg_accumulator_take_expired(&acc, TIMEOUT - 1));
	seg_producer_batch *batch = seg_accumulator_take_expired(&acc, TIMEOUT);
	assert_holds(batch, 0, 1, 1);
	seg_accumulator_finish(&acc, batch);
	assert_null(seg_accumulator_take_expired(&acc, TIMEOUT));
	assert_holds(seg_accumulator_take_expired(&acc, TIMEOUT + 10), 1, 2, 1);
}

static void a_batch_in_flight_may_expire_and_the_next_one_goes(void **state)
{
	(void)state;
	for (uintptr_t n = 1; n <= 6; n++)
		add(0, n, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 0);
	size_t held = acc.held;
	assert_ptr_equal(seg_accumulator_take_expired(&acc, TIMEOUT), first);
	seg_accumulator_abandon(&acc, first);
	/* The memory of an abandoned batch is still in use, so it counts. */
	assert_int_equal(acc.held, held);
	assert_holds(seg_accumulator_take(&acc, TIMEOUT), 0, 4, 3);
	seg_accumulator_recycle(&acc, first);
	assert_true(acc.held < held);
}

static void young_records_do_not_join_a_batch_near_its_deadline(void **state)
{
	(void)state;
	add(0, 1, 0);
	add(0, 2, TIMEOUT / 2);
	seg_producer_batch *first = seg_accumulator_take_expired(&acc, TIMEOUT);
	assert_holds(first, 0, 1, 1);
	seg_accumulator_finish(&acc, first);
	assert_null(seg_accumulator_take_expired(&acc, TIMEOUT));
}

static void the_bound_counts_every_record_until_it_is_finished(void **state)
{
	(void)state;
	seg_accumulator_fini(&acc);
	make(10, 1000, 300);
	seg_record record = {.data = "0123456789", .data_length = 10};
	size_t charge = seg_accumulator_charge(&record);
	assert_int_equal(charge, 10 + SEG_RECORD_CHARGE);
	for (int i = 0; i < 4; i++) {
		assert_true(seg_accumulator_has_room(&acc, charge));
		assert_int_equal(seg_accumulator_add(&acc, 0, &record, NULL, 0), 0);
	}
	assert_false(seg_accumulator_has_room(&acc, charge));
	assert_true(seg_accumulator_has_room(&acc, 4));
	seg_accumulator_finish(&acc, seg_accumulator_take(&acc, LINGER));
	assert_int_equal(acc.held, 0);
	assert_true(seg_accumulator_has_room(&acc, 300));
	assert_false(seg_accumulator_has_room(&acc, 301));
}

static void hurrying_ends_all_lingering(void **state)
{
	(void)state;
	for (uint32_t p = 0; p < 4; p++)
		add(p, p, 0);
	seg_accumulator_hurry(&acc);
	for (uint32_t p = 0; p < 4; p++)
		assert_holds(seg_accumulator_take(&acc, 0), p, p, 1);
	add(0, 9, 0);
	assert_null(seg_accumulator_take(&acc, 0));
}

static void a_mark_is_gone_when_all_before_it_is_and_not_sooner(void **state)
{
	(void)state;
	assert_true(seg_accumulator_is_gone(&acc, seg_accumulator_mark(&acc)));
	for (uintptr_t n = 1; n <= 3; n++)
		add(0, n, 0);
	uint64_t mark = seg_accumulator_mark(&acc);
	for (uintptr_t n = 4; n <= 6; n++)
		add(1, n, 0);
	seg_producer_batch *first = seg_accumulator_take(&acc, 0);
	assert_false(seg_accumulator_is_gone(&acc, mark));
	seg_accumulator_finish(&acc, first);
	assert_true(seg_accumulator_is_gone(&acc, mark));
	assert_false(seg_accumulator_is_gone(&acc, seg_accumulator_mark(&acc)));
}

static void headers_and_binary_texts_survive(void **state)
{
	(void)state;
	seg_header headers[] = {{"a\0b", 3, "\xff\0", 2}, {"empty", 5, NULL, 0}};
	seg_record odd = {.key = "x", .key_length = 1, .data = "y", .data_length = 1};
	seg_record record = {"k\0", 2, NULL, 0, headers, 2};
	assert_int_equal(seg_accumulator_add(&acc, 0, &odd, NULL, 0), 0);
	assert_int_equal(seg_accumulator_add(&acc, 0, &record, NULL, 0), 0);
	assert_int_equal(seg_accumulator_add(&acc, 0, &record, NULL, 0), 0);
	seg_producer_batch *batch = seg_accumulator_take(&acc, 0);
	for (size_t i = 1; i < 3; i++) {
		seg_record held = seg_producer_batch_record(batch, i);
		assert_memory_equal(held.key, "k\0", 2);
		assert_int_equal(held.data_length, 0);
		assert_int_equal(held.header_count, 2);
		assert_int_equal(held.headers[0].name_length, 3);
		assert_memory_equal(held.headers[0].name, "a\0b", 3);
		assert_int_equal(held.headers[0].value_length, 2);
		assert_memory_equal(held.headers[0].value, "\xff\0", 2);
		assert_memory_equal(held.headers[1].name, "empty", 5);
		assert_int_equal(held.headers[1].value_length, 0);
	}
}

static void batches_are_used_again(void **state)
{
	(void)state;
	seg_producer_batch *seen = NULL;
	for (int round = 0; round < 100; round++) {
		for (uintptr_t n = 1; n <= 3; n++)
			add(2, n, 0);
		seg_producer_batch *batch = seg_accumulator_take(&acc, 0);
		assert_holds(batch, 2, 1, 3);
		assert_true(!seen || batch == seen);
		assert_int_equal(batch->sequence, 0);
		assert_false(batch->may_be_added);
		batch->sequence = 5;
		batch->may_be_added = true;
		seen = batch;
		seg_accumulator_finish(&acc, batch);
	}
}

static void hold_in_order(seg_producer_batch **held, size_t *count, seg_producer_batch *batch)
{
	size_t at = 0;
	assert_in_range(*count, 0, WINDOW - 1);
	while (at < *count && held[at]->number < batch->number)
		at++;
	const seg_producer_batch *oldest = seg_accumulator_oldest(&acc, batch->partition);
	assert_ptr_equal(at > 0 ? held[0] : batch, oldest);
	assert_ptr_equal(TAILQ_PREV(batch, seg_batch_list, in_partition), at > 0 ? held[at - 1] : NULL);
	memmove(&held[at + 1], &held[at], (*count - at) * sizeof(*held));
	held[at] = batch;
	(*count)++;
}

/*
 * Whatever happens to the batches, each record of a partition is finished once, in the order of adding, and a
 * batch is taken only when all before it are held. Each partition's held batches are a list in the test.
 */
static void random_fates_keep_order_and_lose_nothing(void **state)
{
	(void)state;
	srand(7);
	uintptr_t added[4] = {0}, finished[4] = {0};
	seg_producer_batch *held[4][WINDOW];
	size_t count[4] = {0};
	int64_t now = 0;
	for (int step = 0; step < 200000; step++) {
		now += rand() % 300;
		uint32_t p = (uint32_t)rand() % 4;
		seg_record record = {.data = "d", .data_length = 1};
		if (rand() % 2 && seg_accumulator_has_room(&acc, seg_accumulator_charge(&record)))
			add(p, ++added[p], now);
		seg_producer_batch *batch = seg_accumulator_take(&acc, now);
		if (batch)
			hold_in_order(held[batch->partition], &count[batch->partition], batch);
		if (count[p] == 0 || rand() % 2)
			continue;
		size_t which = rand() % 2 ? 0 : (size_t)rand() % count[p];
		batch = held[p][which];
		int fate = which == 0 ? rand() % 4 : rand() % 2;
		memmove(&held[p][which], &held[p][which + 1], (--count[p] - which) * sizeof(batch));
		if (fate == 0) {
			seg_accumulator_put_back(&acc, batch);
		} else if (fate == 1) {
			batch->refusals = rand() % 2;
			seg_accumulator_rest(&acc, batch, now + rand() % 1000);
		} else if (batch == seg_accumulator_oldest(&acc, p)) {
			assert_holds(batch, p, finished[p] + 1, batch->count);
			finished[p] += batch->count;
			seg_accumulator_finish(&acc, batch);
		} else {
			seg_accumulator_put_back(&acc, batch);
		}
	}
	for (uint32_t p = 0; p < 4; p++)
		while (count[p] > 0)
			seg_accumulator_put_back(&acc, held[p][--count[p]]);
	now += 10 * BEHIND;
	for (seg_producer_batch *batch; (batch = seg_accumulator_take(&acc, now));) {
		assert_holds(batch, batch->partition, finished[batch->partition] + 1, batch->count);
		finished[batch->partition] += batch->count;
		seg_accumulator_finish(&acc, batch);
	}
	assert_memory_equal(added, finished, sizeof(added));
	assert_int_equal(acc.held, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_usual, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_one_has_nothing_to_do_ever),
		TEST(a_batch_waits_for_more_until_it_has_lingered),
		TEST(a_full_batch_goes_at_once),
		TEST(a_batch_is_full_by_bytes_too),
		TEST(a_record_larger_than_a_batch_is_a_batch_alone),
		TEST(a_partition_has_as_many_batches_in_flight_as_the_window),
		TEST(after_a_loss_the_window_begins_with_one_batch_and_doubles),
		TEST(behind_others_a_batch_goes_when_it_is_full_or_has_waited),
		TEST(batches_that_are_put_back_go_again_in_order),
		TEST(a_ready_batch_lets_an_older_one_that_is_put_back_go_first),
		TEST(after_a_refusal_a_batch_is_tried_alone),
		TEST(partitions_do_not_wait_for_each_other),
		TEST(a_batch_that_waits_for_another_keeps_filling),
		TEST(a_batch_that_was_sent_takes_no_more_records),
		TEST(a_batch_that_is_put_back_comes_before_later_ones),
		TEST(a_refused_batch_rests_and_its_partition_with_it),
		TEST(without_a_connection_only_deadlines_count),
		TEST(batches_expire_oldest_first_and_only_when_their_time_has_come),
		TEST(a_batch_in_flight_may_expire_and_the_next_one_goes),
		TEST(young_records_do_not_join_a_batch_near_its_deadline),
		TEST(the_bound_counts_every_record_until_it_is_finished),
		TEST(hurrying_ends_all_lingering),
		TEST(a_mark_is_gone_when_all_before_it_is_and_not_sooner),
		TEST(headers_and_binary_texts_survive),
		TEST(batches_are_used_again),
		TEST(random_fates_keep_order_and_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
