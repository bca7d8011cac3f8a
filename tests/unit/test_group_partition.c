/*
 * A member's partition: its keys, and when its position suggests that a message killed its owners.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "group/partition.h"

static void the_keys_beside_the_log_lie_in_its_slot(void **state)
{
	(void)state;
	static const seg_ledger_limits limits = {4, 2, 4096};
	const seg_partition_setup setup = {.name_space = "ns",
					   .stream = "orders",
					   .group = "billing",
					   .limits = &limits};
	static seg_partition p;
	assert_int_equal(seg_partition_init(&p, &setup, 7), 0);
	assert_string_equal(p.log_key, "__ns:orders:partition_7");
	assert_int_equal(p.log_key_length, strlen(p.log_key));
	assert_string_equal(p.state_key, "{__ns:orders:partition_7}:billing:state");
	assert_string_equal(p.dead_key, "{__ns:orders:partition_7}:billing:dead");
	seg_partition_fini(&p);
}

static void one_crash_is_no_suspicion_but_two_or_a_mark_are(void **state)
{
	(void)state;
	static const seg_partition one = {.resume = {.crashes = 1}}, two = {.resume = {.crashes = 2}},
				   marked = {.resume = {.suspect = {1, 1}}};
	assert_false(seg_partition_is_suspicious(&one, 2));
	assert_true(seg_partition_is_suspicious(&one, 1));
	assert_true(seg_partition_is_suspicious(&two, 2));
	assert_true(seg_partition_is_suspicious(&marked, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_keys_beside_the_log_lie_in_its_slot),
		cmocka_unit_test(one_crash_is_no_suspicion_but_two_or_a_mark_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
