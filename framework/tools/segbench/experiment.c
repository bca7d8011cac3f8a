#include "experiment.h"

#include <err.h>
#include <stdlib.h>
#include <sysexits.h>

#include "rounds.h"

/* The case that the goals speak of. */
enum { GOAL_PARTITIONS = 8, GOAL_SIZE = 100 };

/* clang-format off */
const bench_experiment *const bench_experiments[] = {
	&bench_experiment_consume,
	&bench_experiment_produce,
	&bench_experiment_packing,
	&bench_experiment_latency,
	&bench_experiment_pauses,
	&bench_experiment_allocations,
	&bench_experiment_idle,
	&bench_experiment_coordinate,
	&bench_experiment_curves,
	&bench_experiment_scaling,
	NULL,
};
/* clang-format on */

size_t bench_experiment_rounds(const bench_context *context)
{
	if (context->options.rounds)
		return (size_t)context->options.rounds;
	return context->options.quick ? 2 : 5;
}

uint64_t bench_experiment_messages(const bench_context *context)
{
	if (context->options.messages)
		return context->options.messages;
	return context->options.quick ? 100000 : 1000000;
}

bool bench_experiment_is_goal_case(const bench_context *context)
{
	const bench_options *options = &context->options;
	uint32_t partitions = options->partitions ? (uint32_t)options->partitions : GOAL_PARTITIONS;
	uint32_t size = options->size ? (uint32_t)options->size : GOAL_SIZE;
	return context->workload.partitions == partitions && context->workload.size == size;
}

void bench_experiment_each_case(bench_context *context, bench_rounds *rounds,
				void (*measure)(bench_context *context, bench_rounds *rounds))
{
	static const uint32_t sizes[] = {100, 1024}, partitions[] = {1, 8, 64};
	const bench_options *options = &context->options;
	rounds->count = bench_experiment_rounds(context);
	for (size_t s = 0; s < 2; s++)
		for (size_t p = 0; p < 3; p++) {
			bench_workload_set(&context->workload,
					   options->partitions ? (uint32_t)options->partitions
							       : partitions[p],
					   options->size ? (uint32_t)options->size : sizes[s],
					   bench_experiment_messages(context));
			bool chosen = (s == 0 || !options->size) && (p == 0 || !options->partitions);
			bool wanted = !(options->compare || options->quick) ||
				      bench_experiment_is_goal_case(context);
			if (chosen && wanted)
				measure(context, rounds);
		}
}
