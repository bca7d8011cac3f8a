/* series.h - a figure of several rounds: its median and its spread. */
#ifndef SEGBENCH_MEASURE_SERIES_H
#define SEGBENCH_MEASURE_SERIES_H

#include <stddef.h>

enum { SERIES_MAX = 100 };

typedef struct bench_series {
	size_t count;
	double values[SERIES_MAX];
} bench_series;

/* Drops the value if the series has SERIES_MAX values. */
void bench_series_add(bench_series *series, double value);

/* An empty series gives 0. */
double bench_series_median(const bench_series *series);
double bench_series_lowest(const bench_series *series);
double bench_series_highest(const bench_series *series);

/* Between these two lies the middle half of the values. They are interpolated between values, as R and NumPy do. */
double bench_series_lower_quartile(const bench_series *series);
double bench_series_upper_quartile(const bench_series *series);

#endif
