#include "report/goals.h"

#include <string.h>
#include <unistd.h>

/* clang-format off */
const bench_goal bench_goals[] = {
	{"consume/bare", true, 0.95, 0,
	 "messages/s of segrunner / of the bare XREAD loop, 8 partitions"},
	{"consume/bare-1", true, 0.95, 0,
	 "the same with 1 partition"},
	{"consume/bare-64", true, 0.9, 0,
	 "the same with 64 partitions"},
	{"consume/bare-256", true, 0.85, 0,
	 "the same with 256 partitions"},
	{"consume/bare-backlog-1000", true, 0.8, 0,
	 "the same of a backlog of 1,000 messages in 8 partitions"},
	{"consume/bare-backlog-10000", true, 0.9, 0,
	 "the same of a backlog of 10,000 messages"},
	{"consume/xreadgroup", true, 4, 0,
	 "messages/s of segrunner / of XREADGROUP and XACK of whole batches"},
	{"server-cpu/bare", false, 1.05, 0,
	 "Redis's CPU per message, commits included: segrunner / bare XREAD loop"},
	{"client-cpu", false, 300, 0,
	 "ns of CPU per message in segrunner, scaled: the bare loop's are 190"},
	{"produce/xadd", true, 1.5, 0,
	 "messages/s of the asynchronous producer / of XADD pipelined by 256"},
	{"packed-sent-per-s", true, 5e6, 0,
	 "JSON records/s sent by the asynchronous producer, one thread, packing = on"},
	{"packed-consumed-per-s", true, 6e6, 0,
	 "the same records/s consumed by a segrunner"},
	{"packed-memory", false, 0.333, 0,
	 "Redis's memory per JSON record: packing = on / packing = off"},
	{"packed-sent-per-s-lz4", true, 4e6, 0,
	 "JSON records/s sent by the asynchronous producer, one thread, packing = lz4"},
	{"packed-consumed-per-s-lz4", true, 6e6, 0,
	 "the same records/s consumed by a segrunner"},
	{"packed-memory-lz4", false, 0.333, 0,
	 "Redis's memory per JSON record: packing = lz4 / packing = off"},
	{"packed-sent-per-s-zstd", true, 3e6, 0,
	 "JSON records/s sent by the asynchronous producer, one thread, packing = zstd"},
	{"packed-consumed-per-s-zstd", true, 6e6, 0,
	 "the same records/s consumed by a segrunner"},
	{"packed-memory-zstd", false, 0.75, 0,
	 "Redis's memory per JSON record: packing = zstd / packing = lz4"},
	{"pipeline", true, 0.85, 0,
	 "messages/s of a segrunner that emits each one / 1 / (1 / consume + 1 / produce)"},
	{"state", true, 0.5, 0,
	 "messages/s of a segrunner that changes a value for each one / of one that does not"},
	{"parallel", true, 14, 0,
	 "messages/s with 10 ms for each: parallel = 16 / parallel = 1"},
	{"parallel-one-fails", true, 0.95, 0,
	 "the same with parallel = 16: while one key fails for ever / before"},
	{"parallel-empty", true, 0.5, 0,
	 "messages/s of an empty handler: parallel = 8 / parallel = 1"},
	{"parallel-polled", true, 14, 0,
	 "messages/s of a pull consumer with 10 ms for each: parallel = 16 / parallel = 1"},
	{"parallel-polled-empty", true, 0.5, 0,
	 "messages/s of a pull consumer whose 8 threads do nothing: parallel = 8 / parallel = 1"},
	{"parallel-polled-alone", true, 0.5, 0,
	 "the same with one thread"},
	{"hot-key-fails", true, 0.95, 0,
	 "messages/s of the other keys, parallel = 8: while one with 5 % fails for ever / before"},
	{"produce-at-5ms", true, 0.9, 0,
	 "messages/s of the producer at --rtt up to 5 ms / at 0 ms, through the same relay"},
	{"consume-at-5ms", true, 0.9, 0,
	 "the same of segrunner"},
	{"poll-at-5ms", true, 0.9, 0,
	 "the same of the pull consumer"},
	{"produce-at-50ms", true, 0.7, 0,
	 "messages/s of the producer at a longer --rtt / at 0 ms, through the same relay"},
	{"consume-at-50ms", true, 0.7, 0,
	 "the same of segrunner"},
	{"poll-at-50ms", true, 0.7, 0,
	 "the same of the pull consumer"},
	{"consume-tls", true, 0.85, 0,
	 "messages/s of segrunner with TLS / without, through TCP"},
	{"consume-tls/bare-tls", true, 0.95, 0,
	 "messages/s of segrunner with TLS / of the bare XREAD loop with TLS"},
	{"latency-xadd-p50-1000", false, 1.4, 0,
	 "median latency at 1,000 messages/s: XADD to segrunner / XADD to blocked XREAD"},
	{"latency-xadd-p99-1000", false, 1.5, 0,
	 "the same, 99th percentile"},
	{"latency-p50-1000", false, 2, 0,
	 "median latency at 1,000 messages/s: producer to segrunner / XADD to blocked XREAD"},
	{"latency-p99-1000", false, 2, 0,
	 "the same, 99th percentile"},
	{"latency-xadd-p50-20000", false, 1.4, 0,
	 "median latency at 20,000 messages/s: XADD to segrunner, likewise"},
	{"latency-xadd-p99-20000", false, 1.5, 0,
	 "the same, 99th percentile"},
	{"latency-p50-20000", false, 2, 0,
	 "median latency at 20,000 messages/s: producer to segrunner, likewise"},
	{"latency-p99-20000", false, 2, 0,
	 "the same, 99th percentile"},
	{"latency-p50-spin", false, 1.0, 4,
	 "median latency with idle = spin at 1,000 messages/s, one partition, likewise"},
	{"latency-p99-spin", false, 2, 0,
	 "the same, 99th percentile, without a spare core too"},
	{"allocations-per-message", false, 0, 0,
	 "calls of malloc per message in segrunner, steady state"},
	{"idle-cpu", false, 0.5, 0,
	 "percent of a core that an idle segrunner with 64 partitions uses"},
	{"idle-commands", false, 2, 0,
	 "commands/s that an idle segrunner with 64 partitions sends"},
	{"heartbeat-us", false, 100, 0,
	 "Redis's time for a heartbeat that changes nothing; 1,024 partitions, 64 members"},
	{"rebalance-ms", false, 8, 0,
	 "Redis's time for all calls of a full rebalance of this group"},
	{"rebalance-longest-call-ms", false, 1, 0,
	 "Redis's time for the longest of these calls"},
	{"crowd-heartbeat-us", false, 50, 0,
	 "Redis's time for a heartbeat that changes nothing; 10,000 partitions, 1,000 members"},
	{"crowd-longest-call-ms", false, 5, 0,
	 "Redis's time for the longest call when one of these joins, leaves or dies"},
	{"crowd-start-s", false, 2, 0,
	 "seconds of Redis's time until all of these, started at once, own their shares"},
	{"scale-start-s", false, 3, 0,
	 "seconds until 20 segrunners that start at once share 2,000 partitions in 5 groups"},
	{"scale-start-cpu-s", false, 2, 0,
	 "seconds of Redis's CPU for this start"},
	{"scale-idle-commands", false, 30, 0,
	 "commands/s of these segrunners without messages"},
	{"scale-load-cpu", false, 10, 0,
	 "percent of a core that Redis uses for them at 200 messages/s"},
	{"memory-idle-mib", false, 24, 0,
	 "resident memory of an idle segrunner with 64 partitions"},
	{"idle-many-start-s", false, 5, 0,
	 "seconds until one segrunner that starts owns 10,000 partitions"},
	{"idle-many-mib", false, 256, 0,
	 "resident memory of an idle segrunner with 10,000 partitions"},
	{"burst-mib", false, 16, 0,
	 "resident memory beyond in_flight_bytes x partitions, when messages of 2 MiB follow tiny ones"},
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

static bool is_met(const bench_goal *goal, double value)
{
	return goal->at_least ? value >= goal->value : value <= goal->value;
}

/* Whether the better end of the spread reaches the goal. */
static bool is_met_by_spread(const bench_goal *goal, const bench_series *rounds)
{
	if (rounds->count < 2)
		return false;
	return is_met(goal, goal->at_least ? bench_series_upper_quartile(rounds)
					   : bench_series_lower_quartile(rounds));
}

bench_verdict bench_goal_judge(const bench_goal *goal, const bench_series *rounds)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < goal->spare_cores)
		return VERDICT_NOT_JUDGED;
	if (is_met(goal, bench_series_median(rounds)))
		return VERDICT_MET;
	return is_met_by_spread(goal, rounds) ? VERDICT_NOISE : VERDICT_MISSED;
}

const char *bench_verdict_text(bench_verdict verdict)
{
	static const char *const texts[] = {
		[VERDICT_MET] = "met",
		[VERDICT_NOISE] = "met within noise",
		[VERDICT_MISSED] = "missed",
		[VERDICT_NOT_JUDGED] = "not judged: too few cores",
	};
	return texts[verdict];
}
