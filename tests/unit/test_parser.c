/*
 * Batches: how entries become messages, what marks one as faulty, what is refused, and that a batch can be
 * read into again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <pthread.h>

#include <cmocka.h>

#include "partition/parser.h"
#include "stream/compression.h"
#include "stream/pack.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { CAPACITY = 4 };

static seg_fetched *fetched;
static seg_parser parser;
static const seg_parser_limits limits = {.entries = CAPACITY, .bytes = SIZE_MAX};

static int setup(void **state)
{
	(void)state;
	fetched = seg_fetched_create(CAPACITY, NULL);
	if (!fetched)
		return -1;
	seg_parser_begin(&parser, fetched, (seg_id){0, 0}, &limits);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	seg_fetched_release(fetched);
	return 0;
}

/* The same batch is read into again, of which so much memory is kept. */
static void read_again(size_t keep)
{
	seg_fetched_reset(fetched, keep);
	seg_parser_begin(&parser, fetched, (seg_id){0, 0}, &limits);
}

/* --- entries as Redis sends them ------------------------------------------------------ */

static bool head(const char *id, int64_t texts)
{
	return seg_parser_entry(&parser, id, strlen(id), texts);
}

static void text(const char *bytes, size_t length)
{
	assert_true(seg_parser_text(&parser, bytes, length));
}

/* An entry of these names and values, up to a NULL. */
static void entry(const char *id, ...) __attribute__((sentinel));
static void entry(const char *id, ...)
{
	const char *word[32];
	int n = 0;
	va_list args;
	va_start(args, id);
	while ((word[n] = va_arg(args, const char *)))
		n++;
	va_end(args);
	assert_true(head(id, n));
	for (int i = 0; i < n; i++)
		text(word[i], strlen(word[i]));
}

static void good_entry(const char *id)
{
	entry(id, "partitionKey", "k", "data", "d", NULL);
}

/* --- what came of them ------------------------------------------------------------------ */

static const seg_message *message(size_t i)
{
	seg_parser_finish(&parser);
	assert_true(i < fetched->batch.count);
	return &fetched->batch.messages[i];
}

static void is_fault(size_t i, seg_fault fault)
{
	message(i);
	assert_int_equal(fetched->room.faults[i], fault);
}

static void is(const void *bytes, size_t length, const char *expected)
{
	assert_non_null(bytes);
	assert_int_equal(length, strlen(expected));
	assert_memory_equal(bytes, expected, length);
}

static void has(size_t i, const char *key, const char *data)
{
	is_fault(i, SEG_FAULT_NONE);
	is(message(i)->key, message(i)->key_length, key);
	is(message(i)->data, message(i)->data_length, data);
}

static void has_header(size_t i, size_t n, const char *name, const char *value)
{
	assert_true(n < message(i)->header_count);
	const seg_header *header = &message(i)->headers[n];
	is(header->name, header->name_length, name);
	is(header->value, header->value_length, value);
}

/* --- reading ------------------------------------------------------------------------------ */

static void an_entry_becomes_a_message_whatever_the_order_of_its_fields(void **state)
{
	(void)state;
	entry("7-1", "partitionKey", "alice", "data", "one", NULL);
	entry("7-2", "data", "two", "partitionKey", "bob", NULL);
	entry("8-0", "h1", "v1", "data", "three", "h2", "v2", "partitionKey", "carol", "h3", "v3", NULL);
	has(0, "alice", "one");
	has(1, "bob", "two");
	has(2, "carol", "three");
	assert_int_equal(message(0)->id.ms, 7);
	assert_int_equal(message(1)->id.seq, 2);
	assert_int_equal(message(0)->header_count, 0);
	assert_null(message(0)->headers);
	assert_int_equal(message(2)->header_count, 3);
	has_header(2, 0, "h1", "v1");
	has_header(2, 2, "h3", "v3");
	assert_int_equal(fetched->batch.count, 3);
}

static void texts_are_copied_byte_by_byte_with_a_nul_behind_them(void **state)
{
	(void)state;
	char data[] = "a\0b\r\n";
	assert_true(head("1-1", 4));
	text("partitionKey", 12);
	text("", 0);
	text("data", 4);
	text(data, 5);
	memset(data, 'x', sizeof(data));
	is_fault(0, SEG_FAULT_NONE);
	assert_int_equal(message(0)->key_length, 0);
	assert_int_equal(message(0)->data_length, 5);
	assert_memory_equal(message(0)->data, "a\0b\r\n", 6);
}

static void a_name_that_only_begins_like_a_field_is_a_header(void **state)
{
	(void)state;
	entry("1-1", "partitionKey2", "x", "dat", "y", "Data", "z", "partitionKey", "k", "data", "d", NULL);
	has(0, "k", "d");
	assert_int_equal(message(0)->header_count, 3);
	has_header(0, 1, "dat", "y");
}

static void headers_may_be_there_twice_and_be_empty(void **state)
{
	(void)state;
	entry("1-1", "h", "1", "h", "2", "", "", "partitionKey", "k", "data", "d", NULL);
	has_header(0, 0, "h", "1");
	has_header(0, 1, "h", "2");
	has_header(0, 2, "", "");
}

static void each_message_has_its_own_headers(void **state)
{
	(void)state;
	entry("1-1", "a", "1", "b", "2", "partitionKey", "k", "data", "d", NULL);
	good_entry("1-2");
	entry("1-3", "c", "3", "partitionKey", "k", "data", "d", NULL);
	has_header(0, 0, "a", "1");
	has_header(0, 1, "b", "2");
	assert_int_equal(message(1)->header_count, 0);
	has_header(2, 0, "c", "3");
}

static void the_bytes_of_a_batch_are_those_of_keys_data_and_headers(void **state)
{
	(void)state;
	entry("1-1", "partitionKey", "123", "data", "12345", "head", "12", NULL);
	assert_int_equal(fetched->bytes, 3 + 5 + 4 + 2);
	good_entry("1-2");
	assert_int_equal(fetched->bytes, 14 + 2);
}

/* --- faults -------------------------------------------------------------------------------- */

static void a_field_that_is_missing_or_there_twice_is_a_fault_of_that_message_alone(void **state)
{
	(void)state;
	entry("1-1", "data", "d", NULL);
	entry("1-2", "partitionKey", "k", "h", "v", NULL);
	entry("1-3", "partitionKey", "k", "data", "d", "data", "e", NULL);
	good_entry("1-4");
	is_fault(0, SEG_FAULT_NO_KEY);
	is_fault(1, SEG_FAULT_NO_DATA);
	is_fault(2, SEG_FAULT_TWICE);
	is(message(2)->data, message(2)->data_length, "d");
	has(3, "k", "d");
}

static void an_empty_field_is_not_a_missing_one(void **state)
{
	(void)state;
	entry("1-1", "partitionKey", "", "data", "", NULL);
	entry("1-2", "partitionKey", "", "data", "d", "partitionKey", "k", NULL);
	has(0, "", "");
	is_fault(1, SEG_FAULT_TWICE);
}

static void an_entry_without_fields_is_a_faulty_message_and_a_deleted_one_is_none(void **state)
{
	(void)state;
	assert_true(head("1-1", 0));
	assert_true(head("1-2", -1));
	good_entry("1-3");
	is_fault(0, SEG_FAULT_NO_KEY);
	has(1, "k", "d");
	assert_int_equal(fetched->batch.count, 2);
}

static void deleted_entries_alone_move_the_last_id_but_make_no_message(void **state)
{
	(void)state;
	assert_true(head("5-1", -1));
	seg_parser_finish(&parser);
	assert_int_equal(fetched->batch.count, 0);
	assert_int_equal(fetched->last_id.ms, 5);
	assert_false(seg_parser_text(&parser, "data", 4));
}

static void each_fault_has_a_text_of_its_own(void **state)
{
	(void)state;
	const seg_fault faults[] = {SEG_FAULT_NONE, SEG_FAULT_NO_KEY, SEG_FAULT_NO_DATA, SEG_FAULT_TWICE,
				    SEG_FAULT_ENVELOPE};
	for (size_t i = 0; i < COUNT(faults); i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(seg_fault_text(faults[i]), seg_fault_text(faults[j]));
}

/* --- what is refused ------------------------------------------------------------------------- */

static void ids_that_do_not_rise_are_refused(void **state)
{
	(void)state;
	good_entry("10-5");
	const char *not_higher[] = {"10-5", "10-4", "9-99", "0-0"};
	for (size_t i = 0; i < COUNT(not_higher); i++)
		assert_false(head(not_higher[i], 4));
	assert_false(head("10-5", -1));
	assert_int_equal(fetched->batch.count, 1);
	good_entry("10-6");
	good_entry("11-0");
}

static void what_is_no_id_is_refused(void **state)
{
	(void)state;
	const char *wrong[] = {"",
			       "1",
			       "1-",
			       "-1",
			       "-",
			       "1-1-1",
			       "x-1",
			       "1-x",
			       " 1-1",
			       "1-1 ",
			       "+1-1",
			       "1--1",
			       "1-+1",
			       "18446744073709551617-1",
			       "1-18446744073709551617"};
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(head(wrong[i], 4));
	assert_false(seg_parser_entry(&parser, "1-1\0", 4, 4));
	assert_int_equal(fetched->batch.count, 0);
}

static void the_highest_id_is_taken_and_an_id_ends_where_its_length_says(void **state)
{
	(void)state;
	assert_true(seg_parser_entry(&parser, "1-19", 3, -1));
	assert_int_equal(fetched->last_id.seq, 1);
	good_entry("18446744073709551615-18446744073709551615");
	assert_true(message(0)->id.ms == UINT64_MAX && message(0)->id.seq == UINT64_MAX);
}

static void one_message_more_than_there_is_room_for_is_refused(void **state)
{
	(void)state;
	const char *ids[] = {"1-1", "1-2", "1-3", "1-4"};
	for (size_t i = 0; i < CAPACITY; i++)
		good_entry(ids[i]);
	assert_true(head("1-5", -1));
	assert_false(head("1-6", 4));
	assert_false(seg_parser_text(&parser, "data", 4));
	assert_int_equal(fetched->batch.count, CAPACITY);
	has(CAPACITY - 1, "k", "d");
}

/* --- the codec --------------------------------------------------------------------------------- */

/* "d", "v1", and an envelope again, in base64. */
#define ENVELOPE(data) "{\"metadata\":{\"m\":\"v\"},\"data\":\"" data "\",\"partitionKey\":\"k\"}"
#define WITHIN "eyJkYXRhIjoiWkE9PSJ9"

static void raw_data_stay_as_they_are(void **state)
{
	(void)state;
	entry("1-1", "partitionKey", "k", "data", ENVELOPE("ZA=="), NULL);
	seg_parser_finish(&parser);
	assert_true(seg_fetched_decode(fetched, SEG_CODEC_RAW));
	has(0, "k", ENVELOPE("ZA=="));
}

static void envelopes_are_opened_and_what_is_none_is_the_fault_of_its_message(void **state)
{
	(void)state;
	entry("1-1", "partitionKey", "k", "data", ENVELOPE("ZA=="), "h", "x", NULL);
	entry("1-2", "partitionKey", "k", "data", "ZA==", NULL);
	entry("1-3", "partitionKey", "k", NULL);
	entry("1-4", "partitionKey", "k", "data", "{\"data\":\"djE=\"}", NULL);
	seg_parser_finish(&parser);
	assert_true(seg_fetched_decode(fetched, SEG_CODEC_SEGMENTER_GO));
	has(0, "k", "d");
	has_header(0, 0, "h", "x");
	has_header(0, 1, "m", "v");
	is_fault(1, SEG_FAULT_ENVELOPE);
	is_fault(2, SEG_FAULT_NO_DATA);
	has(3, "k", "v1");
}

static void an_envelope_in_an_envelope_is_opened_once_only(void **state)
{
	(void)state;
	entry("1-1", "partitionKey", "k", "data", ENVELOPE(WITHIN), NULL);
	seg_parser_finish(&parser);
	assert_true(seg_fetched_decode(fetched, SEG_CODEC_SEGMENTER_GO));
	entry("1-2", "partitionKey", "k", "data", ENVELOPE("ZA=="), NULL);
	seg_parser_finish(&parser);
	assert_true(seg_fetched_decode(fetched, SEG_CODEC_SEGMENTER_GO));
	assert_true(seg_fetched_decode(fetched, SEG_CODEC_SEGMENTER_GO));
	has(0, "k", "{\"data\":\"ZA==\"}");
	has(1, "k", "d");
}

/* --- used again ---------------------------------------------------------------------------------- */

static void a_reset_batch_knows_nothing_of_what_it_held(void **state)
{
	(void)state;
	entry("9-1", "partitionKey", "k", "data", "d", "data", "d", "h", "v", NULL);
	seg_parser_finish(&parser);
	assert_true(seg_fetched_decode(fetched, SEG_CODEC_SEGMENTER_GO));
	read_again(SIZE_MAX);
	assert_int_equal(fetched->batch.count, 0);
	assert_int_equal(fetched->bytes, 0);
	entry("1-1", "partitionKey", "k", "data", ENVELOPE("ZA=="), NULL);
	seg_parser_finish(&parser);
	assert_true(seg_fetched_decode(fetched, SEG_CODEC_SEGMENTER_GO));
	has(0, "k", "d");
	assert_int_equal(message(0)->header_count, 1);
}

static void a_reset_in_the_middle_of_an_entry_forgets_it(void **state)
{
	(void)state;
	assert_true(head("9-1", 4));
	text("partitionKey", 12);
	read_again(SIZE_MAX);
	assert_false(seg_parser_text(&parser, "k", 1));
	good_entry("1-1");
	has(0, "k", "d");
}

static void a_batch_used_again_for_as_much_takes_no_more_memory(void **state)
{
	(void)state;
	static char data[50 * 1024];
	memset(data, 'x', sizeof(data) - 1);
	size_t held = 0;
	const seg_message *messages = NULL;
	for (int round = 0; round < 10; round++) {
		entry("1-1", "partitionKey", "k", "data", data, "h", "v", NULL);
		entry("1-2", "partitionKey", "k", "data", data, NULL);
		entry("1-3", "partitionKey", "k", "data", "d", NULL);
		has(0, "k", data);
		if (round == 0) {
			held = fetched->room.arena.held;
			messages = fetched->room.messages;
		}
		assert_int_equal(fetched->room.arena.held, held);
		assert_ptr_equal(fetched->room.messages, messages);
		read_again(SIZE_MAX);
	}
}

static void a_reset_keeps_no_more_than_it_is_told(void **state)
{
	(void)state;
	static char data[1024 * 1024];
	memset(data, 'x', sizeof(data) - 1);
	entry("1-1", "partitionKey", "k", "data", data, NULL);
	read_again(128 * 1024);
	assert_true(fetched->room.arena.held <= 128 * 1024);
	read_again(0);
	assert_int_equal(fetched->room.arena.held, 0);
	assert_null(fetched->room.messages);
	good_entry("1-1");
	has(0, "k", "d");
}

static void *release(void *arg)
{
	seg_fetched_release(arg);
	return NULL;
}

static void entries_after_the_limit_on_bytes_are_ignored_and_the_last_kept_one_counts(void **state)
{
	(void)state;
	seg_parser_limits few = {.entries = CAPACITY, .bytes = 5};
	seg_parser_begin(&parser, fetched, (seg_id){0, 0}, &few);
	entry("1-1", "partitionKey", "k", "data", "123", NULL);
	assert_false(parser.full);
	entry("1-2", "partitionKey", "k", "data", "12345", NULL);
	entry("1-3", "partitionKey", "k", "data", "1", NULL);
	assert_true(head("1-4", -1));
	seg_parser_finish(&parser);
	assert_true(parser.full);
	assert_int_equal(fetched->batch.count, 2);
	assert_int_equal(fetched->last_id.seq, 2);
	assert_int_equal(fetched->room.messages[1].data_length, 5);
}

static void a_read_may_bring_several_batches_and_is_viewed_batch_by_batch(void **state)
{
	(void)state;
	seg_parser_limits many = {.entries = 2 * CAPACITY + 1, .bytes = SIZE_MAX};
	seg_parser_begin(&parser, fetched, (seg_id){0, 0}, &many);
	for (int i = 1; i <= 2 * CAPACITY + 1; i++) {
		char id[16];
		snprintf(id, sizeof(id), "1-%d", i);
		entry(id, "partitionKey", "k", "data", "d", NULL);
	}
	seg_parser_finish(&parser);
	assert_int_equal(fetched->batch.count, 2 * CAPACITY + 1);
	const seg_beyond nothing = {0};
	assert_int_equal(seg_fetched_run_end(fetched, 0, &nothing), CAPACITY);
	assert_int_equal(seg_fetched_run_end(fetched, CAPACITY, &nothing), 2 * CAPACITY);
	assert_int_equal(seg_fetched_run_end(fetched, 2 * CAPACITY, &nothing), 2 * CAPACITY + 1);
	assert_int_equal(fetched->room.messages[2 * CAPACITY].id.seq, 2 * CAPACITY + 1);
	assert_false(head("2-0", 4));
}

/* Twice freed, or never, is what a build with AddressSanitizer would tell. */
static void a_batch_with_two_references_lives_until_both_are_released(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		pthread_t other;
		seg_fetched *shared = seg_fetched_create(1, NULL);
		assert_non_null(shared);
		seg_fetched_retain(shared);
		seg_parser into_shared;
		seg_parser_begin(&into_shared, shared, (seg_id){0, 0}, &limits);
		assert_true(seg_parser_entry(&into_shared, "1-1", 3, 2));
		assert_int_equal(pthread_create(&other, NULL, release, shared), 0);
		assert_true(seg_parser_text(&into_shared, "data", 4));
		seg_fetched_release(shared);
		pthread_join(other, NULL);
	}
}

/* --- entries that need too much ------------------------------------------------------------ */

static void limit_entries_to(size_t bytes)
{
	seg_parser_limits small = {.entries = CAPACITY, .bytes = SIZE_MAX, .entry = bytes};
	seg_parser_begin(&parser, fetched, (seg_id){0, 0}, &small);
}

static void an_entry_that_needs_more_than_it_may_is_a_fault_and_the_next_one_is_read(void **state)
{
	(void)state;
	limit_entries_to(100);
	char long_text[102];
	memset(long_text, 'x', sizeof(long_text));
	long_text[101] = '\0';
	entry("1-1", "partitionKey", "k", "data", long_text, NULL);
	entry("1-2", "a", "1", "b", "2", "c", "3", "data", "d", NULL); /* the table of its headers */
	good_entry("1-3");
	assert_true(head("1-4", 4));
	text("partitionKey", 12);
	text(NULL, 1 << 30);
	text("data", 4);
	text("d", 1);
	is_fault(0, SEG_FAULT_LARGE);
	is_fault(1, SEG_FAULT_LARGE);
	has(2, "k", "d");
	is_fault(3, SEG_FAULT_LARGE);
	assert_null(message(3)->key);
	assert_int_equal(fetched->bytes, 2);
}

static void a_length_that_is_only_claimed_takes_no_memory(void **state)
{
	(void)state;
	if (!seg_packing_supported(SEG_PACKING_LZ4))
		skip();
	/* The varint of 1 GiB, and as many bytes as can expand to it. */
	static char claim[5 << 20] = {(char)0x80, (char)0x80, (char)0x80, (char)0x80, 4};
	limit_entries_to(8 << 20);
	assert_true(head("1-1", 2));
	text("packed-lz4", 10);
	text(claim, sizeof(claim));
	good_entry("1-2");
	is_fault(0, SEG_FAULT_LARGE);
	has(1, "k", "d");
	assert_null(seg_fetched_packed(fetched, 0));
	assert_in_range(fetched->room.arena.held, 0, 6 << 20);
}

static void an_entry_without_memory_is_left_for_the_next_read_and_the_last_try_makes_it_a_fault(void **state)
{
	(void)state;
	good_entry("1-1");
	assert_true(head("1-2", 4));
	text("partitionKey", 12);
	text(NULL, 10); /* within the limit: the reader had no memory for it */
	text("data", 4);
	text("d", 1);
	good_entry("1-3");
	seg_parser_finish(&parser);
	assert_true(parser.starved);
	assert_int_equal(fetched->batch.count, 1);
	assert_int_equal(fetched->entries, 1);
	assert_int_equal(fetched->last_id.seq, 1);
	seg_fetched_reset(fetched, 0);
	seg_parser_limits last = {.entries = CAPACITY, .bytes = SIZE_MAX, .last_try = true};
	seg_parser_begin(&parser, fetched, (seg_id){0, 0}, &last);
	assert_true(head("1-2", 2));
	text("partitionKey", 12);
	text(NULL, 10);
	good_entry("1-3");
	is_fault(0, SEG_FAULT_MEMORY);
	has(1, "k", "d");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_entry_becomes_a_message_whatever_the_order_of_its_fields),
		TEST(texts_are_copied_byte_by_byte_with_a_nul_behind_them),
		TEST(a_name_that_only_begins_like_a_field_is_a_header),
		TEST(headers_may_be_there_twice_and_be_empty),
		TEST(each_message_has_its_own_headers),
		TEST(the_bytes_of_a_batch_are_those_of_keys_data_and_headers),
		TEST(a_field_that_is_missing_or_there_twice_is_a_fault_of_that_message_alone),
		TEST(an_empty_field_is_not_a_missing_one),
		TEST(entries_after_the_limit_on_bytes_are_ignored_and_the_last_kept_one_counts),
		TEST(a_read_may_bring_several_batches_and_is_viewed_batch_by_batch),
		TEST(an_entry_without_fields_is_a_faulty_message_and_a_deleted_one_is_none),
		TEST(deleted_entries_alone_move_the_last_id_but_make_no_message),
		TEST(each_fault_has_a_text_of_its_own),
		TEST(ids_that_do_not_rise_are_refused),
		TEST(what_is_no_id_is_refused),
		TEST(the_highest_id_is_taken_and_an_id_ends_where_its_length_says),
		TEST(one_message_more_than_there_is_room_for_is_refused),
		TEST(raw_data_stay_as_they_are),
		TEST(envelopes_are_opened_and_what_is_none_is_the_fault_of_its_message),
		TEST(an_envelope_in_an_envelope_is_opened_once_only),
		TEST(a_reset_batch_knows_nothing_of_what_it_held),
		TEST(a_reset_in_the_middle_of_an_entry_forgets_it),
		TEST(a_batch_used_again_for_as_much_takes_no_more_memory),
		TEST(a_reset_keeps_no_more_than_it_is_told),
		TEST(a_batch_with_two_references_lives_until_both_are_released),
		TEST(an_entry_that_needs_more_than_it_may_is_a_fault_and_the_next_one_is_read),
		TEST(a_length_that_is_only_claimed_takes_no_memory),
		TEST(an_entry_without_memory_is_left_for_the_next_read_and_the_last_try_makes_it_a_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
