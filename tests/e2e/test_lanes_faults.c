/*
 * test_lanes_faults.c - real runners with several lanes (`parallel`), one partition stuck at a message that fails: what lanes keep in state and
 * emit is what a replay of the log gives, whatever is killed, whatever `parallel` the next owner has.
 *
 * Runners have two sections. "first" reads the stream "in", which a load fills with numbers, and emits them to "out". "second" reads "out",
 * and counts: a record that is missing, comes twice or out of its key's order is counted as wrong.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/deaths.h"
#include "harness/group.h"
#include "harness/load.h"
#include "harness/rig.h"
#include "harness/segctl.h"

enum { PARTITIONS = 2, KEYS = 20, PER_SECOND = 200, RUNNERS = 2, LANES = 8, PATIENCE_MS = 30000 };

#define FOREVER "max_attempts = 0\nretry_backoff = 1ms\nretry_backoff_max = 5ms\n"

static void make_streams(const char *packing)
{
	test_segctl_good(rig.server->address, "stream create in --partitions %d%s", PARTITIONS, packing);
	test_segctl_good(rig.server->address, "stream create out --partitions %d%s", PARTITIONS, packing);
}

static const char *config(int i, const char *plugin, int lanes, const char *more)
{
	static char text[2048];
	const char *directory = test_build_directory();
	snprintf(
		text, sizeof(text),
		"[redis]\naddress = %s\n[runner]\nname = runner-%d\n"
		"[consumer second]\nstream = out\ngroup = g\nplugin = %s/tests/plugins/counts.so\nparallel = %d\n" TEST_MORTAL
		"[consumer first]\nstream = in\ngroup = g\nplugin = %s/tests/plugins/%s.so\nparallel = %d\n" TEST_MORTAL
		"outputs = out\n%s",
		rig.server->address, i, directory, LANES, directory, plugin, lanes, more);
	return text;
}

static void run(int i, const char *plugin, int lanes, const char *more)
{
	test_runner_free(rig.runners[i]);
	rig.runners[i] = NULL;
	rig.runners[i] = test_runner_run("%s", config(i, plugin, lanes, more));
}

static void reload(int i, const char *plugin, int lanes, const char *more)
{
	test_runner_reload(rig.runners[i], "%s", config(i, plugin, lanes, more));
}

static void kill_runner(int i)
{
	assert_int_equal(test_runner_stop(rig.runners[i], SIGKILL), -SIGKILL);
}

/* Each such message has a key of its own. */
static void add(int partition, const char *data)
{
	test_rig_tell("XADD __default:in:partition_%d * partitionKey %s-%d data %s", partition, data,
		      partition, data);
}

/* How many messages were counted under names that begin so (in any slot), in the stream's partitions. */
static long long counted(const char *stream, const char *begin)
{
	long long total = 0;
	for (int p = 0; p < PARTITIONS; p++) {
		redisReply *reply =
			test_server_command(rig.redis, "HGETALL {__default:%s:partition_%d}:g:values", stream,
					    p);
		for (size_t i = 0; i + 1 < reply->elements; i += 2) {
			const char *name = strchr(reply->element[i]->str, ':');
			assert_non_null(name);
			if (strncmp(name + 1, begin, strlen(begin)) == 0)
				total += atoll(reply->element[i + 1]->str);
		}
		freeReplyObject(reply);
	}
	return total;
}

static bool second_has_counted(void *expected)
{
	return counted("out", "k") >= *(long long *)expected;
}

/* Waits until the second section has so many numbers of each key, and checks that it has no others. */
static void expect_second(int numbers)
{
	long long expected = (long long)KEYS * numbers;
	test_wait_until(second_has_counted, &expected, PATIENCE_MS, "all numbers are counted in \"out\"");
	test_group_wait_drained(rig.server->address, "out", "g");
	assert_int_equal(counted("out", "wrong"), 0);
	assert_int_equal(counted("out", "k"), expected);
}

static void expect_first(int numbers)
{
	test_group_wait_drained(rig.server->address, "in", "g");
	assert_int_equal(counted("in", "wrong"), 0);
	assert_int_equal(counted("in", "k"), (long long)KEYS * numbers);
}

static void stop_all(void)
{
	for (int i = 0; i < RUNNERS; i++)
		if (rig.runners[i] && rig.runners[i]->pid)
			assert_int_equal(test_runner_stop(rig.runners[i], SIGTERM), EX_OK);
}

/* --- kills and reloads ------------------------------------------------------------------------------ */

/* Each partition is stuck at its first message until the end: all that is done is done beyond the position. */
static void stay_exact(const char *packing)
{
	enum { ROUNDS = 4 };
	const char *stuck = FOREVER "option.retries = 50\noption.fail = stuck\n";
	make_streams(packing);
	for (int p = 0; p < PARTITIONS; p++)
		add(p, "stuck");
	test_load *load = test_load_start(rig.server->address, "in", PARTITIONS, KEYS, PER_SECOND);
	for (int i = 0; i < RUNNERS; i++)
		run(i, "counts", LANES, stuck);
	for (int round = 0; round < ROUNDS; round++) {
		char more[256];
		int victim = round % RUNNERS;
		/* A process that has just been started may not have its signal handlers yet. */
		snprintf(more, sizeof(more), "joined as runner-%d stream=in", 1 - victim);
		test_runner_says(rig.runners[1 - victim], more);
		test_load_go_on(load, 20);
		test_rig_tell("XADD __default:in:partition_%d * packed-lz4 nonsense", victim);
		snprintf(more, sizeof(more), "%sbatch_size = %d\n", stuck, 10 + round);
		reload(1 - victim, "counts", LANES, more);
		kill_runner(victim);
		run(victim, "counts", LANES, more);
	}
	int numbers = test_load_end(load);
	expect_second(numbers);
	assert_int_equal(counted("in", "stuck"), 0);
	for (int i = 0; i < RUNNERS; i++) {
		assert_int_equal(test_runner_stop(rig.runners[i], SIGTERM), EX_OK);
		run(i, "counts", LANES, "");
	}
	expect_first(numbers);
	expect_second(numbers);
	assert_int_equal(counted("in", "stuck"), PARTITIONS);
	assert_int_equal(test_group_dead_letters(rig.server->address, "in", "g"), ROUNDS);
	stop_all();
}

static void what_lanes_keep_and_emit_is_a_replay_whichever_runners_are_killed(void **state)
{
	(void)state;
	stay_exact("");
}

static void so_it_is_with_packed_streams(void **state)
{
	(void)state;
	stay_exact(" --packing lz4");
}

static bool other_is_committed(void *arg)
{
	(void)arg;
	return counted("in", "other") == 1;
}

static bool there_is_a_letter(void *arg)
{
	(void)arg;
	return test_group_dead_letters(rig.server->address, "in", "g") > 0;
}

/* The next commit, which would tell the next owner that the entry is done, does not come any more. */
static void an_entry_that_nobody_can_read_is_one_dead_letter_although_its_owner_is_killed_at_once(
	void **state)
{
	(void)state;
	make_streams("");
	add(0, "stuck");
	add(0, "other");
	run(0, "counts", LANES, FOREVER "option.fail = stuck\ncommit_interval = 500ms\n");
	test_wait_until(other_is_committed, NULL, PATIENCE_MS, "a commit");
	test_rig_tell("XADD __default:in:partition_0 * packed-lz4 nonsense");
	test_wait_until(there_is_a_letter, NULL, PATIENCE_MS, "a dead letter");
	kill_runner(0);
	run(0, "counts", LANES, "");
	test_group_wait_drained(rig.server->address, "in", "g");
	assert_int_equal(test_group_dead_letters(rig.server->address, "in", "g"), 1);
	assert_int_equal(counted("in", "other"), 1);
	stop_all();
}

/* --- owners with and without lanes ------------------------------------------------------------------ */

/* Whether the partition's position has passed its first message. */
static bool both_have_moved(void *arg)
{
	(void)arg;
	bool moved = true;
	for (int p = 0; p < PARTITIONS; p++) {
		redisReply *reply =
			test_server_command(rig.redis, "HGET {__default:in:partition_%d}:g:state position",
					    p);
		moved = moved && reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "0-0") != 0;
		freeReplyObject(reply);
	}
	return moved;
}

static bool stuck_2_are_what_is_next(void *arg)
{
	(void)arg;
	return strstr(test_segctl_do(rig.server->address, "why in g 0 --sample 0")->output,
		      "it is to fail") &&
	       strstr(test_segctl_do(rig.server->address, "why in g 1 --sample 0")->output, "it is to fail");
}

static void whatever_parallel_the_next_owner_has_each_output_is_there_once_and_in_order(void **state)
{
	(void)state;
	make_streams("");
	for (int p = 0; p < PARTITIONS; p++)
		add(p, "stuck-1");
	run(0, "emits", LANES, FOREVER "option.fail = stuck\n");
	test_load *load = test_load_start(rig.server->address, "in", PARTITIONS, KEYS, PER_SECOND);
	test_load_go_on(load, 40);
	for (int p = 0; p < PARTITIONS; p++)
		add(p, "stuck-2");
	test_load_go_on(load, 40);
	kill_runner(0);
	/* This one goes part of the way: to the second message that fails. */
	run(0, "emits", 1, FOREVER "option.fail = stuck-2\n");
	test_wait_until(both_have_moved, NULL, PATIENCE_MS, "the positions move");
	test_wait_until(stuck_2_are_what_is_next, NULL, PATIENCE_MS, "the second messages fail");
	kill_runner(0);
	run(0, "emits", LANES, FOREVER "option.fail = stuck-2\n");
	test_load_go_on(load, 40);
	kill_runner(0);
	run(0, "emits", 1, "option.fail = nothing\n");
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "in", "g");
	expect_second(numbers);
	stop_all();
}

/* --- messages that kill --------------------------------------------------------------------------------- */

/* The position cannot move, so each death counts, and the message that kills is found at once. */
static void a_message_that_kills_is_isolated_behind_one_that_waits(void **state)
{
	(void)state;
	enum { DEATHS = 3 };
	int deaths = 0;
	make_streams("");
	add(0, "stuck");
	test_load *load = test_load_start(rig.server->address, "in", PARTITIONS, KEYS, PER_SECOND);
	test_load_go_on(load, 10);
	add(0, "deadly");
	test_load_go_on(load, 10);
	int numbers = test_load_end(load);
	for (bool killed = true; killed; deaths += killed) {
		assert_in_range(deaths, 0, DEATHS);
		run(0, "counts", LANES,
		    "max_attempts = 3\nretry_backoff = 1h\nretry_backoff_max = 1h\n"
		    "option.fail = stuck\noption.crash = deadly\n");
		killed = test_runner_dies(rig.runners[0], rig.server->address, "in", "g");
	}
	assert_int_equal(deaths, DEATHS);
	expect_second(numbers);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	run(0, "counts", LANES, "");
	expect_first(numbers);
	assert_int_equal(counted("in", "stuck"), 1);
	assert_int_equal(counted("in", "deadly"), 0);
	assert_int_equal(test_group_dead_letters(rig.server->address, "in", "g"), 1);
	stop_all();
}

/* --- plugins ---------------------------------------------------------------------------------------------- */

static void a_plugin_that_does_not_say_it_can_is_refused_with_file_and_line(void **state)
{
	(void)state;
	char place[192];
	run(0, "stays", 2, "");
	assert_int_equal(test_runner_wait(rig.runners[0]), EX_CONFIG);
	snprintf(place, sizeof(place), "%.95s:15: [consumer first] parallel = 2, but the plugin stays cannot",
		 rig.runners[0]->config);
	test_runner_says(rig.runners[0], place);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_lanes_keep_and_emit_is_a_replay_whichever_runners_are_killed),
		TEST(an_entry_that_nobody_can_read_is_one_dead_letter_although_its_owner_is_killed_at_once),
		TEST(so_it_is_with_packed_streams),
		TEST(whatever_parallel_the_next_owner_has_each_output_is_there_once_and_in_order),
		TEST(a_message_that_kills_is_isolated_behind_one_that_waits),
		TEST(a_plugin_that_does_not_say_it_can_is_refused_with_file_and_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
