/*
 * library.c - libsegmenter in a program of one's own: the pull consumer, and the asynchronous producer.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <segmenter/segmenter.h>

#include "way.h"

enum { PATIENCE_MS = 30000, POLL_MS = 100 };

static void check(int status, const seg_error *error)
{
	if (status < 0)
		errx(EX_UNAVAILABLE, "%s", error->text);
}

static seg_client *open_client(const bench_workload *workload)
{
	seg_client_options options;
	seg_client *client;
	seg_error error;
	seg_client_options_init(&options);
	options.address = workload->server->address;
	options.name_space = WORKLOAD_NAMESPACE;
	check(seg_client_open(&options, &client, &error), &error);
	return client;
}

/* With a bound that no round reaches. */
static seg_stream *open_stream(const bench_workload *workload, seg_client *client)
{
	seg_stream_shape shape = {.partitions = workload->partitions, .partition_size = 1000000000};
	seg_stream *stream;
	seg_error error;
	check(seg_stream_register(client, WORKLOAD_STREAM, &shape, &stream, &error), &error);
	return stream;
}

/* --- consuming --------------------------------------------------------------------------- */

static void poll_all(bench_workload *workload, seg_consumer *consumer)
{
	seg_error error;
	for (uint64_t left = workload->round; left > 0;) {
		const seg_batch *batch;
		int got = seg_consumer_poll(consumer, POLL_MS, &batch, &error);
		check(got, &error);
		if (got == 0)
			continue;
		tally_arrived(workload->tally, batch->partition, batch->count);
		check(seg_consumer_commit(consumer, batch, batch->count, &error), &error);
		left -= batch->count;
		seg_consumer_release(consumer, batch);
	}
	check(seg_consumer_sync(consumer, PATIENCE_MS, &error), &error);
}

static int consume(void *arg)
{
	bench_workload *workload = arg;
	char group[32];
	seg_client *client = open_client(workload);
	seg_stream *stream = open_stream(workload, client);
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_error error;
	snprintf(group, sizeof(group), "library-%lld", (long long)tally_now());
	seg_consumer_options_init(&options);
	options.group = group;
	options.batch_size = WORKLOAD_BATCH;
	check(seg_consumer_open(client, WORKLOAD_STREAM, &options, &consumer, &error), &error);
	poll_all(workload, consumer);
	check(seg_consumer_close(consumer, PATIENCE_MS, &error), &error);
	seg_stream_close(stream);
	seg_client_close(client);
	return 0;
}

static void run_consumer(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(consume, workload, measure, "the pull consumer");
}

/* --- producing ----------------------------------------------------------------------------- */

/* On the producer's thread. */
static void delivered(void *arg, const seg_delivery *delivery)
{
	uint64_t *counts = arg;
	if (delivery->status)
		errx(EX_UNAVAILABLE, "a message was not added: %s", delivery->text);
	counts[delivery->partition]++;
}

static void send_all(const bench_workload *workload, seg_producer *producer)
{
	char keys[TALLY_PARTITIONS][WORKLOAD_KEY_MAX];
	char *data = bench_workload_data(workload);
	seg_record record = {.data = data, .data_length = workload->size};
	seg_error error;
	for (uint32_t p = 0; p < workload->partitions; p++)
		bench_workload_partition_key(workload, p, keys[p]);
	for (uint64_t i = 0; i < workload->round; i++) {
		record.key = keys[i % workload->partitions];
		record.key_length = strlen(record.key);
		check(seg_producer_send(producer, &record, NULL, &error), &error);
	}
	check(seg_producer_flush(producer, PATIENCE_MS, &error), &error);
	free(data);
}

static int produce(void *arg)
{
	bench_workload *workload = arg;
	seg_client *client = open_client(workload);
	seg_stream *stream = open_stream(workload, client);
	uint64_t counts[TALLY_PARTITIONS] = {0};
	seg_producer_options options;
	seg_producer *producer;
	seg_error error;
	seg_producer_options_init(&options);
	options.delivery = delivered;
	options.delivery_arg = counts;
	check(seg_producer_open(stream, &options, &producer, &error), &error);
	int64_t first_at = tally_begin(workload->tally);
	send_all(workload, producer);
	int64_t last_at = tally_now();
	for (uint32_t p = 0; p < workload->partitions; p++)
		tally_sent(workload->tally, p, counts[p], first_at, last_at);
	check(seg_producer_close(producer, PATIENCE_MS, &error), &error);
	seg_stream_close(stream);
	seg_client_close(client);
	return 0;
}

static void run_producer(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(produce, workload, measure, "the producer");
}

const bench_way bench_way_consumer = {
	.name = "consumer",
	.help = "libsegmenter's pull consumer, commits included",
	.run = run_consumer,
};

const bench_way bench_way_producer = {
	.name = "producer",
	.help = "libsegmenter's asynchronous producer, with bound and duplicate check",
	.sends = true,
	.run = run_producer,
};
