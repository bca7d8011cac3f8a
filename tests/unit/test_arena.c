/* The arena: pieces never overlap, blocks are reused, and memory is returned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

enum { BLOCK = 1024 };

static seg_arena arena;

static int setup(void **state)
{
	(void)state;
	seg_arena_init(&arena, BLOCK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	seg_arena_fini(&arena);
	return 0;
}

/* A piece, filled completely, so that AddressSanitizer and the checks notice overlaps. */
static char *piece(size_t size, int fill)
{
	char *p = seg_arena_alloc(&arena, size);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
	memset(p, fill, size);
	return p;
}

/* --- pieces ------------------------------------------------------------------------------ */

static void an_arena_that_gave_nothing_holds_nothing(void **state)
{
	(void)state;
	assert_int_equal(arena.held, 0);
	seg_arena_reset(&arena, 0);
	seg_arena_fini(&arena);
	seg_arena_fini(&arena);
	piece(1, 'x');
}

static void pieces_of_no_bytes_are_pieces_of_their_own(void **state)
{
	(void)state;
	assert_ptr_not_equal(piece(0, 0), piece(0, 0));
}

static void pieces_of_any_size_keep_what_was_written(void **state)
{
	(void)state;
	enum { PIECES = 400 };
	char *p[PIECES];
	size_t size[PIECES];
	srand(1);
	for (int i = 0; i < PIECES; i++) {
		size[i] = (size_t)(rand() % 20 ? rand() % 200 : rand() % (5 * BLOCK));
		p[i] = piece(size[i], i % 128);
	}
	for (int i = 0; i < PIECES; i++)
		for (size_t b = 0; b < size[i]; b++)
			assert_int_equal(p[i][b], i % 128);
}

static void a_piece_of_exactly_a_block_fits_it_and_a_larger_one_gets_its_own(void **state)
{
	(void)state;
	piece(BLOCK, 'x');
	assert_int_equal(arena.held, BLOCK);
	piece(3 * BLOCK, 'x');
	assert_int_equal(arena.held, 4 * BLOCK);
	piece(1, 'x');
	assert_int_equal(arena.held, 5 * BLOCK);
}

static void sizes_beyond_all_memory_get_nothing_and_break_nothing(void **state)
{
	(void)state;
	char *before = piece(16, 'x');
	const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 + 1};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_null(seg_arena_alloc(&arena, sizes[i]));
	assert_ptr_equal(piece(16, 'y'), before + 16);
	assert_int_equal(before[15], 'x');
}

/* --- used again --------------------------------------------------------------------------- */

static void the_same_use_again_takes_the_same_memory(void **state)
{
	(void)state;
	const size_t sizes[] = {100, 900, 5000, 20, 1000, 3000, 16};
	enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
	char *first[SIZES] = {NULL};
	size_t held = 0;
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < SIZES; i++) {
			char *p = piece(sizes[i], round);
			if (round == 0)
				first[i] = p;
			assert_ptr_equal(p, first[i]);
		}
		if (round == 0)
			held = arena.held;
		assert_int_equal(arena.held, held);
		seg_arena_reset(&arena, SIZE_MAX);
	}
}

static void blocks_that_are_too_small_are_passed_over_but_not_lost(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		piece(BLOCK, 'x');
	piece(2 * BLOCK, 'x');
	size_t held = arena.held;
	seg_arena_reset(&arena, SIZE_MAX);
	piece(BLOCK, 'x');
	piece(2 * BLOCK, 'x');
	assert_int_equal(arena.held, held);
	seg_arena_reset(&arena, SIZE_MAX);
	for (int i = 0; i < 4; i++)
		piece(BLOCK, 'x');
	assert_int_equal(arena.held, held);
}

static void used_counts_what_was_handed_out_since_the_reset(void **state)
{
	(void)state;
	piece(1, 'x');
	piece(17, 'x');
	piece(2 * BLOCK, 'x');
	assert_int_equal(arena.used, 16 + 32 + 2 * BLOCK);
	seg_arena_reset(&arena, SIZE_MAX);
	assert_int_equal(arena.used, 0);
}

/* --- memory that is returned ------------------------------------------------------------------------------ */

static void a_reset_keeps_no_more_than_its_argument(void **state)
{
	(void)state;
	const size_t keeps[] = {4 * BLOCK, 3 * BLOCK + 1, 3 * BLOCK - 1, BLOCK, BLOCK - 1, 0};
	const size_t kept[] = {4 * BLOCK, 3 * BLOCK, 2 * BLOCK, BLOCK, 0, 0};
	for (size_t i = 0; i < sizeof(keeps) / sizeof(keeps[0]); i++) {
		for (int n = 0; n < 5; n++)
			piece(BLOCK, 'x');
		seg_arena_reset(&arena, keeps[i]);
		assert_int_equal(arena.held, kept[i]);
	}
	piece(BLOCK, 'x');
}

static void one_huge_piece_does_not_stay_for_ever(void **state)
{
	(void)state;
	piece(10, 'x');
	piece(1000 * BLOCK, 'x');
	seg_arena_reset(&arena, 10 * BLOCK);
	assert_true(arena.held <= 10 * BLOCK);
	piece(10, 'x');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void trimming_frees_what_no_piece_uses(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		piece(BLOCK, 'x');
	seg_arena_reset(&arena, SIZE_MAX);
	char *kept = piece(BLOCK / 2, 'y');
	seg_arena_trim(&arena, 2 * BLOCK);
	assert_int_equal(arena.held, 3 * BLOCK);
	seg_arena_trim(&arena, 0);
	assert_int_equal(arena.held, BLOCK);
	assert_int_equal(kept[BLOCK / 2 - 1], 'y');
	for (int i = 0; i < 10; i++)
		piece(BLOCK, 'z');
	assert_int_equal(kept[0], 'y');
}

static void trimming_an_arena_that_gave_nothing_frees_all(void **state)
{
	(void)state;
	seg_arena_trim(&arena, 0);
	piece(BLOCK, 'x');
	seg_arena_reset(&arena, SIZE_MAX);
	seg_arena_trim(&arena, 0);
	piece(1, 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_arena_that_gave_nothing_holds_nothing),
		TEST(pieces_of_no_bytes_are_pieces_of_their_own),
		TEST(pieces_of_any_size_keep_what_was_written),
		TEST(a_piece_of_exactly_a_block_fits_it_and_a_larger_one_gets_its_own),
		TEST(sizes_beyond_all_memory_get_nothing_and_break_nothing),
		TEST(the_same_use_again_takes_the_same_memory),
		TEST(blocks_that_are_too_small_are_passed_over_but_not_lost),
		TEST(used_counts_what_was_handed_out_since_the_reset),
		TEST(a_reset_keeps_no_more_than_its_argument),
		TEST(one_huge_piece_does_not_stay_for_ever),
		TEST(trimming_frees_what_no_piece_uses),
		cmocka_unit_test_setup_teardown(trimming_an_arena_that_gave_nothing_frees_all, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
