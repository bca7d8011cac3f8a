/* test_partitioner.c - the partition of each key is the same as with the Go library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#define MOST UINT32_MAX

static void a_key_hashes_as_fnv_1a_says(void **state)
{
	(void)state;
	/* Modulo 2^32 - 1, the result is the hash itself, unless the hash is 2^32 - 1. */
	assert_int_equal(seg_partition_of("hextech", 7, MOST), 3513945414u);
	assert_int_equal(seg_partition_of("1", 1, MOST), 873244444u);
	assert_int_equal(seg_partition_of("foobar", 6, MOST), 0xbf9cf968u);
	assert_int_equal(seg_partition_of("a", 1, MOST), 0xe40c292cu);
}

static void an_empty_key_has_the_offset_basis(void **state)
{
	(void)state;
	assert_int_equal(seg_partition_of("", 0, MOST), 2166136261u);
	assert_int_equal(seg_partition_of(NULL, 0, MOST), 2166136261u);
}

static void bytes_beyond_ascii_and_nul_count(void **state)
{
	(void)state;
	assert_int_equal(seg_partition_of("\xff\x00\x01", 3, MOST), 0x246d9f91u);
	assert_int_not_equal(seg_partition_of("a\0b", 3, MOST), seg_partition_of("a\0c", 3, MOST));
}

static void every_partition_gets_its_share_of_keys(void **state)
{
	(void)state;
	uint32_t hits[16] = {0};
	for (uint32_t i = 0; i < 16000; i++)
		hits[seg_partition_of(&i, sizeof(i), 16)]++;
	for (int p = 0; p < 16; p++)
		assert_in_range(hits[p], 700, 1300);
}

static void one_partition_takes_every_key(void **state)
{
	(void)state;
	assert_int_equal(seg_partition_of("hextech", 7, 1), 0);
	assert_int_equal(seg_partition_of("hextech", 7, 20), 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_hashes_as_fnv_1a_says),
		cmocka_unit_test(an_empty_key_has_the_offset_basis),
		cmocka_unit_test(bytes_beyond_ascii_and_nul_count),
		cmocka_unit_test(every_partition_gets_its_share_of_keys),
		cmocka_unit_test(one_partition_takes_every_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
