/* test_units.c - values as people write them, and the suggestions of "did you mean". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/path.h"
#include "config/print.h"
#include "plugin/option.h"
#include "base/units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef int parse_fn(const char *text, int64_t *value, seg_error *error);

struct good {
	const char *text;
	int64_t value;
};

struct bad {
	const char *text;
	const char *error;
};

static void expect_good(parse_fn *parse, const struct good *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t value = -1;
		seg_error error = {0};
		if (parse(cases[i].text, &value, &error) != 0)
			fail_msg("\"%s\" was refused: %s", cases[i].text, error.text);
		if (value != cases[i].value)
			fail_msg("\"%s\" is %lld, not %lld", cases[i].text, (long long)value,
				 (long long)cases[i].value);
	}
}

static void expect_bad(parse_fn *parse, const struct bad *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t value = 4711;
		seg_error error = {0};
		if (parse(cases[i].text, &value, &error) != SEG_EINVAL)
			fail_msg("\"%s\" was taken as %lld", cases[i].text, (long long)value);
		assert_string_equal(error.text, cases[i].error);
		assert_int_equal(parse(cases[i].text, &value, NULL), SEG_EINVAL);
	}
}

static void a_duration_is_a_number_and_a_unit(void **state)
{
	static const struct good cases[] = {
		{"0", 0},
		{"0s", 0},
		{"1ns", 1},
		{"7us", 7000},
		{"500ms", 500000000},
		{"10s", 10000000000},
		{"5min", 300000000000},
		{"2h", 7200000000000},
		{"1d", 86400000000000},
		{"1.5s", 1500000000},
		{"0.25ms", 250000},
		{"10 s", 10000000000},
		{"1_000ms", 1000000000},
		{"0.0", 0},
		{"9223372036854775807ns", INT64_MAX},
		{"106751d", 9223286400000000000},
	};
	(void)state;
	expect_good(seg_units_duration, cases, COUNT(cases));
}

static void an_invalid_duration_is_refused_with_what_to_write(void **state)
{
#define NO_DURATION "is not a duration; write a number and a unit, such as 500ms, 10s or 5min"
#define TOO_LONG "is too large for a duration; write a smaller one"
	static const struct bad cases[] = {
		{"", "\"\" " NO_DURATION},
		{"fast", "\"fast\" " NO_DURATION},
		{"s", "\"s\" " NO_DURATION},
		{".5s", "\".5s\" " NO_DURATION},
		{"5.s", "\"5.s\" " NO_DURATION},
		{"_5s", "\"_5s\" " NO_DURATION},
		{" 5s", "\" 5s\" " NO_DURATION},
		{"+5s", "\"+5s\" " NO_DURATION},
		{"10", "\"10\" has no unit; write one of ns us ms s min h d after it"},
		{"0.5", "\"0.5\" has no unit; write one of ns us ms s min h d after it"},
		{"-1s", "\"-1s\" is negative; a duration is 0 or more"},
		{"10 sec", "\"10 sec\" has the unknown unit \"sec\"; did you mean \"s\"?"},
		{"5m", "\"5m\" has the unknown unit \"m\"; did you mean \"min\"?"},
		{"5minutes", "\"5minutes\" has the unknown unit \"minutes\"; did you mean \"min\"?"},
		{"3µs", "\"3µs\" has the unknown unit \"µs\"; did you mean \"us\"?"},
		{"1H", "\"1H\" has the unknown unit \"H\"; did you mean \"h\"?"},
		{"5 weeks", "\"5 weeks\" has the unknown unit \"weeks\"; write one of ns us ms s min h d"},
		{"5_s", "\"5_s\" has the unknown unit \"_s\"; write one of ns us ms s min h d"},
		{"1__0s", "\"1__0s\" has the unknown unit \"__0s\"; write one of ns us ms s min h d"},
		{"1s2s", "\"1s2s\" has the unknown unit \"s2s\"; write one of ns us ms s min h d"},
		{"0.5ns", "\"0.5ns\" is not a whole number of ns; write fewer decimals"},
		{"106752d", "\"106752d\" " TOO_LONG},
		{"9223372036854775808ns", "\"9223372036854775808ns\" " TOO_LONG},
		{"0.9999999999999999999s", "\"0.9999999999999999999s\" " TOO_LONG},
	};
	(void)state;
	expect_bad(seg_units_duration, cases, COUNT(cases));
}

static void a_size_has_binary_and_decimal_units(void **state)
{
	static const struct good cases[] = {
		{"0", 0},
		{"1B", 1},
		{"4KiB", 4096},
		{"4MiB", 4194304},
		{"2GiB", 2147483648},
		{"1TiB", 1099511627776},
		{"1KB", 1000},
		{"1MB", 1000000},
		{"1GB", 1000000000},
		{"1TB", 1000000000000},
		{"1.5KiB", 1536},
		{"0.5 GiB", 536870912},
	};
	(void)state;
	expect_good(seg_units_size, cases, COUNT(cases));
}

static void an_invalid_size_is_refused_with_what_to_write(void **state)
{
	static const struct bad cases[] = {
		{"much", "\"much\" is not a size; write a number and a unit, such as 512B, 64KiB or 4MiB"},
		{"4096", "\"4096\" has no unit; write one of B KiB MiB GiB TiB KB MB GB TB after it"},
		{"4k", "\"4k\" has the unknown unit \"k\"; did you mean \"KiB\"?"},
		{"4M", "\"4M\" has the unknown unit \"M\"; did you mean \"MiB\"?"},
		{"4mb", "\"4mb\" has the unknown unit \"mb\"; did you mean \"MB\"?"},
		{"4mib", "\"4mib\" has the unknown unit \"mib\"; did you mean \"MiB\"?"},
		{"4s", "\"4s\" has the unknown unit \"s\"; write one of B KiB MiB GiB TiB KB MB GB TB"},
		{"1.3B", "\"1.3B\" is not a whole number of B; write fewer decimals"},
		{"8388608TiB", "\"8388608TiB\" is too large for a size; write a smaller one"},
	};
	(void)state;
	expect_bad(seg_units_size, cases, COUNT(cases));
}

static void an_integer_may_be_grouped_and_signed(void **state)
{
	static const struct good cases[] = {
		{"0", 0},
		{"007", 7},
		{"-5", -5},
		{"+5", 5},
		{"1_000_000", 1000000},
		{"9223372036854775807", INT64_MAX},
		{"-9223372036854775807", -INT64_MAX},
	};
	(void)state;
	expect_good(seg_units_integer, cases, COUNT(cases));
}

static void an_invalid_integer_is_refused_with_what_to_write(void **state)
{
#define NO_INTEGER "is not a whole number; write digits only, such as 1000 or 1_000"
	static const struct bad cases[] = {
		{"", "\"\" " NO_INTEGER},
		{"-", "\"-\" " NO_INTEGER},
		{"ten", "\"ten\" " NO_INTEGER},
		{"1.5", "\"1.5\" " NO_INTEGER},
		{"1,000", "\"1,000\" " NO_INTEGER},
		{"0x10", "\"0x10\" " NO_INTEGER},
		{"1e3", "\"1e3\" " NO_INTEGER},
		{"5_", "\"5_\" " NO_INTEGER},
		{"9223372036854775808",
		 "\"9223372036854775808\" is too large for a number; write a smaller one"},
	};
	(void)state;
	expect_bad(seg_units_integer, cases, COUNT(cases));
}

static void a_boolean_has_eight_words_in_any_case(void **state)
{
	static const char *const yes[] = {"yes", "YES", "true", "True", "on", "1"};
	static const char *const no[] = {"no", "No", "false", "FALSE", "off", "0"};
	seg_error error;
	bool value;
	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++) {
		assert_int_equal(seg_units_boolean(yes[i], &value, NULL), 0);
		assert_true(value);
		assert_int_equal(seg_units_boolean(no[i], &value, NULL), 0);
		assert_false(value);
	}
	assert_int_equal(seg_units_boolean("maybe", &value, &error), SEG_EINVAL);
	assert_string_equal(error.text, "\"maybe\" is not a boolean; write yes or no");
	assert_int_equal(seg_units_boolean("", &value, NULL), SEG_EINVAL);
}

static void a_formatted_value_is_short_and_parses_to_itself(void **state)
{
	static const struct good durations[] = {
		{"0", 0},
		{"1ns", 1},
		{"1500ms", 1500000000},
		{"90s", 90000000000},
		{"1min", 60000000000},
		{"36h", 129600000000000},
		{"2d", 172800000000000},
		{"9223372036854775807ns", INT64_MAX},
	};
	static const struct good sizes[] = {
		{"0", 0}, {"1000B", 1000}, {"1536B", 1536}, {"4MiB", 4194304}, {"3GiB", 3221225472},
	};
	char text[SEG_UNITS_TEXT_MAX];
	int64_t value;
	(void)state;
	for (size_t i = 0; i < COUNT(durations); i++) {
		assert_string_equal(seg_units_duration_format(durations[i].value, text), durations[i].text);
		assert_int_equal(seg_units_duration(text, &value, NULL), 0);
		assert_true(value == durations[i].value);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		assert_string_equal(seg_units_size_format(sizes[i].value, text), sizes[i].text);
		assert_int_equal(seg_units_size(text, &value, NULL), 0);
		assert_true(value == sizes[i].value);
	}
}

static void a_typo_finds_the_intended_word_and_no_other(void **state)
{
	static const char *const words[] = {"address", "batch_size", "batch_linger", "tick", "timeout"};
	static const struct {
		const char *word, *meant;
	} cases[] = {
		{"adress", "address"},
		{"addresss", "address"},
		{"adderss", "address"},
		{"ADDRESS", "address"},
		{"batch-size", "batch_size"},
		{"batchsize", "batch_size"},
		{"batch_lingers", "batch_linger"},
		{"tikc", "tick"},
		{"tick_s", "tick"},
		{"time_out", "timeout"},
		{"time", NULL},
		{"stream", NULL},
		{"", NULL},
		{"t", NULL},
		{"tock", "tick"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *meant = seg_suggest(cases[i].word, words, COUNT(words));
		if (!cases[i].meant && meant)
			fail_msg("\"%s\" was taken for \"%s\"", cases[i].word, meant);
		if (cases[i].meant && !meant)
			fail_msg("\"%s\" found nothing", cases[i].word);
		if (cases[i].meant)
			assert_string_equal(meant, cases[i].meant);
	}
}

static void a_word_of_any_length_is_safe_to_suggest_for(void **state)
{
	static const char *const words[] = {"address"};
	char word[300];
	(void)state;
	memset(word, 'a', sizeof(word));
	for (size_t length = 0; length < sizeof(word); length++) {
		word[length] = '\0';
		(void)seg_suggest(word, words, 1);
		const char *const candidates[] = {word};
		(void)seg_suggest("address", candidates, 1);
		word[length] = 'a';
	}
}

static void a_plugins_value_is_checked_by_its_declared_type(void **state)
{
	seg_error error;
	(void)state;
	assert_int_equal(seg_option_check(SEG_OPTION_TEXT, "", NULL), 0);
	assert_int_equal(seg_option_check(SEG_OPTION_INTEGER, "-5", NULL), 0);
	assert_int_equal(seg_option_check(SEG_OPTION_INTEGER, "64KiB", NULL), 0);
	assert_int_equal(seg_option_check(SEG_OPTION_DURATION, "500ms", NULL), 0);
	assert_int_equal(seg_option_check(SEG_OPTION_BOOLEAN, "yes", NULL), 0);
	assert_int_equal(seg_option_check(SEG_OPTION_PATH, "out", NULL), 0);
	assert_int_equal(seg_option_check(SEG_OPTION_INTEGER, "64k", &error), SEG_EINVAL);
	assert_string_equal(error.text, "\"64k\" has the unknown unit \"k\"; did you mean \"KiB\"?");
	assert_int_equal(seg_option_check(SEG_OPTION_DURATION, "500", NULL), SEG_EINVAL);
	assert_int_equal(seg_option_check(SEG_OPTION_BOOLEAN, "2", NULL), SEG_EINVAL);
	assert_int_equal(seg_option_check(SEG_OPTION_PATH, "", NULL), SEG_EINVAL);
	assert_int_equal(seg_option_check(99, "x", &error), SEG_EINVAL);
	assert_string_equal(
		error.text,
		"the plugin declares the unknown option type 99; it was built for a later segrunner");
}

static void a_checked_value_converts_and_a_missing_one_is_zero(void **state)
{
	(void)state;
	assert_int_equal(seg_option_to_integer("64KiB"), 65536);
	assert_int_equal(seg_option_to_integer("-3"), -3);
	assert_int_equal(seg_option_to_duration("3ms"), 3000000);
	assert_int_equal(seg_option_to_boolean("on"), 1);
	assert_int_equal(seg_option_to_integer(NULL), 0);
	assert_int_equal(seg_option_to_duration(NULL), 0);
	assert_int_equal(seg_option_to_boolean(NULL), 0);
	assert_int_equal(seg_option_to_boolean("garbage"), 0);
}

static void expect_path(const char *file, const char *text, const char *expected)
{
	char *path = seg_config_path(file, text);
	assert_string_equal(path, expected);
	free(path);
}

static void a_relative_path_starts_at_the_file_it_is_written_in(void **state)
{
	(void)state;
	expect_path("/etc/segmenter/a.ini", "out", "/etc/segmenter/out");
	expect_path("conf/a.ini", "../out", "conf/../out");
	expect_path("a.ini", "out", "out");
	expect_path("/a.ini", "out", "/out");
	expect_path("/etc/a.ini", "/var/out", "/var/out");
	expect_path("/etc/a.ini", "-", "-");
	expect_path(NULL, "out", "out");
}

static void an_option_is_found_by_name_and_its_name_suggested(void **state)
{
	static const seg_option options[] = {
		{.name = "path", .type = SEG_OPTION_PATH},
		{.name = "rotate", .type = SEG_OPTION_DURATION},
		{.name = NULL},
	};
	const char *names[4];
	(void)state;
	assert_ptr_equal(seg_option_find(options, "rotate"), &options[1]);
	assert_null(seg_option_find(options, "rotat"));
	assert_null(seg_option_find(NULL, "path"));
	assert_int_equal(seg_option_names(options, names, 4), 2);
	assert_int_equal(seg_option_names(options, names, 1), 1);
	assert_int_equal(seg_option_names(NULL, names, 4), 0);
	assert_string_equal(seg_suggest("rotat", (const char *const[]){"path", "rotate"}, 2), "rotate");
}

static void a_name_that_sounds_secret_is_secret(void **state)
{
	(void)state;
	assert_true(seg_config_is_secret("password"));
	assert_true(seg_config_is_secret("db_PASSWORD"));
	assert_true(seg_config_is_secret("auth_token"));
	assert_false(seg_config_is_secret("path"));
	assert_false(seg_config_is_secret("partition_key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_duration_is_a_number_and_a_unit),
		cmocka_unit_test(an_invalid_duration_is_refused_with_what_to_write),
		cmocka_unit_test(a_size_has_binary_and_decimal_units),
		cmocka_unit_test(an_invalid_size_is_refused_with_what_to_write),
		cmocka_unit_test(an_integer_may_be_grouped_and_signed),
		cmocka_unit_test(an_invalid_integer_is_refused_with_what_to_write),
		cmocka_unit_test(a_boolean_has_eight_words_in_any_case),
		cmocka_unit_test(a_formatted_value_is_short_and_parses_to_itself),
		cmocka_unit_test(a_typo_finds_the_intended_word_and_no_other),
		cmocka_unit_test(a_word_of_any_length_is_safe_to_suggest_for),
		cmocka_unit_test(a_plugins_value_is_checked_by_its_declared_type),
		cmocka_unit_test(a_checked_value_converts_and_a_missing_one_is_zero),
		cmocka_unit_test(a_relative_path_starts_at_the_file_it_is_written_in),
		cmocka_unit_test(an_option_is_found_by_name_and_its_name_suggested),
		cmocka_unit_test(a_name_that_sounds_secret_is_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
