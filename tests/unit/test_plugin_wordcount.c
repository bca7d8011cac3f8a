/* test_plugin_wordcount.c - the plugin wordcount, loaded as segrunner loads it, with messages handed over by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/stock.h"

#define HEAD(epoch, last, messages, out_of_order)                                                            \
	"# wordcount stream=words group=g partition=3\n# epoch=" #epoch " last=" last " messages=" #messages \
	" out_of_order=" #out_of_order "\n"

/* A word's count in the file; 0 if the file does not have the word. */
static uint64_t count_of(const char *word)
{
	char *content = test_stock_read("3.counts", NULL), needle[64];
	assert_non_null(content);
	uint64_t count = 0, number;
	snprintf(needle, sizeof(needle), "\t%s\n", word);
	for (char *line = content; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *end = strchr(line, '\n');
		size_t length = strlen(needle);
		if (*line != '#' && end && (size_t)(end + 1 - line) > length &&
		    memcmp(end + 1 - length, needle, length) == 0)
			assert_int_equal(sscanf(line, "%" SCNu64 "\t%" SCNu64, &count, &number), 2);
	}
	free(content);
	return count;
}

static void wordcount_counts_each_key_and_keeps_the_last_id_with_it(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_stock_has("3.counts", HEAD(7, "0-0", 0, 0) "# end words=0\n");
	test_expect_done(
		TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "cat", "2"}, {3, "the", "5"}));
	test_stock_tick(&f, partition);
	char *content = test_stock_read("3.counts", NULL);
	assert_non_null(strstr(content, HEAD(7, "1000-3", 3, 0)));
	assert_non_null(strstr(content, "\n2\t5\tthe\n"));
	assert_non_null(strstr(content, "\n1\t2\tcat\n"));
	assert_non_null(strstr(content, "\n# end words=2\n"));
	free(content);
	assert_int_equal(test_stock_counter(&f, "messages_total"), 3);
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void a_message_that_comes_again_is_not_counted_again(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "cat", "1"}));
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "cat", "1"}));
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {2, "cat", "1"}, {3, "the", "2"}));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 2);
	assert_int_equal(count_of("cat"), 1);
	assert_int_equal(test_stock_counter(&f, "repeated_total"), 3);
	assert_int_equal(test_stock_counter(&f, "out_of_order_total"), 0);
	test_stock_stop(&f);
}

static void the_next_owner_continues_where_a_clean_stop_ended(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "1"}));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	assert_false(test_stock_exists("3.7.journal"));
	assert_int_equal(count_of("the"), 1);
	partition = test_stock_open(&f, 3, 9);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 9, {1, "the", "1"}, {2, "the", "2"}));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_has("3.counts", HEAD(9, "1000-2", 2, 0) "2\t2\tthe\n# end words=1\n");
	test_stock_stop(&f);
}

static void the_counts_of_a_lost_owner_are_in_its_journal(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "1"}));
	test_stock_close(&f, partition, SEG_CLOSE_LOST);
	assert_int_equal(count_of("the"), 0);
	assert_true(test_stock_exists("3.7.journal"));
	test_stock_close(&f, test_stock_open(&f, 3, 8), SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 1);
	assert_false(test_stock_exists("3.7.journal"));
	assert_false(test_stock_exists("3.8.journal"));
	test_stock_stop(&f);
}

static void a_lower_epoch_never_overwrites_a_higher_one(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *former = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, former, 7, {1, "the", "1"}));
	void *owner = test_stock_open(&f, 3, 8);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, former, 7, {2, "ghost", "1"}));
	test_stock_tick(&f, former);
	assert_non_null(strstr(test_stock_logged, "3.counts has epoch 8; this runner has epoch 7"));
	test_expect_done(TEST_STOCK_HAND_OVER(&f, owner, 8, {2, "cat", "1"}));
	test_stock_close(&f, owner, SEG_CLOSE_RELEASED);
	test_stock_close(&f, former, SEG_CLOSE_RELEASED);
	test_stock_refuses_open(&f, 7, "another runner has taken over this partition");
	test_stock_close(&f, test_stock_open(&f, 3, 9), SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 1);
	assert_int_equal(count_of("cat"), 1);
	assert_int_equal(count_of("ghost"), 0);
	test_stock_stop(&f);
}

static void a_number_that_does_not_rise_within_its_key_is_out_of_order(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "5"}, {2, "cat", "1"},
					      {3, "the", "5"}, {4, "the", "2"}, {5, "the", "6"},
					      {6, "cat", "no number"}, {7, "cat", "2"}));
	assert_int_equal(test_stock_counter(&f, "out_of_order_total"), 2);
	assert_string_equal(test_stock_logged,
			    "mine: message 1000-4 of partition 3 is out of order within its key");
	test_stock_close(&f, partition, SEG_CLOSE_LOST);
	partition = test_stock_open(&f, 3, 8);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 8, {8, "the", "6"}));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	char *content = test_stock_read("3.counts", NULL);
	assert_non_null(strstr(content, " out_of_order=3\n"));
	free(content);
	test_stock_stop(&f);
}

static void order_is_not_checked_if_an_option_says_so(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option(), "check_order=no"));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "5"}, {2, "the", "2"}));
	assert_int_equal(test_stock_counter(&f, "out_of_order_total"), 0);
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
}

static void words_of_any_bytes_come_back_as_they_were(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	seg_message messages[4] = {
		{.id = {1, 1}, .key = "", .data = ""},
		{.id = {1, 2}, .key = "a\tb\n\\x41\0c", .key_length = 10, .data = ""},
		{.id = {1, 3}, .key = "\xff\xfe =#", .key_length = 5, .data = ""},
		{.id = {1, 4}, .key = "# end words=9", .key_length = 13, .data = ""},
	};
	test_expect_done(test_stock_hand_over(&f, partition, 7, messages, 4));
	test_stock_close(&f, partition, SEG_CLOSE_LOST);
	for (uint64_t epoch = 8; epoch < 10; epoch++)
		test_stock_close(&f, test_stock_open(&f, 3, epoch), SEG_CLOSE_RELEASED);
	partition = test_stock_open(&f, 3, 10);
	for (size_t i = 0; i < 4; i++)
		messages[i].id.seq += 4;
	test_expect_done(test_stock_hand_over(&f, partition, 10, messages, 4));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	char *content = test_stock_read("3.counts", NULL);
	assert_non_null(strstr(content, "\n2\t0\t\n"));
	assert_non_null(strstr(content, "\n2\t0\ta\\x09b\\x0a\\x5cx41\\x00c\n"));
	assert_non_null(strstr(content, "\n2\t0\t\xff\xfe =#\n"));
	assert_non_null(strstr(content, "\n2\t0\t# end words=9\n"));
	assert_non_null(strstr(content, "\n# end words=4\n"));
	free(content);
	test_stock_stop(&f);
}

/* The journal of epoch 7 has three batches of two messages; .counts is still empty. */
static char *make_journal(test_stock *f, size_t *length, char **counts, size_t *counts_length)
{
	void *partition = test_stock_open(f, 3, 7);
	for (uint64_t n = 1; n < 6; n += 2)
		test_expect_done(TEST_STOCK_HAND_OVER(f, partition, 7, {n, "the", ""}, {n + 1, "cat", ""}));
	test_stock_close(f, partition, SEG_CLOSE_LOST);
	*counts = test_stock_read("3.counts", counts_length);
	return test_stock_read("3.7.journal", length);
}

static void a_journal_torn_anywhere_counts_its_whole_batches(void **state)
{
	(void)state;
	test_stock f;
	size_t length, counts_length;
	char *counts;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option(), "sync=no"));
	char *journal = make_journal(&f, &length, &counts, &counts_length);
	for (size_t cut = 0; cut <= length; cut++) {
		size_t batches = 0;
		for (size_t i = 0; i < cut; i++)
			batches += journal[i] == '\n' && i >= 17 && journal[i - 17] == '=';
		test_stock_write("3.counts", counts, counts_length);
		test_stock_write("3.7.journal", journal, cut);
		test_stock_close(&f, test_stock_open(&f, 3, 8), SEG_CLOSE_RELEASED);
		assert_int_equal(count_of("the"), batches);
		assert_int_equal(count_of("cat"), batches);
	}
	free(journal);
	free(counts);
	test_stock_stop(&f);
}

static void a_journal_damaged_anywhere_never_counts_what_was_not_written(void **state)
{
	(void)state;
	test_stock f;
	size_t length, counts_length;
	char *counts, error[512];
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option(), "sync=no"));
	char *journal = make_journal(&f, &length, &counts, &counts_length);
	for (size_t i = 0; i < length; i++) {
		test_stock_write("3.counts", counts, counts_length);
		journal[i] ^= 0x15;
		test_stock_write("3.7.journal", journal, length);
		journal[i] ^= 0x15;
		void *partition = test_stock_try_open(&f, 3, 8, error);
		assert_non_null(partition);
		test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
		assert_in_range(count_of("the"), 0, 2);
		assert_int_equal(count_of("the"), count_of("cat"));
	}
	free(journal);
	free(counts);
	test_stock_stop(&f);
}

static void a_crash_between_the_rename_and_the_emptied_journal_counts_nothing_twice(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "cat", "1"}));
	size_t length;
	char *journal = test_stock_read("3.7.journal", &length);
	test_stock_tick(&f, partition);
	test_stock_close(&f, partition, SEG_CLOSE_LOST);
	test_stock_write("3.7.journal", journal, length);
	test_stock_close(&f, test_stock_open(&f, 3, 8), SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 1);
	assert_int_equal(count_of("cat"), 1);
	free(journal);
	test_stock_stop(&f);
}

static void damaged_counts_are_refused_not_guessed_at(void **state)
{
	(void)state;
	test_stock f;
	size_t length;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option(), "sync=no"));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", ""}, {2, "cat", ""}));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	char *content = test_stock_read("3.counts", &length);
	for (size_t cut = 0; cut < length; cut++) {
		test_stock_write("3.counts", content, cut);
		test_stock_refuses_open(
			&f, 8,
			"3.counts is damaged: restore it from a backup, or remove it to start counting");
	}
	free(content);
	test_stock_stop(&f);
}

static void two_groups_do_not_mix_their_counts(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	test_stock_close(&f, test_stock_open(&f, 3, 7), SEG_CLOSE_RELEASED);
	test_stock_stop(&f);
	assert_int_equal(test_stock_start_in_group(&f, "wordcount", "other",
						   TEST_TEXTS(test_stock_directory_option()), NULL),
			 0);
	test_stock_refuses_open(
		&f, 8,
		"has the counts of stream=words group=g partition=3, not of stream=words group=other partition=3; "
		"give each group its own option.directory");
	test_stock_stop(&f);
}

static void wordcount_retries_on_a_full_disk_and_counts_each_message_once(void **state)
{
	(void)state;
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, 7);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "1"}));
	test_stock_limit_files(50);
	for (int i = 0; i < 3; i++) {
		seg_answer answer = TEST_STOCK_HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "the", "2"},
							 {3, "cat", "1"});
		assert_int_equal(answer.outcome, SEG_OUTCOME_RETRY);
		assert_int_equal(answer.index, 1);
		assert_non_null(strstr(answer.reason, "3.7.journal: File too large"));
	}
	test_stock_limit_files(RLIM_INFINITY);
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {2, "the", "2"}, {3, "cat", "1"}));
	test_expect_done(TEST_STOCK_HAND_OVER(&f, partition, 7, {4, "the", "3"}));
	test_stock_close(&f, partition, SEG_CLOSE_LOST);
	test_stock_close(&f, test_stock_open(&f, 3, 8), SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 3);
	assert_int_equal(count_of("cat"), 1);
	test_stock_stop(&f);
}

/* --- kill -9 --- */

enum { KILLS = 12 };

static void wordcount_counts_each_message_once_however_often_it_is_killed(void **state)
{
	(void)state;
	uint64_t position = 0, epoch = 100;
	for (int i = 0; i < KILLS; i++) {
		uint64_t done =
			test_stock_kill_an_owner("wordcount", epoch++, position, 20 + (uint64_t)i * 7);
		/* Goes back as if Redis had lost the newest commits. */
		position = done > 5 ? done - 5 : 0;
	}
	test_stock f;
	test_stock_start(&f, "wordcount", TEST_TEXTS(test_stock_directory_option()));
	void *partition = test_stock_open(&f, 3, epoch);
	for (uint64_t b = position; b < position + 100; b++)
		test_expect_done(test_stock_hand_over_numbered(&f, partition, epoch, b));
	test_stock_close(&f, partition, SEG_CLOSE_RELEASED);
	for (const char *word = "abcdefgh"; *word; word++)
		assert_int_equal(count_of((const char[]){*word, '\0'}), position + 100);
	char *content = test_stock_read("3.counts", NULL);
	assert_non_null(strstr(content, " out_of_order=0\n"));
	free(content);
	test_stock_stop(&f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_stock_make_directory, test_stock_remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wordcount_counts_each_key_and_keeps_the_last_id_with_it),
		TEST(a_message_that_comes_again_is_not_counted_again),
		TEST(the_next_owner_continues_where_a_clean_stop_ended),
		TEST(the_counts_of_a_lost_owner_are_in_its_journal),
		TEST(a_lower_epoch_never_overwrites_a_higher_one),
		TEST(a_number_that_does_not_rise_within_its_key_is_out_of_order),
		TEST(order_is_not_checked_if_an_option_says_so),
		TEST(words_of_any_bytes_come_back_as_they_were),
		TEST(a_journal_torn_anywhere_counts_its_whole_batches),
		TEST(a_journal_damaged_anywhere_never_counts_what_was_not_written),
		TEST(a_crash_between_the_rename_and_the_emptied_journal_counts_nothing_twice),
		TEST(damaged_counts_are_refused_not_guessed_at),
		TEST(two_groups_do_not_mix_their_counts),
		TEST(wordcount_retries_on_a_full_disk_and_counts_each_message_once),
		TEST(wordcount_counts_each_message_once_however_often_it_is_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
