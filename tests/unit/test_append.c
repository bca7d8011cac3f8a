/* test_append.c - a call of the append script: its arguments, and the meaning of its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stream/append.h"

static seg_client client = {.name_space = "ns"};
static seg_append_builder builder;

static seg_stream stream_with(seg_packing packing)
{
	return (seg_stream){.client = &client,
			    .name = "s",
			    .shape = {8, 1000, SEG_OVERFLOW_DROP_OLDEST, packing}};
}

static seg_record record_of(const char *key, const char *data)
{
	return (seg_record){key, strlen(key), data, strlen(data), NULL, 0};
}

/* All arguments so far, each in brackets. */
static const char *built(void)
{
	static char text[4096];
	size_t used = 0;
	for (size_t i = 0; i < builder.argc; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "[%.*s]", (int)builder.lengths[i],
					 builder.argv[i]);
	return text;
}

static int teardown(void **state)
{
	(void)state;
	seg_append_builder_fini(&builder);
	return 0;
}

#define HEAD(count)                                                                            \
	"[__ns:s:partition_3][{__ns:s:partition_3}:producer:p][{__ns:s:partition_3}:counters]" \
	"[1000][drop-oldest][7][5][600000][" count "]"

/* --- arguments ------------------------------------------------------------------------ */

static void records_without_headers_are_keys_and_data_alone(void **state)
{
	(void)state;
	seg_stream stream = stream_with(SEG_PACKING_OFF);
	seg_append append =
		{.partition = 3, .producer = "p", .sequence = 7, .oldest = 5, .ttl_ms = 600000, .records = 2};
	seg_record a = record_of("k1", "d1"), b = {0};
	assert_true(seg_append_begin(&builder, &append, &stream));
	assert_true(seg_append_add(&builder, &a));
	assert_true(seg_append_add(&builder, &b));
	assert_string_equal(built(), HEAD("2") "[k1][d1][][]");
}

static void with_a_header_anywhere_every_record_names_its_fields(void **state)
{
	(void)state;
	seg_stream stream = stream_with(SEG_PACKING_OFF);
	seg_append append = {.partition = 3,
			     .producer = "p",
			     .sequence = 7,
			     .oldest = 5,
			     .ttl_ms = 600000,
			     .records = 2,
			     .headers = 1};
	seg_header header = {"h", 1, "v", 1};
	seg_record a = record_of("k1", "d1"), b = record_of("k2", "d2");
	b.headers = &header;
	b.header_count = 1;
	assert_true(seg_append_begin(&builder, &append, &stream));
	assert_true(seg_append_add(&builder, &a));
	assert_true(seg_append_add(&builder, &b));
	assert_string_equal(built(),
			    HEAD("2") "[2][partitionKey][k1][data][d1][3][partitionKey][k2][data][d2][h][v]");
}

static void a_packed_call_has_no_arguments_for_single_records(void **state)
{
	(void)state;
	seg_stream stream = stream_with(SEG_PACKING_ON);
	seg_append append =
		{.partition = 3, .producer = "p", .sequence = 7, .oldest = 5, .ttl_ms = 600000, .records = 2};
	seg_record a = record_of("k1", "d1");
	assert_true(seg_append_begin(&builder, &append, &stream));
	assert_true(seg_append_add(&builder, &a));
	assert_true(seg_append_add(&builder, &a));
	assert_string_equal(built(), HEAD("2"));
	assert_int_equal(builder.packer.records, 2);
}

static void a_call_no_larger_than_one_before_takes_no_memory(void **state)
{
	(void)state;
	seg_stream stream = stream_with(SEG_PACKING_OFF);
	seg_append append = {.partition = 3,
			     .producer = "p",
			     .sequence = 7,
			     .oldest = 5,
			     .ttl_ms = 600000,
			     .records = 100};
	assert_true(seg_append_begin(&builder, &append, &stream));
	const char **argv = builder.argv;
	size_t *lengths = builder.lengths, room = builder.room;
	for (append.records = 1; append.records <= 100; append.records++) {
		assert_true(seg_append_begin(&builder, &append, &stream));
		assert_ptr_equal(builder.argv, argv);
		assert_ptr_equal(builder.lengths, lengths);
		assert_int_equal(builder.room, room);
	}
}

/* --- answers -------------------------------------------------------------------------- */

static seg_reply text_of(const char *text)
{
	return (seg_reply){.type = SEG_REPLY_TEXT, .text = text, .length = strlen(text)};
}

/* With earlier batches in flight. */
static seg_append_answer read_answer(seg_reply word, seg_reply first, seg_reply added)
{
	seg_append append = {.sequence = 7, .oldest = 5, .records = 5};
	seg_reply *elements[] = {&word, &first, &added};
	seg_reply reply = {.type = SEG_REPLY_ARRAY, .elements = elements, .count = 3};
	seg_error error = {0};
	seg_append_answer answer = seg_append_read(&append, &reply, &error);
	assert_int_equal(error.status, answer.outcome == SEG_APPEND_ADDED ? 0 : SEG_EUNKNOWN);
	return answer;
}

static void the_ids_of_added_records_follow_the_first(void **state)
{
	(void)state;
	const char *words[] = {"OK", "DUP"};
	for (size_t i = 0; i < 2; i++) {
		seg_append_answer answer = read_answer(text_of(words[i]), text_of("12-3"), text_of("5"));
		assert_int_equal(answer.outcome, SEG_APPEND_ADDED);
		assert_int_equal(answer.added, 5);
		assert_int_equal(seg_id_compare(answer.first, (seg_id){12, 3}), 0);
	}
}

static void an_answer_of_another_type_is_not_believed(void **state)
{
	(void)state;
	seg_reply ok = text_of("OK"), id = text_of("12-3"), five = text_of("5");
	seg_reply nil = {.type = SEG_REPLY_NIL}, number = {.type = SEG_REPLY_INTEGER, .integer = 12};
	seg_reply refusal = {.type = SEG_REPLY_ERROR, .text = "12-3", .length = 4};
	assert_int_equal(read_answer(nil, id, five).outcome, SEG_APPEND_UNCLEAR);
	assert_int_equal(read_answer(number, id, five).outcome, SEG_APPEND_UNCLEAR);
	assert_int_equal(read_answer(ok, nil, five).outcome, SEG_APPEND_UNCLEAR);
	assert_int_equal(read_answer(ok, number, five).outcome, SEG_APPEND_UNCLEAR);
	assert_int_equal(read_answer(ok, refusal, five).outcome, SEG_APPEND_UNCLEAR);
	assert_int_equal(read_answer(ok, id, nil).outcome, SEG_APPEND_UNCLEAR);
	assert_int_equal(read_answer(ok, id, text_of("6")).outcome, SEG_APPEND_UNCLEAR);
	assert_int_equal(read_answer(ok, id, text_of("-1")).outcome, SEG_APPEND_UNCLEAR);
	assert_int_equal(read_answer(ok, text_of("12-18446744073709551615"), five).outcome,
			 SEG_APPEND_UNCLEAR);
	assert_int_equal(read_answer(text_of("OLD"), id, five).outcome, SEG_APPEND_UNCLEAR);
}

static void a_gap_is_believed_only_behind_other_batches(void **state)
{
	(void)state;
	seg_reply gap = text_of("GAP"), *elements[] = {&gap};
	seg_reply reply = {.type = SEG_REPLY_ARRAY, .elements = elements, .count = 1};
	seg_append append = {.sequence = 7, .oldest = 5, .records = 5};
	seg_error error = {0};
	assert_int_equal(seg_append_read(&append, &reply, &error).outcome, SEG_APPEND_GAP);
	append.oldest = 7;
	assert_int_equal(seg_append_read(&append, &reply, &error).outcome, SEG_APPEND_UNCLEAR);
	assert_int_equal(error.status, SEG_EUNKNOWN);
}

static void a_reply_that_is_no_array_is_not_believed(void **state)
{
	(void)state;
	const seg_reply others[] = {text_of("OK"), {.type = SEG_REPLY_NIL}, {.type = SEG_REPLY_ARRAY}};
	seg_append append = {.records = 5};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		seg_error error = {0};
		assert_int_equal(seg_append_read(&append, &others[i], &error).outcome, SEG_APPEND_UNCLEAR);
		assert_true(error.text[0]);
	}
}

static void error_replies_are_classified_by_whether_a_retry_may_succeed(void **state)
{
	(void)state;
	seg_append append = {.records = 5};
	seg_error error = {0};
	seg_reply loading = {.type = SEG_REPLY_ERROR, .text = "LOADING x", .length = 9};
	seg_reply wrong = {.type = SEG_REPLY_ERROR, .text = "WRONGTYPE x", .length = 11};
	assert_int_equal(seg_append_read(&append, &loading, &error).outcome, SEG_APPEND_REFUSED);
	assert_int_equal(seg_append_read(&append, &wrong, &error).outcome, SEG_APPEND_FAILED);
	assert_int_equal(error.status, SEG_ESERVER);
	assert_int_equal(seg_append_read(&append, NULL, &error).outcome, SEG_APPEND_LOST);
	assert_int_equal(error.status, SEG_EUNKNOWN);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_without_headers_are_keys_and_data_alone),
		TEST(with_a_header_anywhere_every_record_names_its_fields),
		TEST(a_packed_call_has_no_arguments_for_single_records),
		TEST(a_call_no_larger_than_one_before_takes_no_memory),
		TEST(the_ids_of_added_records_follow_the_first),
		TEST(an_answer_of_another_type_is_not_believed),
		TEST(a_gap_is_believed_only_behind_other_batches),
		TEST(a_reply_that_is_no_array_is_not_believed),
		TEST(error_replies_are_classified_by_whether_a_retry_may_succeed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
