/* test_spelling.c - how option values are written and read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "stream/spelling.h"

static void assert_both_ways(const char *const *names, int value, const char *name)
{
	assert_string_equal(seg_spelling_name(names, value), name);
	assert_int_equal(seg_spelling_value(names, name, strlen(name)), value);
}

static void every_value_has_one_name_both_ways(void **state)
{
	(void)state;
	assert_both_ways(seg_overflow_names, SEG_OVERFLOW_REJECT, "reject");
	assert_both_ways(seg_overflow_names, SEG_OVERFLOW_DROP_OLDEST, "drop-oldest");
	assert_both_ways(seg_packing_names, SEG_PACKING_OFF, "off");
	assert_both_ways(seg_packing_names, SEG_PACKING_ON, "on");
	assert_both_ways(seg_packing_names, SEG_PACKING_LZ4, "lz4");
	assert_both_ways(seg_packing_names, SEG_PACKING_ZSTD, "zstd");
	assert_both_ways(seg_codec_names, SEG_CODEC_RAW, "raw");
	assert_both_ways(seg_codec_names, SEG_CODEC_SEGMENTER_GO, "segmenter-go");
}

static void a_value_outside_the_enum_has_no_name(void **state)
{
	(void)state;
	assert_null(seg_spelling_name(seg_overflow_names, -1));
	assert_null(seg_spelling_name(seg_overflow_names, 2));
	assert_null(seg_spelling_name(seg_packing_names, 4));
	assert_null(seg_spelling_name(seg_codec_names, INT32_MAX));
}

static void a_text_that_is_not_exactly_a_name_has_no_value(void **state)
{
	(void)state;
	const struct {
		const char *text;
		size_t length;
	} others[] = {{"", 0}, {"rej", 3}, {"Reject", 6}, {"rejects", 7}, {"reject\0x", 8}};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(seg_spelling_value(seg_overflow_names, others[i].text, others[i].length),
				 -1);
}

static void a_start_is_written_as_it_is_parsed(void **state)
{
	(void)state;
	const char *const texts[] = {"earliest", "latest", "1700000000000-5", "2026-11-23T13:00:00.250Z",
				     "9999-12-31T23:59:59.999Z"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		seg_start start;
		char text[SEG_START_TEXT_MAX];
		assert_int_equal(seg_start_parse(texts[i], &start, NULL), 0);
		assert_string_equal(seg_start_format(&start, text), texts[i]);
	}
}

static void a_time_that_no_calendar_of_four_digits_has_is_written_as_an_id(void **state)
{
	(void)state;
	const seg_start late[] = {{SEG_START_TIME, {253402300800000, 0}}, {SEG_START_TIME, {UINT64_MAX, 0}}};
	const char *const texts[] = {"253402300800000-0", "18446744073709551615-0"};
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		char text[SEG_START_TEXT_MAX];
		assert_string_equal(seg_start_format(&late[i], text), texts[i]);
	}
}

static void a_value_out_of_range_is_refused_with_its_name_and_the_range(void **state)
{
	(void)state;
	seg_error error = {0};
	assert_int_equal(seg_range_check("capacity", 1, 1, 1000, &error), 0);
	assert_int_equal(seg_range_check("capacity", 1000, 1, 1000, &error), 0);
	assert_int_equal(seg_range_check("capacity", 0, 1, 1000, &error), SEG_EINVAL);
	assert_string_equal(error.text, "capacity is 0; it must be 1 to 1000");
	assert_int_equal(seg_range_check("capacity", UINT64_MAX, 1, 1000, NULL), SEG_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_has_one_name_both_ways),
		cmocka_unit_test(a_value_outside_the_enum_has_no_name),
		cmocka_unit_test(a_text_that_is_not_exactly_a_name_has_no_value),
		cmocka_unit_test(a_start_is_written_as_it_is_parsed),
		cmocka_unit_test(a_time_that_no_calendar_of_four_digits_has_is_written_as_an_id),
		cmocka_unit_test(a_value_out_of_range_is_refused_with_its_name_and_the_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
