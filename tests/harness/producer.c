#include "harness/producer.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* What the delivery callback received. opaque is 1 + the record's number among all records. */
static struct {
	pthread_mutex_t lock;
	uint8_t *told; /* for each record: how many reports */
	size_t room;
	long statuses[32]; /* by -status */
	long total;
	uint64_t last[TEST_PRODUCER_PARTITIONS]; /* the newest opaque of each partition */
	seg_id last_id[TEST_PRODUCER_PARTITIONS];
	bool out_of_order;
	char text[SEG_ERROR_TEXT_MAX];
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hear(void *arg, const seg_delivery *delivery)
{
	(void)arg;
	pthread_mutex_lock(&heard.lock);
	size_t number = (size_t)(uintptr_t)delivery->opaque - 1;
	if (number < heard.room)
		heard.told[number]++;
	heard.statuses[-delivery->status]++;
	heard.total++;
	uint32_t p = delivery->partition;
	heard.out_of_order |= number + 1 <= heard.last[p];
	heard.last[p] = number + 1;
	if (delivery->status == SEG_OK) {
		heard.out_of_order |= seg_id_compare(heard.last_id[p], delivery->id) >= 0 || delivery->text;
		heard.last_id[p] = delivery->id;
	} else {
		snprintf(heard.text, sizeof(heard.text), "%s", delivery->text);
	}
	pthread_mutex_unlock(&heard.lock);
}

static void forget(size_t records)
{
	pthread_mutex_lock(&heard.lock);
	free(heard.told);
	heard.told = calloc(records, 1);
	heard.room = records;
	heard.total = 0;
	heard.out_of_order = false;
	memset(heard.statuses, 0, sizeof(heard.statuses));
	memset(heard.last, 0, sizeof(heard.last));
	memset(heard.last_id, 0, sizeof(heard.last_id));
	heard.text[0] = '\0';
	pthread_mutex_unlock(&heard.lock);
}

long test_producer_heard(int status)
{
	pthread_mutex_lock(&heard.lock);
	long n = heard.statuses[-status];
	pthread_mutex_unlock(&heard.lock);
	return n;
}

long test_producer_heard_all(void)
{
	pthread_mutex_lock(&heard.lock);
	long n = heard.total;
	pthread_mutex_unlock(&heard.lock);
	return n;
}

bool test_producer_failure_says(const char *words)
{
	pthread_mutex_lock(&heard.lock);
	bool said = strstr(heard.text, words);
	pthread_mutex_unlock(&heard.lock);
	return said;
}

void test_producer_told_each_once(long records)
{
	pthread_mutex_lock(&heard.lock);
	long wrong = 0;
	for (long i = 0; i < records; i++)
		wrong += heard.told[i] != 1;
	bool out_of_order = heard.out_of_order;
	pthread_mutex_unlock(&heard.lock);
	assert_int_equal(wrong, 0);
	assert_int_equal(test_producer_heard_all(), records);
	assert_false(out_of_order);
}

void test_producer_added_all(long records)
{
	char newest[SEG_ERROR_TEXT_MAX];
	pthread_mutex_lock(&heard.lock);
	long added = heard.statuses[-SEG_OK];
	memcpy(newest, heard.text, sizeof(newest));
	pthread_mutex_unlock(&heard.lock);
	if (added != records)
		fail_msg("%ld of %ld were added; the newest of the others: %s", added, records, newest);
}

/* --- arranging ------------------------------------------------------------------- */

static int start_with(const char *arguments, uint64_t partition_size)
{
	test_rig_set_up_directory(NULL);
	test_rig_start(arguments);
	test_rig_register("s", &(seg_stream_shape){.partitions = TEST_PRODUCER_PARTITIONS,
						   .partition_size = partition_size});
	forget(4000000);
	return 0;
}

int test_producer_set_up(void **state)
{
	(void)state;
	return start_with(NULL, 100000000);
}

int test_producer_set_up_small(void **state)
{
	(void)state;
	start_with(NULL, 10);
	/* A group that has read nothing: nothing may be trimmed. */
	for (int p = 0; p < TEST_PRODUCER_PARTITIONS; p++)
		test_rig_tell("XGROUP CREATE __default:s:partition_%d g 0 MKSTREAM", p);
	return 0;
}

int test_producer_set_up_durable(void **state)
{
	(void)state;
	return start_with("--appendonly yes --appendfsync always", 100000000);
}

int test_producer_tear_down(void **state)
{
	free(heard.told);
	heard.told = NULL;
	return test_rig_tear_down(state);
}

seg_producer_options test_producer_usual(void)
{
	seg_producer_options options;
	seg_producer_options_init(&options);
	options.delivery = hear;
	return options;
}

seg_producer_options test_producer_patient(void)
{
	seg_producer_options options = test_producer_usual();
	options.when_blocked_ms = 120000;
	options.delivery_timeout_ms = 120000;
	return options;
}

seg_producer *test_producer_open(const seg_producer_options *options)
{
	seg_producer *producer;
	seg_error error = {0};
	if (seg_producer_open(rig.stream, options, &producer, &error))
		fail_msg("%s", error.text);
	return producer;
}

int test_producer_send_next(seg_producer *producer, int k, long counts[TEST_PRODUCER_KEYS], long *sent)
{
	char key[8], data[32];
	int key_length = snprintf(key, sizeof(key), "k%d", k);
	int length = snprintf(data, sizeof(data), "%s:%ld", key, counts[k]);
	seg_record record = {.key = key,
			     .key_length = (size_t)key_length,
			     .data = data,
			     .data_length = (size_t)length};
	int status = seg_producer_send(producer, &record, (void *)(uintptr_t)(*sent + 1), NULL);
	if (status == 0) {
		counts[k]++;
		(*sent)++;
	}
	return status;
}

void test_producer_close(seg_producer *producer)
{
	seg_error error = {0};
	if (seg_producer_close(producer, 120000, &error))
		fail_msg("%s", error.text);
}

void test_producer_pause(long ms)
{
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	nanosleep(&pause, NULL);
}
