#include "harness/load.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/server.h"

enum { FLUSH_MS = 30000, REACH_MS = 30000 };

struct test_load {
	seg_client *client;
	seg_stream *stream;
	seg_producer *producer;
	pthread_t thread;
	int keys;
	int per_second;
	atomic_bool over;
	atomic_int numbers;
	atomic_int failed; /* deliveries */
	char text[600];    /* of the first record that failed */
};

static void delivered(void *arg, const seg_delivery *delivery)
{
	test_load *load = arg;
	if (delivery->status && atomic_fetch_add(&load->failed, 1) == 0)
		snprintf(load->text, sizeof(load->text), "%s", delivery->text);
}

static void *send_numbers(void *arg)
{
	test_load *load = arg;
	struct timespec pause = {.tv_nsec = 1000000000 / load->per_second};
	while (!atomic_load(&load->over)) {
		char key[16], data[16];
		int number = atomic_load(&load->numbers);
		int length = snprintf(data, sizeof(data), "%d", number);
		for (int k = 0; k < load->keys; k++) {
			seg_record record = {.key = key, .data = data, .data_length = (size_t)length};
			record.key_length = (size_t)snprintf(key, sizeof(key), "k%d", k);
			seg_error error = {0};
			if (seg_producer_send(load->producer, &record, NULL, &error)) {
				delivered(load, &(seg_delivery){.status = SEG_ESERVER, .text = error.text});
				return NULL;
			}
		}
		atomic_store(&load->numbers, number + 1);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

test_load *test_load_start(const char *address, const char *stream, int partitions, int keys, int per_second)
{
	test_load *load = calloc(1, sizeof(*load));
	assert_non_null(load);
	load->keys = keys;
	load->per_second = per_second;
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = address;
	seg_stream_shape shape = {(uint32_t)partitions, 1000000, SEG_OVERFLOW_REJECT};
	seg_producer_options producing;
	seg_producer_options_init(&producing);
	producing.delivery = delivered;
	producing.delivery_arg = load;
	seg_error error = {0};
	if (seg_client_open(&options, &load->client, &error) ||
	    (seg_stream_open(load->client, stream, &load->stream, &error) == SEG_ENOTFOUND &&
	     seg_stream_register(load->client, stream, &shape, &load->stream, &error)) ||
	    !load->stream || seg_producer_open(load->stream, &producing, &load->producer, &error))
		fail_msg("%s", error.text);
	assert_int_equal(pthread_create(&load->thread, NULL, send_numbers, load), 0);
	return load;
}

void test_load_reach(const test_load *load, int numbers)
{
	long long deadline = test_now_ms() + REACH_MS;
	while (atomic_load(&load->numbers) < numbers) {
		if (atomic_load(&load->failed))
			fail_msg("a record was not sent: %s", load->text);
		if (test_now_ms() > deadline)
			fail_msg("only %d numbers were sent in %d ms", atomic_load(&load->numbers), REACH_MS);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
}

void test_load_go_on(const test_load *load, int more)
{
	test_load_reach(load, atomic_load(&load->numbers) + more);
}

int test_load_end(test_load *load)
{
	atomic_store(&load->over, true);
	pthread_join(load->thread, NULL);
	seg_error error = {0};
	if (seg_producer_close(load->producer, FLUSH_MS, &error))
		fail_msg("%s", error.text);
	seg_stream_close(load->stream);
	seg_client_close(load->client);
	int numbers = atomic_load(&load->numbers);
	if (atomic_load(&load->failed))
		fail_msg("%d records were not sent: %s", atomic_load(&load->failed), load->text);
	free(load);
	return numbers;
}
