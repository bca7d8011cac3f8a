#include "partition/beyond.h"

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
