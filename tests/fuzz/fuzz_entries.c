/*
 * fuzz_entries.c - any bytes as XREAD replies, read twice: as entries, by our reader, and as trees, by hiredis's, each in other
 * pieces. The first byte chooses the pieces, the second the longest text that the sink takes (0: no limit); the other bytes are the
 * input. The trees must hold the same entries, and where one reader refuses or waits for more, so must the other. What ours
 * refuses alone is listed, and the bytes must be what it says.
 */
#include <stdio.h>
#include <string.h>

#include "harness/feed.h"
#include "harness/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the result of reading, as a hash -------------------------------------------------------- */

typedef struct {
	seg_entry_sink sink; /* first: a sink is its outcome */
	uint64_t hash;
	size_t replies; /* that were read whole */
	uint64_t whole; /* the hash behind them */
	size_t fed;     /* bytes */
	size_t behind;  /* bytes of the whole replies */
	bool refused;
	size_t at; /* then: bytes before what was refused */
	char why[64];
} outcome;

static void note(seg_entry_sink *sink, char kind, const void *bytes, size_t length)
{
	outcome *o = (outcome *)sink;
	const unsigned char *b = bytes;
	o->hash = (o->hash ^ (unsigned char)kind ^ length << 8) * 0x100000001b3u;
	for (size_t i = 0; b && i < length; i++)
		o->hash = (o->hash ^ b[i]) * 0x100000001b3u;
}

static bool take_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	note(sink, 's', key, length);
	return true;
}

static bool take_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	note(sink, 'e', id, length);
	note(sink, 'n', &texts, sizeof(texts));
	return true;
}

static bool take_text(seg_entry_sink *sink, const char *text, size_t length)
{
	note(sink, 't', text, length);
	return true;
}

/* --- the entries of a tree --------------------------------------------------------------------- */

static bool is_name(const seg_entry_sink *sink, const seg_reply *reply)
{
	return reply && reply->type == SEG_REPLY_TEXT &&
	       (sink->text_max == 0 || reply->length <= sink->text_max);
}

static bool walk_entry(seg_entry_sink *sink, const seg_reply *entry)
{
	const seg_reply *id = seg_reply_at(entry, 0), *texts = seg_reply_at(entry, 1);
	if (!texts || entry->count != 2 || !is_name(sink, id) || id->length >= 64)
		return false;
	if (texts->type == SEG_REPLY_NIL)
		return take_entry(sink, id->text, id->length, -1);
	if (texts->type != SEG_REPLY_ARRAY || texts->count % 2 != 0)
		return false;
	take_entry(sink, id->text, id->length, (int64_t)texts->count);
	for (size_t i = 0; i < texts->count; i++) {
		const seg_reply *text = seg_reply_at(texts, i);
		if (text->type != SEG_REPLY_TEXT)
			return false;
		bool is_long = sink->text_max > 0 && text->length > sink->text_max;
		take_text(sink, is_long ? NULL : text->text, text->length);
	}
	return true;
}

static bool walk_stream(seg_entry_sink *sink, const seg_reply *stream)
{
	const seg_reply *key = seg_reply_at(stream, 0), *entries = seg_reply_at(stream, 1);
	if (!entries || stream->count != 2 || entries->type != SEG_REPLY_ARRAY || !is_name(sink, key))
		return false;
	take_stream(sink, key->text, key->length);
	for (size_t i = 0; i < entries->count; i++)
		if (!walk_entry(sink, seg_reply_at(entries, i)))
			return false;
	return true;
}

static bool walk(seg_entry_sink *sink, const seg_reply *reply)
{
	for (size_t i = 0; i < reply->count; i++)
		if (!walk_stream(sink, seg_reply_at(reply, i)))
			return false;
	return true;
}

/* --- reading ------------------------------------------------------------------------------------ */

/* The length of the next piece: short ones and long ones, so that any value may be cut, also one behind many others. */
static size_t piece(uint32_t *choice, size_t rest)
{
	static const size_t longest[] = {1, 8, 64, 4096};
	*choice = *choice * 1664525u + 1013904223u;
	size_t length = 1 + (*choice >> 8) % longest[*choice >> 30];
	return length < rest ? length : rest;
}

static size_t taken(const outcome *o, const seg_reader *reader)
{
	return o->fed - (reader->end - reader->begin);
}

static void refuse(outcome *o, const seg_reader *reader, const char *why)
{
	o->refused = true;
	o->at = taken(o, reader);
	snprintf(o->why, sizeof(o->why), "%s", why ? why : "");
}

/* The replies that are whole now, up to so many. by_trees: hiredis reads them. */
static void read_whole(outcome *o, seg_reader *reader, bool by_trees, size_t replies)
{
	const seg_reply *reply = NULL;
	int got = 0;
	while (o->replies < replies && !o->refused &&
	       (got = seg_reader_next(reader, by_trees ? NULL : &o->sink, &reply)) > 0) {
		if (by_trees && !walk(&o->sink, reply)) {
			refuse(o, reader, "entries of another shape");
		} else {
			note(&o->sink, 'r', &reply->type, sizeof(reply->type));
			o->replies++;
			o->whole = o->hash;
			o->behind = taken(o, reader);
		}
		seg_reader_release(reader);
	}
	if (got < 0)
		refuse(o, reader, seg_reader_error(reader));
}

static outcome read_in_pieces(bool by_trees, size_t replies, size_t text_max, uint32_t choice,
			      const uint8_t *bytes, size_t size)
{
	outcome o = {.sink = {take_stream, take_entry, take_text, text_max}};
	seg_reader reader;
	require(seg_reader_init(&reader), "no memory");
	for (size_t at = 0, length; at < size && !o.refused; at += length) {
		length = piece(&choice, size - at);
		require(feed_reader(&reader, bytes + at, length), "no memory");
		o.fed += length;
		read_whole(&o, &reader, by_trees, replies);
	}
	seg_reader_fini(&reader);
	return o;
}

/* --- what ours refuses alone ---------------------------------------------------------------------- */

/* The number of the line that *at is in, a minus counting as -1; *at is then behind the line. */
static int64_t read_number(const uint8_t *bytes, size_t size, size_t *at)
{
	uint64_t number = 0;
	bool negative = false;
	for (; *at < size && bytes[*at] != '\r'; ++*at) {
		negative |= bytes[*at] == '-';
		number = number * 10 + (uint64_t)(bytes[*at] - '0');
	}
	*at += 2;
	return negative ? -1 : (int64_t)number;
}

/* Whether of all texts in the reply that was refused, the one there is the first that does not end with its line end. */
static bool lacks_line_end(const outcome *o, const uint8_t *bytes, size_t size)
{
	for (size_t at = o->behind; at < size && (bytes[at] == '$' || bytes[at] == '*');) {
		size_t value = at++;
		int64_t length = read_number(bytes, size, &at);
		if (bytes[value] == '*' || length < 0)
			continue;
		if (at + 2 > size || (uint64_t)length > size - at - 2)
			return false;
		size_t end = at + (size_t)length;
		if (memcmp(bytes + end, "\r\n", 2) != 0)
			return o->at == value || o->at == end;
		at = end + 2;
	}
	return false;
}

/* hiredis does not look at a text's end, and takes a status in the place of a text. */
static bool is_stricter(const outcome *o, const uint8_t *bytes, size_t size)
{
	bool is_text = strcmp(o->why, "a text of another length than announced") == 0;
	bool is_other = strcmp(o->why, "a value that entries do not have") == 0;
	require(!is_text || lacks_line_end(o, bytes, size), "a text is refused that has its line end");
	require(!is_other || (bytes[o->at] != '$' && bytes[o->at] != '*'),
		"a value is refused that entries have");
	return is_text || is_other;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { CHOICES = 2 };
	if (size < CHOICES)
		return 0;
	const uint8_t *input = data + CHOICES;
	size_t length = size - CHOICES;
	outcome ours = read_in_pieces(false, SIZE_MAX, data[1], data[0], input, length);
	bool strict = ours.refused && is_stricter(&ours, input, length);
	outcome theirs = read_in_pieces(true, strict ? ours.replies : ours.replies + 1, data[1],
					~(uint32_t)data[0], input, length);
	require(ours.replies == theirs.replies && ours.whole == theirs.whole, "hiredis reads other entries");
	bool is_too_long = strcmp(theirs.why, "an answer of another shape") == 0; /* for a tree */
	require(ours.refused || !theirs.refused || is_too_long, "hiredis refuses what ours takes");
	return 0;
}
