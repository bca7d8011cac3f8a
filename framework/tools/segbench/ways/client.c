#include "ways/client.h"

#include <err.h>
#include <sysexits.h>

enum { POLL_MS = 1000 };

void bench_client_check(int status, const seg_error *error)
{
	if (status < 0)
		errx(EX_UNAVAILABLE, "%s", error->text);
}

void bench_client_open(bench_client *client, const bench_workload *workload)
{
	seg_stream_shape shape = {.partitions = workload->partitions,
				  .partition_size = 1000000000,
				  .packing = workload->packing};
	seg_client_options options;
	seg_error error;
	seg_client_options_init(&options);
	options.address = workload->server->address;
	options.tls_ca_file = workload->server->ca_file[0] ? workload->server->ca_file : NULL;
	options.ack_replicas = workload->server->ack_replicas;
	options.name_space = WORKLOAD_NAMESPACE;
	bench_client_check(seg_client_open(&options, &client->client, &error), &error);
	bench_client_check(seg_stream_register(client->client, WORKLOAD_STREAM, &shape, &client->stream,
					       &error),
			   &error);
}

seg_consumer *bench_client_consume(const bench_client *client, const char *group, uint32_t parallel)
{
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_error error;
	seg_consumer_options_init(&options);
	options.group = group;
	options.batch_size = WORKLOAD_BATCH;
	options.parallel = parallel;
	bench_client_check(seg_consumer_open(client->client, WORKLOAD_STREAM, &options, &consumer, &error),
			   &error);
	return consumer;
}

void bench_client_poll(seg_consumer *consumer, void (*take)(void *arg, const seg_batch *batch), void *arg)
{
	for (;;) {
		const seg_batch *batch;
		seg_error error;
		int got = seg_consumer_poll(consumer, POLL_MS, &batch, &error);
		bench_client_check(got, &error);
		if (got == 0)
			continue;
		take(arg, batch);
		bench_client_check(seg_consumer_commit(consumer, batch, batch->count, &error), &error);
		seg_consumer_release(consumer, batch);
	}
}

void bench_client_close(bench_client *client)
{
	seg_stream_close(client->stream);
	seg_client_close(client->client);
}
