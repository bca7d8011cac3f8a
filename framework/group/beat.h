/*
 * beat.h - when the partitions of a member commit: together, a beat of commit_interval apart.
 *
 * Redis then reads one packet, and finds the script in its caches. A commit on its own, between two reads, takes Redis three times as
 * long. After many commits the next beat comes later: each of many partitions under load then commits several batches at once. Redis's
 * time for a commit that comes with others is 10 to 15 us (segbench), so that commits take about 3 % of it.
 */
#ifndef SEG_GROUP_BEAT_H
#define SEG_GROUP_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* From a beat to the next one, for each commit of the beat; but nobody should see lag late. */
#define SEG_BEAT_PER_COMMIT (SEG_MS * 4 / 10)
#define SEG_BEAT_MOST (100 * SEG_MS)

/* All zero: none yet. */
typedef struct seg_beat {
	int64_t at;    /* seg_now() of the newest beat */
	uint32_t sent; /* commits, with that beat */
} seg_beat;

/*
 * When a commit may go out with others: now, if the beat is now. `interval`: commit_interval in ns; 0: at once. `awaited`: a caller waits
 * for commits, so that the number of commits lengthens nothing.
 */
int64_t seg_beat_next(const seg_beat *beat, int64_t interval, bool awaited, int64_t now);

/* A commit goes out. One that hurries, between two beats, delays no other. */
void seg_beat_note(seg_beat *beat, int64_t interval, bool awaited, int64_t now);

#endif
