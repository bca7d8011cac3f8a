/* The stock of a member: the memory of batches goes from one to the next, whichever partition they are of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "partition/fetched.h"

enum { VIEW = 4 };

static seg_stock stock;

static int teardown(void **state)
{
	(void)state;
	seg_stock_free(&stock);
	return 0;
}

/* A batch with room for so many messages, and with texts of so many bytes together. */
static seg_fetched *filled(size_t messages, size_t bytes)
{
	seg_fetched *fetched = seg_fetched_create(VIEW, &stock);
	assert_non_null(fetched);
	assert_true(seg_fetched_reserve(fetched, messages));
	char *text = seg_arena_alloc(&fetched->room.arena, bytes);
	assert_non_null(text);
	memset(text, 'x', bytes);
	return fetched;
}

static void give(seg_fetched *fetched)
{
	seg_fetched_give_room(fetched, SIZE_MAX);
	assert_null(fetched->room.messages);
	assert_int_equal(fetched->room.arena.held, 0);
}

static void an_empty_batch_has_no_memory_to_give(void **state)
{
	(void)state;
	seg_fetched *fetched = seg_fetched_create(VIEW, &stock);
	give(fetched);
	assert_int_equal(stock.count, 0);
	seg_fetched_release(fetched);
}

static void a_batch_gets_what_another_has_given(void **state)
{
	(void)state;
	seg_fetched *one = filled(100, 1000), *other = seg_fetched_create(VIEW, &stock);
	const seg_message *messages = one->room.messages;
	size_t held = one->room.arena.held;
	give(one);
	assert_int_equal(stock.count, 1);
	assert_true(seg_fetched_reserve(other, 1));
	assert_ptr_equal(other->room.messages, messages);
	assert_int_equal(other->room.arena.held, held);
	assert_int_equal(other->room.arena.used, 0);
	assert_true(other->room.capacity >= 100);
	assert_int_equal(stock.count, 0);
	assert_int_equal(stock.bytes, 0);
	seg_fetched_release(one);
	seg_fetched_release(other);
}

static void what_came_back_last_is_taken_first(void **state)
{
	(void)state;
	seg_fetched *batches[] = {filled(VIEW, 10), filled(VIEW, 10), filled(VIEW, 10)};
	const seg_message *newest = batches[1]->room.messages, *oldest = batches[2]->room.messages;
	give(batches[2]);
	give(batches[0]);
	give(batches[1]);
	assert_true(seg_fetched_reserve(batches[0], 1));
	assert_ptr_equal(batches[0]->room.messages, newest);
	assert_true(seg_fetched_reserve(batches[1], 1));
	assert_true(seg_fetched_reserve(batches[2], 1));
	assert_ptr_equal(batches[2]->room.messages, oldest);
	for (size_t i = 0; i < 3; i++)
		seg_fetched_release(batches[i]);
}

static void room_that_is_too_small_grows(void **state)
{
	(void)state;
	seg_fetched *small = filled(VIEW, 10), *large = seg_fetched_create(VIEW, &stock);
	give(small);
	assert_true(seg_fetched_reserve(large, 1000));
	assert_true(large->room.capacity >= 1000);
	memset(large->room.messages, 0, 1000 * sizeof(large->room.messages[0]));
	assert_int_equal(stock.count, 0);
	seg_fetched_release(small);
	seg_fetched_release(large);
}

static void a_batch_that_has_room_takes_none(void **state)
{
	(void)state;
	seg_fetched *one = filled(VIEW, 10), *other = filled(VIEW, 10);
	give(one);
	assert_true(seg_fetched_reserve(other, 10 * VIEW));
	assert_int_equal(stock.count, 1);
	seg_fetched_release(one);
	seg_fetched_release(other);
}

static void a_batch_keeps_no_more_than_its_bound(void **state)
{
	(void)state;
	seg_fetched *fetched = filled(VIEW, 100000);
	seg_fetched_give_room(fetched, 1000);
	assert_int_equal(stock.count, 1);
	assert_true(stock.bytes < 1000);
	seg_fetched_release(fetched);
}

/* AddressSanitizer's leak check sees whether the rest is freed. */
static void the_stock_has_a_bound(void **state)
{
	(void)state;
	enum { BATCHES = 40, BYTES = 1 << 20 };
	seg_fetched *batches[BATCHES];
	for (size_t i = 0; i < BATCHES; i++)
		batches[i] = filled(VIEW, BYTES);
	for (size_t i = 0; i < BATCHES; i++)
		give(batches[i]);
	assert_true(stock.bytes <= SEG_STOCK_MOST);
	assert_true(stock.bytes > SEG_STOCK_MOST - 2 * BYTES);
	assert_true(stock.count < BATCHES);
	for (size_t i = 0; i < BATCHES; i++)
		seg_fetched_release(batches[i]);
}

static void without_a_stock_a_batch_keeps_its_memory(void **state)
{
	(void)state;
	seg_fetched *fetched = seg_fetched_create(VIEW, NULL);
	assert_true(seg_fetched_reserve(fetched, 1));
	seg_fetched_give_room(fetched, SIZE_MAX);
	assert_non_null(fetched->room.messages);
	seg_fetched_release(fetched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(an_empty_batch_has_no_memory_to_give, teardown),
		cmocka_unit_test_teardown(a_batch_gets_what_another_has_given, teardown),
		cmocka_unit_test_teardown(what_came_back_last_is_taken_first, teardown),
		cmocka_unit_test_teardown(room_that_is_too_small_grows, teardown),
		cmocka_unit_test_teardown(a_batch_that_has_room_takes_none, teardown),
		cmocka_unit_test_teardown(a_batch_keeps_no_more_than_its_bound, teardown),
		cmocka_unit_test_teardown(the_stock_has_a_bound, teardown),
		cmocka_unit_test_teardown(without_a_stock_a_batch_keeps_its_memory, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
