/*
 * test_segctl_packed.c - segctl and streams whose entries hold many messages: segctl shows and counts
 * messages, not entries.
 */
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

enum { MESSAGES = 1000 };

static char numbers[8 * MESSAGES];

/* One partition with the numbers from 0 on, in packed entries. */
static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create s -p 1 --packing on");
	numbers[0] = '\0';
	for (int i = 0, used = 0; i < MESSAGES; i++)
		used += sprintf(numbers + used, "%d\n", i);
	assert_int_equal(test_segctl_run(rig.server->address, numbers, "send s --key k")->exit_code, EX_OK);
	return 0;
}

static void run_a_group(void)
{
	test_runner *runner =
		test_runner_run("[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\n"
				"plugin = %s/tests/plugins/record.so\noption.path = /dev/null\n",
				rig.server->address, test_build_directory());
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(runner, SIGTERM), EX_OK);
	test_runner_free(runner);
}

static void messages_are_counted_not_entries(void **state)
{
	(void)state;
	redisContext *redis = test_server_connect(rig.server);
	redisReply *entries = test_server_command(redis, "XLEN __default:s:partition_0");
	assert_true(entries->integer < MESSAGES);
	freeReplyObject(entries);
	redisFree(redis);
	test_expect_text(test_segctl_good(rig.server->address, "stream list -o csv"),
			 "s,1,1000000,reject,on,0,1000\r\n");
	test_expect_text(test_segctl_good(rig.server->address, "stream describe s"),
			 "overflow reject, packing on");
	test_expect_text(test_segctl_good(rig.server->address, "stream describe s -o json"),
			 "\"messages\": 1000,");
}

static void what_zstd_compressed_at_any_level_is_shown(void **state)
{
	(void)state;
	static const char *const levels[] = {"", " --packing-level 1", " --packing-level 22"};
	test_segctl_good(rig.server->address, "stream create z -p 1 --packing zstd");
	for (int i = 0; i < 3; i++) {
		char command[64];
		snprintf(command, sizeof(command), "send z --key k%s", levels[i]);
		assert_int_equal(test_segctl_run(rig.server->address, "one\ntwo\n", command)->exit_code,
				 EX_OK);
	}
	assert_string_equal(test_segctl_good(rig.server->address, "tail z --from earliest --raw"),
			    "one\ntwo\none\ntwo\none\ntwo\n");
}

static void a_level_is_refused_where_the_packing_has_none(void **state)
{
	(void)state;
	const test_segctl *answer =
		test_segctl_run(rig.server->address, "one\n", "send s --key k --packing-level 3");
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "stream \"s\" has packing on; only zstd has levels");
	answer = test_segctl_run(rig.server->address, "one\n", "send s --key k --packing-level 23");
	assert_int_equal(answer->exit_code, EX_USAGE);
}

static void each_message_of_an_entry_is_shown(void **state)
{
	(void)state;
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --from earliest --raw"), numbers);
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --last 3 --raw"),
			    "997\n998\n999\n");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --last 5000 --raw"), numbers);
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --from earliest --count 2 --raw"),
			    "0\n1\n");
}

/* The id of a message, which is no entry's id. */
static void read_id(int number, char id[SEG_ID_TEXT_MAX])
{
	const char *lines = test_segctl_good(rig.server->address, "tail s --from earliest -o csv");
	char part[32];
	snprintf(part, sizeof(part), ",k,%d\r\n", number);
	const char *end = strstr(lines, part), *begin = end;
	assert_non_null(end);
	while (begin[-1] != ',')
		begin--;
	snprintf(id, SEG_ID_TEXT_MAX, "%.*s", (int)(end - begin), begin);
}

static void a_position_is_set_within_an_entry_and_what_waits_is_counted(void **state)
{
	(void)state;
	char id[SEG_ID_TEXT_MAX], text[128];
	run_a_group();
	read_id(499, id);
	test_expect_text(test_segctl_good(rig.server->address, "tail s --from %s --count 1 --raw", id),
			 "500\n");
	snprintf(text, sizeof(text), ",%s,500\r\n", id);
	test_expect_text(test_segctl_good(rig.server->address, "reset s g --to %s --yes -o csv", id), text);
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "500 messages wait");
	test_segctl_good(rig.server->address, "reset s g --to earliest --yes");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "1,000 messages wait");
	run_a_group();
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "0 messages wait");
	const test_segctl *answer = test_segctl_do(rig.server->address, "reset s g --shift -1 --yes");
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "packs many messages into one");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(messages_are_counted_not_entries),
		TEST(each_message_of_an_entry_is_shown),
		TEST(what_zstd_compressed_at_any_level_is_shown),
		TEST(a_level_is_refused_where_the_packing_has_none),
		TEST(a_position_is_set_within_an_entry_and_what_waits_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
