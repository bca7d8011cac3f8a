/*
 * bare.c - the bare limit of consuming: XREAD of all partitions, pipelined on one connection. As soon as the
 * reply to a read of a partition has arrived, the next read of the partition goes out. The messages are only
 * counted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/entries.h"
#include "ways/way.h"

typedef struct {
	char key[WORKLOAD_KEY_MAX];
	char id[ENTRIES_ID_MAX];
} position;

static void ask(bench_pipe *pipe, const position *p, uint32_t most)
{
	char count[16];
	snprintf(count, sizeof(count), "%" PRIu32, most);
	const char *words[] = {"XREAD", "COUNT", count, "STREAMS", p->key, p->id};
	bench_pipe_add(pipe, 6, words, NULL);
}

/* Replies arrive in the order of the commands: one partition after the other, over and over. */
static int read_all(void *arg)
{
	bench_workload *workload = arg;
	bench_entries entries = {0};
	bench_pipe pipe;
	position positions[TALLY_PARTITIONS];
	uint64_t left = workload->round;
	uint32_t most = bench_workload_batch(workload);
	void *reply;
	bench_pipe_open(&pipe, workload->server, &bench_entries_functions, &entries);
	for (uint32_t p = 0; p < workload->partitions; p++) {
		bench_workload_key(p, positions[p].key);
		strcpy(positions[p].id, "0");
		ask(&pipe, &positions[p], most);
	}
	for (uint32_t p = 0; left > 0;) {
		bench_pipe_flush(&pipe);
		bench_pipe_receive(&pipe);
		for (; left > 0 && bench_pipe_next(&pipe, &reply); p = (p + 1) % workload->partitions) {
			if (entries.count > 0)
				tally_arrived(workload->tally, p, entries.count);
			strcpy(positions[p].id, entries.id);
			left -= entries.count;
			entries.count = 0;
			ask(&pipe, &positions[p], most);
		}
	}
	bench_pipe_close(&pipe);
	return 0;
}

static void run(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(read_all, workload, measure, "the bare XREAD loop");
}

const bench_way bench_way_bare = {
	.name = "bare",
	.help = "XREAD pipelined, own reader functions, entries only counted",
	.run = run,
};
