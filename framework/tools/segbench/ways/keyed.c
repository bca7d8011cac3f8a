#include "ways/keyed.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ways/host.h"

/* In percent of the messages: from where to where the rate is measured. */
enum { FROM = 10, TO = 85 };

/* Messages that one script adds. */
enum { STEP = 1000 };

void bench_keyed_fill(bench_workload *workload, uint32_t keys, uint32_t hot)
{
	static const char script[] =
		"local hot = tonumber(ARGV[5])"
		" for i = ARGV[1], ARGV[2] do"
		" local key = i * hot % 100 < hot and 'hot' or 'key-' .. (ARGV[3] + i % ARGV[4])"
		" redis.call('XADD', KEYS[1], '*', 'partitionKey', key, 'data', ARGV[6]) end";
	char *data = bench_workload_data(workload);
	uint64_t each = workload->messages / workload->partitions;
	bench_workload_clear(workload);
	for (uint32_t p = 0; p < workload->partitions; p++) {
		char key[WORKLOAD_KEY_MAX];
		bench_workload_key(p, key);
		for (uint64_t from = 0; from < each; from += STEP)
			bench_server_do(workload->server, "EVAL %s 1 %s %" PRIu64 " %" PRIu64 " %u %u %u %s",
					script, key, from, (from + STEP < each ? from + STEP : each) - 1,
					p * keys, keys, hot, data);
	}
	free(data);
}

double bench_keyed_rate(const bench_workload *workload, uint64_t messages)
{
	bench_host_wait_arrived(workload, messages * FROM / 100);
	int64_t from = tally_now();
	uint64_t before = bench_workload_arrived(workload);
	bench_host_wait_arrived(workload, messages * TO / 100);
	return (double)(bench_workload_arrived(workload) - before) * 1e9 / (double)(tally_now() - from);
}
