#include "measure/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "measure/process.h"
#include "measure/tally.h"

/* All states but idle and iowait. User time includes guests; stolen time counts as time of others. */
static int64_t machine_cpu(void)
{
	uint64_t t[8] = {0};
	FILE *file = fopen("/proc/stat", "r");
	int n = file ? fscanf(file,
			      "cpu %" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64
			      "%" SCNu64,
			      &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7])
		     : 0;
	if (file)
		fclose(file);
	uint64_t ticks = t[0] + t[1] + t[2] + t[5] + t[6] + t[7];
	return n == 8 ? (int64_t)(ticks * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK))) : 0;
}

static int64_t rusage_cpu(int who)
{
	struct rusage usage;
	getrusage(who, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static int64_t servers_cpu(const bench_server *server)
{
	int64_t cpu = 0;
	for (; server; server = server->next)
		cpu += bench_process_cpu(server->pid);
	return cpu;
}

bench_usage bench_usage_now(bench_server *server)
{
	return (bench_usage){
		.at = tally_now(),
		.machine = machine_cpu(),
		.ours = rusage_cpu(RUSAGE_SELF) + rusage_cpu(RUSAGE_CHILDREN) + servers_cpu(server) +
			(server->link_pid ? bench_process_cpu(server->link_pid) : 0),
	};
}

double bench_usage_of_others(const bench_usage *since, bench_server *server)
{
	bench_usage now = bench_usage_now(server);
	int64_t others = (now.machine - since->machine) - (now.ours - since->ours);
	double capacity = (double)(now.at - since->at) * (double)sysconf(_SC_NPROCESSORS_ONLN);
	return others > 0 && capacity > 0 ? (double)others / capacity : 0;
}
