#include "partition/beyond_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 20, HOLE_MAX = 2 * (2 * NUMBER_MAX + 2), LEAD_MAX = 128 };

/* What comes behind the holes: the frontier and the count, with two spaces and a NUL. */
enum { TAIL_MAX = SEG_ID_TEXT_MAX + NUMBER_MAX + 3 };

/* The least room, and how many holes a text has memory for before it is made larger. */
enum { ROOM_MIN = 512, ENDS_MIN = 64 };

void seg_beyond_text_fini(seg_beyond_text *t)
{
	free(t->memory);
	free(t->ends);
	*t = (seg_beyond_text){0};
}

/* --- writing ------------------------------------------------------------------------------- */

static char *write_number(char *to, uint64_t number)
{
	char digits[NUMBER_MAX];
	size_t count = 0;
	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count > 0)
		*to++ = digits[--count];
	return to;
}

/* `id` comes after `from`, or is the same. */
static char *write_distance(char *to, seg_id from, seg_id id)
{
	if (id.ms == from.ms)
		return write_number(to, id.seq - from.seq);
	to = write_number(to, id.ms - from.ms);
	*to++ = '-';
	return write_number(to, id.seq);
}

/* Makes room for `more` bytes behind the first `used`. */
static bool make_room(seg_beyond_text *t, size_t used, size_t more)
{
	size_t room = t->room ? t->room : ROOM_MIN;
	while (room - used < more)
		room *= 2;
	if (room == t->room)
		return true;
	char *memory = realloc(t->memory, room);
	if (!memory)
		return false;
	t->memory = memory;
	t->room = room;
	return true;
}

static bool make_ends(seg_beyond_text *t, size_t count)
{
	size_t room = t->ends_room ? t->ends_room : ENDS_MIN;
	while (room < count)
		room *= 2;
	if (room == t->ends_room)
		return true;
	uint32_t *ends = realloc(t->ends, room * sizeof(*ends));
	if (!ends)
		return false;
	t->ends = ends;
	t->ends_room = room;
	return true;
}

static char *write_hole(char *to, seg_id last, const seg_hole *hole)
{
	to = write_distance(to, last, hole->first);
	if (seg_id_compare(hole->first, hole->last) == 0)
		return to;
	*to++ = ':';
	return write_distance(to, hole->first, hole->last);
}

/* Writes the holes from number `kept` on behind those before. Without memory, fewer, and returns false. */
static bool write_holes(seg_beyond_text *t, const seg_beyond *set, size_t kept)
{
	seg_id last = kept ? set->holes[kept - 1].last : t->position;
	size_t used = kept ? t->ends[kept - 1] : LEAD_MAX;
	t->holes = kept;
	if (!make_ends(t, set->hole_count))
		return false;
	for (size_t i = kept; i < set->hole_count; i++) {
		if (!make_room(t, used, HOLE_MAX + 1))
			return false;
		char *to = t->memory + used;
		if (i > 0)
			*to++ = ',';
		to = write_hole(to, last, &set->holes[i]);
		used = (size_t)(to - t->memory);
		last = set->holes[i].last;
		t->ends[i] = (uint32_t)used;
		t->holes = i + 1;
	}
	return true;
}

const char *seg_beyond_text_write(seg_beyond_text *t, const seg_beyond *set, seg_id position, size_t kept)
{
	char frontier[SEG_ID_TEXT_MAX];
	if (kept > t->holes)
		kept = t->holes;
	if (seg_id_compare(position, t->position) != 0)
		kept = 0;
	t->position = position;
	if (!write_holes(t, set, kept))
		return NULL;
	size_t used = t->holes ? t->ends[t->holes - 1] : LEAD_MAX;
	if (!make_room(t, used, TAIL_MAX + 1))
		return NULL;
	if (t->holes == 0)
		t->memory[used++] = '-';
	used += (size_t)snprintf(t->memory + used, TAIL_MAX, " %s %" PRIu64,
				 seg_id_format(set->frontier, frontier), set->count);
	t->length = used - LEAD_MAX;
	return t->memory + LEAD_MAX;
}

const char *seg_beyond_text_after(seg_beyond_text *t, const char *nonce)
{
	char lead[LEAD_MAX], position[SEG_ID_TEXT_MAX];
	int length = snprintf(lead, sizeof(lead), "%s %s ", nonce, seg_id_format(t->position, position));
	if (length < 0 || length >= LEAD_MAX)
		return NULL;
	return memcpy(t->memory + LEAD_MAX - length, lead, (size_t)length);
}

/* --- reading ------------------------------------------------------------------------------- */

/* A text that is being read. Nothing of it is read beyond `end`. */
typedef struct reading {
	const char *at, *end;
} reading;

static bool take(reading *t, char c)
{
	bool there = t->at < t->end && *t->at == c;
	t->at += there;
	return there;
}

static bool take_number(reading *t, uint64_t *number)
{
	const char *begin = t->at;
	for (*number = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*t->at - '0'), number))
			return false;
	return t->at > begin;
}

/* The id that comes so far after `from`. */
static bool take_distance(reading *t, seg_id from, seg_id *id)
{
	uint64_t number;
	if (!take_number(t, &number))
		return false;
	if (!take(t, '-')) {
		id->ms = from.ms;
		return !__builtin_add_overflow(from.seq, number, &id->seq);
	}
	return number > 0 && !__builtin_add_overflow(from.ms, number, &id->ms) && take_number(t, &id->seq);
}

/* Returns 0, SEG_EINVAL or SEG_ENOMEM. `last` becomes the last id of the last hole. */
static int take_holes(seg_beyond *b, reading *t, seg_id *last)
{
	do {
		seg_hole hole;
		if (!take_distance(t, *last, &hole.first) || seg_id_compare(hole.first, *last) <= 0)
			return SEG_EINVAL;
		hole.last = hole.first;
		if (take(t, ':') && !take_distance(t, hole.first, &hole.last))
			return SEG_EINVAL;
		if (b->hole_count >= SEG_BEYOND_HOLES_MAX)
			return SEG_EINVAL;
		if (!seg_beyond_add_hole(b, hole.first, hole.last))
			return SEG_ENOMEM;
		*last = hole.last;
	} while (take(t, ','));
	return 0;
}

static int decode(seg_beyond *b, seg_id position, reading *t)
{
	seg_id last = position, frontier;
	int status = take(t, '-') ? 0 : take_holes(b, t, &last);
	if (status)
		return status;
	bool whole = take(t, ' ') && take_number(t, &frontier.ms) && take(t, '-') &&
		     take_number(t, &frontier.seq) && take(t, ' ') && take_number(t, &b->count) &&
		     t->at == t->end;
	if (!whole || seg_id_compare(frontier, last) <= 0)
		return SEG_EINVAL;
	b->frontier = frontier;
	return 0;
}

int seg_beyond_decode(seg_beyond *b, seg_id position, const char *text, size_t length)
{
	reading t = {text, text + length};
	seg_beyond_clear(b);
	int status = decode(b, position, &t);
	if (status)
		seg_beyond_clear(b);
	return status;
}
