#include "experiments/comparison.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "measure/progress.h"

enum { PARTITIONS = 8, SIZE = 100, NAME_MAX_LENGTH = 64 };

bench_comparison *bench_comparison_create(const char *experiment, const bench_way *const *ways)
{
	bench_comparison *c = calloc(1, sizeof(*c));
	if (!c)
		err(EX_OSERR, "cannot allocate a comparison");
	c->experiment = experiment;
	c->ways = ways;
	return c;
}

void bench_comparison_add(bench_comparison *c, const char *name, bench_server *server)
{
	c->names[c->servers] = name;
	c->targets[c->servers++] = server;
}

static void measure_round(bench_comparison *c, bench_workload *workload, size_t round)
{
	for (size_t w = 0; c->ways[w]; w++)
		for (size_t s = 0; s < c->servers; s++) {
			bench_progress("%s: round %zu of %zu, %s, %s", c->experiment, round + 1, c->rounds,
				       c->ways[w]->name, c->names[s]);
			workload->server = c->targets[s];
			c->measures[s][w][round] = bench_rounds_measure(c->ways[w], workload);
		}
}

static size_t index_of(const bench_comparison *c, const bench_way *way)
{
	size_t w = 0;
	while (c->ways[w] != way)
		w++;
	return w;
}

bench_series bench_comparison_ratio(const bench_comparison *c, bench_figure_fn figure, size_t server,
				    const bench_way *way, size_t to_server, const bench_way *to_way)
{
	bench_series series = {0};
	const bench_measure *a = c->measures[server][index_of(c, way)];
	const bench_measure *b = c->measures[to_server][index_of(c, to_way)];
	for (size_t i = 0; i < c->rounds; i++)
		bench_series_add(&series, figure(&a[i]) / figure(&b[i]));
	return series;
}

static void report_table(const bench_comparison *c, bench_context *context)
{
	bench_report_case(c->experiment, &context->workload, c->rounds);
	for (size_t w = 0; c->ways[w]; w++)
		for (size_t s = 0; s < c->servers; s++) {
			char name[NAME_MAX_LENGTH];
			bench_way way = *c->ways[w];
			snprintf(name, sizeof(name), "%s, %s", way.name, c->names[s]);
			way.name = name;
			bench_report_way(&context->report, c->experiment, &context->workload, &way,
					 c->measures[s][w], c->rounds);
		}
}

static void report_ratios(const bench_comparison *c, bench_context *context)
{
	static const struct {
		const char *name;
		bench_figure_fn figure;
	} figures[] = {
		{"messages/s", bench_figure_rate},
		{"client CPU", bench_figure_client},
		{"Redis CPU", bench_figure_server},
	};
	char text[NAME_MAX_LENGTH * 2];
	snprintf(text, sizeof(text), "%s: relative to %s in the same round", c->experiment, c->names[0]);
	bench_report_heading(text);
	for (size_t w = 0; c->ways[w]; w++)
		for (size_t s = 1; s < c->servers; s++)
			for (size_t f = 0; f < sizeof(figures) / sizeof(figures[0]); f++) {
				bench_series ratio = bench_comparison_ratio(c, figures[f].figure, s,
									    c->ways[w], 0, c->ways[w]);
				snprintf(text, sizeof(text), "%s, %s: %s", c->ways[w]->name, c->names[s],
					 figures[f].name);
				bench_report_figure(&context->report, c->experiment, text, "", &ratio);
			}
}

void bench_comparison_run(bench_comparison *c, bench_context *context)
{
	const bench_options *options = &context->options;
	bench_workload *workload = &context->workload;
	bench_server *server = workload->server;
	c->rounds = bench_experiment_rounds(context);
	bench_workload_set(workload, options->partitions ? (uint32_t)options->partitions : PARTITIONS,
			   options->size ? (uint32_t)options->size : SIZE,
			   bench_experiment_messages(context));
	for (size_t i = 0; i < c->rounds; i++)
		measure_round(c, workload, i);
	workload->server = server;
	report_table(c, context);
	report_ratios(c, context);
}
