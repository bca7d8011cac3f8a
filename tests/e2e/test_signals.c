/* test_signals.c - signals to a running segrunner: to stand by, and to report its state. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/load.h"
#include "harness/rig.h"

enum { PARTITIONS = 4, KEYS = 8, PER_SECOND = 300 };

static void run(int i)
{
	rig.runners[i] = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = runner-%d\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\npartitions = %d\noption.path = %s\n",
		rig.server->address, i, test_build_directory(), PARTITIONS, rig.deliveries);
}

/* Waits until everything is handled; each message exactly once, in order. */
static void nothing_is_repeated(test_load *load)
{
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	assert_int_equal(test_deliveries_check(&deliveries, KEYS, numbers, 0), 0);
	assert_int_equal(deliveries.count, (size_t)numbers * KEYS);
	test_deliveries_free(&deliveries);
}

static void a_runner_that_stands_by_leaves_its_partitions_to_others_and_takes_some_again(void **state)
{
	(void)state;
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0);
	run(1);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	for (int round = 0; round < 3; round++) {
		kill(rig.runners[0]->pid, SIGUSR1);
		test_group_wait_balanced(rig.server->address, "s", "g", 1);
		test_load_go_on(load, 30);
		kill(rig.runners[0]->pid, SIGUSR1);
		test_group_wait_balanced(rig.server->address, "s", "g", 2);
		test_load_go_on(load, 30);
	}
	nothing_is_repeated(load);
}

static void the_only_runner_may_stand_by_and_continues_where_it_was(void **state)
{
	(void)state;
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	kill(rig.runners[0]->pid, SIGUSR1);
	test_runner_says(rig.runners[0], "standing by without partitions");
	test_load_go_on(load, 30);
	kill(rig.runners[0]->pid, SIGUSR1);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	nothing_is_repeated(load);
}

static void a_runner_that_stands_by_stops_at_once_and_cleanly(void **state)
{
	(void)state;
	run(0);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	kill(rig.runners[0]->pid, SIGUSR1);
	test_runner_says(rig.runners[0], "standing by without partitions");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
}

/* The dynamic loader runs first, and takes milliseconds, in which a signal that is not blocked ends the process. */
static void a_signal_before_main_waits_where_the_starter_has_blocked_it(void **state)
{
	(void)state;
	sigset_t early, before;
	sigemptyset(&early);
	sigaddset(&early, SIGHUP);
	sigaddset(&early, SIGUSR1);
	sigaddset(&early, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_BLOCK, &early, &before), 0);
	run(0);
	for (int i = 0; i < 3; i++)
		kill(rig.runners[0]->pid, (const int[]){SIGHUP, SIGUSR1, SIGUSR2}[i]);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	test_runner_says(rig.runners[0], "SIGHUP: reading ");
	test_runner_says(rig.runners[0], "standing by without partitions");
	test_runner_says(rig.runners[0], "[consumer c] owns 0 partitions");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
}

/* Asks again until then: workers begin a moment after Redis knows the partitions' owners. */
static bool reports_all(void *arg)
{
	(void)arg;
	bool all = test_runner_has_said(rig.runners[0], "[consumer c] owns 4 partitions");
	for (int i = 0; i < PARTITIONS; i++) {
		char line[160];
		snprintf(
			line, sizeof(line),
			"active; committed 0-0, handled 0-0, fetched 0-0; 0 batches (0 bytes) in flight, 0 handled "
			"messages not committed stream=s group=g partition=%d",
			i);
		all = all && test_runner_has_said(rig.runners[0], line);
	}
	if (!all)
		kill(rig.runners[0]->pid, SIGUSR2);
	return all;
}

static void each_partition_is_a_line_of_the_report(void **state)
{
	(void)state;
	run(0);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_wait_until(reports_all, NULL, 20000, "all partitions are reported");
	kill(rig.runners[0]->pid, SIGUSR1);
	test_runner_says(rig.runners[0], "standing by without partitions");
	kill(rig.runners[0]->pid, SIGUSR2);
	test_runner_says(rig.runners[0], "[consumer c] owns 0 partitions; it stands by");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_runner_that_stands_by_leaves_its_partitions_to_others_and_takes_some_again),
		TEST(the_only_runner_may_stand_by_and_continues_where_it_was),
		TEST(a_runner_that_stands_by_stops_at_once_and_cleanly),
		TEST(a_signal_before_main_waits_where_the_starter_has_blocked_it),
		TEST(each_partition_is_a_line_of_the_report),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
