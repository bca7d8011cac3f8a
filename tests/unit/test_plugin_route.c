/* test_plugin_route.c - the plugin route, loaded as segrunner loads it. */
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

static const char *const outputs[] = {"eu", "us", "vips", "rest", NULL};
static test_plugin *plugin;
static void *partition;

static void start(const char *const *options)
{
	plugin = test_plugin_start_with("route", options, outputs, 1);
	partition = test_plugin_open(plugin, 7);
}

static void stop(void)
{
	test_plugin_close(plugin, partition);
	test_plugin_stop(plugin);
}

static void expect_emitted(size_t index, const char *record)
{
	assert_string_equal(test_calls_emitted(test_plugin_calls(plugin), index), record);
}

static void expect_count(size_t count)
{
	assert_int_equal(test_calls_emitted_count(test_plugin_calls(plugin)), count);
}

static void the_first_rule_that_fits_the_key_names_the_output(void **state)
{
	(void)state;
	start(OPTIONS("by=key", "rules=vip-* = vips, de=eu , us = us,* = rest"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "de", "a"),
					       test_message(2, "vip-us", "b"), test_message(3, "us", "c"),
					       test_message(4, "dex", "d"), test_message(5, "", "e")));
	expect_count(5);
	expect_emitted(0, "eu de a");
	expect_emitted(1, "vips vip-us b");
	expect_emitted(2, "us us c");
	expect_emitted(3, "rest dex d");
	expect_emitted(4, "rest  e");
	assert_int_equal(test_plugin_counter(plugin, "routed_total"), 5);
	stop();
}

static void a_message_goes_by_its_header_and_keeps_its_headers(void **state)
{
	(void)state;
	static const seg_header headers[] = {{"land", 4, "us", 2},
					     {"trace", 5, "7f", 2},
					     {"land", 4, "de", 2}};
	start(OPTIONS("by=header.land", "rules=us = us, de = eu", "no_match=drop"));
	seg_message m = test_message(1, "k", "x");
	m.headers = headers;
	m.header_count = 3;
	test_expect_done(test_plugin_hand_over(plugin, partition, m, test_message(2, "k", "without")));
	expect_count(1);
	expect_emitted(0, "eu k x land=us trace=7f land=de");
	assert_int_equal(test_plugin_counter(plugin, "dropped_total"), 1);
	stop();
}

static void a_field_of_the_json_decides_whatever_its_type(void **state)
{
	(void)state;
	start(OPTIONS("by=json.order.land.0", "rules=de = eu, 7 = us, true = vips, 0.5 = rest",
		      "no_match=drop"));
	test_expect_done(test_plugin_hand_over(plugin, partition,
					       test_message(1, "a", "{\"order\":{\"land\":[\"de\"]}}"),
					       test_message(2, "b", "{\"order\":{\"land\":[7]}}"),
					       test_message(3, "c", "{\"order\":{\"land\":[true]}}"),
					       test_message(4, "d", "{\"order\":{\"land\":[0.5]}}"),
					       test_message(5, "e", "{\"order\":{\"land\":[null]}}"),
					       test_message(6, "f", "{\"order\":{\"land\":{\"0\":\"de\"}}}"),
					       test_message(7, "g", "no json"),
					       test_message(8, "h", "{\"order\":7}"),
					       test_message(9, "i", ""),
					       test_message(10, "j", "{\"order\":{\"land\":[[]]}}")));
	expect_count(5);
	expect_emitted(0, "eu a {\"order\":{\"land\":[\"de\"]}}");
	expect_emitted(1, "us b {\"order\":{\"land\":[7]}}");
	expect_emitted(2, "vips c {\"order\":{\"land\":[true]}}");
	expect_emitted(3, "rest d {\"order\":{\"land\":[0.5]}}");
	expect_emitted(4, "eu f {\"order\":{\"land\":{\"0\":\"de\"}}}");
	stop();
}

static void what_fits_no_rule_becomes_a_dead_letter_or_goes_to_the_default(void **state)
{
	(void)state;
	start(OPTIONS("by=json.land", "rules=de = eu"));
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(1, "a", "{\"land\":\"de\"}"),
						 test_message(2, "b", "{\"land\":\"fr\"}"),
						 test_message(3, "c", "{\"land\":\"de\"}")),
			   SEG_OUTCOME_DEAD_LETTER, 1, "no rule of option.rules fits \"fr\"");
	expect_count(1);
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(2, "b", "{}")),
			   SEG_OUTCOME_DEAD_LETTER, 0, "the message lacks what option.by names");
	assert_int_equal(test_plugin_counter(plugin, "routed_total"), 1);
	stop();
	start(OPTIONS("by=json.land", "rules=de = eu", "default=rest"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "a", "{\"land\":\"fr\"}"),
					       test_message(2, "b", "x")));
	expect_emitted(0, "rest a {\"land\":\"fr\"}");
	expect_emitted(1, "rest b x");
	stop();
}

static void a_field_can_become_the_key(void **state)
{
	(void)state;
	start(OPTIONS("by=key", "rules=* = eu", "key=json.customer"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "a", "{\"customer\":42}")));
	expect_emitted(0, "eu 42 {\"customer\":42}");
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(2, "a", "{}")),
			   SEG_OUTCOME_DEAD_LETTER, 0, "the message lacks what option.key names");
	stop();
}

static void a_value_in_quotes_is_taken_as_it_is(void **state)
{
	(void)state;
	start(OPTIONS("by=key", "rules=\"a, b\" = eu, \"x=*\" = us, \"say \"\"hi\"\" \"=vips",
		      "no_match=drop"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "a, b", "1"),
					       test_message(2, "x=*", "2"), test_message(3, "x=y", "3"),
					       test_message(4, "say \"hi\" ", "4")));
	expect_count(3);
	expect_emitted(0, "eu a, b 1");
	expect_emitted(1, "us x=* 2");
	expect_emitted(2, "vips say \"hi\"  4");
	stop();
}

static void mistakes_in_options_are_refused_at_the_start(void **state)
{
	(void)state;
	static const char *const wrong[][3] = {
		{"by=land", "rules=a = eu",
		 "option.by = land is invalid: write key, data, header.NAME or json.PATH"},
		{"by=json.", "rules=a = eu", "option.by = json. is invalid"},
		{"by=json.a..b", "rules=a = eu", "option.by = json.a..b is invalid"},
		{"by=key", "rules=a = eu, b", "is invalid at rule 2: write VALUE = OUTPUT"},
		{"by=key", "rules=a = eu,", "is invalid at rule 2"},
		{"by=key", "rules= = eu", "is invalid at rule 1"},
		{"by=key", "rules=a = eu = us", "is invalid at rule 1"},
		{"by=key", "rules=\"a = eu", "is invalid at rule 1"},
		{"by=key", "rules=a = asia",
		 "option.rules names asia, which is not one of the section's outputs"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		test_plugin_refuses_with("route", OPTIONS(wrong[i][0], wrong[i][1]), outputs, wrong[i][2]);
	test_plugin_refuses_with("route", OPTIONS("by=key", "rules=a = eu", "default=asia"), outputs,
				 "option.default names asia");
	test_plugin_refuses_with("route", OPTIONS("by=key", "rules=a = eu", "no_match=keep"), outputs,
				 "option.no_match must be drop or dead_letter");
	test_plugin_refuses_with("route", OPTIONS("by=key", "rules=a = eu", "key=x"), outputs,
				 "option.key = x is invalid");
}

int main(void)
{
	if (!test_plugin_is_built("route"))
		return 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_fits_the_key_names_the_output),
		cmocka_unit_test(a_message_goes_by_its_header_and_keeps_its_headers),
		cmocka_unit_test(a_field_of_the_json_decides_whatever_its_type),
		cmocka_unit_test(what_fits_no_rule_becomes_a_dead_letter_or_goes_to_the_default),
		cmocka_unit_test(a_field_can_become_the_key),
		cmocka_unit_test(a_value_in_quotes_is_taken_as_it_is),
		cmocka_unit_test(mistakes_in_options_are_refused_at_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
