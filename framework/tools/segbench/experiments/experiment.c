#include "experiments/experiment.h"

/* The case that the goals judge. */
enum { GOAL_PARTITIONS = 8, GOAL_SIZE = 100 };

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
