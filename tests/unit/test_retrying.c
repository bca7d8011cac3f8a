/* What other threads see of messages that are being retried: the partition and the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "work/retrying.h"

static seg_retrying retrying;
static uint32_t partition;
static char reason[SEG_RETRYING_REASON_MAX];

static bool look(void)
{
	seg_retrying_entry entry;
	bool found = seg_retrying_look(&retrying, &entry);
	if (found) {
		partition = entry.partition;
		memcpy(reason, entry.reason, sizeof(reason));
	}
	return found;
}

static int set_up(void **state)
{
	(void)state;
	seg_retrying_init(&retrying);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	seg_retrying_fini(&retrying);
	return 0;
}

static void no_message_is_retried_at_first(void **state)
{
	(void)state;
	assert_false(look());
}

static void the_lowest_partition_is_shown_with_its_last_reason(void **state)
{
	(void)state;
	seg_retrying_entry seven = {.partition = 7}, two = {.partition = 2}, nine = {.partition = 9};
	seg_retrying_note(&retrying, &seven, "seven", 2, 0);
	seg_retrying_note(&retrying, &two, "the first", 2, 0);
	seg_retrying_note(&retrying, &nine, "nine", 2, 0);
	seg_retrying_note(&retrying, &two, "the last", 2, 0);
	assert_true(look());
	assert_int_equal(partition, 2);
	assert_string_equal(reason, "the last");
}

static void a_partition_whose_message_was_handled_is_shown_no_longer(void **state)
{
	(void)state;
	seg_retrying_entry seven = {.partition = 7}, two = {.partition = 2};
	seg_retrying_note(&retrying, &two, "two", 2, 0);
	seg_retrying_note(&retrying, &seven, "seven", 2, 0);
	seg_retrying_forget(&retrying, &two);
	seg_retrying_forget(&retrying, &two);
	assert_true(look());
	assert_int_equal(partition, 7);
	seg_retrying_forget(&retrying, &seven);
	assert_false(look());
	seg_retrying_note(&retrying, &two, "again", 2, 0);
	assert_true(look());
	assert_string_equal(reason, "again");
}

static void a_reason_is_one_line_and_is_cut_to_fit(void **state)
{
	(void)state;
	char longest[2 * SEG_RETRYING_REASON_MAX];
	seg_retrying_entry two = {.partition = 2};
	seg_retrying_note(&retrying, &two, "a\nb\tc", 2, 0);
	assert_true(look());
	assert_string_equal(reason, "a b c");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	seg_retrying_note(&retrying, &two, longest, 2, 0);
	assert_true(look());
	assert_int_equal(strlen(reason), SEG_RETRYING_REASON_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(no_message_is_retried_at_first),
		TEST(the_lowest_partition_is_shown_with_its_last_reason),
		TEST(a_partition_whose_message_was_handled_is_shown_no_longer),
		TEST(a_reason_is_one_line_and_is_cut_to_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
