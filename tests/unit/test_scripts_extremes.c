/*
 * test_scripts_extremes.c - the scripts at their limits: the last ids and sequence numbers, the largest
 * records and streams, clocks ahead of this machine's, keys of another type, and memory that runs out and
 * comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts.h"
#include "test_scripts_keys.h"

#define LAST "18446744073709551615"
#define LAST_ID LAST "-" LAST

#define RECORD "2", "partitionKey", "k", "data", "x"
#define append(size, sequence, n, ...) \
	run(APPEND, 3, LOG, PRODUCER, COUNTERS, size, "reject", sequence, sequence, "60000", n, __VA_ARGS__)
#define claim(epoch, nonce) run(CLAIM, 2, LOG, STATE, "g", "0", "m", epoch, nonce)
#define commit(epoch, nonce, id) run(COMMIT, 2, LOG, STATE, "g", epoch, nonce, id, "-1", "0")
#define join(name, capacity, count, session)                                                                 \
	script_reply(SEG_SCRIPT_COORDINATE, 6,                                                               \
		     WORDS(MEMBERS, LEASES, PARTITIONS, CONTROL, GROUPS, INFO, "g", "join", name, "i-" name, \
			   session, capacity, count, "0", SHAPE_WORDS),                                      \
		     19)

static const char *position(const char *group)
{
	redisReply *groups = test_server_command(rig.redis, "XINFO GROUPS " LOG);
	said[0] = '\0';
	for (size_t i = 0; i < groups->elements; i++)
		if (strcmp(groups->element[i]->element[1]->str, group) == 0)
			snprintf(said, sizeof(said), "%s", groups->element[i]->element[7]->str);
	freeReplyObject(groups);
	return said;
}

/* --- ids and numbers that need all 64 bits ------------------------------------------------- */

static void a_batch_that_meets_the_last_id_is_added_up_to_it(void **state)
{
	(void)state;
	command("XADD " LOG " " LAST "-18446744073709551613 partitionKey k data x");
	const char *expected = "OK " LAST "-18446744073709551614 2";
	assert_string_equal(append("10", "1", "3", RECORD, RECORD, RECORD), expected);
	assert_int_equal(command_number("XLEN " LOG), 3);
	expected = "DUP " LAST "-18446744073709551614 2";
	assert_string_equal(append("10", "1", "3", RECORD, RECORD, RECORD), expected);
	assert_int_equal(command_number("XLEN " LOG), 3);
}

static void behind_the_last_id_nothing_is_added_or_noted(void **state)
{
	(void)state;
	command("XADD " LOG " " LAST_ID " partitionKey k data x");
	for (int i = 0; i < 2; i++)
		assert_non_null(strstr(append("10", "1", "1", RECORD), "exhausted the last possible ID"));
	assert_int_equal(command_number("STRLEN " PRODUCER), 0);
	assert_int_equal(command_number("XLEN " LOG), 1);
}

static void a_group_at_the_last_id_has_committed_all_before_it(void **state)
{
	(void)state;
	command("XADD " LOG " 1-1 partitionKey k data x");
	command("XADD " LOG " 1-2 partitionKey k data x");
	command("XGROUP CREATE " LOG " g " LAST_ID);
	assert_int_equal(strncmp(append("2", "1", "2", RECORD, RECORD), "OK ", 3), 0);
	assert_int_equal(command_number("XLEN " LOG), 2);
	assert_int_equal(strncmp(append("2", "3", "2", RECORD, RECORD), "OK ", 3), 0);
	assert_int_equal(command_number("XLEN " LOG), 2);
}

static void sequences_of_53_bits_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(strncmp(append("9", "9007199254740989", "1", RECORD), "OK ", 3), 0);
	assert_string_equal(append("9", "9007199254740988", "1", RECORD), "OLD");
	assert_int_equal(strncmp(append("9", "9007199254740990", "1", RECORD), "OK ", 3), 0);
	assert_string_equal(append("9", "9007199254740989", "1", RECORD), "OLD");
	assert_int_equal(strncmp(append("9", "9007199254740990", "1", RECORD), "DUP ", 4), 0);
	assert_int_equal(command_number("XLEN " LOG), 2);
}

static void positions_are_ordered_as_numbers_to_the_last_digit(void **state)
{
	(void)state;
	static const char *const rising[] = {"9-9",
					     "9-10",
					     "10-0",
					     "10-9007199254740992",
					     "10-9007199254740993",
					     "10-" LAST,
					     "11-0",
					     "999999999999-99",
					     "1795856916229-9",
					     "1795856916229-10",
					     "1795856916229-99",
					     "1795856916230-0",
					     "1795856916230-12",
					     "1795856916230-100",
					     "17958569162300-0",
					     "17958569162300-12",
					     "18446744073709551614-" LAST,
					     LAST "-0",
					     LAST_ID};
	const size_t count = sizeof(rising) / sizeof(rising[0]);
	command("XADD " LOG " 1-1 partitionKey k data x");
	claim("5", "n");
	command("XADD " LOG " " LAST_ID " partitionKey k data x");
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(commit("5", "n", rising[i]), "OK");
		assert_string_equal(position("g"), rising[i]);
		if (i > 0)
			assert_string_equal(commit("5", "n", rising[i - 1]), "OK");
		assert_string_equal(position("g"), rising[i]);
	}
	const char *answer = claim("6", "o");
	assert_int_equal(strncmp(answer, "OK " LAST_ID " ", strlen("OK " LAST_ID " ")), 0);
}

static void the_entry_with_the_last_id_can_be_a_dead_letter(void **state)
{
	(void)state;
	command("XADD " LOG " " LAST_ID " partitionKey k data x");
	claim("5", "n");
	assert_string_equal(run(MARK, 2, LOG, STATE, "5", "n", "mark", LAST_ID, "2"), "OK");
	const char *answer = run(DEAD_LETTER, 3, LOG, STATE, DEAD, "g", "5", "n", LAST_ID, "1", "why", "1",
				 "h", "0", "0", "drop-oldest");
	assert_int_equal(strncmp(answer, "OK ", 3), 0);
	assert_string_equal(position("g"), LAST_ID);
	assert_non_null(strstr(command("XRANGE " DEAD " - +"), "id " LAST_ID " reason why"));
	assert_string_equal(claim("6", "o"), "OK " LAST_ID " 1 0 0-0 0 0");
}

static void the_group_that_is_behind_holds_its_messages_whatever_their_ids_look_like(void **state)
{
	(void)state;
	command("XADD " LOG " 9-" LAST " partitionKey k data x");
	command("XADD " LOG " 10-9 partitionKey k data x");
	command("XADD " LOG " 10-10 partitionKey k data x");
	command("XGROUP CREATE " LOG " ahead 10-10");
	command("XGROUP CREATE " LOG " behind 10-9");
	append("2", "0", "1", RECORD);
	const char *rest = command("XRANGE " LOG " - + COUNT 1");
	assert_int_equal(strncmp(rest, "[10-10 ", 7), 0);
}

static void epochs_are_compared_as_numbers(void **state)
{
	(void)state;
	assert_int_equal(strncmp(claim("9", "n"), "OK ", 3), 0);
	assert_int_equal(strncmp(claim("10", "n"), "OK ", 3), 0);
	assert_string_equal(claim("9", "n"), "STALE 10");
	assert_string_equal(commit("9", "n", "1-1"), "FENCED 10");
}

/* --- clocks ahead of ours ---------------------------------------------------------------------- */

static void epochs_and_generations_of_a_clock_ahead_of_ours_rise_by_one(void **state)
{
	(void)state;
	command("HSET " PARTITIONS " generation 9000000000000000 0 9000000000000007 1 9000000000000006");
	command("HSET " PARTITIONS " 0 %s 1 %s", "9000000000000007 gone gone", "9000000000000006 - gone");
	redisReply *reply = join("a", "1", "2", "60000");
	assert_string_equal(reply->element[2]->str, "9000000000000001");
	freeReplyObject(reply);
	assert_string_equal(command("HGET " PARTITIONS " 0"), "9000000000000008 a a");
	assert_string_equal(command("HGET " PARTITIONS " 1"), "9000000000000007 a a");
}

/* --- the largest ---------------------------------------------------------------------------------- */

static void a_record_may_have_1024_headers(void **state)
{
	(void)state;
	enum { HEADERS = 1024, WORDS_COUNT = 9 + 1 + 2 * (2 + HEADERS) };
	static char names[HEADERS][8];
	static const char *words[WORDS_COUNT] = {LOG,    PRODUCER, COUNTERS, "1",    "reject",       "1",
						 "1",    "60000",  "1",      "1026", "partitionKey", "k",
						 "data", "x"};
	for (int i = 0; i < HEADERS; i++) {
		snprintf(names[i], sizeof(names[i]), "h%d", i);
		words[14 + 2 * i] = names[i];
		words[15 + 2 * i] = i % 2 ? "" : "value";
	}
	assert_int_equal(strncmp(reply_text(script_reply(SEG_SCRIPT_APPEND, 3, words, WORDS_COUNT)), "OK ",
				 3),
			 0);
	redisReply *reply = test_server_command(rig.redis, "XRANGE " LOG " - +");
	const redisReply *fields = reply->element[0]->element[1];
	assert_int_equal(fields->elements, 2 * (2 + HEADERS));
	assert_string_equal(fields->element[4 + 2 * 1023]->str, "h1023");
	assert_string_equal(fields->element[4 + 2 * 1022 + 1]->str, "value");
	freeReplyObject(reply);
}

static void the_largest_stream_is_shared_out_by_the_largest_capacities(void **state)
{
	(void)state;
	redisReply *reply = join("a", "4294967295", "65536", "60000");
	assert_int_equal(reply->element[4]->elements, 3 * 65536);
	freeReplyObject(reply);
	freeReplyObject(join("b", "4294967295", "65536", "60000"));
	freeReplyObject(join("c", "1", "65536", "60000"));
	reply = test_server_command(rig.redis, "HVALS " PARTITIONS);
	int a = 0, b = 0, c = 0;
	for (size_t i = 0; i < reply->elements; i++) {
		const char *target = strrchr(reply->element[i]->str, ' ');
		a += target && strcmp(target, " a") == 0;
		b += target && strcmp(target, " b") == 0;
		c += target && strcmp(target, " c") == 0;
	}
	freeReplyObject(reply);
	assert_int_equal(a, 32768);
	assert_int_equal(b, 32768);
	assert_int_equal(c, 0);
}

/* --- keys of another type --------------------------------------------------------------- */

/*
 * Calls a script whose key number `odd` has another type. The script reports that; the same call succeeds
 * once the key is right again.
 */
static void check_odd_key(seg_script script, int keys, int odd, const char *const *words, int count)
{
	command("FLUSHALL");
	claim("5", "n");
	for (int i = 1; i <= 3; i++)
		command("XADD " LOG " %d-1 partitionKey k data x", i);
	command("RENAME %s kept", words[odd]); /* if it is there */
	command(strcmp(words[odd], PRODUCER) == 0 ? "LPUSH %s x" : "SET %s x", words[odd]);
	const char *answer = reply_text(script_reply(script, keys, words, count));
	if (!strstr(answer, "WRONGTYPE"))
		fail_msg("%s with an odd %s: %s", seg_script_sources[script].name, words[odd], answer);
	command("DEL %s", words[odd]);
	command("RENAME kept %s", words[odd]);
	answer = reply_text(script_reply(script, keys, words, count));
	if (strncmp(answer, "OK", 2) != 0)
		fail_msg("%s with its %s again: %s", seg_script_sources[script].name, words[odd], answer);
}

#define check_odd_keys(script, keys, ...)      \
	for (int odd = 0; odd < (keys); odd++) \
	check_odd_key(SEG_SCRIPT_##script, keys, odd, WORDS(__VA_ARGS__), WORD_COUNT(__VA_ARGS__))

static void a_key_of_another_type_is_an_error_until_it_is_removed(void **state)
{
	(void)state;
	check_odd_keys(REGISTER, 1, INFO, "4", "100", "reject", "1", "off");
	check_odd_keys(CLAIM, 2, LOG, STATE, "g", "0", "m", "6", "o");
	check_odd_keys(COMMIT, 2, LOG, STATE, "g", "5", "n", "2-1", "2", "0");
	check_odd_keys(DEAD_LETTER, 3, LOG, STATE, DEAD, "g", "5", "n", "1-1", "1", "why", "1", "h", "0", "0",
		       "drop-oldest");
	check_odd_keys(COORDINATE, 6, MEMBERS, LEASES, PARTITIONS, CONTROL, GROUPS, INFO, "g", "join", "a",
		       "i", "60000", "1", "4", "0", SHAPE_WORDS);
	/* The counters are touched only when entries are dropped. */
	check_odd_keys(APPEND, 3, LOG, PRODUCER, COUNTERS, "3", "drop-oldest", "1", "60000", "1", RECORD);
}

/* --- memory ------------------------------------------------------------------------------------------ */

#define LARGE_RECORD(data) "2", "partitionKey", "k", "data", data

static void memory_that_ran_out_comes_back_when_the_group_has_committed(void **state)
{
	(void)state;
	static char data[4096 + 1];
	memset(data, 'x', sizeof(data) - 1);
	append("1000000", "0", "1", LARGE_RECORD(data));
	claim("5", "n");
	long long used = atoll(strstr(command("INFO memory"), "used_memory:") + strlen("used_memory:"));
	const long long limit = used + (4 << 20);
	command("CONFIG SET maxmemory %lld", limit);
	const char *answer;
	long long added = 0;
	do {
		assert_true(++added < 4096);
		answer = append("1000000", "0", "1", LARGE_RECORD(data));
	} while (strncmp(answer, "OK ", 3) == 0);
	if (!strstr(answer, "OOM"))
		fail_msg("%s", answer);
	assert_int_equal(command_number("XLEN " LOG), added);
	/* It stays full until something is committed; only Redis's own buffers swing by some KiB. */
	command("CONFIG SET maxmemory %lld", limit - (64 << 10));
	assert_non_null(strstr(append("1000000", "1", "1", LARGE_RECORD(data)), "OOM"));
	assert_int_equal(command_number("EXISTS " PRODUCER), 0);
	assert_int_equal(command_number("XLEN " LOG), added);
	/* After a commit it takes about as much again as was in it. */
	const char *last = command("XREVRANGE " LOG " + - COUNT 1");
	char newest[48];
	snprintf(newest, sizeof(newest), "%.*s", (int)strcspn(last + 1, " "), last + 1);
	assert_string_equal(commit("5", "n", newest), "OK");
	for (int i = 0; i < 500; i++)
		assert_int_equal(strncmp(append("1000000", "0", "1", LARGE_RECORD(data)), "OK ", 3), 0);
	command("CONFIG SET maxmemory 0");
}

#define TEST(function) cmocka_unit_test_setup(function, empty_redis)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_batch_that_meets_the_last_id_is_added_up_to_it),
		TEST(behind_the_last_id_nothing_is_added_or_noted),
		TEST(a_group_at_the_last_id_has_committed_all_before_it),
		TEST(sequences_of_53_bits_are_told_apart),
		TEST(positions_are_ordered_as_numbers_to_the_last_digit),
		TEST(the_entry_with_the_last_id_can_be_a_dead_letter),
		TEST(the_group_that_is_behind_holds_its_messages_whatever_their_ids_look_like),
		TEST(epochs_are_compared_as_numbers),
		TEST(epochs_and_generations_of_a_clock_ahead_of_ours_rise_by_one),
		TEST(a_record_may_have_1024_headers),
		TEST(the_largest_stream_is_shared_out_by_the_largest_capacities),
		TEST(a_key_of_another_type_is_an_error_until_it_is_removed),
		TEST(memory_that_ran_out_comes_back_when_the_group_has_committed),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
