/*
 * produce.c - each way of sending, for each size and number of partitions.
 */
#include <err.h>
#include <stdlib.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "experiments/rounds.h"

static const bench_way *const ways[] = {&bench_way_xadd, &bench_way_producer, &bench_way_xadd_hiredis, NULL};

static void measure(bench_context *context, bench_rounds *rounds)
{
	bench_rounds_run(rounds, context);
	if (bench_experiment_is_goal_case(context))
		bench_rounds_ratio(rounds, &context->report, "produce/xadd", bench_figure_rate,
				   &bench_way_producer, &bench_way_xadd, 1);
}

static void run(bench_context *context)
{
	bench_rounds *rounds = calloc(1, sizeof(*rounds));
	if (!rounds)
		err(EX_OSERR, "cannot allocate the rounds");
	*rounds = (bench_rounds){.experiment = "produce", .ways = ways};
	bench_rounds_each_case(context, rounds, measure);
	free(rounds);
}

const bench_experiment bench_experiment_produce = {
	.name = "produce",
	.help = "rates, CPU, memory: XADD pipelined, the producer",
	.run = run,
};
