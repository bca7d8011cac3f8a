/*
 * test_admin_parts.c - where the admin server listens, who may ask it, which events it keeps, and how it
 * counts durations; the history of a group; and how it shows what Redis has.
 */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/durations.h"
#include "admin/access.h"
#include "admin/events.h"
#include "admin/history.h"
#include "admin/json.h"
#include "config/listen.h"
#include "look/snapshot.h"

/* --- listening ---------------------------------------------------------------------------- */

static void an_address_is_printed_as_it_was_written(void **state)
{
	(void)state;
	static const char *const good[] = {"127.0.0.1:9464", "0.0.0.0:0", "[::1]:65535", "[::]:80",
					   "192.168.7.1:1"};
	char text[SEG_LISTEN_TEXT_MAX];
	seg_listen listen;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(seg_listen_parse(good[i], &listen, NULL), 0);
		assert_string_equal(seg_listen_format(&listen, text), good[i]);
	}
	assert_int_equal(seg_listen_parse("localhost:9464", &listen, NULL), 0);
	assert_string_equal(seg_listen_format(&listen, text), "127.0.0.1:9464");
}

static void only_what_this_machine_reaches_alone_is_loopback(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool loopback;
	} cases[] = {
		{"127.0.0.1:1", true}, {"127.8.9.10:1", true}, {"localhost:1", true},
		{"[::1]:1", true},     {"0.0.0.0:1", false},   {"[::]:1", false},
		{"10.0.0.1:1", false}, {"128.0.0.1:1", false}, {"[fe80::1]:1", false},
	};
	seg_listen listen;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(seg_listen_parse(cases[i].text, &listen, NULL), 0);
		assert_int_equal(listen.loopback, cases[i].loopback);
	}
}

static void an_invalid_address_and_port_is_refused_with_what_to_write(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		":",
		"9464",
		":9464",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1: 80",
		"127.0.0.1:+80",
		"127.0.0.1:80x",
		"127.0.0.1:65536",
		"127.0.0.1:99999999999999999999",
		"::1:9464",
		"[::1]",
		"[::1:9464",
		"[]:1",
		"example.org:9464",
		"*:9464",
		"1.2.3:4",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seg_listen listen;
		seg_error error = {0};
		assert_int_equal(seg_listen_parse(bad[i], &listen, &error), SEG_EINVAL);
		assert_non_null(strstr(error.text, "write 127.0.0.1:9464, [::1]:9464 or off"));
	}
}

/* --- asking --------------------------------------------------------------------------------- */

static void the_token_opens_as_bearer_and_as_password_and_nothing_else_does(void **state)
{
	(void)state;
	static const char *const good[] = {"Bearer a:b c", "bearer a:b c", "Basic eDphOmIgYw==" /* x:a:b c */,
					   "Basic OmE6YiBj" /* :a:b c */};
	static const char *const bad[] = {"",
					  "Bearer",
					  "Bearer ",
					  "Bearer a:b",
					  "Bearer a:b cc",
					  "a:b c",
					  "Basic",
					  "Basic ",
					  "Basic eDphOmI=" /* x:a:b */,
					  "Basic ====",
					  "Basic YTpi" /* a:b */,
					  "Digest a:b c"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(seg_access_has_token(good[i], "a:b c"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(seg_access_has_token(bad[i], "a:b c"));
	assert_false(seg_access_has_token(NULL, "a:b c"));
	char long_one[20000] = "Basic ";
	memset(long_one + 6, 'A', sizeof(long_one) - 7);
	assert_false(seg_access_has_token(long_one, "a:b c"));
}

static void only_addresses_and_localhost_are_names_that_nobody_else_can_have(void **state)
{
	(void)state;
	assert_true(seg_access_host_is_plain(NULL));
	assert_true(seg_access_host_is_plain("127.0.0.1"));
	assert_true(seg_access_host_is_plain("127.0.0.1:9464"));
	assert_true(seg_access_host_is_plain("[::1]:9464"));
	assert_true(seg_access_host_is_plain("LocalHost:9464"));
	assert_false(seg_access_host_is_plain("example.org"));
	assert_false(seg_access_host_is_plain("127.0.0.1.example.org"));
	assert_false(seg_access_host_is_plain("localhost.example.org:80"));
	assert_false(seg_access_host_is_plain("localhos"));
}

/* --- events ---------------------------------------------------------------------------------- */

static void count_line(void *arg, const seg_log_event *event)
{
	(void)event;
	(*(int *)arg)++;
}

static void write_line(seg_events *events, int level, const char *text)
{
	seg_log_event event = {.level = level, .text = text, .stream = "s", .partition = -1};
	seg_events_write(events, &event);
}

static void the_newest_events_of_each_level_are_kept_and_all_lines_reach_the_log(void **state)
{
	(void)state;
	int lines = 0;
	static seg_event list[SEG_EVENTS_MAX];
	seg_events *events = seg_events_create(seg_logger_make(count_line, &lines));
	assert_non_null(events);
	write_line(events, SEG_LOG_DEBUG, "not for here");
	assert_int_equal(seg_events_newest(events), 0);
	assert_int_equal(seg_events_copy(events, 0, list), 0);
	write_line(events, SEG_LOG_ERROR, "an error");
	for (int i = 1; i <= SEG_EVENTS_KEPT + 10; i++) {
		char text[32];
		snprintf(text, sizeof(text), "line %d", i);
		write_line(events, SEG_LOG_INFO, text);
	}
	write_line(events, SEG_LOG_WARNING, "a warning");
	assert_int_equal(lines, SEG_EVENTS_KEPT + 13);
	assert_int_equal(seg_events_newest(events), SEG_EVENTS_KEPT + 12);
	assert_int_equal(seg_events_copy(events, 0, list), SEG_EVENTS_KEPT + 2);
	assert_string_equal(list[0].text, "an error");
	assert_string_equal(list[1].text, "line 11");
	assert_string_equal(list[1].stream, "s");
	assert_string_equal(list[1].group, "");
	assert_string_equal(list[SEG_EVENTS_KEPT + 1].text, "a warning");
	assert_int_equal(seg_events_copy(events, SEG_EVENTS_KEPT + 10, list), 2);
	assert_int_equal(seg_events_copy(events, SEG_EVENTS_KEPT + 12, list), 0);
	seg_events_destroy(events);
}

enum { WRITERS = 3, LINES = 20000 };

static void *write_many(void *arg)
{
	char text[200];
	for (int i = 0; i < LINES; i++) {
		/* A torn event would hold two different letters. */
		memset(text, 'a' + i % 26, sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		write_line(arg, SEG_LOG_WARNING, text);
	}
	return NULL;
}

static void an_event_that_is_read_while_others_write_is_whole(void **state)
{
	(void)state;
	static seg_event list[SEG_EVENTS_MAX];
	seg_events *events = seg_events_create(seg_logger_make(NULL, NULL));
	pthread_t writers[WRITERS];
	uint64_t newest;
	assert_non_null(events);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, write_many, events), 0);
	do {
		newest = seg_events_newest(events);
		size_t count = seg_events_copy(events, 0, list);
		for (size_t i = 0; i < count; i++) {
			char letter[2] = {list[i].text[0], '\0'};
			assert_int_equal(strspn(list[i].text, letter), 199);
			assert_true(i == 0 || list[i].number > list[i - 1].number);
		}
	} while (newest < (uint64_t)WRITERS * LINES);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	assert_true(seg_events_copy(events, 0, list) > 0);
	seg_events_destroy(events);
}

/* --- durations -------------------------------------------------------------------------------- */

static void a_duration_is_counted_in_the_first_bucket_that_holds_it(void **state)
{
	(void)state;
	seg_durations durations = {0};
	seg_durations_add(&durations, -5);
	seg_durations_add(&durations, 0);
	seg_durations_add(&durations, seg_durations_bounds[0]);
	seg_durations_add(&durations, seg_durations_bounds[0] + 1);
	seg_durations_add(&durations, seg_durations_bounds[SEG_DURATIONS_BOUNDS - 1]);
	seg_durations_add(&durations, INT64_MAX / 2);
	assert_int_equal(durations.buckets[0], 3);
	assert_int_equal(durations.buckets[1], 1);
	assert_int_equal(durations.buckets[SEG_DURATIONS_BOUNDS - 1], 1);
	assert_int_equal(durations.buckets[SEG_DURATIONS_BOUNDS], 1);
	for (unsigned i = 1; i < SEG_DURATIONS_BOUNDS; i++)
		assert_true(seg_durations_bounds[i] > seg_durations_bounds[i - 1]);
}

/* --- history ---------------------------------------------------------------------------------- */

#define BEGIN (1000 * SEG_SECOND) /* seg_now(); the wall clock shows BEGIN later */

/* So many seconds after BEGIN, with these rates. */
static void note(seg_history *history, int seconds, double committed, const seg_history_counters *counters)
{
	seg_history_reading reading = {.now = BEGIN + seconds * SEG_SECOND,
				       .wall = 2 * BEGIN + seconds * SEG_SECOND,
				       .lag = seconds,
				       .behind = 1,
				       .committed = committed,
				       .added = 2 * committed,
				       .counters = counters};
	seg_history_note(history, &reading);
}

static seg_history_sample samples[SEG_HISTORY_SAMPLES];

/* As seen so many seconds after BEGIN, after `after`. */
static size_t copy(seg_history *history, int seconds, int64_t after)
{
	return seg_history_copy(history, 2 * BEGIN + seconds * SEG_SECOND, after, samples);
}

static void a_history_averages_the_readings_between_two_samples(void **state)
{
	(void)state;
	seg_history *history = seg_history_create();
	note(history, 0, -1, NULL);
	note(history, 2, 100, NULL);
	note(history, 4, -1, NULL);
	note(history, 10, 20, NULL);
	assert_int_equal(copy(history, 10, 0), 2);
	assert_true(samples[0].committed < 0 && samples[0].added < 0 && samples[0].lag == 0);
	/* 100 for 2 s and 20 for 6 s; for 2 s nobody knows. */
	assert_true(samples[1].committed == 40 && samples[1].added == 80 && samples[1].lag == 10);
	assert_true(samples[1].handled < 0 && samples[1].handler_p50 < 0 && samples[1].commit_p99 < 0);
	assert_int_equal(copy(history, 10, samples[0].at), 1);
	assert_int_equal(copy(history, 10, samples[0].at), 0); /* `samples` now begins with the second one */
	seg_history_destroy(history);
}

static void a_history_holds_an_hour_and_no_more(void **state)
{
	(void)state;
	seg_history *history = seg_history_create();
	for (int seconds = 0; seconds <= 3 * 3600; seconds += 2)
		note(history, seconds, 1, NULL);
	assert_int_equal(copy(history, 3 * 3600, 0), SEG_HISTORY_SAMPLES);
	for (size_t i = 0; i < SEG_HISTORY_SAMPLES; i++)
		assert_int_equal(samples[i].lag, 3 * 3600 - 10 * (SEG_HISTORY_SAMPLES - 1 - (int)i));
	/* It ages while nothing is read. */
	assert_int_equal(copy(history, 3 * 3600 + 1800, 0), SEG_HISTORY_SAMPLES / 2 + 1);
	assert_int_equal(copy(history, 5 * 3600, 0), 0);
	seg_history_destroy(history);
}

static void a_history_counts_what_this_runner_does_and_begins_anew_with_its_section(void **state)
{
	(void)state;
	seg_history *history = seg_history_create();
	seg_history_counters counters = {.handled = 1000};
	note(history, 0, 0, &counters);
	counters.handled += 50;
	counters.handling[1] = 10;
	counters.committing[SEG_DURATIONS_BOUNDS] = 1;
	note(history, 10, 0, &counters);
	/* A reload replaces the section. */
	seg_history_counters fresh = {.handled = 7};
	note(history, 20, 0, &fresh);
	fresh.handled += 10;
	note(history, 30, 0, &fresh);
	assert_int_equal(copy(history, 30, 0), 4);
	assert_true(samples[0].handled < 0);
	assert_true(samples[1].handled == 5);
	float low = (float)seg_durations_bounds[0] / 1e9F, high = (float)seg_durations_bounds[1] / 1e9F;
	assert_true(samples[1].handler_p50 > low && samples[1].handler_p50 < samples[1].handler_p99);
	assert_true(samples[1].handler_p99 <= high);
	assert_true(samples[1].commit_p50 ==
		    (float)((double)seg_durations_bounds[SEG_DURATIONS_BOUNDS - 1] / 1e9));
	assert_true(samples[2].handled < 0 && samples[2].handler_p50 < 0);
	assert_true(samples[3].handled == 1 && samples[3].handler_p50 < 0);
	seg_history_destroy(history);
}

static void *note_many(void *arg)
{
	for (int seconds = 0; seconds < 40000; seconds += 10)
		note(arg, seconds, seconds, NULL);
	return NULL;
}

static void a_sample_that_is_copied_while_others_are_made_is_whole(void **state)
{
	(void)state;
	seg_history *history = seg_history_create();
	pthread_t writer;
	size_t count = 0;
	assert_int_equal(pthread_create(&writer, NULL, note_many, history), 0);
	while (count == 0 || samples[count - 1].lag < 39990) {
		count = copy(history, 40000, 0);
		for (size_t i = 0; i < count; i++)
			assert_true(samples[i].lag == 0 || samples[i].committed == (double)samples[i].lag);
	}
	pthread_join(writer, NULL);
	seg_history_destroy(history);
}

/* --- what Redis has --------------------------------------------------------------------------- */

static double rate_between(seg_partition_snapshot was, seg_partition_snapshot is)
{
	is.rate = is.added = is.catch_up = -1;
	seg_group_snapshot before = {.partitions = &was, .partition_count = 1, .taken = BEGIN};
	seg_group_snapshot now = {.partitions = &is, .partition_count = 1, .taken = BEGIN + 2 * SEG_SECOND};
	seg_group_snapshot_compare(&before, &now);
	assert_true(is.rate >= 0 || (is.added < 0 && is.catch_up < 0));
	return is.rate;
}

static void messages_that_a_reset_passed_over_are_no_throughput(void **state)
{
	(void)state;
	seg_partition_snapshot was = {.info.position = {10, 0},
				      .handled = 10,
				      .claimed_by = "m",
				      .claimed = {1, 0}};
	seg_partition_snapshot is = was;
	is.info.position = (seg_id){50, 0};
	is.handled = 50;
	assert_true(rate_between(was, is) == 20);
	/* Its owner stopped meanwhile. */
	is.claimed_by[0] = '\0';
	assert_true(rate_between(was, is) == 20);
	/* reset.lua; then nobody claims it, or its owner does again. */
	is.claimed = is.info.position;
	assert_true(rate_between(was, is) < 0);
	strcpy(is.claimed_by, "m");
	assert_true(rate_between(was, is) < 0);
	/* Another member has taken it over. */
	strcpy(is.claimed_by, "n");
	assert_true(rate_between(was, is) == 20);
	/* Nothing happened to a partition that nobody has claimed. */
	was = is = (seg_partition_snapshot){.handled = 0};
	assert_true(rate_between(was, is) == 0);
}

static void what_is_done_beyond_a_message_that_fails_is_throughput(void **state)
{
	(void)state;
	seg_partition_snapshot was = {.info = {.position = {10, 0}, .lag = 100}, .handled = 10, .beyond = 20};
	seg_partition_snapshot is = was;
	is.beyond = 60;
	is.info.lag = 140;
	assert_true(rate_between(was, is) == 20);
	/* The message is done, and the position passes all that was done after it: nothing is counted twice. */
	is.beyond = 0;
	is.handled = 90;
	is.info.lag = 20;
	assert_true(rate_between(was, is) == 30);
	/* Its owner died, and what it had not committed is done again. */
	is = was;
	is.beyond = 5;
	assert_true(rate_between(was, is) == 0);
}

static void messages_that_are_done_beyond_the_position_are_not_added_anew(void **state)
{
	(void)state;
	seg_partition_snapshot was = {.info.lag = 100, .handled = 10, .beyond = 20}, is = was;
	is.beyond = 60;
	is.info.lag = 102;
	seg_group_snapshot before = {.partitions = &was, .partition_count = 1, .taken = BEGIN};
	seg_group_snapshot now = {.partitions = &is, .partition_count = 1, .taken = BEGIN + 2 * SEG_SECOND};
	seg_group_snapshot_compare(&before, &now);
	assert_true(is.added == 1);
}

static void what_redis_has_is_shown_even_if_it_is_no_text_no_time_and_no_finite_number(void **state)
{
	(void)state;
	json_t *values[] = {seg_json_optional_text("caf\xe9"),
			    seg_json_optional_text(""),
			    seg_json_real(INFINITY),
			    seg_json_known(INFINITY),
			    seg_json_time_ms(0),
			    seg_json_time_ms(UINT64_MAX),
			    seg_json_time_ms((uint64_t)INT64_MAX / SEG_MS + 1)};
	assert_string_equal(json_string_value(values[0]), "caf?");
	for (size_t i = 1; i < sizeof(values) / sizeof(values[0]); i++)
		assert_true(json_is_null(values[i]));
	json_t *latest = seg_json_time_ms((uint64_t)INT64_MAX / SEG_MS), *real = seg_json_real(-1.5);
	assert_non_null(strstr(json_string_value(latest), "2262-04-11T"));
	assert_true(json_real_value(real) == -1.5);
	json_decref(latest);
	json_decref(real);
	json_decref(values[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_printed_as_it_was_written),
		cmocka_unit_test(only_what_this_machine_reaches_alone_is_loopback),
		cmocka_unit_test(an_invalid_address_and_port_is_refused_with_what_to_write),
		cmocka_unit_test(the_token_opens_as_bearer_and_as_password_and_nothing_else_does),
		cmocka_unit_test(only_addresses_and_localhost_are_names_that_nobody_else_can_have),
		cmocka_unit_test(the_newest_events_of_each_level_are_kept_and_all_lines_reach_the_log),
		cmocka_unit_test(an_event_that_is_read_while_others_write_is_whole),
		cmocka_unit_test(a_duration_is_counted_in_the_first_bucket_that_holds_it),
		cmocka_unit_test(a_history_averages_the_readings_between_two_samples),
		cmocka_unit_test(a_history_holds_an_hour_and_no_more),
		cmocka_unit_test(a_history_counts_what_this_runner_does_and_begins_anew_with_its_section),
		cmocka_unit_test(messages_that_a_reset_passed_over_are_no_throughput),
		cmocka_unit_test(what_is_done_beyond_a_message_that_fails_is_throughput),
		cmocka_unit_test(messages_that_are_done_beyond_the_position_are_not_added_anew),
		cmocka_unit_test(what_redis_has_is_shown_even_if_it_is_no_text_no_time_and_no_finite_number),
		cmocka_unit_test(a_sample_that_is_copied_while_others_are_made_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
