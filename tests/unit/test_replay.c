/*
 * test_replay.c - the checker of pipelines: an output and values without faults, and for each rule some that break it. Message n has
 * the id 1000-n and the key n % KEYS of one partition; its number is n / KEYS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chaos/replay.h"

enum { KEYS = 2, MESSAGES = 20, SOURCE = 3, TARGET = 5, NONE = MESSAGES };

static chaos_history history;

static seg_id id_of(uint32_t n)
{
	return (seg_id){1000, n};
}

/* The record `part` of message n, as the readers got it from the output's entry `at`. */
static void emitted(uint32_t n, uint32_t part, uint64_t at, const chaos_chain *chain)
{
	chaos_append(&history.origins, (chaos_origin){.partition = TARGET,
						      .key = n % KEYS,
						      .id = {2000, at},
						      .source_partition = SOURCE,
						      .number = n / KEYS,
						      .part = part,
						      .source_id = id_of(n),
						      .chain = *chain});
}

static void dead_letter(uint32_t n, uint32_t deaths)
{
	chaos_append(&history.dead_letters, (chaos_dead_letter){.partition = SOURCE,
								.id = id_of(n),
								.deaths = deaths,
								.key = n % KEYS,
								.number = n / KEYS});
}

/* All messages but one, which is not there for the handler: NONE for none. */
static void run_pipeline(uint32_t left_out)
{
	chaos_chain chains[KEYS] = {{0}};
	for (uint32_t n = 0; n < MESSAGES; n++) {
		chaos_append(&history.sends, (chaos_send){SOURCE, n % KEYS, n / KEYS, true, id_of(n), 0, 0});
		if (n == left_out)
			continue;
		chaos_chain_add(&chains[n % KEYS], 1000, n, n / KEYS);
		for (uint32_t part = 0; part < chaos_parts_of(n / KEYS); part++)
			emitted(n, part, n * 10 + part, &chains[n % KEYS]);
	}
	for (uint32_t k = 0; k < KEYS; k++)
		chaos_append(&history.values, (chaos_value){SOURCE, k, chains[k]});
}

static chaos_replay_verdict judge(void)
{
	chaos_replay_verdict verdict;
	chaos_replay_check(&history, &verdict, NULL);
	return verdict;
}

static int set_up(void **state)
{
	(void)state;
	history = (chaos_history){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	chaos_history_fini(&history);
	return 0;
}

static chaos_origin *origin_of(uint32_t n)
{
	for (size_t i = 0; i < history.origins.count; i++)
		if (history.origins.items[i].source_id.seq == n)
			return &history.origins.items[i];
	fail();
	return NULL;
}

static void each_message_has_its_records_and_each_key_its_value(void **state)
{
	(void)state;
	run_pipeline(NONE);
	chaos_replay_verdict v = judge();
	assert_true(chaos_replay_good(&v));
	assert_int_equal(v.sources, MESSAGES);
	assert_int_equal(v.outputs, MESSAGES + 2 * KEYS);
	assert_int_equal(v.values, KEYS);
}

static void readers_may_get_a_record_again(void **state)
{
	(void)state;
	run_pipeline(NONE);
	for (size_t i = history.origins.count; i-- > 5;)
		chaos_append(&history.origins, history.origins.items[i]);
	chaos_replay_verdict v = judge();
	assert_true(chaos_replay_good(&v));
	assert_int_equal(v.outputs, MESSAGES + 2 * KEYS);
}

static void a_record_that_is_not_there_is_missing(void **state)
{
	(void)state;
	run_pipeline(NONE);
	*origin_of(6) = *origin_of(8);
	assert_int_equal(judge().missing, 1);
}

static void one_of_three_records_must_not_be_missing(void **state)
{
	(void)state;
	run_pipeline(NONE);
	chaos_origin *first = origin_of(7 * KEYS);
	assert_int_equal(first[2].part, 2);
	first[2] = first[1];
	assert_int_equal(judge().missing, 1);
}

static void a_record_must_not_be_added_twice(void **state)
{
	(void)state;
	run_pipeline(NONE);
	emitted(4, 0, 45, &origin_of(4)->chain);
	chaos_replay_verdict v = judge();
	assert_int_equal(v.twice, 1);
	assert_int_equal(v.misplaced, 0);
}

static void the_records_of_a_key_keep_its_order(void **state)
{
	(void)state;
	run_pipeline(NONE);
	seg_id id = origin_of(4)->id;
	origin_of(4)->id = origin_of(6)->id;
	origin_of(6)->id = id;
	assert_int_equal(judge().misplaced, 1);
}

static void the_records_of_a_message_keep_their_order(void **state)
{
	(void)state;
	run_pipeline(NONE);
	chaos_origin *first = origin_of(7 * KEYS);
	seg_id id = first[0].id;
	first[0].id = first[1].id;
	first[1].id = id;
	assert_int_equal(judge().misplaced, 1);
}

static void a_key_must_not_change_its_partition(void **state)
{
	(void)state;
	run_pipeline(NONE);
	origin_of(18)->partition = TARGET + 1;
	assert_int_equal(judge().misplaced, 1);
}

static void a_record_comes_from_a_message(void **state)
{
	(void)state;
	run_pipeline(NONE);
	emitted(MESSAGES + 1, 0, 900, &origin_of(4)->chain);
	assert_int_equal(judge().untrue, 1);
}

static void a_record_tells_the_chain_of_its_message(void **state)
{
	(void)state;
	run_pipeline(NONE);
	origin_of(4)->chain.count++;
	origin_of(6)->chain.hash++;
	assert_int_equal(judge().untrue, 2);
}

static void without_values_only_the_records_count(void **state)
{
	(void)state;
	run_pipeline(NONE);
	history.no_values = true;
	history.values.count = 0;
	origin_of(4)->chain = (chaos_chain){0};
	chaos_replay_verdict v = judge();
	assert_true(chaos_replay_good(&v));
	emitted(4, 0, 900, &(chaos_chain){0});
	assert_int_equal(judge().twice, 1);
}

static void a_dead_letter_has_no_record_and_no_part_in_the_value(void **state)
{
	(void)state;
	run_pipeline(4);
	dead_letter(4, 0);
	chaos_replay_verdict v = judge();
	assert_true(chaos_replay_good(&v));
	assert_int_equal(v.sources, MESSAGES - 1);
}

static void a_record_of_a_dead_letter_is_untrue(void **state)
{
	(void)state;
	run_pipeline(4);
	dead_letter(4, 0);
	emitted(4, 0, 40, &(chaos_chain){0});
	assert_int_equal(judge().untrue, 1);
}

static void a_value_without_what_is_done_is_untrue(void **state)
{
	(void)state;
	run_pipeline(4);
	chaos_replay_verdict v = judge();
	assert_int_equal(v.missing, 1);
	/* The value, and the records behind it. */
	assert_int_equal(v.untrue, 1 + (MESSAGES - 6) / KEYS + 2);
}

static void a_value_with_a_dead_letter_is_untrue(void **state)
{
	(void)state;
	run_pipeline(NONE);
	dead_letter(MESSAGES - 1, 1);
	chaos_replay_verdict v = judge();
	assert_int_equal(v.untrue, 1);
	assert_int_equal(v.missing, 0);
}

static void what_killed_its_owners_may_have_its_records(void **state)
{
	(void)state;
	run_pipeline(4);
	dead_letter(4, 3);
	emitted(4, 0, 40, &(chaos_chain){7, 7});
	chaos_replay_verdict v = judge();
	assert_true(chaos_replay_good(&v));
}

/* A failover forgot the message; its records, and the value that counts it, are in another place. */
static void forget(uint32_t n)
{
	chaos_append(&history.rollbacks,
		     (chaos_rollback){.partition = SOURCE, .kept = id_of(n - 1), .lost = id_of(n)});
}

static void what_redis_forgot_may_have_its_records(void **state)
{
	(void)state;
	run_pipeline(NONE);
	forget(4);
	chaos_replay_verdict v = judge();
	assert_true(chaos_replay_good(&v));
}

static void what_redis_forgot_needs_no_records(void **state)
{
	(void)state;
	run_pipeline(4);
	forget(4);
	chaos_replay_verdict v = judge();
	assert_true(chaos_replay_good(&v));
}

static void what_redis_forgot_has_no_record_twice(void **state)
{
	(void)state;
	run_pipeline(NONE);
	forget(4);
	emitted(4, 0, 1000, &(chaos_chain){0});
	assert_int_equal(judge().twice, 1);
}

/* Message 5 has another key. */
static void what_redis_forgot_excuses_no_other_key(void **state)
{
	(void)state;
	run_pipeline(5);
	forget(4);
	assert_int_equal(judge().missing, 1);
}

static void a_value_must_not_be_missing(void **state)
{
	(void)state;
	run_pipeline(NONE);
	history.values.count--;
	assert_int_equal(judge().missing, 1);
}

static void a_key_must_not_have_two_values(void **state)
{
	(void)state;
	run_pipeline(NONE);
	chaos_append(&history.values, history.values.items[0]);
	assert_int_equal(judge().twice, 1);
}

static void a_value_of_a_key_without_messages_is_untrue(void **state)
{
	(void)state;
	run_pipeline(NONE);
	chaos_append(&history.values, (chaos_value){SOURCE, KEYS, {1, 1}});
	chaos_append(&history.values, (chaos_value){SOURCE + 1, 0, {1, 1}});
	assert_int_equal(judge().untrue, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_message_has_its_records_and_each_key_its_value),
		TEST(readers_may_get_a_record_again),
		TEST(a_record_that_is_not_there_is_missing),
		TEST(one_of_three_records_must_not_be_missing),
		TEST(a_record_must_not_be_added_twice),
		TEST(the_records_of_a_key_keep_its_order),
		TEST(the_records_of_a_message_keep_their_order),
		TEST(a_key_must_not_change_its_partition),
		TEST(a_record_comes_from_a_message),
		TEST(a_record_tells_the_chain_of_its_message),
		TEST(without_values_only_the_records_count),
		TEST(a_dead_letter_has_no_record_and_no_part_in_the_value),
		TEST(a_record_of_a_dead_letter_is_untrue),
		TEST(a_value_without_what_is_done_is_untrue),
		TEST(a_value_with_a_dead_letter_is_untrue),
		TEST(what_killed_its_owners_may_have_its_records),
		TEST(what_redis_forgot_may_have_its_records),
		TEST(what_redis_forgot_needs_no_records),
		TEST(what_redis_forgot_has_no_record_twice),
		TEST(what_redis_forgot_excuses_no_other_key),
		TEST(a_value_must_not_be_missing),
		TEST(a_key_must_not_have_two_values),
		TEST(a_value_of_a_key_without_messages_is_untrue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
