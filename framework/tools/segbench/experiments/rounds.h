/*
 * rounds.h - ways on one workload, in turn, several times: what disturbs the machine for a while disturbs all
 * of them.
 */
#ifndef SEGBENCH_EXPERIMENTS_ROUNDS_H
#define SEGBENCH_EXPERIMENTS_ROUNDS_H

#include "experiments/experiment.h"
#include "measure/series.h"
#include "ways/way.h"

enum { ROUNDS_WAYS = 8 };

typedef struct bench_rounds {
	const char *experiment;
	const bench_way *const *ways; /* ended by NULL; at most ROUNDS_WAYS */
	size_t count;
	bench_measure measures[ROUNDS_WAYS][SERIES_MAX];
} bench_rounds;

/* A figure of one round of one way. */
typedef double (*bench_figure_fn)(const bench_measure *measure);

double bench_figure_rate(const bench_measure *measure);   /* messages/s */
double bench_figure_client(const bench_measure *measure); /* CPU ns a message; likewise the server's */
double bench_figure_server(const bench_measure *measure);

/* One round of a way: the least disturbed of a few tries. */
bench_measure bench_rounds_measure(const bench_way *way, bench_workload *workload);

/* Measures all ways `count` times on the context's workload, and reports each. */
void bench_rounds_run(bench_rounds *rounds, bench_context *context);

/* The ratio of a figure of two ways, round by round, times `scale`, as the value of a goal. */
void bench_rounds_ratio(const bench_rounds *rounds, bench_report *report, const char *goal,
			bench_figure_fn figure, const bench_way *of, const bench_way *to, double scale);

/*
 * Calls `measure` for each of the sizes and partitions, the workload set and not yet filled; with --compare and --quick for the
 * goals' case alone.
 */
void bench_rounds_each_case(bench_context *context, bench_rounds *rounds,
			    void (*measure)(bench_context *context, bench_rounds *rounds));

#endif
