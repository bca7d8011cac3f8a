/*
 * test_denial.c - what is a denial, and the sentences about denials; and a connection that prepares although Redis denies
 * what it can do without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_connection.h"

#include "redis/denial.h"

static char logged[4096];

static void note(void *arg, const seg_log_event *event)
{
	(void)arg;
	size_t n = strlen(logged);
	snprintf(logged + n, sizeof(logged) - n, "%s\n", event->text);
}

static seg_reply error_of(const char *text)
{
	return (seg_reply){.type = SEG_REPLY_ERROR, .text = text, .length = strlen(text)};
}

/* --- what is a denial ------------------------------------------------------------------------ */

static void a_missing_right_and_a_missing_command_are_denials(void **state)
{
	(void)state;
	const char *denials[] = {"NOPERM this user has no permissions to run the 'info' command",
				 "ERR unknown command 'INFO', with args beginning with: ", "ERR x"};
	for (size_t i = 0; i < sizeof(denials) / sizeof(denials[0]); i++) {
		seg_reply reply = error_of(denials[i]);
		assert_true(seg_reply_is_denial(&reply));
	}
}

static void what_passes_by_itself_or_asks_for_a_login_is_none(void **state)
{
	(void)state;
	const char *others[] = {"LOADING x", "NOREPLICAS x", "BUSY x", "NOAUTH Authentication required.",
				"WRONGPASS x"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		seg_reply reply = error_of(others[i]);
		assert_false(seg_reply_is_denial(&reply));
	}
	seg_reply text = {.type = SEG_REPLY_TEXT, .text = "NOPERM", .length = 6};
	assert_false(seg_reply_is_denial(&text));
	assert_false(seg_reply_is_denial(NULL));
}

static bool denies_command(const char *text)
{
	const seg_reply reply = error_of(text);
	return seg_reply_denies_command(&reply);
}

static void a_command_is_denied_for_every_key_and_a_key_only_by_itself(void **state)
{
	(void)state;
	assert_true(denies_command("NOPERM this user has no permissions to run the 'xread' command"));
	assert_true(denies_command("NOPERM User keycloak has no permissions to run the 'xread' command"));
	assert_true(denies_command(
		"ERR The user executing the script can't run this command or subcommand script: f00d"));
	assert_true(denies_command("ERR unknown command 'EVALSHA', with args beginning with: "));
	assert_true(denies_command("ERR Unknown Redis command called from script script: f00d"));
	assert_true(denies_command("ERR Unknown command called from script script: f00d"));
	assert_true(denies_command("NOAUTH Authentication required."));
	assert_false(denies_command("NOPERM User command has no permissions to access the 'k' key"));
	assert_false(denies_command(
		"NOPERM this user has no permissions to access one of the keys used as arguments"));
	assert_false(denies_command(
		"ERR The user executing the script can't access at least one of the keys mentioned in the command arguments script: f00d"));
	assert_false(denies_command("WRONGTYPE Operation against a key holding the wrong kind of value"));
	assert_false(denies_command("READONLY You can't write against a read only replica."));
	assert_false(seg_reply_denies_command(NULL));
}

/* --- explaining -------------------------------------------------------------------------------- */

static void explains(const char *error, const char *part)
{
	char text[SEG_EXPLANATION_MAX];
	seg_reply reply = error_of(error);
	if (!strstr(seg_reply_explain(&reply, text), part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void a_missing_right_is_named_with_what_to_grant(void **state)
{
	(void)state;
	explains("NOPERM this user has no permissions to run the 'xread' command", "; grant +xread: ");
	explains("NOPERM User app has no permissions to run the 'client|id' command", "; grant +client|id: ");
	explains("NOPERM this user has no permissions to access one of the keys used as arguments",
		 "`segctl acl` prints all rights");
	explains(
		"ERR The user executing the script can't run this command or subcommand script: f00d, on @user_script:9.",
		"can't run this command or subcommand; grant what is missing: `segctl doctor` names it, and `segctl acl` prints");
	explains(
		"NOPERM ACL failure in script: No permissions to access a key script: f00d, on @user_script:9.",
		"No permissions to access a key");
}

static void a_full_memory_is_told_with_what_makes_room(void **state)
{
	(void)state;
	explains("OOM command not allowed when used memory > 'maxmemory'.",
		 "'maxmemory'; raise maxmemory, or let every group commit");
}

static void other_errors_are_told_as_they_are(void **state)
{
	(void)state;
	char text[SEG_EXPLANATION_MAX], large[2000];
	seg_reply reply = error_of("WRONGTYPE Operation against a key holding the wrong kind of value");
	assert_string_equal(seg_reply_explain(&reply, text), reply.text);
	assert_string_equal(seg_reply_explain(NULL, text), "unknown answer");
	seg_reply number = {.type = SEG_REPLY_INTEGER, .integer = 3};
	assert_string_equal(seg_reply_explain(&number, text), "unknown answer");
	/* A server may send anything. */
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	memcpy(large, "NOPERM to run the '", 19);
	reply = error_of(large);
	assert_true(strlen(seg_reply_explain(&reply, text)) < SEG_EXPLANATION_MAX);
}

static void each_denied_command_is_told_once(void **state)
{
	(void)state;
	seg_denials denials = {0};
	seg_address url = {.user = "app"};
	seg_logger logger = seg_logger_make(note, NULL);
	seg_reply noperm = error_of("NOPERM this user has no permissions to run the 'info' command");
	seg_reply unknown = error_of("ERR unknown command 'CONFIG'");
	logged[0] = '\0';
	for (int i = 0; i < 3; i++) {
		seg_denials_tell(&denials, SEG_NICETY_INFO, &noperm, &url, "redis://h:1", &logger);
		seg_denials_tell(&denials, SEG_NICETY_CONFIG_GET, &unknown, &url, "redis://h:1", &logger);
	}
	assert_string_equal(
		logged,
		"the user app may not run INFO at redis://h:1: its eviction policy is not checked, and after each new "
		"connection all positions are read again; grant +info\n"
		"Redis at redis://h:1 refuses CONFIG GET (ERR unknown command 'CONFIG'): it is not checked whether "
		"that Redis keeps its data on disk\n");
}

/* --- a connection to such a server --------------------------------------------------------------- */

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
	return 0;
}

static bool run_script(seg_script script, const char *name)
{
	const char *argv[] = {"key", "argument"};
	return seg_connection_script(connection, script, on_reply, (void *)(uintptr_t)name, 1, 2, argv, NULL);
}

static void a_script_that_cannot_be_loaded_is_sent_by_its_text_once(void **state)
{
	(void)state;
	fake.special = "SCRIPT LOAD";
	fake.special_is = "-NOPERM this user has no permissions to run the 'script|load' command\r\n";
	connect_to_fake("", "");
	until_told("up ");
	assert_int_equal(fake_heard("EVAL return 1 0"), 1);
	assert_true(run_script(SEG_SCRIPT_CLAIM, "first"));
	assert_true(run_script(SEG_SCRIPT_CLAIM, "second"));
	assert_true(run_script(SEG_SCRIPT_COMMIT, "third"));
	until_told("first:ok second:ok third:ok ");
	assert_int_equal(fake_heard("EVAL "), 1 + 2);
	assert_int_equal(fake_heard("EVALSHA "), 1 + 1);
}

static void after_noscript_the_text_is_sent_again(void **state)
{
	(void)state;
	fake.special = "SCRIPT LOAD";
	fake.special_is = "-ERR unknown command 'SCRIPT'\r\n";
	connect_to_fake("", "");
	until_told("up ");
	assert_true(run_script(SEG_SCRIPT_CLAIM, "first"));
	until_told("first:ok ");
	fake.special = "EVALSHA";
	fake.special_is = "-NOSCRIPT No matching script.\r\n";
	assert_true(run_script(SEG_SCRIPT_CLAIM, "second"));
	until_told("second:error ");
	assert_true(run_script(SEG_SCRIPT_CLAIM, "third"));
	until_told("third:ok ");
	assert_int_equal(fake_heard("EVAL "), 1 + 2);
	assert_int_equal(fake_heard("SCRIPT LOAD"), SEG_SCRIPT_COUNT);
}

static void where_client_is_denied_hello_names_the_connection_and_tells_its_id(void **state)
{
	(void)state;
	fake.special = "CLIENT";
	fake.special_is = "-ERR unknown command 'CLIENT'\r\n";
	connect_to_fake("", "");
	while (fake_heard("HELLO 2 SETNAME tester") == 0) {
		seg_connection_tick(connection, seg_now(), true);
		fake.answer_most = 2 + SEG_SCRIPT_COUNT;
		fake_serve();
	}
	fake_say("*4\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:77\r\n");
	until_told("up ");
	assert_int_equal(fake_heard("HELLO"), 1);
	assert_int_equal(seg_connection_client_id(connection), 77);
}

static void a_server_that_runs_no_scripts_is_refused_for_good(void **state)
{
	(void)state;
	fake.special = ""; /* all of them */
	fake.special_is = "-ERR unknown command\r\n";
	connect_to_fake("", "");
	until_told("down ");
	error_says(SEG_EPROTOCOL,
		   "runs no scripts (SCRIPT LOAD, EVAL or EVALSHA is denied: ERR unknown command)");
	assert_true(seg_connection_is_refused(connection));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_right_and_a_missing_command_are_denials),
		cmocka_unit_test(what_passes_by_itself_or_asks_for_a_login_is_none),
		cmocka_unit_test(a_command_is_denied_for_every_key_and_a_key_only_by_itself),
		cmocka_unit_test(a_missing_right_is_named_with_what_to_grant),
		cmocka_unit_test(a_full_memory_is_told_with_what_makes_room),
		cmocka_unit_test(other_errors_are_told_as_they_are),
		cmocka_unit_test(each_denied_command_is_told_once),
		TEST(a_script_that_cannot_be_loaded_is_sent_by_its_text_once),
		TEST(after_noscript_the_text_is_sent_again),
		TEST(a_server_that_runs_no_scripts_is_refused_for_good),
		TEST(where_client_is_denied_hello_names_the_connection_and_tells_its_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
