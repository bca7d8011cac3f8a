/*
 * ack_replicas.c - what it costs that a replica has each message: ack_replicas 1 relative to 0, on a master with one
 * replica. The latency is that of a single send that waits for its answer.
 */
#include <err.h>
#include <stdlib.h>
#include <sysexits.h>

#include "experiments/comparison.h"
#include "measure/process.h"
#include "measure/progress.h"
#include "measure/topology.h"
#include "ways/client.h"

enum { SENDS = 2000, QUICK_SENDS = 200 };

static const bench_way *const ways[] = {&bench_way_producer, &bench_way_segrunner, NULL};

typedef struct {
	bench_workload *workload;
	int sends;
} single_sends;

static int send_singly(void *arg)
{
	const single_sends *s = arg;
	bench_client client;
	seg_error error;
	char *data = bench_workload_data(s->workload);
	seg_record record = {.key = "key", .key_length = 3, .data = data, .data_length = s->workload->size};
	bench_client_open(&client, s->workload);
	for (int i = 0; i < s->sends; i++) {
		int64_t since = tally_now();
		bench_client_check(seg_stream_send(client.stream, &record, NULL, &error), &error);
		bench_histogram_add(&s->workload->tally->latency[0], (uint64_t)(tally_now() - since));
	}
	bench_client_close(&client);
	free(data);
	return 0;
}

typedef struct {
	bench_series p50, p99;
} latency;

static void measure_latency(bench_context *context, bench_server *server, latency *l)
{
	single_sends s = {&context->workload, context->options.quick ? QUICK_SENDS : SENDS};
	bench_server *before = context->workload.server;
	context->workload.server = server;
	bench_workload_clear(&context->workload);
	bench_workload_reset(&context->workload);
	bench_process_wait(bench_process_fork(send_singly, &s), "the sender");
	const bench_histogram *histogram = &context->workload.tally->latency[0];
	bench_series_add(&l->p50, bench_histogram_quantile(histogram, 0.5) / 1000);
	bench_series_add(&l->p99, bench_histogram_quantile(histogram, 0.99) / 1000);
	context->workload.server = before;
}

static bench_series ratio_of(const bench_series *of, const bench_series *to)
{
	bench_series ratio = {0};
	for (size_t i = 0; i < of->count; i++)
		bench_series_add(&ratio, of->values[i] / to->values[i]);
	return ratio;
}

static void report(bench_report *report, const char *name, const latency *l)
{
	char text[64];
	snprintf(text, sizeof(text), "a single send, %s: p50", name);
	bench_report_figure(report, "ack-replicas", text, "us", &l->p50);
	snprintf(text, sizeof(text), "a single send, %s: p99", name);
	bench_report_figure(report, "ack-replicas", text, "us", &l->p99);
}

static void compare_latencies(bench_context *context, const bench_comparison *c)
{
	latency latencies[2] = {0};
	for (size_t i = 0; i < c->rounds; i++)
		for (size_t s = 0; s < 2; s++) {
			bench_progress("ack-replicas: round %zu of %zu, single sends, %s", i + 1, c->rounds,
				       c->names[s]);
			measure_latency(context, c->targets[s], &latencies[s]);
		}
	bench_report_heading("ack-replicas: the time that a single send takes");
	for (size_t s = 0; s < 2; s++)
		report(&context->report, c->names[s], &latencies[s]);
	bench_series p50 = ratio_of(&latencies[1].p50, &latencies[0].p50);
	bench_series p99 = ratio_of(&latencies[1].p99, &latencies[0].p99);
	bench_report_figure(&context->report, "ack-replicas", "ack_replicas = 1 / 0: p50", "", &p50);
	bench_report_figure(&context->report, "ack-replicas", "ack_replicas = 1 / 0: p99", "", &p99);
}

static void run(bench_context *context)
{
	bench_server servers[2];
	bench_topology_start_replica(servers, &context->server);
	/* The same servers, for clients with the other setting. */
	bench_server acknowledged = servers[0];
	acknowledged.ack_replicas = 1;
	bench_comparison *c = bench_comparison_create("ack-replicas", ways);
	bench_comparison_add(c, "0", &servers[0]);
	bench_comparison_add(c, "1", &acknowledged);
	bench_comparison_run(c, context);
	compare_latencies(context, c);
	bench_topology_stop(servers);
	free(c);
}

const bench_experiment bench_experiment_ack_replicas = {
	.name = "ack-replicas",
	.help = "rates and latency with ack_replicas = 1, relative to 0",
	.only_if_named = true,
	.run = run,
};
