/*
 * test_scripts_append.c - the scripts register and append: shapes, bounds, duplicates, trimming, and a full
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts.h"
#include "test_scripts_keys.h"

/* A record without headers, as a producer sends it. */
#define RECORD(data) "2", "partitionKey", "k", "data", data
#define append(size, overflow, sequence, n, ...) \
	run(APPEND, 3, LOG, PRODUCER, COUNTERS, size, overflow, sequence, sequence, "60000", n, __VA_ARGS__)

/* Adds n records under one sequence number. */
static const char *append_many(const char *size, const char *overflow, const char *sequence, int n,
			       const char *data)
{
	static const char *words[SCRIPT_ARGUMENTS_MAX];
	char n_text[16];
	snprintf(n_text, sizeof(n_text), "%d", n);
	const char *head[] = {LOG, PRODUCER, COUNTERS, size, overflow, sequence, sequence, "60000", n_text};
	const char *record[] = {RECORD(data)};
	int count = 9;
	memcpy(words, head, sizeof(head));
	for (int i = 0; i < n; i++, count += 5)
		memcpy(words + count, record, sizeof(record));
	return reply_text(script_reply(SEG_SCRIPT_APPEND, 3, words, count));
}

typedef struct {
	char word[8];
	unsigned long long ms, seq;
	int added;
} append_answer;

static append_answer parse(const char *text)
{
	append_answer answer = {0};
	if (sscanf(text, "%7s %llu-%llu %d", answer.word, &answer.ms, &answer.seq, &answer.added) != 4)
		fail_msg("no answer of append: %s", text);
	return answer;
}

static void assert_added(const char *text, int added)
{
	append_answer answer = parse(text);
	assert_string_equal(answer.word, "OK");
	assert_int_equal(answer.added, added);
}

/* `count` entries with the ids 1-1, 1-2, ... */
static void fill_log(int count)
{
	for (int i = 1; i <= count; i++)
		command("XADD " LOG " 1-%d partitionKey k data %d", i, i);
}

/* --- register --------------------------------------------------------------------------------------- */

static void the_first_registration_fixes_the_shape(void **state)
{
	(void)state;
	assert_string_equal(run(REGISTER, 1, INFO, "8", "1000", "reject", "1", "off"),
			    "OK 8 1000 reject 1 off 1");
	assert_string_equal(run(REGISTER, 1, INFO, "16", "5", "drop-oldest", "1", "off"),
			    "OK 8 1000 reject 1 off 0");
	assert_string_equal(command("HGET " INFO " version"), "1");
}

/* --- adding ----------------------------------------------------------------------------------------- */

static void records_without_headers_come_as_key_and_data(void **state)
{
	(void)state;
	assert_added(append("10", "reject", "1", "2", "a", "1", "b", "2"), 2);
	const char *entries = command("XRANGE " LOG " - +");
	assert_non_null(strstr(entries, "[partitionKey a data 1]"));
	assert_non_null(strstr(entries, "[partitionKey b data 2]"));
	/* Records without headers, too, are added as far as there is room. */
	assert_added(append("3", "reject", "3", "2", "c", "3", "d", "4"), 1);
	assert_null(strstr(command("XRANGE " LOG " - +"), "[partitionKey d"));
	assert_string_equal(parse(append("3", "reject", "3", "2", "c", "3", "d", "4")).word, "DUP");
}

static void a_batch_has_one_millisecond_and_consecutive_sequence_numbers(void **state)
{
	(void)state;
	enum { COUNT = 1600 }; /* takes more than a millisecond */
	append_answer answer = parse(append_many("10000", "reject", "0", COUNT, "x"));
	assert_int_equal(answer.added, COUNT);
	redisReply *log = test_server_command(rig.redis, "XRANGE " LOG " - +");
	assert_int_equal(log->elements, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		char id[64];
		snprintf(id, sizeof(id), "%llu-%llu", answer.ms, answer.seq + i);
		assert_string_equal(log->element[i]->element[0]->str, id);
	}
	freeReplyObject(log);
}

static void a_batch_follows_an_id_from_a_clock_ahead_of_ours(void **state)
{
	(void)state;
	command("XADD " LOG " 9999999999999-18446744073709551000 f v");
	assert_string_equal(append_many("1000", "reject", "0", 3, "x"),
			    "OK 9999999999999-18446744073709551001 3");
	assert_string_equal(command("XREVRANGE " LOG " + - COUNT 1"),
			    "[9999999999999-18446744073709551003 [partitionKey k data x]]");
}

static void fields_arrive_as_they_were_sent_headers_included(void **state)
{
	(void)state;
	append("9", "reject", "0", "3", RECORD("a"), "4", "partitionKey", "k", "data", "b", "h1", "v1", "h2",
	       "", RECORD("c"));
	const char *log = command("XRANGE " LOG " - +");
	assert_non_null(strstr(log, "[partitionKey k data a]"));
	assert_non_null(strstr(log, "[partitionKey k data b h1 v1 h2 ]"));
	assert_non_null(strstr(log, "[partitionKey k data c]"));
}

static void bytes_of_any_value_arrive(void **state)
{
	(void)state;
	const char data[] = {'\0', '\r', '\n', (char)0xff, '\0'};
	const char *words[] = {"EVALSHA", script_sha[SEG_SCRIPT_APPEND],
			       "3",       LOG,
			       PRODUCER,  COUNTERS,
			       "10",      "reject",
			       "0",       "0",
			       "60000",   "1",
			       "2",       "partitionKey",
			       "",        "data",
			       data};
	size_t lengths[17];
	for (int i = 0; i < 16; i++)
		lengths[i] = strlen(words[i]);
	lengths[16] = sizeof(data);
	freeReplyObject(redisCommandArgv(rig.redis, 17, words, lengths));
	redisReply *reply = test_server_command(rig.redis, "XRANGE " LOG " - +");
	redisReply *fields = reply->element[0]->element[1];
	assert_int_equal(fields->element[1]->len, 0);
	assert_int_equal(fields->element[3]->len, sizeof(data));
	assert_memory_equal(fields->element[3]->str, data, sizeof(data));
	freeReplyObject(reply);
}

static void a_record_may_have_1024_headers(void **state)
{
	(void)state;
	static const char *words[9 + 1 + 2 * 1026];
	const char *head[] = {LOG, PRODUCER, COUNTERS, "10", "reject", "0", "0", "60000", "1", "1026"};
	memcpy(words, head, sizeof(head));
	for (int i = 0; i < 2 * 1026; i++)
		words[10 + i] = "x";
	assert_added(reply_text(script_reply(SEG_SCRIPT_APPEND, 3, words, 10 + 2 * 1026)), 1);
}

/* --- duplicates ------------------------------------------------------------------------------------- */

static void a_sequence_is_added_once_and_answered_as_before(void **state)
{
	(void)state;
	append_answer first = parse(append("1000", "reject", "1", "2", RECORD("a"), RECORD("b")));
	append_answer again = parse(append("1000", "reject", "1", "2", RECORD("a"), RECORD("b")));
	assert_string_equal(again.word, "DUP");
	assert_true(again.ms == first.ms && again.seq == first.seq);
	assert_int_equal(again.added, 2);
	assert_int_equal(command_number("XLEN " LOG), 2);
}

static void a_sequence_before_the_newest_is_old(void **state)
{
	(void)state;
	append("1000", "reject", "9", "1", RECORD("a"));
	append("1000", "reject", "10", "1", RECORD("b"));
	assert_string_equal(append("1000", "reject", "9", "1", RECORD("a")), "OLD");
	assert_int_equal(command_number("XLEN " LOG), 2);
}

static void sequence_0_is_added_each_time(void **state)
{
	(void)state;
	append("1000", "reject", "0", "1", RECORD("a"));
	append("1000", "reject", "0", "1", RECORD("a"));
	assert_int_equal(command_number("XLEN " LOG), 2);
	assert_int_equal(command_number("EXISTS " PRODUCER), 0);
}

/* --- several batches in flight ------------------------------------------------------------------------ */

/* A batch of one record, in flight behind the batch `oldest`. */
#define behind(oldest, sequence)                                                                         \
	run(APPEND, 3, LOG, PRODUCER, COUNTERS, "1000", "reject", sequence, oldest, "60000", "1", "key", \
	    sequence)

static void a_batch_that_follows_the_newest_is_added(void **state)
{
	(void)state;
	assert_added(append_many("1000", "reject", "1", 3, "x"), 3);
	assert_added(behind("1", "4"), 1);
	assert_added(behind("1", "5"), 1);
}

static void a_batch_that_would_overtake_another_is_refused(void **state)
{
	(void)state;
	append_many("1000", "reject", "1", 3, "x");
	assert_string_equal(behind("4", "5"), "GAP");
	assert_int_equal(command_number("XLEN " LOG), 3);
	assert_added(behind("4", "4"), 1);
	assert_added(behind("4", "5"), 1);
}

static void nothing_follows_a_producer_that_redis_does_not_know(void **state)
{
	(void)state;
	assert_string_equal(behind("1", "2"), "GAP");
	assert_int_equal(command_number("EXISTS " LOG), 0);
}

static void nothing_follows_a_batch_that_was_added_in_part(void **state)
{
	(void)state;
	assert_added(append_many("5", "reject", "1", 7, "x"), 5);
	assert_string_equal(behind("1", "8"), "GAP");
	assert_added(append_many("1000", "reject", "6", 2, "x"), 2);
	assert_added(behind("6", "8"), 1);
}

static void the_oldest_batch_closes_a_gap(void **state)
{
	(void)state;
	append_many("1000", "reject", "1", 3, "x");
	/* The batch 4 was given up. */
	assert_added(behind("5", "5"), 1);
	assert_string_equal(behind("4", "4"), "OLD");
}

static void every_batch_in_flight_is_answered_as_before(void **state)
{
	(void)state;
	const char *const sequences[] = {"9", "10", "11", "12"};
	append_answer answers[4];
	behind("8", "8");
	for (int i = 0; i < 4; i++)
		answers[i] = parse(behind("9", sequences[i]));
	for (int i = 0; i < 4; i++) {
		append_answer again = parse(behind("9", sequences[i]));
		assert_string_equal(again.word, "DUP");
		assert_true(again.ms == answers[i].ms && again.seq == answers[i].seq && again.added == 1);
	}
	assert_int_equal(command_number("XLEN " LOG), 5);
}

static void an_outcome_that_was_heard_is_forgotten(void **state)
{
	(void)state;
	behind("1", "1");
	behind("1", "2");
	behind("1", "3");
	behind("3", "4");
	assert_string_equal(behind("2", "2"), "OLD");
	assert_string_equal(parse(behind("3", "3")).word, "DUP");
	behind("5", "5");
	const char *known = command("GET " PRODUCER);
	assert_int_equal(strncmp(known, "5 ", 2), 0);
	assert_null(strchr(strchr(strchr(known, ' ') + 1, ' ') + 1, ' '));
}

static void a_batch_that_was_added_in_part_is_answered_so_again(void **state)
{
	(void)state;
	assert_added(append_many("5", "reject", "1", 7, "x"), 5);
	append_answer again = parse(append_many("5", "reject", "1", 7, "x"));
	assert_string_equal(again.word, "DUP");
	assert_int_equal(again.added, 5);
}

static void a_batch_that_met_a_full_partition_may_be_sent_again(void **state)
{
	(void)state;
	append_many("5", "reject", "1", 5, "x");
	assert_string_equal(append_many("5", "reject", "6", 2, "x"), "OK 0-0 0");
	command("DEL " LOG);
	assert_added(append_many("5", "reject", "6", 2, "x"), 2);
}

static void a_producer_is_forgotten_after_its_time(void **state)
{
	(void)state;
	append("1000", "reject", "1", "1", RECORD("a"));
	long long left = command_number("PTTL " PRODUCER);
	assert_true(left > 0 && left <= 60000);
}

/* --- the bound -------------------------------------------------------------------------------------- */

static void a_full_partition_takes_what_fits_and_no_more(void **state)
{
	(void)state;
	fill_log(8);
	assert_added(append_many("10", "reject", "0", 5, "x"), 2);
	assert_string_equal(append_many("10", "reject", "0", 5, "x"), "OK 0-0 0");
	assert_int_equal(command_number("XLEN " LOG), 10);
}

static void without_a_group_nothing_is_trimmed(void **state)
{
	(void)state;
	fill_log(10);
	assert_string_equal(append_many("10", "reject", "0", 1, "x"), "OK 0-0 0");
	assert_string_equal(command("XRANGE " LOG " - + COUNT 1"), "[1-1 [partitionKey k data 1]]");
}

static void messages_that_every_group_committed_make_room(void **state)
{
	(void)state;
	fill_log(10);
	command("XGROUP CREATE " LOG " a 1-7");
	command("XGROUP CREATE " LOG " b 1-4");
	assert_added(append_many("10", "reject", "0", 9, "x"), 4);
	assert_string_equal(command("XRANGE " LOG " - + COUNT 1"), "[1-5 [partitionKey k data 5]]");
}

static void a_group_at_the_start_holds_everything(void **state)
{
	(void)state;
	fill_log(10);
	command("XGROUP CREATE " LOG " a 1-10");
	command("XGROUP CREATE " LOG " b 0");
	assert_string_equal(append_many("10", "reject", "0", 1, "x"), "OK 0-0 0");
	assert_int_equal(command_number("XLEN " LOG), 10);
}

static void an_entry_that_a_reader_has_not_acknowledged_is_not_trimmed(void **state)
{
	(void)state;
	fill_log(10);
	command("XGROUP CREATE " LOG " g 0");
	command("XREADGROUP GROUP g c COUNT 8 STREAMS " LOG " >");
	command("XACK " LOG " g 1-1 1-2 1-3 1-5 1-6");
	assert_added(append_many("10", "reject", "0", 9, "x"), 3);
	assert_string_equal(command("XRANGE " LOG " - + COUNT 1"), "[1-4 [partitionKey k data 4]]");
}

static void trimming_holds_where_the_sequence_number_is_0_or_the_largest(void **state)
{
	(void)state;
	command("XADD " LOG " 5-18446744073709551615 f 1");
	command("XADD " LOG " 6-0 f 2");
	command("XADD " LOG " 6-1 f 3");
	command("XGROUP CREATE " LOG " g 0");
	command("XREADGROUP GROUP g c COUNT 2 STREAMS " LOG " >");
	command("XACK " LOG " g 5-18446744073709551615");
	/* The oldest pending entry is 6-0, so only 5-18446744073709551615 is committed. */
	assert_added(append_many("3", "reject", "0", 3, "x"), 1);
	assert_string_equal(command("XRANGE " LOG " - + COUNT 1"), "[6-0 [f 2]]");
}

static void a_large_backlog_is_trimmed_by_whole_nodes_first(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		append_many("2000", "reject", "0", 100, "x");
	command("XGROUP CREATE " LOG " g $");
	assert_added(append_many("1000", "reject", "0", 1, "x"), 1);
	/*
	 * The node with the newest entry stayed; or, if that was not enough, everything before the new record
	 * went.
	 */
	long long left = command_number("XLEN " LOG);
	assert_true(left >= 1 && left <= 101);
}

static void dropping_the_oldest_makes_room_and_counts(void **state)
{
	(void)state;
	fill_log(10);
	command("XGROUP CREATE " LOG " g 1-3");
	assert_added(append_many("10", "drop-oldest", "0", 5, "x"), 5);
	assert_int_equal(command_number("XLEN " LOG), 10);
	assert_string_equal(command("XRANGE " LOG " - + COUNT 1"), "[1-6 [partitionKey k data 6]]");
	/* 1-1 to 1-3 were committed, 1-4 and 1-5 were not. */
	assert_int_equal(command_number("HGET " COUNTERS " dropped"), 2);
}

static void a_batch_larger_than_the_partition_leaves_its_newest(void **state)
{
	(void)state;
	fill_log(2);
	assert_added(append("3", "drop-oldest", "0", "5", RECORD("a"), RECORD("b"), RECORD("c"), RECORD("d"),
			    RECORD("e")),
		     5);
	const char *log = command("XRANGE " LOG " - +");
	assert_null(strstr(log, "data b"));
	assert_non_null(strstr(log, "data c"));
	assert_non_null(strstr(log, "data e"));
	assert_int_equal(command_number("XLEN " LOG), 3);
	assert_int_equal(command_number("HGET " COUNTERS " dropped"), 4);
}

static void a_partition_that_shrank_below_its_content_takes_nothing(void **state)
{
	(void)state;
	fill_log(10);
	command("XGROUP CREATE " LOG " g 0");
	assert_string_equal(append_many("4", "reject", "0", 1, "x"), "OK 0-0 0");
	assert_int_equal(command_number("XLEN " LOG), 10);
}

/* --- refusals ------------------------------------------------------------------------------- */

static void a_log_that_is_no_stream_is_an_error_and_nothing_is_noted(void **state)
{
	(void)state;
	command("SET " LOG " x");
	assert_non_null(strstr(append("10", "reject", "1", "1", RECORD("a")), "WRONGTYPE"));
	assert_int_equal(command_number("STRLEN " PRODUCER), 0);
}

/* --- a full memory --------------------------------------------------------------------------------- */

static void take_the_memory(void)
{
	command("CONFIG SET maxmemory 1");
}

static void without_memory_nothing_is_added_and_nothing_noted(void **state)
{
	(void)state;
	fill_log(3);
	take_the_memory();
	assert_int_equal(strncmp(append("10", "reject", "1", "2", RECORD("a"), RECORD("b")), "OOM ", 4), 0);
	assert_int_equal(command_number("XLEN " LOG), 3);
	assert_int_equal(command_number("EXISTS " PRODUCER), 0);
}

static void without_memory_what_is_committed_makes_room_in_a_partition_that_is_not_full(void **state)
{
	(void)state;
	fill_log(10);
	command("XGROUP CREATE " LOG " g 1-4");
	take_the_memory();
	assert_added(append_many("1000", "reject", "1", 4, "x"), 4);
	assert_int_equal(command_number("XLEN " LOG), 10);
	assert_string_equal(command("XRANGE " LOG " - + COUNT 1"), "[1-5 [partitionKey k data 5]]");
	assert_int_equal(strncmp(append_many("1000", "reject", "5", 4, "x"), "OOM ", 4), 0);
	assert_int_equal(command_number("XLEN " LOG), 10);
	append_many("1000", "reject", "1", 4, "x");
	assert_string_equal(parse(said).word, "DUP");
}

static void without_memory_a_batch_larger_than_the_committed_entries_is_refused(void **state)
{
	(void)state;
	fill_log(10);
	command("XGROUP CREATE " LOG " g 1-2");
	take_the_memory();
	assert_int_equal(strncmp(append_many("1000", "reject", "1", 4, "x"), "OOM ", 4), 0);
	assert_int_equal(command_number("XLEN " LOG), 8);
	assert_int_equal(command_number("EXISTS " PRODUCER), 0);
}

static void without_memory_dropping_the_oldest_still_works(void **state)
{
	(void)state;
	fill_log(10);
	take_the_memory();
	assert_added(append_many("10", "drop-oldest", "1", 3, "x"), 3);
	assert_int_equal(command_number("HGET " COUNTERS " dropped"), 3);
	assert_int_equal(command_number("XLEN " LOG), 10);
}

#define TEST(function) cmocka_unit_test_setup(function, empty_redis)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_registration_fixes_the_shape),
		TEST(a_batch_has_one_millisecond_and_consecutive_sequence_numbers),
		TEST(records_without_headers_come_as_key_and_data),
		TEST(a_batch_follows_an_id_from_a_clock_ahead_of_ours),
		TEST(fields_arrive_as_they_were_sent_headers_included),
		TEST(bytes_of_any_value_arrive),
		TEST(a_record_may_have_1024_headers),
		TEST(a_sequence_is_added_once_and_answered_as_before),
		TEST(a_sequence_before_the_newest_is_old),
		TEST(sequence_0_is_added_each_time),
		TEST(a_batch_that_was_added_in_part_is_answered_so_again),
		TEST(a_batch_that_follows_the_newest_is_added),
		TEST(a_batch_that_would_overtake_another_is_refused),
		TEST(nothing_follows_a_producer_that_redis_does_not_know),
		TEST(nothing_follows_a_batch_that_was_added_in_part),
		TEST(the_oldest_batch_closes_a_gap),
		TEST(every_batch_in_flight_is_answered_as_before),
		TEST(an_outcome_that_was_heard_is_forgotten),
		TEST(a_batch_that_met_a_full_partition_may_be_sent_again),
		TEST(a_producer_is_forgotten_after_its_time),
		TEST(a_full_partition_takes_what_fits_and_no_more),
		TEST(without_a_group_nothing_is_trimmed),
		TEST(messages_that_every_group_committed_make_room),
		TEST(a_group_at_the_start_holds_everything),
		TEST(an_entry_that_a_reader_has_not_acknowledged_is_not_trimmed),
		TEST(trimming_holds_where_the_sequence_number_is_0_or_the_largest),
		TEST(a_large_backlog_is_trimmed_by_whole_nodes_first),
		TEST(dropping_the_oldest_makes_room_and_counts),
		TEST(a_batch_larger_than_the_partition_leaves_its_newest),
		TEST(a_partition_that_shrank_below_its_content_takes_nothing),
		TEST(a_log_that_is_no_stream_is_an_error_and_nothing_is_noted),
		TEST(without_memory_nothing_is_added_and_nothing_noted),
		TEST(without_memory_what_is_committed_makes_room_in_a_partition_that_is_not_full),
		TEST(without_memory_a_batch_larger_than_the_committed_entries_is_refused),
		TEST(without_memory_dropping_the_oldest_still_works),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
