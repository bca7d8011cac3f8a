/*
 * fuzz_parser.c - any bytes as an XREAD reply that becomes a batch, with the reader, the parser and the codec
 * that a member has. The first byte chooses the codec, how many messages there is room for, how much an entry may
 * need, and whether entries are condemned unread. It must not crash, and: ids rise; each message that is not faulty has
 * key and data, and needs no more than an entry may; every text ends with a NUL; and a fetched that is reused gives
 * the same result.
 */
#include <stdlib.h>

#include "harness/feed.h"
#include "harness/require.h"
#include "partition/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
	seg_entry_sink sink; /* first: a sink is its target */
	seg_parser parser;
} target;

static bool take_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	(void)sink;
	(void)key;
	(void)length;
	return true;
}

static bool take_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	return seg_parser_entry(&((target *)sink)->parser, id, length, texts);
}

static bool take_text(seg_entry_sink *sink, const char *text, size_t length)
{
	return seg_parser_text(&((target *)sink)->parser, text, length);
}

/* What the first byte chooses. */
enum { ENVELOPES = 1, ROOM = 15 << 1, TIGHT = 32, KEEP = 64, CONDEMNED = 128 };

static size_t entry_limit(uint8_t choice, size_t size)
{
	return choice & TIGHT ? 24 + size / 8 : 64 + size;
}

/* A member discards refused messages, so do it here. */
static bool read_reply(seg_fetched *fetched, uint8_t choice, const uint8_t *data, size_t size)
{
	target to = {.sink = {take_stream, take_entry, take_text, size / 4 + 1}};
	seg_reader reader;
	const seg_reply *reply = NULL;
	seg_parser_limits limits = {.entries = fetched->view_max,
				    .bytes = size / 2 + 1,
				    .entry = entry_limit(choice, size),
				    .verdict = choice & CONDEMNED ? SEG_FAULT_DEADLY : SEG_FAULT_NONE};
	seg_parser_begin(&to.parser, fetched, (seg_id){0, 0}, &limits);
	if (!seg_reader_init(&reader))
		abort();
	bool whole = feed_reader(&reader, data, size) && seg_reader_next(&reader, &to.sink, &reply) == 1;
	seg_parser_finish(&to.parser);
	seg_reader_fini(&reader);
	return whole;
}

static void require_text(const void *text, size_t length)
{
	require(((const char *)text)[length] == '\0', "a text without its NUL");
}

static size_t check_message(const seg_fetched *fetched, size_t limit, size_t i)
{
	const seg_message *message = &fetched->batch.messages[i];
	seg_fault fault = (seg_fault)fetched->room.faults[i];
	require(i == 0 || seg_id_compare(message[-1].id, message->id) < 0, "ids that do not rise");
	require(fault <= SEG_FAULT_MEMORY, "a fault that there is not");
	require(fault != SEG_FAULT_NONE || (message->key && message->data),
		"a good message without key or data");
	require(fault != SEG_FAULT_NO_KEY || !message->key, "a key that is called missing");
	require(!message->headers == !message->header_count, "headers that are none");
	size_t bytes = message->key_length + message->data_length;
	if (message->key)
		require_text(message->key, message->key_length);
	if (message->data)
		require_text(message->data, message->data_length);
	for (size_t h = 0; h < message->header_count; h++) {
		const seg_header *header = &message->headers[h];
		require_text(header->name, header->name_length);
		require_text(header->value, header->value_length);
		bytes += header->name_length + header->value_length;
	}
	require(bytes <= limit || fault != SEG_FAULT_NONE, "a message that needs more than an entry may");
	return bytes;
}

/* The bytes of all its messages. */
static size_t check(const seg_fetched *fetched, size_t limit)
{
	size_t bytes = 0;
	require(fetched->batch.count <= fetched->room.capacity, "more messages than there is room for");
	for (size_t i = 0; i < fetched->batch.count; i++)
		bytes += check_message(fetched, limit, i);
	return bytes;
}

/* What is wrong with an entry that is not read cannot be known. */
static void check_condemned(const seg_fetched *fetched)
{
	for (size_t i = 0; i < fetched->batch.count; i++)
		require(fetched->room.faults[i] == SEG_FAULT_DEADLY && !fetched->batch.messages[i].key,
			"an entry that was read after all");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	uint8_t choice = *data++;
	size--;
	seg_codec codec = choice & ENVELOPES ? SEG_CODEC_SEGMENTER_GO : SEG_CODEC_RAW;
	seg_fetched *fetched = seg_fetched_create(1u + (choice & ROOM) / 2, NULL);
	if (!fetched)
		return 0;
	bool whole = read_reply(fetched, choice, data, size);
	size_t limit = entry_limit(choice, size), count = fetched->batch.count, bytes = check(fetched, limit);
	require(bytes <= fetched->bytes, "bytes that are not counted");
	if (choice & CONDEMNED)
		check_condemned(fetched);
	if (whole && seg_fetched_decode(fetched, codec))
		check(fetched, limit);
	seg_fetched_reset(fetched, choice & KEEP ? SIZE_MAX : 0);
	require(fetched->batch.count == 0 && fetched->bytes == 0, "a reset that forgets to forget");
	require(read_reply(fetched, choice, data, size) == whole && fetched->batch.count == count &&
			check(fetched, limit) == bytes,
		"a fetched that reads otherwise when used again");
	seg_fetched_release(fetched);
	return 0;
}
