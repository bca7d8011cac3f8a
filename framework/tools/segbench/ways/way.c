#include "ways/way.h"

#include <err.h>
#include <inttypes.h>
#include <sysexits.h>

#include "measure/process.h"
#include "measure/usage.h"

static void check_arrived(const bench_way *way, const bench_workload *workload)
{
	for (uint32_t p = 0; p < workload->partitions; p++) {
		uint64_t count = workload->tally->partitions[p].count;
		if (count != workload->round / workload->partitions)
			errx(EX_SOFTWARE,
			     "%s: %" PRIu64 " messages of partition %" PRIu32 " arrived; expected %" PRIu64,
			     way->name, count, p, workload->round / workload->partitions);
	}
}

void bench_way_measure(const bench_way *way, bench_workload *workload, bench_measure *measure)
{
	bench_server *server = way->peer ? workload->peer : workload->server;
	uint32_t part = way->part ? way->part : 1;
	*measure = (bench_measure){0};
	workload->round = workload->messages / workload->partitions / part * workload->partitions;
	bench_workload_reset(workload);
	if (way->sends && !way->peer)
		bench_workload_clear(workload);
	for (const bench_server *s = server; s; s = s->next)
		bench_process_reset_peak(s->pid);
	bench_usage since = bench_usage_now(server);
	int64_t before = bench_server_cpu(server);
	way->run(workload, measure);
	measure->server_cpu = bench_server_cpu(server) - before;
	measure->others = bench_usage_of_others(&since, server);
	for (const bench_server *s = server; s; s = s->next)
		measure->server_peak += bench_process_memory(s->pid, "VmHWM");
	measure->messages = workload->round;
	measure->wall = bench_workload_wall(workload);
	check_arrived(way, workload);
}

typedef struct {
	int (*function)(void *workload);
	bench_workload *workload;
} child;

static int run_child(void *arg)
{
	child *c = arg;
	int code = c->function(c->workload);
	c->workload->tally->last_cpu = tally_clock(CLOCK_PROCESS_CPUTIME_ID);
	return code;
}

void bench_way_run_child(int (*function)(void *workload), bench_workload *workload, bench_measure *measure,
			 const char *name)
{
	child c = {function, workload};
	pid_t pid = bench_process_fork(run_child, &c);
	measure->client_peak = bench_process_wait(pid, name);
	measure->client_cpu = workload->tally->last_cpu - workload->tally->first_cpu;
}
