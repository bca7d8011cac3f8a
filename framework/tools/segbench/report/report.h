/*
 * report.h - what was measured: tables on stdout as they come, the ratios at the end, and the same as JSON.
 */
#ifndef SEGBENCH_REPORT_REPORT_H
#define SEGBENCH_REPORT_REPORT_H

#include <jansson.h>

#include "measure/series.h"
#include "ways/way.h"

typedef struct bench_report {
	double others; /* the largest part of the CPU that others had, of all medians */
	json_t *root;  /* {"machine": {}, "measures": [], "latencies": [], "figures": [], "ratios": {}} */
} bench_report;

void bench_report_init(bench_report *report, bench_server *server);
void bench_report_fini(bench_report *report);

/* Heads a table of ways on one workload. */
void bench_report_case(const char *experiment, const bench_workload *workload, size_t rounds);

/* A line of it: what the rounds of a way gave. */
void bench_report_way(bench_report *report, const char *experiment, const bench_workload *workload,
		      const bench_way *way, const bench_measure *rounds, size_t count);

/* Heads figures. */
void bench_report_heading(const char *text);

/* A figure that is not of a way. The value is the median. */
void bench_report_figure(bench_report *report, const char *experiment, const char *name, const char *unit,
			 const bench_series *series);

/* Heads a table of latencies, and a line of it: p50, p99, p99.9 and the highest, in us. */
enum { REPORT_QUANTILES = 4 };
void bench_report_latency_heading(uint32_t rate, uint32_t partitions, size_t rounds);
void bench_report_latency(bench_report *report, uint32_t rate, uint32_t partitions, const char *path,
			  const bench_series series[REPORT_QUANTILES]);

/* The value of a goal. */
void bench_report_ratio(bench_report *report, const char *name, const bench_series *series);

/* Prints the lines `ratio NAME VALUE`. */
void bench_report_ratios(const bench_report *report);

/* Writes the JSON. Ends the program if it cannot be written. */
void bench_report_write(const bench_report *report, const char *path);

#endif
