/*
 * curves.c - how the cost of a message changes with the number of partitions, the size of messages and the
 * number of messages. A curve that is not flat needs an explanation.
 *
 * In a short round, the CPU per message says more than messages/s. The time counts from the arrival of the
 * first message; by then Redis may have replied to the first reads of all partitions. Redis's CPU includes
 * the start of a segrunner: a claim for each partition.
 */
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "experiments/rounds.h"
#include "measure/progress.h"

static const bench_way *const ways[] = {&bench_way_bare, &bench_way_segrunner, NULL};

static void measure(bench_context *context, bench_rounds *rounds, uint32_t partitions, uint32_t size,
		    uint64_t messages)
{
	bench_workload_set(&context->workload, partitions, size, messages);
	bench_progress("curves, %" PRIu32 " partitions, %" PRIu32 " bytes: filling Redis", partitions, size);
	bench_workload_fill(&context->workload);
	bench_rounds_run(rounds, context);
}

enum { MOST_PARTITIONS = 256 };

static void run(bench_context *context)
{
	uint64_t messages = bench_experiment_messages(context);
	bench_rounds *rounds = calloc(1, sizeof(*rounds));
	if (!rounds)
		err(EX_OSERR, "cannot allocate the rounds");
	*rounds = (bench_rounds){.experiment = "curves",
				 .ways = ways,
				 .count = bench_experiment_rounds(context)};
	for (uint32_t partitions = 1; partitions <= MOST_PARTITIONS; partitions *= 2)
		measure(context, rounds, partitions, 100, messages);
	for (uint32_t size = 16; size <= 1 << 20; size *= 4)
		measure(context, rounds, 8, size, messages);
	for (uint64_t backlog = 1000; backlog <= 10 * messages; backlog *= 10)
		measure(context, rounds, 8, 100, backlog);
	free(rounds);
}

const bench_experiment bench_experiment_curves = {
	.name = "curves",
	.help = "cost of a message as partitions, sizes, backlogs grow",
	.only_if_named = true,
	.run = run,
};
