/* What other threads see of partitions that something hinders; and the sentence that people read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "work/hindered.h"

static seg_hindered hindered;
static seg_hindered_entry seen;

static unsigned look(seg_hindrance_kind kind)
{
	return seg_hindered_look(&hindered, kind, &seen);
}

static void list(seg_hindered_entry *entry, seg_hindrance_kind kind, const char *text)
{
	seg_hindrance what = {.kind = kind};
	seg_hindrance_set_text(&what, text);
	seg_hindered_note(&hindered, entry, &what);
}

static int set_up(void **state)
{
	(void)state;
	seg_hindered_init(&hindered);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	seg_hindered_fini(&hindered);
	return 0;
}

static void nothing_hinders_at_first(void **state)
{
	(void)state;
	assert_int_equal(look(SEG_HINDRANCE_RETRY), 0);
}

static void the_lowest_partition_is_shown_with_what_it_said_last(void **state)
{
	(void)state;
	seg_hindered_entry seven = {.partition = 7}, two = {.partition = 2}, nine = {.partition = 9};
	list(&seven, SEG_HINDRANCE_RETRY, "seven");
	list(&two, SEG_HINDRANCE_RETRY, "the first");
	list(&nine, SEG_HINDRANCE_RETRY, "nine");
	list(&two, SEG_HINDRANCE_RETRY, "the last");
	assert_int_equal(look(SEG_HINDRANCE_RETRY), 3);
	assert_int_equal(seen.partition, 2);
	assert_string_equal(seen.what.text, "the last");
}

static void a_partition_that_goes_on_is_shown_no_longer(void **state)
{
	(void)state;
	seg_hindered_entry seven = {.partition = 7}, two = {.partition = 2};
	list(&two, SEG_HINDRANCE_RETRY, "two");
	list(&seven, SEG_HINDRANCE_RETRY, "seven");
	seg_hindered_forget(&hindered, &two);
	seg_hindered_forget(&hindered, &two);
	assert_int_equal(look(SEG_HINDRANCE_RETRY), 1);
	assert_int_equal(seen.partition, 7);
	seg_hindered_forget(&hindered, &seven);
	assert_int_equal(look(SEG_HINDRANCE_RETRY), 0);
	list(&two, SEG_HINDRANCE_RETRY, "again");
	assert_int_equal(look(SEG_HINDRANCE_RETRY), 1);
	seg_hindered_forget(&hindered, &two);
}

static void one_partition_may_be_hindered_in_two_ways(void **state)
{
	(void)state;
	seg_hindered_entry worker = {.partition = 2}, io = {.partition = 2};
	list(&worker, SEG_HINDRANCE_RETRY, "it fails");
	list(&io, SEG_HINDRANCE_HANG, "it hangs");
	assert_int_equal(look(SEG_HINDRANCE_HANG), 1);
	assert_string_equal(seen.what.text, "it hangs");
	seg_hindered_forget(&hindered, &io);
	assert_int_equal(look(SEG_HINDRANCE_HANG), 0);
	assert_int_equal(look(SEG_HINDRANCE_RETRY), 1);
	seg_hindered_forget(&hindered, &worker);
}

static void all_kinds_but_refusals_are_counted_for_themselves(void **state)
{
	(void)state;
	for (int kind = 0; seg_hindrance_names[kind]; kind++)
		assert_int_equal(seg_hindrance_is_counted((seg_hindrance_kind)kind),
				 kind != SEG_HINDRANCE_NONE && kind != SEG_HINDRANCE_REFUSED);
}

static void a_text_is_one_line_and_a_long_one_is_cut(void **state)
{
	(void)state;
	seg_hindrance what = {0};
	char longest[2 * SEG_HINDRANCE_TEXT_MAX];
	seg_hindrance_set_text(&what, "a\nb\tc\x7f");
	assert_string_equal(what.text, "a b c ");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	seg_hindrance_set_text(&what, longest);
	assert_int_equal(strlen(what.text), SEG_HINDRANCE_TEXT_MAX - 1);
}

static void assert_sentence(seg_hindrance what, const char *text, const char *sentence)
{
	char said[SEG_HINDRANCE_SENTENCE_MAX];
	seg_hindrance_set_text(&what, text);
	assert_string_equal(seg_hindrance_sentence(&what, 100 * SEG_SECOND, said), sentence);
}

static void each_kind_has_its_sentence(void **state)
{
	(void)state;
	const seg_id id = {5, 0};
	assert_sentence((seg_hindrance){SEG_HINDRANCE_NONE, .id = id}, "x", "");
	assert_sentence((seg_hindrance){SEG_HINDRANCE_RETRY, id, 7, 112 * SEG_SECOND, ""},
			"the store is away", "message 5-0 fails: the store is away; attempt 7 in 12 s");
	assert_sentence((seg_hindrance){SEG_HINDRANCE_RETRY, id, 7, 99 * SEG_SECOND, ""}, "the store is away",
			"message 5-0 fails: the store is away; attempt 7 is under way");
	assert_sentence((seg_hindrance){SEG_HINDRANCE_HANG, id, 0, 65 * SEG_SECOND, ""},
			"plugin x has not returned from tick",
			"a call hangs, for 35 s now: plugin x has not returned from tick");
	assert_sentence((seg_hindrance){SEG_HINDRANCE_FULL, id, 9, 65 * SEG_SECOND, ""}, "it is broken",
			"message 5-0 waits for room among the dead letters, for 35 s now: "
			"dead_letter_limit is 9; it failed: it is broken");
	assert_sentence((seg_hindrance){SEG_HINDRANCE_FULL, {0, 0}, 9, 65 * SEG_SECOND, ""}, "",
			"the next message waits for room among the dead letters, for 35 s now: "
			"dead_letter_limit is 9");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_hinders_at_first),
		TEST(the_lowest_partition_is_shown_with_what_it_said_last),
		TEST(a_partition_that_goes_on_is_shown_no_longer),
		TEST(one_partition_may_be_hindered_in_two_ways),
		TEST(all_kinds_but_refusals_are_counted_for_themselves),
		TEST(a_text_is_one_line_and_a_long_one_is_cut),
		TEST(each_kind_has_its_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
