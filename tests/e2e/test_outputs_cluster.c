/*
 * test_outputs_cluster.c - a stream, a handler with outputs and state, and the stream that it emits to, on a real cluster: slots move, masters
 * die, and replicas stop. The outputs are there once and in the order of their keys, and the state is what a replay of the source gives.
 *
 * The handler is tests/plugins/counts.c: it counts the messages of each key, and emits each message once more. All of a message fails now and
 * then, and is undone.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "base/names.h"
#include "harness/clustered.h"
#include "harness/group.h"
#include "harness/segctl.h"

enum { KEYS = 20, SPREAD = 6, PER_SECOND = 50, RUNNERS = 2, PATIENCE_MS = 30000 };

static char in[32], out[32];
static int sources, targets; /* partitions of these */

/* --- the cluster ------------------------------------------------------------------------------------ */

static int start_masters(void **state)
{
	(void)state;
	/* A node that is stopped for a while does not stop the others. */
	clustered.cluster = test_cluster_start(&(test_cluster_options){.node_timeout_ms = 60000});
	return 0;
}

static int start_masters_and_replicas(void **state)
{
	(void)state;
	clustered.cluster =
		test_cluster_start(&(test_cluster_options){.replicas = 1, .node_timeout_ms = 2000});
	return 0;
}

static int slot_of(const char *stream, int partition)
{
	char key[SEG_KEY_MAX];
	seg_key_log(key, "default", stream, (uint32_t)partition);
	return test_cluster_slot(clustered.cluster, key);
}

static int node_of(const char *stream, int partition)
{
	return test_cluster_slot_owner(clustered.cluster, slot_of(stream, partition));
}

static test_server *server_of(const char *stream, int partition)
{
	return clustered.cluster->nodes[node_of(stream, partition)];
}

/* A name of a stream whose partition 0 is on this node. */
static void name_on(char name[32], const char *what, int node)
{
	int i = 0;
	do
		snprintf(name, 32, "%s-%s%d", clustered.stream, what, i++);
	while (node_of(name, 0) != node);
}

/* Any master but this one. */
static int another_master(int node)
{
	int other = 0;
	while (other == node || !test_cluster_is_master(clustered.cluster, other))
		other++;
	return other;
}

static void create_both(void)
{
	const char *address = clustered.cluster->address;
	test_segctl_good(address, "stream create %s -p %d", in, sources);
	test_segctl_good(address, "stream create %s -p %d", out, targets);
}

/* The first partitions are on different masters. */
static void make_streams_apart(int count)
{
	int source = another_master(-1);
	sources = count;
	targets = 1;
	name_on(in, "in", source);
	name_on(out, "out", another_master(source));
	create_both();
}

static void run_with_session(int i, const char *session, int ack_replicas, const char *options)
{
	test_runner_free(rig.runners[i]);
	rig.runners[i] = test_runner_run(
		"[redis]\naddress = %s\nack_replicas = %d\n[runner]\nname = runner-%d\n[consumer c]\nstream = %s\n"
		"group = g\noutputs = %s\nplugin = %s/tests/plugins/counts.so\noption.retries = 50\n"
		"session_timeout = %s\nmax_attempts = 0\nretry_backoff = 1ms\nretry_backoff_max = 1ms\n%s\n",
		clustered.cluster->address, ack_replicas, i, in, out, test_build_directory(), session,
		options);
}

static void run(int i, int ack_replicas, const char *options)
{
	run_with_session(i, "2s", ack_replicas, options);
}

static void stop(int i)
{
	assert_int_equal(test_runner_stop(rig.runners[i], SIGTERM), EX_OK);
}

/* Each key gets its numbers from `from` on, up to `to`; so many replicas have all of them when this returns. */
static void send_numbers(int from, int to, uint32_t ack_replicas)
{
	seg_error error;
	seg_client *client;
	seg_stream *stream;
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = clustered.cluster->address;
	options.ack_replicas = ack_replicas;
	options.timeout_ms = PATIENCE_MS;
	if (seg_client_open(&options, &client, &error) || seg_stream_open(client, in, &stream, &error))
		fail_msg("%s", error.text);
	for (int number = from; number < to; number++) {
		static char keys[KEYS][16], data[16];
		seg_record records[KEYS];
		seg_send_result results[KEYS];
		int length = snprintf(data, sizeof(data), "%d", number);
		for (int k = 0; k < KEYS; k++)
			records[k] = (seg_record){.key = keys[k],
						  .key_length = (size_t)snprintf(keys[k], sizeof(keys[k]),
										 "k%d", k),
						  .data = data,
						  .data_length = (size_t)length};
		if (seg_stream_send_batch(stream, records, KEYS, results, &error))
			fail_msg("%s", error.text);
	}
	seg_stream_close(stream);
	seg_client_close(client);
}

/* --- what is there in the end -------------------------------------------------------------------------- */

/* How many numbers each key has in the log: all from 0 on, in order, each once. */
static void read_log(const char *stream, int partition, int numbers[KEYS])
{
	char log[SEG_KEY_MAX];
	seg_key_log(log, "default", stream, (uint32_t)partition);
	memset(numbers, 0, KEYS * sizeof(numbers[0]));
	redisReply *reply = test_server_ask(server_of(stream, partition), "XRANGE %s - +", log);
	assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *fields = reply->element[i]->element[1];
		int k = atoi(fields->element[1]->str + 1), number = atoi(fields->element[3]->str);
		assert_in_range(k, 0, KEYS - 1);
		if (number != numbers[k])
			fail_msg("in %s, %s has %d, and %d was to come", log, fields->element[1]->str, number,
				 numbers[k]);
		numbers[k]++;
	}
	freeReplyObject(reply);
}

/* The values of a partition of the source count its messages, and nothing else. */
static void expect_values(int partition, const int numbers[KEYS])
{
	char values[SEG_KEY_MAX + 16];
	size_t keys = 0;
	snprintf(values, sizeof(values), "{__default:%s:partition_%d}:g:values", in, partition);
	redisReply *reply = test_server_ask(server_of(in, partition), "HGETALL %s", values);
	assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
	for (int k = 0; k < KEYS; k++)
		keys += numbers[k] > 0;
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const char *name = strrchr(reply->element[i]->str, ':') + 1;
		int value = atoi(reply->element[i + 1]->str);
		if (name[0] != 'k' || value != numbers[atoi(name + 1)])
			fail_msg("in %s, %s is %d", values, name, value);
	}
	assert_int_equal(reply->elements, 2 * keys);
	freeReplyObject(reply);
}

static void add_up(int sum[KEYS], const int numbers[KEYS])
{
	for (int k = 0; k < KEYS; k++)
		sum[k] += numbers[k];
}

static void expect_a_replay(int numbers)
{
	int here[KEYS], sent[KEYS] = {0}, emitted[KEYS] = {0};
	test_group_wait_drained(clustered.cluster->address, in, "g");
	assert_int_equal(test_group_dead_letters(clustered.cluster->address, in, "g"), 0);
	for (int p = 0; p < sources; p++) {
		read_log(in, p, here);
		expect_values(p, here);
		add_up(sent, here);
	}
	for (int p = 0; p < targets; p++) {
		read_log(out, p, here);
		add_up(emitted, here);
	}
	for (int k = 0; k < KEYS; k++) {
		assert_int_equal(sent[k], numbers);
		assert_int_equal(emitted[k], numbers);
	}
}

/* --- slots that move -------------------------------------------------------------------------------- */

static void move(int slot)
{
	test_cluster_move_slot(clustered.cluster, slot,
			       (test_cluster_slot_owner(clustered.cluster, slot) + 1) % 3);
}

static void move_and_replay(const char *options)
{
	sources = targets = SPREAD;
	snprintf(in, sizeof(in), "%s-in", clustered.stream);
	snprintf(out, sizeof(out), "%s-out", clustered.stream);
	create_both();
	test_load *load = test_load_start(clustered.cluster->address, in, sources, KEYS, PER_SECOND);
	for (int i = 0; i < RUNNERS; i++)
		run(i, 0, options);
	test_group_wait_balanced(clustered.cluster->address, in, "g", RUNNERS);
	for (int p = 0; p < SPREAD; p += 2) {
		test_load_go_on(load, 10);
		move(slot_of(in, p));
		test_load_go_on(load, 10);
		move(slot_of(out, p));
	}
	move(slot_of(in, 1));
	move(slot_of(out, 1));
	test_load_go_on(load, 10);
	expect_a_replay(test_load_end(load));
	for (int i = 0; i < RUNNERS; i++)
		stop(i);
}

static void slots_of_source_and_target_move_and_each_output_is_there_once(void **state)
{
	(void)state;
	move_and_replay("");
}

static void so_it_is_with_lanes(void **state)
{
	(void)state;
	move_and_replay("parallel = 8");
}

/* --- masters that die --------------------------------------------------------------------------------- */

static long long added(void)
{
	redisReply *reply = test_server_ask(server_of(out, 0), "XLEN __default:%s:partition_0", out);
	long long records = reply->integer;
	freeReplyObject(reply);
	return records;
}

static bool some_are_added(void *arg)
{
	return added() >= *(long long *)arg;
}

/*
 * Kills the master of the source or of the target amid a backlog. The backlog is on a replica: what only a dead master has had is sent again,
 * and is another message then.
 */
static void kill_and_replay(bool source, const char *options)
{
	enum { BACKLOG = 150, MORE = 10 };
	long long some = KEYS * BACKLOG / 4;
	make_streams_apart(1);
	send_numbers(0, BACKLOG, 1);
	run(0, 1, options);
	test_wait_until(some_are_added, &some, PATIENCE_MS, "outputs come");
	int dead = node_of(source ? in : out, 0);
	test_cluster_kill(clustered.cluster, dead);
	test_cluster_wait_settled(clustered.cluster, PATIENCE_MS);
	print_message("%lld of %d outputs were there when the replica had taken over\n", added(),
		      KEYS * BACKLOG);
	/* Nothing is confirmed until the new master has a replica. */
	test_cluster_restart(clustered.cluster, dead);
	test_cluster_wait_settled(clustered.cluster, PATIENCE_MS);
	send_numbers(BACKLOG, BACKLOG + MORE, 1);
	expect_a_replay(BACKLOG + MORE);
	stop(0);
}

static void a_targets_master_dies_and_each_output_is_there_once(void **state)
{
	(void)state;
	kill_and_replay(false, "batch_size = 10\nin_flight_batches = 2");
}

static void a_sources_master_dies_and_outputs_and_state_are_a_replay(void **state)
{
	(void)state;
	kill_and_replay(true, "batch_size = 10\nin_flight_batches = 2");
}

static void so_it_is_with_lanes_when_a_sources_master_dies(void **state)
{
	(void)state;
	kill_and_replay(true, "batch_size = 10\nin_flight_batches = 2\nparallel = 8");
}

/* --- replicas that stop ---------------------------------------------------------------------------------- */

static int stopped = -1;

static void stop_replica_of(const char *stream)
{
	stopped = test_cluster_replica_of(clustered.cluster, node_of(stream, 0));
	assert_in_range(stopped, 1, clustered.cluster->count - 1); /* the harness asks node 0 */
	kill(clustered.cluster->nodes[stopped]->pid, SIGSTOP);
}

static void let_stopped_go_on(void)
{
	kill(clustered.cluster->nodes[stopped]->pid, SIGCONT);
	stopped = -1;
}

static int tear_down(void **state)
{
	if (stopped >= 0)
		let_stopped_go_on();
	return test_rig_tear_down(state);
}

static void expect_position(const char *position)
{
	redisReply *reply =
		test_server_ask(server_of(in, 0), "HGET {__default:%s:partition_0}:g:state position", in);
	assert_int_equal(reply->type, REDIS_REPLY_STRING);
	assert_string_equal(reply->str, position);
	freeReplyObject(reply);
}

static bool why_names_the_replicas(void *arg)
{
	(void)arg;
	const test_segctl *answer = test_segctl_do(clustered.cluster->address, "why %s g 0 --sample 0", in);
	return strstr(answer->output, "0 of 1 replicas (ack_replicas) confirmed what was added");
}

static void newest_position(char position[64])
{
	redisReply *reply =
		test_server_ask(server_of(in, 0), "XREVRANGE __default:%s:partition_0 + - COUNT 1", in);
	assert_int_equal(reply->elements, 1);
	snprintf(position, 64, "%s", reply->element[0]->element[0]->str);
	freeReplyObject(reply);
}

static void the_position_waits_for_the_targets_replica_and_why_says_so(void **state)
{
	(void)state;
	enum { BEFORE = 10, AFTER = 20 };
	char position[64];
	make_streams_apart(1);
	send_numbers(0, BEFORE, 1);
	run(0, 1, "");
	expect_a_replay(BEFORE);
	newest_position(position);
	stop_replica_of(out);
	send_numbers(BEFORE, AFTER, 1);
	test_wait_until(why_names_the_replicas, NULL, PATIENCE_MS, "why names the replicas");
	expect_position(position);
	let_stopped_go_on();
	expect_a_replay(AFTER);
	stop(0);
}

static void so_it_is_when_the_runner_starts_while_the_replica_is_stopped(void **state)
{
	(void)state;
	enum { NUMBERS = 10 };
	make_streams_apart(1);
	send_numbers(0, NUMBERS, 1);
	stop_replica_of(out);
	run(0, 1, "");
	test_wait_until(why_names_the_replicas, NULL, PATIENCE_MS, "why names the replicas");
	expect_position("0-0");
	let_stopped_go_on();
	expect_a_replay(NUMBERS);
	stop(0);
}

static bool why_names_the_target(void *arg)
{
	char stream[64], node[32];
	snprintf(stream, sizeof(stream), "partition 0 of stream \"%s\": ", out);
	snprintf(node, sizeof(node), "127.0.0.1:%d", clustered.cluster->nodes[stopped]->port);
	const test_segctl *answer = test_segctl_do(clustered.cluster->address, "why %s g 0 --sample 0", in);
	(void)arg;
	const char *found = strstr(answer->output, stream);
	return found && strstr(found, node);
}

static void a_target_whose_redis_does_not_answer_is_named(void **state)
{
	(void)state;
	enum { NUMBERS = 10 };
	sources = targets = 1;
	name_on(in, "in", 0);
	/* Neither the source nor what the group shares is on the target's node. */
	char control[SEG_KEY_MAX];
	seg_key_of_stream(control, "default", in, "g", "control");
	name_on(out, "out", test_cluster_key_owner(clustered.cluster, control) == 1 ? 2 : 1);
	create_both();
	run(0, 0, "");
	send_numbers(0, 1, 0);
	expect_a_replay(1);
	stopped = node_of(out, 0);
	assert_in_range(stopped, 1, clustered.cluster->count - 1); /* the harness asks node 0 */
	kill(clustered.cluster->nodes[stopped]->pid, SIGSTOP);
	send_numbers(1, NUMBERS, 0);
	test_wait_until(why_names_the_target, NULL, PATIENCE_MS, "why names the target");
	let_stopped_go_on();
	expect_a_replay(NUMBERS);
	stop(0);
}

static bool why_names_commits(void *arg)
{
	(void)arg;
	const test_segctl *answer = test_segctl_do(clustered.cluster->address, "why %s g 0 --sample 0", in);
	return strstr(answer->output, "Cause: commits do not count, for") &&
	       strstr(answer->output, "Next:  start the replicas of 127.0.0.1:");
}

/* The commits of the other masters count all the time: the log must not say at each of them that all is well. */
static void a_sources_replica_that_is_stopped_is_named_and_logged_once(void **state)
{
	(void)state;
	static const char missing[] = "0 of 1 replicas (ack_replicas) confirmed a commit within",
			  good[] = "the replicas confirm commits again";
	enum { BEFORE = 20, AFTER = 40 };
	long long all = KEYS * AFTER;
	make_streams_apart(SPREAD);
	stop_replica_of(in);
	/* A lease that ends on a busy machine would end what is missed, and the log would tell it again. */
	run_with_session(0, "10s", 1, "commit_interval = 10ms");
	send_numbers(0, BEFORE, 0);
	test_wait_until(why_names_commits, NULL, PATIENCE_MS, "why names the replicas");
	send_numbers(BEFORE, AFTER, 0);
	test_wait_until(some_are_added, &all, PATIENCE_MS, "all outputs are added");
	assert_int_equal(test_runner_times_said(rig.runners[0], missing), 1);
	assert_int_equal(test_runner_times_said(rig.runners[0], good), 0);
	let_stopped_go_on();
	expect_a_replay(AFTER);
	test_runner_says(rig.runners[0], good);
	stop(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_clustered_set_up, tear_down)

int main(void)
{
	const struct CMUnitTest without_replicas[] = {
		TEST(slots_of_source_and_target_move_and_each_output_is_there_once),
		TEST(so_it_is_with_lanes),
		TEST(a_target_whose_redis_does_not_answer_is_named),
	};
	const struct CMUnitTest with_replicas[] = {
		TEST(the_position_waits_for_the_targets_replica_and_why_says_so),
		TEST(so_it_is_when_the_runner_starts_while_the_replica_is_stopped),
		TEST(a_sources_replica_that_is_stopped_is_named_and_logged_once),
		TEST(a_targets_master_dies_and_each_output_is_there_once),
		TEST(a_sources_master_dies_and_outputs_and_state_are_a_replay),
		TEST(so_it_is_with_lanes_when_a_sources_master_dies),
	};
	int failed = cmocka_run_group_tests(without_replicas, start_masters, test_clustered_stop);
	return failed +
	       cmocka_run_group_tests(with_replicas, start_masters_and_replicas, test_clustered_stop);
}
