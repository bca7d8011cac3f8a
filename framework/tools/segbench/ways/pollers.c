#include "ways/pollers.h"

#include <err.h>
#include <pthread.h>
#include <sysexits.h>
#include <time.h>

#include "measure/process.h"
#include "ways/client.h"

/* In the child process. */
static seg_consumer *consumer;

static void handle(void *arg, const seg_batch *batch)
{
	const bench_pollers *pollers = arg;
	const struct timespec delay = {.tv_sec = pollers->delay / 1000000000,
				       .tv_nsec = pollers->delay % 1000000000};
	/* What takes long is counted one by one. */
	for (size_t i = 0; pollers->delay && i < batch->count; i++) {
		nanosleep(&delay, NULL);
		tally_worked(pollers->workload->tally, batch->partition, 1);
	}
	if (!pollers->delay)
		tally_worked(pollers->workload->tally, batch->partition, batch->count);
}

static void *poll_all(void *arg)
{
	bench_client_poll(consumer, handle, arg);
}

static int run(void *arg)
{
	bench_pollers *pollers = arg;
	bench_client client;
	pthread_t thread;
	bench_client_open(&client, pollers->workload);
	consumer = bench_client_consume(&client, pollers->group, pollers->parallel);
	for (uint32_t i = 1; i < pollers->threads; i++)
		if (pthread_create(&thread, NULL, poll_all, pollers))
			errx(EX_OSERR, "cannot start %u threads", pollers->threads);
	bench_client_poll(consumer, handle, pollers);
}

pid_t bench_pollers_start(bench_pollers *pollers)
{
	return bench_process_fork(run, pollers);
}
