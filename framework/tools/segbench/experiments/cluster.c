/*
 * cluster.c - a cluster of 1, 2 and 3 masters beside one server, all through TCP. On a machine with fewer cores than
 * masters and clients need, more masters cannot give a higher rate. There, the CPU per message tells what a cluster
 * costs; the rates tell what it is worth where each master has a core.
 */
#include <stdlib.h>

#include "experiments/comparison.h"
#include "measure/topology.h"

static const bench_way *const ways[] = {&bench_way_producer, &bench_way_segrunner, NULL};

static void run(bench_context *context)
{
	static const char *const names[TOPOLOGY_MAX] = {"1 master", "2 masters", "3 masters"};
	bench_server plain, clusters[TOPOLOGY_MAX][TOPOLOGY_MAX];
	bench_comparison *c = bench_comparison_create("cluster", ways);
	bench_server_start_beside(&plain, &context->server, SERVER_PLAIN);
	bench_comparison_add(c, "one server", &plain);
	for (uint32_t i = 0; i < TOPOLOGY_MAX; i++) {
		bench_topology_start_cluster(clusters[i], i + 1, &context->server);
		bench_comparison_add(c, names[i], clusters[i]);
	}
	bench_comparison_run(c, context);
	bench_topology_stop(&plain);
	for (uint32_t i = 0; i < TOPOLOGY_MAX; i++)
		bench_topology_stop(clusters[i]);
	free(c);
}

const bench_experiment bench_experiment_cluster = {
	.name = "cluster",
	.help = "clusters of 1, 2, 3 masters, relative to one server",
	.only_if_named = true,
	.run = run,
};
