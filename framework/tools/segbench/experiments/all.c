#include "experiments/all.h"

/* clang-format off */
const bench_experiment *const bench_experiments[] = {
	&bench_experiment_consume,
	&bench_experiment_produce,
	&bench_experiment_packing,
	&bench_experiment_pipeline,
	&bench_experiment_state,
	&bench_experiment_parallel,
	&bench_experiment_hot_key,
	&bench_experiment_latency,
	&bench_experiment_pauses,
	&bench_experiment_allocations,
	&bench_experiment_idle,
	&bench_experiment_idle_many,
	&bench_experiment_burst,
	&bench_experiment_coordinate,
	&bench_experiment_crowd,
	&bench_experiment_curves,
	&bench_experiment_scaling,
	&bench_experiment_distance,
	&bench_experiment_tls,
	&bench_experiment_cluster,
	&bench_experiment_ack_replicas,
	&bench_experiment_wait,
	&bench_experiment_scale,
	&bench_experiment_peers,
	NULL,
};
/* clang-format on */
