/* test_emitted.c - what a caller of a pull consumer has emitted: cut at a message, handed over before it, dropped behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "consumer/emitted.h"

/* Message `number` has the id <number>-0. */
static void add(seg_emitted *e, uint64_t number, const char *data, size_t length)
{
	const seg_emission record = {.source = {number, 0},
				     .output = {.stream = "out",
						.key = "k",
						.key_length = 1,
						.data = data,
						.data_length = length}};
	assert_true(seg_emitted_add(e, number, &record));
}

static size_t records(const seg_emitted *e)
{
	size_t count = 0;
	for (const seg_completion *c = e->first; c; c = c->next)
		count += c->emission_count;
	return count;
}

/* Each record has the number that its message's records have got so far. */
static void check_numbers(const seg_emitted *e)
{
	seg_id before = {0, 0};
	uint32_t number = 0;
	for (const seg_completion *c = e->first; c; c = c->next)
		for (size_t i = 0; i < c->emission_count; i++) {
			number = seg_id_compare(before, c->emissions[i].source) == 0 ? number + 1 : 1;
			before = c->emissions[i].source;
			assert_int_equal(c->emissions[i].number, number);
			assert_in_range(before.ms, c->begin, c->end - 1);
			assert_ptr_equal(c->emissions[i].completion, c);
		}
}

static size_t bytes(const seg_emitted *e)
{
	size_t sum = 0;
	for (const seg_completion *c = e->first; c; c = c->next)
		sum += c->bytes;
	return sum;
}

static void a_cut_lies_between_two_messages(void **state)
{
	(void)state;
	for (uint64_t at = 0; at <= 8; at++) {
		seg_emitted e = {0};
		for (uint64_t number = 1; number < 8; number += 2)
			for (int i = 0; i < 3; i++)
				add(&e, number, "data", 4);
		assert_int_equal(seg_emitted_of(&e, 7), 3 * (sizeof(seg_emission) + 5));
		assert_int_equal(seg_emitted_of(&e, 6), 0);
		assert_true(seg_emitted_cut(&e, at, (seg_id){at, 0}));
		check_numbers(&e);
		assert_int_equal(records(&e), 12);
		assert_int_equal(e.bytes, bytes(&e));
		seg_emitted_drop(&e, at);
		assert_int_equal(records(&e), 12 - at / 2 * 3);
		for (const seg_completion *c = e.first; c; c = c->next)
			assert_true(c->begin >= at || c->emission_count == 0 ||
				    c->emissions[0].source.ms >= at);
		check_numbers(&e);
		assert_int_equal(e.bytes, bytes(&e));
		seg_emitted_drop(&e, UINT64_MAX);
		assert_null(e.first);
		assert_null(e.last);
		assert_int_equal(e.bytes, 0);
	}
}

static void a_message_is_never_in_two_completions(void **state)
{
	(void)state;
	static char large[20000];
	seg_emitted e = {0};
	add(&e, 1, large, sizeof(large));
	add(&e, 1, large, sizeof(large));
	add(&e, 2, "x", 1);
	add(&e, 3, "x", 1);
	assert_int_equal(e.first->emission_count, 2);
	assert_ptr_equal(e.first->next, e.last);
	assert_int_equal(e.last->emission_count, 2);
	assert_true(seg_emitted_is_past(&e, 2));
	assert_false(seg_emitted_is_past(&e, 3));
	check_numbers(&e);
	seg_emitted_drop(&e, UINT64_MAX);
}

static void what_is_handed_over_goes_in_order_and_the_rest_stays(void **state)
{
	(void)state;
	static seg_handoff handoff;
	static seg_waker waker;
	atomic_llong lease;
	seg_emitted e = {0};
	seg_completions taken = {0};
	assert_int_equal(seg_waker_init(&waker), 0);
	atomic_init(&lease, 0);
	seg_handoff_init(&handoff, &waker, &lease, NULL);
	for (uint64_t number = 0; number < 6; number++)
		add(&e, number, "data", 4);
	for (uint64_t number = 2; number <= 4; number += 2) {
		assert_true(seg_emitted_cut(&e, number, (seg_id){number, 0}));
		seg_emitted_hand_over(&e, number, &handoff);
	}
	assert_int_equal(records(&e), 2);
	assert_true(seg_handoff_take_completions(&handoff, &taken));
	assert_int_equal(taken.count, 2);
	for (uint64_t number = 0; number < 4; number += 2) {
		seg_completion *c = seg_completions_take(&taken);
		assert_int_equal(c->begin, number);
		assert_int_equal(c->end, number + 2);
		assert_int_equal(c->unadded, 2);
		assert_int_equal(c->emissions[0].source.ms, number);
		seg_handoff_free_completion(&handoff, c);
	}
	seg_emitted_drop(&e, UINT64_MAX);
	seg_waker_fini(&waker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_lies_between_two_messages),
		cmocka_unit_test(a_message_is_never_in_two_completions),
		cmocka_unit_test(what_is_handed_over_goes_in_order_and_the_rest_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
