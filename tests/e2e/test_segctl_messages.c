/*
 * test_segctl_messages.c - `segctl send` and `segctl tail`: tail shows what send sent, under the right key.
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
#include <jansson.h>

#include <segmenter/segmenter.h>

#include "harness/rig.h"
#include "harness/segctl.h"

static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create s -p 4 -s 1000");
	return 0;
}

static void send(const char *input, const char *options)
{
	char command[512];
	snprintf(command, sizeof(command), "send s %s", options);
	const test_segctl *answer = test_segctl_run(rig.server->address, input, command);
	if (answer->exit_code != 0)
		fail_msg("segctl %s: exit code %d: %s", command, answer->exit_code, answer->errors);
}

/* The data under this key, in order, as "a b c"; fails the test unless all are in the key's partition. */
static const char *data_of(const char *key)
{
	static char text[1024];
	char lines[65536];
	snprintf(lines, sizeof(lines), "%s",
		 test_segctl_good(rig.server->address, "tail s --from earliest -o json"));
	text[0] = '\0';
	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *object = json_loads(line, 0, NULL);
		assert_non_null(object);
		if (strcmp(json_string_value(json_object_get(object, "key")), key) == 0) {
			assert_int_equal(json_integer_value(json_object_get(object, "partition")),
					 seg_partition_of(key, strlen(key), 4));
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "",
				 json_string_value(json_object_get(object, "data")));
		}
		json_decref(object);
	}
	return text;
}

static void the_options_say_where_the_key_comes_from(void **state)
{
	(void)state;
	send("1\n2\n3\n", "--key all");
	assert_string_equal(data_of("all"), "1 2 3");
	send("x,alice,1\nx,bob,2\ny,alice,3\n", "--key-column 2 --separator ,");
	assert_string_equal(data_of("alice"), "x,alice,1 y,alice,3");
	assert_string_equal(data_of("bob"), "x,bob,2");
	send("a\tcarol\n", "--key-column 2");
	assert_string_equal(data_of("carol"), "a\tcarol");
	send("user=dave;n=1\nn=2;user=dave\n", "--key-pattern 'user=([a-z]+)'");
	assert_string_equal(data_of("dave"), "user=dave;n=1 n=2;user=dave");
	send("id77\n", "--key-pattern '[0-9]+'");
	assert_string_equal(data_of("77"), "id77");
	send("alone\n", "");
	assert_string_equal(data_of("alone"), "alone");
}

static void a_line_without_its_key_is_named_and_what_was_before_it_is_sent(void **state)
{
	(void)state;
	const test_segctl *answer =
		test_segctl_run(rig.server->address, "a,1\nb\n", "send s --key-column 2 -s ,");
	assert_int_equal(answer->exit_code, EX_DATAERR);
	test_expect_text(answer->errors,
			 "standard input:2: the line has 1 column, but the key is in column 2");
	test_expect_text(answer->output, "1 message sent to s");
	assert_int_equal(test_segctl_run(rig.server->address, "", "send s --key a --key-column 2")->exit_code,
			 EX_USAGE);
	answer = test_segctl_run(rig.server->address, "", "send s --key-pattern '('");
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "--key-pattern (: ");
	answer = test_segctl_run(rig.server->address, "", "send s /nonexistent/file");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "cannot open /nonexistent/file");
	answer = test_segctl_run(rig.server->address, "", "send nowhere");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "segctl stream create");
}

static void files_are_sent_in_their_order_and_headers_go_with_each_line(void **state)
{
	(void)state;
	const char *path[2];
	for (int i = 0; i < 2; i++) {
		char name[2] = {(char)('0' + i)};
		path[i] = test_rig_write(name, "%d.0\n%d.1", i, i); /* without a newline at the end */
	}
	test_expect_text(test_segctl_good(rig.server->address, "send s %s %s --key k -H source=test", path[0],
					  path[1]),
			 "4 messages sent to s");
	assert_string_equal(data_of("k"), "0.0 0.1 1.0 1.1");
	test_expect_text(test_segctl_good(rig.server->address, "tail s"), "source=test");
}

static void a_rate_is_not_exceeded(void **state)
{
	(void)state;
	long long started = test_now_ms();
	send("1\n2\n3\n4\n5\n6\n", "--key k --rate 10");
	assert_true(test_now_ms() - started >= 500);
	assert_string_equal(data_of("k"), "1 2 3 4 5 6");
}

static void tail_shows_the_last_messages_or_those_from_a_start(void **state)
{
	(void)state;
	char numbers[4096] = "";
	for (int i = 0; i < 250; i++)
		snprintf(numbers + strlen(numbers), 8, "%d\n", i);
	send(numbers, "--key k");
	uint32_t p = seg_partition_of("k", 1, 4);
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --last 2 --raw"), "248\n249\n");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --raw"),
			    "240\n241\n242\n243\n244\n245\n246\n247\n248\n249\n");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --from earliest --raw"), numbers);
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --from earliest --count 3 --raw"),
			    "0\n1\n2\n");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --from latest --raw"), "");
	assert_string_equal(test_segctl_good(rig.server->address,
					     "tail s --from 2001-01-01T00:00:00Z --count 1 --raw"),
			    "0\n");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --last 1 --raw -p %u", p), "249\n");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --last 1 --raw -p %u", (p + 1) % 4),
			    "");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --from 1h --count 1 --raw"), "0\n");
	assert_int_equal(test_segctl_do(rig.server->address, "tail s -p 4")->exit_code, EX_NOINPUT);
	const test_segctl *answer = test_segctl_do(rig.server->address, "tail s --from yesterday");
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "\"yesterday\" is not a start");
}

static void tail_shows_only_what_is_asked_for(void **state)
{
	(void)state;
	send("1\n20\n3\n", "--key a");
	send("20 too\n", "--key b");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --key a --raw"), "1\n20\n3\n");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --key a --grep ^2 --raw"), "20\n");
	assert_string_equal(test_segctl_good(rig.server->address, "tail s --grep o{2} --raw --count 1"),
			    "20 too\n");
	test_expect_text(test_segctl_good(rig.server->address, "tail s --times"), "Z  a ");
	assert_int_equal(test_segctl_do(rig.server->address, "tail s --grep (")->exit_code, EX_USAGE);
}

/* The shells' completions ask segctl. */
static void names_of_streams_and_groups_are_completed(void **state)
{
	(void)state;
	test_rig_tell("SADD {__default:s}:groups readers");
	assert_string_equal(test_segctl_good(rig.server->address, "complete lag ''"), "s\n");
	assert_string_equal(test_segctl_good(rig.server->address, "complete -o json dlq list s re"),
			    "readers\n");
	assert_string_equal(test_segctl_good(rig.server->address, "complete stream create ''"), "");
	assert_string_equal(test_segctl_good(NULL, "complete -a unix:///nowhere --timeout 1ms lag ''"), "");
}

static void characters_that_no_terminal_shows_are_escaped(void **state)
{
	(void)state;
	test_rig_tell("XADD __default:s:partition_0 5-5 partitionKey %b data %b", "k\x1b[2J", (size_t)5,
		      "\xff\x00\\", (size_t)3);
	test_expect_text(test_segctl_good(rig.server->address, "tail s"),
			 "5-5              k\\x1b[2J      \\xff\\x00\\\\\n");
	test_expect_text(test_segctl_good(rig.server->address, "tail s -o json"), "{\"base64\":\"/wBc\"}");
	test_expect_text(test_segctl_good(rig.server->address, "tail s -o csv"),
			 "partition,id,key,data\r\n0,5-5,");
}

/* A spreadsheet must not run what a message holds, and a terminal must not obey it. */
static void csv_holds_no_formula_and_no_control_character(void **state)
{
	(void)state;
	test_rig_tell("XADD __default:s:partition_0 5-5 partitionKey %b data %b", "=cmd|' /C calc'!A0",
		      (size_t)18, "\xff\x1b[2J\xc2\x9b\xc3\xa9", (size_t)9);
	test_expect_text(test_segctl_good(rig.server->address, "tail s -o csv"),
			 "0,5-5,\"'=cmd|' /C calc'!A0\",\\xff\\x1b[2J\\xc2\\x9b\xc3\xa9\r\n");
	test_rig_tell("SADD {__default:s}:groups %b", "a\x1b[2J", (size_t)5);
	test_expect_text(test_segctl_good(rig.server->address, "stream describe s"), "Groups: a\\x1b[2J\n");
	test_segctl_good(rig.server->address, "group list s");
	assert_null(strchr(test_segctl_do(rig.server->address, "tail '\x1b[2J'")->errors, 27));
}

static void headers_of_one_name_are_all_shown(void **state)
{
	(void)state;
	send("x\n", "--key k -H a=1 -H b=2 -H a=3");
	json_t *message = json_loads(test_segctl_good(rig.server->address, "tail s -o json"), 0, NULL);
	json_t *headers = json_object_get(message, "headers");
	assert_int_equal(json_array_size(headers), 3);
	json_t *last = json_array_get(headers, 2);
	assert_string_equal(json_string_value(json_object_get(last, "name")), "a");
	assert_string_equal(json_string_value(json_object_get(last, "value")), "3");
	json_decref(message);
}

static void lines_that_were_not_sent_are_named_and_those_that_were_are_counted(void **state)
{
	(void)state;
	test_rig_tell("ACL SETUSER default -xadd");
	const test_segctl *answer = test_segctl_run(rig.server->address, "1\n2\n3\n", "send s --key k");
	assert_int_equal(answer->exit_code, EX_NOPERM);
	test_expect_text(answer->errors, "3 lines not sent (standard input:1-3); 0 sent: ");
	answer = test_segctl_run(rig.server->address, "1\n", "send s --key k -o json");
	test_expect_text(answer->output, "\"unknown\": 0");
}

static void a_line_that_may_have_been_sent_is_told_apart(void **state)
{
	(void)state;
	const test_segctl *answer =
		test_segctl_run(rig.server->address, "1\n", "send s --key k --ack-replicas 1");
	test_expect_text(answer->errors,
			 "1 line of unknown outcome: in the stream or not (standard input:1); 0 sent");
}

static bool are_there(void *arg)
{
	const char *data = arg;
	return strcmp(test_segctl_good(rig.server->address, "tail s --from earliest --raw"), data) == 0;
}

static void expect_end(pid_t pid, int terminal, int signal)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signal);
	close(terminal);
}

static void a_signal_ends_a_send_with_an_account_of_what_was_sent(void **state)
{
	(void)state;
	int terminal;
	pid_t pid = test_segctl_start_on_terminal(rig.server->address, "send s --key k", &terminal);
	test_terminal_shows(terminal, "Type one message a line");
	assert_int_equal(write(terminal, "1\n2\n3", 5), 5);
	test_wait_until(are_there, "1\n2\n", 20000, "two lines were sent");
	assert_int_equal(write(terminal, "\x03", 1), 1);
	test_terminal_shows(
		terminal,
		"2 messages sent to s\r\nsegctl: SIGINT came: nothing after standard input:2 is sent");
	expect_end(pid, terminal, SIGINT);
	assert_true(are_there("1\n2\n"));
}

static void a_send_that_waits_for_room_says_so_and_a_signal_ends_it(void **state)
{
	(void)state;
	int terminal;
	char command[512];
	test_segctl_good(rig.server->address, "stream create full -p 1 -s 2");
	/* A group that has read nothing. */
	test_rig_tell("XGROUP CREATE __default:full:partition_0 slow 0 MKSTREAM");
	const char *path = test_rig_write("lines", "1\n2\n3\n4\n");
	snprintf(command, sizeof(command), "send full %s", path);
	pid_t pid = test_segctl_start_on_terminal(rig.server->address, command, &terminal);
	test_terminal_shows(terminal, "no line was added for 2 seconds: a partition is full");
	kill(pid, SIGTERM);
	test_terminal_shows(terminal, "2 messages sent to full\r\nsegctl: 2 lines not sent (");
	expect_end(pid, terminal, SIGTERM);
	assert_string_equal(test_segctl_good(rig.server->address, "tail full --from earliest --raw"),
			    "1\n2\n");
}

static void with_follow_it_also_shows_messages_added_later(void **state)
{
	(void)state;
	int output;
	char seen[4096] = "";
	size_t length = 0;
	send("old\n", "--key k");
	pid_t pid =
		test_segctl_start(rig.server->address, "tail s --follow --last 1 --count 3 --raw", &output);
	long long deadline = test_now_ms() + 20000;
	while (!strchr(seen, '\n') && test_now_ms() < deadline) {
		ssize_t got = read(output, seen + length, sizeof(seen) - 1 - length);
		assert_true(got > 0);
		seen[length += (size_t)got] = '\0';
	}
	send("new\n", "--key k");
	send("newer\n", "--key k");
	for (ssize_t got; (got = read(output, seen + length, sizeof(seen) - 1 - length)) > 0;)
		seen[length += (size_t)got] = '\0';
	assert_string_equal(seen, "old\nnew\nnewer\n");
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(output);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_options_say_where_the_key_comes_from),
		TEST(a_line_without_its_key_is_named_and_what_was_before_it_is_sent),
		TEST(files_are_sent_in_their_order_and_headers_go_with_each_line),
		TEST(a_rate_is_not_exceeded),
		TEST(tail_shows_the_last_messages_or_those_from_a_start),
		TEST(tail_shows_only_what_is_asked_for),
		TEST(names_of_streams_and_groups_are_completed),
		TEST(characters_that_no_terminal_shows_are_escaped),
		TEST(csv_holds_no_formula_and_no_control_character),
		TEST(headers_of_one_name_are_all_shown),
		TEST(lines_that_were_not_sent_are_named_and_those_that_were_are_counted),
		TEST(a_line_that_may_have_been_sent_is_told_apart),
		TEST(a_signal_ends_a_send_with_an_account_of_what_was_sent),
		TEST(a_send_that_waits_for_room_says_so_and_a_signal_ends_it),
		TEST(with_follow_it_also_shows_messages_added_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
