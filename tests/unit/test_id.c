/* test_id.c - ids and start positions as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

static void an_id_survives_being_written_and_read(void **state)
{
	(void)state;
	const seg_id ids[] = {{0, 0}, {1700000000000, 3}, {UINT64_MAX, UINT64_MAX}};
	for (size_t i = 0; i < 3; i++) {
		char text[SEG_ID_TEXT_MAX];
		seg_id read;
		assert_int_equal(seg_id_parse(seg_id_format(ids[i], text), &read), 0);
		assert_int_equal(seg_id_compare(ids[i], read), 0);
	}
}

static void milliseconds_alone_are_an_id(void **state)
{
	(void)state;
	seg_id id;
	assert_int_equal(seg_id_parse("1700000000000", &id), 0);
	assert_int_equal(id.ms, 1700000000000);
	assert_int_equal(id.seq, 0);
}

static void an_invalid_id_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	const char *bad[] = {"",
			     "-",
			     "1-",
			     "-1",
			     "1-2-3",
			     "1 ",
			     " 1",
			     "a",
			     "1-a",
			     "+1",
			     "0x1",
			     "18446744073709551616",
			     "1-18446744073709551616",
			     "99999999999999999999999"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seg_id id = {7, 7};
		assert_int_equal(seg_id_parse(bad[i], &id), SEG_EINVAL);
		assert_int_equal(id.ms, 7);
	}
	seg_id id;
	assert_int_equal(seg_id_parse(NULL, &id), SEG_EINVAL);
}

static void ids_are_ordered_by_time_then_sequence(void **state)
{
	(void)state;
	assert_int_equal(seg_id_compare((seg_id){1, 9}, (seg_id){2, 0}), -1);
	assert_int_equal(seg_id_compare((seg_id){2, 0}, (seg_id){1, 9}), 1);
	assert_int_equal(seg_id_compare((seg_id){1, 1}, (seg_id){1, 2}), -1);
	assert_int_equal(seg_id_compare((seg_id){1, 2}, (seg_id){1, 1}), 1);
	assert_int_equal(seg_id_compare((seg_id){1, 2}, (seg_id){1, 2}), 0);
}

static seg_start parsed(const char *text)
{
	seg_start start;
	seg_error error = {0};
	if (seg_start_parse(text, &start, &error))
		fail_msg("%s: %s", text, error.text);
	return start;
}

static void a_start_is_a_word_or_an_id(void **state)
{
	(void)state;
	assert_int_equal(parsed("earliest").kind, SEG_START_EARLIEST);
	assert_int_equal(parsed("latest").kind, SEG_START_LATEST);
	seg_start start = parsed("1700000000000-5");
	assert_int_equal(start.kind, SEG_START_AFTER_ID);
	assert_int_equal(start.id.ms, 1700000000000);
	assert_int_equal(start.id.seq, 5);
}

static void a_start_may_be_a_time_in_any_zone(void **state)
{
	(void)state;
	const struct {
		const char *text;
		uint64_t ms;
	} times[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-23T13:00:00Z", 1795438800000},
		{"2026-11-23t13:00:00z", 1795438800000},
		{"2026-11-23 13:00:00Z", 1795438800000},
		{"2026-11-23T14:30:00+01:30", 1795438800000},
		{"2026-11-23T08:00:00-05:00", 1795438800000},
		{"2026-11-23T13:00:00.5Z", 1795438800500},
		{"2026-11-23T13:00:00.123456789Z", 1795438800123},
		{"2024-02-29T00:00:00Z", 1709164800000},
		{"2016-12-31T23:59:60Z", 1483228800000},
	};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		seg_start start = parsed(times[i].text);
		assert_int_equal(start.kind, SEG_START_TIME);
		assert_int_equal(start.id.ms, times[i].ms);
		assert_int_equal(start.id.seq, 0);
	}
}

static void a_bad_start_is_refused_with_what_is_allowed(void **state)
{
	(void)state;
	const char *bad[] = {"",
			     "Earliest",
			     "now",
			     "2026-11-23",
			     "2026-11-23T13:00:00",
			     "2026-13-01T00:00:00Z",
			     "2026-02-30T00:00:00Z",
			     "2026-02-29T00:00:00Z",
			     "2026-00-01T00:00:00Z",
			     "2026-11-23T24:00:00Z",
			     "2026-11-23T13:60:00Z",
			     "2026-11-23T13:00:61Z",
			     "2026-11-23T13:00:00.Z",
			     "2026-11-23T13:00:00+0100",
			     "2026-11-23T13:00:00Zx",
			     "1969-12-31T23:59:59Z",
			     "1970-01-01T00:00:00+01:00",
			     "-5",
			     "$"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seg_start start = {.kind = SEG_START_LATEST};
		seg_error error = {0};
		assert_int_equal(seg_start_parse(bad[i], &start, &error), SEG_EINVAL);
		assert_non_null(strstr(error.text, "earliest, latest, an id"));
		assert_int_equal(start.kind, SEG_START_LATEST);
	}
	seg_start start;
	assert_int_equal(seg_start_parse(NULL, &start, NULL), SEG_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_survives_being_written_and_read),
		cmocka_unit_test(milliseconds_alone_are_an_id),
		cmocka_unit_test(an_invalid_id_is_refused_and_changes_nothing),
		cmocka_unit_test(ids_are_ordered_by_time_then_sequence),
		cmocka_unit_test(a_start_is_a_word_or_an_id),
		cmocka_unit_test(a_start_may_be_a_time_in_any_zone),
		cmocka_unit_test(a_bad_start_is_refused_with_what_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
