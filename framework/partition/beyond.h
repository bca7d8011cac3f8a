/*
 * beyond.h - which messages beyond a position are done, with `parallel` above 1.
 *
 *     position               frontier
 *        |  .  x  .  .  x  x  x        x: done    .: not done, a hole
 *
 * Everything up to the position is done. Beyond it, everything up to the frontier is done, except for what lies in the holes: ranges
 * of ids, rising, in which no message is done. Ids and no numbers, because messages can be removed from the log in between.
 *
 * The owner stores the set in Redis with each commit. The next owner reads it with its claim, and passes over what is done.
 */
#ifndef SEG_PARTITION_BEYOND_H
#define SEG_PARTITION_BEYOND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

/* The most holes that are kept. Of a set with more, only what lies before the last of them is kept: the rest is handled again. */
enum { SEG_BEYOND_HOLES_MAX = 65536 };

/* No message from `first` to `last` is done. */
typedef struct seg_hole {
	seg_id first, last;
} seg_hole;

/* Zeroed: nothing is done beyond the position. */
typedef struct seg_beyond {
	seg_id frontier; /* the newest message that is done; {0,0}: there is none beyond the position */
	uint64_t count;  /* of the messages that are done, for people */
	seg_hole *holes; /* after the position and before the frontier */
	size_t hole_count, room;
} seg_beyond;

/* The id right before, of one that is not {0,0}; and the one right after, of one that is not the last of all. */
static inline seg_id seg_id_before(seg_id id)
{
	return id.seq ? (seg_id){id.ms, id.seq - 1} : (seg_id){id.ms - 1, UINT64_MAX};
}

static inline seg_id seg_id_after(seg_id id)
{
	return id.seq < UINT64_MAX ? (seg_id){id.ms, id.seq + 1} : (seg_id){id.ms + 1, 0};
}

void seg_beyond_fini(seg_beyond *beyond); /* and zeroes it */

/* Forgets all, and keeps the memory. */
void seg_beyond_clear(seg_beyond *beyond);

static inline bool seg_beyond_is_empty(const seg_beyond *beyond)
{
	return beyond->frontier.ms == 0 && beyond->frontier.seq == 0;
}

/* Whether the message is done. Any thread, while nobody changes the set. */
bool seg_beyond_has(const seg_beyond *beyond, seg_id id);

/* Whether it is, and nothing after `before` and up to it is known not to be. */
bool seg_beyond_has_entry(const seg_beyond *beyond, seg_id before, seg_id id);

/* Adds a hole behind the others. False: out of memory, or there are SEG_BEYOND_HOLES_MAX. */
bool seg_beyond_add_hole(seg_beyond *beyond, seg_id first, seg_id last);

/*
 * Message `last` is done, too, and so is whatever has an id from `first` up to it: the messages of its entry, or `first` is the same id.
 * Both come after the position. False: as above, and nothing has changed.
 */
bool seg_beyond_add(seg_beyond *beyond, seg_id position, seg_id first, seg_id last);

#endif
