/*
 * history.h - the last hour of a group, as this runner has seen it: a ring of samples, one each ten seconds, so that
 * the page's charts begin in the past.
 *
 * Memory is fixed: SEG_HISTORY_SAMPLES samples of 64 bytes, 23 KiB a group. Between two samples, readings are
 * averaged. Where readings come less often, because the group has very many partitions, so do samples.
 *
 * seg_history_note belongs to one thread; any thread may copy at the same time.
 */
#ifndef SEG_ADMIN_HISTORY_H
#define SEG_ADMIN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/durations.h"

#define SEG_HISTORY_INTERVAL (10 * SEG_SECOND) /* between two samples, at least */
#define SEG_HISTORY_SPAN (3600 * SEG_SECOND)   /* older samples are not shown */

enum { SEG_HISTORY_SAMPLES = 360 };

/* What is negative is not known. */
typedef struct seg_history_sample {
	int64_t at;       /* seg_wall_clock() */
	int64_t lag;      /* messages that the group has not committed */
	double behind;    /* seconds that the oldest of them has waited */
	double committed; /* messages per second, by all members */
	double added;     /* messages per second, by all producers */
	double handled;   /* messages per second, by this runner */
	/* Seconds; of this runner's handler calls, and of its commits. */
	float handler_p50, handler_p99, commit_p50, commit_p99;
} seg_history_sample;

/* This runner's counters at one moment. They begin at 0 again when a reload replaces the section. */
typedef struct seg_history_counters {
	uint64_t handled;                                                                  /* messages */
	uint64_t handling[SEG_DURATIONS_BOUNDS + 1], committing[SEG_DURATIONS_BOUNDS + 1]; /* buckets */
} seg_history_counters;

/* One reading of the group. What is negative is not known. */
typedef struct seg_history_reading {
	int64_t now;  /* seg_now() */
	int64_t wall; /* seg_wall_clock() */
	int64_t lag;
	double behind;
	double committed, added;              /* messages per second since the reading before this one */
	const seg_history_counters *counters; /* NULL: the section has not started */
} seg_history_reading;

typedef struct seg_history seg_history;

/* NULL if out of memory. */
seg_history *seg_history_create(void);

/* NULL is allowed. */
void seg_history_destroy(seg_history *history);

/* Takes a reading, and makes a sample of all readings since the last sample if one is due. */
void seg_history_note(seg_history *history, const seg_history_reading *reading);

/*
 * Copies the samples of the hour before `wall` that were taken after `after` (both seg_wall_clock()) to
 * list[SEG_HISTORY_SAMPLES], oldest first. Returns how many.
 */
size_t seg_history_copy(seg_history *history, int64_t wall, int64_t after, seg_history_sample *list);

#endif
