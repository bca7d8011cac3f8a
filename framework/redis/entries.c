#include "redis/entries.h"

#include <string.h>

#include "redis/resp.h"

/*
 * In an XREAD reply, a value's depth tells its meaning:
 *
 *   0  array of streams
 *   1    [key, entries]
 *   2      key ; array of entries
 *   3        [id, fields]
 *   4          id ; array of texts, or nil for an entry deleted meanwhile
 *   5            name, value, name, value ...
 */
enum { LIST = 3, TEXTS = SEG_ENTRIES_DEPTH };

static const seg_reply done = {.type = SEG_REPLY_ARRAY};

static const char other_shape[] = "an answer of another shape";

/* A reading that goes on. */
typedef struct {
	seg_entries *entries;
	seg_entry_sink *sink;
	const char *at, *end;
} reading;

static int refuse(reading *r, const char *why)
{
	r->entries->wrong = why;
	return -1;
}

/* --- what a value means ---------------------------------------------------------------------- */

/* The place of the next value in the array around it. */
static size_t place(const seg_entries *e)
{
	return e->levels[e->depth - 1].index;
}

static bool begin_entry(const reading *r, int64_t texts)
{
	const seg_entries *e = r->entries;
	return r->sink->entry(r->sink, e->id, e->id_length, texts);
}

static bool take_array(const reading *r, int64_t elements)
{
	switch (r->entries->depth) {
	case 0:
		return true;
	case 1:
	case 3:
		return elements == 2;
	case 2:
		return place(r->entries) == 1;
	case 4:
		return place(r->entries) == 1 && elements % 2 == 0 && begin_entry(r, elements);
	default:
		return false;
	}
}

static bool take_id(seg_entries *e, const char *text, size_t length)
{
	if (length >= sizeof(e->id))
		return false;
	memcpy(e->id, text, length);
	e->id_length = length;
	return true;
}

static bool is_too_long(const reading *r, size_t length)
{
	return r->sink->text_max > 0 && length > r->sink->text_max;
}

static bool take_text(const reading *r, const char *text, size_t length)
{
	seg_entries *e = r->entries;
	if (e->depth == TEXTS)
		return r->sink->text(r->sink, is_too_long(r, length) ? NULL : text, length);
	if (is_too_long(r, length) || (e->depth != 2 && e->depth != 4) || place(e) != 0)
		return false;
	return e->depth == 2 ? r->sink->stream(r->sink, text, length) : take_id(e, text, length);
}

static bool take_nil(const reading *r)
{
	const seg_entries *e = r->entries;
	return e->depth == 4 && place(e) == 1 && begin_entry(r, -1);
}

static bool take_value(const reading *r, const seg_resp *value)
{
	if (value->type == SEG_REPLY_ARRAY)
		return take_array(r, value->number);
	return value->type == SEG_REPLY_TEXT ? take_text(r, value->text, value->length) : take_nil(r);
}

/* --- the place of the next value --------------------------------------------------------------- */

/* Whether all elements of the array have been read. Then it is whole, and maybe the arrays that end with it. */
static bool close_levels(seg_entries *e)
{
	size_t before = e->depth;
	while (e->depth > 0 && place(e) == e->levels[e->depth - 1].count) {
		e->depth--;
		if (e->depth > 0)
			e->levels[e->depth - 1].index++;
	}
	return e->depth < before;
}

static int take(reading *r, const seg_resp *value)
{
	seg_entries *e = r->entries;
	if (!take_value(r, value))
		return refuse(r, other_shape);
	if (value->type == SEG_REPLY_ARRAY && value->number > 0) {
		e->levels[e->depth++] = (seg_entries_level){.count = (size_t)value->number};
		return 1;
	}
	if (e->depth > 0)
		e->levels[e->depth - 1].index++;
	close_levels(e);
	return 1;
}

/* --- texts that are longer than the sink takes -------------------------------------------------- */

static int leave_out(reading *r, const seg_resp *value)
{
	if (r->entries->depth != TEXTS)
		return refuse(r, other_shape);
	r->at += value->announced;
	r->entries->left_out = r->entries->skip = value->length;
	return 1;
}

/* Skips what has come of such a text. At its end, the sink gets to know its length. */
static int go_on_leaving_out(reading *r)
{
	seg_entries *e = r->entries;
	size_t come = (size_t)(r->end - r->at), skipped = come < e->skip ? come : e->skip;
	r->at += skipped;
	e->skip -= skipped;
	if (r->end - r->at < 2)
		return 0;
	if (memcmp(r->at, "\r\n", 2) != 0)
		return refuse(r, "a text of another length than announced");
	r->at += 2;
	seg_resp value = {.type = SEG_REPLY_TEXT, .length = e->left_out};
	e->left_out = 0;
	return take(r, &value);
}

/* --- reading ------------------------------------------------------------------------------------ */

/* An entry's id, and how many texts follow: nearly always, no more than this is needed. 0: read_value must look; -1: refused. */
static int read_head(reading *r)
{
	seg_entries *e = r->entries;
	const char *at = r->at, *id;
	size_t pair, length, texts, taken;
	if ((taken = seg_resp_read_count(&pair, at, (size_t)(r->end - at))) == 0 || pair != 2)
		return 0;
	at += taken;
	if ((taken = seg_resp_read_text(&id, &length, at, (size_t)(r->end - at))) == 0 ||
	    is_too_long(r, length) || !take_id(e, id, length))
		return 0;
	at += taken;
	if ((taken = seg_resp_read_count(&texts, at, (size_t)(r->end - at))) == 0 || texts == 0 ||
	    texts % 2 != 0)
		return 0;
	if (!begin_entry(r, (int64_t)texts))
		return -1;
	r->at = at + taken;
	e->levels[LIST] = (seg_entries_level){.count = 2, .index = 1};
	e->levels[LIST + 1] = (seg_entries_level){.count = texts};
	e->depth = TEXTS;
	return 1;
}

/* Nearly all values are an entry's texts, which need no more than this. False if the sink refuses one. */
static bool read_texts(reading *r)
{
	seg_entries_level *level = &r->entries->levels[TEXTS - 1];
	const char *text;
	size_t length, taken;
	while (level->index < level->count &&
	       (taken = seg_resp_read_text(&text, &length, r->at, (size_t)(r->end - r->at))) > 0) {
		r->at += taken;
		if (!take_text(r, text, length))
			return false;
		level->index++;
	}
	return true;
}

/* 1: a value, or more than one, was taken; 0: it has not come; -1: it is none. */
static int read_value(reading *r)
{
	seg_entries *e = r->entries;
	seg_resp value;
	if (e->left_out > 0)
		return go_on_leaving_out(r);
	if (e->depth == LIST && read_head(r) < 0)
		return refuse(r, other_shape);
	if (e->depth == TEXTS) {
		if (!read_texts(r))
			return refuse(r, other_shape);
		if (close_levels(e))
			return 1;
	}
	size_t taken = seg_resp_read(&value, r->at, (size_t)(r->end - r->at));
	if (value.wrong)
		return refuse(r, value.wrong);
	if (taken == 0)
		return value.announced && is_too_long(r, value.length) ? leave_out(r, &value) : 0;
	r->at += taken;
	return take(r, &value);
}

int seg_entries_begin(const char *bytes, size_t size)
{
	if (size == 0)
		return 0;
	bool may_replace = bytes[0] == '-' || bytes[0] == '+' || bytes[0] == ':' || bytes[0] == '$';
	if (may_replace || (size > 1 && bytes[0] == '*' && bytes[1] == '-'))
		return -1;
	return size == 1 && bytes[0] == '*' ? 0 : 1;
}

int seg_entries_read(seg_entries *entries, seg_entry_sink *sink, const char *bytes, size_t size,
		     size_t *taken, const seg_reply **reply)
{
	reading r = {entries, sink, bytes, bytes + size};
	int got = entries->wrong ? -1 : 1;
	while (got > 0 && (got = read_value(&r)) > 0 && entries->depth > 0)
		;
	*taken = (size_t)(r.at - bytes);
	if (got > 0)
		*reply = &done;
	return got;
}
