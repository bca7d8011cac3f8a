/*
 * test_many_partitions.c - runners that have many partitions, all with messages, so that most rounds of the I/O thread are brief ones
 * (group/brief.h): a backlog, a second runner that comes, and one that is killed. Each message is handled, in order.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sysexits.h>

#include <cmocka.h>

#include "harness/recorded.h"

enum { PARTITIONS = 100, KEYS = 200, PER_SECOND = 40 };

static int set_up(void **state)
{
	(void)state;
	test_recorded_start(PARTITIONS, KEYS);
	return 0;
}

static void a_backlog_and_a_planned_handoff_repeat_nothing(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	test_load_reach(load, 60);
	test_recorded_run(0, "");
	test_recorded_wait_balanced(1);
	test_load_go_on(load, 20);
	test_recorded_run(1, "");
	test_recorded_wait_balanced(2);
	test_load_go_on(load, 20);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	test_recorded_wait_balanced(1);
	test_load_go_on(load, 20);
	assert_int_equal(test_recorded_finish(load, 0), 0);
	assert_int_equal(test_runner_stop(rig.runners[1], SIGTERM), EX_OK);
}

static void a_killed_runner_with_many_partitions_loses_nothing(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	test_recorded_run(0, TEST_MORTAL);
	test_recorded_run(1, TEST_MORTAL);
	test_recorded_wait_balanced(2);
	test_load_go_on(load, 20);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGKILL), -SIGKILL);
	test_recorded_wait_balanced(1);
	test_load_go_on(load, 20);
	test_recorded_finish(load, 0);
	assert_int_equal(test_runner_stop(rig.runners[1], SIGTERM), EX_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_backlog_and_a_planned_handoff_repeat_nothing),
		TEST(a_killed_runner_with_many_partitions_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
