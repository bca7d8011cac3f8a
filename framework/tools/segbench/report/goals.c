#include "report/goals.h"

#include <string.h>
#include <unistd.h>

/* clang-format off */
const bench_goal bench_goals[] = {
	{"consume/bare", true, 0.95, 0,
	 "messages/s of segrunner, to those of the bare XREAD loop"},
	{"consume/xreadgroup", true, 4, 0,
	 "the same, to XREADGROUP and XACK of whole batches"},
	{"server-cpu/bare", false, 1.05, 0,
	 "Redis's CPU a message, commits included, to the bare loop's"},
	{"client-cpu", false, 300, 0,
	 "ns of CPU a message in segrunner, where the bare loop's are 190"},
	{"produce/xadd", true, 1.5, 0,
	 "messages/s of the asynchronous producer, to XADD pipelined by 256"},
	{"packed-sent-per-s", true, 4e6, 0,
	 "JSON records/s by the asynchronous producer, one thread, packing = on"},
	{"packed-consumed-per-s", true, 6e6, 0,
	 "the same records/s in a segrunner"},
	{"packed-memory", false, 0.333, 0,
	 "Redis's memory a JSON record, packing = on, to packing = off"},
	{"packed-sent-per-s-lz4", true, 4e6, 0,
	 "JSON records/s by the asynchronous producer, one thread, packing = lz4"},
	{"packed-consumed-per-s-lz4", true, 6e6, 0, "the same records/s in a segrunner"},
	{"packed-memory-lz4", false, 0.333, 0,
	 "the same, packing = lz4"},
	{"latency-p50-1000", false, 1.3, 0,
	 "latency at 1,000 messages/s, to bare XADD and blocked XREAD"},
	{"latency-p99-1000", false, 1.5, 0,
	 "the same, of the slowest in a hundred"},
	{"latency-p50-20000", false, 1.3, 0,
	 "latency at 20,000 messages/s, likewise"},
	{"latency-p99-20000", false, 1.5, 0,
	 "the same, of the slowest in a hundred"},
	{"latency-p50-spin", false, 1.0, 4,
	 "latency with idle = spin, at 1,000 messages/s, one partition"},
	{"allocations-per-message", false, 0, 0,
	 "calls of malloc in segrunner a message, in the steady state"},
	{"idle-cpu", false, 0.5, 0,
	 "percent of a core, a segrunner with 64 partitions and no messages"},
	{"idle-commands", false, 2, 0,
	 "commands a second that it sends"},
	{"heartbeat-us", false, 100, 0,
	 "Redis's time for a heartbeat without a change; 1,024 partitions, 64 members"},
	{"rebalance-ms", false, 10, 0,
	 "Redis's time for all calls of a full rebalance of them"},
	{"memory-idle-mib", false, 24, 0,
	 "resident memory of a segrunner with 64 partitions and no messages"},
	{0},
};
/* clang-format on */

const bench_goal *bench_goal_find(const char *name)
{
	for (const bench_goal *goal = bench_goals; goal->name; goal++)
		if (strcmp(goal->name, name) == 0)
			return goal;
	return NULL;
}

bool bench_goal_is_met(const bench_goal *goal, double value)
{
	return goal->at_least ? value >= goal->value : value <= goal->value;
}

bool bench_goal_is_judged(const bench_goal *goal)
{
	return sysconf(_SC_NPROCESSORS_ONLN) >= goal->spare_cores;
}
