/* test_plugin_log.c - the plugin log, loaded as segrunner loads it, with messages handed over by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <unistd.h>

#include "harness/stock.h"

static int saved_stdout;

static void capture_stdout(int fd)
{
	fflush(stdout);
	saved_stdout = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

static void release_stdout(void)
{
	dup2(saved_stdout, STDOUT_FILENO);
	close(saved_stdout);
}

/* Prints the line of log for the odd message, and then the line for a message of 2,000 bytes. */
static void print_two(const char *const *options)
{
	test_stock f;
	static char big[2000];
	memset(big, 'x', sizeof(big));
	test_stock_start(&f, "log", options);
	void *state = test_stock_open(&f, 3, 7);
	capture_stdout(open(test_stock_path("out"), O_WRONLY | O_CREAT | O_TRUNC, 0644));
	seg_message large = {.id = {1000, 2}, .key = "", .data = big, .data_length = sizeof(big)};
	seg_answer first = test_stock_hand_over(&f, state, 7, &test_stock_odd_message, 1),
		   second = test_stock_hand_over(&f, state, 7, &large, 1);
	release_stdout();
	test_expect_done(first);
	test_expect_done(second);
	assert_int_equal(test_stock_counter(&f, "lines_total"), 2);
	test_stock_close(&f, state, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void log_prints_text_that_is_safe_to_show(void **state)
{
	(void)state;
	print_two(TEST_TEXTS("max_bytes=8"));
	test_stock_has(
		"out",
		"stream=words partition=3 id=1000-1 key=\"k\xc3\xa4\\\"y\" data=\"a\\n\\x1b\\xff\\x00b\" "
		"\"trace\"=\"7f3a\" \"raw\"=\"\\xff\"\n"
		"stream=words partition=3 id=1000-2 key=\"\" data=\"xxxxxxxx\"...(2000 bytes)\n");
}

static void log_prints_json_with_base64_where_it_must(void **state)
{
	(void)state;
	print_two(TEST_TEXTS("max_bytes=8", "format=json"));
	test_stock_has(
		"out",
		"{\"stream\":\"words\",\"partition\":3,\"id\":\"1000-1\",\"key\":\"k\xc3\xa4\\\"y\",\"data_base64\":\"YQob/wBi\","
		"\"headers\":[{\"name\":\"trace\",\"value\":\"7f3a\"},{\"name\":\"raw\",\"value_base64\":\"/w==\"}]}\n"
		"{\"stream\":\"words\",\"partition\":3,\"id\":\"1000-2\",\"key\":\"\",\"data\":\"xxxxxxxx\",\"data_bytes\":2000}\n");
}

static void log_shows_all_when_it_may(void **state)
{
	(void)state;
	print_two(TEST_TEXTS("max_bytes=0"));
	char *out = test_stock_read("out", NULL);
	assert_true(strlen(out) > 2000);
	assert_null(strstr(out, "bytes)"));
	free(out);
}

static void log_stops_when_nobody_reads(void **state)
{
	(void)state;
	test_stock f;
	int ends[2];
	test_stock_start(&f, "log", (const char *const[]){NULL});
	void *partition = test_stock_open(&f, 3, 7);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	capture_stdout(ends[1]);
	seg_answer answer = TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "a", "b"});
	release_stdout();
	assert_int_equal(answer.outcome, SEG_OUTCOME_STOP);
	assert_string_equal(answer.reason, "the reader of standard output has closed it");
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void log_refuses_an_unknown_format(void **state)
{
	(void)state;
	test_stock f;
	seg_error error;
	assert_int_equal(test_stock_start_in_group(&f, "log", "g", TEST_TEXTS("format=xml"), &error),
			 SEG_EINVAL);
	assert_non_null(
		strstr(error.text, "option.format = xml is neither text nor json; write one of them"));
	test_stock_stop(&f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_stock_make_directory, test_stock_remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(log_prints_text_that_is_safe_to_show),
		TEST(log_prints_json_with_base64_where_it_must),
		TEST(log_shows_all_when_it_may),
		TEST(log_stops_when_nobody_reads),
		TEST(log_refuses_an_unknown_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
