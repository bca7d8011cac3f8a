/* test_pack.c - records are packed into an entry's value and unpacked again; invalid values are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream/pack.h"

static seg_packer packer;
static seg_arena arena;

static int set_up(void **state)
{
	(void)state;
	packer = (seg_packer){0};
	seg_arena_init(&arena, 4096);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	seg_packer_fini(&packer);
	seg_arena_fini(&arena);
	return 0;
}

static seg_packed pack(const seg_record *records, size_t count, seg_packing packing)
{
	seg_packed packed;
	seg_packer_begin(&packer);
	for (size_t i = 0; i < count; i++)
		assert_true(seg_packer_add(&packer, &records[i]));
	assert_true(seg_packer_finish(&packer, packing, &packed));
	return packed;
}

static void assert_text(const void *text, size_t length, const char *wanted, size_t wanted_length)
{
	assert_int_equal(length, wanted_length);
	assert_memory_equal(text, wanted, wanted_length);
	/* The NUL is a service for handlers that print the text. */
	assert_int_equal(((const char *)text)[length], '\0');
}

static void comes_back(seg_packing packing)
{
	static const seg_header headers[] = {{"name", 4, "va\0lue", 6}, {"empty", 5, "", 0}};
	char large[5000];
	memset(large, 'x', sizeof(large));
	const seg_record records[] = {
		{.key = "k",
		 .key_length = 1,
		 .data = "d\0d",
		 .data_length = 3,
		 .headers = headers,
		 .header_count = 2},
		{0},
		{.key = "key", .key_length = 3, .data = large, .data_length = sizeof(large)},
	};
	seg_packed packed = pack(records, 3, packing);
	seg_unpacker u;
	seg_message m;
	assert_int_equal(seg_unpacker_begin(&u, packing == SEG_PACKING_LZ4, packed.value, packed.length,
					    SEG_ENTRY_LIMIT, &arena),
			 0);
	assert_int_equal(u.records, 3);
	assert_int_equal(seg_unpacker_next(&u, &m), 0);
	assert_text(m.key, m.key_length, "k", 1);
	assert_text(m.data, m.data_length, "d\0d", 3);
	assert_int_equal(m.header_count, 2);
	assert_text(m.headers[0].name, m.headers[0].name_length, "name", 4);
	assert_text(m.headers[0].value, m.headers[0].value_length, "va\0lue", 6);
	assert_text(m.headers[1].value, m.headers[1].value_length, "", 0);
	assert_int_equal(seg_unpacker_next(&u, &m), 0);
	assert_text(m.key, m.key_length, "", 0);
	assert_text(m.data, m.data_length, "", 0);
	assert_int_equal(m.header_count, 0);
	assert_int_equal(seg_unpacker_next(&u, &m), 0);
	assert_text(m.data, m.data_length, large, sizeof(large));
}

static void packed_records_come_back(void **state)
{
	(void)state;
	comes_back(SEG_PACKING_ON);
}

static void compressed_records_come_back(void **state)
{
	(void)state;
	if (!seg_packing_supported(SEG_PACKING_LZ4))
		skip();
	comes_back(SEG_PACKING_LZ4);
}

static void compressing_makes_a_third_of_what_repeats_itself(void **state)
{
	(void)state;
	if (!seg_packing_supported(SEG_PACKING_LZ4))
		skip();
	static char data[256][64];
	seg_record records[256];
	for (int i = 0; i < 256; i++) {
		int length = snprintf(data[i], sizeof(data[i]),
				      "{\"user\":%d,\"event\":\"click\",\"page\":\"/index\"}", i);
		records[i] = (seg_record){.key = "k",
					  .key_length = 1,
					  .data = data[i],
					  .data_length = (size_t)length};
	}
	size_t plain = pack(records, 256, SEG_PACKING_ON).length;
	assert_true(pack(records, 256, SEG_PACKING_LZ4).length < plain / 3);
}

/* Reads all records of a value; returns the first failure's status, or 0. */
static int read_all(bool lz4, const char *value, size_t length)
{
	/* The copy is on the heap, so that a sanitizer notices a read past its end. */
	char *copy = malloc(length ? length : 1);
	memcpy(copy, value, length);
	seg_unpacker u;
	seg_message m;
	int status = seg_unpacker_begin(&u, lz4, copy, length, SEG_ENTRY_LIMIT, &arena);
	for (size_t n = status == 0 ? u.records : 0; status == 0 && n > 0; n--)
		status = seg_unpacker_next(&u, &m);
	free(copy);
	seg_arena_reset(&arena, 4096);
	return status;
}

static void a_value_cut_short_anywhere_is_refused(void **state)
{
	(void)state;
	const seg_header header = {"n", 1, "v", 1};
	const seg_record records[] = {
		{.key = "key",
		 .key_length = 3,
		 .data = "data",
		 .data_length = 4,
		 .headers = &header,
		 .header_count = 1},
		{.key = "k", .key_length = 1, .data = "d", .data_length = 1},
	};
	for (seg_packing packing = SEG_PACKING_ON; seg_packing_supported(packing); packing++) {
		seg_packed packed = pack(records, 2, packing);
		assert_int_equal(read_all(packing == SEG_PACKING_LZ4, packed.value, packed.length), 0);
		for (size_t length = 0; length < packed.length; length++)
			assert_int_equal(read_all(packing == SEG_PACKING_LZ4, packed.value, length),
					 SEG_EPROTOCOL);
	}
}

static void bytes_after_the_last_record_are_refused(void **state)
{
	(void)state;
	assert_int_equal(read_all(false, "\x01\x00\x00\x00\x00\x00", 6), 0);
	assert_int_equal(read_all(false, "\x01\x00\x00\x00\x00\x00!", 7), SEG_EPROTOCOL);
}

static void lengths_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const char *const lies[] = {
		"\x00",                                             /* no record */
		"\xff\xff\xff\xff\x0f",                             /* four thousand million */
		"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",     /* a key of 2^64 - 1 */
		"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", /* beyond 64 bits */
		"\x01\x01k!",                                       /* no NUL */
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		assert_int_equal(read_all(false, lies[i], i == 0 ? 1 : strlen(lies[i])), SEG_EPROTOCOL);
	/* A length of a thousand million bytes, in a value of ten bytes. */
	assert_int_equal(read_all(true, "\x80\x94\xeb\xdc\x03          ", 15), SEG_EPROTOCOL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packed_records_come_back),
		TEST(compressed_records_come_back),
		TEST(compressing_makes_a_third_of_what_repeats_itself),
		TEST(a_value_cut_short_anywhere_is_refused),
		TEST(bytes_after_the_last_record_are_refused),
		TEST(lengths_that_cannot_be_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
