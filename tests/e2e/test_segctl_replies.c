/*
 * test_segctl_replies.c - segctl with a server that sends a reply of another shape: segctl reports an error
 * or shows less, and never crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/fake_server.h"
#include "harness/rig.h"
#include "harness/segctl.h"

static test_fake_server *fake;
static unsigned first; /* the first reply to a command; earlier replies belong to the client's connecting */

static const test_segctl *run_segctl(const char *command)
{
	return test_segctl_do(test_fake_server_address(fake), "--timeout 300ms %s", command);
}

static unsigned count_replies(const char *command)
{
	unsigned long before = test_fake_server_commands(fake);
	test_fake_server_arm(fake, &(test_fake_plan){.fault = TEST_FAULT_NONE});
	const test_segctl *answer = run_segctl(command);
	if (answer->exit_code < 0)
		fail_msg("%s: exit code %d: %s", command, answer->exit_code, answer->errors);
	return (unsigned)(test_fake_server_commands(fake) - before);
}

/* One partition with a message, a group, and a dead letter of that group. */
static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create s -p 1");
	test_rig_tell("XADD __default:s:partition_0 5-5 partitionKey k data d");
	test_rig_tell("XGROUP CREATE __default:s:partition_0 g 0");
	test_rig_tell("SADD {__default:s}:groups g");
	test_rig_tell(
		"XADD {__default:s:partition_0}:g:dead 9-9 id 5-5 reason r attempts 1 handler h partition 0 "
		"time_ms 1 partitionKey k data d");
	fake = test_fake_server_start(rig.server);
	/* Checks one command whose first reply is replaced. */
	first = count_replies("stream describe nowhere") - 1;
	return 0;
}

static int tear_down(void **state)
{
	test_fake_server_stop(fake);
	return test_rig_tear_down(state);
}

/* Runs the command several times; each run replaces another one of its replies. */
static void no_reply_crashes(const char *command, const char *given)
{
	unsigned replies = count_replies(command);
	for (unsigned at = first; at < replies; at++) {
		test_fake_server_arm(fake,
				     &(test_fake_plan){.fault = TEST_FAULT_GIVEN, .at = at, .given = given});
		const test_segctl *answer = run_segctl(command);
		if (answer->exit_code < 0 || strstr(answer->errors, "Sanitizer"))
			fail_msg("%s: reply %u was %s: exit code %d: %s", command, at, given,
				 answer->exit_code, answer->errors);
	}
}

static void no_command_crashes(const char *given)
{
	static const char *const commands[] = {
		"stream list",
		"stream describe s",
		"tail s --last 1",
		"group list s",
		"group describe s g",
		"reset s g --to 1-1 --dry-run",
		"reset s g --shift -1 --dry-run",
		"dlq list s g",
	};
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		no_reply_crashes(commands[i], given);
}

static void a_reply_that_is_no_list_crashes_no_command(void **state)
{
	(void)state;
	no_command_crashes(":1\r\n");
}

static void a_list_of_texts_crashes_no_command(void **state)
{
	(void)state;
	no_command_crashes("*1\r\n$2\r\nOK\r\n");
}

static void a_position_that_is_a_number_crashes_no_command(void **state)
{
	(void)state;
	static const char *const walked = "*3\r\n$2\r\nOK\r\n:1\r\n:2\r\n";
	static const char *const described =
		"*4\r\n$17\r\nlast-generated-id\r\n:5\r\n$11\r\nfirst-entry\r\n:5\r\n";
	no_reply_crashes("tail s --last 1", walked);
	no_reply_crashes("reset s g --to 1-1 --dry-run", walked);
	no_reply_crashes("reset s g --to 1-1 --dry-run", described);
	no_reply_crashes("stream describe s", described);
}

static void an_entry_whose_id_or_fields_are_numbers_crashes_no_command(void **state)
{
	(void)state;
	static const char *const id = "*1\r\n*2\r\n:5\r\n*2\r\n$4\r\ndata\r\n$1\r\nd\r\n";
	static const char *const fields = "*1\r\n*2\r\n$3\r\n5-5\r\n*4\r\n:1\r\n:2\r\n$4\r\ndata\r\n:3\r\n";
	static const char *const packed = "*1\r\n*2\r\n$3\r\n5-5\r\n*2\r\n$6\r\npacked\r\n:3\r\n";
	no_reply_crashes("tail s --last 1", id);
	no_reply_crashes("tail s --last 1", fields);
	no_reply_crashes("tail s --last 1", packed);
	no_reply_crashes("dlq list s g", id);
}

static void a_dead_letter_whose_fields_are_numbers_crashes_no_command(void **state)
{
	(void)state;
	no_reply_crashes(
		"dlq list s g",
		"*1\r\n*2\r\n$3\r\n9-9\r\n*12\r\n$2\r\nid\r\n:1\r\n$6\r\nreason\r\n:1\r\n:1\r\n:1\r\n"
		":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n");
}

static void a_key_that_does_not_match_the_pattern_crashes_no_command(void **state)
{
	(void)state;
	no_reply_crashes("stream list", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nx\r\n:1\r\n");
}

static void members_that_are_numbers_crash_no_command(void **state)
{
	(void)state;
	no_reply_crashes("group describe s g", "*2\r\n:1\r\n:2\r\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_reply_that_is_no_list_crashes_no_command),
		TEST(a_list_of_texts_crashes_no_command),
		TEST(a_position_that_is_a_number_crashes_no_command),
		TEST(an_entry_whose_id_or_fields_are_numbers_crashes_no_command),
		TEST(a_dead_letter_whose_fields_are_numbers_crashes_no_command),
		TEST(a_key_that_does_not_match_the_pattern_crashes_no_command),
		TEST(members_that_are_numbers_crash_no_command),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
