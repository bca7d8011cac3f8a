/*
 * library.c - libsegmenter in a program of one's own: the pull consumer, and the asynchronous producer.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ways/client.h"
#include "ways/way.h"

enum { PATIENCE_MS = 30000, POLL_MS = 100 };

/* --- consuming --------------------------------------------------------------------------- */

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
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_error error;
	bench_client_open(&client, workload);
	snprintf(group, sizeof(group), "library-%lld", (long long)tally_now());
	seg_consumer_options_init(&options);
	options.group = group;
	options.batch_size = WORKLOAD_BATCH;
	bench_client_check(seg_consumer_open(client.client, WORKLOAD_STREAM, &options, &consumer, &error),
			   &error);
	poll_all(workload, consumer);
	bench_client_check(seg_consumer_close(consumer, PATIENCE_MS, &error), &error);
	bench_client_close(&client);
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

/* The records that are sent in turn, one behind the other; the caller frees them. */
static char *make_records(const bench_workload *workload, uint64_t count)
{
	char *records = malloc(count * workload->size);
	if (!records)
		err(EX_OSERR, "%" PRIu64 " records", count);
	for (uint64_t i = 0; i < count; i++)
		bench_payload_write(workload->payload, i, records + i * workload->size, workload->size);
	return records;
}

/* Returns when it began: what is sent is made before. */
static int64_t send_all(bench_workload *workload, seg_producer *producer)
{
	char keys[TALLY_PARTITIONS][WORKLOAD_KEY_MAX];
	size_t key_lengths[TALLY_PARTITIONS];
	uint64_t count = workload->payload == PAYLOAD_CONSTANT ? 1 : PAYLOAD_RECORDS;
	char *records = make_records(workload, count);
	seg_record record = {.data_length = workload->size};
	seg_error error;
	for (uint32_t p = 0; p < workload->partitions; p++) {
		bench_workload_partition_key(workload, p, keys[p]);
		key_lengths[p] = strlen(keys[p]);
	}
	int64_t first_at = tally_begin(workload->tally);
	for (uint64_t i = 0; i < workload->round; i++) {
		record.key = keys[i % workload->partitions];
		record.key_length = key_lengths[i % workload->partitions];
		record.data = records + i % count * workload->size;
		bench_client_check(seg_producer_send(producer, &record, NULL, &error), &error);
	}
	bench_client_check(seg_producer_flush(producer, PATIENCE_MS, &error), &error);
	free(records);
	return first_at;
}

static int produce(void *arg)
{
	bench_workload *workload = arg;
	bench_client client;
	uint64_t counts[TALLY_PARTITIONS] = {0};
	seg_producer_options options;
	seg_producer *producer;
	seg_error error;
	bench_client_open(&client, workload);
	seg_producer_options_init(&options);
	options.delivery = delivered;
	options.delivery_arg = counts;
	bench_client_check(seg_producer_open(client.stream, &options, &producer, &error), &error);
	int64_t first_at = send_all(workload, producer);
	int64_t last_at = tally_now();
	for (uint32_t p = 0; p < workload->partitions; p++)
		tally_sent(workload->tally, p, counts[p], first_at, last_at);
	bench_client_check(seg_producer_close(producer, PATIENCE_MS, &error), &error);
	bench_client_close(&client);
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
