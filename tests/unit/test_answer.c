/* Answers of handlers: which answers handler.h allows, and the error for each other one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/answer.h"

static char text[SEG_ANSWER_TEXT_MAX];

static void assert_valid(seg_answer answer, size_t count)
{
	seg_answer checked = seg_answer_check(answer, count, text, sizeof(text));
	assert_int_equal(checked.outcome, answer.outcome);
	assert_int_equal(checked.index, answer.index);
	assert_ptr_equal(checked.reason, answer.reason);
}

static void assert_invalid(seg_answer answer, size_t count, const char *reason)
{
	seg_answer checked = seg_answer_check(answer, count, text, sizeof(text));
	assert_int_equal(checked.outcome, SEG_OUTCOME_RETRY);
	assert_int_equal(checked.index, 0);
	assert_string_equal(checked.reason, reason);
}

static void an_answer_about_a_message_of_the_batch_is_taken_as_it_is(void **state)
{
	(void)state;
	assert_valid(seg_done(), 1);
	assert_valid(seg_retry(0, "away"), 1);
	assert_valid(seg_retry(1, "away"), 2);
	assert_valid(seg_dead_letter(1, "bad"), 2);
	assert_valid(seg_stop(1, "full"), 2);
}

static void the_index_of_done_has_no_meaning(void **state)
{
	(void)state;
	assert_valid((seg_answer){SEG_OUTCOME_DONE, 1000000, NULL}, 1);
}

static void stop_may_say_that_all_messages_are_done(void **state)
{
	(void)state;
	assert_valid(seg_stop(2, "full"), 2);
}

static void an_index_outside_the_batch_becomes_a_retry_of_its_first_message(void **state)
{
	(void)state;
	assert_invalid(seg_retry(2, "away"), 2,
		       "invalid answer: retry at index 2; the batch has indexes 0-1");
	assert_invalid(seg_dead_letter(7, "bad"), 3,
		       "invalid answer: dead_letter at index 7; the batch has indexes 0-2");
	assert_invalid(seg_stop(4, "full"), 3, "invalid answer: stop at index 4; the batch has indexes 0-2");
	assert_invalid(seg_retry(1, "away"), 1,
		       "invalid answer: retry at index 1; the batch has only index 0");
}

static void an_unknown_outcome_becomes_a_retry_of_the_first_message(void **state)
{
	(void)state;
	assert_invalid(
		(seg_answer){77, 0, NULL}, 2,
		"invalid answer: unknown outcome 77; use seg_done, seg_retry, seg_dead_letter or seg_stop");
}

static void the_longest_text_fits(void **state)
{
	(void)state;
	seg_answer_check((seg_answer){SEG_OUTCOME_DEAD_LETTER, UINT32_MAX, NULL}, UINT32_MAX, text,
			 sizeof(text));
	assert_string_equal(strchr(text, '-'), "-4294967294");
	seg_answer_check((seg_answer){UINT32_MAX, UINT32_MAX, NULL}, 1, text, sizeof(text));
	assert_non_null(strstr(text, "or seg_stop"));
}

static void each_outcome_has_a_name_that_is_read_back(void **state)
{
	(void)state;
	for (uint32_t i = 0; i <= SEG_OUTCOME_STOP; i++)
		assert_int_equal(seg_outcome_parse(seg_outcome_name(i)), i);
	assert_string_equal(seg_outcome_name(77), "?");
	assert_int_equal(seg_outcome_parse("fine"), -1);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_about_a_message_of_the_batch_is_taken_as_it_is),
		TEST(the_index_of_done_has_no_meaning),
		TEST(stop_may_say_that_all_messages_are_done),
		TEST(an_index_outside_the_batch_becomes_a_retry_of_its_first_message),
		TEST(an_unknown_outcome_becomes_a_retry_of_the_first_message),
		TEST(the_longest_text_fits),
		TEST(each_outcome_has_a_name_that_is_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
