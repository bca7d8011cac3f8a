#include "ways/pollers.h"

#include <err.h>
#include <pthread.h>
#include <sysexits.h>
#include <time.h>

#include "measure/process.h"
#include "ways/client.h"

enum { POLL_MS = 1000 };

/* In the child process. */
static bench_client client;
static seg_consumer *consumer;

static void handle(const bench_pollers *pollers, const seg_batch *batch)
{
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
	const bench_pollers *pollers = arg;
	seg_error error;
	for (;;) {
		const seg_batch *batch;
		int got = seg_consumer_poll(consumer, POLL_MS, &batch, &error);
		bench_client_check(got, &error);
		if (got == 0)
			continue;
		handle(pollers, batch);
		bench_client_check(seg_consumer_commit(consumer, batch, batch->count, &error), &error);
		seg_consumer_release(consumer, batch);
	}
	return NULL;
}

static void open_consumer(const bench_pollers *pollers)
{
	seg_consumer_options options;
	seg_error error;
	bench_client_open(&client, pollers->workload);
	seg_consumer_options_init(&options);
	options.group = pollers->group;
	options.batch_size = WORKLOAD_BATCH;
	options.parallel = pollers->parallel;
	bench_client_check(seg_consumer_open(client.client, WORKLOAD_STREAM, &options, &consumer, &error),
			   &error);
}

/* Runs until the process is killed. */
static int run(void *arg)
{
	bench_pollers *pollers = arg;
	pthread_t thread;
	open_consumer(pollers);
	for (uint32_t i = 1; i < pollers->threads; i++)
		if (pthread_create(&thread, NULL, poll_all, pollers))
			errx(EX_OSERR, "cannot start %u threads", pollers->threads);
	poll_all(pollers);
	return EX_OK;
}

pid_t bench_pollers_start(bench_pollers *pollers)
{
	return bench_process_fork(run, pollers);
}
