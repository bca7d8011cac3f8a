/*
 * experiment.h - an experiment of segbench. Each experiment is in the file of its name.
 */
#ifndef SEGBENCH_EXPERIMENTS_EXPERIMENT_H
#define SEGBENCH_EXPERIMENTS_EXPERIMENT_H

#include "experiments/settings.h"
#include "measure/server.h"
#include "report/report.h"
#include "ways/workload.h"

typedef struct bench_context {
	bench_options options;
	bench_server server;
	bench_workload workload; /* each experiment sets its partitions, size and messages */
	bench_report report;
} bench_context;

typedef struct bench_experiment {
	const char *name;
	const char *help;   /* a line of --help */
	bool only_if_named; /* runs only with --only, because it takes long and no goal needs it */
	void (*run)(bench_context *context);
} bench_experiment;

extern const bench_experiment bench_experiment_consume;
extern const bench_experiment bench_experiment_produce;
extern const bench_experiment bench_experiment_packing;
extern const bench_experiment bench_experiment_pipeline;
extern const bench_experiment bench_experiment_state; /* pipeline.c */
extern const bench_experiment bench_experiment_parallel;
extern const bench_experiment bench_experiment_hot_key;
extern const bench_experiment bench_experiment_scaling;
extern const bench_experiment bench_experiment_curves;
extern const bench_experiment bench_experiment_distance;
extern const bench_experiment bench_experiment_tls;
extern const bench_experiment bench_experiment_cluster;
extern const bench_experiment bench_experiment_ack_replicas;
extern const bench_experiment bench_experiment_wait;
extern const bench_experiment bench_experiment_peers;
extern const bench_experiment bench_experiment_latency;
extern const bench_experiment bench_experiment_pauses;
extern const bench_experiment bench_experiment_allocations;
extern const bench_experiment bench_experiment_idle;
extern const bench_experiment bench_experiment_idle_many;
extern const bench_experiment bench_experiment_burst;
extern const bench_experiment bench_experiment_coordinate;
extern const bench_experiment bench_experiment_crowd;
extern const bench_experiment bench_experiment_scale;

/* The number of rounds and of messages: from the command line, or the default. */
size_t bench_experiment_rounds(const bench_context *context);
uint64_t bench_experiment_messages(const bench_context *context);

/* Whether the goals judge this workload: 8 partitions and 100 bytes, or what the command line sets. */
bool bench_experiment_is_goal_case(const bench_context *context);

#endif
