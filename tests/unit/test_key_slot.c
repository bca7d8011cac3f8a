/* test_key_slot.c - the slot of a key never changes, and the keys of one partition spread over all slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "partition/completion.h"
#include "partition/key_slot.h"

static void a_key_has_the_same_slot_for_ever(void **state)
{
	(void)state;
	/* Values in Redis are stored under these numbers. */
	assert_int_equal(seg_key_slot("", 0), 684);
	assert_int_equal(seg_key_slot(NULL, 0), 684);
	assert_int_equal(seg_key_slot("customer-1", 10), 930);
	assert_int_equal(seg_key_slot("a\0b", 3), 373);
}

static void the_keys_of_one_partition_spread_over_all_slots(void **state)
{
	(void)state;
	/* Of 1024 partitions, each 1024th key is in the first one: fewer a slot, since each key takes its time. */
	static const struct {
		uint32_t partitions;
		unsigned each, most; /* a fair hash strays by the root of `each` at one standard deviation */
	} cases[] = {{1, 64, 112}, {2, 64, 112}, {8, 64, 112}, {12, 64, 112}, {64, 64, 112}, {1024, 16, 40}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned counts[SEG_SLOTS] = {0}, found = 0, most = 0, used = 0;
		for (unsigned key = 0; found < cases[i].each * SEG_SLOTS; key++) {
			char text[24];
			int length = snprintf(text, sizeof(text), "key-%u", key);
			if (seg_partition_of(text, (size_t)length, cases[i].partitions) != 0)
				continue;
			found++;
			uint16_t slot = seg_key_slot(text, (size_t)length);
			assert_true(slot < SEG_SLOTS);
			counts[slot]++;
		}
		for (unsigned slot = 0; slot < SEG_SLOTS; slot++) {
			used += counts[slot] > 0;
			most = counts[slot] > most ? counts[slot] : most;
		}
		assert_int_equal(used, SEG_SLOTS);
		assert_true(most < cases[i].most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_the_same_slot_for_ever),
		cmocka_unit_test(the_keys_of_one_partition_spread_over_all_slots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
