/*
 * xadd.c - the bare limit of sending one entry per message: XADD pipelined by 256. The replies are only
 * counted.
 */
#include <stdlib.h>
#include <string.h>

#include "measure/entries.h"
#include "ways/way.h"

enum { PIPELINED = 256 };

typedef struct {
	char key[WORKLOAD_KEY_MAX];
	char partition_key[WORKLOAD_KEY_MAX];
	size_t key_length, partition_key_length;
} target;

static void add(bench_pipe *pipe, const target *t, const char *data, size_t size)
{
	const char *words[] = {"XADD", t->key, "*", "partitionKey", t->partition_key, "data", data};
	size_t lengths[] = {4, t->key_length, 1, 12, t->partition_key_length, 4, size};
	bench_pipe_add(pipe, 7, words, lengths);
}

static void take_replies(bench_pipe *pipe, uint64_t count)
{
	void *reply;
	while (count > 0) {
		bench_pipe_receive(pipe);
		while (count > 0 && bench_pipe_next(pipe, &reply))
			count--;
	}
}

static int add_all(void *arg)
{
	bench_workload *workload = arg;
	bench_entries entries = {0};
	bench_pipe pipe;
	target targets[TALLY_PARTITIONS];
	char *data = bench_workload_data(workload);
	for (uint32_t p = 0; p < workload->partitions; p++) {
		bench_workload_key(p, targets[p].key);
		bench_workload_partition_key(workload, p, targets[p].partition_key);
		targets[p].key_length = strlen(targets[p].key);
		targets[p].partition_key_length = strlen(targets[p].partition_key);
	}
	bench_pipe_open(&pipe, workload->server, &bench_entries_functions, &entries);
	int64_t first_at = tally_begin(workload->tally);
	for (uint64_t done = 0, step; done < workload->round; done += step) {
		step = workload->round - done < PIPELINED ? workload->round - done : PIPELINED;
		for (uint64_t i = 0; i < step; i++)
			add(&pipe, &targets[(done + i) % workload->partitions], data, workload->size);
		bench_pipe_flush(&pipe);
		take_replies(&pipe, step);
	}
	int64_t last_at = tally_now();
	for (uint32_t p = 0; p < workload->partitions; p++)
		tally_sent(workload->tally, p, workload->round / workload->partitions, first_at, last_at);
	bench_pipe_close(&pipe);
	free(data);
	return 0;
}

static void run(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(add_all, workload, measure, "the XADD loop");
}

const bench_way bench_way_xadd = {
	.name = "xadd",
	.help = "XADD pipelined by 256, replies only counted",
	.sends = true,
	.run = run,
};
