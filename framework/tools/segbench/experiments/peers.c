/*
 * peers.c - other ways to move the same messages: stock XREADGROUP, and other brokers that are installed. All hold
 * the messages only in memory, and all clients connect through TCP, so that like is compared with like.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "experiments/rounds.h"
#include "measure/nats.h"
#include "measure/progress.h"
#include "measure/topology.h"
#include "ways/nats_library.h"

enum { PARTITIONS = 8, SIZE = 100, NAME_MAX_LENGTH = 64 };

/* The ways that libsegmenter is compared with; those of NATS are last, and left out without it. */
static const bench_way *const sending[] = {&bench_way_producer, &bench_way_xadd, &bench_way_xadd_hiredis,
					   &bench_way_nats_publish, NULL};
static const bench_way *const consuming[] = {&bench_way_segrunner,       &bench_way_consumer,
					     &bench_way_xreadgroup,      &bench_way_nats_fetch,
					     &bench_way_nats_fetch_each, NULL};

/* Whether NATS can be measured; if not, one line for each missing package. */
static bool has_nats(void)
{
	bench_nats_library library;
	bool server = bench_nats_is_installed(), client = bench_nats_library_load(&library);
	if (!server)
		printf("  NATS is not measured: nats-server is not installed (Debian: apt-get install nats-server).\n");
	if (!client)
		printf("  NATS is not measured: libnats is not installed (Debian: apt-get install libnats-dev).\n");
	return server && client;
}

static void report_ratios(const bench_rounds *rounds, bench_report *report)
{
	const bench_way *ours = rounds->ways[0];
	bench_report_heading("messages/s, relative in the same round");
	for (size_t w = 1; rounds->ways[w]; w++) {
		char name[NAME_MAX_LENGTH];
		bench_series ratio = {0};
		for (size_t i = 0; i < rounds->count; i++)
			bench_series_add(&ratio, bench_figure_rate(&rounds->measures[0][i]) /
							 bench_figure_rate(&rounds->measures[w][i]));
		snprintf(name, sizeof(name), "%s / %s", ours->name, rounds->ways[w]->name);
		bench_report_figure(report, rounds->experiment, name, "", &ratio);
	}
}

/* Measures the ways; without a peer, only those of Redis. */
static void measure(bench_context *context, const char *experiment, const bench_way *const *ways)
{
	const bench_way *chosen[ROUNDS_WAYS + 1] = {0};
	bench_rounds *rounds = calloc(1, sizeof(*rounds));
	if (!rounds)
		err(EX_OSERR, "cannot allocate the rounds");
	for (size_t n = 0; *ways; ways++)
		if (context->workload.peer || !(*ways)->peer)
			chosen[n++] = *ways;
	*rounds = (bench_rounds){.experiment = experiment,
				 .ways = chosen,
				 .count = bench_experiment_rounds(context)};
	bench_rounds_run(rounds, context);
	report_ratios(rounds, &context->report);
	free(rounds);
}

static void run(bench_context *context)
{
	const bench_options *options = &context->options;
	bench_workload *workload = &context->workload;
	bench_server redis, nats;
	bench_server *before = workload->server;
	bench_report_heading(
		"peers: all in memory (Redis without AOF, JetStream with memory storage), all through TCP");
	printf("  RabbitMQ streams are not measured: Debian has no C client for them.\n");
	bench_server_start_beside(&redis, &context->server, SERVER_PLAIN);
	workload->server = &redis;
	if (has_nats()) {
		bench_nats_start(&nats, &context->server);
		workload->peer = &nats;
	}
	bench_workload_set(workload, options->partitions ? (uint32_t)options->partitions : PARTITIONS,
			   options->size ? (uint32_t)options->size : SIZE,
			   bench_experiment_messages(context));
	measure(context, "peers, sending", sending);
	bench_workload_fill(workload);
	measure(context, "peers, consuming", consuming);
	if (workload->peer)
		bench_nats_stop(&nats);
	bench_topology_stop(&redis);
	workload->server = before;
	workload->peer = NULL;
}

const bench_experiment bench_experiment_peers = {
	.name = "peers",
	.help = "other brokers on the same messages: JetStream, XREADGROUP",
	.only_if_named = true,
	.run = run,
};
