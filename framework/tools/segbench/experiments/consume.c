/*
 * consume.c - each way of consuming messages that are in Redis already, for each size and number of
 * partitions.
 */
#include <err.h>
#include <stdlib.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "experiments/rounds.h"
#include "measure/progress.h"

static const bench_way *const ways[] = {
	&bench_way_bare,       &bench_way_segrunner,      &bench_way_consumer,
	&bench_way_xreadgroup, &bench_way_xreadgroup_one, NULL,
};

static void report_goals(const bench_rounds *rounds, bench_report *report)
{
	const bench_way *ours = &bench_way_segrunner, *bare = &bench_way_bare;
	bench_rounds_ratio(rounds, report, "consume/bare", bench_figure_rate, ours, bare, 1);
	bench_rounds_ratio(rounds, report, "consume/xreadgroup", bench_figure_rate, ours,
			   &bench_way_xreadgroup, 1);
	bench_rounds_ratio(rounds, report, "server-cpu/bare", bench_figure_server, ours, bare, 1);
	/* Scaled so that the bare loop needs 190 ns: the figure does not depend on the machine's speed. */
	bench_rounds_ratio(rounds, report, "client-cpu", bench_figure_client, ours, bare, 190);
}

static void measure(bench_context *context, bench_rounds *rounds)
{
	bench_progress("consume, %u partitions, %u bytes: filling Redis", context->workload.partitions,
		       context->workload.size);
	bench_workload_fill(&context->workload);
	bench_rounds_run(rounds, context);
	if (bench_experiment_is_goal_case(context))
		report_goals(rounds, &context->report);
}

static void run(bench_context *context)
{
	bench_rounds *rounds = calloc(1, sizeof(*rounds));
	if (!rounds)
		err(EX_OSERR, "cannot allocate the rounds");
	*rounds = (bench_rounds){.experiment = "consume", .ways = ways};
	bench_rounds_each_case(context, rounds, measure);
	free(rounds);
}

const bench_experiment bench_experiment_consume = {
	.name = "consume",
	.help = "rates, CPU, memory: XREAD, segrunner, consumer, XREADGROUP",
	.run = run,
};
