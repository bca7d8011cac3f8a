/*
 * experiment.h - what segbench measures: each experiment is a file of that name.
 */
#ifndef SEGBENCH_EXPERIMENTS_EXPERIMENT_H
#define SEGBENCH_EXPERIMENTS_EXPERIMENT_H

#include "experiments/settings.h"
#include "report/report.h"
#include "measure/server.h"
#include "ways/workload.h"

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

#endif
