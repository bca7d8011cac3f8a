/*
 * producer.c - sends with libsegmenter's asynchronous producer, in a program of segbench's own.
 */
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ways/client.h"
#include "ways/way.h"

enum { PATIENCE_MS = 30000 };

/* Called on the producer's thread. */
static void delivered(void *arg, const seg_delivery *delivery)
{
	uint64_t *counts = arg;
	if (delivery->status)
		errx(EX_UNAVAILABLE, "Redis did not add a message: %s", delivery->text);
	counts[delivery->partition]++;
}

/* The records, one after the other in memory. The caller frees the memory. */
static char *make_records(const bench_workload *workload, uint64_t count)
{
	char *records = malloc(count * workload->size);
	if (!records)
		err(EX_OSERR, "cannot allocate %" PRIu64 " records", count);
	for (uint64_t i = 0; i < count; i++)
		bench_payload_write(workload->payload, i, records + i * workload->size, workload->size);
	return records;
}

/* Returns the time of the first send; the records exist before. */
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

const bench_way bench_way_producer = {
	.name = "producer",
	.help = "libsegmenter's asynchronous producer, with bound and duplicate check",
	.sends = true,
	.run = run_producer,
};
