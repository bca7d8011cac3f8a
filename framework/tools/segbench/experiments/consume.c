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

/* The cases that have a goal besides 8 partitions with a long backlog. */
static const struct {
	uint32_t partitions;
	uint64_t backlog; /* messages; 0: the usual number */
	const char *goal;
} limits[] = {
	{1, 0, "consume/bare-1"},
	{64, 0, "consume/bare-64"},
	{256, 0, "consume/bare-256"},
	{8, 1000, "consume/bare-backlog-1000"},
	{8, 10000, "consume/bare-backlog-10000"},
};

enum { LIMITS = sizeof(limits) / sizeof(limits[0]), LIMIT_SIZE = 100 };

/* A round of a short backlog takes milliseconds, so there are more rounds. */
enum { SHORT_ROUNDS_FACTOR = 4 };

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

static void fill(bench_context *context)
{
	bench_progress("consume, %u partitions, %u bytes: filling Redis", context->workload.partitions,
		       context->workload.size);
	bench_workload_fill(&context->workload);
}

static void measure(bench_context *context, bench_rounds *rounds)
{
	fill(context);
	bench_rounds_run(rounds, context);
	if (bench_experiment_is_goal_case(context))
		report_goals(rounds, &context->report);
}

/* Only segrunner and the bare loop. */
static void measure_limits(bench_context *context, bench_rounds *rounds)
{
	static const bench_way *const limit_ways[] = {&bench_way_bare, &bench_way_segrunner, NULL};
	size_t count = bench_experiment_rounds(context);
	rounds->ways = limit_ways;
	for (int i = 0; i < LIMITS; i++) {
		uint64_t backlog = limits[i].backlog;
		bench_workload_set(&context->workload, limits[i].partitions, LIMIT_SIZE,
				   backlog ? backlog : bench_experiment_messages(context));
		rounds->count = backlog ? SHORT_ROUNDS_FACTOR * count : count;
		if (rounds->count > SERIES_MAX)
			rounds->count = SERIES_MAX;
		fill(context);
		bench_rounds_run(rounds, context);
		bench_rounds_ratio(rounds, &context->report, limits[i].goal, bench_figure_rate,
				   &bench_way_segrunner, &bench_way_bare, 1);
	}
}

static void run(bench_context *context)
{
	const bench_options *options = &context->options;
	bench_rounds *rounds = calloc(1, sizeof(*rounds));
	if (!rounds)
		err(EX_OSERR, "cannot allocate the rounds");
	*rounds = (bench_rounds){.experiment = "consume", .ways = ways};
	bench_rounds_each_case(context, rounds, measure);
	if (!options->quick && !options->partitions && !options->size)
		measure_limits(context, rounds);
	free(rounds);
}

const bench_experiment bench_experiment_consume = {
	.name = "consume",
	.help = "rates, CPU, memory: XREAD, segrunner, consumer, XREADGROUP",
	.run = run,
};
