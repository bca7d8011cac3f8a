/* test_record.c - which records may be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stream/record.h"

static int check(const seg_record *record, uint64_t max, const char *part_of_text)
{
	seg_error error = {0};
	int status = seg_record_check(record, max, &error);
	if (status && !strstr(error.text, part_of_text))
		fail_msg("\"%s\" does not say \"%s\"", error.text, part_of_text);
	return status;
}

static void key_and_data_may_be_empty_or_hold_nuls(void **state)
{
	(void)state;
	seg_record empty = {0};
	seg_record binary = {.key = "a\0b", .key_length = 3, .data = "\0", .data_length = 1};
	assert_int_equal(check(&empty, 1, ""), 0);
	assert_int_equal(check(&binary, 4, ""), 0);
}

static void a_length_without_bytes_is_refused(void **state)
{
	(void)state;
	seg_record key = {.key_length = 1}, data = {.data_length = 1};
	assert_int_equal(check(&key, 100, "no key"), SEG_EINVAL);
	assert_int_equal(check(&data, 100, "no data"), SEG_EINVAL);
	assert_int_equal(check(NULL, 100, "the record is NULL"), SEG_EINVAL);
}

static void a_record_over_the_limit_is_too_big(void **state)
{
	(void)state;
	seg_header header = {"h", 1, "v", 1};
	seg_record record = {"k", 1, "0123456789", 10, &header, 1};
	assert_int_equal(check(&record, 13, ""), 0);
	assert_int_equal(check(&record, 12, "13 bytes"), SEG_ETOOBIG);
}

static void lengths_that_wrap_around_are_too_big(void **state)
{
	(void)state;
	seg_record record = {.key = "k", .key_length = SIZE_MAX, .data = "d", .data_length = 2};
	assert_int_equal(check(&record, 100, "bytes"), SEG_ETOOBIG);
}

static void a_header_needs_a_name_of_its_own(void **state)
{
	(void)state;
	const struct {
		seg_header header;
		const char *text;
	} bad[] = {
		{{NULL, 0, "v", 1}, "no name"},           {{"", 0, "v", 1}, "no name"},
		{{"h", 1, NULL, 1}, "no value"},          {{"data", 4, "v", 1}, "rename"},
		{{"partitionKey", 12, "v", 1}, "rename"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seg_record record = {.headers = &bad[i].header, .header_count = 1};
		assert_int_equal(check(&record, 100, bad[i].text), SEG_EINVAL);
	}
}

static void a_header_may_resemble_a_field_and_have_no_value(void **state)
{
	(void)state;
	seg_header headers[] = {{"dat", 3, NULL, 0},
				{"data2", 5, "", 0},
				{"Data", 4, "x", 1},
				{"data\0", 5, "y", 1}};
	seg_record record = {.headers = headers, .header_count = 4};
	assert_int_equal(check(&record, 100, ""), 0);
	assert_int_equal(seg_record_bytes(&record), 19);
}

static void more_than_1024_headers_are_refused(void **state)
{
	(void)state;
	static seg_header headers[SEG_HEADERS_MAX + 1];
	for (size_t i = 0; i <= SEG_HEADERS_MAX; i++)
		headers[i] = (seg_header){"h", 1, "v", 1};
	seg_record record = {.headers = headers, .header_count = SEG_HEADERS_MAX};
	assert_int_equal(check(&record, 10000, ""), 0);
	record.header_count++;
	assert_int_equal(check(&record, 10000, "1025 headers"), SEG_ETOOBIG);
	record = (seg_record){.header_count = 1};
	assert_int_equal(check(&record, 10000, "no headers"), SEG_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_and_data_may_be_empty_or_hold_nuls),
		cmocka_unit_test(a_length_without_bytes_is_refused),
		cmocka_unit_test(a_record_over_the_limit_is_too_big),
		cmocka_unit_test(lengths_that_wrap_around_are_too_big),
		cmocka_unit_test(a_header_needs_a_name_of_its_own),
		cmocka_unit_test(a_header_may_resemble_a_field_and_have_no_value),
		cmocka_unit_test(more_than_1024_headers_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
