/*
 * test_slots.c - slots keep the order of their messages, and one that is held up holds up no other. The last test plays any
 * lanes at random, against a simple list of what must hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "partition/fetched.h"
#include "partition/slots.h"

enum { ITEMS = 4096, MOST = 64 };

static seg_slots *slots;
static seg_item items[ITEMS], *taken[MOST], *others[MOST];
static size_t added;

static int set_up(void **state)
{
	(void)state;
	slots = malloc(sizeof(*slots));
	seg_slots_init(slots);
	memset(items, 0, sizeof(items));
	added = 0;
	return slots == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	seg_slots_fini(slots);
	free(slots);
	return 0;
}

static seg_item *add(uint16_t slot)
{
	seg_item *item = &items[added];
	item->number = added++;
	item->slot = slot;
	seg_slots_add(slots, item);
	return item;
}

static seg_item *add_faulty(uint16_t slot)
{
	items[added].fault = SEG_FAULT_NO_KEY;
	return add(slot);
}

static void takes(size_t most, size_t count, const uint64_t *numbers)
{
	assert_int_equal(seg_slots_take(slots, taken, most, SEG_SLOTS), count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(taken[i]->number, numbers[i]);
}
#define TAKES(most, ...) \
	takes(most, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (uint64_t[]){__VA_ARGS__})

static void done(size_t count)
{
	seg_slots_answer(slots, taken, count, count, SEG_VERDICT_AGAIN, 0, NULL);
}

static void fails(size_t count, size_t index, int64_t next_at)
{
	seg_slots_answer(slots, taken, count, index, SEG_VERDICT_RETRY, next_at, strdup("it fails"));
}

static void messages_are_taken_oldest_first_whatever_their_slots(void **state)
{
	(void)state;
	add(7), add(3), add(7), add(1), add(3);
	TAKES(4, 0, 1, 2, 3);
	done(4);
	TAKES(4, 4);
	done(1);
	assert_int_equal(seg_slots_take(slots, taken, 4, SEG_SLOTS), 0);
}

static void nothing_of_a_taken_slot_is_taken_before_its_answer(void **state)
{
	(void)state;
	add(1), add(1), add(2);
	TAKES(1, 0);
	add(1);
	assert_int_equal(seg_slots_take(slots, others, MOST, SEG_SLOTS), 1);
	assert_int_equal(others[0]->number, 2);
	done(1);
	TAKES(MOST, 1, 3);
}

static void with_few_slots_a_job_leaves_slots_to_others(void **state)
{
	(void)state;
	add(1), add(2), add(3), add(1), add(2), add(3);
	assert_int_equal(seg_slots_take(slots, taken, MOST, 2), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(taken[i]->number, ((const uint64_t[]){0, 1, 3, 4})[i]);
	assert_int_equal(seg_slots_take(slots, others, MOST, 2), 2);
	assert_int_equal(others[0]->number, 2);
	done(4);
	assert_int_equal(slots->ready_messages, 0);
}

static void a_failed_message_blocks_its_slot_and_no_other(void **state)
{
	(void)state;
	add(1), add(2), add(1), add(2);
	TAKES(MOST, 0, 1, 2, 3);
	fails(4, 0, 100);
	TAKES(MOST, 1, 3);
	done(2);
	assert_int_equal(seg_slots_take(slots, taken, MOST, SEG_SLOTS), 0);
	assert_int_equal(seg_slots_due(slots), 100);
	seg_slots_wake(slots, 99);
	assert_int_equal(seg_slots_take(slots, taken, MOST, SEG_SLOTS), 0);
	seg_slots_wake(slots, 100);
	TAKES(MOST, 0);
	assert_int_equal(seg_slots_attempt(slots, taken[0]), 2);
	done(1);
	TAKES(MOST, 2);
	assert_int_equal(seg_slots_attempt(slots, taken[0]), 1);
}

static void the_messages_before_the_failed_one_of_the_same_slot_are_done(void **state)
{
	(void)state;
	add(1), add(1), add(1);
	TAKES(MOST, 0, 1, 2);
	fails(3, 1, 10);
	assert_int_equal(seg_slots_oldest_failed(slots)->number, 1);
	seg_slots_wake(slots, 10);
	TAKES(MOST, 1);
	done(1);
	TAKES(MOST, 2);
}

static void a_message_that_failed_is_taken_on_its_own_and_counts_its_attempts(void **state)
{
	(void)state;
	add(1), add(2);
	TAKES(1, 0);
	for (uint32_t attempt = 1; attempt < 5; attempt++) {
		assert_int_equal(seg_slots_attempt(slots, taken[0]), attempt);
		fails(1, 0, attempt);
		seg_slots_wake(slots, attempt);
		TAKES(MOST, 0);
	}
	assert_int_equal(slots->retrying, 1);
	done(1);
	assert_int_equal(slots->retrying, 0);
	assert_null(seg_slots_oldest_failed(slots));
}

static void what_was_not_handled_waits_again_without_an_attempt(void **state)
{
	(void)state;
	add(1), add(2), add(1);
	TAKES(MOST, 0, 1, 2);
	seg_slots_answer(slots, taken, 3, 0, SEG_VERDICT_AGAIN, 0, NULL);
	TAKES(MOST, 0, 1, 2);
	assert_int_equal(seg_slots_attempt(slots, taken[0]), 1);
}

static void a_letter_holds_up_its_slot_until_it_is_written(void **state)
{
	(void)state;
	add(1), add(1), add(2);
	TAKES(MOST, 0, 1, 2);
	seg_slots_answer(slots, taken, 3, 0, SEG_VERDICT_LETTER, 0, NULL);
	TAKES(MOST, 2);
	done(1);
	assert_int_equal(seg_slots_letter(slots)->number, 0);
	assert_int_equal(slots->held_messages, 2);
	seg_slots_letter_written(slots);
	assert_null(seg_slots_letter(slots));
	TAKES(MOST, 1);
}

static void an_unreadable_message_becomes_a_letter_in_the_order_of_its_slot(void **state)
{
	(void)state;
	add(1), add_faulty(1), add(1);
	TAKES(MOST, 0);
	assert_null(seg_slots_letter(slots));
	done(1);
	assert_int_equal(seg_slots_letter(slots)->number, 1);
	assert_int_equal(seg_slots_take(slots, taken, MOST, SEG_SLOTS), 0);
	seg_slots_letter_written(slots);
	TAKES(MOST, 2);
}

static void letters_are_written_in_the_order_in_which_they_came_up(void **state)
{
	(void)state;
	add_faulty(5), add_faulty(2), add_faulty(9);
	for (uint64_t number = 0; number < 3; number++) {
		assert_int_equal(seg_slots_letter(slots)->number, number);
		seg_slots_letter_written(slots);
	}
	assert_int_equal(slots->letters, 0);
}

static void a_message_that_may_kill_the_process_is_taken_alone(void **state)
{
	(void)state;
	items[1].alone = items[2].alone = true;
	add(1), add(2), add(2), add(3);
	TAKES(MOST, 0);
	done(1);
	TAKES(MOST, 1);
	done(1);
	TAKES(MOST, 2);
	done(1);
	TAKES(MOST, 3);
}

static void a_copy_takes_the_place_of_a_message_that_is_held(void **state)
{
	(void)state;
	seg_item *first = add(1), *second = add(1), copies[2];
	add(1);
	TAKES(1, 0);
	fails(1, 0, 5);
	assert_true(seg_slots_holds(slots, first));
	copies[0] = *first, copies[1] = *second;
	seg_slots_replace(slots, first, &copies[0]);
	seg_slots_replace(slots, second, &copies[1]);
	assert_ptr_equal(seg_slots_oldest_failed(slots), &copies[0]);
	seg_slots_wake(slots, 5);
	TAKES(MOST, 0);
	assert_ptr_equal(taken[0], &copies[0]);
	done(1);
	TAKES(MOST, 1, 2);
	assert_ptr_equal(taken[0], &copies[1]);
}

/* --- at random --------------------------------------------------------------------------------- */

enum { LANES = 5, ROUNDS = 200000, FEW_SLOTS = 40 };

static struct {
	seg_item *items[MOST];
	size_t count;
} jobs[LANES];

static uint64_t next_of[FEW_SLOTS]; /* the lowest number of the slot that is not done */
static uint8_t owner[FEW_SLOTS];    /* the lane that has the slot, from 1 */
static bool is_over[ITEMS];

static uint64_t random_below(uint64_t bound)
{
	static uint64_t seed = 88172645463325252u;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % bound;
}

static uint64_t first_undone(uint16_t slot, uint64_t from)
{
	while (from < added && (items[from].slot != slot || is_over[from]))
		from++;
	return from;
}

static void is_done(seg_item *item)
{
	assert_int_equal(first_undone(item->slot, next_of[item->slot]), item->number);
	is_over[item->number] = true;
	next_of[item->slot] = item->number + 1;
}

static void take_at_random(size_t lane)
{
	uint64_t number[FEW_SLOTS];
	jobs[lane].count =
		seg_slots_take(slots, jobs[lane].items, 1 + random_below(12), 1 + random_below(12));
	for (uint16_t slot = 0; slot < FEW_SLOTS; slot++)
		number[slot] = next_of[slot];
	for (size_t i = 0; i < jobs[lane].count; i++) {
		const seg_item *item = jobs[lane].items[i];
		assert_true(owner[item->slot] == 0 || owner[item->slot] == lane + 1);
		owner[item->slot] = (uint8_t)(lane + 1);
		assert_true(i == 0 || jobs[lane].items[i - 1]->number < item->number);
		assert_true(i == 0 || seg_slots_attempt(slots, item) == 1);
		assert_int_equal(first_undone(item->slot, number[item->slot]), item->number);
		number[item->slot] = item->number + 1;
		assert_int_equal(item->fault, 0);
	}
}

static void answer_at_random(size_t lane, int64_t now)
{
	size_t count = jobs[lane].count, ok = random_below(3) ? count : random_below(count + 1);
	seg_verdict verdict = ok == count ? SEG_VERDICT_AGAIN : (seg_verdict)random_below(3);
	for (size_t i = 0; i < ok; i++)
		is_done(jobs[lane].items[i]);
	for (size_t i = 0; i < count; i++)
		owner[jobs[lane].items[i]->slot] = 0;
	seg_slots_answer(slots, jobs[lane].items, count, ok, verdict, now + (int64_t)random_below(50), NULL);
	jobs[lane].count = 0;
}

static void write_letter(void)
{
	seg_item *item = seg_slots_letter(slots);
	if (!item)
		return;
	assert_int_equal(owner[item->slot], 0);
	is_done(item);
	seg_slots_letter_written(slots);
}

static void at_random_each_slot_keeps_its_order_and_all_is_done_at_the_end(void **state)
{
	(void)state;
	memset(jobs, 0, sizeof(jobs));
	memset(next_of, 0, sizeof(next_of));
	memset(owner, 0, sizeof(owner));
	memset(is_over, 0, sizeof(is_over));
	for (int64_t now = 0; now < ROUNDS; now++) {
		size_t lane = random_below(LANES);
		if (added < ITEMS && random_below(3) == 0) {
			items[added].fault = random_below(20) == 0 ? SEG_FAULT_NO_DATA : SEG_FAULT_NONE;
			items[added].alone = random_below(20) == 0;
			add((uint16_t)random_below(FEW_SLOTS));
		}
		if (random_below(10) == 0)
			write_letter();
		seg_slots_wake(slots, now);
		if (jobs[lane].count)
			answer_at_random(lane, now);
		else
			take_at_random(lane);
	}
	assert_int_equal(added, ITEMS);
	for (size_t i = 0; i < ITEMS; i++)
		assert_true(is_over[i]);
	assert_int_equal(slots->ready_messages, 0);
	assert_int_equal(slots->held_messages, 0);
	assert_int_equal(slots->retrying, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_are_taken_oldest_first_whatever_their_slots),
		TEST(nothing_of_a_taken_slot_is_taken_before_its_answer),
		TEST(with_few_slots_a_job_leaves_slots_to_others),
		TEST(a_failed_message_blocks_its_slot_and_no_other),
		TEST(the_messages_before_the_failed_one_of_the_same_slot_are_done),
		TEST(a_message_that_failed_is_taken_on_its_own_and_counts_its_attempts),
		TEST(what_was_not_handled_waits_again_without_an_attempt),
		TEST(a_letter_holds_up_its_slot_until_it_is_written),
		TEST(an_unreadable_message_becomes_a_letter_in_the_order_of_its_slot),
		TEST(letters_are_written_in_the_order_in_which_they_came_up),
		TEST(a_message_that_may_kill_the_process_is_taken_alone),
		TEST(a_copy_takes_the_place_of_a_message_that_is_held),
		TEST(at_random_each_slot_keeps_its_order_and_all_is_done_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
