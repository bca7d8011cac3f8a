/*
 * A connection with a Redis that misbehaves: it prepares, pipelines, breaks, and reconnects without a storm
 * of attempts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_connection.h"

static int setup(void **state)
{
	(void)state;
	fake_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disconnect();
	fake_stop();
	on_message = NULL;
	scripts_at_use = false;
	return 0;
}

static bool echo(const char *number, const char *name)
{
	return seg_connection_words(connection, on_reply, (void *)(uintptr_t)name, "ECHO", number,
				    (char *)NULL);
}

static void get_ready(void)
{
	connect_to_fake("", "");
	until_told("up ");
	told[0] = '\0';
}

/* --- preparing -------------------------------------------------------------------------------- */

static void a_connection_logs_in_selects_and_loads_the_scripts_before_it_is_ready(void **state)
{
	(void)state;
	connect_to_fake("alice:secret@", "?db=3");
	fake.answer_most = 4 + SEG_SCRIPT_COUNT - 1;
	while (fake.count < 4 + SEG_SCRIPT_COUNT) {
		seg_connection_tick(connection, seg_now(), true);
		fake_serve();
		assert_false(seg_connection_ready(connection));
		assert_false(echo("1", "early"));
	}
	seg_connection_tick(connection, seg_now(), true);
	assert_false(seg_connection_ready(connection));
	fake_say_hash(seg_script_sources[SEG_SCRIPT_COUNT - 1].text);
	seg_connection_tick(connection, seg_now(), true);
	assert_true(seg_connection_ready(connection));
	assert_string_equal(fake.commands[0], "AUTH alice secret");
	assert_string_equal(fake.commands[1], "SELECT 3");
	assert_string_equal(fake.commands[2], "CLIENT SETNAME tester");
	assert_string_equal(fake.commands[3], "CLIENT ID");
	assert_int_equal(fake_heard("SCRIPT LOAD"), SEG_SCRIPT_COUNT);
	assert_int_equal(seg_connection_client_id(connection), 5);
	assert_string_equal(told, "up ");
}

static void a_login_is_sent_only_if_there_is_one(void **state)
{
	(void)state;
	get_ready();
	assert_int_equal(fake_heard("AUTH"), 0);
	assert_int_equal(fake_heard("SELECT"), 0);
	disconnect();
	connect_to_fake(":secret@", "");
	until_told("up ");
	assert_int_equal(fake_heard("AUTH secret"), 1);
}

static void a_refused_login_is_an_error_at_once_with_the_remedy_and_without_the_password(void **state)
{
	(void)state;
	connect_to_fake("", "");
	fake.special = ""; /* all of them */
	fake.special_is = "-NOAUTH Authentication required.\r\n";
	until_told("down ");
	error_says(SEG_EAUTH, "requires a password; set password_file, or write unix://:password@/path");
	assert_int_equal(seg_connection_wait_ready(connection, seg_now() + SEG_SECOND), SEG_EAUTH);
	disconnect();
	connect_to_fake("alice:secret@", "");
	fake.special = "AUTH";
	fake.special_is = "-WRONGPASS invalid username-password pair.\r\n";
	until_told("down ");
	error_says(SEG_EAUTH,
		   "refuses this user or password: WRONGPASS invalid username-password pair; check user "
		   "and password_file, or the login in the address");
	assert_null(strstr(seg_connection_error(connection)->text, "secret"));
}

static void a_redis_that_is_loading_is_away_and_not_unfit(void **state)
{
	(void)state;
	connect_to_fake("", "");
	fake.special = "SCRIPT LOAD";
	fake.special_is = "-LOADING Redis is loading the dataset in memory\r\n";
	until_told("down ");
	error_says(SEG_EUNREACHABLE, "is not usable: LOADING");
	fake.special = NULL;
	until_told("up ");
}

static void a_server_that_accepts_but_says_nothing_is_given_up_in_time(void **state)
{
	(void)state;
	connect_to_fake("", "");
	fake.answer_most = 3;
	int64_t begin = seg_now();
	while (fake.count < 3) {
		seg_connection_tick(connection, begin, true);
		fake_serve();
	}
	int64_t due = seg_connection_tick(connection, begin, true);
	assert_true(due <= begin + SEG_SECOND);
	assert_string_equal(told, "");
	seg_connection_tick(connection, due, true);
	assert_string_equal(told, "down ");
	error_says(SEG_EUNREACHABLE, "within 1000 ms");
}

/* --- answers -------------------------------------------------------------------------------------- */

static int64_t expected_next;
static void in_order(void *arg, const seg_reply *reply)
{
	(void)arg;
	assert_int_equal(seg_reply_number(reply, -1), expected_next);
	expected_next++;
}

static void commands_leave_without_waiting_and_answers_come_in_their_order(void **state)
{
	(void)state;
	enum { COMMANDS = 5000 };
	get_ready();
	expected_next = 0;
	for (int i = 0; i < COMMANDS; i++) {
		char number[16];
		snprintf(number, sizeof(number), "%d", i);
		assert_true(seg_connection_words(connection, in_order, NULL, "ECHO", number, (char *)NULL));
	}
	assert_int_equal(seg_connection_waiting(connection), COMMANDS);
	long long deadline = test_now_ms() + PATIENCE_MS;
	while (expected_next < COMMANDS && test_now_ms() < deadline) {
		seg_connection_tick(connection, seg_now(), true);
		fake_serve();
	}
	assert_int_equal(expected_next, COMMANDS);
	assert_int_equal(seg_connection_waiting(connection), 0);
	assert_int_equal(seg_connection_unsent(connection), 0);
}

static void again(void *arg, const seg_reply *reply)
{
	int *left = arg;
	if (reply && --*left > 0)
		assert_true(seg_connection_words(connection, again, left, "ECHO", "1", (char *)NULL));
	else
		tell(reply ? "done " : "lost ");
}

static void an_answer_may_lead_to_the_next_command(void **state)
{
	(void)state;
	int left = 100;
	get_ready();
	assert_true(seg_connection_words(connection, again, &left, "ECHO", "1", (char *)NULL));
	until_told("done ");
}

static void break_off(void *arg, const seg_reply *reply)
{
	on_reply(arg, reply);
	if (reply)
		seg_connection_break(connection, SEG_EPROTOCOL, "not what was asked: %d", 7);
}

static void a_break_by_an_answer_loses_the_later_answers(void **state)
{
	(void)state;
	get_ready();
	assert_true(echo("1", "a"));
	seg_connection_words(connection, break_off, (void *)(uintptr_t) "b", "ECHO", "2", (char *)NULL);
	assert_true(echo("3", "c"));
	until_told("down ");
	assert_string_equal(told, "a:1 b:2 c:lost down ");
	error_says(SEG_EPROTOCOL, "not what was asked: 7");
}

static void an_unexpected_or_unreadable_reply_breaks_the_connection(void **state)
{
	(void)state;
	get_ready();
	fake_say("+OK\r\n");
	until_told("down ");
	error_says(SEG_EPROTOCOL, "sent a reply to no command");
	until_told("up ");
	told[0] = '\0';
	assert_true(echo("1", "a"));
	fake.answer_most = 0;
	fake_say("HTTP/1.1 400 Bad Request\r\n");
	until_told("down ");
	assert_string_equal(told, "a:lost down ");
	assert_int_equal(seg_connection_error(connection)->status, SEG_EPROTOCOL);
}

/* A runner that starts then must not end. */
static void a_reply_that_is_damaged_on_its_way_is_no_refusal(void **state)
{
	(void)state;
	get_ready();
	fake.answer_most = 0;
	assert_true(echo("1", "a"));
	fake_say("\xd5OK\r\n");
	until_told("down ");
	assert_int_equal(seg_connection_error(connection)->status, SEG_EPROTOCOL);
	assert_false(seg_connection_is_refused(connection));
	fake.answer_most = -1;
	until_told("up ");
}

static void tell_message(void *arg, const seg_reply *message)
{
	(void)arg;
	for (size_t i = 0; i < message->count; i++)
		tell("%s%s", i ? "/" : "", message->elements[i]->text ? message->elements[i]->text : "nil");
	tell(" ");
}

#define MESSAGE "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n"
#define PMESSAGE "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$2\r\nhi\r\n"

static void a_subscriber_gets_messages_that_answer_no_command_between_its_answers(void **state)
{
	(void)state;
	on_message = tell_message;
	get_ready();
	fake.special = "SUBSCRIBE";
	fake.special_is = MESSAGE "$2\r\nhi\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n" PMESSAGE;
	seg_connection_words(connection, on_reply, (void *)(uintptr_t) "a", "SUBSCRIBE", "c", (char *)NULL);
	until_told("pmessage/*/c/hi ");
	assert_string_equal(told, "message/c/hi a:ok pmessage/*/c/hi ");
	told[0] = '\0';
	fake_say(MESSAGE "*-1\r\n");
	until_told("message/c/nil ");
	fake_say("+OK\r\n");
	until_told("down ");
	error_says(SEG_EPROTOCOL, "sent a reply to no command");
}

static void a_message_breaks_a_connection_that_subscribes_to_nothing(void **state)
{
	(void)state;
	get_ready();
	fake_say(MESSAGE "$2\r\nhi\r\n");
	until_told("down ");
	error_says(SEG_EPROTOCOL, "sent a reply to no command");
}

static void an_answer_that_does_not_come_breaks_the_connection_but_silence_alone_does_not(void **state)
{
	(void)state;
	get_ready();
	assert_true(seg_connection_tick(connection, seg_now() + 3600 * SEG_SECOND, true) == SEG_NEVER);
	assert_true(seg_connection_ready(connection));
	int64_t issued = seg_now();
	assert_true(echo("1", "a"));
	/* Before the end, the connection looks whether the server takes the command. */
	int64_t look = seg_connection_tick(connection, seg_now(), true);
	assert_true(look > issued && look < issued + 3 * SEG_SECOND);
	int64_t due = seg_connection_tick(connection, look, true);
	assert_true(due >= issued + 3 * SEG_SECOND && due <= seg_now() + 3 * SEG_SECOND);
	seg_connection_tick(connection, due - SEG_MS, true);
	assert_string_equal(told, "");
	seg_connection_tick(connection, due, true);
	assert_string_equal(told, "a:lost down ");
	error_says(SEG_EUNREACHABLE, "did not answer for 3000 ms");
}

/* --- losing and coming back ------------------------------------------------------------------------- */

static void a_lost_connection_tells_all_that_waited_in_order_and_comes_back(void **state)
{
	(void)state;
	get_ready();
	uint64_t before = seg_connection_incarnation(connection);
	fake.answer_most = 0;
	assert_true(echo("1", "a"));
	assert_true(echo("2", "b"));
	seg_connection_tick(connection, seg_now(), true);
	fake_serve();
	fake_hang_up();
	seg_connection_tick(connection, seg_now(), true);
	assert_string_equal(told, "a:lost b:lost down ");
	assert_false(echo("3", "c"));
	error_says(SEG_EUNREACHABLE, "closed the connection");
	fake.answer_most = -1;
	until_told("up ");
	assert_true(seg_connection_incarnation(connection) != before);
	assert_true(echo("4", "d"));
	until_told("d:4 ");
}

static void nothing_of_a_lost_connection_is_read_or_written_on_the_next(void **state)
{
	(void)state;
	get_ready();
	assert_true(echo("1", "a"));
	assert_true(echo("2", "b"));
	seg_connection_flush(connection);
	fake.answer_most = 0;
	fake_serve();
	fake_say(":1\r\n:2");
	seg_connection_tick(connection, seg_now(), true);
	assert_true(echo("3", "unsent"));
	fake_hang_up();
	fake.answer_most = -1;
	until_told("up ");
	assert_string_equal(told, "a:1 b:lost unsent:lost down up ");
	int heard = fake.count;
	assert_true(echo("7", "e"));
	until_told("e:7 ");
	assert_int_equal(fake.count, heard + 1);
	assert_int_equal(fake_heard("ECHO 3"), 0);
}

/* The pause until the next attempt, if the connection went down just now. */
static int64_t pause_after_failure(void)
{
	return seg_connection_tick(connection, 0, true) - seg_now();
}

static bool is_backoff(int64_t pause, unsigned failures)
{
	int64_t full = 50 * SEG_MS;
	for (unsigned i = 1; i < failures && full < 2 * SEG_SECOND; i++)
		full *= 2;
	full = full < 2 * SEG_SECOND ? full : 2 * SEG_SECOND;
	/* A slow machine may have used up part of the pause. */
	return pause <= full && pause >= full / 2 - 20 * SEG_MS;
}

static void pauses_between_failed_connects_double_up_to_two_seconds(void **state)
{
	(void)state;
	connect_to_fake("", "");
	assert_int_equal(unlink(fake.name.sun_path), 0);
	int64_t now = seg_now();
	for (unsigned failures = 1; failures <= 20; failures++) {
		seg_connection_tick(connection, now, true);
		int64_t pause = pause_after_failure();
		if (!is_backoff(pause, failures))
			fail_msg("a pause of %lld ns after %u failures", (long long)pause, failures);
		/* No attempt comes before the pause is over. */
		now = seg_now() + pause;
		assert_true(seg_connection_tick(connection, now - 2 * SEG_MS, true) >= now - SEG_MS);
		now += SEG_MS;
	}
	error_says(SEG_EUNREACHABLE, "cannot connect to unix://");
}

/* If Redis closes the connection right after each success, the scripts must not be loaded again and again. */
static void a_connection_that_breaks_after_each_success_still_waits_longer_and_longer(void **state)
{
	(void)state;
	connect_to_fake("", "");
	int64_t now = seg_now();
	for (unsigned failures = 1; failures <= 10; failures++) {
		told[0] = '\0';
		for (int i = 0; i < 1000 && !strstr(told, "up "); i++) {
			seg_connection_tick(connection, now, true);
			fake_serve();
		}
		assert_string_equal(told, "up ");
		fake_hang_up();
		seg_connection_tick(connection, now, true);
		assert_string_equal(told, "up down ");
		int64_t pause = pause_after_failure();
		if (!is_backoff(pause, failures))
			fail_msg("a pause of %lld ns after %u failures", (long long)pause, failures);
		now = seg_now() + pause + SEG_MS;
	}
	assert_int_equal(fake.accepted, 10);
}

static void scripts_that_were_forgotten_are_loaded_once_for_all_that_ask_for_them(void **state)
{
	(void)state;
	enum { CALLS = 100 };
	get_ready();
	fake.special = "EVALSHA";
	fake.special_is = "-NOSCRIPT No matching script.\r\n";
	for (int i = 0; i < CALLS; i++)
		assert_true(seg_connection_script(connection, SEG_SCRIPT_COMMIT, on_reply,
						  (void *)(uintptr_t) "s", 1, 1, (const char *[]){"key"},
						  NULL));
	assert_true(echo("1", "last"));
	until_told("last:1 ");
	assert_true(echo("2", "loaded"));
	until_told("loaded:2 ");
	assert_int_equal(fake_heard("SCRIPT LOAD"), 2 * SEG_SCRIPT_COUNT);
	/* The scripts are loaded once more after Redis has lost them again. */
	seg_connection_script(connection, SEG_SCRIPT_COMMIT, on_reply, (void *)(uintptr_t) "s", 0, 0, NULL,
			      NULL);
	assert_true(echo("3", "third"));
	until_told("third:3 ");
	assert_true(echo("4", "fourth"));
	until_told("fourth:4 ");
	assert_int_equal(fake_heard("SCRIPT LOAD"), 3 * SEG_SCRIPT_COUNT);
}

static void run_commit(const char *name)
{
	assert_true(seg_connection_script(connection, SEG_SCRIPT_COMMIT, on_reply, (void *)(uintptr_t)name, 1,
					  1, (const char *[]){"key"}, NULL));
}

static void a_script_is_loaded_once_right_before_its_first_use(void **state)
{
	(void)state;
	scripts_at_use = true;
	get_ready();
	assert_int_equal(fake_heard("SCRIPT LOAD"), 1);
	int before = fake.count;
	run_commit("first");
	run_commit("second");
	until_told("first:ok second:ok ");
	assert_int_equal(fake_heard("SCRIPT LOAD"), 2);
	assert_true(strncmp(fake.commands[before], "SCRIPT LOAD", 11) == 0);
	assert_true(strncmp(fake.commands[before + 1], "EVALSHA", 7) == 0);
	assert_true(strncmp(fake.commands[before + 2], "EVALSHA", 7) == 0);
}

static void a_script_that_was_forgotten_is_loaded_with_its_next_use(void **state)
{
	(void)state;
	scripts_at_use = true;
	get_ready();
	run_commit("first");
	until_told("first:ok ");
	fake.special = "EVALSHA";
	fake.special_is = "-NOSCRIPT No matching script.\r\n";
	run_commit("second");
	run_commit("third");
	until_told("second:error third:error ");
	assert_int_equal(fake_heard("SCRIPT LOAD"), 2);
	fake.special = NULL;
	run_commit("fourth");
	until_told("fourth:ok ");
	assert_int_equal(fake_heard("SCRIPT LOAD"), 3);
}

/* The right was taken away while the connection lasted. */
static void a_script_that_cannot_be_loaded_at_its_first_use_is_sent_by_its_text(void **state)
{
	(void)state;
	scripts_at_use = true;
	get_ready();
	fake.special = "SCRIPT LOAD";
	fake.special_is = "-NOPERM this user has no permissions to run the 'script|load' command\r\n";
	run_commit("first");
	until_told("first:ok ");
	run_commit("second");
	until_told("second:ok ");
	assert_int_equal(fake_heard("EVAL "), 1);
}

static void destroying_tells_all_that_waited_but_nothing_of_a_state(void **state)
{
	(void)state;
	get_ready();
	assert_true(echo("1", "a"));
	disconnect();
	assert_string_equal(told, "a:lost ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_logs_in_selects_and_loads_the_scripts_before_it_is_ready),
		TEST(a_login_is_sent_only_if_there_is_one),
		TEST(a_refused_login_is_an_error_at_once_with_the_remedy_and_without_the_password),
		TEST(a_redis_that_is_loading_is_away_and_not_unfit),
		TEST(a_server_that_accepts_but_says_nothing_is_given_up_in_time),
		TEST(commands_leave_without_waiting_and_answers_come_in_their_order),
		TEST(an_answer_may_lead_to_the_next_command),
		TEST(a_break_by_an_answer_loses_the_later_answers),
		TEST(an_unexpected_or_unreadable_reply_breaks_the_connection),
		TEST(a_reply_that_is_damaged_on_its_way_is_no_refusal),
		TEST(a_subscriber_gets_messages_that_answer_no_command_between_its_answers),
		TEST(a_message_breaks_a_connection_that_subscribes_to_nothing),
		TEST(an_answer_that_does_not_come_breaks_the_connection_but_silence_alone_does_not),
		TEST(a_lost_connection_tells_all_that_waited_in_order_and_comes_back),
		TEST(nothing_of_a_lost_connection_is_read_or_written_on_the_next),
		TEST(pauses_between_failed_connects_double_up_to_two_seconds),
		TEST(a_connection_that_breaks_after_each_success_still_waits_longer_and_longer),
		TEST(scripts_that_were_forgotten_are_loaded_once_for_all_that_ask_for_them),
		TEST(a_script_is_loaded_once_right_before_its_first_use),
		TEST(a_script_that_was_forgotten_is_loaded_with_its_next_use),
		TEST(a_script_that_cannot_be_loaded_at_its_first_use_is_sent_by_its_text),
		TEST(destroying_tells_all_that_waited_but_nothing_of_a_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
