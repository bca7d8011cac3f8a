/*
 * test_many_partitions.c - runners that have many partitions, all with messages, so that most rounds of the I/O thread are brief ones
 * (group/brief.h): a backlog, a second runner that comes, and one that is killed. Each message is handled, in order.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sysexits.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/load.h"
#include "harness/runner.h"
#include "harness/server.h"

enum { PARTITIONS = 100, KEYS = 200, PER_SECOND = 40, RUNNERS = 2 };

static test_server *server;
static test_runner *runners[RUNNERS];
static char directory[64], deliveries_path[96];

static int set_up(void **state)
{
	(void)state;
	server = test_server_start(NULL);
	test_directory_make(directory);
	snprintf(deliveries_path, sizeof(deliveries_path), "%s/deliveries", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < RUNNERS; i++) {
		test_runner_free(runners[i]);
		runners[i] = NULL;
	}
	test_directory_remove(directory);
	test_server_stop(server);
	return 0;
}

static void run(int i, const char *more)
{
	runners[i] =
		test_runner_run("[redis]\naddress = %s\n[runner]\nname = runner-%d\n"
				"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
				"partitions = %d\nbatch_size = 16\noption.path = %s\n%s\n",
				server->address, i, test_build_directory(), PARTITIONS, deliveries_path,
				more);
}

static void wait_balanced(uint32_t members)
{
	test_group_wait_balanced(server->address, "s", "g", members);
}

/* Returns how many deliveries were repetitions. */
static size_t end(test_load *load)
{
	int numbers = test_load_end(load);
	test_group_wait_drained(server->address, "s", "g");
	test_deliveries deliveries = test_deliveries_read(deliveries_path);
	size_t repeated = test_deliveries_check(&deliveries, KEYS, numbers, 0);
	test_deliveries_free(&deliveries);
	return repeated;
}

static void a_backlog_and_a_planned_handoff_repeat_nothing(void **state)
{
	(void)state;
	test_load *load = test_load_start(server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	test_load_reach(load, 60);
	run(0, "");
	wait_balanced(1);
	test_load_go_on(load, 20);
	run(1, "");
	wait_balanced(2);
	test_load_go_on(load, 20);
	assert_int_equal(test_runner_stop(runners[0], SIGTERM), EX_OK);
	wait_balanced(1);
	test_load_go_on(load, 20);
	assert_int_equal(end(load), 0);
	assert_int_equal(test_runner_stop(runners[1], SIGTERM), EX_OK);
}

static void a_killed_runner_with_many_partitions_loses_nothing(void **state)
{
	(void)state;
	test_load *load = test_load_start(server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, TEST_MORTAL);
	run(1, TEST_MORTAL);
	wait_balanced(2);
	test_load_go_on(load, 20);
	assert_int_equal(test_runner_stop(runners[0], SIGKILL), -SIGKILL);
	wait_balanced(1);
	test_load_go_on(load, 20);
	end(load);
	assert_int_equal(test_runner_stop(runners[1], SIGTERM), EX_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_backlog_and_a_planned_handoff_repeat_nothing),
		TEST(a_killed_runner_with_many_partitions_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
