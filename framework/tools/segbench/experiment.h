/*
 * experiment.h - what segbench measures: each experiment is a file of that name.
 */
#ifndef SEGBENCH_EXPERIMENT_H
#define SEGBENCH_EXPERIMENT_H

#include "options.h"
#include "report.h"
#include "server.h"
#include "workload.h"

typedef struct bench_context {
	bench_options options;
	bench_server server;
	bench_workload workload; /* its partitions, size and messages are set by each experiment */
	bench_report report;
} bench_context;

typedef struct bench_experiment {
	const char *name;
	const char *help;
	bool only_if_named; /* it takes long, and no goal needs it */
	void (*run)(bench_context *context);
} bench_experiment;

extern const bench_experiment bench_experiment_consume;
extern const bench_experiment bench_experiment_produce;
extern const bench_experiment bench_experiment_packing;
extern const bench_experiment bench_experiment_scaling;
extern const bench_experiment bench_experiment_curves;
extern const bench_experiment bench_experiment_latency;
extern const bench_experiment bench_experiment_pauses;
extern const bench_experiment bench_experiment_allocations; /* steady.c */
extern const bench_experiment bench_experiment_idle;
extern const bench_experiment bench_experiment_coordinate;

/* Rounds and messages as asked for, or the default. */
size_t bench_experiment_rounds(const bench_context *context);
uint64_t bench_experiment_messages(const bench_context *context);

/* Whether the workload is the goals' one: 8 partitions and 100 bytes, unless others were asked for. */
bool bench_experiment_is_goal_case(const bench_context *context);

/* Calls measure for each of the sizes and partitions, the workload set and not yet filled; with --compare and
 * --quick for the goals' alone. */
struct bench_rounds;
void bench_experiment_each_case(bench_context *context, struct bench_rounds *rounds,
				void (*measure)(bench_context *context, struct bench_rounds *rounds));

/* All, in the order they run, ended by NULL. */
extern const bench_experiment *const bench_experiments[];

#endif
