#include "measure/series.h"

#include <stdlib.h>
#include <string.h>

void bench_series_add(bench_series *series, double value)
{
	if (series->count < SERIES_MAX)
		series->values[series->count++] = value;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

double bench_series_median(const bench_series *series)
{
	double sorted[SERIES_MAX];
	size_t n = series->count;
	if (n == 0)
		return 0;
	memcpy(sorted, series->values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

double bench_series_lowest(const bench_series *series)
{
	double lowest = series->count ? series->values[0] : 0;
	for (size_t i = 1; i < series->count; i++)
		if (series->values[i] < lowest)
			lowest = series->values[i];
	return lowest;
}

double bench_series_highest(const bench_series *series)
{
	double highest = series->count ? series->values[0] : 0;
	for (size_t i = 1; i < series->count; i++)
		if (series->values[i] > highest)
			highest = series->values[i];
	return highest;
}
