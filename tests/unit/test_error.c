/* Errors and log lines: each is one line, and every status has a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const int statuses[] = {SEG_OK,       SEG_EINVAL,  SEG_ENOMEM,       SEG_ENOTFOUND, SEG_ESHAPE,
			       SEG_EFULL,    SEG_ETOOBIG, SEG_EUNREACHABLE, SEG_EUNKNOWN,  SEG_EAUTH,
			       SEG_ESERVER,  SEG_EFENCED, SEG_ECLOSED,      SEG_EPROTOCOL, SEG_ESYSTEM,
			       SEG_ETIMEOUT, SEG_EFORKED, SEG_ETAKEN};

/* --- errors ------------------------------------------------------------------------------- */

static void an_error_is_returned_with_its_status_and_text(void **state)
{
	(void)state;
	seg_error error = {.status = SEG_OK};
	assert_int_equal(seg_fail(&error, SEG_EFULL, "partition %d holds %s", 7, "too much"), SEG_EFULL);
	assert_int_equal(error.status, SEG_EFULL);
	assert_string_equal(error.text, "partition 7 holds too much");
}

static void without_a_buffer_for_the_text_the_status_is_returned_alone(void **state)
{
	(void)state;
	assert_int_equal(seg_fail(NULL, SEG_EAUTH, "%s", "unread"), SEG_EAUTH);
}

static void a_later_error_replaces_all_of_an_earlier_one(void **state)
{
	(void)state;
	seg_error error;
	seg_fail(&error, SEG_EINVAL, "a long text of before");
	seg_fail(&error, SEG_ENOMEM, "short");
	assert_string_equal(error.text, "short");
	assert_int_equal(error.status, SEG_ENOMEM);
}

static void an_error_is_one_line_whatever_it_repeats(void **state)
{
	(void)state;
	seg_error error;
	seg_fail(&error, SEG_ESERVER, "Redis says %s", "a\r\nb\nc");
	assert_string_equal(error.text, "Redis says a  b c");
	seg_fail(&error, SEG_ESERVER, "Redis says %s", "\033[2J\ta\x7f \xc3\xa4");
	assert_string_equal(error.text, "Redis says  [2J a  \xc3\xa4");
}

static void a_text_that_is_too_long_is_cut_and_ended(void **state)
{
	(void)state;
	char text[4 * SEG_ERROR_TEXT_MAX];
	struct {
		seg_error error;
		char behind[8];
	} guarded;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(&guarded, 'g', sizeof(guarded));
	seg_fail(&guarded.error, SEG_EINVAL, "%s", text);
	assert_int_equal(strlen(guarded.error.text), sizeof(guarded.error.text) - 1);
	assert_memory_equal(guarded.behind, "gggggggg", 8);
}

static void every_status_has_a_name_and_a_number_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		assert_memory_equal(seg_status_name(statuses[i]), "SEG_", 4);
		assert_true(i == 0 ? statuses[i] == 0 : statuses[i] < 0);
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(statuses[i], statuses[j]);
			assert_string_not_equal(seg_status_name(statuses[i]), seg_status_name(statuses[j]));
		}
	}
	assert_string_equal(seg_status_name(12345), "?");
	assert_string_equal(seg_status_name(SEG_EFENCED), "SEG_EFENCED");
}

/* --- log lines -------------------------------------------------------------------------------- */

static seg_log_event logged;
static char logged_text[4096];

static void keep(void *arg, const seg_log_event *event)
{
	(*(int *)arg)++;
	logged = *event;
	snprintf(logged_text, sizeof(logged_text), "%s", event->text);
}

static void a_line_says_what_it_is_about(void **state)
{
	(void)state;
	int lines = 0;
	seg_logger logger = seg_logger_make(keep, &lines);
	seg_log(&logger, SEG_LOG_INFO, "%s", "hello");
	assert_int_equal(logged.partition, -1);
	assert_int_equal(logged.epoch, 0);
	assert_null(logged.stream);
	logger.stream = "orders";
	logger.group = "billing";
	logger.partition = 0;
	logger.epoch = 9;
	seg_log(&logger, SEG_LOG_ERROR, "lost %d", 3);
	assert_int_equal(lines, 2);
	assert_string_equal(logged_text, "lost 3");
	assert_string_equal(logged.stream, "orders");
	assert_string_equal(logged.group, "billing");
	assert_int_equal(logged.partition, 0);
	assert_int_equal(logged.epoch, 9);
	assert_int_equal(logged.level, SEG_LOG_ERROR);
}

static void a_line_holds_no_control_characters(void **state)
{
	(void)state;
	int lines = 0;
	seg_logger logger = seg_logger_make(keep, &lines);
	for (int c = 1; c < 256; c++) {
		seg_log(&logger, SEG_LOG_INFO, "a%cb", c);
		bool control = c < 0x20 || c == 0x7f;
		assert_int_equal((unsigned char)logged_text[1], control ? ' ' : c);
		assert_int_equal(logged_text[2], 'b');
	}
}

static void without_a_callback_nothing_is_logged_and_nothing_breaks(void **state)
{
	(void)state;
	seg_logger silent = seg_logger_make(NULL, NULL);
	seg_log(&silent, SEG_LOG_ERROR, "%s", "unheard");
	seg_log(NULL, SEG_LOG_ERROR, "%s", "unheard");
}

static void a_long_line_is_cut(void **state)
{
	(void)state;
	int lines = 0;
	seg_logger logger = seg_logger_make(keep, &lines);
	seg_log(&logger, SEG_LOG_INFO, "%3000d", 1);
	assert_int_equal(lines, 1);
	assert_true(strlen(logged_text) < 3000);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_error_is_returned_with_its_status_and_text),
		TEST(without_a_buffer_for_the_text_the_status_is_returned_alone),
		TEST(a_later_error_replaces_all_of_an_earlier_one),
		TEST(an_error_is_one_line_whatever_it_repeats),
		TEST(a_text_that_is_too_long_is_cut_and_ended),
		TEST(every_status_has_a_name_and_a_number_of_its_own),
		TEST(a_line_says_what_it_is_about),
		TEST(a_line_holds_no_control_characters),
		TEST(without_a_callback_nothing_is_logged_and_nothing_breaks),
		TEST(a_long_line_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
