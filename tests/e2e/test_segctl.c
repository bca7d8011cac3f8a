/*
 * test_segctl.c - segctl's commands for streams and groups, on a real server; and its answers to typing
 * errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/rig.h"
#include "harness/segctl.h"
#include "harness/shell.h"

static long long count(const char *command)
{
	redisReply *reply = test_server_command(rig.redis, command);
	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	long long number = reply->integer;
	freeReplyObject(reply);
	return number;
}

static void refused(const char *command, int exit_code, const char *text)
{
	const test_segctl *answer = test_segctl_do(rig.server->address, "%s", command);
	if (answer->exit_code != exit_code)
		fail_msg("%s: exit code %d, not %d: %s", command, answer->exit_code, exit_code,
			 answer->errors);
	test_expect_text(answer->errors, text);
}

/* --- streams --------------------------------------------------------------------------------- */

static void a_stream_that_was_created_is_listed_and_described(void **state)
{
	(void)state;
	test_expect_text(test_segctl_good(rig.server->address, "stream list"),
			 "There are no streams in namespace \"default\"");
	test_expect_text(test_segctl_good(rig.server->address,
					  "stream create orders --partitions 4 --partition-size 50"),
			 "orders: 4 partitions of 50 messages, overflow reject");
	test_segctl_good(rig.server->address, "stream create orders -p 4 -s 50");
	test_segctl_good(rig.server->address, "-n other stream create hidden -p 1");
	test_rig_tell("XADD __default:orders:partition_2 7-1 partitionKey k data d");
	test_rig_tell("HSET {__default:orders:partition_2}:counters dropped 3");
	test_rig_tell("SADD {__default:orders}:groups billing audit");

	json_t *list = json_loads(test_segctl_good(rig.server->address, "stream list -o json"), 0, NULL);
	assert_int_equal(json_array_size(list), 1);
	json_t *row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "stream")), "orders");
	assert_int_equal(json_integer_value(json_object_get(row, "partitions")), 4);
	assert_int_equal(json_integer_value(json_object_get(row, "messages")), 1);
	assert_int_equal(json_integer_value(json_object_get(row, "groups")), 2);
	json_decref(list);

	const char *text = test_segctl_good(rig.server->address, "stream describe orders");
	test_expect_text(text,
			 "orders: 4 partitions of 50 messages, overflow reject\nGroups: audit billing\n");
	test_expect_text(text, "        2         1  7-1    7-1       1        3\n");
	json_t *stream =
		json_loads(test_segctl_good(rig.server->address, "stream describe orders -o json"), 0, NULL);
	json_t *partition = json_array_get(json_object_get(stream, "partitions"), 2);
	assert_string_equal(json_string_value(json_object_get(partition, "last_id")), "7-1");
	assert_true(json_is_null(
		json_object_get(json_array_get(json_object_get(stream, "partitions"), 0), "last_id")));
	json_decref(stream);
	test_expect_text(test_segctl_good(rig.server->address, "stream describe orders -o csv"),
			 "partition,messages,first_id,last_id,added,dropped\r\n0,0,,,0,0\r\n");
}

static void a_mistyped_stream_has_a_suggestion(void **state)
{
	(void)state;
	test_expect_text(test_segctl_good(rig.server->address, "stream create orders -p 1"),
			 "orders: 1 partition of ");
	refused("why orders g -1", EX_USAGE, "partitions and letters are counted from 0");
	refused("stream describe ordres", EX_NOINPUT, "did you mean \"orders\"?");
	refused("lag ordres g", EX_NOINPUT, "did you mean \"orders\"?");
	refused("lag ordres", EX_NOINPUT, "did you mean \"orders\"?");
	refused("stream delete ordres --yes", EX_NOINPUT, "did you mean \"orders\"?");
	const test_segctl *answer = test_segctl_do(rig.server->address, "lag measurements");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	assert_null(strstr(answer->errors, "did you mean"));
	/* Who must not look for it hears nothing of that. */
	test_rig_tell("ACL SETUSER default -scan");
	answer = test_segctl_do(rig.server->address, "lag ordres g");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "\"ordres\" does not exist");
	assert_null(strstr(answer->errors, "did you mean"));
	assert_null(strstr(answer->errors, "scan"));
	assert_ptr_equal(strchr(answer->errors, '\n'), strrchr(answer->errors, '\n'));
}

static void a_stream_is_not_created_twice_in_two_shapes(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 4");
	refused("stream create s -p 5", EX_CANTCREAT, "never changes its shape");
	refused("stream create s", EX_USAGE, "--partitions 8");
	refused("stream create s -p 0", EX_USAGE, "--partitions is 0; it must be 1 to 65536");
	refused("stream create a:b -p 1", EX_USAGE, "contains ':'");
}

static void a_deleted_stream_leaves_no_key_and_its_neighbours_keep_theirs(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 2");
	test_segctl_good(rig.server->address, "stream create s2 -p 2");
	test_rig_tell("XADD __default:s:partition_0 * partitionKey k data d");
	test_rig_tell("XADD __default:s2:partition_0 * partitionKey k data d");
	test_rig_tell("SET {__default:s:partition_1}:producer:x 1");
	test_rig_tell("HSET {__default:s:partition_1}:g:state epoch 1");
	test_rig_tell("SADD {__default:s}:groups g");
	test_rig_tell("HSET {__default:s}:g:members m x");
	refused("stream delete s", EX_USAGE, "add --yes");
	assert_int_equal(count("EXISTS __default:s:partition_0"), 1);
	test_segctl_good(rig.server->address, "stream delete s --yes");
	assert_int_equal(count("DBSIZE"), 2);
	refused("stream describe s", EX_NOINPUT, "segctl stream list");
}

static void a_stream_that_is_being_read_is_deleted_only_by_force(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 2");
	test_rig_tell("SADD {__default:s}:groups g");
	test_rig_tell("HSET {__default:s}:g:members m1 x");
	test_rig_tell("HSET {__default:s:partition_1}:g:values p:k 1");
	test_rig_tell("ZADD {__default:s}:g:leases 99999999999999 m1");
	refused("stream delete s --yes", 1, "group \"g\" of stream \"s\" has live members (m1)");
	test_segctl_good(rig.server->address, "stream delete s --yes --force");
	assert_int_equal(count("DBSIZE"), 0);
}

static void what_a_stream_has_left_is_deleted_also_without_its_registration(void **state)
{
	(void)state;
	refused("stream delete s --yes", EX_NOINPUT, "has left nothing");
	test_segctl_good(rig.server->address, "stream create s2 -p 2");
	test_rig_tell("XADD __default:s:partition_7 * partitionKey k data d");
	test_rig_tell("SADD {__default:s}:groups g");
	test_rig_tell("HSET {__default:s:partition_7}:g:state epoch 1");
	refused("stream delete s", EX_USAGE, "add --yes");
	test_segctl_good(rig.server->address, "stream delete s --yes");
	assert_int_equal(count("DBSIZE"), 1);
	/* Partitions of an earlier, larger shape go with the stream. */
	test_rig_tell("XADD __default:s2:partition_9 * partitionKey k data d");
	test_segctl_good(rig.server->address, "stream delete s2 --yes");
	assert_int_equal(count("DBSIZE"), 0);
}

/* --- groups ----------------------------------------------------------------------------------- */

static void a_running_group_is_listed_and_described(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 4");
	test_expect_text(test_segctl_good(rig.server->address, "group list s"), "Stream \"s\" has no groups");
	test_runner *runner =
		test_runner_run("[redis]\naddress = %s\n[runner]\nname = only\n[consumer c]\nstream = s\n"
				"group = g\nplugin = %s/tests/plugins/record.so\noption.path = /dev/null\n",
				rig.server->address, test_build_directory());
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_expect_text(test_segctl_good(rig.server->address, "group list s -o csv"), "g,1,4,4,0,0\r\n");
	const char *text = test_segctl_good(rig.server->address, "group describe s g");
	test_expect_text(text, "g of s: 4 of 4 partitions owned, 0 messages behind, 0 dead letters");
	test_expect_text(text, "0 1 2 3");
	json_t *group =
		json_loads(test_segctl_good(rig.server->address, "group describe s g -o json"), 0, NULL);
	json_t *member = json_array_get(json_object_get(group, "members"), 0);
	assert_string_equal(json_string_value(json_object_get(member, "member")), "only");
	assert_int_equal(json_integer_value(json_object_get(member, "capacity")), 100);
	assert_true(json_number_value(json_object_get(member, "lease_left_seconds")) > 0);
	json_decref(group);

	refused("group delete s g --yes", 1, "has live members (only)");
	/* By force, the members go on where the group was. */
	test_rig_tell("XADD __default:s:partition_0 1-5 partitionKey k data d");
	test_group_wait_drained(rig.server->address, "s", "g");
	test_rig_tell("HSET {__default:s:partition_0}:g:values p:k 1");
	test_segctl_good(rig.server->address, "group delete s g --yes --force");
	assert_int_equal(count("HLEN {__default:s:partition_0}:g:values"), 1);
	redisReply *kept = test_server_command(rig.redis, "HGET {__default:s:partition_0}:g:state position");
	assert_string_equal(kept->str, "1-5");
	freeReplyObject(kept);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_segctl_good(rig.server->address, "lag s g -p 0 --max-lag 0 --sample 0");
	assert_int_equal(test_runner_stop(runner, 15), EX_OK);
	test_runner_free(runner);
	test_segctl_good(rig.server->address, "group delete s g --yes");
	assert_int_equal(count("DBSIZE"), 5); /* four logs and the shape: the values are gone */
	refused("group describe s g", EX_NOINPUT, "segctl group list s");
}

/* --- commands that ask ---------------------------------------------------------------------------------- */

/* Answers the question that `stream delete` asks on a terminal; returns the exit code. */
static int answer(const char *text)
{
	int terminal, status;
	pid_t pid = test_segctl_start_on_terminal(rig.server->address, "stream delete s", &terminal);
	test_terminal_shows(terminal,
			    "Delete stream \"s\" in namespace \"default\" with its 0 messages, 0 groups");
	assert_int_equal(write(terminal, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(terminal);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_member_of_many_partitions_is_described_with_all_of_them(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create wide -p 400");
	test_rig_tell("SADD {__default:wide}:groups g");
	test_rig_tell("HSET {__default:wide}:g:members m %s", "x 400");
	test_rig_tell("ZADD {__default:wide}:g:leases 99999999999999 m");
	for (int p = 0; p < 400; p++)
		test_rig_tell("HSET {__default:wide}:g:partitions %d %s", p, "7 m m");
	json_t *group =
		json_loads(test_segctl_good(rig.server->address, "group describe wide g -o json"), 0, NULL);
	const json_t *member = json_array_get(json_object_get(group, "members"), 0);
	const char *partitions = json_string_value(json_object_get(member, "partitions"));
	assert_non_null(partitions);
	assert_string_equal(partitions + strlen(partitions) - 8, " 398 399");
	json_decref(group);
}

/* A group that emits to the stream is no group of it: nothing else in the question tells that somebody still needs it. */
static void deleting_a_stream_names_the_groups_that_emit_to_it(void **state)
{
	(void)state;
	const char *emitters =
		"from group a of x, group b of x, group c of x and 1 more (a live one registers it anew)";
	test_segctl_good(rig.server->address, "stream create s -p 1");
	test_rig_tell("SADD {__default:s}:sources a:x b:x c:x d:x own:s");
	refused("stream delete s", EX_USAGE, "dead letters, although it gets messages from group a of x, ");
	refused("stream delete s", EX_USAGE, emitters);
	refused("stream delete s --yes", EX_OK,
		"stream \"s\" is deleted; it got messages from group a of x, ");
	assert_int_equal(count("DBSIZE"), 0);
	test_segctl_good(rig.server->address, "stream create s -p 1");
	const test_segctl *given = test_segctl_do(rig.server->address, "stream delete s --yes");
	assert_int_equal(given->exit_code, EX_OK);
	assert_string_equal(given->errors, "");
}

/* A runner asks for the registration with what it sends, and only now and then. */
static bool is_registered_after_another_message(void *name)
{
	test_rig_tell("XADD __default:in:partition_0 * partitionKey k data d");
	return test_segctl_do(rig.server->address, "stream describe %s", (const char *)name)->exit_code ==
	       EX_OK;
}

static void a_live_group_registers_the_stream_that_it_emits_to_anew(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create in -p 1");
	test_runner *runner = test_runner_run(
		"[redis]\naddress = %s\n[consumer c]\nstream = in\ngroup = g\nplugin = %s/tests/plugins/emits.so\n"
		"outputs = out\noutput.out.partitions = 1\n",
		rig.server->address, test_build_directory());
	test_group_wait_balanced(rig.server->address, "in", "g", 1);
	test_rig_tell("XADD __default:in:partition_0 1-5 partitionKey k data d");
	test_group_wait_drained(rig.server->address, "in", "g");
	refused("stream delete out --yes", EX_OK, "from group g of in (a live one registers it anew)");
	test_wait_until(is_registered_after_another_message, "out", 20000, "the stream is registered anew");
	assert_int_equal(test_runner_stop(runner, 15), EX_OK);
	test_runner_free(runner);
}

static void commands_that_cannot_be_undone_ask_first(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 1");
	assert_int_equal(answer("n\n"), 1);
	assert_int_equal(answer("\n"), 1);
	assert_int_equal(count("DBSIZE"), 1);
	assert_int_equal(answer("y\n"), EX_OK);
	assert_int_equal(count("DBSIZE"), 0);
}

/* --- typing errors ---------------------------------------------------------------------------- */

static void typing_errors_are_recognised(void **state)
{
	(void)state;
	refused("steam list", EX_USAGE, "there is no command \"steam\"; did you mean \"stream\"?");
	refused("stream lsit", EX_USAGE, "did you mean \"stream list\"?");
	refused("stream list --ouptut json", EX_USAGE, "did you mean \"--output\"?");
	refused("stream list -o jsn", EX_USAGE, "did you mean \"json\"?");
	refused("stream", EX_USAGE, "`segctl stream` needs one of these commands");
	refused("stream describe", EX_USAGE, "too few arguments: segctl stream describe STREAM");
	refused("stream describe a b", EX_USAGE, "unexpected argument \"b\"");
	refused("stream create s --partitions", EX_USAGE, "--partitions needs a value");
	refused("stream create s --partitions x", EX_USAGE, "--partitions: ");
	refused("stream delete s --yes=1", EX_USAGE, "--yes takes no value");
	refused("", EX_USAGE, "Usage: segctl");
}

static void help_fits_into_80_columns(void **state)
{
	(void)state;
	static const char *const commands[] = {"",          "stream create", "stream delete",
					       "send",      "tail",          "group delete",
					       "lag",       "doctor",        "acl",
					       "why",       "top",           "reset",
					       "dlq show",  "dlq replay",    "state list",
					       "state get", "state export"};
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *line = test_segctl_good(NULL, "%s --help", commands[i]);
		for (; *line; line += strcspn(line, "\n") + 1)
			if (strcspn(line, "\n") > 80)
				fail_msg("%s --help: %.*s", commands[i], (int)strcspn(line, "\n"), line);
	}
}

static void help_needs_no_redis(void **state)
{
	(void)state;
	const char *nowhere = "unix:///nonexistent/redis.sock";
	test_expect_text(test_segctl_good(nowhere, "--help"), "stream create STREAM");
	test_expect_text(test_segctl_good(nowhere, "stream create --help"), "--partitions N");
	test_expect_text(test_segctl_good(nowhere, "help stream create"), "--partitions N");
	test_expect_text(test_segctl_good(nowhere, "stream --help"), "stream delete STREAM");
	test_expect_text(test_segctl_good(nowhere, "--version"), seg_version());
	const test_segctl *answer = test_segctl_do(nowhere, "--timeout 200ms stream list");
	assert_int_equal(answer->exit_code, EX_UNAVAILABLE);
	test_expect_text(answer->errors, "/nonexistent/redis.sock");
}

static void the_address_comes_from_the_flag_then_the_configuration_then_the_environment(void **state)
{
	(void)state;
	const char *nowhere = "unix:///nonexistent/redis.sock";
	test_segctl_good(NULL, "-a %s -n shop stream create s -p 1", rig.server->address);
	test_segctl_good(nowhere, "-a %s stream list", rig.server->address);
	test_runner *file = test_runner_make(
		"[redis]\naddress = %s\n[runner]\nnamespace = shop\n[consumer c]\nstream = s\n"
		"group = g\nplugin = x\n",
		rig.server->address);
	test_expect_text(test_segctl_good(NULL, "-c %s stream list -o csv", file->config), "s,1,");
	/* A variable that was exported yesterday must not send a `stream delete` to another server. */
	test_expect_text(test_segctl_good(nowhere, "-c %s stream list -o csv", file->config), "s,1,");
	assert_int_equal(test_segctl_do(NULL, "--timeout 100ms -a %s -c %s stream list", nowhere,
					file->config)
				 ->exit_code,
			 EX_UNAVAILABLE);
	test_runner_free(file);
	assert_int_equal(test_segctl_do(NULL, "-c /nonexistent/x.ini stream list")->exit_code, EX_NOINPUT);
}

static void a_missing_right_is_reported_and_nothing_counts_as_done(void **state)
{
	(void)state;
	char address[256];
	test_segctl_good(rig.server->address, "stream create s -p 1");
	test_rig_tell("SADD {__default:s}:groups g");
	test_rig_tell("XGROUP CREATE __default:s:partition_0 g 0 MKSTREAM");
	test_rig_tell("ACL SETUSER watcher on >secret ~* +@all -xgroup");
	snprintf(address, sizeof(address), "unix://watcher:secret@%s", rig.server->socket);
	test_segctl_good(address, "stream describe s");
	const test_segctl *refusal = test_segctl_do(address, "group delete s g --yes");
	assert_int_equal(refusal->exit_code, EX_NOPERM);
	test_expect_text(refusal->errors,
			 "cannot delete the whole group (a part may be gone; repeat the command): ");
	assert_int_equal(count("SISMEMBER {__default:s}:groups g"), 1);
	assert_int_equal(test_segctl_do(address, "-a unix://watcher:wrong@%s stream list", rig.server->socket)
				 ->exit_code,
			 EX_NOPERM);
}

/* As the log looks while Redis cannot write, and its runner starts it every second. */
static void pretend_restarts(const test_runner *runner)
{
	char path[256], now[64];
	snprintf(path, sizeof(path), "%s/its data, 100%%/redis.log", runner->directory);
	FILE *log = fopen(path, "a");
	assert_non_null(log);
	time_t time_now = time(NULL);
	strftime(now, sizeof(now), "%d %b %Y %H:%M:%S", localtime(&time_now));
	for (int i = 0; i < 3; i++)
		fprintf(log, "1:C %s.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n", now);
	fclose(log);
}

static void the_embedded_redis_of_a_configuration_is_found_while_its_runner_runs(void **state)
{
	(void)state;
	test_runner *runner =
		test_runner_run("[redis]\naddress = embedded\ndirectory = its data, 100%%\n[consumer c]\n"
				"stream = s\ngroup = g\npartitions = 3\nplugin = %s/tests/plugins/record.so\n"
				"option.path = /dev/null\n",
				test_build_directory());
	test_runner_says(runner, "now has 3 of 3 partitions");
	test_expect_text(test_segctl_good(NULL, "-c %s group list s -o csv", runner->config),
			 "g,1,3,3,0,0\r\n");
	test_expect_text(test_segctl_good(NULL, "-c %s why s g 0 --sample 0", runner->config),
			 "nothing is wrong");
	pretend_restarts(runner);
	test_expect_text(test_segctl_good(NULL, "-c %s why s g 0 --sample 0", runner->config),
			 "the embedded Redis ends and is started again and again");
	assert_int_equal(test_runner_stop(runner, 15), EX_OK);
	const test_segctl *answer = test_segctl_do(NULL, "-c %s group list s", runner->config);
	assert_int_equal(answer->exit_code, EX_UNAVAILABLE);
	test_expect_text(answer->errors,
			 "the embedded Redis runs only while segrunner runs; start segrunner -c ");
	test_runner_free(runner);
}

/* The exit code of a shell's command. In it, $segctl is the program. */
static int in_shell(const char *command)
{
	char text[1024];
	snprintf(
		text, sizeof(text),
		"SEGMENTER_ADDRESS='%s'; export SEGMENTER_ADDRESS; segctl='%s/framework/tools/segctl/segctl'; %s",
		rig.server->address, test_build_directory(), command);
	return test_shell_run(text);
}

/* Of this command, when the reader of its output has gone; and what it complains of. */
static void expect_no_complaint(const char *command)
{
	char text[512];
	snprintf(
		text, sizeof(text),
		"rm -f '%s/gone'; { { until [ -e '%s/gone' ]; do :; done; $segctl %s; echo exit code $? >&2; } | { exec <&-; : > "
		"'%s/gone'; }; } 2>&1",
		rig.directory, rig.directory, command, rig.directory);
	assert_int_equal(in_shell(text), 0);
	assert_string_equal(test_shell_said, "exit code 74\n");
}

static void an_output_that_cannot_be_written_is_an_error_that_is_told_once(void **state)
{
	(void)state;
	static const char *const commands[] = {"stream list", "tail s --from earliest", "lag --watch"};
	test_segctl_good(rig.server->address, "stream create s -p 1");
	test_segctl_run(rig.server->address, "a\nb\n", "send s");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char command[128];
		snprintf(command, sizeof(command), "$segctl %s 2>&1 >/dev/full", commands[i]);
		assert_int_equal(in_shell(command), EX_IOERR);
		assert_string_equal(test_shell_said, "segctl: cannot write: No space left on device\n");
		snprintf(command, sizeof(command), "$segctl %s 2>&1 >&-", commands[i]);
		assert_int_equal(in_shell(command), EX_IOERR);
		assert_string_equal(test_shell_said, "segctl: cannot write: Bad file descriptor\n");
		expect_no_complaint(commands[i]);
	}
	assert_int_equal(in_shell("$segctl send s 2>&1 <&-"), EX_IOERR);
	test_shell_says("segctl: cannot read standard input: Bad file descriptor\n");
}

static void a_line_that_no_reader_would_take_is_refused(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create s -p 1");
	/* Without an option for the key, the line is also its key. */
	assert_int_equal(in_shell("head -c 33554432 /dev/zero | tr '\\0' a | $segctl send s 2>&1"),
			 EX_DATAERR);
	test_shell_says(
		"standard input:1: the message has 67108864 bytes, with its key, and segctl sends at most ");
	assert_int_equal(in_shell("head -c 16777216 /dev/zero | tr '\\0' a | $segctl send s"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_stream_that_was_created_is_listed_and_described),
		TEST(a_mistyped_stream_has_a_suggestion),
		TEST(a_stream_is_not_created_twice_in_two_shapes),
		TEST(a_deleted_stream_leaves_no_key_and_its_neighbours_keep_theirs),
		TEST(a_stream_that_is_being_read_is_deleted_only_by_force),
		TEST(what_a_stream_has_left_is_deleted_also_without_its_registration),
		TEST(a_running_group_is_listed_and_described),
		TEST(a_member_of_many_partitions_is_described_with_all_of_them),
		TEST(deleting_a_stream_names_the_groups_that_emit_to_it),
		TEST(a_live_group_registers_the_stream_that_it_emits_to_anew),
		TEST(commands_that_cannot_be_undone_ask_first),
		TEST(typing_errors_are_recognised),
		cmocka_unit_test(help_fits_into_80_columns),
		TEST(help_needs_no_redis),
		TEST(the_address_comes_from_the_flag_then_the_configuration_then_the_environment),
		TEST(a_missing_right_is_reported_and_nothing_counts_as_done),
		TEST(an_output_that_cannot_be_written_is_an_error_that_is_told_once),
		TEST(a_line_that_no_reader_would_take_is_refused),
		TEST(the_embedded_redis_of_a_configuration_is_found_while_its_runner_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
