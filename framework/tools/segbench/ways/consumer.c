/*
 * consumer.c - consumes with libsegmenter's pull consumer, in a program of segbench's own.
 */
#include <stdio.h>

#include "ways/client.h"
#include "ways/way.h"

enum { PATIENCE_MS = 30000, POLL_MS = 100 };

static void poll_all(bench_workload *workload, seg_consumer *consumer)
{
	seg_error error;
	for (uint64_t left = workload->round; left > 0;) {
		const seg_batch *batch;
		int got = seg_consumer_poll(consumer, POLL_MS, &batch, &error);
		bench_client_check(got, &error);
		if (got == 0)
			continue;
		tally_arrived(workload->tally, batch->partition, batch->count);
		bench_client_check(seg_consumer_commit(consumer, batch, batch->count, &error), &error);
		left -= batch->count;
		seg_consumer_release(consumer, batch);
	}
	bench_client_check(seg_consumer_sync(consumer, PATIENCE_MS, &error), &error);
}

static int consume(void *arg)
{
	bench_workload *workload = arg;
	char group[32];
	bench_client client;
	seg_error error;
	bench_client_open(&client, workload);
	snprintf(group, sizeof(group), "library-%lld", (long long)tally_now());
	seg_consumer *consumer = bench_client_consume(&client, group, 1);
	poll_all(workload, consumer);
	bench_client_check(seg_consumer_close(consumer, PATIENCE_MS, &error), &error);
	bench_client_close(&client);
	return 0;
}

static void run_consumer(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(consume, workload, measure, "the pull consumer");
}

const bench_way bench_way_consumer = {
	.name = "consumer",
	.help = "libsegmenter's pull consumer, commits included",
	.run = run_consumer,
};
