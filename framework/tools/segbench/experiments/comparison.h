/*
 * comparison.h - measures the same ways on several servers, in turn, several times, and reports each server relative
 * to the first one.
 *
 * The first way sends. The later ones consume what it sent: nothing else fills the servers, so that the messages of a
 * cluster are where the producer puts them.
 */
#ifndef SEGBENCH_EXPERIMENTS_COMPARISON_H
#define SEGBENCH_EXPERIMENTS_COMPARISON_H

#include "experiments/experiment.h"
#include "experiments/rounds.h"

enum { COMPARISON_SERVERS = 4, COMPARISON_WAYS = 4 };

typedef struct bench_comparison {
	const char *experiment;
	const bench_way *const *ways; /* ended by NULL; at most COMPARISON_WAYS */
	size_t servers;               /* at most COMPARISON_SERVERS */
	const char *names[COMPARISON_SERVERS];
	bench_server *targets[COMPARISON_SERVERS];
	size_t rounds;
	bench_measure measures[COMPARISON_SERVERS][COMPARISON_WAYS][SERIES_MAX];
} bench_comparison;

/* Allocates a comparison without servers. The caller frees it. */
bench_comparison *bench_comparison_create(const char *experiment, const bench_way *const *ways);

void bench_comparison_add(bench_comparison *comparison, const char *name, bench_server *server);

/*
 * Measures, with the options' partitions (8), size (100) and messages, and reports: a table of all ways on all servers,
 * then the ratios. The context's workload keeps its server.
 */
void bench_comparison_run(bench_comparison *comparison, bench_context *context);

/* The figure of a way on a server, relative to that of a way on another one, round by round. */
bench_series bench_comparison_ratio(const bench_comparison *comparison, bench_figure_fn figure, size_t server,
				    const bench_way *way, size_t to_server, const bench_way *to_way);

#endif
