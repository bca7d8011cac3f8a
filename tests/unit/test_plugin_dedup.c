/* test_plugin_dedup.c - the plugin dedup, loaded as segrunner loads it. */
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

static const char *const outputs[] = {"once", "other", NULL};
static test_plugin *plugin;
static void *partition;

static void start(const char *const *options)
{
	plugin = test_plugin_start_with("dedup", options, outputs, 1);
	partition = test_plugin_open(plugin, 7);
}

static void stop(void)
{
	test_plugin_close(plugin, partition);
	test_plugin_stop(plugin);
}

static seg_message message_at(uint64_t ms, const char *key, const char *data)
{
	seg_message m = test_message(1, key, data);
	m.id.ms = ms;
	return m;
}

/* Whether the message passes. */
static bool passes(seg_message m)
{
	size_t before = test_calls_emitted_count(test_plugin_calls(plugin));
	test_expect_done(test_plugin_hand_over(plugin, partition, m));
	return test_calls_emitted_count(test_plugin_calls(plugin)) > before;
}

static void a_key_passes_once_within_the_window_and_again_after_it(void **state)
{
	(void)state;
	start(OPTIONS("window=10s"));
	assert_true(passes(message_at(100000, "a", "1")));
	assert_true(passes(message_at(101000, "b", "2")));
	assert_false(passes(message_at(109999, "a", "3")));
	assert_true(passes(message_at(110000, "a", "4")));
	assert_false(passes(message_at(110500, "b", "5")));
	/* The window begins with the message that passed, not with those that were dropped. */
	assert_true(passes(message_at(111000, "b", "6")));
	assert_false(passes(message_at(119999, "a", "7")));
	assert_string_equal(test_calls_emitted(test_plugin_calls(plugin), 2), "once a 4");
	assert_int_equal(test_plugin_counter(plugin, "passed_total"), 4);
	assert_int_equal(test_plugin_counter(plugin, "duplicates_total"), 3);
	stop();
}

static void exactly_the_last_ones_that_passed_are_remembered(void **state)
{
	(void)state;
	start(OPTIONS("count=3", "window=0"));
	const char *const keys[] = {"a", "b", "c"};
	for (size_t i = 0; i < 3; i++)
		assert_true(passes(message_at(1000, keys[i], "")));
	for (size_t i = 0; i < 3; i++)
		assert_false(passes(message_at(1000, keys[i], "")));
	assert_true(passes(message_at(1000, "d", "")));
	assert_false(passes(message_at(1000, "b", "")));
	assert_true(passes(message_at(1000, "a", "")));
	assert_true(passes(message_at(1000, "b", "")));
	assert_false(passes(message_at(1000, "d", "")));
	assert_false(passes(message_at(1000, "a", "")));
	/* Three texts, three places in the list, and the list's bounds. */
	assert_int_equal(test_calls_value_count(test_plugin_calls(plugin)), 7);
	stop();
}

/* The state holds what is within the bounds, and soon nothing else. */
static void the_state_stays_bounded_however_many_keys_come(void **state)
{
	(void)state;
	start(OPTIONS("count=1000", "window=1s"));
	for (uint64_t i = 0; i < 1000; i++) {
		char key[24];
		snprintf(key, sizeof(key), "k%lu", (unsigned long)i);
		assert_true(passes(message_at(1000000 + i * 20, key, "")));
		assert_true(test_calls_value_count(test_plugin_calls(plugin)) <= 2 * 51 + 1);
	}
	stop();
	start(OPTIONS("count=1000", "window=1h"));
	for (uint64_t i = 0; i < 400; i++) {
		char key[24];
		snprintf(key, sizeof(key), "k%lu", (unsigned long)i);
		assert_true(passes(message_at(1000000, key, "")));
	}
	/* After a pause, each message forgets several of them. */
	for (uint64_t i = 0; i < 200; i++) {
		char key[24];
		snprintf(key, sizeof(key), "n%lu", (unsigned long)i);
		assert_true(passes(message_at(1000000 + 3600000, key, "")));
	}
	assert_int_equal(test_calls_value_count(test_plugin_calls(plugin)), 2 * 200 + 1);
	stop();
}

/* Each message forgets a few old ones only, so a text can come again while its first coming is still in the list. */
static void what_came_again_outlives_its_first_coming(void **state)
{
	(void)state;
	char key[24];
	start(OPTIONS("window=1s"));
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_true(passes(message_at(1000, key, "")));
	}
	assert_true(passes(message_at(5000, "k99", "")));
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "n%d", i);
		assert_true(passes(message_at(5000, key, "")));
	}
	assert_int_equal(test_calls_value_count(test_plugin_calls(plugin)), 2 * 21 + 1);
	assert_false(passes(message_at(5001, "k99", "")));
	stop();
}

static void the_next_owner_knows_what_passed(void **state)
{
	(void)state;
	start(OPTIONS("by=header.id"));
	static const seg_header header[] = {{"id", 2, "7f3a", 4}};
	seg_message m = message_at(1000, "a", "x");
	m.headers = header;
	m.header_count = 1;
	assert_true(passes(m));
	test_plugin_close(plugin, partition);
	partition = test_plugin_open(plugin, 8);
	m.key = "b";
	assert_false(passes(m));
	/* Without the header, nothing can be told. */
	m.header_count = 0;
	assert_true(passes(m));
	assert_true(passes(m));
	stop();
}

static void what_was_not_done_was_not_seen(void **state)
{
	(void)state;
	start(OPTIONS("by=json.id", "missing=dead_letter", "output=other"));
	test_expect_answer(test_plugin_hand_over(plugin, partition, message_at(1000, "a", "{\"id\":1}"),
						 message_at(1001, "a", "{\"id\":1}"),
						 message_at(1002, "a", "{\"no\":1}"),
						 message_at(1003, "a", "{\"id\":2}")),
			   SEG_OUTCOME_DEAD_LETTER, 2, "the message lacks what option.by names");
	assert_int_equal(test_calls_emitted_count(test_plugin_calls(plugin)), 1);
	assert_string_equal(test_calls_emitted(test_plugin_calls(plugin), 0), "other a {\"id\":1}");
	assert_true(passes(message_at(1003, "a", "{\"id\":2}")));
	assert_false(passes(message_at(1004, "b", "{\"id\":2}")));
	stop();
}

static void a_text_too_long_to_compare_becomes_a_dead_letter(void **state)
{
	(void)state;
	char key[600];
	memset(key, 'x', sizeof(key));
	start(OPTIONS("window=1min"));
	key[511] = '\0';
	assert_true(passes(message_at(1000, key, "")));
	assert_false(passes(message_at(1001, key, "")));
	key[511] = 'x';
	key[512] = '\0';
	test_expect_answer(test_plugin_hand_over(plugin, partition, message_at(1000, key, "")),
			   SEG_OUTCOME_DEAD_LETTER, 0,
			   "what option.by names has 512 bytes; dedup compares at most 511");
	stop();
}

static void a_full_state_holds_the_messages_up_and_loses_none(void **state)
{
	(void)state;
	start(OPTIONS("window=1h"));
	test_calls_limit_state(test_plugin_calls(plugin), 60);
	assert_true(passes(message_at(1000, "a", "")));
	test_expect_answer(test_plugin_hand_over(plugin, partition, message_at(1001, "a", ""),
						 message_at(1002, "abcdefghijklmnopqrstuvwxyz", "")),
			   SEG_OUTCOME_RETRY, 1, "state_limit");
	test_calls_limit_state(test_plugin_calls(plugin), 0);
	assert_true(passes(message_at(1002, "abcdefghijklmnopqrstuvwxyz", "")));
	stop();
}

static void mistakes_in_options_are_refused_at_the_start(void **state)
{
	(void)state;
	static const char *const none[] = {NULL};
	test_plugin_refuses_with("dedup", OPTIONS("count=0"), outputs,
				 "option.count must be from 1 to 100000000");
	test_plugin_refuses_with("dedup", OPTIONS("window=1us"), outputs,
				 "option.window must be at least 1ms");
	test_plugin_refuses_with("dedup", OPTIONS("missing=keep"), outputs,
				 "option.missing must be pass or dead_letter");
	test_plugin_refuses_with("dedup", OPTIONS("by=id"), outputs, "option.by = id is invalid");
	test_plugin_refuses_with("dedup", OPTIONS("output=nowhere"), outputs, "option.output names nowhere");
	test_plugin_refuses_with("dedup", OPTIONS("by=key"), none,
				 "the section has no outputs; write outputs = NAME");
}

int main(void)
{
	if (!test_plugin_is_built("dedup"))
		return 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_passes_once_within_the_window_and_again_after_it),
		cmocka_unit_test(exactly_the_last_ones_that_passed_are_remembered),
		cmocka_unit_test(the_state_stays_bounded_however_many_keys_come),
		cmocka_unit_test(what_came_again_outlives_its_first_coming),
		cmocka_unit_test(the_next_owner_knows_what_passed),
		cmocka_unit_test(what_was_not_done_was_not_seen),
		cmocka_unit_test(a_text_too_long_to_compare_becomes_a_dead_letter),
		cmocka_unit_test(a_full_state_holds_the_messages_up_and_loses_none),
		cmocka_unit_test(mistakes_in_options_are_refused_at_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
