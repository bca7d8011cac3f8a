/* test_plugin_wordcount.c - the plugin wordcount, loaded as segrunner loads it, with messages handed over by the test. */
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

static const char *const outputs[] = {NULL};
static test_plugin *plugin;
static void *partition;

static void start(const char *const *options)
{
	plugin = test_plugin_start_with("wordcount", options, outputs, 1);
	partition = test_plugin_open(plugin, 7);
}

static void stop(void)
{
	test_plugin_close(plugin, partition);
	test_plugin_stop(plugin);
}

static void expect_word(const char *word, const char *value)
{
	const char *found = test_calls_value(test_plugin_calls(plugin), word);
	assert_non_null(found);
	assert_string_equal(found, value);
}

static void wordcount_counts_each_key_and_keeps_the_highest_number_with_it(void **state)
{
	(void)state;
	start(OPTIONS("check_order=yes"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "the", "1"),
					       test_message(2, "cat", "2"), test_message(3, "the", "5")));
	expect_word("the", "2 5 0");
	expect_word("cat", "1 2 0");
	assert_int_equal(test_plugin_counter(plugin, "messages_total"), 3);
	stop();
}

static void the_next_owner_counts_on(void **state)
{
	(void)state;
	start(OPTIONS("check_order=yes"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "the", "1")));
	test_plugin_close(plugin, partition);
	partition = test_plugin_open(plugin, 9);
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(2, "the", "2")));
	expect_word("the", "2 2 0");
	stop();
}

static void a_number_that_does_not_rise_within_its_key_is_out_of_order(void **state)
{
	(void)state;
	start(OPTIONS("check_order=yes"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "the", "5"),
					       test_message(2, "cat", "1"), test_message(3, "the", "5"),
					       test_message(4, "the", "2"), test_message(5, "the", "6"),
					       test_message(6, "cat", "no number"),
					       test_message(7, "cat", "2")));
	expect_word("the", "4 6 2");
	expect_word("cat", "3 2 0");
	assert_int_equal(test_plugin_counter(plugin, "out_of_order_total"), 2);
	assert_non_null(strstr(test_plugin_log(plugin),
			       "mine: message 1000-4 of partition 3 is out of order within its key"));
	stop();
}

static void order_is_not_checked_if_an_option_says_so(void **state)
{
	(void)state;
	start(OPTIONS("check_order=no"));
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "the", "5"),
					       test_message(2, "the", "2")));
	expect_word("the", "2 0 0");
	assert_int_equal(test_plugin_counter(plugin, "out_of_order_total"), 0);
	stop();
}

static void a_key_that_is_no_word_becomes_a_dead_letter_and_the_words_before_it_count(void **state)
{
	(void)state;
	char key[600];
	memset(key, 'x', sizeof(key));
	key[513] = '\0';
	start(OPTIONS("check_order=yes"));
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(1, "the", "1"),
						 test_message(2, "", "2"), test_message(3, "the", "3")),
			   SEG_OUTCOME_DEAD_LETTER, 1, "the key is no word: it must have 1 to 512 bytes");
	expect_word("the", "1 1 0");
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(2, key, "2")),
			   SEG_OUTCOME_DEAD_LETTER, 0, "the key is no word");
	stop();
}

static void words_that_the_state_has_no_room_for_are_retried(void **state)
{
	(void)state;
	start(OPTIONS("check_order=yes"));
	test_calls_limit_state(test_plugin_calls(plugin), 10);
	for (int i = 0; i < 2; i++)
		test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(1, "the", "1"),
							 test_message(2, "cat", "1")),
				   SEG_OUTCOME_RETRY, 1, "state_limit");
	expect_word("the", "2 1 1");
	stop();
}

static void a_value_of_another_handler_is_not_taken_for_a_count(void **state)
{
	(void)state;
	start(OPTIONS("check_order=yes"));
	test_calls_put(test_plugin_calls(plugin), "the", "lots");
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(1, "the", "1")),
			   SEG_OUTCOME_RETRY, 0, "not one that wordcount wrote");
	expect_word("the", "lots");
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wordcount_counts_each_key_and_keeps_the_highest_number_with_it),
		cmocka_unit_test(the_next_owner_counts_on),
		cmocka_unit_test(a_number_that_does_not_rise_within_its_key_is_out_of_order),
		cmocka_unit_test(order_is_not_checked_if_an_option_says_so),
		cmocka_unit_test(a_key_that_is_no_word_becomes_a_dead_letter_and_the_words_before_it_count),
		cmocka_unit_test(words_that_the_state_has_no_room_for_are_retried),
		cmocka_unit_test(a_value_of_another_handler_is_not_taken_for_a_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
