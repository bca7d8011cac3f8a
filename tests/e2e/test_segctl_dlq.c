/* test_segctl_dlq.c - `segctl dlq` with dead letters that a real runner wrote. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>
#include <jansson.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/rig.h"
#include "harness/segctl.h"

/* The letters that `list` shows with these options. */
static json_t *letters(const char *options)
{
	json_t *list = json_loads(test_segctl_good(rig.server->address, "dlq list s g -o json %s", options),
				  0, NULL);
	assert_non_null(list);
	return list;
}

static size_t count(const char *options)
{
	json_t *list = letters(options);
	size_t number = json_array_size(list);
	json_decref(list);
	return number;
}

static void run_until_drained(const char *bad)
{
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\nretry_backoff = 1ms\n"
		"max_attempts = 2\nplugin = %s/tests/plugins/record.so\noption.path = /dev/null\n%s",
		rig.server->address, test_build_directory(), bad);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	test_runner_free(rig.runner);
	rig.runner = NULL;
}

/* Makes four dead letters: two messages failed twice, two were refused. */
static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create s -p 2");
	test_segctl_run(rig.server->address, "good-1\nfail-1\nrefuse-1\ngood-2\n",
			"send s --key a -H kind=x");
	test_segctl_run(rig.server->address, "fail-2\nrefuse-2\n", "send s --key b");
	run_until_drained("option.fail = fail-*\noption.dead_letter = refuse-*\n");
	return 0;
}

static void dead_letters_are_listed_with_what_is_known_and_filtered(void **state)
{
	(void)state;
	assert_int_equal(count(""), 4);
	assert_int_equal(count("--key a"), 2);
	assert_int_equal(count("--handler record"), 4);
	assert_int_equal(count("--handler other"), 0);
	assert_int_equal(count("--since 1h"), 4);
	assert_int_equal(count("--since 2099-01-01T00:00:00Z"), 0);
	json_t *list = letters("--key a");
	json_t *first = json_array_get(list, 0);
	assert_int_equal(json_integer_value(json_object_get(first, "attempts")), 2);
	assert_string_equal(json_string_value(json_object_get(first, "handler")), "record");
	assert_string_equal(json_string_value(json_object_get(first, "key")), "a");
	char reason[256], letter[64], options[320];
	snprintf(reason, sizeof(reason), "%s", json_string_value(json_object_get(first, "reason")));
	snprintf(letter, sizeof(letter), "%s", json_string_value(json_object_get(first, "letter")));
	json_decref(list);
	test_expect_text(test_segctl_good(rig.server->address, "dlq list s g --by reason -o csv"), "2,2,");
	test_expect_text(test_segctl_good(rig.server->address, "dlq list s g --data --key a"), "fail-1");
	assert_true(*reason);
	snprintf(options, sizeof(options), "--reason '%s'", reason);
	assert_true(count(options) >= 1);
	const char *text = test_segctl_good(rig.server->address, "dlq show s g %s", letter);
	test_expect_text(text, "data       fail-1\n");
	test_expect_text(text, "header     kind = x\n");
	test_expect_text(text, reason);
	text = test_segctl_good(rig.server->address, "dlq show s g %s -o csv", letter);
	test_expect_text(text,
			 "partition,letter,id,time,time_ms,attempts,replays,handler,key,reason,data\r\n");
	test_expect_text(text, ",fail-1\r\n");
	assert_int_equal(test_segctl_do(rig.server->address, "dlq show s g 1-1")->exit_code, EX_NOINPUT);
	assert_int_equal(test_segctl_do(rig.server->address, "dlq list s nobody")->exit_code, EX_NOINPUT);
	static const char *const no_times[] = {"later", "earliest", "1700000000000-0"};
	for (size_t i = 0; i < sizeof(no_times) / sizeof(no_times[0]); i++) {
		const test_segctl *answer =
			test_segctl_do(rig.server->address, "dlq list s g --since %s", no_times[i]);
		assert_int_equal(answer->exit_code, EX_USAGE);
		test_expect_text(answer->errors, ": write an age (2h) or a time (");
	}
}

static void a_replayed_letter_is_a_message_again_that_knows_its_first_id_and_how_often(void **state)
{
	(void)state;
	json_t *list = letters("--key b");
	char original[64];
	snprintf(original, sizeof(original), "%s",
		 json_string_value(json_object_get(json_array_get(list, 0), "id")));
	json_decref(list);

	const test_segctl *answer = test_segctl_do(rig.server->address, "dlq replay s g --key b");
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "add --yes");
	assert_int_equal(count(""), 4);
	test_expect_text(test_segctl_good(rig.server->address, "dlq replay s g --key b --dry-run"), original);
	assert_int_equal(count(""), 4);

	test_expect_text(test_segctl_good(rig.server->address, "dlq replay s g --key b --yes"),
			 "2 dead letters replayed");
	assert_int_equal(count(""), 2);
	run_until_drained("option.fail = fail-*\n");
	/* refuse-2 succeeded this time; fail-2 failed again, and its letter counts the replay. */
	list = letters("--key b");
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "replays")), 1);
	assert_string_not_equal(json_string_value(json_object_get(json_array_get(list, 0), "id")), original);
	json_decref(list);
	test_segctl_good(rig.server->address, "dlq replay s g --key b --yes");
	const char *tail =
		test_segctl_good(rig.server->address, "tail s --last 1 -p %u", seg_partition_of("b", 1, 2));
	char header[128];
	snprintf(header, sizeof(header), "dead-letter-id=%s  dead-letter-count=2\n", original);
	test_expect_text(tail, header);
	assert_int_equal(count("--key b"), 0);
}

static void a_letter_that_cannot_be_sent_stays(void **state)
{
	(void)state;
	/* A stream that is full, with a group that has committed nothing. Its size is set by hand. */
	test_rig_tell("HSET {__default:s}:info partition_size 1");
	test_rig_tell("XGROUP CREATE __default:s:partition_0 slow 0");
	test_rig_tell("XGROUP CREATE __default:s:partition_1 slow 0");
	const test_segctl *answer = test_segctl_do(rig.server->address, "dlq replay s g --yes");
	assert_int_equal(answer->exit_code, EX_TEMPFAIL);
	test_expect_text(answer->errors, "stays: ");
	test_expect_text(answer->output, "0 dead letters replayed");
	assert_int_equal(count(""), 4);
}

/* Another replay would send it once more: the count and the complaint say that it was sent. */
static void a_letter_that_was_sent_but_cannot_be_removed_counts(void **state)
{
	(void)state;
	test_rig_tell("ACL SETUSER default -xdel");
	const test_segctl *answer = test_segctl_do(rig.server->address, "dlq replay s g --key b --yes");
	assert_int_equal(answer->exit_code, EX_NOPERM);
	test_expect_text(answer->errors, "cannot remove dead letter ");
	test_expect_text(answer->errors,
			 ", whose message was sent again: another replay sends it once more: ");
	test_expect_text(answer->output, "1 dead letter replayed");
	assert_int_equal(count("--key b"), 2);
}

static void only_the_meant_letters_are_dropped(void **state)
{
	(void)state;
	assert_int_equal(test_segctl_do(rig.server->address, "dlq drop s g --key a")->exit_code, EX_USAGE);
	test_segctl_good(rig.server->address, "dlq drop s g --key a --dry-run");
	assert_int_equal(count(""), 4);
	test_expect_text(test_segctl_good(rig.server->address, "dlq drop s g --key a --yes"),
			 "2 dead letters dropped");
	assert_int_equal(count(""), 2);
	assert_int_equal(count("--key b"), 2);
}

/* The next message has no room: it waits, and so does what comes behind it, until a letter was dropped. */
static void at_the_limit_a_group_that_stops_waits_and_why_says_for_what(void **state)
{
	(void)state;
	test_segctl_run(rig.server->address, "refuse-3\ngood-3\n", "send s --key a");
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\ndead_letter_limit = 1\n"
		"dead_letter_overflow = stop\nplugin = %s/tests/plugins/record.so\noption.path = /dev/null\n"
		"option.dead_letter = refuse-*\n",
		rig.server->address, test_build_directory());
	test_runner_says(rig.runner, "but dead_letter_limit is 1");
	unsigned p = seg_partition_of("a", 1, 2);
	test_expect_text(test_segctl_good(rig.server->address, "why s g %u --sample 0", p),
			 "dead_letter_limit is 1; it failed");
	assert_int_equal(test_segctl_do(rig.server->address, "lag s g --max-lag 1 --sample 0")->exit_code, 1);
	test_segctl_good(rig.server->address, "dlq drop s g --key a --yes");
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void without_memory_every_command_looks_and_those_that_free_memory_work(void **state)
{
	static const char *const commands[] = {"stream list",
					       "stream describe s",
					       "group list s",
					       "group describe s g",
					       "lag s g --sample 0",
					       "why s g 0 --sample 0",
					       "tail s --last 1",
					       "dlq list s g",
					       "dlq show s g 0",
					       "reset s g --to latest --dry-run",
					       "top -o json",
					       "reset s g --to latest --yes",
					       "dlq drop s g --key a --yes",
					       "group delete s g --yes",
					       "stream delete s --yes"};
	(void)state;
	test_rig_tell("CONFIG SET maxmemory 1");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		test_segctl_good(rig.server->address, "%s", commands[i]);
	redisReply *keys = test_server_command(rig.redis, "DBSIZE");
	assert_int_equal(keys->integer, 0);
	freeReplyObject(keys);
}

/* Each letter is one line, so that lines can be counted. */
static void a_line_end_in_a_reason_is_escaped(void **state)
{
	(void)state;
	test_rig_tell("XADD {__default:s:partition_0}:g:dead 9999999999999-0 id 1-1 reason %s "
		      "attempts 1 handler h partition 0 time_ms 1 partitionKey k data d",
		      "first\nsecond");
	test_expect_text(test_segctl_good(rig.server->address, "dlq list s g -o csv"), "first\\x0asecond");
	test_expect_text(test_segctl_good(rig.server->address, "dlq show s g 9999999999999-0"),
			 "\nreason     first\\x0asecond\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(dead_letters_are_listed_with_what_is_known_and_filtered),
		TEST(a_replayed_letter_is_a_message_again_that_knows_its_first_id_and_how_often),
		TEST(a_letter_that_cannot_be_sent_stays),
		TEST(a_line_end_in_a_reason_is_escaped),
		TEST(a_letter_that_was_sent_but_cannot_be_removed_counts),
		TEST(only_the_meant_letters_are_dropped),
		TEST(at_the_limit_a_group_that_stops_waits_and_why_says_for_what),
		TEST(without_memory_every_command_looks_and_those_that_free_memory_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
