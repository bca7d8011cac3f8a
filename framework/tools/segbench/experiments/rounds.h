/*
 * rounds.h - measures several ways on one workload, in turn, several times. So what disturbs the machine for
 * a while disturbs all ways alike.
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
	size_t count;                 /* the number of rounds */
	bench_measure measures[ROUNDS_WAYS][SERIES_MAX];
} bench_rounds;

/* Computes a figure of one round of one way. */
typedef double (*bench_figure_fn)(const bench_measure *measure);

double bench_figure_rate(const bench_measure *measure);   /* messages/s */
double bench_figure_client(const bench_measure *measure); /* CPU ns per message; likewise the server's */
double bench_figure_server(const bench_measure *measure);

/* Measures one round; repeats a disturbed one, and takes the one that other programs disturbed least. */
bench_measure bench_rounds_measure(const bench_way *way, bench_workload *workload);

/* Measures all ways `count` times on the context's workload, and reports each way. */
void bench_rounds_run(bench_rounds *rounds, bench_context *context);

/* Reports the value of a goal: in each round, figure(of) / figure(to) * scale. */
void bench_rounds_ratio(const bench_rounds *rounds, bench_report *report, const char *goal,
			bench_figure_fn figure, const bench_way *of, const bench_way *to, double scale);

/*
 * Calls `measure` for each size and number of partitions; with --compare or --quick only for the case that
 * the goals judge. The workload is set, but not filled.
 */
void bench_rounds_each_case(bench_context *context, bench_rounds *rounds,
			    void (*measure)(bench_context *context, bench_rounds *rounds));

#endif
