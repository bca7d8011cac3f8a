/* test_spare_cpus.c - how many threads may spin. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/spare_cpus.h"

static void two_cpus_stay_free(void **state)
{
	(void)state;
	assert_int_equal(seg_spare_cpus_of(1, 0), 0);
	assert_int_equal(seg_spare_cpus_of(2, 0), 0);
	assert_int_equal(seg_spare_cpus_of(3, 0), 1);
	assert_int_equal(seg_spare_cpus_of(64, 0), 62);
}

static void a_quota_counts_as_whole_cpus(void **state)
{
	(void)state;
	assert_int_equal(seg_spare_cpus_of(64, 4000), 2);
	assert_int_equal(seg_spare_cpus_of(64, 3999), 1);
	assert_int_equal(seg_spare_cpus_of(64, 500), 0);
	assert_int_equal(seg_spare_cpus_of(3, 64000), 1);
}

static void the_quota_is_that_of_cpu_max(void **state)
{
	(void)state;
	assert_int_equal(seg_spare_cpus_quota("max 100000\n"), 0);
	assert_int_equal(seg_spare_cpus_quota("150000 100000\n"), 1500);
	assert_int_equal(seg_spare_cpus_quota("1 1000000\n"), 1);
	assert_int_equal(seg_spare_cpus_quota(""), 0);
	assert_int_equal(seg_spare_cpus_quota("-1 100000"), 0);
	assert_int_equal(seg_spare_cpus_quota("100000 0"), 0);
}

static void no_more_are_taken_than_there_are_and_those_given_back_are_taken_again(void **state)
{
	(void)state;
	cpu_set_t mine;
	assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
	int most = seg_spare_cpus_of(CPU_COUNT(&mine), 0), taken = 0;
	while (taken <= most && seg_spare_cpu_take())
		taken++;
	assert_in_range(taken, 0, most); /* fewer where a control group has a quota */
	assert_false(seg_spare_cpu_take());
	for (int i = 0; i < taken; i++)
		seg_spare_cpu_give_back();
	for (int i = 0; i < taken; i++)
		assert_true(seg_spare_cpu_take());
	assert_false(seg_spare_cpu_take());
	for (int i = 0; i < taken; i++)
		seg_spare_cpu_give_back();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_cpus_stay_free),
		cmocka_unit_test(a_quota_counts_as_whole_cpus),
		cmocka_unit_test(the_quota_is_that_of_cpu_max),
		cmocka_unit_test(no_more_are_taken_than_there_are_and_those_given_back_are_taken_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
