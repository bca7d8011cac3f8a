/*
 * test_segctl_lag.c - `segctl lag` compared with the messages that really wait, for a running group and for
 * one without members.
 */
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

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/rig.h"
#include "harness/segctl.h"

static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create s -p 2");
	return 0;
}

static void add(int partition, int messages)
{
	for (int i = 0; i < messages; i++)
		test_rig_tell("XADD __default:s:partition_%d * partitionKey k%d data d%d", partition,
			      partition, i);
}

/* Runs a group until it has handled everything, and stops it. */
static void handle_all(void)
{
	rig.runner =
		test_runner_run("[redis]\naddress = %s\n[runner]\nname = only\n[consumer c]\nstream = s\n"
				"group = g\nplugin = %s/tests/plugins/record.so\noption.path = /dev/null\n",
				rig.server->address, test_build_directory());
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_group_wait_drained(rig.server->address, "s", "g");
}

static void stop_runner(void)
{
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	test_runner_free(rig.runner);
	rig.runner = NULL;
}

static json_t *row(json_t *rows, size_t partition)
{
	json_t *found = json_array_get(rows, partition);
	assert_non_null(found);
	return found;
}

static long long integer(json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void the_lag_is_shown_for_each_partition_with_its_owner(void **state)
{
	(void)state;
	add(0, 5);
	handle_all();
	json_t *rows = json_loads(test_segctl_good(rig.server->address, "lag s g -o json"), 0, NULL);
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(json_string_value(json_object_get(row(rows, 0), "owner")), "only");
	assert_true(integer(row(rows, 0), "epoch") > 0);
	assert_int_equal(integer(row(rows, 0), "lag"), 0);
	assert_true(json_number_value(json_object_get(row(rows, 0), "lag_seconds")) == 0);
	assert_true(json_number_value(json_object_get(row(rows, 0), "rate")) == 0);
	assert_string_equal(json_string_value(json_object_get(row(rows, 0), "position")),
			    json_string_value(json_object_get(row(rows, 0), "last_id")));
	json_decref(rows);

	stop_runner();
	add(1, 3);
	rows = json_loads(test_segctl_good(rig.server->address, "lag s g -o json --sample 0"), 0, NULL);
	assert_true(json_is_null(json_object_get(row(rows, 0), "owner")));
	assert_int_equal(integer(row(rows, 1), "lag"), 3);
	assert_true(json_number_value(json_object_get(row(rows, 1), "lag_seconds")) > 0);
	assert_true(json_is_null(json_object_get(row(rows, 1), "rate")));
	json_decref(rows);
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"),
			 "Live members: 0, owning 0 of 2 partitions; 3 messages wait");
}

static void the_exit_code_informs_a_monitor(void **state)
{
	(void)state;
	handle_all();
	stop_runner();
	add(0, 2);
	add(1, 2);
	assert_int_equal(test_segctl_do(rig.server->address, "lag s g --max-lag 4 --max-behind 1h --sample 0")
				 ->exit_code,
			 0);
	const test_segctl *answer = test_segctl_do(rig.server->address, "lag s g --max-lag 3 --sample 0");
	assert_int_equal(answer->exit_code, 1);
	test_expect_text(answer->errors, "4 messages wait, more than 3");
	answer = test_segctl_do(rig.server->address, "lag s g --max-behind 0 --sample 0");
	assert_int_equal(answer->exit_code, 1);
	test_expect_text(answer->errors, "a message has waited for");
	answer = test_segctl_do(rig.server->address, "lag s nobody");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "segctl group list s");
}

/* The ids of a log whose Redis had a clock that was ahead. */
static void a_message_whose_id_is_ahead_of_the_clock_is_never_young_enough(void **state)
{
	(void)state;
	handle_all();
	stop_runner();
	test_rig_tell("XADD __default:s:partition_0 99999999999999-1 partitionKey k data d");
	const test_segctl *answer =
		test_segctl_do(rig.server->address, "lag s g --max-behind 1000000h --sample 0");
	assert_int_equal(answer->exit_code, 1);
	test_expect_text(answer->errors, "nobody can tell for how long");
	json_t *rows =
		json_loads(test_segctl_good(rig.server->address, "lag s g --sample 0 -o json"), 0, NULL);
	assert_true(json_is_null(json_object_get(row(rows, 0), "lag_seconds")));
	json_decref(rows);
}

static void a_check_prints_one_line(void **state)
{
	(void)state;
	test_rig_tell("SADD {__default:s}:groups g");
	add(1, 2);
	test_expect_text(test_segctl_good(rig.server->address, "lag s g --max-lag 4"),
			 "group \"g\" of stream \"s\": ");
	const test_segctl *answer = test_segctl_do(rig.server->address, "lag s g --max-lag 1");
	assert_string_equal(answer->output, "");
	assert_ptr_equal(strchr(answer->errors, '\n'), strrchr(answer->errors, '\n'));
}

/* The owner's lease has ended, and nobody has noticed yet. */
static void a_dead_member_owns_nothing(void **state)
{
	(void)state;
	test_rig_tell("SADD {__default:s}:groups g");
	test_rig_tell("HSET {__default:s}:g:members dead %s", "x 100");
	test_rig_tell("ZADD {__default:s}:g:leases 5 dead");
	test_rig_tell("HSET {__default:s}:g:partitions 0 %s", "7 dead dead");
	test_expect_text(test_segctl_good(rig.server->address, "group list s -o csv"), "g,0,0,2,");
	test_expect_text(test_segctl_good(rig.server->address, "group describe s g"),
			 "0 of 2 partitions owned");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g --sample 0"), "dead (dead)");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g --sample 0"),
			 "owning 0 of 2 partitions");
}

static void all_groups_are_one_document_that_names_them(void **state)
{
	(void)state;
	test_rig_tell("SADD {__default:s}:groups g h");
	json_t *rows = json_loads(test_segctl_good(rig.server->address, "lag -o json --sample 0"), 0, NULL);
	assert_int_equal(json_array_size(rows), 4);
	assert_string_equal(json_string_value(json_object_get(row(rows, 2), "group")), "h");
	assert_string_equal(json_string_value(json_object_get(row(rows, 2), "stream")), "s");
	json_decref(rows);
	test_expect_text(test_segctl_good(rig.server->address, "lag s -p 1 --sample 0 -o csv"), "\r\ns,h,1,");
	add(1, 2);
	assert_int_equal(test_segctl_do(rig.server->address, "lag --max-lag 1")->exit_code, 1);
	if (test_segctl_do(rig.server->address, "top --help")->exit_code == 0) {
		rows = json_loads(test_segctl_good(rig.server->address, "top -o json"), 0, NULL);
		assert_int_equal(json_array_size(rows), 4);
		json_decref(rows);
	}
}

static void a_rate_is_what_was_committed_meanwhile(void **state)
{
	(void)state;
	int output;
	char seen[65536];
	size_t length = 0;
	bool handling = false;
	handle_all();
	pid_t pid = test_segctl_start(rig.server->address,
				      "lag s g --watch --interval 100ms --sample 0 -o json", &output);
	/* Reads until segctl reports that messages are being handled. */
	long long deadline = test_now_ms() + 20000;
	while (!handling && test_now_ms() < deadline) {
		add(0, 20);
		ssize_t got = read(output, seen + length, sizeof(seen) - 1 - length);
		assert_true(got > 0);
		length += (size_t)got;
		seen[length] = '\0';
		char *end = strrchr(seen, '\n');
		if (!end)
			continue;
		*end = '\0';
		char *line = strrchr(seen, '\n');
		json_t *rows = json_loads(line ? line + 1 : seen, 0, NULL);
		assert_non_null(rows);
		handling = json_number_value(json_object_get(row(rows, 0), "rate")) > 0;
		json_decref(rows);
		length = 0;
	}
	assert_true(handling);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(output);
}

/* Whether a line of that many groups was printed; what comes next is read. */
static bool shows_groups(int output, size_t groups)
{
	static char seen[65536];
	static size_t length;
	ssize_t got = read(output, seen + length, sizeof(seen) - 1 - length);
	assert_true(got > 0);
	length += (size_t)got;
	seen[length] = '\0';
	char *end = strrchr(seen, '\n');
	if (!end)
		return false;
	*end = '\0';
	char *line = strrchr(seen, '\n');
	json_t *rows = json_loads(line ? line + 1 : seen, 0, NULL);
	assert_non_null(rows);
	bool shown = json_array_size(rows) == 2 * groups;
	json_decref(rows);
	length = 0;
	return shown;
}

static void a_watch_of_all_groups_goes_on_when_one_is_deleted(void **state)
{
	(void)state;
	int output;
	test_rig_tell("SADD {__default:s}:groups a b");
	pid_t pid = test_segctl_start(rig.server->address, "lag --watch --interval 100ms --sample 0 -o json",
				      &output);
	while (!shows_groups(output, 2))
		;
	test_segctl_good(rig.server->address, "group delete s a --yes");
	while (!shows_groups(output, 1))
		;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(output);
}

/* --- --wait ---------------------------------------------------------------------------------------- */

/* Starts `segctl lag ... --wait`, which is not to end by itself yet. */
static pid_t start_waiting(const char *command, int *output)
{
	pid_t pid = test_segctl_start(rig.server->address, command, output);
	usleep(300000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	return pid;
}

static void expect_end(pid_t pid, int output, int exit_code, const char *said)
{
	char text[4096] = "";
	int status = 0;
	size_t length = 0;
	for (ssize_t got; (got = read(output, text + length, sizeof(text) - 1 - length)) > 0;)
		length += (size_t)got;
	text[length] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), exit_code);
	test_expect_text(text, said);
	close(output);
}

static void it_waits_until_all_messages_are_handled(void **state)
{
	(void)state;
	int output;
	handle_all();
	stop_runner();
	add(0, 5);
	pid_t pid = start_waiting("lag s g --wait", &output);
	handle_all();
	expect_end(pid, output, EX_OK, "group \"g\" of stream \"s\": 0 messages wait\n");
}

static void it_waits_for_a_stream_and_a_group_that_are_not_there_yet(void **state)
{
	(void)state;
	int output;
	pid_t pid = start_waiting("lag later g --wait=1min -o csv", &output);
	test_segctl_good(rig.server->address, "stream create later -p 1");
	test_rig_tell("SADD {__default:later}:groups g");
	expect_end(pid, output, EX_OK, "partition,owner");
}

static void it_waits_for_the_first_group(void **state)
{
	(void)state;
	int output;
	const test_segctl *answer = test_segctl_do(rig.server->address, "lag --wait 1s");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "no stream of namespace \"default\" has a group yet");
	answer = test_segctl_do(rig.server->address, "lag s --wait 1s");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "stream \"s\" has no group yet");
	pid_t pid = start_waiting("lag s --wait 1min", &output);
	test_rig_tell("SADD {__default:s}:groups g");
	expect_end(pid, output, EX_OK, "1 group: 0 messages wait\n");
	answer = test_segctl_do(rig.server->address, "lag -p 7 --wait 1s");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "has a partition 7");
	assert_int_equal(test_segctl_do(rig.server->address, "lag s -p 7 --wait 1s")->exit_code, EX_NOINPUT);
}

static void it_names_each_group_when_the_time_is_up(void **state)
{
	(void)state;
	test_rig_tell("SADD {__default:s}:groups g h");
	add(1, 2);
	const test_segctl *answer = test_segctl_do(rig.server->address, "lag --wait 1s");
	assert_int_equal(answer->exit_code, 1);
	test_expect_text(answer->errors,
			 "group \"g\" of stream \"s\": up to 2 messages wait, more than 0; gave up");
	test_expect_text(answer->errors,
			 "group \"h\" of stream \"s\": up to 2 messages wait, more than 0; gave up");
}

static void it_prints_the_document_when_the_time_is_up(void **state)
{
	(void)state;
	test_rig_tell("SADD {__default:s}:groups g");
	add(1, 2);
	const test_segctl *answer = test_segctl_do(rig.server->address, "lag s g --wait 1s -o json");
	assert_int_equal(answer->exit_code, 1);
	json_t *rows = json_loads(answer->output, 0, NULL);
	assert_int_equal(json_array_size(rows), 2);
	assert_true(json_number_value(json_object_get(row(rows, 1), "lag_seconds")) > 0);
	json_decref(rows);
}

static void a_redis_that_hangs_does_not_outlast_it(void **state)
{
	(void)state;
	int output;
	test_rig_tell("SADD {__default:s}:groups g");
	add(1, 2);
	long long begun = test_now_ms();
	pid_t pid = start_waiting("lag s g --wait 3s --timeout 5min -o json", &output);
	kill(rig.server->pid, SIGSTOP);
	expect_end(pid, output, EX_UNAVAILABLE, "");
	assert_true(test_now_ms() - begun < 60000);
}

static void it_waits_for_a_redis_that_is_not_there_yet(void **state)
{
	(void)state;
	int output;
	test_rig_tell("SADD {__default:s}:groups g");
	test_rig_tell("SAVE");
	test_server_kill(rig.server);
	pid_t pid = start_waiting("lag s g --wait 1min", &output);
	test_server_restart(rig.server);
	expect_end(pid, output, EX_OK, "0 messages wait");
	redisFree(rig.redis);
	rig.redis = test_server_connect(rig.server);
}

static void it_exits_as_without_it_when_the_time_is_up(void **state)
{
	(void)state;
	test_rig_tell("SADD {__default:s}:groups g");
	add(1, 2);
	const test_segctl *answer = test_segctl_do(rig.server->address, "lag s g --wait 1s");
	assert_int_equal(answer->exit_code, 1);
	assert_string_equal(answer->output, "");
	test_expect_text(answer->errors, "2 messages wait, more than 0; gave up after 1s\n");
	answer = test_segctl_do(rig.server->address, "lag --wait=1s s nobody");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "gave up");
	assert_int_equal(test_segctl_do(NULL, "-a unix:///nowhere lag s g --wait 1s")->exit_code,
			 EX_UNAVAILABLE);
}

static void it_waits_for_the_limits_that_are_given(void **state)
{
	(void)state;
	test_rig_tell("SADD {__default:s}:groups g");
	add(1, 2);
	test_expect_text(test_segctl_good(rig.server->address, "lag s g --wait --max-lag 2"),
			 "2 messages wait");
	test_expect_text(test_segctl_good(rig.server->address, "lag --wait s g -p 0"), "0 messages wait");
	test_expect_text(test_segctl_good(rig.server->address, "lag --wait --max-behind 1h"), "1 group: ");
}

static void it_does_not_wait_for_what_waiting_does_not_mend(void **state)
{
	(void)state;
	test_rig_tell("CONFIG SET requirepass secret");
	long long begun = test_now_ms();
	assert_int_equal(test_segctl_do(rig.server->address, "lag s g --wait 1min")->exit_code, EX_NOPERM);
	assert_true(test_now_ms() - begun < 30000);
	test_rig_tell("CONFIG SET requirepass %s", "");
	const test_segctl *answer = test_segctl_do(rig.server->address, "lag s g --wait 5");
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "has no unit");
	assert_int_equal(test_segctl_do(rig.server->address, "lag s g --watch --wait")->exit_code, EX_USAGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_lag_is_shown_for_each_partition_with_its_owner),
		TEST(the_exit_code_informs_a_monitor),
		TEST(a_message_whose_id_is_ahead_of_the_clock_is_never_young_enough),
		TEST(a_check_prints_one_line),
		TEST(a_dead_member_owns_nothing),
		TEST(all_groups_are_one_document_that_names_them),
		TEST(a_watch_of_all_groups_goes_on_when_one_is_deleted),
		TEST(a_rate_is_what_was_committed_meanwhile),
		TEST(it_waits_until_all_messages_are_handled),
		TEST(it_waits_for_a_stream_and_a_group_that_are_not_there_yet),
		TEST(it_waits_for_the_first_group),
		TEST(it_names_each_group_when_the_time_is_up),
		TEST(it_prints_the_document_when_the_time_is_up),
		TEST(a_redis_that_hangs_does_not_outlast_it),
		TEST(it_waits_for_a_redis_that_is_not_there_yet),
		TEST(it_exits_as_without_it_when_the_time_is_up),
		TEST(it_waits_for_the_limits_that_are_given),
		TEST(it_does_not_wait_for_what_waiting_does_not_mend),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
