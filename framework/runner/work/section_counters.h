/*
 * section_counters.h - what the workers of one section have done, all partitions together. Any thread may read.
 *
 * Totals keep what partitions have contributed that left since.
 */
#ifndef SEG_WORK_SECTION_COUNTERS_H
#define SEG_WORK_SECTION_COUNTERS_H

#include <stdatomic.h>

#include "base/durations.h"

typedef struct seg_section_counters {
	/* Totals: */
	seg_durations handling; /* of the calls of the plugin's handle, one for each batch */
	atomic_ullong handled;  /* messages that are done: handled, or dead-lettered */
	atomic_ullong retries;  /* attempts after a message's first one */
	/* Now: */
	atomic_uint owned; /* partitions with a worker */
	/* Of these, partitions whose call has exceeded handler_timeout, or ended its thread. */
	atomic_uint stuck;
	atomic_uint retrying; /* of these, partitions whose next message has failed before */
	atomic_uint
		slots_waiting; /* with lanes: slots whose first message waits for its next attempt, or to become a dead letter */
	atomic_uint lanes_busy; /* with lanes: lanes in a call of the plugin */
} seg_section_counters;

#endif
