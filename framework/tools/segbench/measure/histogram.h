/*
 * histogram.h - counts times in buckets. The width of a bucket grows with the value, so that each value up to
 * 18 minutes (in ns) is known to 1.6 %. One thread writes; adding a value costs a few instructions.
 */
#ifndef SEGBENCH_MEASURE_HISTOGRAM_H
#define SEGBENCH_MEASURE_HISTOGRAM_H

#include <stdint.h>

/* Each value below 2 * SUB has a bucket. Above that, each power of two has SUB buckets. */
enum { HISTOGRAM_SUB_BITS = 6, HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS, HISTOGRAM_BITS = 40 };
enum { HISTOGRAM_BUCKETS = (HISTOGRAM_BITS - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB };

typedef struct bench_histogram {
	uint32_t buckets[HISTOGRAM_BUCKETS];
	uint64_t highest; /* the highest value, exact */
} bench_histogram;

static inline uint32_t bench_histogram_bucket(uint64_t value)
{
	if (value >> HISTOGRAM_BITS)
		return HISTOGRAM_BUCKETS - 1;
	if (value < HISTOGRAM_SUB)
		return (uint32_t)value;
	unsigned shift = 63u - HISTOGRAM_SUB_BITS - (unsigned)__builtin_clzll(value);
	return (uint32_t)((shift << HISTOGRAM_SUB_BITS) + (value >> shift));
}

static inline void bench_histogram_add(bench_histogram *histogram, uint64_t value)
{
	histogram->buckets[bench_histogram_bucket(value)]++;
	if (value > histogram->highest)
		histogram->highest = value;
}

/* Adds all values of `from` to `into`. */
void bench_histogram_merge(bench_histogram *into, const bench_histogram *from);

uint64_t bench_histogram_count(const bench_histogram *histogram);

/*
 * The value that a `fraction` (0 to 1) of all values does not exceed: the middle of its bucket. 0 without
 * values.
 */
double bench_histogram_quantile(const bench_histogram *histogram, double fraction);

#endif
