/*
 * test_cluster_unwritten.c - records for a node of a cluster that was never connected: they are not added, and the sender is told
 * so. Only a record that may have been written may have been added. And a commit is not written at a master where its partition
 * was not claimed.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "base/names.h"
#include "base/clock.h"
#include "harness/cluster.h"
#include "redis/route.h"

enum { PARTITIONS = 12, PATIENCE_MS = 20000 };

static test_cluster *cluster;
static seg_client *client;
static seg_stream *stream;
static seg_delivery heard; /* the newest delivery; partition PARTITIONS: none since the send */
static char heard_text[SEG_ERROR_TEXT_MAX];

static int start_cluster(void **state)
{
	(void)state;
	cluster = test_cluster_start(NULL);
	return 0;
}

static int stop_cluster(void **state)
{
	(void)state;
	test_cluster_stop(cluster);
	return 0;
}

/* A client that has only asked for the shape of the stream. */
static void open_client_at(const char *address, uint32_t timeout_ms)
{
	seg_client_options options;
	seg_stream_shape shape = {PARTITIONS, 1000, SEG_OVERFLOW_REJECT};
	seg_error error = {0};
	seg_client_options_init(&options);
	options.address = address;
	options.timeout_ms = timeout_ms;
	if (seg_client_open(&options, &client, &error) ||
	    seg_stream_register(client, "s", &shape, &stream, &error))
		fail_msg("%s", error.text);
}

static void open_client(uint32_t timeout_ms)
{
	open_client_at(cluster->address, timeout_ms);
}

static int close_client(void **state)
{
	(void)state;
	seg_stream_close(stream);
	seg_client_close(client);
	return 0;
}

static int node_of_stream(void)
{
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, "default", "s", NULL, NULL);
	return test_cluster_key_owner(cluster, key);
}

static const char *log_of(uint32_t partition)
{
	static char key[SEG_KEY_MAX];
	seg_key_log(key, "default", "s", partition);
	return key;
}

static long long length_of(uint32_t partition, int node)
{
	redisReply *reply = test_server_ask(cluster->nodes[node], "XLEN %s", log_of(partition));
	long long length = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
	freeReplyObject(reply);
	return length;
}

/* A key whose partition is on another node than the stream's. */
static seg_record record_elsewhere(uint32_t *partition, int *node)
{
	static char key[16];
	for (int k = 0;; k++) {
		int length = snprintf(key, sizeof(key), "k%d", k);
		*partition = seg_partition_of(key, (size_t)length, PARTITIONS);
		*node = test_cluster_key_owner(cluster, log_of(*partition));
		if (*node != node_of_stream())
			return (seg_record){.key = key,
					    .key_length = (size_t)length,
					    .data = "x",
					    .data_length = 1};
	}
}

static void a_blocking_send_to_a_node_that_was_never_connected_is_not_added(void **state)
{
	(void)state;
	uint32_t partition;
	int node;
	seg_error error = {0};
	open_client(1500);
	seg_record record = record_elsewhere(&partition, &node);
	long long before = length_of(partition, node);
	kill(cluster->nodes[node]->pid, SIGSTOP);
	int status = seg_stream_send(stream, &record, NULL, &error);
	kill(cluster->nodes[node]->pid, SIGCONT);
	if (status != SEG_EUNREACHABLE)
		fail_msg("status %d: %s", status, error.text);
	assert_null(strstr(error.text, "may have been added"));
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	/* Nothing of it is left to be written when the node is back. */
	assert_int_equal(seg_stream_send(stream, &record, NULL, &error), 0);
	assert_int_equal(length_of(partition, node), before + 1);
}

/* Users are made on each node by itself. */
static void make_user_but_on(int without)
{
	for (int node = 0; node < 3; node++)
		if (node != without)
			test_server_tell(cluster->nodes[node], "ACL SETUSER app on >pw ~* &* +@all");
}

static void a_node_that_refuses_the_login_fails_only_what_is_for_it(void **state)
{
	(void)state;
	uint32_t partition;
	int node, sent = 0;
	char address[128];
	seg_error error = {0};
	const seg_record refused = record_elsewhere(&partition, &node);
	make_user_but_on(node);
	snprintf(address, sizeof(address), "redis://app:pw@127.0.0.1:%d,127.0.0.1:%d",
		 cluster->nodes[(node + 1) % 3]->port, cluster->nodes[(node + 2) % 3]->port);
	open_client_at(address, PATIENCE_MS);
	int64_t before = seg_now();
	assert_int_equal(seg_stream_send(stream, &refused, NULL, &error), SEG_EAUTH);
	assert_true(seg_now() - before < PATIENCE_MS / 2 * SEG_MS);
	for (int k = 0; k < 100; k++) {
		char key[16];
		size_t length = (size_t)snprintf(key, sizeof(key), "r%d", k);
		if (test_cluster_key_owner(cluster, log_of(seg_partition_of(key, length, PARTITIONS))) ==
		    node)
			continue;
		seg_record record = {.key = key, .key_length = length, .data = "x", .data_length = 1};
		if (seg_stream_send(stream, &record, NULL, &error))
			fail_msg("after %d records: %s", sent, error.text);
		sent++;
	}
	assert_true(sent > 0);
	/* Of a batch, too: the others are added, and it is told of each. */
	seg_record both[] = {refused, {.key = NULL}};
	seg_send_result results[2];
	static char other[16];
	for (int k = 0; !both[1].key; k++) {
		size_t length = (size_t)snprintf(other, sizeof(other), "b%d", k);
		if (test_cluster_key_owner(cluster, log_of(seg_partition_of(other, length, PARTITIONS))) !=
		    node)
			both[1] = (seg_record){.key = other,
					       .key_length = length,
					       .data = "x",
					       .data_length = 1};
	}
	assert_int_equal(seg_stream_send_batch(stream, both, 2, results, &error), SEG_EAUTH);
	assert_int_equal(results[0].status, SEG_EAUTH);
	assert_int_equal(results[1].status, SEG_OK);
}

static void hear(void *arg, const seg_delivery *delivery)
{
	(void)arg;
	heard = *delivery;
	snprintf(heard_text, sizeof(heard_text), "%s", delivery->text ? delivery->text : "");
}

static int outcome_of(seg_producer *producer, const seg_record *record)
{
	seg_error error = {0};
	heard.partition = PARTITIONS;
	if (seg_producer_send(producer, record, NULL, &error) ||
	    seg_producer_flush(producer, PATIENCE_MS, &error))
		fail_msg("%s", error.text);
	assert_true(heard.partition < PARTITIONS);
	return heard.status;
}

/* The old node of the slot redirects the record to a node that the producer has not met, and that hangs. */
static void a_record_that_is_redirected_to_a_node_that_is_away_is_not_added(void **state)
{
	(void)state;
	uint32_t partition;
	int node;
	seg_error error = {0};
	seg_producer *producer;
	seg_producer_options options;
	open_client(10000);
	seg_record record = record_elsewhere(&partition, &node);
	seg_producer_options_init(&options);
	options.delivery = hear;
	options.delivery_timeout_ms = 2500;
	assert_int_equal(seg_producer_open(stream, &options, &producer, &error), 0);
	assert_int_equal(outcome_of(producer, &record), 0);
	int to = (node + 1) % 3;
	if (to == node_of_stream())
		to = (node + 2) % 3;
	test_cluster_move_slot(cluster, test_cluster_slot(cluster, log_of(partition)), to);
	long long before = length_of(partition, to);
	kill(cluster->nodes[to]->pid, SIGSTOP);
	int status = outcome_of(producer, &record);
	kill(cluster->nodes[to]->pid, SIGCONT);
	if (status != SEG_EUNREACHABLE)
		fail_msg("status %d: %s", status, heard_text);
	assert_null(strstr(heard_text, "may have been added"));
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	assert_int_equal(outcome_of(producer, &record), 0);
	assert_int_equal(length_of(partition, to), before + 1);
	assert_int_equal(seg_producer_close(producer, 1000, &error), 0);
}

/* --- commits ------------------------------------------------------------------------------------------ */

static seg_route *route;
static char answer[256]; /* the newest one, or its first word */
static bool answered;

static void on_answer(void *arg, const seg_reply *reply)
{
	const seg_reply *first = reply && reply->type == SEG_REPLY_ARRAY ? seg_reply_at(reply, 0) : reply;
	(void)arg;
	snprintf(answer, sizeof(answer), "%s", !first ? "lost" : first->text ? first->text : "?");
	answered = true;
}

static int wait_for_answer(bool sent)
{
	seg_error error = {0};
	assert_true(sent);
	if (seg_route_wait(route, &answered, seg_now() + PATIENCE_MS * SEG_MS))
		fail_msg("no answer: %s", error.text);
	answered = false;
	return 0;
}

static const char *claim(uint32_t partition, const char *state_key, const char *epoch)
{
	const char *argv[] = {log_of(partition), state_key, "g", "0", "m", epoch, "ab.cd", "", "1"};
	wait_for_answer(seg_route_script(route, SEG_SCRIPT_CLAIM, on_answer, NULL, 2, 9, argv, NULL));
	return answer;
}

static const char *commit(uint32_t partition, const char *state_key, const char *epoch, const char *position)
{
	const char *argv[] = {log_of(partition), state_key, "g", epoch, "ab.cd", position, "1", "0"};
	wait_for_answer(
		seg_route_staying_script(route, SEG_SCRIPT_COMMIT, on_answer, NULL, 2, 8, argv, NULL));
	return answer;
}

static void expect_position(int node, const char *state_key, const char *position)
{
	redisReply *reply = test_server_ask(cluster->nodes[node], "HGET %s position", state_key);
	assert_string_equal(reply->str, position);
	freeReplyObject(reply);
}

/* The claim tells what the new master has: it may be a replica that was promoted and lacks what was handled. */
static void a_commit_waits_for_a_claim_where_its_slot_has_another_master(void **state)
{
	(void)state;
	const uint32_t partition = 3;
	char state_key[SEG_KEY_MAX];
	seg_address address;
	seg_error error = {0};
	const int node = test_cluster_key_owner(cluster, log_of(partition)), to = (node + 1) % 3,
		  slot = test_cluster_slot(cluster, log_of(partition));
	seg_key_beside_log(state_key, "default", "s", partition, "g", "state");
	assert_int_equal(seg_address_parse(cluster->address, &address, &error), 0);
	route = seg_route_create(&(seg_connection_options){.address = &address,
							   .client_name = "owner",
							   .connect_timeout = 5 * SEG_SECOND},
				 NULL);
	assert_non_null(route);
	assert_int_equal(seg_route_wait_ready(route, seg_now() + PATIENCE_MS * SEG_MS), 0);
	test_server_tell(cluster->nodes[node], "DEL %s", log_of(partition));
	for (const char *id = "1-1\0"
			      "2-2\0"
			      "3-3\0";
	     *id; id += strlen(id) + 1)
		test_server_tell(cluster->nodes[node], "XADD %s %s partitionKey k data x", log_of(partition),
				 id);
	assert_string_equal(claim(partition, state_key, "7"), "OK");
	assert_string_equal(commit(partition, state_key, "7", "1-1"), "OK");
	/* Half moved: the new node answers only with ASKING, and has all that was written. */
	test_cluster_move_begin(cluster, slot, to);
	while (test_cluster_move_keys(cluster, slot, to, 100) > 0)
		continue;
	assert_string_equal(commit(partition, state_key, "7", "2-2"), "OK");
	test_cluster_move_end(cluster, slot, to);
	expect_position(to, state_key, "2-2");
	assert_memory_equal(commit(partition, state_key, "7", "3-3"), "MOVED", 5);
	expect_position(to, state_key, "2-2");
	assert_string_equal(claim(partition, state_key, "8"), "OK");
	assert_string_equal(commit(partition, state_key, "8", "3-3"), "OK");
	expect_position(to, state_key, "3-3");
	seg_route_destroy(route);
	seg_address_fini(&address);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, close_client)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_blocking_send_to_a_node_that_was_never_connected_is_not_added),
		TEST(a_node_that_refuses_the_login_fails_only_what_is_for_it),
		TEST(a_record_that_is_redirected_to_a_node_that_is_away_is_not_added),
		cmocka_unit_test(a_commit_waits_for_a_claim_where_its_slot_has_another_master),
	};
	return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
