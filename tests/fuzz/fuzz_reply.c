/*
 * fuzz_reply.c - any bytes as Redis's answers, in pieces of any length. The first byte chooses the answers
 * that are read as entries, the second the length of the pieces, the third the longest text that the sink takes
 * (0: no limit); the other bytes are the input. It must not crash, and: the result does not depend on the pieces; an
 * announced length alone takes no memory; and the sink gets each text up to the limit, and no longer one.
 */
#include <stdlib.h>

#include "harness/feed.h"
#include "harness/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the result of reading, as a hash and a count ------------------------------------------- */

typedef struct {
	seg_entry_sink sink; /* first: a sink is its outcome */
	uint64_t hash;
	size_t events;
	int64_t texts_due; /* texts that the current entry still lacks */
} outcome;

static void note(outcome *o, char kind, const void *bytes, size_t length)
{
	const unsigned char *b = bytes;
	o->hash = (o->hash ^ (unsigned char)kind ^ length << 8) * 0x100000001b3u;
	for (size_t i = 0; i < length; i++)
		o->hash = (o->hash ^ b[i]) * 0x100000001b3u;
	o->events++;
}

static bool take_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	outcome *o = (outcome *)sink;
	require(o->texts_due == 0, "a stream in the middle of an entry");
	note(o, 's', key, length);
	return true;
}

static bool take_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	outcome *o = (outcome *)sink;
	require(o->texts_due == 0, "an entry in the middle of an entry");
	require(texts >= -1 && (texts < 0 || texts % 2 == 0), "a field without its value");
	require(length < 64, "an id longer than any");
	o->texts_due = texts > 0 ? texts : 0;
	note(o, 'e', id, length);
	return true;
}

static bool take_text(seg_entry_sink *sink, const char *text, size_t length)
{
	outcome *o = (outcome *)sink;
	require(o->texts_due-- > 0, "more texts than were announced");
	require(!text == (sink->text_max > 0 && length > sink->text_max),
		"a text on the wrong side of the limit");
	if (text)
		note(o, 't', text, length);
	else
		note(o, 'l', &length, sizeof(length));
	/* A sink may refuse. This one refuses texts of one length. */
	return length != 13;
}

static void note_reply(outcome *o, const seg_reply *reply)
{
	require(reply != NULL, "an array with a hole");
	switch (reply->type) {
	case SEG_REPLY_NIL:
		note(o, 'n', "", 0);
		return;
	case SEG_REPLY_INTEGER:
		note(o, 'i', &reply->integer, sizeof(reply->integer));
		return;
	case SEG_REPLY_TEXT:
	case SEG_REPLY_ERROR:
		require(reply->text[reply->length] == '\0', "a text without its NUL");
		note(o, reply->type == SEG_REPLY_TEXT ? 't' : '!', reply->text, reply->length);
		return;
	case SEG_REPLY_ARRAY:
		note(o, '[', &reply->count, sizeof(reply->count));
		for (size_t i = 0; i < reply->count; i++)
			note_reply(o, seg_reply_at(reply, i));
		return;
	}
	require(false, "a type that there is not");
}

static void ask(const seg_reply *reply)
{
	(void)seg_reply_number(reply, 0);
	(void)seg_reply_is(reply, "OK");
	if (reply->type == SEG_REPLY_ERROR)
		require(seg_reply_status(reply) < 0, "an error that is none");
	else
		require(!seg_reply_is_transient(reply), "no error, but one that passes");
}

/* --- reading ---------------------------------------------------------------------------- */

static outcome read_in_pieces(uint8_t which, size_t text_max, const uint8_t *data, size_t size, size_t piece)
{
	outcome o = {.sink = {take_stream, take_entry, take_text, text_max}, .hash = 0xcbf29ce484222325u};
	seg_reader reader;
	unsigned replies = 0;
	if (!seg_reader_init(&reader))
		abort();
	for (size_t at = 0; at < size; at += piece) {
		size_t length = size - at < piece ? size - at : piece;
		if (!feed_reader(&reader, data + at, length))
			break;
		const seg_reply *reply = NULL;
		int got;
		while ((got = seg_reader_next(&reader, which >> replies % 8 & 1 ? &o.sink : NULL, &reply)) >
		       0) {
			require(o.texts_due == 0, "a reply that ends in the middle of an entry");
			note_reply(&o, reply);
			ask(reply);
			seg_reader_release(&reader);
			require(reader.tree.arena.held <= SEG_TREE_KEEP,
				"memory that is kept behind a reply");
			replies++;
		}
		if (got < 0) {
			note(&o, 'x', "", 0);
			break;
		}
	}
	seg_reader_fini(&reader);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { CHOICES = 3 };
	if (size < CHOICES)
		return 0;
	const uint8_t *input = data + CHOICES;
	size_t length = size - CHOICES, piece = 1u + data[1];
	outcome pieces = read_in_pieces(data[0], data[2], input, length, piece);
	outcome whole = read_in_pieces(data[0], data[2], input, length, size);
	require(pieces.events == whole.events && pieces.hash == whole.hash, "the pieces' lengths matter");
	return 0;
}
