/* test_pack.c - records are packed into an entry's value and unpacked again; invalid values are refused. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream/compression.h"
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

/* The level that zstd packs with; 0: the default. */
static int level;

static seg_packed pack(const seg_record *records, size_t count, seg_packing packing)
{
	seg_packed packed;
	seg_packer_begin(&packer);
	for (size_t i = 0; i < count; i++)
		assert_true(seg_packer_add(&packer, &records[i]));
	assert_true(seg_packer_finish(&packer, packing, level, &packed));
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
	assert_int_equal(seg_packing_of_field(packed.field, strlen(packed.field)), packing);
	assert_int_equal(seg_unpacker_begin(&u, packing, packed.value, packed.length, SEG_ENTRY_LIMIT,
					    &arena),
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

static void records_compressed_with_zstd_come_back_from_every_level(void **state)
{
	(void)state;
	if (!seg_packing_supported(SEG_PACKING_ZSTD))
		skip();
	for (level = 0; level <= SEG_LEVEL_MAX; level++)
		comes_back(SEG_PACKING_ZSTD);
	level = 0;
}

/* How many bytes records become that an application might log. */
static size_t size_of_events(seg_packing packing)
{
	static char data[256][64];
	seg_record records[256];
	for (int i = 0; i < 256; i++) {
		int length = snprintf(data[i], sizeof(data[i]),
				      "{\"user\":%d,\"event\":\"click\",\"page\":\"/index\"}", i * 7919);
		records[i] = (seg_record){.key = "k",
					  .key_length = 1,
					  .data = data[i],
					  .data_length = (size_t)length};
	}
	return pack(records, 256, packing).length;
}

static void compressing_makes_a_third_of_what_repeats_itself(void **state)
{
	(void)state;
	if (!seg_packing_supported(SEG_PACKING_LZ4))
		skip();
	assert_true(size_of_events(SEG_PACKING_LZ4) < size_of_events(SEG_PACKING_ON) / 3);
}

static void zstd_makes_less_of_it_than_lz4(void **state)
{
	(void)state;
	if (!seg_packing_supported(SEG_PACKING_LZ4) || !seg_packing_supported(SEG_PACKING_ZSTD))
		skip();
	assert_true(size_of_events(SEG_PACKING_ZSTD) < size_of_events(SEG_PACKING_LZ4) / 4 * 3);
}

/* What one thread packs is independent of what others pack at the same time. */
static void *pack_and_unpack(void *arg)
{
	seg_packer own = {0};
	seg_arena texts;
	seg_arena_init(&texts, 4096);
	for (int round = 0; round < 200; round++) {
		seg_packed packed;
		seg_unpacker u;
		seg_message m;
		const seg_record record = {.key = arg, .key_length = 1, .data = arg, .data_length = 100};
		seg_packer_begin(&own);
		if (!seg_packer_add(&own, &record) ||
		    !seg_packer_finish(&own, SEG_PACKING_ZSTD, 0, &packed) ||
		    seg_unpacker_begin(&u, SEG_PACKING_ZSTD, packed.value, packed.length, SEG_ENTRY_LIMIT,
				       &texts) ||
		    seg_unpacker_next(&u, &m) || m.data_length != 100 || memcmp(m.data, arg, 100) != 0)
			return arg;
		seg_arena_reset(&texts, 4096);
	}
	seg_packer_fini(&own);
	seg_arena_fini(&texts);
	return NULL;
}

static void more_threads_than_contexts_are_kept_pack_at_the_same_time(void **state)
{
	(void)state;
	enum { THREADS = 20 };
	if (!seg_packing_supported(SEG_PACKING_ZSTD))
		skip();
	static char texts[THREADS][100];
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) {
		memset(texts[i], 'a' + i, sizeof(texts[i]));
		assert_int_equal(pthread_create(&threads[i], NULL, pack_and_unpack, texts[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		void *wrong;
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

/* Reads all records of a value; returns the first failure's status, or 0. */
static int read_all(seg_packing packing, const char *value, size_t length)
{
	/* The copy is on the heap, so that a sanitizer notices a read past its end. */
	char *copy = malloc(length ? length : 1);
	memcpy(copy, value, length);
	seg_unpacker u;
	seg_message m;
	int status = seg_unpacker_begin(&u, packing, copy, length, SEG_ENTRY_LIMIT, &arena);
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
	for (seg_packing packing = SEG_PACKING_ON; packing <= SEG_PACKING_ZSTD; packing++) {
		if (!seg_packing_supported(packing))
			continue;
		seg_packed packed = pack(records, 2, packing);
		assert_int_equal(read_all(packing, packed.value, packed.length), 0);
		for (size_t length = 0; length < packed.length; length++)
			assert_int_equal(read_all(packing, packed.value, length), SEG_EPROTOCOL);
	}
}

static void bytes_after_the_last_record_are_refused(void **state)
{
	(void)state;
	assert_int_equal(read_all(SEG_PACKING_ON, "\x01\x00\x00\x00\x00\x00", 6), 0);
	assert_int_equal(read_all(SEG_PACKING_ON, "\x01\x00\x00\x00\x00\x00!", 7), SEG_EPROTOCOL);
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
		assert_int_equal(read_all(SEG_PACKING_ON, lies[i], i == 0 ? 1 : strlen(lies[i])),
				 SEG_EPROTOCOL);
	/* A length of a thousand million bytes, in a value of ten bytes. */
	assert_int_equal(read_all(SEG_PACKING_LZ4, "\x80\x94\xeb\xdc\x03          ", 15), SEG_EPROTOCOL);
}

/*
 * A value of packed-zstd: the length that it claims, then a frame of zstd that claims another one, both varints or bytes of
 * the format, and a block that repeats one byte.
 */
static size_t zstd_bomb(unsigned char value[], uint32_t claim, uint32_t frame_claims, size_t blocks)
{
	enum { BLOCK = 128 * 1024, LAST = 1, RLE = 1 << 1 };
	size_t at = 0;
	for (uint32_t left = claim; left || at == 0; left >>= 7)
		value[at++] = (unsigned char)(left >> 7 ? left | 0x80 : left);
	/* The magic number; a single segment, whose size has four bytes; the size. */
	static const unsigned char head[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0};
	memcpy(value + at, head, sizeof(head));
	at += sizeof(head);
	for (int i = 0; i < 4; i++)
		value[at++] = (unsigned char)(frame_claims >> 8 * i);
	for (size_t i = 0; i < blocks; i++) {
		uint32_t block = (uint32_t)BLOCK << 3 | RLE | (i + 1 == blocks ? LAST : 0);
		for (int b = 0; b < 3; b++)
			value[at++] = (unsigned char)(block >> 8 * b);
		value[at++] = 1;
	}
	return at;
}

static int begin_zstd(const unsigned char *value, size_t length, size_t limit)
{
	seg_unpacker u;
	return seg_unpacker_begin(&u, SEG_PACKING_ZSTD, (const char *)value, length, limit, &arena);
}

static void a_bomb_of_zstd_costs_no_more_memory_than_an_entry_may_need(void **state)
{
	(void)state;
	enum { BLOCK = 128 * 1024, BLOCKS = 800 };
	static unsigned char value[4 * BLOCKS + 32];
	if (!seg_packing_supported(SEG_PACKING_ZSTD))
		skip();
	/* 100 MiB in 3 KiB: beyond the limit. */
	size_t length = zstd_bomb(value, BLOCKS * BLOCK, BLOCKS * BLOCK, BLOCKS);
	assert_int_equal(begin_zstd(value, length, SEG_ENTRY_LIMIT), SEG_ETOOBIG);
	/* The same bytes, which claim to be less: the frame says more, or becomes more. */
	length = zstd_bomb(value, BLOCK, BLOCKS * BLOCK, BLOCKS);
	assert_int_equal(begin_zstd(value, length, SEG_ENTRY_LIMIT), SEG_EPROTOCOL);
	length = zstd_bomb(value, BLOCK, BLOCK, BLOCKS);
	assert_int_equal(begin_zstd(value, length, SEG_ENTRY_LIMIT), SEG_EPROTOCOL);
	/* A claim that so few bytes cannot keep takes no memory. */
	size_t used = arena.used;
	length = zstd_bomb(value, 32 << 20, 32 << 20, 1);
	assert_int_equal(begin_zstd(value, length, SEG_ENTRY_LIMIT), SEG_EPROTOCOL);
	assert_int_equal(arena.used, used);
	/* One block of ones, within the limit: a record whose key has one byte, and so on, until something is wrong. */
	length = zstd_bomb(value, BLOCK, BLOCK, 1);
	assert_int_equal(begin_zstd(value, length, SEG_ENTRY_LIMIT), 0);
}

static void what_follows_the_frame_of_zstd_is_refused(void **state)
{
	(void)state;
	if (!seg_packing_supported(SEG_PACKING_ZSTD))
		skip();
	const seg_record record = {.key = "k", .key_length = 1, .data = "d", .data_length = 1};
	char value[200];
	seg_packed packed = pack(&record, 1, SEG_PACKING_ZSTD);
	/* An empty frame that zstd would skip. */
	static const char skippable[] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
	assert_in_range(packed.length, 1, sizeof(value) - sizeof(skippable));
	memcpy(value, packed.value, packed.length);
	memcpy(value + packed.length, skippable, sizeof(skippable));
	assert_int_equal(read_all(SEG_PACKING_ZSTD, value, packed.length), 0);
	assert_int_equal(read_all(SEG_PACKING_ZSTD, value, packed.length + sizeof(skippable)), SEG_EPROTOCOL);
}

static void a_field_of_another_name_is_not_packed(void **state)
{
	(void)state;
	assert_int_equal(seg_packing_of_field("packed-zip", 10), SEG_PACKING_OFF);
	assert_int_equal(seg_packing_of_field("packe", 5), SEG_PACKING_OFF);
	assert_int_equal(seg_packing_of_field("", 0), SEG_PACKING_OFF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packed_records_come_back),
		TEST(compressed_records_come_back),
		TEST(records_compressed_with_zstd_come_back_from_every_level),
		TEST(zstd_makes_less_of_it_than_lz4),
		TEST(more_threads_than_contexts_are_kept_pack_at_the_same_time),
		TEST(a_bomb_of_zstd_costs_no_more_memory_than_an_entry_may_need),
		TEST(what_follows_the_frame_of_zstd_is_refused),
		TEST(a_field_of_another_name_is_not_packed),
		TEST(compressing_makes_a_third_of_what_repeats_itself),
		TEST(a_value_cut_short_anywhere_is_refused),
		TEST(bytes_after_the_last_record_are_refused),
		TEST(lengths_that_cannot_be_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
