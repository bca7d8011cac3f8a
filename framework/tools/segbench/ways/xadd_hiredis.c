/*
 * xadd_hiredis.c - sends with pipelined XADD through stock hiredis, which builds a tree for each reply.
 */
#include <stdlib.h>

#include "ways/way.h"

enum { PIPELINED = 256 };

static int add_all(void *arg)
{
	bench_workload *workload = arg;
	char logs[TALLY_PARTITIONS][WORKLOAD_KEY_MAX], keys[TALLY_PARTITIONS][WORKLOAD_KEY_MAX];
	char *data = bench_workload_data(workload);
	redisContext *redis = bench_server_connect(workload->server);
	for (uint32_t p = 0; p < workload->partitions; p++) {
		bench_workload_key(p, logs[p]);
		bench_workload_partition_key(workload, p, keys[p]);
	}
	int64_t first_at = tally_begin(workload->tally);
	for (uint64_t done = 0, step; done < workload->round; done += step) {
		step = workload->round - done < PIPELINED ? workload->round - done : PIPELINED;
		for (uint64_t i = done; i < done + step; i++) {
			uint32_t p = (uint32_t)(i % workload->partitions);
			redisAppendCommand(redis, "XADD %s * partitionKey %s data %b", logs[p], keys[p], data,
					   (size_t)workload->size);
		}
		for (uint64_t i = 0; i < step; i++)
			freeReplyObject(bench_server_reply(redis, "XADD"));
	}
	int64_t last_at = tally_now();
	for (uint32_t p = 0; p < workload->partitions; p++)
		tally_sent(workload->tally, p, workload->round / workload->partitions, first_at, last_at);
	redisFree(redis);
	free(data);
	return 0;
}

static void run(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(add_all, workload, measure, "the XADD loop of stock hiredis");
}

const bench_way bench_way_xadd_hiredis = {
	.name = "xadd-hiredis",
	.help = "XADD pipelined by 256, stock hiredis",
	.sends = true,
	.run = run,
};
