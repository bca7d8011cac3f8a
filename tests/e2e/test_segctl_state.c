/* test_segctl_state.c - `segctl state` shows what a real runner's handlers have kept, and what any bytes are. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "harness/group.h"
#include "harness/rig.h"
#include "harness/segctl.h"

enum { PARTITIONS = 2 };

static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create s -p %d", PARTITIONS);
	return 0;
}

/* Handles a message of the key `alice` and two of `bob`. */
static void count_some(const char *options)
{
	for (int i = 0; i < 3; i++)
		test_rig_tell("XADD __default:s:partition_%d * partitionKey %s data %d", i > 0,
			      i ? "bob" : "alice", i > 1);
	rig.runner = test_runner_run("[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\n"
				     "plugin = %s/tests/plugins/counts.so\n%s",
				     rig.server->address, test_build_directory(), options);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void put(const char *format, const void *field, size_t length)
{
	redisReply *reply = redisCommand(rig.redis, format, field, length);
	assert_non_null(reply);
	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	freeReplyObject(reply);
}

static json_t *list(const char *options)
{
	json_t *list = json_loads(test_segctl_good(rig.server->address, "state list s g -o json %s", options),
				  0, NULL);
	assert_true(json_is_array(list));
	return list;
}

static void refused(int exit_code, const char *text, const char *command)
{
	const test_segctl *answer = test_segctl_do(rig.server->address, "%s", command);
	assert_int_equal(answer->exit_code, exit_code);
	test_expect_text(answer->errors, text);
}

static void the_values_of_a_group_are_listed_and_found_by_name(void **state)
{
	(void)state;
	count_some("");
	const char *text = test_segctl_good(rig.server->address, "state list s g");
	test_expect_text(text, "PARTITION  NAME   BYTES  VALUE");
	test_expect_text(text, "        0  alice      1  1");
	test_expect_text(text, "        1  bob        1  2");
	test_expect_text(test_segctl_good(rig.server->address, "state list s g -p 1 -o csv"),
			 "partition,slot,name,bytes,value\r\n1,,bob,1,2\r\n");
	assert_string_equal(test_segctl_good(rig.server->address, "state get s g bob"), "2\n");
	assert_string_equal(test_segctl_good(rig.server->address, "state get s g Ym9i --base64"), "2\n");
	refused(EX_NOINPUT, "no value of that name; `segctl state list s g`", "state get s g bob -p 0");
	refused(EX_NOINPUT, "no value of that name", "state get s g bo");
	refused(EX_NOINPUT, "segctl group list s", "state list s nobody");
	refused(EX_NOINPUT, "partition", "state list s g -p 2");
	refused(EX_USAGE, "is not base64", "state get s g --base64 =bob");
}

static void with_parallel_the_slot_is_shown(void **state)
{
	(void)state;
	count_some("parallel = 2\n");
	test_expect_text(test_segctl_good(rig.server->address, "state list s g"), "PARTITION  SLOT  NAME");
	json_t *values = list("-p 1");
	assert_int_equal(json_array_size(values), 1);
	const json_t *slot = json_object_get(json_array_get(values, 0), "slot");
	assert_true(json_is_integer(slot));
	assert_in_range(json_integer_value(slot), 0, 1023);
	json_decref(values);
	assert_string_equal(test_segctl_good(rig.server->address, "state get s g bob"), "2\n");
}

static void a_name_of_several_partitions_makes_a_table(void **state)
{
	(void)state;
	count_some("");
	put("HSET {__default:s:partition_0}:g:values %b 7", "p:bob", 5);
	const char *text = test_segctl_good(rig.server->address, "state get s g bob");
	test_expect_text(text, "        0  bob       1  7");
	test_expect_text(text, "        1  bob       1  2");
	assert_string_equal(test_segctl_good(rig.server->address, "state get s g bob -p 0"), "7\n");
}

static void names_and_values_may_be_any_bytes(void **state)
{
	(void)state;
	count_some("");
	put("HSET {__default:s:partition_0}:g:values %b \x1b[2J", "p:\0\xff", 4);
	test_expect_text(test_segctl_good(rig.server->address, "state list s g"), "\\x00\\xff");
	assert_string_equal(test_segctl_good(rig.server->address, "state get s g AP8= --base64"),
			    "\\x1b[2J\n");
	test_expect_text(test_segctl_good(rig.server->address, "state export s g -p 0"),
			 "{\"partition\":0,\"slot\":null,\"name\":{\"base64\":\"AP8=\"},\"bytes\":4,"
			 "\"value\":\"\\u001B[2J\"}\n");
	test_expect_text(test_segctl_good(rig.server->address, "state export s g -p 0 -o csv"),
			 "0,,\\x00\\xff,4,\\x1b[2J\r\n");
}

enum { COUNT = 3000 };

static void keep_many(void)
{
	count_some("");
	for (int i = 0; i < COUNT; i++)
		redisAppendCommand(rig.redis, "HSET {__default:s:partition_0}:g:values p:%d %0100d", i, i);
	for (int i = 0; i < COUNT; i++) {
		redisReply *reply;
		assert_int_equal(redisGetReply(rig.redis, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
}

static void many_values_are_exported_each_once(void **state)
{
	(void)state;
	keep_many();
	int lines = 0;
	for (const char *line = test_segctl_good(rig.server->address, "state export s g"); *line; lines++)
		line = strchr(line, '\n') + 1;
	assert_int_equal(lines, COUNT + 2);
	json_t *values = list("");
	assert_int_equal(json_array_size(values), COUNT + 2);
	json_decref(values);
}

/* Another server would give other values for the cursor, or the same ones twice. */
static void an_export_whose_connection_was_replaced_fails(void **state)
{
	(void)state;
	int output, status;
	char text[4096];
	keep_many();
	/* It waits for its reader, who has seen a part. */
	pid_t segctl = test_segctl_start(rig.server->address, "state export s g", &output);
	assert_true(read(output, text, sizeof(text)) > 0);
	test_rig_tell("CLIENT KILL TYPE normal SKIPME yes");
	while (read(output, text, sizeof(text)) > 0)
		;
	assert_int_equal(waitpid(segctl, &status, 0), segctl);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EX_TEMPFAIL);
	close(output);
}

static void a_group_that_keeps_nothing_says_so(void **state)
{
	(void)state;
	test_rig_tell("XADD __default:s:partition_0 * partitionKey k data 0");
	test_rig_tell("XGROUP CREATE __default:s:partition_0 g 0");
	test_rig_tell("SADD {__default:s}:groups g");
	test_expect_text(test_segctl_good(rig.server->address, "state list s g"), "No value is kept");
	assert_string_equal(test_segctl_good(rig.server->address, "state export s g"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_values_of_a_group_are_listed_and_found_by_name),
		TEST(with_parallel_the_slot_is_shown),
		TEST(a_name_of_several_partitions_makes_a_table),
		TEST(names_and_values_may_be_any_bytes),
		TEST(many_values_are_exported_each_once),
		TEST(an_export_whose_connection_was_replaced_fails),
		TEST(a_group_that_keeps_nothing_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
