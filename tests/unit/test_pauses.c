/* test_pauses.c - how long the pauses of a partition are in a history of a chaos run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chaos/written.h"
#include "chaos/pauses.h"

static void a_pause_is_from_one_call_to_the_next_wherever_it_is(void **state)
{
	(void)state;
	chaos_pauses pauses;
	test_old_owner();
	test_old_owner_releases();
	test_new_owner(10);
	chaos_append(&test_history.restarts, 9 * MS);
	chaos_append(&test_history.restarts, 100 * MS);
	chaos_pauses_measure(&test_history, &pauses);
	assert_int_equal(pauses.moved, 1);
	assert_int_equal(pauses.moved_max, 40000);
	assert_int_equal(pauses.stayed, 0);
}

static void a_partition_that_stays_pauses_between_its_calls(void **state)
{
	(void)state;
	chaos_pauses pauses;
	test_record(CHAOS_OPEN, OLD_PROCESS, OLD, 8, 0);
	test_called(OLD_PROCESS, OLD, 10, 0, 9);
	test_called(OLD_PROCESS, OLD, 25, 10, 15);
	test_record(CHAOS_MESSAGE, OLD_PROCESS, OLD, 32, 16);
	test_record(CHAOS_RETURN_AGAIN, OLD_PROCESS, OLD, 33, 16);
	test_called(OLD_PROCESS, OLD, 50, 16, MESSAGES - 1);
	chaos_append(&test_history.restarts, 9 * MS);
	chaos_append(&test_history.restarts, 100 * MS);
	chaos_pauses_measure(&test_history, &pauses);
	assert_int_equal(pauses.moved, 0);
	assert_int_equal(pauses.stayed, 1);
	assert_int_equal(pauses.stayed_p99, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_history_set_up, test_history_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pause_is_from_one_call_to_the_next_wherever_it_is),
		TEST(a_partition_that_stays_pauses_between_its_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
