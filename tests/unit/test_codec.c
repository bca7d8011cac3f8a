/* test_codec.c - the Go library's envelope, written and read as Go's protojson does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "stream/codec.h"

static seg_arena arena;

static int make_arena(void **state)
{
	(void)state;
	seg_arena_init(&arena, 4096);
	return 0;
}

static int free_arena(void **state)
{
	(void)state;
	seg_arena_fini(&arena);
	return 0;
}

/* --- base64 ------------------------------------------------------------------- */

static void base64_is_written_as_rfc_4648_shows(void **state)
{
	(void)state;
	const char *pairs[][2] = {{"", ""},
				  {"f", "Zg=="},
				  {"fo", "Zm8="},
				  {"foo", "Zm9v"},
				  {"foob", "Zm9vYg=="},
				  {"fooba", "Zm9vYmE="},
				  {"foobar", "Zm9vYmFy"}};
	for (size_t i = 0; i < 7; i++) {
		char text[16], bytes[16];
		seg_base64_encode(pairs[i][0], strlen(pairs[i][0]), text);
		assert_string_equal(text, pairs[i][1]);
		assert_int_equal(seg_base64_decode(text, strlen(text), bytes), strlen(pairs[i][0]));
		assert_memory_equal(bytes, pairs[i][0], strlen(pairs[i][0]));
	}
}

static void any_bytes_survive_base64(void **state)
{
	(void)state;
	srand(1);
	for (size_t length = 0; length < 300; length++) {
		unsigned char bytes[300], back[304];
		char text[408];
		for (size_t i = 0; i < length; i++)
			bytes[i] = (unsigned char)rand();
		seg_base64_encode(bytes, length, text);
		assert_int_equal(strlen(text), seg_base64_length(length));
		assert_int_equal(seg_base64_decode(text, strlen(text), back), length);
		assert_memory_equal(back, bytes, length);
	}
}

static void invalid_base64_is_refused(void **state)
{
	(void)state;
	const char *bad[] = {"Z",    "Zg=",   "Zg===", "=",    "====", "Z===",
			     "Zg=a", "Zm9v=", "Zm 9",  "Zm9*", "Zm9vZ"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char bytes[16];
		if (seg_base64_decode(bad[i], strlen(bad[i]), bytes) != (size_t)-1)
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

/* --- the envelope ------------------------------------------------------------- */

static int decode(const char *text, size_t length, seg_message *message, seg_error *error)
{
	*message = (seg_message){.key = "k", .key_length = 1, .data = text, .data_length = length};
	return seg_codec_decode(SEG_CODEC_SEGMENTER_GO, message, &arena, error);
}

static seg_message decoded(const char *text)
{
	seg_message message;
	seg_error error = {0};
	if (decode(text, strlen(text), &message, &error))
		fail_msg("%s: %s", text, error.text);
	return message;
}

static void assert_data(const seg_message *message, const char *data, size_t length)
{
	assert_int_equal(message->data_length, length);
	assert_memory_equal(message->data, data, length);
}

static void raw_changes_nothing(void **state)
{
	(void)state;
	seg_record record = {"k", 1, "d", 1, NULL, 0}, encoded;
	assert_int_equal(seg_codec_encode(SEG_CODEC_RAW, &record, &arena, &encoded, NULL), 0);
	assert_memory_equal(&record, &encoded, sizeof(record));
	seg_message message = {.data = "{", .data_length = 1}, before = message;
	assert_int_equal(seg_codec_decode(SEG_CODEC_RAW, &message, &arena, NULL), 0);
	assert_memory_equal(&message, &before, sizeof(message));
}

static void an_envelope_looks_as_the_go_library_writes_it(void **state)
{
	(void)state;
	seg_header headers[] = {{"tenant", 6, "a\"b", 3}, {"n", 1, NULL, 0}};
	seg_record record = {"k1", 2, "\0\xff", 2, headers, 2}, encoded;
	assert_int_equal(seg_codec_encode(SEG_CODEC_SEGMENTER_GO, &record, &arena, &encoded, NULL), 0);
	const char *expected =
		"{\"metadata\":{\"tenant\":\"a\\\"b\",\"n\":\"\"},\"data\":\"AP8=\",\"partitionKey\":\"k1\"}";
	assert_int_equal(encoded.data_length, strlen(expected));
	assert_memory_equal(encoded.data, expected, strlen(expected));
	assert_int_equal(encoded.header_count, 0);
	assert_int_equal(encoded.key_length, 2);
	assert_memory_equal(encoded.key, "k1", 2);
}

static void an_envelope_gives_back_what_was_put_in(void **state)
{
	(void)state;
	static char data[100000];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	seg_header headers[] = {{"a", 1, "1", 1}, {"\xc3\xa4", 2, "x\0y", 3}};
	seg_record record = {"k", 1, data, sizeof(data), headers, 2}, encoded;
	assert_int_equal(seg_codec_encode(SEG_CODEC_SEGMENTER_GO, &record, &arena, &encoded, NULL), 0);
	seg_message message;
	assert_int_equal(decode(encoded.data, encoded.data_length, &message, NULL), 0);
	assert_data(&message, data, sizeof(data));
	assert_int_equal(message.header_count, 2);
	assert_string_equal(message.headers[1].name, "\xc3\xa4");
	assert_int_equal(message.headers[1].value_length, 3);
	assert_memory_equal(message.headers[1].value, "x\0y", 3);
	assert_memory_equal(message.key, "k", 1);
}

static void base64_in_an_envelope_may_be_url_safe_and_unpadded(void **state)
{
	(void)state;
	const char *forms[] = {"{\"data\":\"+/8=\"}", "{\"data\":\"+/8\"}", "{\"data\":\"-_8=\"}",
			       "{\"data\":\"-_8\"}", "{\"data\":\"+/\\n8=\"}"};
	for (size_t i = 0; i < 5; i++) {
		seg_message message = decoded(forms[i]);
		assert_data(&message, "\xfb\xff", 2);
	}
}

static void members_may_be_missing_null_or_named_as_in_the_proto_file(void **state)
{
	(void)state;
	const char *forms[] = {"{}", "{\"metadata\":null,\"data\":null,\"partitionKey\":null}",
			       "{\"data\":\"\"}", "{\"partition_key\":\"k\"}", " { \"metadata\" : {} } "};
	for (size_t i = 0; i < 5; i++) {
		seg_message message = decoded(forms[i]);
		assert_data(&message, "", 0);
		assert_int_equal(message.header_count, 0);
		assert_non_null(message.data);
	}
}

static void metadata_follow_the_entrys_own_headers(void **state)
{
	(void)state;
	const char *text = "{\"metadata\":{\"b\":\"2\"}}";
	seg_header own = {"a", 1, "1", 1};
	seg_message message = {.data = text, .data_length = strlen(text), .headers = &own, .header_count = 1};
	assert_int_equal(seg_codec_decode(SEG_CODEC_SEGMENTER_GO, &message, &arena, NULL), 0);
	assert_int_equal(message.header_count, 2);
	assert_string_equal(message.headers[0].name, "a");
	assert_string_equal(message.headers[1].name, "b");
}

static void an_invalid_envelope_is_refused_and_left_as_it_was(void **state)
{
	(void)state;
	const char *bad[] = {"",
			     "x",
			     "[]",
			     "1",
			     "\"\"",
			     "null",
			     "{",
			     "{}x",
			     "{\"data\":1}",
			     "{\"data\":\"*\"}",
			     "{\"data\":[]}",
			     "{\"metadata\":\"x\"}",
			     "{\"metadata\":{\"a\":1}}",
			     "{\"metadata\":{\"a\":null}}",
			     "{\"partitionKey\":5}",
			     "{\"other\":1}",
			     "{\"data\":\"\",\"data\":\"\"}",
			     "{\"partitionKey\":\"a\",\"partition_key\":\"a\"}",
			     "{\"metadata\":{\"a\":\"1\",\"a\":\"2\"}}",
			     "{\"data\":\"\xff\"}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seg_message message;
		seg_error error = {0};
		if (decode(bad[i], strlen(bad[i]), &message, &error) != SEG_EPROTOCOL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_ptr_equal(message.data, bad[i]);
		assert_int_equal(message.header_count, 0);
		assert_true(strlen(error.text) > 0);
	}
}

static void deeply_nested_json_does_not_overflow_the_stack(void **state)
{
	(void)state;
	static char text[1000000];
	memset(text, '[', sizeof(text));
	seg_message message;
	assert_int_equal(decode(text, sizeof(text), &message, NULL), SEG_EPROTOCOL);
}

static void data_that_json_cannot_hold_is_refused_at_sending(void **state)
{
	(void)state;
	seg_header latin1 = {"h", 1, "\xe4", 1}, bad_name = {"\xe4", 1, "v", 1},
		   nul_name = {"a\0", 2, "v", 1};
	seg_header twice[] = {{"a", 1, "1", 1}, {"a", 1, "2", 1}};
	const seg_record bad[] = {
		{"\xff", 1, "d", 1, NULL, 0},   {"k", 1, "d", 1, &latin1, 1}, {"k", 1, "d", 1, &bad_name, 1},
		{"k", 1, "d", 1, &nul_name, 1}, {"k", 1, "d", 1, twice, 2},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seg_record encoded;
		seg_error error = {0};
		assert_int_equal(seg_codec_encode(SEG_CODEC_SEGMENTER_GO, &bad[i], &arena, &encoded, &error),
				 SEG_EINVAL);
		assert_true(strlen(error.text) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_written_as_rfc_4648_shows),
		cmocka_unit_test(any_bytes_survive_base64),
		cmocka_unit_test(invalid_base64_is_refused),
		cmocka_unit_test(raw_changes_nothing),
		cmocka_unit_test(an_envelope_looks_as_the_go_library_writes_it),
		cmocka_unit_test(an_envelope_gives_back_what_was_put_in),
		cmocka_unit_test(base64_in_an_envelope_may_be_url_safe_and_unpadded),
		cmocka_unit_test(members_may_be_missing_null_or_named_as_in_the_proto_file),
		cmocka_unit_test(metadata_follow_the_entrys_own_headers),
		cmocka_unit_test(an_invalid_envelope_is_refused_and_left_as_it_was),
		cmocka_unit_test(deeply_nested_json_does_not_overflow_the_stack),
		cmocka_unit_test(data_that_json_cannot_hold_is_refused_at_sending),
	};
	return cmocka_run_group_tests(tests, make_arena, free_arena);
}
