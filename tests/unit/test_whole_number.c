#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/whole_number.h"

static void the_whole_text_is_digits(void **state)
{
	(void)state;
	static const char *const others[] = {"", " 1", "1 ", "+1", "-1", "1-", "1.0", "0x1", "abc", "1_000"};
	uint64_t number;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (seg_whole_number_parse(others[i], &number))
			fail_msg("\"%s\" is taken as %llu", others[i], (unsigned long long)number);
	assert_true(seg_whole_number_parse("0", &number));
	assert_int_equal(number, 0);
	assert_true(seg_whole_number_parse("1700000000000", &number));
	assert_int_equal(number, 1700000000000);
}

static void zeros_in_front_do_not_count(void **state)
{
	(void)state;
	uint64_t number;
	assert_true(seg_whole_number_parse("0000000000000000000000000000042", &number));
	assert_int_equal(number, 42);
}

static void a_number_of_more_than_64_bits_is_none(void **state)
{
	(void)state;
	uint64_t number;
	assert_true(seg_whole_number_parse("9999999999999999999", &number));
	assert_int_equal(number, 9999999999999999999u);
	assert_true(seg_whole_number_parse("18446744073709551615", &number));
	assert_int_equal(number, UINT64_MAX);
	assert_false(seg_whole_number_parse("18446744073709551616", &number));
	assert_false(seg_whole_number_parse("18446744073709551620", &number));
	assert_false(seg_whole_number_parse("100000000000000000000", &number));
}

static void reading_stops_behind_the_digits_and_before_the_end(void **state)
{
	(void)state;
	static const char all[] = "17-42";
	uint64_t number;
	const char *text = all;
	assert_true(seg_whole_number_read(&text, all + 5, &number));
	assert_int_equal(number, 17);
	assert_ptr_equal(text, all + 2);
	text = all + 3;
	assert_true(seg_whole_number_read(&text, all + 4, &number));
	assert_int_equal(number, 4);
	assert_ptr_equal(text, all + 4);
	assert_false(seg_whole_number_read(&text, all + 4, &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_text_is_digits),
		cmocka_unit_test(zeros_in_front_do_not_count),
		cmocka_unit_test(a_number_of_more_than_64_bits_is_none),
		cmocka_unit_test(reading_stops_behind_the_digits_and_before_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
