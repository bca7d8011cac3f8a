/*
 * test_ack_cluster.c - ack_replicas on a real cluster, while a slot is half moved: what Redis has redirected counts once the
 * replicas of the node that has it confirm it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/cluster.h"
#include "harness/consumer.h"

enum {
	OLD,
	NEW,
	PARTITIONS = 8,
	TIMEOUT_MS = 16000, /* a quarter of it is what WAIT waits */
	SYNC_MS = 6000,
	PATIENCE_MS = 20000,
	ALL_KEYS = 100
};

static test_cluster *cluster;
static seg_client *client;
static seg_stream *stream;
static int slots[PARTITIONS];
static uint32_t moving, staying; /* two partitions of node OLD */
static int outcome[PARTITIONS];

static seg_record record_for(uint32_t partition)
{
	static char key[16];
	for (int i = 0;; i++) {
		int length = snprintf(key, sizeof(key), "k%d", i);
		if (seg_partition_of(key, (size_t)length, PARTITIONS) == partition)
			return (seg_record){.key = key,
					    .key_length = (size_t)length,
					    .data = "d",
					    .data_length = 1};
	}
}

static void find_partitions(void)
{
	uint32_t found = 0;
	for (uint32_t p = 0; p < PARTITIONS; p++) {
		char log[64];
		snprintf(log, sizeof(log), "__default:s:partition_%u", p);
		slots[p] = test_cluster_slot(cluster, log);
		if (test_cluster_slot_owner(cluster, slots[p]) != OLD)
			continue;
		*(found++ == 0 ? &moving : &staying) = p;
	}
	assert_true(found >= 2);
}

static int start(void **state)
{
	(void)state;
	seg_error error;
	seg_client_options options;
	const seg_stream_shape shape = {.partitions = PARTITIONS, .partition_size = 1000};
	/* Replicas that are stopped for a while are not taken for dead. */
	cluster = test_cluster_start(&(test_cluster_options){.masters = 3,
							     .replicas = 1,
							     .node_timeout_ms = 30000,
							     .arguments = "--repl-diskless-sync-delay 0"});
	seg_client_options_init(&options);
	options.address = cluster->address;
	options.timeout_ms = TIMEOUT_MS;
	options.ack_replicas = 1;
	if (seg_client_open(&options, &client, &error) ||
	    seg_stream_register(client, "s", &shape, &stream, &error))
		fail_msg("%s", error.text);
	find_partitions();
	return 0;
}

static void signal_replica(int master, int number)
{
	/* The replicas come after the masters; a stopped one cannot be asked whose it is. */
	kill(cluster->nodes[cluster->options.masters + master]->pid, number);
}

static int stop(void **state)
{
	(void)state;
	signal_replica(OLD, SIGCONT);
	signal_replica(NEW, SIGCONT);
	seg_stream_close(stream);
	seg_client_close(client);
	test_cluster_stop(cluster);
	return 0;
}

static void hear(void *arg, const seg_delivery *delivery)
{
	(void)arg;
	outcome[delivery->partition] = delivery->status;
}

static void produce(seg_producer *producer, uint32_t partition)
{
	seg_error error;
	const seg_record record = record_for(partition);
	outcome[partition] = 1;
	if (seg_producer_send(producer, &record, NULL, &error))
		fail_msg("%s", error.text);
}

static seg_producer *open_producer(void)
{
	seg_error error;
	seg_producer *producer;
	seg_producer_options options;
	seg_producer_options_init(&options);
	options.delivery = hear;
	options.delivery_timeout_ms = TIMEOUT_MS;
	if (seg_producer_open(stream, &options, &producer, &error))
		fail_msg("%s", error.text);
	return producer;
}

/* All keys are at the new node; the map still names the old one, which answers ASK. */
static void half_move(void)
{
	test_cluster_move_begin(cluster, slots[moving], NEW);
	while (test_cluster_move_keys(cluster, slots[moving], NEW, ALL_KEYS) > 0)
		;
}

static bool both_were_answered_by_the_masters(void *arg)
{
	long long *before = arg;
	for (int node = OLD; node <= NEW; node++) {
		uint32_t partition = node == OLD ? staying : moving;
		redisContext *at = test_server_connect(cluster->nodes[node]);
		freeReplyObject(test_server_command(at, "ASKING"));
		redisReply *reply = test_server_command(at, "XLEN __default:s:partition_%u", partition);
		bool there = reply->type == REDIS_REPLY_INTEGER && reply->integer > before[node];
		freeReplyObject(reply);
		redisFree(at);
		if (!there)
			return false;
	}
	return true;
}

static void a_send_that_was_redirected_needs_the_replicas_of_the_node_that_has_it(void **state)
{
	(void)state;
	seg_error error;
	long long before[2] = {1, 1};
	seg_producer *producer = open_producer();
	produce(producer, moving);
	produce(producer, staying);
	assert_int_equal(seg_producer_flush(producer, PATIENCE_MS, &error), 0);
	assert_int_equal(outcome[moving], 0);
	half_move();
	signal_replica(OLD, SIGSTOP);
	signal_replica(NEW, SIGSTOP);
	/* A WAIT for the other record would hold this one back if the two did not fit in one batch. */
	produce(producer, moving);
	produce(producer, staying);
	test_wait_until(both_were_answered_by_the_masters, before, PATIENCE_MS, "both masters have a record");
	signal_replica(OLD, SIGCONT);
	assert_int_equal(seg_producer_flush(producer, PATIENCE_MS, &error), 0);
	assert_int_equal(outcome[staying], 0);
	assert_int_equal(outcome[moving], SEG_EUNKNOWN);
	signal_replica(NEW, SIGCONT);
	produce(producer, moving);
	assert_int_equal(seg_producer_flush(producer, PATIENCE_MS, &error), 0);
	assert_int_equal(outcome[moving], 0);
	assert_int_equal(seg_producer_close(producer, PATIENCE_MS, &error), 0);
	test_cluster_move_end(cluster, slots[moving], NEW);
}

static int send_moving(void)
{
	seg_error error = {0};
	const seg_record record = record_for(moving);
	int status = seg_stream_send(stream, &record, NULL, &error);
	if (status)
		print_message("%s\n", error.text);
	return status;
}

static void a_blocking_send_that_was_redirected_is_confirmed_where_it_was_added(void **state)
{
	(void)state;
	assert_int_equal(send_moving(), 0);
	half_move();
	assert_int_equal(send_moving(), 0);
	signal_replica(NEW, SIGSTOP);
	assert_int_equal(send_moving(), SEG_EUNKNOWN);
	signal_replica(NEW, SIGCONT);
	test_cluster_move_end(cluster, slots[moving], NEW);
}

static void a_commit_that_was_redirected_counts_where_it_was_made(void **state)
{
	(void)state;
	seg_consumer *consumer = test_consumer_join(client, "s", 0);
	assert_int_equal(send_moving(), 0);
	test_consumer_handle(consumer, 1);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	half_move();
	assert_int_equal(send_moving(), 0);
	test_consumer_handle(consumer, 1);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(send_moving(), 0);
	signal_replica(NEW, SIGSTOP);
	test_consumer_handle(consumer, 1);
	assert_int_equal(seg_consumer_sync(consumer, SYNC_MS, NULL), SEG_ETIMEOUT);
	signal_replica(NEW, SIGCONT);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
	test_cluster_move_end(cluster, slots[moving], NEW);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_send_that_was_redirected_needs_the_replicas_of_the_node_that_has_it),
		TEST(a_blocking_send_that_was_redirected_is_confirmed_where_it_was_added),
		TEST(a_commit_that_was_redirected_counts_where_it_was_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
