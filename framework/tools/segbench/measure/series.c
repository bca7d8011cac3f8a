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

/* The value below which a share of the values lies, from 0 to 1. */
static double quantile(const bench_series *series, double share)
{
	double sorted[SERIES_MAX];
	if (series->count == 0)
		return 0;
	memcpy(sorted, series->values, series->count * sizeof(*sorted));
	qsort(sorted, series->count, sizeof(*sorted), compare);
	double at = share * (double)(series->count - 1);
	size_t below = (size_t)at, above = below + 1 < series->count ? below + 1 : below;
	return sorted[below] + (sorted[above] - sorted[below]) * (at - (double)below);
}

double bench_series_median(const bench_series *series)
{
	return quantile(series, 0.5);
}

double bench_series_lower_quartile(const bench_series *series)
{
	return quantile(series, 0.25);
}

double bench_series_upper_quartile(const bench_series *series)
{
	return quantile(series, 0.75);
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
