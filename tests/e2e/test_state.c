/*
 * test_state.c - real runners and a real Redis: what handlers keep in state is what a replay of the log gives, whatever is killed.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/http.h"
#include "harness/load.h"
#include "harness/plugin.h"
#include "harness/producer.h"
#include "harness/rig.h"
#include "harness/segctl.h"

enum { PARTITIONS = 4, KEYS = 12, PER_SECOND = 300, RUNNERS = 2, PATIENCE_MS = 30000 };

static void run(int i, const char *options)
{
	test_runner_free(rig.runners[i]);
	rig.runners[i] =
		test_runner_run("[redis]\naddress = %s\n[runner]\nname = runner-%d\nadmin = 127.0.0.1:0\n"
				"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/counts.so\n"
				"partitions = %d\n" TEST_MORTAL "max_attempts = 0\n"
				"retry_backoff = 1ms\nretry_backoff_max = 1ms\n%s",
				rig.server->address, i, test_build_directory(), PARTITIONS, options);
}

/* The sum of the values, over all partitions, whose fields begin so. */
static long long sum(const char *begin)
{
	long long total = 0;
	for (int p = 0; p < PARTITIONS; p++) {
		redisReply *reply =
			test_server_command(rig.redis, "HGETALL {__default:s:partition_%d}:g:values", p);
		for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
			if (strncmp(reply->element[i]->str, begin, strlen(begin)) == 0)
				total += atoll(reply->element[i + 1]->str);
		freeReplyObject(reply);
	}
	return total;
}

/* A message that was counted twice or not at all makes the sum another one, since all that follow count as wrong, too. */
static void expect_a_replay(test_load *load)
{
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
	assert_int_equal(sum(""), (long long)KEYS * numbers);
}

static void kill_and_replay(const char *options)
{
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, options);
	run(1, options);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	for (int round = 1; round <= 3; round++) {
		int victim = round % RUNNERS;
		test_load_go_on(load, 60);
		assert_int_equal(test_runner_stop(rig.runners[victim], SIGKILL), -SIGKILL);
		run(victim, options);
		test_group_wait_balanced(rig.server->address, "s", "g", 2);
	}
	expect_a_replay(load);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	assert_int_equal(test_runner_stop(rig.runners[1], SIGTERM), EX_OK);
}

/* They commit rarely, so that a killed runner's messages certainly come again. */

static void state_is_a_replay_of_the_log_whichever_runners_are_killed(void **state)
{
	(void)state;
	kill_and_replay("commit_interval = 300ms\noption.retries = 50\n");
}

static void so_it_is_with_lanes(void **state)
{
	(void)state;
	kill_and_replay("commit_interval = 300ms\noption.retries = 50\nparallel = 4\n");
}

static void a_reset_that_drops_state_counts_anew_also_under_live_owners(void **state)
{
	(void)state;
	const char *options = "commit_interval = 20ms\n";
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, options);
	run(1, options);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	for (int reset = 1; reset <= 2; reset++) {
		test_load_go_on(load, 20);
		test_segctl_good(rig.server->address, "reset s g --to earliest --force --drop-state --yes");
	}
	test_load_go_on(load, 20);
	expect_a_replay(load);
}

/* The sum of the samples of a metric. */
static double total_of(test_runner *runner, const char *metric)
{
	double total = 0;
	test_http_answer answer = test_http_get(test_http_port(runner), "/metrics");
	for (const char *line = answer.body; (line = strstr(line, metric)); line++)
		if (line[-1] == '\n')
			total += strtod(strchr(line, '}') + 1, NULL);
	test_http_free(&answer);
	return total;
}

static bool shows_all_values(void *arg)
{
	return total_of(arg, "segmenter_state_values{") == KEYS;
}

static void how_much_is_kept_is_shown(void **state)
{
	(void)state;
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, "");
	test_load_go_on(load, 20);
	expect_a_replay(load);
	test_wait_until(shows_all_values, rig.runners[0], PATIENCE_MS, "the number of values");
	assert_true(total_of(rig.runners[0], "segmenter_state_bytes{") >= KEYS * 3);
	test_expect_text(test_segctl_good(rig.server->address, "group describe s g"),
			 ", 0 dead letters, 12 values in state\n");
	/* The next owner shows what it has read. */
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	run(1, "");
	test_wait_until(shows_all_values, rig.runners[1], PATIENCE_MS, "the number of values");
}

static bool is_told(void *arg)
{
	(void)arg;
	const test_segctl *answer = test_segctl_do(rig.server->address, "why s g 0");
	return strstr(answer->output, "belong to another \"parallel\"") != NULL;
}

static void values_of_another_parallel_are_left_alone_until_a_reset_drops_them(void **state)
{
	(void)state;
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, "parallel = 4\n");
	test_load_go_on(load, 20);
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	long long kept = sum("");
	assert_int_equal(kept, (long long)KEYS * numbers);
	run(1, "");
	test_wait_until(is_told, NULL, PATIENCE_MS, "why tells that it is not served");
	test_runner_says(rig.runners[1], "or drop them: segctl reset s g --to WHERE --drop-state");
	test_expect_text(test_segctl_good(rig.server->address, "why s g 0"),
			 "segctl reset s g --to earliest --drop-state --force");
	assert_int_equal(sum(""), kept);
	test_segctl_good(rig.server->address, "reset s g --to earliest --force --drop-state --yes");
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(sum("p:k"), kept);
	assert_int_equal(sum(""), kept);
}

static bool has_values(uint32_t partition)
{
	redisReply *reply =
		test_server_command(rig.redis, "EXISTS {__default:s:partition_%u}:g:values", partition);
	bool has = reply->integer == 1;
	freeReplyObject(reply);
	return has;
}

static bool all_have_values(void *arg)
{
	(void)arg;
	bool all = true;
	for (uint32_t p = 0; all && p < PARTITIONS; p++)
		all = has_values(p);
	return all;
}

/* Its commits would move the position, and leave the values behind. A partition without values is the consumer's. */
static void a_pull_consumer_leaves_partitions_with_values_alone(void **state)
{
	(void)state;
	seg_consumer_options options;
	seg_consumer *consumer;
	const seg_batch *batch;
	int taken = 0;
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, "");
	test_wait_until(all_have_values, NULL, PATIENCE_MS, "each partition has values");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	test_load_go_on(load, 20);
	rig.client = test_rig_client(NULL);
	seg_consumer_options_init(&options);
	options.group = "g";
	assert_int_equal(seg_consumer_open(rig.client, "s", &options, &consumer, NULL), 0);
	test_wait_until(is_told, NULL, PATIENCE_MS, "why tells that it is not served");
	test_expect_text(test_segctl_good(rig.server->address, "why s g 0"),
			 "segctl reset s g --to earliest --drop-state --force");
	while (taken == 0 && seg_consumer_poll(consumer, 200, &batch, NULL) == 1) {
		taken += has_values(batch->partition);
		assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, NULL), 0);
		seg_consumer_release(consumer, batch);
	}
	assert_int_equal(taken, 0);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
	test_rig_close_client();
	run(1, "");
	expect_a_replay(load);
}

static bool reading_is_refused(void *arg)
{
	(void)arg;
	const char *said = test_segctl_do(rig.server->address, "why s g 0 --sample 0")->output;
	return strstr(said, "Redis refuses to let it read the values") && strstr(said, "segctl acl runner");
}

static void a_runner_that_may_not_read_the_values_serves_nobody_and_why_says_so(void **state)
{
	(void)state;
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, "");
	test_wait_until(all_have_values, NULL, PATIENCE_MS, "each partition has values");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	test_rig_tell("ACL SETUSER default -hscan");
	run(1, "");
	test_wait_until(reading_is_refused, NULL, PATIENCE_MS, "why says what Redis refuses");
	test_rig_tell("ACL SETUSER default +hscan");
	expect_a_replay(load);
}

static bool values_do_not_add_up(void *arg)
{
	(void)arg;
	const char *said = test_segctl_do(rig.server->address, "why s g 0 --sample 0")->output;
	return strstr(said, "never as many as Redis counts") && strstr(said, "--drop-state");
}

/* Two fields are one value: their number is never that which Redis counts. */
static void values_that_do_not_add_up_are_not_read_for_ever_in_silence(void **state)
{
	(void)state;
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, "parallel = 4\n");
	test_wait_until(all_have_values, NULL, PATIENCE_MS, "each partition has values");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	for (int p = 0; p < PARTITIONS; p++)
		test_rig_tell("HSET {__default:s:partition_%d}:g:values 1:twice a 01:twice b", p);
	run(1, "parallel = 4\n");
	test_wait_until(values_do_not_add_up, NULL, PATIENCE_MS, "why says that the values do not add up");
	test_runner_says(rig.runners[1], "the partition is not served: Redis counts ");
	for (int p = 0; p < PARTITIONS; p++)
		test_rig_tell("HDEL {__default:s:partition_%d}:g:values 1:twice 01:twice", p);
	expect_a_replay(load);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(state_is_a_replay_of_the_log_whichever_runners_are_killed),
		TEST(so_it_is_with_lanes),
		TEST(how_much_is_kept_is_shown),
		TEST(values_of_another_parallel_are_left_alone_until_a_reset_drops_them),
		TEST(a_pull_consumer_leaves_partitions_with_values_alone),
		TEST(a_runner_that_may_not_read_the_values_serves_nobody_and_why_says_so),
		TEST(values_that_do_not_add_up_are_not_read_for_ever_in_silence),
		TEST(a_reset_that_drops_state_counts_anew_also_under_live_owners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
