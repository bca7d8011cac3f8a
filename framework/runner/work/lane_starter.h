/*
 * lane_starter.h - starts the threads of a partition's lanes, as far as the system gives threads. With some of them the partition goes
 * on, only slower; the rest is tried again.
 */
#ifndef SEG_WORK_LANE_STARTER_H
#define SEG_WORK_LANE_STARTER_H

#include "work/lane.h"

typedef struct seg_lane_starter {
	/* Constant. */
	seg_task *task; /* the partition's */
	seg_lane *lanes;
	unsigned lane_count;

	atomic_uint started; /* lanes that have a thread, from the first on: written by the worker thread */

	/* The worker thread's. */
	unsigned failures; /* in a row */
	int64_t at;        /* seg_now() before which no further lane is started */
} seg_lane_starter;

/* I/O thread. The lanes are the caller's. */
void seg_lane_starter_init(seg_lane_starter *starter, seg_task *task, seg_lane *lanes, unsigned count);

/* Starts the lanes that have no thread yet. The worker thread. */
void seg_lane_starter_step(seg_lane_starter *starter);

/* When to call that again (seg_now()), because the system refused a thread; else SEG_NEVER. The worker thread. */
int64_t seg_lane_starter_due(const seg_lane_starter *starter);

/* How many lanes, from the first on, have a thread. Any thread. */
unsigned seg_lane_starter_started(const seg_lane_starter *starter);

#endif
