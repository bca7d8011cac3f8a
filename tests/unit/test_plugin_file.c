/* test_plugin_file.c - the plugin file, loaded as segrunner loads it, with messages handed over by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/stock.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LINE(epoch, n, key, data)                                                                      \
	"{\"epoch\":" #epoch ",\"id\":\"1000-" #n                                                      \
	"\",\"stream\":\"words\",\"group\":\"g\",\"partition\":3,\"key\":\"" key "\",\"data\":\"" data \
	"\"}\n"

static void file_appends_a_line_of_json_for_each_message(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "a", "one"}, {2, "b", "tw\"o\n"}));
	test_stock_has("words@g.3.jsonl", LINE(7, 1, "a", "one") LINE(7, 2, "b", "tw\\\"o\\n"));
	test_expect_done(test_stock_hand_over(&f, partition, 7, &test_stock_odd_message, 1));
	char *content = test_stock_read("words@g.3.jsonl", NULL), *data, *value, *name;
	json_t *object = json_loads(strstr(content, "tw") + strlen("tw\\\"o\\n\"}\n"), 0, NULL);
	assert_non_null(object);
	assert_int_equal(json_unpack(object, "{s:s,s:[{s:s},{s:s}]}", "data_base64", &data, "headers",
				     "value", &value, "name", &name),
			 0);
	assert_string_equal(data, "YQob/wBi");
	assert_string_equal(value, "7f3a");
	assert_string_equal(name, "raw");
	json_decref(object);
	free(content);
	assert_int_equal(test_stock_counter(&f, "lines_total"), 3);
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

/* Names of 128 characters each are more than the name of a file may have. */
static void file_shortens_names_that_are_too_long_and_keeps_them_apart(void **state)
{
	(void)state;
	static const char *const hashes[] = {"b3b430c5c2f58a9f", "b3b445c5c2f5ae4e"};
	char group[129], name[300];
	test_stock f;
	snprintf(test_stock_stream, sizeof(test_stock_stream), "%0128d", 0);
	memset(test_stock_stream, 's', 128);
	memset(group, 'g', 128);
	group[128] = '\0';
	for (size_t i = 0; i < 2; i++) {
		group[127] = i ? 'x' : 'g';
		test_stock_start_in_group(&f, "file", group, TEST_TEXTS(test_stock_directory_option()), NULL);
		void *partition = test_stock_open(&f, 3, 7);
		test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "a", "one"}));
		test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
		test_stock_stop(&f);
		snprintf(name, sizeof(name), "%.100s@%.100s~%s.3.jsonl", test_stock_stream, group, hashes[i]);
		char *content = test_stock_read(name, NULL);
		assert_non_null(strstr(content, group));
		free(content);
	}
	strcpy(test_stock_stream, "words");
}

static void file_encodes_everything_in_base64_on_request(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option(), "encoding=base64"));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "a", ""}, {2, "a", "f"}, {3, "a", "fo"},
					      {4, "a", "foo"}, {5, "a", "foob"}));
	char *content = test_stock_read("words@g.3.jsonl", NULL), *line = content;
	static const char *const expected[] = {"\"\"", "\"Zg==\"", "\"Zm8=\"", "\"Zm9v\"", "\"Zm9vYg==\""};
	for (size_t i = 0; i < COUNT(expected); i++) {
		line = strstr(line, "data_base64\":") + strlen("data_base64\":");
		assert_memory_equal(line, expected[i], strlen(expected[i]));
	}
	free(content);
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void file_cuts_off_a_torn_line_and_continues_after_the_last_whole_one(void **state)
{
	(void)state;
	static const char whole[] = LINE(7, 1, "a", "one"), torn[] = LINE(7, 2, "b", "two");
	for (size_t cut = 0; cut < strlen(torn); cut += 7) {
		char content[512];
		size_t length = (size_t)snprintf(content, sizeof(content), "%s%.*s", whole, (int)cut, torn);
		test_stock_write("words@g.3.jsonl", content, length);
		test_stock f;
		test_stock_logged[0] = '\0';
		test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option()));
		void *partition = test_stock_open(&f, 3, 8);
		assert_true((cut > 0) ==
			    (strstr(test_stock_logged, "ended with an incomplete line of") != NULL));
		test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 8, {2, "b", "two"}));
		test_stock_has("words@g.3.jsonl", LINE(7, 1, "a", "one") LINE(8, 2, "b", "two"));
		test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
		test_stock_stop(&f);
	}
}

static void file_finds_the_end_before_a_torn_line_of_many_blocks(void **state)
{
	(void)state;
	static char content[20000];
	int whole = snprintf(content, sizeof(content), "%s", LINE(7, 1, "a", "one"));
	memset(content + whole, 'x', sizeof(content) - (size_t)whole);
	test_stock_write("words@g.3.jsonl", content, sizeof(content));
	test_stock f;
	test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option()));
	test_stock_close(&f, test_stock_open(&f, 3, 8), SEG_CLOSE_RELEASED);
	test_stock_has("words@g.3.jsonl", LINE(7, 1, "a", "one"));
	memset(content, 'x', sizeof(content));
	test_stock_write("words@g.3.jsonl", content, sizeof(content));
	test_stock_close(&f, test_stock_open(&f, 3, 8), SEG_CLOSE_RELEASED);
	test_stock_has("words@g.3.jsonl", "");
	test_stock_stop(&f);
}

static void file_retries_on_a_full_disk_and_leaves_no_part_of_the_batch(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "a", "one"}));
	test_stock_limit_files(150);
	seg_answer answer = TEST_STOCK_HAND_OVER(&f, partition, 7, {2, "b", "two"}, {3, "b", "three"});
	test_stock_limit_files(RLIM_INFINITY);
	assert_int_equal(answer.outcome, SEG_OUTCOME_RETRY);
	assert_int_equal(answer.index, 0);
	assert_non_null(strstr(answer.reason, "words@g.3.jsonl: File too large"));
	test_stock_has("words@g.3.jsonl", LINE(7, 1, "a", "one"));
	assert_int_equal(test_stock_counter(&f, "write_failures_total"), 1);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {2, "b", "two"}, {3, "b", "three"}));
	test_stock_has("words@g.3.jsonl",
		       LINE(7, 1, "a", "one") LINE(7, 2, "b", "two") LINE(7, 3, "b", "three"));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void file_stops_on_a_full_disk_on_request(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option(), "on_error=stop"));
	void *partition = test_stock_open(&f, 3, 7);
	test_stock_limit_files(10);
	seg_answer answer = TEST_STOCK_HAND_OVER(&f, partition, 7, {2, "b", "two"});
	test_stock_limit_files(RLIM_INFINITY);
	assert_int_equal(answer.outcome, SEG_OUTCOME_STOP);
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void a_former_owner_writes_nothing_after_its_successors_lines(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option()));
	void *former = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, former, 7, {1, "a", "one"}));
	void *owner = test_stock_open(&f, 3, 8);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, owner, 8, {2, "b", "two"}));
	seg_answer answer = TEST_STOCK_HAND_OVER(&f, former, 7, {2, "b", "late"});
	assert_int_equal(answer.outcome, SEG_OUTCOME_RETRY);
	assert_non_null(strstr(answer.reason, "another runner has taken over this partition"));
	test_stock_refuses_open(&f, 7, "has lines of epoch 8; this runner has epoch 7");
	test_stock_has("words@g.3.jsonl", LINE(7, 1, "a", "one") LINE(8, 2, "b", "two"));
	test_stock_close(&f, former, SEG_CLOSE_LOST);
	test_stock_close(&f, owner, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void file_does_not_wait_for_a_process_that_hangs_while_writing(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	int other = open(test_stock_path("words@g.3.jsonl"), O_RDWR);
	assert_int_equal(flock(other, LOCK_EX), 0);
	seg_answer answer = TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "a", "one"});
	assert_int_equal(answer.outcome, SEG_OUTCOME_RETRY);
	assert_non_null(strstr(answer.reason, "another process is writing"));
	test_stock_refuses_open(&f, 8, "another process is writing");
	close(other);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "a", "one"}));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void a_file_that_was_moved_away_is_made_anew(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "a", "one"}));
	assert_int_equal(rename(test_stock_path("words@g.3.jsonl"), test_stock_path("old")), 0);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {2, "b", "two"}));
	test_stock_has("old", LINE(7, 1, "a", "one"));
	test_stock_has("words@g.3.jsonl", LINE(7, 2, "b", "two"));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void a_directory_that_cannot_be_used_is_refused_at_the_start(void **state)
{
	(void)state;
	test_stock f;
	seg_error error;
	char option[200];
	assert_int_equal(test_stock_start_in_group(&f, "file", "g", TEST_TEXTS("directory=/nowhere/at/all"),
						   &error),
			 SEG_EINVAL);
	assert_non_null(
		strstr(error.text,
		       "cannot write to option.directory = /nowhere/at/all: No such file or directory"));
	test_stock_stop(&f);
	test_stock_write("plain", "", 0);
	snprintf(option, sizeof(option), "directory=%s", test_stock_path("plain"));
	assert_int_equal(test_stock_start_in_group(&f, "file", "g", TEST_TEXTS(option), &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "Not a directory"));
	test_stock_stop(&f);
}

/* What the plugin's check says of the directory; "" if it accepts it. */
static void expect_checked(const char *path, const char *text)
{
	test_stock f;
	char option[200];
	snprintf(option, sizeof(option), "directory=%s", path);
	test_stock_load(&f, "file", "g", TEST_TEXTS(option));
	seg_plugin_instance_check(f.instance, &f.consumer, &f.errors);
	if (f.errors.count != (*text != '\0') || (*text && !strstr(f.errors.list[0].text, text)))
		fail_msg("file says of %s: %s", path, f.errors.count ? f.errors.list[0].text : "nothing");
	seg_config_errors_fini(&f.errors);
	test_stock_stop(&f);
}

static void a_directory_is_checked_without_a_change(void **state)
{
	(void)state;
	test_stock_write("plain", "", 0);
	expect_checked(test_stock_directory, "");
	expect_checked(test_stock_path("new"), "");
	assert_false(test_stock_exists("new"));
	expect_checked(test_stock_path("new/below"),
		       "cannot be used: No such file or directory; create the directory that it shall be in");
	expect_checked(test_stock_path("plain"), "test.ini:2: [consumer mine] the plugin ");
	expect_checked(test_stock_path("plain/below"), "cannot be used: Not a directory; name a directory");
}

/* --- kill -9 --- */

enum { KILLS = 12 };

/*
 * Checks that each message up to `last` is in the file, in order except for repetitions, which have a higher
 * epoch.
 */
static void expect_all_lines(uint64_t last)
{
	char *content = test_stock_read("words@g.3.jsonl", NULL);
	uint64_t highest = 0, epoch = 0;
	for (char *line = content; *line; line = strchr(line, '\n') + 1) {
		uint64_t n, line_epoch;
		assert_int_equal(sscanf(line, "{\"epoch\":%" SCNu64 ",\"id\":\"1000-%" SCNu64 "\"",
					&line_epoch, &n),
				 2);
		assert_non_null(strchr(line, '\n'));
		assert_true(line_epoch >= epoch);
		assert_true(n == highest + 1 || (n <= highest && line_epoch > 100));
		highest = n > highest ? n : highest;
		epoch = line_epoch;
	}
	assert_int_equal(highest, last);
	free(content);
}

static void file_has_every_message_it_answered_for_however_often_it_is_killed(void **state)
{
	(void)state;
	uint64_t position = 0, epoch = 100;
	for (int i = 0; i < KILLS; i++) {
		uint64_t done = test_stock_kill_an_owner("file", epoch++, position, 3 + (uint64_t)i);
		position = done > 2 ? done - 2 : 0;
	}
	test_stock f;
	test_stock_start(&f, "file", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, epoch);
	for (uint64_t b = position; b < position + 5; b++)
		test_expect_done(test_stock_hand_over_numbered(&f, partition, epoch, b));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	expect_all_lines((position + 5) * TEST_STOCK_BATCH);
	test_stock_stop(&f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_stock_make_directory, test_stock_remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_appends_a_line_of_json_for_each_message),
		TEST(file_shortens_names_that_are_too_long_and_keeps_them_apart),
		TEST(file_encodes_everything_in_base64_on_request),
		TEST(file_cuts_off_a_torn_line_and_continues_after_the_last_whole_one),
		TEST(file_finds_the_end_before_a_torn_line_of_many_blocks),
		TEST(file_retries_on_a_full_disk_and_leaves_no_part_of_the_batch),
		TEST(file_stops_on_a_full_disk_on_request),
		TEST(a_former_owner_writes_nothing_after_its_successors_lines),
		TEST(file_does_not_wait_for_a_process_that_hangs_while_writing),
		TEST(a_file_that_was_moved_away_is_made_anew),
		TEST(a_directory_that_cannot_be_used_is_refused_at_the_start),
		TEST(a_directory_is_checked_without_a_change),
		TEST(file_has_every_message_it_answered_for_however_often_it_is_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
