#include "partition/tracker.h"

#include <stdlib.h>
#include <string.h>

/* A word of bits, and the least room: a multiple of it, so that a word never has bits of two ends of the ring. */
enum { WORD = 64, ROOM_MIN = 1024 };

/* What a tracker keeps for the next ownership. */
enum { ROOM_KEPT = 16384 };

void seg_tracker_begin(seg_tracker *t, seg_id position)
{
	if (t->room > ROOM_KEPT)
		seg_tracker_fini(t);
	seg_tracker begun = {.ids = t->ids,
			     .done = t->done,
			     .room = t->room,
			     .position = position,
			     .last = position};
	*t = begun;
}

void seg_tracker_fini(seg_tracker *t)
{
	free(t->ids);
	free(t->done);
	t->ids = NULL;
	t->done = NULL;
	t->room = 0;
}

static size_t index_of(const seg_tracker *t, uint64_t number)
{
	return (size_t)number & (t->room - 1);
}

static bool is_done(const seg_tracker *t, uint64_t number)
{
	size_t i = index_of(t, number);
	return t->done[i / WORD] >> (i % WORD) & 1;
}

static void set_done(seg_tracker *t, uint64_t number, bool done)
{
	size_t i = index_of(t, number);
	uint64_t bit = (uint64_t)1 << (i % WORD);
	t->done[i / WORD] = done ? t->done[i / WORD] | bit : t->done[i / WORD] & ~bit;
}

/* Copies what is held. Bits in words: both rooms are multiples of a word. */
static void copy_held(seg_tracker *to, const seg_tracker *from)
{
	for (uint64_t n = from->first; n < from->end;) {
		size_t i = index_of(from, n), left = WORD - i % WORD;
		size_t count = from->end - n < left ? (size_t)(from->end - n) : left;
		memcpy(&to->ids[index_of(to, n)], &from->ids[i], count * sizeof(*to->ids));
		to->done[index_of(to, n) / WORD] |= from->done[i / WORD];
		n += count;
	}
}

bool seg_tracker_reserve(seg_tracker *t, size_t count)
{
	size_t held = (size_t)(t->end - t->first), room = t->room ? t->room : ROOM_MIN;
	while (room - held < count)
		room *= 2;
	if (room == t->room)
		return true;
	seg_tracker grown = *t;
	grown.room = room;
	grown.ids = malloc(room * sizeof(*grown.ids));
	grown.done = calloc(room / WORD, sizeof(*grown.done));
	if (!grown.ids || !grown.done) {
		seg_tracker_fini(&grown);
		return false;
	}
	copy_held(&grown, t);
	seg_tracker_fini(t);
	*t = grown;
	return true;
}

/* Moves the position over what is done. */
static void advance(seg_tracker *t)
{
	while (t->first < t->end && is_done(t, t->first))
		t->position = t->ids[index_of(t, t->first++)];
}

static void count_done(seg_tracker *t, uint64_t number)
{
	set_done(t, number, true);
	t->done_count++;
	if (number >= t->newest)
		t->newest = number + 1;
	if (number < t->unwritten)
		t->unwritten = number;
	if (number == t->first)
		advance(t);
}

void seg_tracker_enter(seg_tracker *t, seg_id id, bool done)
{
	uint64_t number = t->end++;
	t->ids[index_of(t, number)] = t->last = id;
	set_done(t, number, false);
	if (done)
		count_done(t, number);
}

seg_id seg_tracker_before(const seg_tracker *t, uint64_t number)
{
	return number == t->first ? t->position : t->ids[index_of(t, number - 1)];
}

bool seg_tracker_mark(seg_tracker *t, uint64_t number)
{
	if (number < t->first || number >= t->end || is_done(t, number))
		return false;
	count_done(t, number);
	return true;
}

bool seg_tracker_first(const seg_tracker *t, seg_id *id)
{
	if (t->first == t->end)
		return false;
	*id = t->ids[index_of(t, t->first)];
	return true;
}

/* --- the set ---------------------------------------------------------------------------- */

/* The first message from `number` on, before `end`, that is done, or not done. */
static uint64_t next(const seg_tracker *t, uint64_t number, uint64_t end, bool done)
{
	while (number < end) {
		size_t i = index_of(t, number), skipped = i % WORD;
		uint64_t word = (done ? t->done[i / WORD] : ~t->done[i / WORD]) >> skipped;
		if (word) {
			uint64_t found = number + (uint64_t)__builtin_ctzll(word);
			return found < end ? found : end;
		}
		number += WORD - skipped;
	}
	return end;
}

/*
 * The messages from `begin` up to `end` (exclusive) are not done. The first may stand for a whole entry, whose messages the next owner
 * can read: their ids end with its own, and are not done either.
 */
static bool add_hole(const seg_tracker *t, seg_beyond *set, uint64_t begin, uint64_t end)
{
	seg_id before = seg_tracker_before(t, begin);
	seg_id first = t->ids[index_of(t, begin)];
	first.seq = before.ms == first.ms ? before.seq + 1 : 0;
	return seg_beyond_add_hole(set, first, t->ids[index_of(t, end - 1)]);
}

/* There is no room for a hole: the set ends before it. `holes`, `frontier`: what the set had while it was whole. */
static void end_before(seg_beyond *set, seg_id hole, size_t holes, seg_id frontier)
{
	set->frontier = seg_id_before(hole);
	if (set->hole_count == 0 || seg_id_compare(set->frontier, set->holes[set->hole_count - 1].last) > 0)
		return;
	set->frontier = frontier;
	set->hole_count = holes;
}

/* Adds what an earlier owner has done after the newest message that has come. From `undone` on, none that has come is done. */
static void write_earlier(const seg_tracker *t, const seg_beyond *earlier, uint64_t undone, seg_beyond *set)
{
	size_t holes = set->hole_count;
	seg_id frontier = set->frontier;
	if (undone < t->end && !add_hole(t, set, undone, t->end))
		return;
	for (size_t i = 0; i < earlier->hole_count; i++) {
		seg_hole hole = earlier->holes[i];
		if (seg_id_compare(hole.last, t->last) <= 0)
			continue;
		/* One that has come in part goes on behind the newest message. */
		if (seg_id_compare(hole.first, t->last) <= 0)
			hole.first = seg_id_after(t->last);
		if (!seg_beyond_add_hole(set, hole.first, hole.last)) {
			end_before(set, hole.first, holes, frontier);
			return;
		}
	}
	set->frontier = earlier->frontier;
}

/* Drops the holes that may have changed. Returns the message from which on the set is to be written. */
static uint64_t drop_changed(const seg_tracker *t, seg_beyond *set)
{
	uint64_t from = t->unwritten;
	/* The hole that a message was in begins before it. */
	while (from > t->first && !is_done(t, from - 1))
		from--;
	if (from <= t->first) {
		set->hole_count = 0;
		return t->first;
	}
	seg_id before = seg_tracker_before(t, from);
	while (set->hole_count && seg_id_compare(set->holes[set->hole_count - 1].last, before) > 0)
		set->hole_count--;
	return from;
}

/* Returns the message up to which the set is written: the newest, unless there was no room for a hole. */
static uint64_t write_from(const seg_tracker *t, seg_beyond *set, uint64_t from)
{
	uint64_t undone = next(t, from, t->newest, false);
	while (undone < t->newest) {
		uint64_t done = next(t, undone, t->newest, true);
		if (!add_hole(t, set, undone, done))
			break;
		undone = next(t, done, t->newest, false);
	}
	return undone;
}

size_t seg_tracker_write(seg_tracker *t, const seg_beyond *earlier, seg_beyond *set)
{
	if (t->room == 0 && t->end > 0) { /* its memory was freed */
		seg_beyond_clear(set);
		return 0;
	}
	uint64_t from = drop_changed(t, set);
	size_t kept = set->hole_count;
	t->unwritten = write_from(t, set, from);
	set->frontier = t->unwritten > t->first ? t->ids[index_of(t, t->unwritten - 1)] : (seg_id){0, 0};
	set->count = seg_tracker_beyond(t);
	if (t->unwritten == t->newest && earlier && seg_id_compare(earlier->frontier, t->last) > 0)
		write_earlier(t, earlier, t->unwritten, set);
	return kept;
}
