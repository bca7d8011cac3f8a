/*
 * tracker.h - which messages of one ownership are done, where they are done out of order (`parallel` above 1).
 *
 *     number    0  1  2  3  4  5  6  7  8
 *               x  x  x  .  x  .  .  x  .       x: done    .: not done
 *                     |  |                 |
 *              position  first             end
 *
 * Messages are numbered from 0 in the order in which they were read. Memory is needed for those from `first` on. One thread.
 */
#ifndef SEG_PARTITION_TRACKER_H
#define SEG_PARTITION_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "partition/beyond.h"

typedef struct seg_tracker {
	seg_id *ids;         /* of message n: at n modulo room */
	uint64_t *done;      /* its bit: at the same index */
	size_t room;         /* a power of two; 0: no memory yet */
	uint64_t first;      /* the first message that is not done; it may be `end` */
	uint64_t end;        /* the number of the next message that comes */
	uint64_t newest;     /* all from here on are not done */
	uint64_t unwritten;  /* the set has what was done before it when it was written last */
	uint64_t done_count; /* of all messages, those before `first` included */
	seg_id position;     /* the message before `first`; at the start, the position of the claim */
	seg_id last;         /* the newest message; before there is one, the same position */
} seg_tracker;

/* A new ownership begins at the position. The tracker is zeroed, or was used before. */
void seg_tracker_begin(seg_tracker *tracker, seg_id position);

/* Frees the memory. What was counted stays. */
void seg_tracker_fini(seg_tracker *tracker);

/* Makes room for `count` more messages. False: out of memory, and nothing has changed. */
bool seg_tracker_reserve(seg_tracker *tracker, size_t count);

/* The next message comes. There must be room. done: an earlier owner has done it. */
void seg_tracker_enter(seg_tracker *tracker, seg_id id, bool done);

/* The id before that message's: the one of the message before it, or the position. The message has come, and is not done. */
seg_id seg_tracker_before(const seg_tracker *tracker, uint64_t number);

/* The message of that number is done; moves the position. Returns false if it was done before, or never came. */
bool seg_tracker_mark(seg_tracker *tracker, uint64_t number);

/* How many messages after the position are done. */
static inline uint64_t seg_tracker_beyond(const seg_tracker *tracker)
{
	return tracker->done_count - tracker->first;
}

/* The first message that is not done, which holds up the position. False: all are done. */
bool seg_tracker_first(const seg_tracker *tracker, seg_id *id);

/*
 * Writes into the set what is done beyond the position: of the messages that have come; and after these, what `earlier` names, which
 * may be NULL. Without memory, or with too many holes, the set is smaller: it never names a message that is not done.
 *
 * The set is the one that was written last in this ownership, and nobody else has changed it: only what has changed since is written.
 * Returns how many of its first holes are the same as before.
 */
size_t seg_tracker_write(seg_tracker *tracker, const seg_beyond *earlier, seg_beyond *set);

#endif
