/* test_plugin_window.c - the plugin window, loaded as segrunner loads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/plugin.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const outputs[] = {"totals", "late", NULL};
static test_plugin *plugin;
static void *partition;

static void start(const char *const *options)
{
	plugin = test_plugin_start_with("window", options, outputs, 1);
	partition = test_plugin_open(plugin, 7);
}

static void stop(void)
{
	test_plugin_close(plugin, partition);
	test_plugin_stop(plugin);
}

static void count(uint64_t ms, const char *key, const char *data)
{
	seg_message m = test_message(1, key, data);
	m.id.ms = ms;
	test_expect_done(test_plugin_hand_over(plugin, partition, m));
}

static size_t emitted(void)
{
	return test_calls_emitted_count(test_plugin_calls(plugin));
}

static void expect_emitted(size_t index, const char *record)
{
	assert_string_equal(test_calls_emitted(test_plugin_calls(plugin), index), record);
}

static void a_window_closes_when_its_grace_is_over_and_not_before(void **state)
{
	(void)state;
	start(OPTIONS("size=1min", "grace=10s"));
	count(60000, "a", "");
	count(119999, "a", "");
	count(120000, "a", "");
	count(129999, "b", "");
	assert_int_equal(emitted(), 0);
	/* Out of order, and still counted: the window is open. */
	count(119000, "a", "");
	count(130000, "c", "");
	assert_int_equal(emitted(), 1);
	expect_emitted(0, "totals a {\"key\":\"a\",\"start\":60000,\"end\":120000,\"count\":3}");
	count(190000, "c", "");
	assert_int_equal(emitted(), 4);
	expect_emitted(1, "totals a {\"key\":\"a\",\"start\":120000,\"end\":180000,\"count\":1}");
	expect_emitted(2, "totals b {\"key\":\"b\",\"start\":120000,\"end\":180000,\"count\":1}");
	expect_emitted(3, "totals c {\"key\":\"c\",\"start\":120000,\"end\":180000,\"count\":1}");
	assert_int_equal(test_plugin_counter(plugin, "counted_total"), 7);
	assert_int_equal(test_plugin_counter(plugin, "results_total"), 4);
	/* What is left: the window of 190000, and the time. */
	assert_int_equal(test_calls_value_count(test_plugin_calls(plugin)), 2);
	stop();
}

static void integers_add_up_exactly_and_other_numbers_as_doubles(void **state)
{
	(void)state;
	start(OPTIONS("size=1s", "grace=0", "value=data"));
	count(1000, "a", "9007199254740993");
	count(1001, "a", "-7");
	count(1002, "a", "9007199254740993");
	count(1003, "b", "0.1");
	count(1004, "b", "0.2");
	count(1005, "b", "-1e3");
	count(1006, "c", "9223372036854775807");
	count(1007, "c", "1");
	count(2000, "d", "5");
	assert_int_equal(emitted(), 3);
	expect_emitted(0, "totals a {\"key\":\"a\",\"start\":1000,\"end\":2000,\"count\":3,"
			  "\"sum\":18014398509481979,\"min\":-7,\"max\":9007199254740993}");
	expect_emitted(1, "totals b {\"key\":\"b\",\"start\":1000,\"end\":2000,\"count\":3,"
			  "\"sum\":-999.7,\"min\":-1000,\"max\":0.2}");
	expect_emitted(2, "totals c {\"key\":\"c\",\"start\":1000,\"end\":2000,\"count\":2,"
			  "\"sum\":9.223372036854776e+18,\"min\":1,\"max\":9223372036854775807}");
	stop();
}

static void time_key_and_value_can_be_fields_of_the_json(void **state)
{
	(void)state;
	start(OPTIONS("size=1min", "grace=0", "key=json.land", "value=json.cents", "time=json.at",
		      "time_unit=s"));
	count(200000, "x", "{\"at\":60,\"land\":\"de\",\"cents\":5}");
	count(200000, "y", "{\"at\":119.9,\"land\":\"de\",\"cents\":7}");
	count(200000, "z", "{\"at\":180,\"land\":\"us\",\"cents\":1}");
	assert_int_equal(emitted(), 1);
	expect_emitted(
		0,
		"totals de {\"key\":\"de\",\"start\":60000,\"end\":120000,\"count\":2,\"sum\":12,\"min\":5,\"max\":7}");
	stop();
}

static void a_late_message_goes_to_the_output_for_late_ones(void **state)
{
	(void)state;
	start(OPTIONS("size=1min", "grace=10s", "late_output=late"));
	count(60000, "a", "1");
	count(129999, "a", "2");
	count(119999, "a", "3");
	count(130000, "a", "4");
	count(119999, "a", "5");
	assert_int_equal(emitted(), 2);
	expect_emitted(0, "totals a {\"key\":\"a\",\"start\":60000,\"end\":120000,\"count\":2}");
	expect_emitted(1, "late a 5");
	assert_int_equal(test_plugin_counter(plugin, "late_total"), 1);
	stop();
	start(OPTIONS("size=1min", "grace=10s"));
	count(130000, "a", "1");
	count(1000, "b", "2");
	assert_int_equal(emitted(), 0);
	assert_int_equal(test_plugin_counter(plugin, "late_total"), 1);
	stop();
}

static void the_next_owner_goes_on_with_the_open_windows(void **state)
{
	(void)state;
	start(OPTIONS("size=1min", "grace=0"));
	count(60000, "a", "");
	test_plugin_close(plugin, partition);
	partition = test_plugin_open(plugin, 8);
	count(60001, "a", "");
	count(120000, "b", "");
	expect_emitted(0, "totals a {\"key\":\"a\",\"start\":60000,\"end\":120000,\"count\":2}");
	stop();
}

static void a_message_that_is_not_done_has_closed_no_window(void **state)
{
	(void)state;
	start(OPTIONS("size=1min", "grace=0", "value=data"));
	count(60000, "a", "1");
	test_calls_limit_state(test_plugin_calls(plugin), 20);
	seg_message m = test_message(1, "b", "2");
	m.id.ms = 120000;
	test_calls_limit_state(test_plugin_calls(plugin), 1);
	test_expect_answer(test_plugin_hand_over(plugin, partition, m), SEG_OUTCOME_RETRY, 0, "state_limit");
	assert_int_equal(emitted(), 0);
	test_calls_limit_state(test_plugin_calls(plugin), 0);
	test_expect_done(test_plugin_hand_over(plugin, partition, m));
	assert_int_equal(emitted(), 1);
	stop();
}

/* segrunner bounds what one message may emit. */
static void where_very_much_closes_the_next_message_goes_on(void **state)
{
	(void)state;
	enum { KEYS = 1400 };
	char key[200];
	memset(key, 'x', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	start(OPTIONS("size=1min", "grace=10s"));
	for (int i = 0; i < KEYS; i++) {
		key[0] = (char)('0' + i / 1000);
		key[1] = (char)('0' + i / 100 % 10);
		key[2] = (char)('0' + i / 10 % 10);
		key[3] = (char)('0' + i % 10);
		count(60000, key, "");
	}
	count(130000, "z", "");
	size_t first = emitted();
	assert_in_range(first, 100, KEYS - 1);
	/* A late message closes nothing. */
	count(60000, "late", "");
	count(130000, "z", "");
	assert_int_equal(emitted(), KEYS);
	for (size_t i = 0; i < KEYS; i++) {
		char begin[48];
		snprintf(begin, sizeof(begin), "totals %04zuxxx", i);
		assert_memory_equal(test_calls_emitted(test_plugin_calls(plugin), i), begin, strlen(begin));
	}
	count(200000, "z", "");
	assert_int_equal(emitted(), KEYS + 1);
	stop();
}

static void many_keys_close_in_the_same_order_each_time(void **state)
{
	(void)state;
	start(OPTIONS("size=1min", "grace=1min"));
	count(0, "old", "");
	for (int i = 0; i < 500; i++) {
		char key[24];
		snprintf(key, sizeof(key), "k%03d", (i * 7) % 500);
		count(60000 + (uint64_t)i, key, "");
	}
	count(200000, "x", "");
	assert_int_equal(emitted(), 501);
	expect_emitted(0, "totals old {\"key\":\"old\",\"start\":0,\"end\":60000,\"count\":1}");
	for (int i = 0; i < 500; i++) {
		char record[100];
		snprintf(record, sizeof(record),
			 "totals k%03d {\"key\":\"k%03d\",\"start\":60000,\"end\":120000,\"count\":1}", i, i);
		expect_emitted((size_t)i + 1, record);
	}
	stop();
}

static void what_cannot_be_counted_becomes_a_dead_letter(void **state)
{
	(void)state;
	static const char *const wrong[][2] = {
		{"{\"k\":\"a\",\"v\":1}", "what option.time names is missing, or is not a number"},
		{"{\"k\":\"a\",\"v\":1,\"t\":\"soon\"}",
		 "what option.time names is missing, or is not a number"},
		{"{\"k\":\"a\",\"v\":1,\"t\":-1}", "the time is not one of option.time_unit since 1970"},
		{"{\"k\":\"a\",\"v\":1,\"t\":1e300}", "the time is not one of option.time_unit since 1970"},
		{"{\"k\":\"a\",\"v\":1,\"t\":3601001}", "further ahead of its arrival than option.max_ahead"},
		{"{\"v\":1,\"t\":1}", "the message lacks what option.key names"},
		{"{\"k\":\"a\",\"t\":1}", "what option.value names is missing, or is not a number"},
		{"{\"k\":\"a\",\"v\":\"0x10\",\"t\":1}",
		 "what option.value names is missing, or is not a number"},
		{"{\"k\":\"a\",\"v\":\"nan\",\"t\":1}",
		 "what option.value names is missing, or is not a number"},
		{"{\"k\":\"a\",\"v\":\"1e999\",\"t\":1}",
		 "what option.value names is missing, or is not a number"},
		{"not json", "what option.time names is missing"},
	};
	start(OPTIONS("size=1min", "key=json.k", "value=json.v", "time=json.t"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		test_expect_answer(test_plugin_hand_over(plugin, partition,
							 test_message(1, "k", wrong[i][0])),
				   SEG_OUTCOME_DEAD_LETTER, 0, wrong[i][1]);
	char key[600];
	memset(key, 'x', sizeof(key));
	key[599] = '\0';
	stop();
	start(OPTIONS("size=1min"));
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(1, key, "")),
			   SEG_OUTCOME_DEAD_LETTER, 0, "what option.key names is too long to be a key");
	key[491] = '\0';
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, key, "")));
	assert_int_equal(test_calls_value_count(test_plugin_calls(plugin)), 2);
	stop();
}

static void mistakes_in_options_are_refused_at_the_start(void **state)
{
	(void)state;
	test_plugin_refuses_with("window", OPTIONS("size=0"), outputs, "option.size must be at least 1ms");
	test_plugin_refuses_with("window", OPTIONS("size=1s", "time_unit=min"), outputs,
				 "option.time_unit must be ms or s");
	test_plugin_refuses_with("window", OPTIONS("size=1s", "value=cents"), outputs,
				 "option.value = cents is invalid");
	test_plugin_refuses_with("window", OPTIONS("size=1s", "time=now"), outputs,
				 "option.time = now is invalid");
	test_plugin_refuses_with("window", OPTIONS("size=1s", "late_output=x"), outputs,
				 "option.late_output names x");
	test_plugin_refuses_with("window", OPTIONS("size=1s", "late_output=totals"), outputs,
				 "name the same stream, \"totals\"");
}

int main(void)
{
	if (!test_plugin_is_built("window"))
		return 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_closes_when_its_grace_is_over_and_not_before),
		cmocka_unit_test(integers_add_up_exactly_and_other_numbers_as_doubles),
		cmocka_unit_test(time_key_and_value_can_be_fields_of_the_json),
		cmocka_unit_test(a_late_message_goes_to_the_output_for_late_ones),
		cmocka_unit_test(the_next_owner_goes_on_with_the_open_windows),
		cmocka_unit_test(a_message_that_is_not_done_has_closed_no_window),
		cmocka_unit_test(where_very_much_closes_the_next_message_goes_on),
		cmocka_unit_test(many_keys_close_in_the_same_order_each_time),
		cmocka_unit_test(what_cannot_be_counted_becomes_a_dead_letter),
		cmocka_unit_test(mistakes_in_options_are_refused_at_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
