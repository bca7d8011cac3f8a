/*
 * test_rebalance.c - runners join, leave and die under load: the guarantees of a planned handoff and of a
 * takeover.
 */
#include <inttypes.h>
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
#include "harness/http.h"
#include "harness/recorded.h"

enum { PARTITIONS = 4, KEYS = 12, PER_SECOND = 400, BATCHES = 2 };

static int set_up(void **state)
{
	(void)state;
	test_recorded_start(PARTITIONS, KEYS);
	return 0;
}

static void run(int i, const char *more)
{
	char all[512];
	snprintf(all, sizeof(all), "in_flight_batches = %d\n%s", BATCHES, more);
	test_recorded_run(i, all);
}

static void runners_that_come_and_go_repeat_nothing(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	run(0, "");
	test_recorded_wait_balanced(1);
	test_load_go_on(load, 50);
	run(1, "");
	test_recorded_wait_balanced(2);
	run(2, "");
	test_recorded_wait_balanced(3);
	test_load_go_on(load, 50);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	test_recorded_wait_balanced(2);
	assert_int_equal(test_runner_stop(rig.runners[1], SIGTERM), EX_OK);
	test_recorded_wait_balanced(1);
	test_load_go_on(load, 50);
	assert_int_equal(test_recorded_finish(load, 0), 0);
}

static void a_runner_restarted_in_turn_repeats_nothing(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	run(0, "");
	run(1, "");
	test_recorded_wait_balanced(2);
	for (int round = 0; round < 6; round++) {
		assert_int_equal(test_runner_stop(rig.runners[round % 2], SIGTERM), EX_OK);
		run(round % 2, "");
		test_recorded_wait_balanced(2);
	}
	assert_int_equal(test_recorded_finish(load, 0), 0);
}

static void a_partition_that_did_not_move_keeps_its_epoch(void **state)
{
	(void)state;
	int epochs[PARTITIONS] = {0}, moved = 0;
	uint64_t newest[PARTITIONS] = {0};
	test_load *load = test_recorded_load(PER_SECOND);
	run(0, "");
	test_recorded_wait_balanced(1);
	test_deliveries_go_on(rig.deliveries, PARTITIONS);
	run(1, "");
	test_recorded_wait_balanced(2);
	test_deliveries_go_on(rig.deliveries, PARTITIONS);
	test_recorded_finish(load, 0);
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	for (size_t i = 0; i < deliveries.count; i++) {
		const test_delivery *d = &deliveries.list[i];
		epochs[d->partition] += d->epoch != newest[d->partition];
		newest[d->partition] = d->epoch;
	}
	for (int p = 0; p < PARTITIONS; p++) {
		assert_in_range(epochs[p], 1, 2);
		moved += epochs[p] == 2;
	}
	assert_int_equal(moved, PARTITIONS / 2);
	test_deliveries_free(&deliveries);
}

static void a_killed_runner_loses_nothing_and_repeats_no_more_than_was_in_flight(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	run(0, TEST_MORTAL "commit_interval = 50ms");
	run(1, "commit_interval = 50ms");
	test_recorded_wait_balanced(2);
	test_load_go_on(load, 50);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGKILL), -SIGKILL);
	test_recorded_wait_balanced(1);
	test_load_go_on(load, 50);
	size_t repeated = test_recorded_finish(load, 0);
	/* The killed runner had half of the partitions. On a busy machine, its lease may have ended before, too. */
	int ended = test_runner_times_said(rig.runners[0], "the lease of member runner-0 has expired");
	if (repeated > (size_t)(PARTITIONS / 2 + ended * PARTITIONS) * TEST_RECORDED_BATCH * BATCHES)
		fail_msg("%zu messages were handled again", repeated);
}

static void a_runner_with_a_name_that_is_started_again_keeps_its_partitions_and_no_other_moves(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	run(0, "session_timeout = 5s\n");
	run(1, "session_timeout = 5s\n");
	test_recorded_wait_balanced(2);
	test_load_go_on(load, 50);
	seg_group_info *before = test_group_describe(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGKILL), -SIGKILL);
	run(0, "session_timeout = 5s\n");
	/* Before the new process has joined, its share is unchanged, too. */
	test_runner_says(rig.runners[0], "; owned from now on: ");
	test_deliveries_go_on(rig.deliveries, PARTITIONS);
	test_recorded_wait_balanced(2);
	seg_group_info *after = test_group_describe(rig.server->address, "s", "g");
	for (int p = 0; p < PARTITIONS; p++) {
		assert_string_equal(after->partitions[p].owner, before->partitions[p].owner);
		if (strcmp(before->partitions[p].owner, "runner-1") == 0)
			assert_true(after->partitions[p].epoch == before->partitions[p].epoch);
		else
			assert_true(after->partitions[p].epoch > before->partitions[p].epoch);
	}
	seg_group_info_free(before);
	seg_group_info_free(after);
	test_recorded_finish(load, 0);
}

static void a_second_runner_of_the_same_name_ends_and_the_first_goes_on(void **state)
{
	(void)state;
	/* Where the lease ends on a slow machine, the name is free. */
	run(0, "session_timeout = 5s\n");
	test_recorded_wait_balanced(1);
	seg_group_info *before = test_group_describe(rig.server->address, "s", "g");
	rig.runners[1] = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = runner-0\n"
		"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\noption.path = %s\nsession_timeout = 5s\n",
		rig.server->address, test_build_directory(), rig.deliveries);
	assert_int_equal(test_runner_wait(rig.runners[1]), EX_TEMPFAIL);
	assert_true(test_runner_has_said(rig.runners[1], "another process runs as runner-0"));
	seg_group_info *after = test_group_describe(rig.server->address, "s", "g");
	assert_int_equal(after->generation, before->generation);
	seg_group_info_free(before);
	seg_group_info_free(after);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
}

static void all_runners_killed_at_once_lose_nothing(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	for (int round = 0; round < 3; round++) {
		run(0, TEST_MORTAL);
		run(1, TEST_MORTAL);
		test_recorded_wait_balanced(2);
		test_load_go_on(load, 50);
		kill(rig.runners[0]->pid, SIGKILL);
		kill(rig.runners[1]->pid, SIGKILL);
		test_runner_wait(rig.runners[0]);
		test_runner_wait(rig.runners[1]);
	}
	run(0, "");
	test_recorded_finish(load, 0);
}

static void a_suspended_runner_that_wakes_up_hands_over_no_more_than_the_batches_in_hand(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	run(0, TEST_MORTAL);
	run(1, TEST_MORTAL);
	test_recorded_wait_balanced(2);
	test_load_go_on(load, 50);
	kill(rig.runners[0]->pid, SIGSTOP);
	test_recorded_wait_balanced(1);
	test_load_go_on(load, 50);
	kill(rig.runners[0]->pid, SIGCONT);
	test_recorded_wait_balanced(2);
	test_recorded_finish(load, (size_t)PARTITIONS / 2 * TEST_RECORDED_BATCH);
}

static void more_runners_than_partitions_stand_by_and_step_in(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	for (int i = 0; i < TEST_RIG_RUNNERS; i++)
		run(i, TEST_MORTAL "capacity = 1");
	test_recorded_wait_balanced(TEST_RIG_RUNNERS);
	for (int i = 0; i < TEST_RIG_RUNNERS - 1; i++)
		assert_int_equal(test_runner_stop(rig.runners[i], SIGKILL), -SIGKILL);
	test_recorded_wait_balanced(1);
	test_load_go_on(load, 50);
	test_recorded_finish(load, 0);
}

/* --- stopping ------------------------------------------------------------------------------------ */

static bool a_message_is_held(void *arg)
{
	(void)arg;
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	bool held = deliveries.count > 0;
	test_deliveries_free(&deliveries);
	return held;
}

/* A runner whose handlers return only after the file is removed. */
static void run_blocked(const char *options, const char *shutdown_timeout)
{
	char more[256];
	fclose(fopen(rig.block, "w"));
	snprintf(more, sizeof(more), "%soption.block_file = %s\n[runner]\nshutdown_timeout = %s\n", options,
		 rig.block, shutdown_timeout);
	test_load *load = test_recorded_load(PER_SECOND);
	run(0, more);
	test_wait_until(a_message_is_held, NULL, 20000, "a handler has begun");
	test_load_end(load);
}

static void a_clean_stop_waits_for_the_batch_in_hand_and_commits_it(void **state)
{
	(void)state;
	run_blocked("", "20s");
	kill(rig.runners[0]->pid, SIGTERM);
	test_runner_says(rig.runners[0], "stopping");
	unlink(rig.block);
	assert_int_equal(test_runner_wait(rig.runners[0]), EX_OK);
	test_deliveries before = test_deliveries_read(rig.deliveries);
	run(1, "");
	test_group_wait_drained(rig.server->address, "s", "g");
	test_deliveries after = test_deliveries_read(rig.deliveries);
	for (size_t i = before.count; i < after.count; i++)
		for (size_t j = 0; j < before.count; j++)
			if (before.list[j].partition == after.list[i].partition &&
			    before.list[j].ms == after.list[i].ms && before.list[j].seq == after.list[i].seq)
				fail_msg("%" PRIu64 "-%" PRIu64 " was handled again after a clean stop",
					 after.list[i].ms, after.list[i].seq);
	test_deliveries_free(&before);
	test_deliveries_free(&after);
}

static void a_batch_that_outlasts_the_shutdown_timeout_makes_it_75(void **state)
{
	(void)state;
	test_load *load = test_recorded_load(PER_SECOND);
	run(0, "option.delay = 50ms\n[runner]\nshutdown_timeout = 1ms");
	test_wait_until(a_message_is_held, NULL, 20000, "a handler has begun");
	test_load_end(load);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_TEMPFAIL);
}

static void a_handler_that_never_returns_makes_it_70_and_is_taken_over(void **state)
{
	(void)state;
	run_blocked(TEST_MORTAL, "100ms");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_SOFTWARE);
	test_runner_says(rig.runners[0], "a handler does not return");
	unlink(rig.block);
	run(1, "");
	test_group_wait_drained(rig.server->address, "s", "g");
}

static void a_second_sigterm_does_not_wait_for_the_shutdown_timeout(void **state)
{
	(void)state;
	run_blocked("", "10min");
	kill(rig.runners[0]->pid, SIGTERM);
	test_runner_says(rig.runners[0], "stopping");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_SOFTWARE);
	test_runner_says(rig.runners[0], "stopping at once");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

/* --- what a runner cannot serve ----------------------------------------------------------------------- */

static bool second_owns_all(void *arg)
{
	(void)arg;
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	bool all = info != NULL;
	for (uint32_t i = 0; all && i < PARTITIONS; i++)
		all = strcmp(info->partitions[i].owner, "runner-1") == 0;
	seg_group_info_free(info);
	return all;
}

static void a_runner_that_cannot_open_its_partitions_gives_them_to_one_that_can_until_it_can(void **state)
{
	(void)state;
	rig.runners[0] = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = runner-0\nadmin = 127.0.0.1:0\n"
		"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/failing_open.so\n"
		"partitions = %d\noption.cure = %s\n",
		rig.server->address, test_build_directory(), PARTITIONS, rig.block);
	test_recorded_wait_balanced(1);
	run(1, "");
	test_wait_until(second_owns_all, NULL, 20000, "the healthy runner has all partitions");
	test_http_answer answer = test_http_get(test_http_port(rig.runners[0]), "/readyz");
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.body, "cannot serve any of its partitions"));
	assert_non_null(strstr(answer.body, "not to my taste yet"));
	test_http_free(&answer);
	test_runner_says(rig.runners[0], "takes 0 partitions at most");
	FILE *cure = fopen(rig.block, "w");
	assert_non_null(cure);
	fclose(cure);
	test_runner_says(rig.runners[0], "serves its whole share again");
	test_recorded_wait_balanced(2);
	assert_false(second_owns_all(NULL));
	assert_int_equal(test_http_status(test_http_port(rig.runners[0]), "/readyz"), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runners_that_come_and_go_repeat_nothing),
		TEST(a_runner_restarted_in_turn_repeats_nothing),
		TEST(a_partition_that_did_not_move_keeps_its_epoch),
		TEST(a_killed_runner_loses_nothing_and_repeats_no_more_than_was_in_flight),
		TEST(a_runner_with_a_name_that_is_started_again_keeps_its_partitions_and_no_other_moves),
		TEST(a_second_runner_of_the_same_name_ends_and_the_first_goes_on),
		TEST(all_runners_killed_at_once_lose_nothing),
		TEST(a_suspended_runner_that_wakes_up_hands_over_no_more_than_the_batches_in_hand),
		TEST(more_runners_than_partitions_stand_by_and_step_in),
		TEST(a_clean_stop_waits_for_the_batch_in_hand_and_commits_it),
		TEST(a_batch_that_outlasts_the_shutdown_timeout_makes_it_75),
		TEST(a_handler_that_never_returns_makes_it_70_and_is_taken_over),
		TEST(a_second_sigterm_does_not_wait_for_the_shutdown_timeout),
		TEST(a_runner_that_cannot_open_its_partitions_gives_them_to_one_that_can_until_it_can),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
