/*
 * pipeline.c - consumes with a segrunner whose handler writes each message to another stream, or changes a value for each message: from
 * its first message until the group has committed all of them, and so all that the handler has brought forth is in Redis.
 */
#include <inttypes.h>
#include <stdio.h>

#include "measure/process.h"
#include "ways/group.h"
#include "ways/host.h"
#include "ways/way.h"

static void consume(bench_workload *workload, bench_measure *measure, const char *kind, const char *consumer)
{
	static int rounds;
	char group[32];
	snprintf(group, sizeof(group), "%s-%d", kind, rounds++);
	bench_host_options options = {.group = group,
				      .runner = "",
				      .consumer = consumer,
				      .plugin = "segbench_work.so"};
	pid_t pid = bench_host_start(workload, &options);
	bench_host_wait_arrived(workload, workload->round);
	bench_group_wait_committed(workload, group);
	workload->tally->partitions[0].last_at = tally_now();
	measure->client_cpu = bench_process_cpu(pid) - workload->tally->first_cpu;
	measure->client_peak = bench_host_stop(pid);
}

/* Each round begins with an output without messages. */
static void run_pipeline(bench_workload *workload, bench_measure *measure)
{
	char consumer[256];
	for (uint32_t p = 0; p < workload->partitions; p++)
		bench_server_do(workload->server,
				"DEL __" WORKLOAD_NAMESPACE ":" WORKLOAD_OUTPUT ":partition_%" PRIu32, p);
	snprintf(consumer, sizeof(consumer),
		 "outputs = " WORKLOAD_OUTPUT "\noutput." WORKLOAD_OUTPUT ".partitions = %" PRIu32
		 "\noutput." WORKLOAD_OUTPUT ".partition_size = 1_000_000_000",
		 workload->partitions);
	consume(workload, measure, "pipeline", consumer);
}

static void run_state(bench_workload *workload, bench_measure *measure)
{
	consume(workload, measure, "state", "option.state = yes");
}

const bench_way bench_way_pipeline = {
	.name = "pipeline",
	.help = "a segrunner process that writes each message to another stream, commits included",
	.run = run_pipeline,
};

const bench_way bench_way_state = {
	.name = "state",
	.help = "a segrunner process that changes a value for each message, commits included",
	.run = run_state,
};
