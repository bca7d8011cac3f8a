/*
 * test_logfile.c - the format of the log's lines; lines stay whole with several threads, rotation and hostile
 * text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/logfile.h"

static char directory[64];

static const char *in_directory(const char *name)
{
	static char path[2][128];
	static int turn;
	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", directory, name);
	return path[turn];
}

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/seg-logfile-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(in_directory("log"));
	unlink(in_directory("log.1"));
	return rmdir(directory);
}

static seg_logfile *open_log(int level, seg_logfile_format format)
{
	seg_logfile *log;
	seg_error error;
	if (seg_logfile_open(in_directory("log"), level, format, &log, &error) != 0)
		fail_msg("%s", error.text);
	return log;
}

static char *read_file(const char *name)
{
	FILE *in = fopen(in_directory(name), "r");
	assert_non_null(in);
	char *text = calloc(1, 1 << 20);
	size_t length = fread(text, 1, (1 << 20) - 1, in);
	text[length] = '\0';
	fclose(in);
	return text;
}

static seg_log_event about_nothing(int level, const char *text)
{
	return (seg_log_event){.level = level, .text = text, .partition = -1};
}

static const seg_log_event about_a_partition = {
	.level = SEG_LOG_WARNING,
	.text = "it leaks",
	.stream = "orders",
	.group = "billing",
	.partition = 3,
	.epoch = 17,
};

static void expect_text_behind_time(const char *line, const char *expected)
{
	int year, month, day, hour, minute, second, ms, used = 0;
	int fields = sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute,
			    &second, &ms, &used);
	assert_int_equal(fields, 7);
	assert_int_equal(used, 25);
	assert_string_equal(line + used, expected);
}

static void a_line_of_text_is_time_level_message_and_what_applies(void **state)
{
	(void)state;
	seg_logfile *log = open_log(SEG_LOG_DEBUG, SEG_LOGFILE_TEXT);
	seg_logfile_write(log, &about_a_partition);
	seg_logfile_close(log);
	char *text = read_file("log");
	expect_text_behind_time(text, "WARNING it leaks stream=orders group=billing partition=3 epoch=17\n");
	free(text);
}

static void fields_that_do_not_apply_are_left_out(void **state)
{
	(void)state;
	seg_logfile *log = open_log(SEG_LOG_DEBUG, SEG_LOGFILE_TEXT);
	seg_log_event event = about_nothing(SEG_LOG_INFO, "started");
	seg_logfile_write(log, &event);
	seg_logfile_close(log);
	char *text = read_file("log");
	expect_text_behind_time(text, "INFO    started\n");
	free(text);
}

static void partition_zero_applies(void **state)
{
	(void)state;
	seg_logfile *log = open_log(SEG_LOG_DEBUG, SEG_LOGFILE_TEXT);
	seg_log_event event = about_nothing(SEG_LOG_ERROR, "gone");
	event.partition = 0;
	seg_logfile_write(log, &event);
	seg_logfile_close(log);
	char *text = read_file("log");
	expect_text_behind_time(text, "ERROR   gone partition=0\n");
	free(text);
}

static void a_line_of_json_is_one_object_with_the_same(void **state)
{
	(void)state;
	seg_logfile *log = open_log(SEG_LOG_DEBUG, SEG_LOGFILE_JSON);
	seg_logfile_write(log, &about_a_partition);
	seg_logfile_close(log);
	char *text = read_file("log"), *time, *level, *message, *stream, *group;
	json_int_t partition, epoch;
	json_t *object = json_loads(text, 0, NULL);
	assert_non_null(object);
	assert_int_equal(json_unpack(object, "{sssssssssssIsI!}", "time", &time, "level", &level, "message",
				     &message, "stream", &stream, "group", &group, "partition", &partition,
				     "epoch", &epoch),
			 0);
	assert_int_equal(strlen(time), 24);
	assert_string_equal(level, "warning");
	assert_string_equal(message, "it leaks");
	assert_string_equal(stream, "orders");
	assert_string_equal(group, "billing");
	assert_int_equal(partition, 3);
	assert_int_equal(epoch, 17);
	assert_string_equal(strchr(text, '\n'), "\n");
	json_decref(object);
	free(text);
}

static const char hostile[] =
	"a\nERROR forged\x1b[31m \x7f tab\t \xc2\x9b C1 \xff\xc3 bad \"quoted\" back\\slash \xc3\xa4 end\xe2\x82";

static void no_text_can_forge_a_line_or_reach_the_terminal(void **state)
{
	(void)state;
	seg_logfile *log = open_log(SEG_LOG_DEBUG, SEG_LOGFILE_TEXT);
	seg_log_event event = about_nothing(SEG_LOG_INFO, hostile);
	event.stream = "s\nt";
	seg_logfile_write(log, &event);
	seg_logfile_close(log);
	char *text = read_file("log");
	expect_text_behind_time(
		text,
		"INFO    a\\x0aERROR forged\\x1b[31m \\x7f tab\\x09 \\xc2\\x9b C1 \\xff\\xc3 bad \"quoted\" "
		"back\\slash \xc3\xa4 end\\xe2\\x82 stream=s\\x0at\n");
	free(text);
}

static void any_text_makes_valid_json(void **state)
{
	(void)state;
	seg_logfile *log = open_log(SEG_LOG_DEBUG, SEG_LOGFILE_JSON);
	seg_log_event event = about_nothing(SEG_LOG_INFO, hostile);
	event.group = "\xff";
	seg_logfile_write(log, &event);
	char every[256];
	for (int i = 0; i < 255; i++)
		every[i] = (char)(i + 1);
	every[255] = '\0';
	event.text = every;
	seg_logfile_write(log, &event);
	assert_int_equal(seg_logfile_lost(log), 0);
	seg_logfile_close(log);
	char *text = read_file("log"), *second = strchr(text, '\n') + 1;
	assert_int_equal(strchr(second, '\n') - second, strlen(second) - 1);
	for (const char *line = text; line; line = line == text ? second : NULL) {
		json_t *object = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
		assert_non_null(object);
		json_decref(object);
	}
	free(text);
}

static void a_very_long_text_is_cut_and_still_one_valid_line(void **state)
{
	(void)state;
	static char huge[100000];
	for (seg_logfile_format format = SEG_LOGFILE_TEXT; format <= SEG_LOGFILE_JSON; format++) {
		for (const char *filling = "x\x01\"\xc3"; *filling; filling++) {
			memset(huge, *filling, sizeof(huge) - 1);
			seg_logfile *log = open_log(SEG_LOG_DEBUG, format);
			seg_log_event event = about_nothing(SEG_LOG_INFO, huge);
			seg_logfile_write(log, &event);
			assert_int_equal(seg_logfile_lost(log), 0);
			seg_logfile_close(log);
			char *text = read_file("log");
			assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
			assert_in_range(strlen(text), 2048, 11000);
			json_t *object = json_loads(text, 0, NULL);
			assert_true((format == SEG_LOGFILE_JSON) == (object != NULL));
			json_decref(object);
			free(text);
			unlink(in_directory("log"));
		}
	}
}

static void events_below_the_level_are_left_out_and_the_level_can_change(void **state)
{
	(void)state;
	seg_logfile *log = open_log(SEG_LOG_WARNING, SEG_LOGFILE_TEXT);
	seg_log_event debug = about_nothing(SEG_LOG_DEBUG, "one"), info = about_nothing(SEG_LOG_INFO, "two"),
		      error = about_nothing(SEG_LOG_ERROR, "three");
	seg_logfile_write(log, &debug);
	seg_logfile_write(log, &info);
	seg_logfile_write(log, &error);
	seg_logfile_set_level(log, SEG_LOG_DEBUG);
	seg_logfile_write(log, &debug);
	seg_logfile_close(log);
	char *text = read_file("log");
	assert_null(strstr(text, "two"));
	assert_true(strstr(text, "three") < strstr(text, "one"));
	free(text);
}

static void a_log_is_appended_to_what_is_there(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		seg_logfile *log = open_log(SEG_LOG_DEBUG, SEG_LOGFILE_TEXT);
		seg_log_event event = about_nothing(SEG_LOG_INFO, i ? "second" : "first");
		seg_logfile_write(log, &event);
		seg_logfile_close(log);
	}
	char *text = read_file("log");
	assert_non_null(strstr(text, "first\n"));
	assert_non_null(strstr(text, "second\n"));
	free(text);
}

static void a_log_that_cannot_be_opened_says_where_and_why(void **state)
{
	(void)state;
	seg_logfile *log;
	seg_error error;
	assert_int_equal(seg_logfile_open("/nowhere/at/all.log", SEG_LOG_INFO, SEG_LOGFILE_TEXT, &log,
					  &error),
			 SEG_EINVAL);
	assert_null(log);
	assert_string_equal(
		error.text,
		"cannot write the log to /nowhere/at/all.log: No such file or directory; correct log_file, "
		"or the permissions of its directory");
}

static void a_check_says_so_without_making_a_file(void **state)
{
	(void)state;
	seg_error error;
	assert_int_equal(seg_logfile_check(in_directory("log"), &error), 0);
	assert_int_equal(access(in_directory("log"), F_OK), -1);
	assert_int_equal(seg_logfile_check("/nowhere/at/all.log", &error), SEG_EINVAL);
	assert_string_equal(
		error.text,
		"cannot write the log to /nowhere/at/all.log: No such file or directory; correct log_file, "
		"or the permissions of its directory");
	assert_int_equal(seg_logfile_check(directory, &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, ": Is a directory; "));
	assert_int_equal(seg_logfile_check(in_directory("new/"), &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, ": Is a directory; "));
	seg_logfile_close(open_log(SEG_LOG_INFO, SEG_LOGFILE_TEXT));
	assert_int_equal(seg_logfile_check(in_directory("log"), &error), 0);
}

static void a_log_that_cannot_be_reopened_continues_in_the_old_file(void **state)
{
	(void)state;
	seg_logfile *log = open_log(SEG_LOG_DEBUG, SEG_LOGFILE_TEXT);
	seg_error error;
	assert_int_equal(rename(in_directory("log"), in_directory("log.1")), 0);
	assert_int_equal(mkdir(in_directory("log"), 0700), 0);
	assert_int_equal(seg_logfile_reopen(log, &error), SEG_EINVAL);
	seg_log_event event = about_nothing(SEG_LOG_INFO, "still here");
	seg_logfile_write(log, &event);
	seg_logfile_close(log);
	rmdir(in_directory("log"));
	char *text = read_file("log.1");
	assert_non_null(strstr(text, "still here"));
	free(text);
}

static void lines_that_cannot_be_written_are_counted_and_nothing_stops(void **state)
{
	(void)state;
	seg_logfile *log;
	assert_int_equal(seg_logfile_open("/dev/full", SEG_LOG_DEBUG, SEG_LOGFILE_TEXT, &log, NULL), 0);
	seg_log_event event = about_nothing(SEG_LOG_INFO, "lost");
	seg_logfile_write(log, &event);
	seg_logfile_write(log, &event);
	assert_int_equal(seg_logfile_lost(log), 2);
	seg_logfile_close(log);
}

enum { WRITERS = 4, LINES = 500 };

static void *write_lines(void *arg)
{
	seg_logfile *log = arg;
	for (int i = 0; i < LINES; i++)
		seg_logfile_write(log, &about_a_partition);
	return NULL;
}

static size_t count_whole_lines(const char *text)
{
	static const char rest[] = "WARNING it leaks stream=orders group=billing partition=3 epoch=17\n";
	size_t lines = 0;
	for (; *text; text += 25 + strlen(rest), lines++)
		assert_memory_equal(text + 25, rest, strlen(rest));
	return lines;
}

static void no_line_is_lost_or_mixed_while_threads_write_and_the_log_is_rotated(void **state)
{
	(void)state;
	seg_logfile *log = open_log(SEG_LOG_DEBUG, SEG_LOGFILE_TEXT);
	pthread_t writers[WRITERS];
	for (int i = 0; i < WRITERS; i++)
		pthread_create(&writers[i], NULL, write_lines, log);
	assert_int_equal(rename(in_directory("log"), in_directory("log.1")), 0);
	assert_int_equal(seg_logfile_reopen(log, NULL), 0);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	assert_int_equal(seg_logfile_lost(log), 0);
	seg_logfile_close(log);
	char *old = read_file("log.1"), *new = read_file("log");
	assert_int_equal(count_whole_lines(old) + count_whole_lines(new), WRITERS * LINES);
	free(old);
	free(new);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_of_text_is_time_level_message_and_what_applies),
		TEST(fields_that_do_not_apply_are_left_out),
		TEST(partition_zero_applies),
		TEST(a_line_of_json_is_one_object_with_the_same),
		TEST(no_text_can_forge_a_line_or_reach_the_terminal),
		TEST(any_text_makes_valid_json),
		TEST(a_very_long_text_is_cut_and_still_one_valid_line),
		TEST(events_below_the_level_are_left_out_and_the_level_can_change),
		TEST(a_log_is_appended_to_what_is_there),
		TEST(a_log_that_cannot_be_opened_says_where_and_why),
		TEST(a_check_says_so_without_making_a_file),
		TEST(a_log_that_cannot_be_reopened_continues_in_the_old_file),
		TEST(lines_that_cannot_be_written_are_counted_and_nothing_stops),
		TEST(no_line_is_lost_or_mixed_while_threads_write_and_the_log_is_rotated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
