#include "experiments/rounds.h"

#include <stdio.h>

#include "measure/progress.h"
#include "measure/usage.h"

double bench_figure_rate(const bench_measure *measure)
{
	return (double)measure->messages * 1e9 / (double)measure->wall;
}

double bench_figure_client(const bench_measure *measure)
{
	return (double)measure->client_cpu / (double)measure->messages;
}

double bench_figure_server(const bench_measure *measure)
{
	return (double)measure->server_cpu / (double)measure->messages;
}

bench_measure bench_rounds_measure(const bench_way *way, bench_workload *workload)
{
	bench_measure best = {.others = 2};
	for (int i = 0; i < USAGE_TRIES && best.others > USAGE_DISTURBED; i++) {
		bench_measure measure;
		bench_way_measure(way, workload, &measure);
		if (measure.others < best.others)
			best = measure;
	}
	return best;
}

void bench_rounds_run(bench_rounds *rounds, bench_context *context)
{
	bench_workload *workload = &context->workload;
	size_t ways = 0;
	while (rounds->ways[ways])
		ways++;
	bench_report_case(rounds->experiment, workload, rounds->count);
	for (size_t i = 0; i < rounds->count; i++)
		for (size_t w = 0; w < ways; w++) {
			bench_progress("%s, %u partitions, %u bytes: round %zu of %zu, %s",
				       rounds->experiment, workload->partitions, workload->size, i + 1,
				       rounds->count, rounds->ways[w]->name);
			rounds->measures[w][i] = bench_rounds_measure(rounds->ways[w], workload);
		}
	for (size_t w = 0; w < ways; w++)
		bench_report_way(&context->report, rounds->experiment, workload, rounds->ways[w],
				 rounds->measures[w], rounds->count);
}

static const bench_measure *measures_of(const bench_rounds *rounds, const bench_way *way)
{
	size_t w = 0;
	while (rounds->ways[w] != way)
		w++;
	return rounds->measures[w];
}

void bench_rounds_ratio(const bench_rounds *rounds, bench_report *report, const char *goal,
			bench_figure_fn figure, const bench_way *of, const bench_way *to, double scale)
{
	bench_series series = {0};
	const bench_measure *a = measures_of(rounds, of), *b = measures_of(rounds, to);
	for (size_t i = 0; i < rounds->count; i++)
		bench_series_add(&series, figure(&a[i]) / figure(&b[i]) * scale);
	bench_report_ratio(report, goal, &series);
}

void bench_rounds_each_case(bench_context *context, bench_rounds *rounds,
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
