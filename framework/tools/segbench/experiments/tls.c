/*
 * tls.c - what TLS costs: the same ways with TLS and without, through TCP, the certificate verified. The bare loop
 * shows how much of it is Redis's own: Redis encrypts each reply on its one thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "experiments/comparison.h"
#include "measure/topology.h"
#include "stream/compression.h"

enum { PLAIN, TLS };

static const bench_way *const ways[] = {&bench_way_producer, &bench_way_bare, &bench_way_segrunner,
					&bench_way_consumer, NULL};
/* The bare loop counts entries; it knows nothing of the records in them. */
static const bench_way *const packed_ways[] = {&bench_way_producer, &bench_way_segrunner, &bench_way_consumer,
					       NULL};

static bench_comparison *compare(bench_context *context, const char *name, const bench_way *const *compared,
				 bench_server *plain, bench_server *tls)
{
	bench_comparison *c = bench_comparison_create(name, compared);
	bench_comparison_add(c, "plain", plain);
	bench_comparison_add(c, "TLS", tls);
	bench_comparison_run(c, context);
	return c;
}

static void measure_entries(bench_context *context, bench_server *plain, bench_server *tls)
{
	const bench_way *ours = &bench_way_segrunner, *bare = &bench_way_bare;
	bench_comparison *c = compare(context, "tls", ways, plain, tls);
	bench_series kept = bench_comparison_ratio(c, bench_figure_rate, TLS, ours, PLAIN, ours);
	bench_series limit = bench_comparison_ratio(c, bench_figure_rate, TLS, ours, TLS, bare);
	bench_report_ratio(&context->report, "consume-tls", &kept);
	bench_report_ratio(&context->report, "consume-tls/bare-tls", &limit);
	free(c);
}

/* TLS costs by the byte: packing, and more so compression, leaves fewer of them. */
static void measure_packed(bench_context *context, seg_packing packing, bench_server *plain,
			   bench_server *tls)
{
	bench_workload *workload = &context->workload;
	char name[64];
	if (!seg_packing_supported(packing))
		return;
	snprintf(name, sizeof(name), "tls, JSON, packing = %s", bench_workload_packing(packing));
	workload->packing = packing;
	workload->payload = PAYLOAD_JSON;
	free(compare(context, name, packed_ways, plain, tls));
	workload->packing = SEG_PACKING_OFF;
	workload->payload = PAYLOAD_CONSTANT;
}

static void run(bench_context *context)
{
	bench_server plain, tls;
	bench_server_start_beside(&plain, &context->server, SERVER_PLAIN);
	bench_server_start_beside(&tls, &context->server, SERVER_TLS);
	measure_entries(context, &plain, &tls);
	measure_packed(context, SEG_PACKING_ON, &plain, &tls);
	measure_packed(context, SEG_PACKING_LZ4, &plain, &tls);
	bench_topology_stop(&plain);
	bench_topology_stop(&tls);
}

const bench_experiment bench_experiment_tls = {
	.name = "tls",
	.help = "rates and CPU with TLS, relative to plain TCP; packed, too",
	.only_if_named = true,
	.run = run,
};
