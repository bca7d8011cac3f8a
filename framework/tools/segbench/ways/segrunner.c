/*
 * segrunner.c - consumes with a segrunner process, from its start until the group has committed all messages.
 */
#include <stdio.h>

#include "measure/process.h"
#include "ways/group.h"
#include "ways/host.h"
#include "ways/way.h"

static void run(bench_workload *workload, bench_measure *measure)
{
	static int rounds;
	char group[32];
	snprintf(group, sizeof(group), "round-%d", rounds++);
	bench_host_options options = {.group = group, .runner = "", .consumer = ""};
	pid_t pid = bench_host_start(workload, &options);
	bench_host_wait_arrived(workload, workload->round);
	bench_group_wait_committed(workload, group);
	measure->client_cpu = bench_process_cpu(pid) - workload->tally->first_cpu;
	measure->client_peak = bench_host_stop(pid);
}

const bench_way bench_way_segrunner = {
	.name = "segrunner",
	.help = "a segrunner process, no-op plugin, commits included",
	.run = run,
};
