/*
 * durations.h - how often something took how long: a histogram that threads add to without a lock, and any
 * may read.
 *
 * Adding costs two atomic additions and a few comparisons. What was added together may be read apart.
 */
#ifndef SEG_BASE_DURATIONS_H
#define SEG_BASE_DURATIONS_H

#include <stdatomic.h>
#include <stdint.h>

enum { SEG_DURATIONS_BOUNDS = 18 };

/* ns, rising: bucket i counts what took at most so long; the last bucket, what took longer than all. */
extern const int64_t seg_durations_bounds[SEG_DURATIONS_BOUNDS];

typedef struct seg_durations {
	atomic_ullong buckets[SEG_DURATIONS_BOUNDS + 1];
	atomic_ullong sum; /* ns */
} seg_durations;

static inline void seg_durations_add(seg_durations *durations, int64_t ns)
{
	unsigned i = 0;
	if (ns < 0)
		ns = 0;
	while (i < SEG_DURATIONS_BOUNDS && ns > seg_durations_bounds[i])
		i++;
	atomic_fetch_add_explicit(&durations->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&durations->sum, (unsigned long long)ns, memory_order_relaxed);
}

#endif
