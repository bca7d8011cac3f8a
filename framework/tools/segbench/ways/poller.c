#include "ways/poller.h"

#include "group/doorbell.h"
#include "measure/process.h"
#include "ways/client.h"
#include "ways/sender.h"

enum { POLL_MS = 1000 };

static void take(const bench_workload *workload, const seg_batch *batch)
{
	int64_t now = tally_now();
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *message = &batch->messages[i];
		int64_t stamp = bench_sender_stamp(message->data, message->data_length);
		tally_received(workload->tally, batch->partition, stamp, now);
	}
}

/* Runs until the process is killed. */
__attribute__((noreturn)) static int receive(void *arg)
{
	const bench_poller *poller = arg;
	bench_client client;
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_error error;
	seg_doorbell_set_block_most(poller->block_most);
	bench_client_open(&client, poller->workload);
	seg_consumer_options_init(&options);
	options.group = poller->group;
	options.batch_size = WORKLOAD_BATCH;
	bench_client_check(seg_consumer_open(client.client, WORKLOAD_STREAM, &options, &consumer, &error),
			   &error);
	for (;;) {
		const seg_batch *batch;
		int got = seg_consumer_poll(consumer, POLL_MS, &batch, &error);
		bench_client_check(got, &error);
		if (got == 0)
			continue;
		take(poller->workload, batch);
		bench_client_check(seg_consumer_commit(consumer, batch, batch->count, &error), &error);
		seg_consumer_release(consumer, batch);
	}
}

pid_t bench_poller_start(bench_poller *poller)
{
	return bench_process_fork(receive, poller);
}
