/*
 * test_plugin_postgres_once.c - real runners, a real Redis and a real PostgreSQL. Whatever is killed, each
 * message becomes one row, and the rows of a key are in order.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/load.h"
#include "harness/plugin.h"
#include "harness/postgres.h"
#include "harness/rig.h"

enum { PARTITIONS = 4, KEYS = 12, PER_SECOND = 300, RUNNERS = 2, PATIENCE_MS = 30000 };

static test_postgres *postgres;

static int start_database(void **state)
{
	(void)state;
	postgres = test_postgres_start();
	return 0;
}

static int stop_database(void **state)
{
	(void)state;
	test_postgres_stop(postgres);
	return 0;
}

static int set_up(void **state)
{
	test_rig_set_up(state);
	test_postgres_query(postgres,
			    "DROP TABLE IF EXISTS t, segmenter_position;"
			    "CREATE TABLE t (n serial, key text, number int, partition int, epoch bigint)");
	return 0;
}

/* Commits rarely, so that a killed runner's messages certainly come again. */
static void run(int i)
{
	test_runner_free(rig.runners[i]);
	rig.runners[i] =
		test_runner_run("[redis]\naddress = %s\n[runner]\nname = runner-%d\n"
				"[consumer c]\nstream = s\ngroup = g\nplugin = %s/plugins/postgres.so\n"
				"partitions = %d\n" TEST_MORTAL "commit_interval = 1s\n"
				"max_attempts = 0\nretry_backoff = 10ms\nretry_backoff_max = 200ms\n"
				"option.connection = %s\noption.table = t\noption.timeout = 5s\n"
				"option.columns = key, number = data, partition, epoch\n",
				rig.server->address, i, test_build_directory(), PARTITIONS,
				postgres->connection);
}

static test_load *start_load(void)
{
	return test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
}

/* Ends the load, waits until everything is committed, and counts the rows. */
static void expect_each_once_and_in_order(test_load *load)
{
	char expected[64];
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
	snprintf(expected, sizeof(expected), "%d|%d|0\n", KEYS * numbers, KEYS * numbers);
	/* The serial number gives the order in which the rows were stored. */
	assert_string_equal(
		test_postgres_query(postgres,
				    "SELECT count(*), count(DISTINCT (key, number)),"
				    " count(*) FILTER (WHERE number <> before + 1) FROM (SELECT key, number,"
				    " coalesce(lag(number) OVER (PARTITION BY key ORDER BY n), -1) AS before"
				    " FROM t) AS rows"),
		expected);
}

static long long newest_epoch(void)
{
	return atoll(test_postgres_query(postgres, "SELECT coalesce(max(epoch), 0) FROM segmenter_position"));
}

/* Whether each partition has rows of its current owner, and half of them, as many as a runner owns, one with a later epoch. */
static bool all_have_stored(void *arg)
{
	const long long *before = arg;
	const char *enough = test_postgres_query(
		postgres,
		"SELECT count(*) = %d AND count(*) FILTER (WHERE epoch > %lld) >= %d FROM segmenter_position AS p"
		" WHERE EXISTS (SELECT FROM t WHERE t.partition = p.partition AND t.epoch = p.epoch)",
		PARTITIONS, *before, PARTITIONS / RUNNERS);
	return enough[0] == 't';
}

/* Otherwise a killed runner, whose lease goes on, looks like an owner that is well. */
static void wait_until_taken_over(long long before)
{
	test_wait_until(all_have_stored, &before, PATIENCE_MS,
			"all owners have stored something, new ones too");
}

static bool has_skipped(test_runner *runner)
{
	return test_runner_has_said(runner, "messages that the database has already");
}

static void each_message_is_one_row_whichever_runners_are_killed(void **state)
{
	(void)state;
	enum { ROUNDS = 4, ROUNDS_MOST = 12 };
	test_load *load = start_load();
	bool skipped = false;
	run(0);
	run(1);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	wait_until_taken_over(0);
	for (int round = 1; round <= ROUNDS || !skipped; round++) {
		int victim = round % RUNNERS;
		if (round > ROUNDS_MOST)
			fail_msg("nothing came again in %d rounds", ROUNDS_MOST);
		test_load_reach(load, 40 * round);
		long long before = newest_epoch();
		assert_int_equal(test_runner_stop(rig.runners[victim], SIGKILL), -SIGKILL);
		run(victim);
		test_group_wait_balanced(rig.server->address, "s", "g", 2);
		wait_until_taken_over(before);
		/* A runner that was slow may have lost its partitions before it was killed. */
		skipped = skipped || has_skipped(rig.runners[0]) || has_skipped(rig.runners[1]);
	}
	expect_each_once_and_in_order(load);
}

static void each_message_is_one_row_although_a_suspended_runner_goes_on_later(void **state)
{
	(void)state;
	test_load *load = start_load();
	run(0);
	run(1);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	for (int round = 1; round <= 2; round++) {
		test_load_reach(load, 50 * round);
		kill(rig.runners[0]->pid, SIGSTOP);
		test_group_wait_balanced(rig.server->address, "s", "g", 1);
		kill(rig.runners[0]->pid, SIGCONT);
		test_group_wait_balanced(rig.server->address, "s", "g", 2);
	}
	expect_each_once_and_in_order(load);
}

static void each_message_is_one_row_although_the_database_is_killed(void **state)
{
	(void)state;
	test_load *load = start_load();
	run(0);
	run(1);
	for (int round = 1; round <= 3; round++) {
		test_load_reach(load, 40 * round);
		test_postgres_kill(postgres);
		if (round == 2)
			assert_int_equal(test_runner_stop(rig.runners[0], SIGKILL), -SIGKILL);
		test_load_reach(load, 40 * round + 20);
		test_postgres_restart(postgres);
		if (round == 2)
			run(0);
	}
	expect_each_once_and_in_order(load);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	assert_int_equal(test_runner_stop(rig.runners[1], SIGTERM), EX_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_message_is_one_row_whichever_runners_are_killed),
		TEST(each_message_is_one_row_although_a_suspended_runner_goes_on_later),
		TEST(each_message_is_one_row_although_the_database_is_killed),
	};
	if (!test_plugin_is_built("postgres") || !test_postgres_is_installed())
		return 0;
	return cmocka_run_group_tests(tests, start_database, stop_database);
}
