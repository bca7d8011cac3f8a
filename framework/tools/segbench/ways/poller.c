#include "ways/poller.h"

#include "group/doorbell.h"
#include "measure/process.h"
#include "ways/client.h"
#include "ways/sender.h"

static void take(void *arg, const seg_batch *batch)
{
	const bench_poller *poller = arg;
	int64_t now = tally_now();
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *message = &batch->messages[i];
		int64_t stamp = bench_sender_stamp(message->data, message->data_length);
		tally_received(poller->workload->tally, batch->partition, stamp, now);
	}
}

static int receive(void *arg)
{
	const bench_poller *poller = arg;
	bench_client client;
	seg_doorbell_set_block_most(poller->block_most);
	bench_client_open(&client, poller->workload);
	bench_client_poll(bench_client_consume(&client, poller->group, 1), take, arg);
}

pid_t bench_poller_start(bench_poller *poller)
{
	return bench_process_fork(receive, poller);
}
