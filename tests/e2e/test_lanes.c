/*
 * test_lanes.c - real runners with several lanes (`parallel`): the messages of a key are handled in order, a message that fails holds up
 * its key alone, and what is done beyond the position is not handled again, even when runners are killed.
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

#define FAST "retry_backoff = 1ms\nretry_backoff_max = 5ms\n"
#define FOREVER FAST "max_attempts = 0\noption.fail = bad*\n"

enum { KEYS = 40, PER_SECOND = 50, LANES = 8, PATIENCE_MS = 30000 };

/* Where a lease ends on a slow machine, messages are handled again. So it is short only where a next process waits for its end. */
#define IMMORTAL "10s"
#define MORTAL "3s"
static const char *session_timeout;

static int set_up(void **state)
{
	session_timeout = IMMORTAL;
	test_rig_set_up(state);
	return 0;
}

/* One partition, so that all keys are in it. */
static const char *config(int lanes, const char *more)
{
	static char text[1024];
	snprintf(text, sizeof(text),
		 "[redis]\naddress = %s\n[runner]\nname = only\n[consumer c]\nstream = s\ngroup = g\n"
		 "plugin = %s/tests/plugins/record.so\npartitions = 1\nsession_timeout = %s\n"
		 "parallel = %d\noption.path = %s\noption.block_file = %s\n%s",
		 rig.server->address, test_build_directory(), session_timeout, lanes, rig.deliveries,
		 rig.block, more);
	return text;
}

static void run(int lanes, const char *more)
{
	test_runner_free(rig.runner);
	rig.runner = NULL;
	rig.runner = test_runner_run("%s", config(lanes, more));
}

static void reload(int lanes, const char *more)
{
	test_runner_reload(rig.runner, "%s", config(lanes, more));
}

static void close_gate(void)
{
	FILE *file = fopen(rig.block, "w");
	assert_non_null(file);
	fclose(file);
}

static void open_gate(void)
{
	assert_int_equal(unlink(rig.block), 0);
}

/* Adds a message with the key "bad"; its data, too, begins with "bad": record's options say what becomes of it. Returns its id. */
static const char *add_bad(const char *data)
{
	static char id[48];
	redisReply *reply =
		test_server_command(rig.redis, "XADD __default:s:partition_0 * partitionKey bad data %s",
				    data);
	snprintf(id, sizeof(id), "%s", reply->str);
	freeReplyObject(reply);
	return id;
}

/* The stream, with the bad message at its head: all others are beyond the position until that one is done. */
static void begin_with_bad(void)
{
	test_segctl_good(rig.server->address, "stream create s --partitions 1");
	add_bad("bad");
}

/* A load that has gone on for so many numbers of each key. */
static test_load *load_of(int numbers)
{
	test_load *load = test_load_start(rig.server->address, "s", 1, KEYS, PER_SECOND);
	test_load_reach(load, numbers);
	return load;
}

static size_t count(const char *key)
{
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t found = 0;
	for (size_t i = 0; i < deliveries.count; i++)
		found += !key || strcmp(deliveries.list[i].key, key) == 0;
	test_deliveries_free(&deliveries);
	return found;
}

/* Checks each key's order, and that nothing is missing; returns how many messages were handled again. */
static size_t check(int numbers)
{
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t repeated = test_deliveries_check_keys(&deliveries, KEYS, numbers);
	test_deliveries_free(&deliveries);
	return repeated;
}

static void wait_drained(void)
{
	test_group_wait_drained(rig.server->address, "s", "g");
}

/* How many messages after the position are done, as Redis knows. */
static size_t done_beyond(void)
{
	const test_segctl *answer = test_segctl_do(rig.server->address, "why s g 0 --sample 0 -o json");
	const char *member = strstr(answer->output, "\"beyond\":");
	return member ? strtoul(member + strlen("\"beyond\":"), NULL, 10) : 0;
}

static bool so_many_are_done_beyond(void *expected)
{
	return done_beyond() == *(size_t *)expected;
}

static void wait_done_beyond(size_t expected)
{
	test_wait_until(so_many_are_done_beyond, &expected, PATIENCE_MS,
			"all but the bad messages are committed as done");
}

/* --- order ------------------------------------------------------------------------------------------- */

static bool each_lane_is_in_a_call(void *arg)
{
	(void)arg;
	return count(NULL) == LANES;
}

static void different_keys_of_a_partition_are_handled_at_once_and_each_key_in_order(void **state)
{
	(void)state;
	close_gate();
	test_load *load = load_of(5);
	run(LANES, FAST "option.fail = *7\noption.fail_times = 1\n");
	test_wait_until(each_lane_is_in_a_call, NULL, PATIENCE_MS, "a call in each lane");
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	for (size_t i = 0; i < deliveries.count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(deliveries.list[i].key, deliveries.list[j].key);
	test_deliveries_free(&deliveries);
	open_gate();
	test_load_go_on(load, 30);
	int numbers = test_load_end(load);
	wait_drained();
	/* What failed came a second time, and nothing else did. */
	assert_int_equal(check(numbers), (size_t)KEYS * (size_t)((numbers + 2) / 10));
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static bool handles(void *arg)
{
	(void)arg;
	return count(NULL) > 0;
}

static bool has_failed_again(void *failures)
{
	return count("bad") > *(size_t *)failures;
}

/* The bad message fails under each configuration but the last one. */
static void so_it_is_with_packed_entries_and_over_a_reload(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s --partitions 1 --packing lz4");
	add_bad("bad");
	const char *options = "packing = lz4\n" FOREVER;
	test_load *load = load_of(5);
	run(LANES, options);
	test_wait_until(handles, NULL, PATIENCE_MS, "a message is handled");
	for (int lanes = LANES - 1; lanes >= LANES - 3; lanes--) {
		test_load_go_on(load, 10);
		reload(lanes, options);
		size_t failures = count("bad");
		test_wait_until(has_failed_again, &failures, PATIENCE_MS, "the bad message fails again");
	}
	reload(LANES, "packing = lz4\n");
	test_load_go_on(load, 10);
	int numbers = test_load_end(load);
	wait_drained();
	assert_int_equal(check(numbers), 0);
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
}

/* A consumer of the Go library has read some messages with XREADGROUP, has acknowledged some in the middle, and is gone. */
static void messages_that_a_go_consumer_has_left_come_first_for_each_key(void **state)
{
	(void)state;
	enum { READ = 100, ACKNOWLEDGED = 5 };
	test_load *load = load_of(READ / KEYS + 2);
	test_rig_tell("XGROUP CREATE __default:s:partition_0 g 0");
	redisReply *read =
		test_server_command(rig.redis,
				    "XREADGROUP GROUP g go COUNT %d STREAMS __default:s:partition_0 >", READ);
	const redisReply *entries = read->element[0]->element[1];
	assert_int_equal(entries->elements, READ);
	for (size_t i = 0; i < ACKNOWLEDGED; i++)
		test_rig_tell("XACK __default:s:partition_0 g %s",
			      entries->element[READ / 2 + i]->element[0]->str);
	freeReplyObject(read);
	run(LANES, "");
	test_load_go_on(load, 10);
	int numbers = test_load_end(load);
	wait_drained();
	assert_int_equal(check(numbers), 0);
}

/* --- a key that fails ---------------------------------------------------------------------------------- */

enum { BATCH = 4 };

static bool all_but_what_is_in_hand_is_committed(void *arg)
{
	(void)arg;
	size_t begun = count(NULL) - count("bad");
	return begun > 0 && done_beyond() + (size_t)(LANES * BATCH) >= begun;
}

static bool much_is_done_beyond(void *arg)
{
	(void)arg;
	return done_beyond() >= KEYS * 20;
}

static void a_killed_runner_repeats_what_was_in_hand_and_not_what_is_done_beyond_the_position(void **state)
{
	(void)state;
	session_timeout = MORTAL;
	begin_with_bad();
	run(LANES, FOREVER "batch_size = 4\n");
	test_load *load = load_of(40);
	test_wait_until(much_is_done_beyond, NULL, PATIENCE_MS, "much is done beyond the position");
	/* From here on, calls begin, and none ends: what is in hand stays so. */
	close_gate();
	test_load_go_on(load, 10);
	test_wait_until(all_but_what_is_in_hand_is_committed, NULL, PATIENCE_MS,
			"all that calls have answered is committed");
	assert_int_equal(test_runner_stop(rig.runner, SIGKILL), -SIGKILL);
	open_gate();
	session_timeout = IMMORTAL;
	run(LANES, "batch_size = 4\n");
	int numbers = test_load_end(load);
	wait_drained();
	assert_in_range(check(numbers), 1, LANES * BATCH);
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
}

static bool bad_was_tried(void *arg)
{
	(void)arg;
	return count("bad") > 0;
}

static void a_clean_stop_repeats_nothing_and_does_not_wait_for_a_key_that_failed(void **state)
{
	(void)state;
	begin_with_bad();
	run(LANES, "option.fail = bad\nmax_attempts = 0\nretry_backoff = 1h\nretry_backoff_max = 1h\n");
	test_load *load = load_of(20);
	test_wait_until(bad_was_tried, NULL, PATIENCE_MS, "an attempt at the bad message");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	run(LANES, "");
	test_load_go_on(load, 5);
	int numbers = test_load_end(load);
	wait_drained();
	assert_int_equal(check(numbers), 0);
	assert_int_equal(count("bad"), 2);
}

static bool the_message_is_named(void *id)
{
	const char *said = test_segctl_do(rig.server->address, "why s g 0 --sample 0")->output;
	return strstr(said, "beyond_limit") && strstr(said, id);
}

static void at_beyond_limit_the_partition_waits_and_why_names_the_message_until_it_is_mended(void **state)
{
	(void)state;
	enum { LIMIT = 1000, WINDOW = 100 };
	char id[48];
	test_segctl_good(rig.server->address, "stream create s --partitions 1");
	snprintf(id, sizeof(id), "%s", add_bad("bad"));
	run(LANES, FOREVER "beyond_limit = 1000\nbatch_size = 50\nin_flight_batches = 2\n");
	test_load *load = load_of(LIMIT / KEYS + 10);
	int numbers = test_load_end(load);
	test_wait_until(the_message_is_named, id, PATIENCE_MS, "why names the message");
	assert_in_range(count(NULL) - count("bad"), LIMIT - WINDOW, LIMIT + WINDOW);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	run(LANES, "beyond_limit = 1000\n");
	wait_drained();
	assert_int_equal(check(numbers), 0);
}

/* The group's position, 0-0 if it has none yet; valid until the next call but one. */
static const char *position(void)
{
	static char texts[2][48];
	static int next;
	char *text = texts[next ^= 1];
	redisReply *reply = test_server_command(rig.redis, "HGET {__default:s:partition_0}:g:state position");
	snprintf(text, sizeof(texts[0]), "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "0-0");
	freeReplyObject(reply);
	return text;
}

/* The position in front of the first bad message is where it begins. */
static bool the_position_has_moved(void *arg)
{
	(void)arg;
	return strcmp(position(), "0-0") != 0;
}

static bool second_was_tried_often(void *arg)
{
	(void)arg;
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t found = 0;
	for (size_t i = 0; i < deliveries.count; i++)
		found += strcmp(deliveries.list[i].data, "bad-2") == 0;
	test_deliveries_free(&deliveries);
	return found >= 10;
}

static void an_owner_without_lanes_and_then_one_with_them_pass_over_what_is_done(void **state)
{
	(void)state;
	session_timeout = MORTAL;
	begin_with_bad();
	run(LANES, FOREVER);
	test_load *load = load_of(20);
	/* The first bad message holds this one back, too. */
	add_bad("bad-2");
	test_load_go_on(load, 20);
	int numbers = test_load_end(load);
	wait_done_beyond((size_t)(KEYS * numbers));
	assert_int_equal(test_runner_stop(rig.runner, SIGKILL), -SIGKILL);
	/* The second owner brings the position forward to the second bad message. */
	run(1, FAST "option.fail = bad-2\nmax_attempts = 0\n");
	test_wait_until(second_was_tried_often, NULL, PATIENCE_MS, "ten attempts at the second one");
	/* On a busy machine, the commit takes longer than the attempts. */
	test_wait_until(the_position_has_moved, NULL, PATIENCE_MS, "the commit up to the second one");
	assert_in_range(done_beyond(), 1, KEYS * numbers - 1);
	assert_int_equal(test_runner_stop(rig.runner, SIGKILL), -SIGKILL);
	session_timeout = IMMORTAL;
	run(LANES, "");
	wait_drained();
	assert_int_equal(check(numbers), 0);
}

/* --- dead letters ----------------------------------------------------------------------------------------- */

static void dead_letters_of_some_keys_are_written_once_while_the_others_go_on(void **state)
{
	(void)state;
	enum { BAD = 3 };
	begin_with_bad();
	run(LANES, "option.dead_letter = bad\n");
	test_load *load = load_of(10);
	for (int i = 1; i < BAD; i++) {
		add_bad("bad");
		/* No message of this library: nothing can be handled. */
		test_rig_tell("XADD __default:s:partition_0 * something else");
		test_load_go_on(load, 10);
	}
	int numbers = test_load_end(load);
	wait_drained();
	assert_int_equal(check(numbers), 0);
	assert_int_equal(count("bad"), BAD);
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), BAD + BAD - 1);
}

/*
 * As long as the position moves from death to death, no owner looks for the message: how often that happens is up to the commits. Of the
 * deaths that leave the position where it was, the second, or one after a death that moved it, lets the next owner look.
 */
static void a_message_that_kills_the_process_becomes_the_only_dead_letter(void **state)
{
	(void)state;
	enum { STILL_MOST = 3 };
	session_timeout = "1s";
	test_load *load = load_of(10);
	add_bad("bad");
	test_load_go_on(load, 10);
	int numbers = test_load_end(load), deaths = 0, still = 0;
	for (bool killed = true; killed; deaths += killed) {
		const char *before = position();
		assert_in_range(still, 0, STILL_MOST);
		assert_in_range(deaths, 0, KEYS * numbers + STILL_MOST);
		run(LANES, FAST "option.crash = bad\nmax_attempts = 3\n");
		killed = test_runner_dies(rig.runner, rig.server->address, "s", "g");
		still += killed && strcmp(before, position()) == 0;
	}
	assert_in_range(deaths, 3, KEYS * numbers + STILL_MOST);
	wait_drained();
	check(numbers);
	assert_int_equal(count("bad"), deaths);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(different_keys_of_a_partition_are_handled_at_once_and_each_key_in_order),
		TEST(so_it_is_with_packed_entries_and_over_a_reload),
		TEST(messages_that_a_go_consumer_has_left_come_first_for_each_key),
		TEST(a_killed_runner_repeats_what_was_in_hand_and_not_what_is_done_beyond_the_position),
		TEST(a_clean_stop_repeats_nothing_and_does_not_wait_for_a_key_that_failed),
		TEST(at_beyond_limit_the_partition_waits_and_why_names_the_message_until_it_is_mended),
		TEST(an_owner_without_lanes_and_then_one_with_them_pass_over_what_is_done),
		TEST(dead_letters_of_some_keys_are_written_once_while_the_others_go_on),
		TEST(a_message_that_kills_the_process_becomes_the_only_dead_letter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
