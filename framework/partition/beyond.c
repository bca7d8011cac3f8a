#include "partition/beyond.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void seg_beyond_fini(seg_beyond *b)
{
	free(b->holes);
	*b = (seg_beyond){0};
}

void seg_beyond_clear(seg_beyond *b)
{
	b->frontier = (seg_id){0, 0};
	b->count = 0;
	b->hole_count = 0;
}

/* How many holes begin at or before the id. */
static size_t holes_up_to(const seg_beyond *b, seg_id id)
{
	size_t low = 0, high = b->hole_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (seg_id_compare(b->holes[middle].first, id) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The hole that the id lies in, or NULL. */
static const seg_hole *hole_of(const seg_beyond *b, seg_id id)
{
	size_t begun = holes_up_to(b, id);
	return begun > 0 && seg_id_compare(id, b->holes[begun - 1].last) <= 0 ? &b->holes[begun - 1] : NULL;
}

bool seg_beyond_has(const seg_beyond *b, seg_id id)
{
	return seg_id_compare(id, b->frontier) <= 0 && !hole_of(b, id);
}

bool seg_beyond_has_entry(const seg_beyond *b, seg_id before, seg_id id)
{
	if (!seg_beyond_has(b, id))
		return false;
	size_t begun = holes_up_to(b, id);
	return begun == 0 || seg_id_compare(b->holes[begun - 1].last, before) <= 0;
}

static bool make_room(seg_beyond *b)
{
	if (b->hole_count >= SEG_BEYOND_HOLES_MAX)
		return false;
	if (b->hole_count < b->room)
		return true;
	size_t room = b->room ? 2 * b->room : 16;
	seg_hole *holes = realloc(b->holes, room * sizeof(*holes));
	if (!holes)
		return false;
	b->holes = holes;
	b->room = room;
	return true;
}

bool seg_beyond_add_hole(seg_beyond *b, seg_id first, seg_id last)
{
	if (!make_room(b))
		return false;
	b->holes[b->hole_count++] = (seg_hole){first, last};
	return true;
}

/* --- more messages ---------------------------------------------------------------------- */

static void remove_hole(seg_beyond *b, size_t at)
{
	b->hole_count--;
	memmove(&b->holes[at], &b->holes[at + 1], (b->hole_count - at) * sizeof(b->holes[0]));
}

/* Takes the ids out of the middle of a hole, which becomes two. */
static bool split(seg_beyond *b, size_t at, seg_id first, seg_id last)
{
	if (!make_room(b))
		return false;
	seg_hole *hole = &b->holes[at];
	memmove(hole + 1, hole, (b->hole_count - at) * sizeof(*hole));
	b->hole_count++;
	hole[0].last = seg_id_before(first);
	hole[1].first = seg_id_after(last);
	return true;
}

/* Takes the ids out of the holes. Without memory, nothing has changed. */
static bool take_out(seg_beyond *b, seg_id first, seg_id last)
{
	size_t at = holes_up_to(b, first);
	if (at > 0 && seg_id_compare(first, b->holes[at - 1].last) <= 0)
		at--;
	while (at < b->hole_count && seg_id_compare(b->holes[at].first, last) <= 0) {
		seg_hole *hole = &b->holes[at];
		bool before = seg_id_compare(hole->first, first) < 0,
		     after = seg_id_compare(last, hole->last) < 0;
		if (before && after)
			return split(b, at, first, last);
		if (before)
			hole->last = seg_id_before(first);
		else if (after)
			hole->first = seg_id_after(last);
		else
			remove_hole(b, at);
		at += before || after;
	}
	return true;
}

bool seg_beyond_add(seg_beyond *b, seg_id position, seg_id first, seg_id last)
{
	seg_id next = seg_id_after(seg_beyond_is_empty(b) ? position : b->frontier);
	bool known = seg_beyond_has(b, last);
	if (seg_id_compare(next, first) < 0) {
		if (!seg_beyond_add_hole(b, next, seg_id_before(first)))
			return false;
	} else if (!take_out(b, first, last)) {
		return false;
	}
	if (seg_id_compare(last, b->frontier) > 0)
		b->frontier = last;
	b->count += !known;
	return true;
}

/* --- the text ----------------------------------------------------------------------------- */

enum { NUMBER_MAX = 20, HOLE_MAX = 2 * (2 * NUMBER_MAX + 2) };

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

char *seg_beyond_encode(const seg_beyond *b, seg_id position, size_t *length)
{
	char frontier[SEG_ID_TEXT_MAX];
	size_t tail = sizeof(frontier) + NUMBER_MAX + 4;
	char *text = malloc(b->hole_count * HOLE_MAX + tail), *to = text;
	seg_id last = position;
	if (!text)
		return NULL;
	for (size_t i = 0; i < b->hole_count; i++) {
		const seg_hole *hole = &b->holes[i];
		if (i > 0)
			*to++ = ',';
		to = write_distance(to, last, hole->first);
		if (seg_id_compare(hole->first, hole->last) != 0) {
			*to++ = ':';
			to = write_distance(to, hole->first, hole->last);
		}
		last = hole->last;
	}
	if (b->hole_count == 0)
		*to++ = '-';
	to += snprintf(to, tail, " %s %" PRIu64, seg_id_format(b->frontier, frontier), b->count);
	*length = (size_t)(to - text);
	return text;
}

/* A text that is being read. Nothing of it is read beyond `end`. */
typedef struct seg_beyond_text {
	const char *at, *end;
} seg_beyond_text;

static bool take(seg_beyond_text *t, char c)
{
	bool there = t->at < t->end && *t->at == c;
	t->at += there;
	return there;
}

static bool take_number(seg_beyond_text *t, uint64_t *number)
{
	const char *begin = t->at;
	for (*number = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*t->at - '0'), number))
			return false;
	return t->at > begin;
}

/* The id that comes so far after `from`. */
static bool take_distance(seg_beyond_text *t, seg_id from, seg_id *id)
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
static int take_holes(seg_beyond *b, seg_beyond_text *t, seg_id *last)
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

static int decode(seg_beyond *b, seg_id position, seg_beyond_text *t)
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
	seg_beyond_text t = {text, text + length};
	seg_beyond_clear(b);
	int status = decode(b, position, &t);
	if (status)
		seg_beyond_clear(b);
	return status;
}
