/*
 * section_counters.h - what the workers of one section have done, all partitions together. Any thread may
 * read; nothing is taken back when a partition leaves, but for what is going on right now.
 */
#ifndef SEG_WORK_SECTION_COUNTERS_H
#define SEG_WORK_SECTION_COUNTERS_H

#include <stdatomic.h>

#include "base/durations.h"

typedef struct seg_section_counters {
	/* Once a batch: a call of the handler, from its begin to its return. */
	seg_durations handling;
	atomic_ullong handled; /* messages that are done with: handled, or dead-lettered */
	atomic_ullong retries; /* attempts after the first one */
	/* Right now: */
	atomic_uint owned;    /* partitions with a worker */
	atomic_uint retrying; /* those of them whose next message has failed before */
} seg_section_counters;

#endif
