/* test_cluster_idle.c - what an idle group on a cluster costs, and how soon it wakes, with the doorbell and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/clustered.h"
#include "harness/group.h"

/* What is not heard comes after a minute. The intervals of a reader that hears nothing are up to 200 ms long. */
enum {
	KEYS = TEST_CLUSTERED_KEYS,
	PATIENCE_MS = 20000,
	ROUNDS = 4,
	AT_ONCE_MS = 100,
	INTERVALS_MS = 1000,
	FOUND_ANEW_MS = 10000
};

static int start_cluster(void **state)
{
	(void)state;
	clustered.cluster = test_cluster_start(&(test_cluster_options){
		.password = "secret",
		.acl = "user deaf on >pass ~* &nothing +@all -client|tracking\n"
		       "user mute on >pass ~* resetchannels +@all\n",
	});
	return 0;
}

/* --- an idle group ----------------------------------------------------------------------------------- */

static size_t count_deliveries(void)
{
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t count = deliveries.count;
	test_deliveries_free(&deliveries);
	return count;
}

static seg_client *client;
static seg_stream *opened;

static void open_sender(void)
{
	seg_error error = {0};
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = test_clustered_address(0, NULL);
	if (seg_client_open(&options, &client, &error) ||
	    seg_stream_open(client, clustered.stream, &opened, &error))
		fail_msg("%s", error.text);
}

static void close_sender(void)
{
	seg_stream_close(opened);
	seg_client_close(client);
}

/* Sends a message, and returns how many ms later it was handled. */
static long long time_one(const char *key)
{
	seg_error error = {0};
	size_t before = count_deliveries();
	seg_record record = {.key = key, .key_length = strlen(key), .data = "0", .data_length = 1};
	long long sent = test_now_ms();
	if (seg_stream_send(opened, &record, NULL, &error))
		fail_msg("%s", error.text);
	while (count_deliveries() == before) {
		if (test_now_ms() - sent > PATIENCE_MS)
			fail_msg("a message was not handled within %d ms", PATIENCE_MS);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return test_now_ms() - sent;
}

/* The longest of several. */
static long long time_several(void)
{
	long long longest = 0;
	for (int i = 0; i < KEYS; i++) {
		char key[16];
		snprintf(key, sizeof(key), "k%d", i);
		long long ms = time_one(key);
		longest = ms > longest ? ms : longest;
	}
	return longest;
}

/*
 * The longest of the best of several rounds, of which one below `enough_ms` is enough: a busy machine stands still now and then, but a
 * partition that is not heard is late in each round.
 */
static long long time_rounds(int enough_ms)
{
	long long best = time_several();
	for (int round = 1; round < ROUNDS && best >= enough_ms; round++) {
		long long longest = time_several();
		best = longest < best ? longest : best;
	}
	return best;
}

static long long commands_processed(void)
{
	long long sum = 0;
	for (int node = 0; node < clustered.cluster->count; node++) {
		if (!test_cluster_lives(clustered.cluster, node))
			continue;
		redisReply *info = test_server_ask(clustered.cluster->nodes[node], "INFO stats");
		const char *found = strstr(info->str, "total_commands_processed:");
		sum += found ? atoll(found + strlen("total_commands_processed:")) : 0;
		freeReplyObject(info);
	}
	return sum;
}

static void an_idle_group_costs_little_and_wakes_at_once(void **state)
{
	(void)state;
	test_clustered_make_stream();
	test_clustered_run_both();
	open_sender();
	(void)time_several(); /* until its doorbell rings, a runner that just started reads in intervals */
	long long latency = time_rounds(AT_ONCE_MS);
	close_sender();
	long long before = commands_processed();
	sleep(3);
	double rate = (double)(commands_processed() - before) / 3;
	print_message("idle: %.1f commands a second; a message is handled within %lld ms\n", rate, latency);
	assert_true(rate < 30);
	assert_true(latency < AT_ONCE_MS);
}

/* The slot of a silent partition moves with its keys; nobody is told, and nobody asks. */
static void an_idle_partition_whose_slot_moved_is_still_heard(void **state)
{
	(void)state;
	test_clustered_make_stream();
	test_clustered_run_both();
	open_sender();
	(void)time_several();
	const int slot = test_clustered_slot(2),
		  to = (test_cluster_slot_owner(clustered.cluster, slot) + 1) % 3;
	test_cluster_move_begin(clustered.cluster, slot, to);
	while (test_cluster_move_keys(clustered.cluster, slot, to, 100) > 0)
		continue;
	long long half = time_rounds(INTERVALS_MS);
	test_cluster_move_end(clustered.cluster, slot, to);
	long long first = time_several(), then = time_rounds(AT_ONCE_MS);
	close_sender();
	print_message("idle, a slot moved: %lld ms while it moved, %lld ms after it, %lld ms later\n", half,
		      first, then);
	assert_true(half < INTERVALS_MS);
	assert_true(first < FOUND_ANEW_MS);
	assert_true(then < AT_ONCE_MS);
}

static void goes_without_the_doorbell(const char *user)
{
	test_clustered_make_stream();
	test_clustered_run(0, test_clustered_address(0, user), "");
	test_group_wait_balanced(test_clustered_address(0, NULL), clustered.stream, "g", 1);
	open_sender();
	long long latency = time_rounds(INTERVALS_MS);
	close_sender();
	print_message("without the doorbell: a message is handled within %lld ms\n", latency);
	assert_true(latency < INTERVALS_MS);
	assert_int_equal(test_runner_times_said(rig.runners[0], "looked for in intervals") +
				 test_runner_times_said(rig.runners[0], "reads in intervals"),
			 1);
}

static void a_user_without_tracking_gets_messages_and_one_warning(void **state)
{
	(void)state;
	goes_without_the_doorbell("deaf");
}

static void a_user_without_the_channel_gets_messages_and_one_warning(void **state)
{
	(void)state;
	goes_without_the_doorbell("mute");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_clustered_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_idle_group_costs_little_and_wakes_at_once),
		TEST(an_idle_partition_whose_slot_moved_is_still_heard),
		TEST(a_user_without_tracking_gets_messages_and_one_warning),
		TEST(a_user_without_the_channel_gets_messages_and_one_warning),
	};
	return cmocka_run_group_tests(tests, start_cluster, test_clustered_stop);
}
