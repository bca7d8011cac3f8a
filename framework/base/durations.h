/*
 * durations.h - a histogram of durations. Any thread adds and reads, without a lock.
 *
 * An addition costs two atomic additions and a few comparisons. A reader can see a bucket without the
 * matching sum.
 */
#ifndef SEG_BASE_DURATIONS_H
#define SEG_BASE_DURATIONS_H

#include <stdatomic.h>
#include <stdint.h>

enum { SEG_DURATIONS_BOUNDS = 18 };

/* Rising, in ns. Bucket i counts durations of at most bounds[i]; the last bucket counts all longer ones. */
extern const int64_t seg_durations_bounds[SEG_DURATIONS_BOUNDS];

typedef struct seg_durations {
	atomic_ullong buckets[SEG_DURATIONS_BOUNDS + 1];
	atomic_ullong sum; /* of all durations, ns */
} seg_durations;

/* A negative duration counts as 0. */
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
