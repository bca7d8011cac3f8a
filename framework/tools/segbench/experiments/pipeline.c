/*
 * pipeline.c - what it costs that a handler emits a record, or changes a value, for each message: relative to a producer and a segrunner
 * that does nothing. Who consumes and produces on one Redis gets at best 1 / (1 / consume + 1 / produce).
 */
#include <err.h>
#include <stdlib.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "experiments/rounds.h"

enum { PARTITIONS = 8, SIZE = 100 };

/* The first one fills Redis; the others consume that. */
enum { PRODUCE, CONSUME, PIPELINE };

static const bench_way *const pipeline_ways[] = {&bench_way_producer, &bench_way_segrunner,
						 &bench_way_pipeline, NULL};
static const bench_way *const state_ways[] = {&bench_way_producer, &bench_way_segrunner, &bench_way_state,
					      NULL};

static bench_rounds *measure(bench_context *context, const char *experiment, const bench_way *const *ways)
{
	const bench_options *options = &context->options;
	bench_rounds *rounds = calloc(1, sizeof(*rounds));
	if (!rounds)
		err(EX_OSERR, "cannot allocate the rounds");
	*rounds = (bench_rounds){.experiment = experiment,
				 .ways = ways,
				 .count = bench_experiment_rounds(context)};
	bench_workload_set(&context->workload,
			   options->partitions ? (uint32_t)options->partitions : PARTITIONS,
			   options->size ? (uint32_t)options->size : SIZE,
			   bench_experiment_messages(context));
	bench_rounds_run(rounds, context);
	return rounds;
}

static void run_pipeline(bench_context *context)
{
	bench_series series = {0};
	bench_rounds *rounds = measure(context, "pipeline", pipeline_ways);
	for (size_t i = 0; i < rounds->count; i++) {
		double produce = bench_figure_rate(&rounds->measures[PRODUCE][i]);
		double consume = bench_figure_rate(&rounds->measures[CONSUME][i]);
		bench_series_add(&series, bench_figure_rate(&rounds->measures[PIPELINE][i]) *
						  (1 / consume + 1 / produce));
	}
	bench_report_ratio(&context->report, "pipeline", &series);
	free(rounds);
}

static void run_state(bench_context *context)
{
	bench_rounds *rounds = measure(context, "state", state_ways);
	bench_rounds_ratio(rounds, &context->report, "state", bench_figure_rate, &bench_way_state,
			   &bench_way_segrunner, 1);
	free(rounds);
}

const bench_experiment bench_experiment_pipeline = {
	.name = "pipeline",
	.help = "a record emitted for each message, to consume and produce",
	.run = run_pipeline,
};

const bench_experiment bench_experiment_state = {
	.name = "state",
	.help = "a value changed for each message, to consume",
	.run = run_state,
};
