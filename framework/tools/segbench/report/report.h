/*
 * report.h - prints tables to stdout during the measurement and ratios at the end, and keeps all figures as
 * JSON.
 */
#ifndef SEGBENCH_REPORT_REPORT_H
#define SEGBENCH_REPORT_REPORT_H

#include <jansson.h>

#include "measure/series.h"
#include "ways/way.h"

typedef struct bench_report {
	double others; /* the share of the CPU that other programs used, 0 to 1: the highest median */
	json_t *root;  /* {"machine": {}, "measures": [], "latencies": [], "figures": [], "ratios": {}} */
} bench_report;

void bench_report_init(bench_report *report, bench_server *server);
void bench_report_fini(bench_report *report);

/* Prints the heading of a table of ways on one workload. */
void bench_report_case(const char *experiment, const bench_workload *workload, size_t rounds);

/* Prints a line of this table: the figures of a way's rounds. */
void bench_report_way(bench_report *report, const char *experiment, const bench_workload *workload,
		      const bench_way *way, const bench_measure *rounds, size_t count);

/* Prints the heading of a list of figures. */
void bench_report_heading(const char *text);

/* Prints a figure of this list: the median, and the spread if there are several values. */
void bench_report_figure(bench_report *report, const char *experiment, const char *name, const char *unit,
			 const bench_series *series);

/*
 * Prints the heading of a table of latencies; a line of this table: p50, p99, p99.9 and the highest, in us.
 */
enum { REPORT_QUANTILES = 4 };
void bench_report_latency_heading(uint32_t rate, uint32_t partitions, size_t rounds);
void bench_report_latency(bench_report *report, uint32_t rate, uint32_t partitions, const char *path,
			  const bench_series series[REPORT_QUANTILES]);

/* Notes the rounds of a goal's figure, and judges them (goals.h). */
void bench_report_ratio(bench_report *report, const char *name, const bench_series *series);

/* Prints a line `ratio NAME MEDIAN SPREAD ...` with the verdict for each goal that was measured. */
void bench_report_ratios(const bench_report *report);

/* Writes the JSON. Ends the program if it cannot be written. */
void bench_report_write(const bench_report *report, const char *path);

#endif
