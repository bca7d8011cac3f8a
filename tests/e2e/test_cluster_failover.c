/*
 * test_cluster_failover.c - masters of a Redis Cluster fail over, as planned and by kill -9. What is lost, and how long partitions pause,
 * is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/clustered.h"
#include "harness/group.h"
#include "harness/segctl.h"

enum { PARTITIONS = TEST_CLUSTERED_PARTITIONS, KEYS = TEST_CLUSTERED_KEYS, PATIENCE_MS = 20000 };

static int start_cluster(void **state)
{
	(void)state;
	clustered.cluster = test_cluster_start(&(test_cluster_options){.replicas = 1});
	return 0;
}

/* --- failovers --------------------------------------------------------------------------------------------- */

static void a_planned_failover_loses_nothing(void **state)
{
	(void)state;
	test_load *load = test_clustered_load();
	test_cluster_failover(clustered.cluster,
			      test_cluster_slot_owner(clustered.cluster, test_clustered_slot(0)));
	test_load_go_on(load, 20);
	test_cluster_failover(clustered.cluster,
			      test_cluster_slot_owner(clustered.cluster, test_clustered_control_slot()));
	test_cluster_wait_settled(clustered.cluster, PATIENCE_MS);
	/* The replica may lack writes of the old master: that is no migration. */
	for (int i = 0; i < TEST_CLUSTERED_RUNNERS; i++) {
		test_runner_says(rig.runners[i],
				 "Redis was restarted or replaced; reading all positions again");
		assert_false(test_runner_has_said(rig.runners[i], "control keys have moved"));
	}
	test_clustered_finish(load, "two planned failovers", 5000);
}

static int node_of_partition(uint32_t partition)
{
	return test_cluster_slot_owner(clustered.cluster, test_clustered_slot(partition));
}

/* Any master but this one. */
static const char *another_master(int node)
{
	static char at[64];
	int other = (node + 1) % 6;
	while (!test_cluster_is_master(clustered.cluster, other) || other == node)
		other = (other + 1) % 6;
	snprintf(at, sizeof(at), "redis://127.0.0.1:%d", clustered.cluster->nodes[other]->port);
	return at;
}

/* It asks the dead master first, and then the one that has taken over. */
static void a_search_for_keys_follows_a_failover(void **state)
{
	(void)state;
	test_clustered_make_stream();
	int dead = node_of_partition(0);
	const char *at = another_master(dead);
	test_expect_text(test_segctl_good(at, "stream list"), clustered.stream);
	test_cluster_kill(clustered.cluster, dead);
	test_expect_text(test_segctl_good(at, "stream list"), clustered.stream);
	test_cluster_wait_settled(clustered.cluster, PATIENCE_MS);
	test_cluster_restart(clustered.cluster, dead);
	test_cluster_wait_settled(clustered.cluster, PATIENCE_MS);
}

/* Before the replica takes over, the other partitions are listed and go on. */
static void a_dead_master_stops_only_its_own_partitions(void **state)
{
	(void)state;
	test_load *load = test_clustered_load();
	int dead = node_of_partition(0);
	const char *at = another_master(dead);
	test_cluster_kill(clustered.cluster, dead);
	long long began = test_now_ms();
	const test_segctl *answer = test_segctl_do(at, "lag %s g --sample 0 --timeout 5s", clustered.stream);
	print_message("lag beside a dead master: exit code %d after %lld ms\n", answer->exit_code,
		      test_now_ms() - began);
	test_cluster_wait_settled(clustered.cluster, PATIENCE_MS);
	test_cluster_restart(clustered.cluster, dead);
	test_load_go_on(load, 20);
	test_deliveries_go_on(rig.deliveries, PARTITIONS);
	int numbers = test_load_end(load);
	test_group_wait_drained(at, clustered.stream, "g");
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	test_clustered_pauses("kill -9 of a master", 0, 20000);
	/* What no replica had is lost; the count says how many. */
	char *seen = calloc((size_t)KEYS, (size_t)numbers);
	size_t distinct = 0;
	for (size_t i = 0; i < deliveries.count; i++) {
		int key = atoi(deliveries.list[i].key + 1), number = atoi(deliveries.list[i].data);
		assert_true(key < KEYS && number < numbers);
		distinct += !seen[key * numbers + number];
		seen[key * numbers + number] = 1;
	}
	print_message("kill -9: %d sent, %zu handled, %zu repeated\n", KEYS * numbers, distinct,
		      deliveries.count - distinct);
	assert_true(distinct + 200 >= (size_t)(KEYS * numbers));
	free(seen);
	test_deliveries_free(&deliveries);
	test_cluster_wait_settled(clustered.cluster, PATIENCE_MS);
}

/* A replica is asked first: so the map names only nodes that have not been tried, the dead one first. */
static void a_client_opens_while_a_master_is_dead(void **state)
{
	(void)state;
	const test_cluster *cluster = clustered.cluster;
	seg_error error = {0};
	seg_client *late = NULL;
	seg_client_options options;
	char address[64];
	int first = test_cluster_slot_owner(cluster, 0), other = 0;
	while (other == first || test_cluster_is_master(cluster, other) ||
	       test_cluster_replica_of(cluster, first) == other)
		other++;
	/* Nothing takes over before this is over. */
	for (int i = 0; i < cluster->count; i++)
		test_server_tell(cluster->nodes[i], "CONFIG SET cluster-node-timeout 60000");
	test_cluster_kill(clustered.cluster, first);
	seg_client_options_init(&options);
	snprintf(address, sizeof(address), "redis://127.0.0.1:%d", cluster->nodes[other]->port);
	options.address = address;
	options.timeout_ms = 3000;
	if (seg_client_open(&options, &late, &error))
		fail_msg("%s", error.text);
	seg_client_close(late);
	test_cluster_restart(clustered.cluster, first);
	for (int i = 0; i < cluster->count; i++)
		test_server_tell(cluster->nodes[i], "CONFIG SET cluster-node-timeout 1000");
	test_cluster_wait_settled(cluster, PATIENCE_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_clustered_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_planned_failover_loses_nothing),
		TEST(a_search_for_keys_follows_a_failover),
		TEST(a_dead_master_stops_only_its_own_partitions),
		TEST(a_client_opens_while_a_master_is_dead),
	};
	return cmocka_run_group_tests(tests, start_cluster, test_clustered_stop);
}
