#include "chaos/load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum {
	KEYS = 64,
	CLOSE_MS = 90000,
	/* A partition may be full for most of a run whose faults follow each other at once. */
	DELIVERY_MS = 300000,
	/* On a machine that is too slow for the load, the sender waits instead of piling up records. */
	UNSETTLED_MAX = 20000,
	/* One message in so many is retried once, or dead-lettered. */
	AGAIN_EVERY = 151,
	DEAD_EVERY = 97,
};

struct chaos_load {
	pthread_t thread;
	atomic_bool stopping;
	seg_client *client;
	seg_stream *stream;
	seg_producer *producer;
	int burst, pause_ms;
	pthread_mutex_t lock; /* guards the fields below: the sender and the producer's callback use them */
	CHAOS_LIST(chaos_send) sends;
	size_t settled; /* records whose fate is known */
	bool replicas;  /* records are acknowledged by replicas */
	size_t refused, unconfirmed;
	char refusal[256]; /* of the first refused record */
};

static void delivered(void *arg, const seg_delivery *delivery)
{
	chaos_load *load = arg;
	pthread_mutex_lock(&load->lock);
	chaos_send *send = &load->sends.items[(uintptr_t)delivery->opaque];
	send->acknowledged = delivery->status == SEG_OK;
	send->id = delivery->id;
	send->told = seg_now();
	load->settled++;
	bool unconfirmed = load->replicas && delivery->status == SEG_EUNKNOWN;
	load->unconfirmed += unconfirmed;
	if (delivery->status != SEG_OK && !unconfirmed && load->refused++ == 0)
		snprintf(load->refusal, sizeof(load->refusal), "%s", delivery->text ? delivery->text : "");
	pthread_mutex_unlock(&load->lock);
}

static void send_one(chaos_load *load, size_t n)
{
	char key[16], data[64];
	uint32_t number = (uint32_t)(n / KEYS), k = (uint32_t)(n % KEYS);
	char action = n % AGAIN_EVERY == AGAIN_EVERY - 1 ? 't' : n % DEAD_EVERY == DEAD_EVERY - 1 ? 'l' : '-';
	int key_length = snprintf(key, sizeof(key), "k%u", k);
	int length = snprintf(data, sizeof(data), "%u %c ........................", number, action);
	chaos_send send = {seg_partition_of(key, (size_t)key_length,
					    seg_stream_get_shape(load->stream)->partitions),
			   k,
			   number,
			   false,
			   {0, 0},
			   0,
			   0};
	pthread_mutex_lock(&load->lock);
	chaos_append(&load->sends, send);
	pthread_mutex_unlock(&load->lock);
	seg_record record = {.key = key,
			     .key_length = (size_t)key_length,
			     .data = data,
			     .data_length = (size_t)length};
	/* A record that the producer does not accept stays in the list as not acknowledged. */
	seg_producer_send(load->producer, &record, (void *)(uintptr_t)n, NULL);
}

static bool is_behind(chaos_load *load)
{
	pthread_mutex_lock(&load->lock);
	bool behind = load->sends.count - load->settled > UNSETTLED_MAX;
	pthread_mutex_unlock(&load->lock);
	return behind;
}

static void *run(void *arg)
{
	chaos_load *load = arg;
	for (size_t n = 0; !atomic_load(&load->stopping);) {
		for (int i = 0; i < load->burst && !is_behind(load); i++)
			send_one(load, n++);
		nanosleep(&(struct timespec){.tv_nsec = load->pause_ms * SEG_MS}, NULL);
	}
	return NULL;
}

static int open_all(chaos_load *load, const chaos_servers *servers, const seg_stream_shape *shape,
		    bool at_once, seg_error *error)
{
	seg_client_options client;
	seg_producer_options producer;
	seg_client_options_init(&client);
	chaos_servers_options(servers, &client);
	client.connect_timeout_ms = 1000;
	seg_producer_options_init(&producer);
	producer.when_blocked_ms = CLOSE_MS;
	producer.delivery_timeout_ms = DELIVERY_MS;
	producer.wait_when_full = 1;
	if (at_once)
		producer.linger_us = 0;
	producer.delivery = delivered;
	producer.delivery_arg = load;
	int status = seg_client_open(&client, &load->client, error);
	if (status == 0)
		status = seg_stream_register(load->client, "chaos", shape, &load->stream, error);
	if (status == 0)
		status = seg_producer_open(load->stream, &producer, &load->producer, error);
	return status;
}

chaos_load *chaos_load_open(const chaos_servers *servers, uint32_t partitions, uint64_t partition_size,
			    bool at_once)
{
	seg_error error;
	const seg_stream_shape shape = {partitions, partition_size, SEG_OVERFLOW_REJECT};
	chaos_load *load = calloc(1, sizeof(*load));
	if (!load)
		return NULL;
	load->replicas = servers->ack_replicas > 0;
	pthread_mutex_init(&load->lock, NULL);
	if (open_all(load, servers, &shape, at_once, &error)) {
		fprintf(stderr, "chaos: %s\n", error.text);
		return NULL;
	}
	return load;
}

void chaos_load_begin(chaos_load *load, int burst, int pause_ms)
{
	load->burst = burst;
	load->pause_ms = pause_ms;
	if (pthread_create(&load->thread, NULL, run, load)) {
		fputs("chaos: cannot start a thread\n", stderr);
		exit(1);
	}
}

int chaos_load_stop(chaos_load *load, chaos_history *history)
{
	if (!load)
		return 0;
	atomic_store(&load->stopping, true);
	pthread_join(load->thread, NULL);
	seg_producer_close(load->producer, CLOSE_MS, NULL);
	int wrong = load->refused > 0;
	if (wrong)
		fprintf(stderr, "violation: the producer gave up %zu records, the first because %s\n",
			load->refused, load->refusal);
	if (load->unconfirmed)
		printf("chaos: %zu records were given up because too few replicas confirmed them in time\n",
		       load->unconfirmed);
	seg_stream_close(load->stream);
	seg_client_close(load->client);
	for (size_t i = 0; i < load->sends.count; i++)
		chaos_append(&history->sends, load->sends.items[i]);
	free(load->sends.items);
	pthread_mutex_destroy(&load->lock);
	free(load);
	return wrong;
}
