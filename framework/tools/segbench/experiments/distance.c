/*
 * distance.c - messages/s at a round-trip time, relative to 0 ms through the same relay. The rounds alternate
 * between the two.
 */
#include <stdio.h>

#include "experiments/experiment.h"
#include "experiments/rounds.h"
#include "measure/link.h"
#include "measure/progress.h"

enum { RTT_MS = 50, GOAL_NEAR_MS = 5 };

typedef struct {
	const bench_way *way;
	const char *goal; /* the start of the goal's name */
	bench_series near, far, ratio;
} case_of;

static double rate_at(bench_context *context, const bench_way *way, uint32_t rtt)
{
	bench_link_set_rtt(&context->server, rtt);
	bench_measure measure = bench_rounds_measure(way, &context->workload);
	return bench_figure_rate(&measure);
}

static void measure(bench_context *context, case_of *c, uint32_t rtt)
{
	size_t rounds = bench_experiment_rounds(context);
	for (size_t i = 0; i < rounds; i++) {
		bench_progress("distance, %s: round %zu of %zu", c->way->name, i + 1, rounds);
		double near = rate_at(context, c->way, 0), far = rate_at(context, c->way, rtt);
		bench_series_add(&c->near, near);
		bench_series_add(&c->far, far);
		bench_series_add(&c->ratio, far / near);
	}
}

static void report(bench_context *context, const case_of *c, uint32_t rtt)
{
	char name[64];
	snprintf(name, sizeof(name), "%s, 0 ms", c->way->name);
	bench_report_figure(&context->report, "distance", name, "messages/s", &c->near);
	snprintf(name, sizeof(name), "%s, %u ms", c->way->name, rtt);
	bench_report_figure(&context->report, "distance", name, "messages/s", &c->far);
	snprintf(name, sizeof(name), "%s, %u ms / 0 ms", c->way->name, rtt);
	bench_report_figure(&context->report, "distance", name, "", &c->ratio);
	snprintf(name, sizeof(name), "%s-at-%s", c->goal, rtt <= GOAL_NEAR_MS ? "5ms" : "50ms");
	bench_report_ratio(&context->report, name, &c->ratio);
}

static void run(bench_context *context)
{
	case_of cases[] = {
		{.way = &bench_way_producer, .goal = "produce"},
		{.way = &bench_way_segrunner, .goal = "consume"},
		{.way = &bench_way_consumer, .goal = "poll"},
	};
	const bench_options *options = &context->options;
	uint32_t rtt = options->rtt ? (uint32_t)options->rtt : RTT_MS;
	bench_workload_set(&context->workload, options->partitions ? (uint32_t)options->partitions : 8,
			   options->size ? (uint32_t)options->size : 100, bench_experiment_messages(context));
	if (!context->server.link_pid)
		bench_link_start(&context->server);
	bench_report_heading("distance: messages/s through a relay with a round-trip time");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		measure(context, &cases[i], rtt);
		if (cases[i].way->sends)
			bench_workload_fill(&context->workload);
		report(context, &cases[i], rtt);
	}
	bench_link_set_rtt(&context->server, 0);
}

const bench_experiment bench_experiment_distance = {
	.name = "distance",
	.help = "rates at the round-trip time of --rtt, relative to 0 ms",
	.only_if_named = true,
	.run = run,
};
