/*
 * test_distance.c - consuming over a round-trip time: through a relay that delays all bytes, one read brings several
 * batches. Every message arrives once and in order, also when the relay dies and takes the connections along.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/rig.h"
#include "measure/process.h"
#include "measure/relay.h"

enum { PARTITIONS = 2, MESSAGES = 30000, BATCH = 512, PATIENCE_MS = 20000, DELAY_NS = 10000000 };

static atomic_llong delay = DELAY_NS;
static bench_relay relay;
static pid_t relay_pid;
static char address[128];
static long long next_number[PARTITIONS];

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un unix_address = {.sun_family = AF_UNIX};
	snprintf(unix_address.sun_path, sizeof(unix_address.sun_path), "%s", path);
	return unix_address;
}

static void start_relay(void)
{
	relay_pid = bench_process_fork(bench_relay_run, &relay);
}

static void kill_relay(void)
{
	bench_process_kill(relay_pid);
}

static int set_up(void **state)
{
	char path[96];
	test_rig_set_up(state);
	snprintf(path, sizeof(path), "%s/relay.sock", rig.server->directory);
	snprintf(address, sizeof(address), "unix://%s", path);
	struct sockaddr_un own = unix_address(path), target = unix_address(rig.server->socket);
	relay.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(relay.listener, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(listen(relay.listener, 64), 0);
	memcpy(&relay.server, &target, sizeof(target));
	relay.server_length = sizeof(target);
	relay.delay = &delay;
	memset(next_number, 0, sizeof(next_number));
	start_relay();
	return 0;
}

static int tear_down(void **state)
{
	kill_relay();
	close(relay.listener);
	return test_rig_tear_down(state);
}

/* Each partition gets the numbers 0, 1, ... as data. */
static void fill(void)
{
	for (int p = 0; p < PARTITIONS; p++)
		test_rig_tell(
			"EVAL %s 1 __default:s:partition_%d %d",
			"for i = 0, ARGV[1] - 1 do redis.call('XADD', KEYS[1], '*', 'partitionKey', 'k', 'data', i) end",
			p, MESSAGES);
}

static void check_batch(const seg_batch *batch)
{
	assert_in_range(batch->count, 1, BATCH);
	for (size_t i = 0; i < batch->count; i++)
		assert_int_equal(strtoll(batch->messages[i].data, NULL, 10), next_number[batch->partition]++);
}

/* Consumes until so many messages of all partitions have arrived. */
static void consume(seg_consumer *consumer, long long total)
{
	seg_error error = {0};
	while (next_number[0] + next_number[1] < total) {
		const seg_batch *batch = NULL;
		if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
			fail_msg("no batch after %lld and %lld messages; %s", next_number[0], next_number[1],
				 error.text);
		check_batch(batch);
		assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, NULL), 0);
		seg_consumer_release(consumer, batch);
	}
}

static long long reads(void)
{
	redisReply *reply = test_server_command(rig.redis, "INFO commandstats");
	const char *line = strstr(reply->str, "cmdstat_xread:calls=");
	long long calls = line ? strtoll(line + strlen("cmdstat_xread:calls="), NULL, 10) : 0;
	freeReplyObject(reply);
	return calls;
}

static void consume_all(int deaths)
{
	seg_client_options client_options;
	seg_consumer_options options;
	seg_client *client;
	seg_stream *stream;
	seg_consumer *consumer;
	seg_error error = {0};
	seg_stream_shape shape = {.partitions = PARTITIONS, .partition_size = 2 * MESSAGES};
	seg_client_options_init(&client_options);
	client_options.address = address;
	if (seg_client_open(&client_options, &client, &error) ||
	    seg_stream_register(client, "s", &shape, &stream, &error))
		fail_msg("%s", error.text);
	fill();
	seg_consumer_options_init(&options);
	options.group = "g";
	if (seg_consumer_open(client, "s", &options, &consumer, &error))
		fail_msg("%s", error.text);
	long long total = (long long)PARTITIONS * MESSAGES;
	for (int i = 1; i <= deaths; i++) {
		consume(consumer, total * i / (deaths + 1));
		kill_relay();
		start_relay();
	}
	consume(consumer, total);
	if (seg_consumer_sync(consumer, PATIENCE_MS, &error) ||
	    seg_consumer_close(consumer, PATIENCE_MS, &error))
		fail_msg("%s", error.text);
	seg_stream_close(stream);
	seg_client_close(client);
}

static void a_read_over_a_distance_brings_several_batches(void **state)
{
	(void)state;
	consume_all(0);
	/* Reads of one batch would be 118, and each would cost a round trip. */
	assert_in_range(reads(), 1, 70);
}

static void messages_keep_their_order_and_none_is_lost_when_connections_break_in_the_middle(void **state)
{
	(void)state;
	consume_all(5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	bench_process_init();
	const struct CMUnitTest tests[] = {
		TEST(a_read_over_a_distance_brings_several_batches),
		TEST(messages_keep_their_order_and_none_is_lost_when_connections_break_in_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
