/*
 * tls.c - what TLS costs: the same ways with TLS and without, through TCP, the certificate verified. The bare loop
 * shows how much of it is Redis's own: Redis encrypts each reply on its one thread.
 */
#include <stdlib.h>

#include "experiments/comparison.h"
#include "measure/topology.h"

enum { PLAIN, TLS };

static const bench_way *const ways[] = {&bench_way_producer, &bench_way_bare, &bench_way_segrunner,
					&bench_way_consumer, NULL};

static void report_goals(const bench_comparison *c, bench_report *report)
{
	const bench_way *ours = &bench_way_segrunner, *bare = &bench_way_bare;
	bench_series plain = bench_comparison_ratio(c, bench_figure_rate, TLS, ours, PLAIN, ours);
	bench_series limit = bench_comparison_ratio(c, bench_figure_rate, TLS, ours, TLS, bare);
	bench_report_ratio(report, "consume-tls", &plain);
	bench_report_ratio(report, "consume-tls/bare-tls", &limit);
}

static void run(bench_context *context)
{
	bench_server plain, tls;
	bench_comparison *c = bench_comparison_create("tls", ways);
	bench_server_start_beside(&plain, &context->server, SERVER_PLAIN);
	bench_server_start_beside(&tls, &context->server, SERVER_TLS);
	bench_comparison_add(c, "plain", &plain);
	bench_comparison_add(c, "TLS", &tls);
	bench_comparison_run(c, context);
	report_goals(c, &context->report);
	bench_topology_stop(&plain);
	bench_topology_stop(&tls);
	free(c);
}

const bench_experiment bench_experiment_tls = {
	.name = "tls",
	.help = "rates and CPU with TLS, relative to plain TCP",
	.only_if_named = true,
	.run = run,
};
