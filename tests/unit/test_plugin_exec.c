/* test_plugin_exec.c - the plugin exec with real children, written in shell and Python. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/exec_child.h"
#include "harness/plugin.h"
#include "harness/rig.h"

enum { PATIENCE_MS = 10000, MANY = 3000 };

static bool has_file(void *name)
{
	return *test_child_file(name) != '\0';
}

static bool is_gone(void *pid)
{
	char path[64], line[256] = "";
	snprintf(path, sizeof(path), "/proc/%ld/stat", *(long *)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return true;
	char *read = fgets(line, sizeof(line), file);
	fclose(file);
	char *state = strrchr(line, ')');
	return !read || !state || state[2] == 'Z';
}

static long read_pid(const char *name)
{
	test_wait_until(has_file, (void *)(uintptr_t)name, PATIENCE_MS, "the child has written its pid");
	return atol(test_child_file(name));
}

/* --- messages and answers ------------------------------------------------------------------- */

static void a_message_is_a_line_of_json_with_all_that_belongs_to_it(void **state)
{
	(void)state;
	static const seg_header headers[] = {{"trace", 5, "7f3a", 4}, {"raw", 3, "\xff", 1}};
	test_plugin *p =
		test_plugin_start("exec",
				  TEST_OPTIONS(test_child_shell(
					  "printf '%s\\n' \"$m\" >>got; " TEST_ANSWER("{\"ok\":true}"))));
	void *partition = test_plugin_open(p, 7);
	seg_message odd = test_message(1, "k\xc3\xa4\"y", "a\nb");
	odd.headers = headers;
	odd.header_count = 2;
	seg_message binary = test_message(2, "k", "");
	binary.data = "\xff\0b";
	binary.data_length = 3;
	seg_message both[] = {odd, binary};
	test_expect_done(test_plugin_handle(p, partition, 7, 4, both, 2));
	assert_string_equal(
		test_child_file("got"),
		"{\"stream\":\"words\",\"group\":\"g\",\"partition\":3,\"epoch\":7,\"id\":\"1000-1\",\"attempt\":4,"
		"\"key\":\"k\xc3\xa4\\\"y\",\"data\":\"a\\nb\",\"headers\":[{\"name\":\"trace\",\"value\":\"7f3a\"},"
		"{\"name\":\"raw\",\"value_base64\":\"/w==\"}]}\n"
		"{\"stream\":\"words\",\"group\":\"g\",\"partition\":3,\"epoch\":7,\"id\":\"1000-2\",\"attempt\":1,"
		"\"key\":\"k\",\"data_base64\":\"/wBi\"}\n");
	assert_int_equal(test_plugin_counter(p, "messages_total"), 2);
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

/* The data decides the answer: "r" is retried, "d" dead-lettered, "x" ends the child, all else is done. */
static const char by_data[] =
	"printf '%s\\n' \"$m\" | sed 's/.*\"data\":\"\\(.*\\)\".*/\\1/' >>got; case $m in "
	"*'\"data\":\"r'*) " TEST_ANSWER(
		"{\"retry\":\"not yet\"}") ";;"
					   "*'\"data\":\"d'*) " TEST_ANSWER(
						   "{\"dead_letter\":\"never\"}") ";;"
										  "*'\"data\":\"x'*) exit 3;;"
										  "*) " TEST_ANSWER(
											  "{\"ok\":true}") ";; esac";

static void messages_after_a_dead_letter_are_not_sent_twice(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start("exec", TEST_OPTIONS(test_child_shell(by_data)));
	void *partition = test_plugin_open(p, 7);
	const seg_message m[] = {test_message(1, "k", "a"), test_message(2, "k", "d2"),
				 test_message(3, "k", "b"), test_message(4, "k", "d4"),
				 test_message(5, "k", "c")};
	test_expect_answer(test_plugin_handle(p, partition, 7, 1, m, 5), SEG_OUTCOME_DEAD_LETTER, 1, "never");
	test_expect_answer(test_plugin_handle(p, partition, 7, 1, m + 2, 3), SEG_OUTCOME_DEAD_LETTER, 1,
			   "never");
	test_expect_done(test_plugin_handle(p, partition, 7, 1, m + 4, 1));
	assert_string_equal(test_child_file("got"), "a\nd2\nb\nd4\nc\n");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void messages_after_a_retried_one_come_again_after_it(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start("exec", TEST_OPTIONS(test_child_shell(by_data)));
	void *partition = test_plugin_open(p, 7);
	const seg_message m[] = {test_message(1, "k", "a"), test_message(2, "k", "r"),
				 test_message(3, "k", "b")};
	test_expect_answer(test_plugin_handle(p, partition, 7, 1, m, 3), SEG_OUTCOME_RETRY, 1, "not yet");
	test_expect_answer(test_plugin_handle(p, partition, 7, 2, m + 1, 2), SEG_OUTCOME_RETRY, 0, "not yet");
	test_expect_done(test_plugin_handle(p, partition, 7, 1, m + 2, 1));
	assert_string_equal(test_child_file("got"), "a\nr\nb\nr\nb\nb\n");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void with_a_window_of_one_nothing_overtakes_a_failed_message(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start("exec", TEST_OPTIONS(test_child_shell(by_data), "window=1"));
	void *partition = test_plugin_open(p, 7);
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(1, "k", "a"),
						 test_message(2, "k", "r"), test_message(3, "k", "b")),
			   SEG_OUTCOME_RETRY, 1, "not yet");
	assert_string_equal(test_child_file("got"), "a\nr\n");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

/* More data than pipes hold, both ways: plugin and child must not wait for each other. */
static void a_batch_larger_than_the_pipes_goes_through(void **state)
{
	(void)state;
	static char data[4096];
	static seg_message m[MANY];
	memset(data, 'x', sizeof(data) - 1);
	for (uint64_t i = 0; i < MANY; i++)
		m[i] = test_message(i + 1, "k", data);
	const char *script =
		"import sys,json\nfor l in sys.stdin:\n r=json.loads(l);"
		" print(json.dumps({\"ok\":True,\"id\":r[\"id\"]})+\" \"*len(r[\"data\"]),flush=False)\n"
		" if r[\"id\"].endswith(\"00\"): sys.stdout.flush()\n";
	test_plugin *p =
		test_plugin_start("exec",
				  TEST_OPTIONS(test_child_option(0, "command=exec python3 -c '%s'", script),
					       "window=10000", "timeout=60s"));
	void *partition = test_plugin_open(p, 7);
	test_expect_done(test_plugin_handle(p, partition, 7, 1, m, MANY));
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void frames_carry_data_as_it_is(void **state)
{
	(void)state;
	const char *script =
		"import sys,json,struct\ni=sys.stdin.buffer; o=sys.stdout.buffer\n"
		"def frame():\n n=i.read(4)\n return i.read(struct.unpack(\">I\",n)[0]) if n else None\n"
		"while (h:=frame()) is not None:\n d=frame()\n"
		" open(sys.argv[1],\"a\").write(json.loads(h)[\"id\"]+\" \"+d.hex()+\"\\n\")\n"
		" a=b\"{\\\"ok\\\":true}\"; o.write(struct.pack(\">I\",len(a))+a); o.flush()\n";
	test_plugin *p =
		test_plugin_start("exec",
				  TEST_OPTIONS(test_child_option(0, "command=exec python3 -c '%s' %s/got",
								 script, rig.directory),
					       "framing=frames"));
	void *partition = test_plugin_open(p, 7);
	seg_message binary = test_message(2, "k", "");
	binary.data = "\xff\0\n";
	binary.data_length = 3;
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", ""), binary));
	assert_string_equal(test_child_file("got"), "1000-1 \n1000-2 ff000a\n");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

/* --- children that fail ----------------------------------------------------------------------- */

static void a_child_that_ends_is_replaced_and_its_message_retried(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start("exec", TEST_OPTIONS(test_child_shell(by_data)));
	void *partition = test_plugin_open(p, 7);
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(1, "k", "a"),
						 test_message(2, "k", "x"), test_message(3, "k", "b")),
			   SEG_OUTCOME_RETRY, 1, "the child ended with exit code 3");
	test_expect_done(test_plugin_hand_over(p, partition, test_message(3, "k", "b")));
	assert_int_equal(test_plugin_counter(p, "child_starts_total"), 2);
	assert_int_equal(test_plugin_counter(p, "child_failures_total"), 1);
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void a_child_killed_between_batches_costs_no_message_an_attempt(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start(
		"exec", TEST_OPTIONS(test_child_option(
				0, "command=echo $$ >%s/pid; while read -r m; do echo '{\"ok\":true}'; done",
				rig.directory)));
	void *partition = test_plugin_open(p, 7);
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "a")));
	long pid = read_pid("pid");
	kill((pid_t)pid, SIGKILL);
	test_wait_until(is_gone, &pid, PATIENCE_MS, "the child is dead");
	test_expect_done(test_plugin_hand_over(p, partition, test_message(2, "k", "b")));
	assert_non_null(strstr(test_plugin_log(p), "was ended by signal 9 (Killed); starting another"));
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void a_child_that_does_not_answer_in_time_is_killed(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start(
		"exec",
		TEST_OPTIONS(test_child_option(0,
					       "command=echo $$ >%s/pid; read -r m; echo '{\"ok\":true}'; "
					       "exec sleep 1000",
					       rig.directory),
			     "timeout=500ms"));
	void *partition = test_plugin_open(p, 7);
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "a")));
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(2, "k", "b")), SEG_OUTCOME_RETRY,
			   0, "did not answer within option.timeout (500 ms)");
	long pid = read_pid("pid");
	assert_true(is_gone(&pid));
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

/* It writes faster than its lines are logged. */
static void a_child_that_floods_its_standard_error_is_killed_in_time(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start(
		"exec", TEST_OPTIONS(test_child_option(0,
						       "command=trap '' TERM; echo $$ >%s/pid; read -r m; "
						       "echo '{\"ok\":true}'; exec yes 3>&1 >&2",
						       rig.directory),
				     "timeout=3s", "stop_timeout=100ms"));
	void *partition = test_plugin_open(p, 7);
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "a")));
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(2, "k", "b")), SEG_OUTCOME_RETRY,
			   0, "did not answer within option.timeout (3000 ms)");
	long pid = read_pid("pid");
	assert_true(is_gone(&pid));
	test_expect_done(test_plugin_hand_over(p, partition, test_message(2, "k", "b")));
	pid = read_pid("pid");
	test_plugin_close(p, partition);
	assert_true(is_gone(&pid));
	test_plugin_stop(p);
}

static void an_invalid_answer_is_shown(void **state)
{
	(void)state;
	static const char *const wrong[][2] = {
		{"echo hello", "invalid answer \"hello\"; expected JSON; send diagnostics to stderr"},
		{"echo '{\"ok\":false}'", "expected {\"ok\":true}, {\"retry\""},
		{"echo '{\"ok\":true,\"retry\":\"x\"}'", "expected {\"ok\":true}, {\"retry\""},
		{"echo '{\"ok\":true,\"id\":\"9-9\"}'", "expected the id of the next message"},
		{"echo '{\"ok\":true,\"emits\":[{\"stream\":\"o\",\"key\":\"k\",\"data\":\"x\"}]}'",
		 "an answer has no field \"emits\", only ok, retry, dead_letter, id, emit and state"},
		{"echo '{\"retry\":\"x\",\"After\":9}'", "an answer has no field \"After\", only ok"},
		{"echo '{\"ok\":true}'; echo '{\"ok\":true}'", NULL},
		{"exec >&-; sleep 9", "the child closed its standard output"},
		{"head -c 20000000 /dev/zero", "expected JSON"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char each[256];
		snprintf(each, sizeof(each),
			 "case $m in *first*) " TEST_ANSWER("{\"ok\":true}") ";; *) %s;; esac", wrong[i][0]);
		test_plugin *p = test_plugin_start("exec", TEST_OPTIONS(test_child_shell(each)));
		void *partition = test_plugin_open(p, 7);
		test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "first")));
		seg_answer answer = test_plugin_hand_over(p, partition, test_message(2, "k", "a"));
		if (wrong[i][1])
			test_expect_answer(answer, SEG_OUTCOME_RETRY, 0, wrong[i][1]);
		test_plugin_close(p, partition);
		test_plugin_stop(p);
	}
}

static void a_command_that_cannot_be_run_stops_the_runner_and_gives_no_message_up(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start("exec", TEST_OPTIONS("command=exec /no/such/handler"));
	void *partition = test_plugin_open(p, 7);
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(1, "k", "a")), SEG_OUTCOME_STOP,
			   0, "ended with exit code 127 (command not found)");
	assert_non_null(strstr(test_plugin_log(p), "/no/such/handler"));
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

/* Were the answer "retry", every message would become a dead letter in the end. */
static void a_command_whose_children_never_answer_stops_the_runner_and_gives_no_message_up(void **state)
{
	(void)state;
	static const char *const commands[][2] = {
		{"command=exec python3 /no/such/script.py",
		 "gave none: the child ended with exit code 2; correct"},
		{"command=while read -r m; do exit 3; done", "the child ended with exit code 3"},
		{"command=while read -r m; do echo hello; done", "invalid answer \"hello\""},
		{"command=exec sleep 1000", "did not answer within option.timeout (100 ms)"},
	};
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		test_plugin *p =
			test_plugin_start("exec", TEST_OPTIONS(commands[i][0],
							       i == 3 ? "timeout=100ms" : "window=9"));
		void *partition = test_plugin_open(p, 7);
		test_expect_answer(test_plugin_hand_over(p, partition, test_message(1, "k", "a")),
				   SEG_OUTCOME_STOP, 0, commands[i][1]);
		assert_int_equal(test_plugin_counter(p, "child_failures_total"), 3);
		test_plugin_close(p, partition);
		test_plugin_stop(p);
	}
}

/* The second child answers: then a failure is the message's again. */
static void a_child_that_fails_at_first_and_then_answers_stops_nothing(void **state)
{
	(void)state;
	test_plugin *p =
		test_plugin_start("exec",
				  TEST_OPTIONS(test_child_option(
					  0,
					  "command=cd %s; [ -f go ] || { touch go; exit 4; }; read -r m; "
					  "echo '{\"ok\":true}'; read -r m; exit 5",
					  rig.directory)));
	void *partition = test_plugin_open(p, 7);
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "a")));
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(2, "k", "b")), SEG_OUTCOME_RETRY,
			   0, "the child ended with exit code 5");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void a_child_gets_no_more_of_the_environment_than_it_needs_and_what_the_option_names(void **state)
{
	(void)state;
	setenv("REDIS_PASSWORD", "swordfish", 1);
	setenv("SHOP_TOKEN", "t0", 1);
	setenv("AWS_REGION", "north", 1);
	setenv("AWS", "none", 1);
	setenv("LC_TIME", "C", 1);
	test_plugin *p =
		test_plugin_start("exec",
				  TEST_OPTIONS(test_child_shell("env >env; " TEST_ANSWER("{\"ok\":true}")),
					       "environment=SHOP_TOKEN, AWS_*, NOT_SET"));
	void *partition = test_plugin_open(p, 7);
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "a")));
	test_plugin_close(p, partition);
	test_plugin_stop(p);
	const char *got = test_child_file("env");
	assert_null(strstr(got, "swordfish"));
	assert_null(strstr(got, "AWS=none"));
	assert_non_null(strstr(got, "SHOP_TOKEN=t0\n"));
	assert_non_null(strstr(got, "AWS_REGION=north\n"));
	assert_non_null(strstr(got, "LC_TIME=C\n"));
	assert_non_null(strstr(got, "PATH=/"));
	assert_non_null(strstr(got, "SEGMENTER_PARTITION=3\n"));
}

static void what_a_child_writes_to_its_standard_error_is_logged(void **state)
{
	(void)state;
	test_plugin *p =
		test_plugin_start("exec", TEST_OPTIONS(test_child_shell(
						  "echo one >&2; echo two >&2; printf thr >&2; " TEST_ANSWER(
							  "{\"ok\":true}"))));
	void *partition = test_plugin_open(p, 7);
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "a")));
	test_plugin_close(p, partition);
	assert_string_equal(test_plugin_log(p),
			    "mine: child of partition 3: one\nmine: child of partition 3: two\n"
			    "mine: child of partition 3: thr\n");
	test_plugin_stop(p);
}

/* --- the end of a child -------------------------------------------------------------------------- */

/* The answer and the end come together in some of the rounds. */
static void a_child_that_ends_with_its_last_answer_has_answered(void **state)
{
	(void)state;
	enum { ROUNDS = 100 };
	test_plugin *p =
		test_plugin_start("exec", TEST_OPTIONS("command=read -r m; exec printf '{\"ok\":true}\\n'"));
	for (uint64_t i = 1; i <= ROUNDS; i++) {
		void *partition = test_plugin_open(p, 7);
		test_expect_done(test_plugin_hand_over(p, partition, test_message(i, "k", "x")));
		test_plugin_close(p, partition);
	}
	assert_int_equal(test_plugin_counter(p, "child_starts_total"), ROUNDS);
	test_plugin_stop(p);
}

/* It has not read all of its first message, so that the next one cannot be on its way to it. */
static void a_child_that_ends_early_is_not_waited_for(void **state)
{
	(void)state;
	static char large[1024 * 1024];
	memset(large, 'x', sizeof(large) - 1);
	test_plugin *p =
		test_plugin_start("exec",
				  TEST_OPTIONS("command=head -c 1 >/dev/null; printf '{\"ok\":true}\\n'; "
					       "exec >&-; sleep 100",
					       "timeout=3s", "stop_timeout=0"));
	void *partition = test_plugin_open(p, 7);
	test_expect_done(
		test_plugin_hand_over(p, partition, test_message(1, "k", large), test_message(2, "k", "y")));
	assert_non_null(strstr(test_plugin_log(p), "closed its standard output; starting another"));
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

/* The shell reads no more than the line, so that the next message stays in the pipe. */
static void a_child_that_leaves_after_an_answer_costs_the_next_message_no_attempt(void **state)
{
	(void)state;
	enum { MESSAGES = 20 };
	seg_message messages[MESSAGES];
	test_plugin *p =
		test_plugin_start("exec", TEST_OPTIONS("command=read -r m; exec printf '{\"ok\":true}\\n'"));
	void *partition = test_plugin_open(p, 7);
	for (uint64_t i = 0; i < MESSAGES; i++)
		messages[i] = test_message(i + 1, "k", "x");
	test_expect_done(test_plugin_handle(p, partition, 7, 1, messages, MESSAGES));
	assert_int_equal(test_plugin_counter(p, "messages_total"), MESSAGES);
	assert_int_equal(test_plugin_counter(p, "child_failures_total"), 0);
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void a_child_that_leaves_with_a_message_that_it_has_read_costs_it_an_attempt(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start(
		"exec",
		TEST_OPTIONS(
			"command=read -r m; echo '{\"ok\":true}'; read -r m; echo '{\"ok\":true}'; read -r m"));
	void *partition = test_plugin_open(p, 7);
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(1, "k", ""),
						 test_message(2, "k", ""), test_message(3, "k", ""),
						 test_message(4, "k", "")),
			   SEG_OUTCOME_RETRY, 2, "the child ended with exit code 0");
	assert_int_equal(test_plugin_counter(p, "messages_total"), 2);
	assert_int_equal(test_plugin_counter(p, "child_failures_total"), 1);
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void what_a_child_writes_beyond_its_answers_spoils_no_message(const char *beyond)
{
	char each[128];
	snprintf(each, sizeof(each), "printf '{\"ok\":true}\\n%s'", beyond);
	test_plugin *p = test_plugin_start("exec", TEST_OPTIONS(test_child_shell(each), "window=1"));
	void *partition = test_plugin_open(p, 7);
	for (uint64_t i = 1; i <= 6; i += 2)
		test_expect_done(test_plugin_hand_over(p, partition, test_message(i, "k", "x"),
						       test_message(i + 1, "k", "x")));
	assert_int_equal(test_plugin_counter(p, "child_starts_total"), 6);
	assert_int_equal(test_plugin_counter(p, "child_failures_total"), 0);
	assert_non_null(
		strstr(test_plugin_log(p), "wrote an answer before it got a message; starting another"));
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void a_child_that_writes_more_than_its_answers_is_replaced(void **state)
{
	(void)state;
	what_a_child_writes_beyond_its_answers_spoils_no_message("zzz\\n");
	what_a_child_writes_beyond_its_answers_spoils_no_message("{\"ok\":true}\\n");
	what_a_child_writes_beyond_its_answers_spoils_no_message("{\"ok\"");
}

static void a_child_ends_with_its_input(void **state)
{
	(void)state;
	test_plugin *p =
		test_plugin_start("exec",
				  TEST_OPTIONS(
					  test_child_option(0,
							    "command=cat >/dev/null; echo finished >%s/end",
							    rig.directory)));
	void *partition = test_plugin_open(p, 7);
	test_plugin_close(p, partition);
	assert_string_equal(test_child_file("end"), "finished\n");
	test_plugin_stop(p);
}

static void a_child_that_ignores_its_input_gets_sigterm_and_then_sigkill_with_all_it_started(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start(
		"exec",
		TEST_OPTIONS(test_child_option(
				     0,
				     "command=cd %s; trap 'echo term >term' TERM; sleep 1000 & echo $! >pid2;"
				     " echo $$ >pid; while :; do wait; done",
				     rig.directory),
			     "stop_timeout=100ms"));
	void *partition = test_plugin_open(p, 7);
	long pid = read_pid("pid"), started = read_pid("pid2");
	test_plugin_close(p, partition);
	assert_string_equal(test_child_file("term"), "term\n");
	assert_true(is_gone(&pid));
	test_wait_until(is_gone, &started, PATIENCE_MS, "the child's own processes are gone, too");
	test_plugin_stop(p);
}

/* Kills a runner whose child writes its process id to the file pid, and waits until the child is gone. */
static void kill_a_runner_of(const char *command)
{
	pid_t runner = fork();
	if (runner == 0) {
		test_plugin *p = test_plugin_start("exec", TEST_OPTIONS(test_child_option(0, "%s", command)));
		test_plugin_open(p, 7);
		for (;;)
			pause();
	}
	long pid = read_pid("pid");
	kill(runner, SIGKILL);
	assert_int_equal(waitpid(runner, NULL, 0), runner);
	test_wait_until(is_gone, &pid, PATIENCE_MS, "the child is gone");
}

static void a_child_does_not_outlive_a_killed_runner(void **state)
{
	char command[256];
	(void)state;
	snprintf(command, sizeof(command), "command=echo $$ >%s/pid; exec sleep 1000", rig.directory);
	kill_a_runner_of(command);
}

/* It is busy, and reads nothing. A shell between it and the runner would die alone. */
static void a_program_is_the_child_itself_and_does_not_outlive_it_either(void **state)
{
	char command[256], path[128];
	(void)state;
	snprintf(path, sizeof(path), "%s/busy", rig.directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\necho $$ >%s/pid\nwhile :; do sleep 0.1; done\n", rig.directory);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0700), 0);
	snprintf(command, sizeof(command), "command=%s --with=arguments", path);
	kill_a_runner_of(command);
}

static size_t open_descriptors(void)
{
	size_t count = 0;
	DIR *fds = opendir("/proc/self/fd");
	while (readdir(fds))
		count++;
	closedir(fds);
	return count;
}

static void a_child_inherits_three_descriptors_and_leaks_none(void **state)
{
	(void)state;
	size_t before = open_descriptors();
	int inheritable = dup(STDIN_FILENO);
	test_plugin *p = test_plugin_start("exec", TEST_OPTIONS(test_child_shell(
							   "ls /proc/$$/fd | tr '\\n' ' ' >fds; " TEST_ANSWER(
								   "{\"ok\":true}"))));
	size_t loaded = open_descriptors();
	void *partition = test_plugin_open(p, 7);
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "a")));
	/* sh keeps a copy as descriptor 10 while it redirects. */
	const char *fds = test_child_file("fds");
	assert_true(strncmp(fds, "0 1 2 ", 6) == 0 || strncmp(fds, "0 1 10 2 ", 9) == 0);
	test_plugin_close(p, partition);
	assert_int_equal(open_descriptors(), loaded);
	test_plugin_stop(p);
	close(inheritable);
	assert_true(open_descriptors() <= before + 1);
}

static void the_child_knows_its_partition_from_the_environment(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start(
		"exec",
		TEST_OPTIONS(test_child_option(0,
					       "command=env | grep ^SEGMENTER_ | sort >env; cat >/dev/null"),
			     test_child_option(1, "directory=%s", rig.directory)));
	test_plugin_close(p, test_plugin_open(p, 7));
	assert_string_equal(
		test_child_file("env"),
		"SEGMENTER_CONSUMER=mine\nSEGMENTER_EPOCH=7\nSEGMENTER_GROUP=g\nSEGMENTER_PARTITION=3\n"
		"SEGMENTER_STREAM=words\n");
	test_plugin_stop(p);
}

static void options_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	test_plugin_refuses("exec", TEST_OPTIONS("command=cat", "framing=xml"),
			    "option.framing must be lines or frames");
	test_plugin_refuses("exec", TEST_OPTIONS("command=cat", "window=0"),
			    "option.window must be at least 1");
	for (const char *const *wrong = (const char *const[]){"environment=A B", "environment=A,,B",
							      "environment=A,", "environment=,A", NULL};
	     *wrong; wrong++)
		test_plugin_refuses("exec", TEST_OPTIONS("command=cat", *wrong),
				    "option.environment must be names with commas between them");
	test_plugin_refuses("exec", TEST_OPTIONS("command=cat", "timeout=0"),
			    "option.timeout must be at least 1ms");
}

/* --- the examples ------------------------------------------------------------------------------------ */

static void the_python_example_adds_up(void **state)
{
	(void)state;
	const char *source = getenv("SEG_SOURCE_DIR");
	assert_non_null(source);
	test_plugin *p = test_plugin_start(
		"exec",
		TEST_OPTIONS(test_child_option(0, "command=exec python3 %s/examples/exec-python/handler.py",
					       source)));
	void *partition = test_plugin_open(p, 7);
	const seg_message m[] = {test_message(1, "alice", "5"), test_message(2, "alice", "x"),
				 test_message(3, "alice", "7")};
	test_expect_answer(test_plugin_handle(p, partition, 7, 1, m, 3), SEG_OUTCOME_DEAD_LETTER, 1,
			   "not a number");
	test_expect_done(test_plugin_handle(p, partition, 7, 1, m + 2, 1));
	test_plugin_close(p, partition);
	assert_non_null(strstr(test_plugin_log(p), "alice has 12"));
	test_plugin_stop(p);
}

static void the_shell_example_waits_for_files(void **state)
{
	(void)state;
	if (system("command -v jq >/dev/null") != 0) {
		print_message("skipped: jq is not installed\n");
		return;
	}
	test_plugin *p = test_plugin_start(
		"exec", TEST_OPTIONS(test_child_option(0, "command=exec sh %s/examples/exec-shell/handler.sh",
						       getenv("SEG_SOURCE_DIR")),
				     test_child_option(1, "directory=%s", rig.directory)));
	void *partition = test_plugin_open(p, 7);
	char command[128];
	snprintf(command, sizeof(command), "touch '%s/there'", rig.directory);
	assert_int_equal(system(command), 0);
	const seg_message m[] = {test_message(1, "there", ""), test_message(2, "a/b", ""),
				 test_message(3, "not there", "")};
	test_expect_answer(test_plugin_handle(p, partition, 7, 1, m, 3), SEG_OUTCOME_DEAD_LETTER, 1,
			   "not the name");
	test_expect_answer(test_plugin_handle(p, partition, 7, 1, m + 2, 1), SEG_OUTCOME_RETRY, 0,
			   "not there yet");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_child_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_a_line_of_json_with_all_that_belongs_to_it),
		TEST(messages_after_a_dead_letter_are_not_sent_twice),
		TEST(messages_after_a_retried_one_come_again_after_it),
		TEST(with_a_window_of_one_nothing_overtakes_a_failed_message),
		TEST(a_batch_larger_than_the_pipes_goes_through),
		TEST(frames_carry_data_as_it_is),
		TEST(a_child_that_ends_is_replaced_and_its_message_retried),
		TEST(a_child_killed_between_batches_costs_no_message_an_attempt),
		TEST(a_child_that_does_not_answer_in_time_is_killed),
		TEST(a_child_that_floods_its_standard_error_is_killed_in_time),
		TEST(an_invalid_answer_is_shown),
		TEST(a_command_that_cannot_be_run_stops_the_runner_and_gives_no_message_up),
		TEST(a_command_whose_children_never_answer_stops_the_runner_and_gives_no_message_up),
		TEST(a_child_that_fails_at_first_and_then_answers_stops_nothing),
		TEST(a_child_gets_no_more_of_the_environment_than_it_needs_and_what_the_option_names),
		TEST(what_a_child_writes_to_its_standard_error_is_logged),
		TEST(a_child_that_ends_with_its_last_answer_has_answered),
		TEST(a_child_that_ends_early_is_not_waited_for),
		TEST(a_child_that_leaves_after_an_answer_costs_the_next_message_no_attempt),
		TEST(a_child_that_leaves_with_a_message_that_it_has_read_costs_it_an_attempt),
		TEST(a_child_that_writes_more_than_its_answers_is_replaced),
		TEST(a_child_ends_with_its_input),
		TEST(a_child_that_ignores_its_input_gets_sigterm_and_then_sigkill_with_all_it_started),
		TEST(a_child_does_not_outlive_a_killed_runner),
		TEST(a_program_is_the_child_itself_and_does_not_outlive_it_either),
		TEST(a_child_inherits_three_descriptors_and_leaks_none),
		TEST(the_child_knows_its_partition_from_the_environment),
		TEST(options_that_make_no_sense_are_refused),
		TEST(the_python_example_adds_up),
		TEST(the_shell_example_waits_for_files),
	};
	if (!test_plugin_is_built("exec"))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
