/* test_exclusion.c - either entries under suspicion are read, or one message under suspicion is handled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "partition/exclusion.h"

static void one_read_is_under_way_and_the_handler_waits_for_it(void **state)
{
	(void)state;
	assert_true(seg_exclusion_read_begin());
	assert_false(seg_exclusion_allows_reads());
	assert_false(seg_exclusion_read_begin());
	assert_false(seg_exclusion_handle_begin());
	seg_exclusion_read_end();
	assert_true(seg_exclusion_handle_begin());
	seg_exclusion_handle_end();
	assert_true(seg_exclusion_read_begin());
	seg_exclusion_read_end();
}

static void no_read_begins_while_a_handler_waits_or_handles(void **state)
{
	(void)state;
	assert_true(seg_exclusion_allows_reads());
	assert_true(seg_exclusion_read_begin());
	assert_false(seg_exclusion_handle_begin());
	assert_false(seg_exclusion_allows_reads());
	assert_false(seg_exclusion_read_begin());
	seg_exclusion_read_end();
	assert_true(seg_exclusion_handle_begin());
	assert_false(seg_exclusion_read_begin());
	seg_exclusion_handle_end();
	assert_true(seg_exclusion_read_begin());
	seg_exclusion_read_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_read_is_under_way_and_the_handler_waits_for_it),
		cmocka_unit_test(no_read_begins_while_a_handler_waits_or_handles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
