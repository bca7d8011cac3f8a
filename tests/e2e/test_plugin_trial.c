/* test_plugin_trial.c - `segrunner test` and `segrunner new-plugin`, used as a plugin's author does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/rig.h"
#include "harness/shell.h"

/* Runs a command in the directory, with $segrunner and $plugins set. Returns its exit code. */
__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
	char command[4096];
	int used = snprintf(command, sizeof(command),
			    "cd %s && export segrunner=%s/framework/segrunner plugins=%s/tests/plugins && { ",
			    rig.directory, test_build_directory(), test_build_directory());
	va_list args;
	va_start(args, format);
	vsnprintf(command + used, sizeof(command) - (size_t)used - 16, format, args);
	va_end(args);
	strcat(command, "; } 2>&1");
	int exit_code = test_shell_run(command);
	assert_true(exit_code >= 0);
	return exit_code;
}

static void write_cases(const char *text)
{
	test_rig_write("cases.jsonl", "%s", text);
}

static int try(const char *options)
{
	return run("$segrunner test $plugins/record.so cases.jsonl path=out %s", options);
}

/* --- segrunner test ------------------------------------------------------------------------- */

static void each_answer_is_a_line_and_the_handler_got_what_the_file_says(void **state)
{
	(void)state;
	write_cases(
		"{\"key\": \"a\", \"data\": \"good\"}\n"
		"\n"
		"{\"id\": \"5-1\", \"partition\": 3, \"key\": {\"base64\": \"AAE=\"}, \"data\": {\"n\": 5}, "
		"\"attempt\": 2, \"headers\": {\"h\": \"v\"}}\n"
		"[{\"data\": \"1\"}, {\"data\": \"bad\"}, {\"data\": \"3\"}]\n"
		"{\"data\": \"worse\"}\n"
		"{\"data\": \"enough\"}\n");
	assert_int_equal(try("fail=bad dead_letter=worse stop=enough events=yes"), EX_OK);
	test_shell_says("cases.jsonl:1: done\n");
	test_shell_says("cases.jsonl:3: done\n");
	test_shell_says("cases.jsonl:4: retry at message 1 of 3: told to fail\n");
	test_shell_says("cases.jsonl:5: dead_letter: told to dead-letter\n");
	test_shell_says("cases.jsonl:6: stop: told to stop\n");
	test_shell_says("5 cases, 0 not as expected\n");
	assert_int_equal(run("cat out"), 0);
	assert_string_equal(test_shell_said,
			    "open 1 0\n1 0 0-1 a good 1\nopen 1 3\n1 3 5-1 \\x00\\x01 {\"n\":5} 2\n"
			    "1 0 5-2 - 1 1\n1 0 5-3 - bad 1\n1 0 5-5 - worse 1\n1 0 5-6 - enough 1\n"
			    "close 1 3 released\nclose 1 0 released\n");
}

static void an_answer_that_is_not_as_expected_is_pointed_out_and_the_exit_code_is_1(void **state)
{
	(void)state;
	write_cases("{\"data\": \"x\", \"expect\": \"done\"}\n"
		    "{\"data\": \"x\", \"expect\": \"retry\"}\n"
		    "[{\"data\": \"x\", \"expect\": \"retry\", \"index\": 0}, {\"data\": \"bad\"}]\n"
		    "{\"data\": \"bad\", \"expect\": \"retry\", \"reason\": \"another\"}\n"
		    "{\"data\": \"bad\", \"expect\": \"retry\", \"reason\": \"told to\"}\n");
	assert_int_equal(try("fail=bad"), 1);
	test_shell_says(":2: done; EXPECTED retry\n");
	test_shell_says(":3: retry at message 1 of 2: told to fail; EXPECTED retry at message 0\n");
	test_shell_says(":4: retry: told to fail; EXPECTED retry: another\n");
	test_shell_says(":5: retry: told to fail\n");
	test_shell_says("5 cases, 3 not as expected\n");
}

static void each_message_of_a_batch_says_what_becomes_of_it(void **state)
{
	(void)state;
	write_cases(
		"[{\"data\": \"x\", \"expect\": \"done\"}, {\"data\": \"bad\", \"expect\": \"retry\"}, {\"data\": \"y\"}]\n"
		"[{\"data\": \"x\"}, {\"data\": \"bad\", \"expect\": \"done\"}]\n"
		"[{\"data\": \"x\"}, {\"data\": \"y\", \"expect\": \"dead_letter\", \"reason\": \"r\"}]\n"
		"[{\"data\": \"x\", \"expect\": \"retry\"}, {\"data\": \"bad\"}]\n"
		"[{\"data\": \"x\", \"expect\": \"retry\", \"index\": 1}, {\"data\": \"bad\"}]\n"
		"[{\"data\": \"bad\"}, {\"data\": \"y\", \"expect\": \"done\"}]\n");
	assert_int_equal(try("fail=bad"), 1);
	test_shell_says(":1: retry at message 1 of 3: told to fail\n");
	test_shell_says(":2: retry at message 1 of 2: told to fail; EXPECTED done at message 1\n");
	test_shell_says(":3: done; EXPECTED dead_letter at message 1: r\n");
	test_shell_says(":4: retry at message 1 of 2: told to fail; EXPECTED retry at message 0\n");
	test_shell_says(":5: retry at message 1 of 2: told to fail\n");
	test_shell_says(":6: retry at message 0 of 2: told to fail; EXPECTED done at message 1\n");
	test_shell_says("6 cases, 4 not as expected\n");
}

static void a_file_without_cases_proves_nothing(void **state)
{
	(void)state;
	write_cases("\n\n");
	assert_int_equal(try(""), EX_DATAERR);
	test_shell_says("segrunner: cases.jsonl has no cases; write a line for each");
}

static void a_handler_that_hangs_or_crashes_costs_no_earlier_answer_and_the_case_is_named(void **state)
{
	(void)state;
	write_cases("{\"data\": \"x\"}\n{\"data\": \"hang\"}\n");
	assert_int_equal(run("$segrunner test --timeout=200ms $plugins/hostile.so cases.jsonl"), EX_SOFTWARE);
	test_shell_says("cases.jsonl:1: done\n");
	test_shell_says("segrunner: cases.jsonl:2: the plugin has been in handle of partition 0");
	assert_int_equal(run("$segrunner test --timeout=200ms $plugins/hostile.so cases.jsonl init=hang"),
			 EX_SOFTWARE);
	test_shell_says("segrunner: the plugin has been in init for 200 ms");
	assert_int_equal(run("$segrunner test --timeout=soon $plugins/hostile.so cases.jsonl"), EX_USAGE);
	write_cases("{\"data\": \"x\"}\n{\"data\": \"abort\"}\n");
	assert_int_equal(run("$segrunner test $plugins/hostile.so cases.jsonl; echo code $?"), 0);
	test_shell_says("cases.jsonl:1: done\n");
	test_shell_says(
		"segrunner: cases.jsonl:2: plugin hostile aborted (SIGABRT) in handle of partition 0");
	assert_null(strstr(test_shell_said, "next owner"));
}

static void what_messages_that_are_done_emit_and_change_is_printed_and_kept(void **state)
{
	(void)state;
	write_cases("[{\"key\": \"k\", \"data\": \"0\"}, {\"key\": \"k\", \"data\": \"1\"}]\n"
		    "{\"key\": \"k\", \"data\": \"1\", \"attempt\": 2}\n"
		    "{\"key\": {\"base64\": \"AP8=\"}, \"data\": \"0\"}\n"
		    "{\"partition\": 1, \"key\": \"k\", \"data\": \"0\"}\n");
	assert_int_equal(run("$segrunner test $plugins/counts.so cases.jsonl retries=5"), EX_OK);
	assert_string_equal(test_shell_said,
			    "cases.jsonl:1: retry at message 1 of 2: it is to fail\n"
			    "    state {\"name\": \"k\", \"value\": \"1\"}\n"
			    "cases.jsonl:2: done\n"
			    "    state {\"name\": \"k\", \"value\": \"2\"}\n"
			    "cases.jsonl:3: done\n"
			    "    state {\"name\": {\"base64\": \"AP8=\"}, \"value\": \"1\"}\n"
			    "cases.jsonl:4: done\n"
			    "    state {\"name\": \"k\", \"value\": \"1\"}\n"
			    "4 cases, 0 not as expected\n");
	write_cases(
		"[{\"key\": \"k\", \"data\": \"a\", \"headers\": {\"h\": \"v\"}}, {\"data\": \"fail\"}]\n");
	assert_int_equal(run("$segrunner test --outputs=one,two $plugins/emits.so cases.jsonl"), EX_OK);
	assert_string_equal(
		test_shell_said,
		"cases.jsonl:1: retry at message 1 of 2: it is to fail\n"
		"    emit {\"stream\": \"one\", \"key\": \"k\", \"data\": \"a\", \"headers\": {\"h\": \"v\"}}\n"
		"    emit {\"stream\": \"two\", \"key\": \"k\", \"data\": \"\"}\n"
		"1 case, 0 not as expected\n");
	assert_int_equal(run("$segrunner test --outputs='one,t wo!' $plugins/emits.so cases.jsonl"),
			 EX_USAGE);
	test_shell_says(
		"segrunner: --outputs: \"t wo!\" is not a stream's name; write a comma between two names");
	assert_int_equal(run("$segrunner test --outputs=one,,two $plugins/emits.so cases.jsonl"), EX_USAGE);
	test_shell_says("segrunner: --outputs: name 2 of the list is empty");
	assert_int_equal(run("$segrunner test --outputs=one,one $plugins/emits.so cases.jsonl"), EX_USAGE);
	test_shell_says("segrunner: --outputs: \"one\" is named twice; remove one");
}

static void an_invalid_answer_is_named_as_the_runner_would_name_it(void **state)
{
	(void)state;
	write_cases("[{}, {}]\n");
	assert_int_equal(run("$segrunner test $plugins/nonsense.so cases.jsonl outcome=1 index=2"), 1);
	test_shell_says(
		"cases.jsonl:1: retry at message 0 of 2: "
		"invalid answer: retry at index 2; the batch has indexes 0-1; EXPECTED a valid answer\n");
	assert_int_equal(run("$segrunner test $plugins/nonsense.so cases.jsonl outcome=77"), 1);
	test_shell_says("invalid answer: unknown outcome 77");
}

static void a_line_that_cannot_be_read_is_named_with_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *line, *text;
	} lines[] = {
		{"{\"key\": \"a\"", ":2: invalid JSON"},
		{"5", ":2: a message must be an object"},
		{"[]", ":2: a batch must have 1 to"},
		{"{\"kye\": \"a\"}",
		 ":2: unknown field \"kye\"; the fields are id partition key data headers attempt expect index reason\n"},
		{"{\"id\": 5}", ":2: \"id\" must be a text"},
		{"{\"expect\": \"fine\"}", ":2: \"expect\" must be done, retry, dead_letter or stop"},
		{"[{}, {\"expect\": \"fine\"}]", ":2: \"expect\" must be done, retry, dead_letter or stop"},
		{"{\"expect\": \"retry\", \"index\": 4294967295}",
		 ":2: \"index\" must be a whole number from 0 to 0"},
		{"{\"expect\": \"done\", \"index\": 0}", ":2: \"index\" belongs to an expected retry"},
		{"{\"partition\": -1}", ":2: \"partition\" must be a whole number from 0 to"},
		{"{\"data\": {\"base64\": \"%\"}}", ":2: \"%\" is not base64"},
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text), "{}\n%s\n", lines[i].line);
		write_cases(text);
		assert_int_equal(try(""), EX_DATAERR);
		test_shell_says(lines[i].text);
	}
}

static void refusals_of_the_plugin_are_reported_and_its_options_checked(void **state)
{
	(void)state;
	write_cases("{}\n");
	assert_int_equal(try("paht=x"), EX_USAGE);
	test_shell_says("did you mean \"option.path\"");
	assert_int_equal(try("delay=soon"), EX_USAGE);
	assert_int_equal(try("nonsense"), EX_USAGE);
	assert_int_equal(run("$segrunner test $plugins/no_symbol.so cases.jsonl"), EX_UNAVAILABLE);
	test_shell_says("SEG_HANDLER_EXPORT");
	assert_int_equal(run("$segrunner test $plugins/record.so nowhere.jsonl path=out"), EX_NOINPUT);
	assert_int_equal(run("$segrunner test $plugins/record.so"), EX_USAGE);
	assert_int_equal(run("echo '{}' | $segrunner test $plugins/record.so - path=out"), EX_OK);
}

/* --- segrunner new-plugin ------------------------------------------------------------------------ */

/*
 * Installs this build; makes a plugin and builds it against the installation; runs its tests; and runs it in
 * segrunner.
 */
static void make_and_test(const char *option, const char *suffix)
{
	if (run("cmake --install %s --prefix $PWD/prefix >/dev/null", test_build_directory())) {
		print_message("skipped: this build is not complete, so it cannot be installed\n");
		skip();
	}
	assert_int_equal(run("$segrunner new-plugin counts %s", option), EX_OK);
	test_shell_says("cmake -B build");
	assert_int_equal(run("test -f counts/counts.%s", suffix), 0);
	assert_int_equal(run("! grep -r @ counts"), 0);
	assert_int_equal(
		run("cd counts && CMAKE_PREFIX_PATH=$PWD/../prefix cmake -B build && cmake --build build && "
		    "ctest --test-dir build --output-on-failure"),
		0);
	test_shell_says("100% tests passed, 0 tests failed out of 2");
	assert_int_equal(run("cd counts && $segrunner --check counts.ini"), EX_OK);
}

static void a_new_plugin_in_c_builds_and_passes_its_tests(void **state)
{
	(void)state;
	make_and_test("", "c");
}

static void a_new_plugin_in_cpp_builds_and_passes_its_tests(void **state)
{
	(void)state;
	make_and_test("--cpp", "cpp");
}

static void nothing_is_overwritten_and_a_bad_name_is_refused(void **state)
{
	(void)state;
	assert_int_equal(run("$segrunner new-plugin mine"), EX_OK);
	assert_int_equal(run("$segrunner new-plugin mine"), EX_CANTCREAT);
	test_shell_says("choose another name");
	assert_int_equal(run("$segrunner new-plugin ../mine"), EX_USAGE);
	assert_int_equal(run("$segrunner new-plugin Mine"), EX_USAGE);
	assert_int_equal(run("$segrunner new-plugin test"), EX_USAGE);
	assert_int_equal(run("$segrunner new-plugin"), EX_USAGE);
	assert_int_equal(run("$segrunner new-plugin a --cxx"), EX_USAGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up_directory, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_answer_is_a_line_and_the_handler_got_what_the_file_says),
		TEST(an_answer_that_is_not_as_expected_is_pointed_out_and_the_exit_code_is_1),
		TEST(each_message_of_a_batch_says_what_becomes_of_it),
		TEST(a_file_without_cases_proves_nothing),
		TEST(a_handler_that_hangs_or_crashes_costs_no_earlier_answer_and_the_case_is_named),
		TEST(what_messages_that_are_done_emit_and_change_is_printed_and_kept),
		TEST(an_invalid_answer_is_named_as_the_runner_would_name_it),
		TEST(a_line_that_cannot_be_read_is_named_with_what_is_wrong),
		TEST(refusals_of_the_plugin_are_reported_and_its_options_checked),
		TEST(a_new_plugin_in_c_builds_and_passes_its_tests),
		TEST(a_new_plugin_in_cpp_builds_and_passes_its_tests),
		TEST(nothing_is_overwritten_and_a_bad_name_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
