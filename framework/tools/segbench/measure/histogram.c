#include "measure/histogram.h"

#include <math.h>

void bench_histogram_merge(bench_histogram *into, const bench_histogram *from)
{
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
	if (from->highest > into->highest)
		into->highest = from->highest;
}

uint64_t bench_histogram_count(const bench_histogram *histogram)
{
	uint64_t count = 0;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += histogram->buckets[i];
	return count;
}

/* The inverse of bench_histogram_bucket. */
static double middle_of(uint32_t bucket)
{
	if (bucket < 2 * HISTOGRAM_SUB)
		return bucket;
	unsigned shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
	uint64_t lowest = (uint64_t)(bucket - (shift << HISTOGRAM_SUB_BITS)) << shift;
	return (double)lowest + (double)((uint64_t)1 << shift) / 2;
}

double bench_histogram_quantile(const bench_histogram *histogram, double fraction)
{
	double wanted = ceil(fraction * (double)bench_histogram_count(histogram));
	uint64_t seen = 0;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > 0 && (double)seen >= wanted)
			return fmin(middle_of(i), (double)histogram->highest);
	}
	return 0;
}
