#include "redis/reader.h"

#include <stdlib.h>
#include <string.h>

bool seg_reader_init(seg_reader *reader)
{
	*reader = (seg_reader){0};
	return seg_tree_init(&reader->tree);
}

void seg_reader_fini(seg_reader *reader)
{
	seg_tree_fini(&reader->tree);
	free(reader->bytes);
	reader->bytes = NULL;
}

bool seg_reader_restart(seg_reader *reader)
{
	reader->begin = reader->end = 0;
	reader->part = SEG_READER_NONE;
	reader->entries = (seg_entries){0};
	return seg_tree_restart(&reader->tree);
}

/* --- room for bytes ---------------------------------------------------------------------------- */

static void move_to_front(seg_reader *reader)
{
	size_t unread = reader->end - reader->begin;
	if (unread > 0 && reader->begin > 0)
		memmove(reader->bytes, reader->bytes + reader->begin, unread);
	reader->begin = 0;
	reader->end = unread;
}

/* A long reply that comes bit by bit needs few steps: each is as large as what has come, up to 1 MiB. */
static bool set_capacity(seg_reader *reader, size_t needed)
{
	enum { STEP_MAX = 1024 * 1024 };
	size_t capacity = needed + (reader->end < STEP_MAX ? reader->end : STEP_MAX);
	char *bytes = realloc(reader->bytes, capacity);
	if (!bytes)
		return false;
	reader->bytes = bytes;
	reader->capacity = capacity;
	return true;
}

char *seg_reader_room(seg_reader *reader, size_t size)
{
	move_to_front(reader);
	size_t needed = reader->end + size;
	bool is_wide = reader->capacity > SEG_READER_KEEP && needed <= SEG_READER_KEEP;
	if ((needed > reader->capacity || is_wide) && !set_capacity(reader, needed))
		return NULL;
	return reader->bytes + reader->end;
}

void seg_reader_came(seg_reader *reader, size_t length)
{
	reader->end += length;
}

/* --- replies ------------------------------------------------------------------------------------ */

/* What the next reply is; SEG_READER_NONE: too few bytes have come to tell. */
static seg_reader_part next_part(const seg_reader *reader, const seg_entry_sink *sink)
{
	if (reader->begin == reader->end)
		return SEG_READER_NONE;
	if (!sink)
		return SEG_READER_TREE;
	int entries = seg_entries_begin(reader->bytes + reader->begin, reader->end - reader->begin);
	return entries == 0 ? SEG_READER_NONE : entries > 0 ? SEG_READER_ENTRIES : SEG_READER_TREE;
}

int seg_reader_next(seg_reader *reader, seg_entry_sink *sink, const seg_reply **reply)
{
	if (reader->part == SEG_READER_NONE)
		reader->part = next_part(reader, sink);
	const char *at = reader->bytes + reader->begin;
	size_t size = reader->end - reader->begin, taken = 0;
	int got = 0;
	if (reader->part == SEG_READER_ENTRIES)
		got = seg_entries_read(&reader->entries, sink, at, size, &taken, reply);
	else if (reader->part == SEG_READER_TREE)
		got = seg_tree_read(&reader->tree, at, size, &taken, reply);
	reader->begin += taken;
	/* After a failure, the part goes on to refuse. */
	if (got > 0)
		reader->part = SEG_READER_NONE;
	return got;
}

void seg_reader_release(seg_reader *reader)
{
	seg_tree_release(&reader->tree);
}

const char *seg_reader_error(const seg_reader *reader)
{
	return reader->part == SEG_READER_ENTRIES ? reader->entries.wrong : seg_tree_error(&reader->tree);
}
