/*
 * test_cluster_slots.c - a Redis Cluster whose slots move, and whose nodes come, go and are away. Nothing is lost, order is kept,
 * and each pause is printed.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/names.h"
#include "harness/clustered.h"
#include "harness/group.h"
#include "harness/http.h"
#include "harness/segctl.h"

enum {
	RUNNERS = TEST_CLUSTERED_RUNNERS,
	PARTITIONS = TEST_CLUSTERED_PARTITIONS,
	KEYS = TEST_CLUSTERED_KEYS,
	PATIENCE_MS = 20000
};

/*
 * The longest pauses: on a busy machine they vary. A partition that is lost pauses for the rest of a session of 10 s. A group that only
 * looks for its control keys when a heartbeat is due pauses for up to 4 s.
 */
enum { PAUSE_MS = 5500, CONTROL_PAUSE_MS = 2000 };

static int start_cluster(void **state)
{
	(void)state;
	clustered.cluster = test_cluster_start(&(test_cluster_options){.password = "secret"});
	return 0;
}

/* --- slots that move -------------------------------------------------------------------------------- */

static void move(int slot)
{
	test_cluster_move_slot(clustered.cluster, slot,
			       (test_cluster_slot_owner(clustered.cluster, slot) + 1) % 3);
}

static void slots_move_under_load(void **state)
{
	(void)state;
	test_load *load = test_clustered_load();
	for (uint32_t p = 0; p < PARTITIONS; p += 2) {
		move(test_clustered_slot(p));
		test_load_go_on(load, 10);
	}
	move(test_clustered_control_slot());
	test_load_go_on(load, 10);
	move(test_clustered_slot(0));
	test_clustered_finish(load, "five slots moved", PAUSE_MS);
	/* Each partition whose slot has moved was claimed anew there. */
	assert_true(
		test_runner_times_said(rig.runners[0], "the slot of the partition has moved to") +
			test_runner_times_said(rig.runners[1], "the slot of the partition has moved to") >=
		PARTITIONS / 2);
	for (int i = 0; i < RUNNERS; i++)
		assert_int_equal(test_runner_stop(rig.runners[i], SIGTERM), 0);
}

/* A partition whose slot has moved is claimed anew in its epoch. What it commits and gives up from then on must count, too. */
static void slots_move_under_lanes_and_each_dead_letter_is_written_once(void **state)
{
	(void)state;
	static const char options[] = "parallel = 4\noption.dead_letter = *9";
	const char *address = test_clustered_address(0, NULL);
	test_load *load = test_load_start(address, clustered.stream, PARTITIONS, KEYS, 25);
	for (int i = 0; i < RUNNERS; i++)
		test_clustered_run(i, address, options);
	test_group_wait_balanced(address, clustered.stream, "g", RUNNERS);
	for (uint32_t p = 0; p < PARTITIONS; p += 2) {
		test_load_go_on(load, 15);
		test_deliveries_go_on(rig.deliveries, PARTITIONS);
		move(test_clustered_slot(p));
	}
	test_load_go_on(load, 25);
	int numbers = test_load_end(load);
	test_group_wait_drained(address, clustered.stream, "g");
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t repeated = test_deliveries_check_keys(&deliveries, KEYS, numbers);
	test_deliveries_free(&deliveries);
	print_message("%zu of %d messages came again\n", repeated, KEYS * numbers);
	assert_int_equal(test_group_dead_letters(address, clustered.stream, "g"), KEYS * (numbers / 10));
	for (int i = 0; i < RUNNERS; i++)
		assert_int_equal(test_runner_stop(rig.runners[i], SIGTERM), 0);
}

/* The sum of a counter in INFO of all nodes: of `section`, behind `name`. */
static long long sum(const char *section, const char *name)
{
	long long total = 0;
	for (int node = 0; node < 3; node++) {
		redisReply *info = test_server_ask(clustered.cluster->nodes[node], "INFO %s", section);
		const char *found = strstr(info->str, name);
		total += found ? atoll(found + strlen(name)) : 0;
		freeReplyObject(info);
	}
	return total;
}

/* Each route asks at most once a second, however many commands are answered MOVED. */
static void a_storm_of_moved_slots_is_no_storm_of_questions_for_the_map(void **state)
{
	(void)state;
	enum { ROUNDS = 3, ROUTES = 12, ASKED_BY_MOVE = 8 };
	const char questions[] = "cmdstat_cluster|slots:calls=", answers[] = "errorstat_MOVED:count=";
	test_load *load = test_clustered_load();
	const long long began = test_now_ms(), asked = sum("commandstats", questions),
			moved = sum("errorstats", answers);
	for (uint32_t i = 0; i < ROUNDS * PARTITIONS; i++)
		move(test_clustered_slot(i % PARTITIONS));
	test_load_go_on(load, 10);
	const long long seconds = (test_now_ms() - began) / 1000 + 1;
	const long long maps = sum("commandstats", questions) - asked;
	print_message("%d slots moved in %lld s: %lld answers MOVED, %lld questions for the map\n",
		      ROUNDS * PARTITIONS, seconds, sum("errorstats", answers) - moved, maps);
	assert_in_range(sum("errorstats", answers) - moved, 1, 1000);
	assert_in_range(maps, 1, ROUTES * seconds + ASKED_BY_MOVE * ROUNDS * PARTITIONS);
	test_clustered_finish(load, "all slots moved three times", PAUSE_MS);
}

static size_t deliveries_so_far(void)
{
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t count = deliveries.count;
	test_deliveries_free(&deliveries);
	return count;
}

/* Nobody has claimed a partition since then. */
static void expect_one_epoch_each(size_t since)
{
	uint64_t epochs[PARTITIONS] = {0};
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	for (size_t i = since; i < deliveries.count; i++) {
		const test_delivery *d = &deliveries.list[i];
		if (epochs[d->partition] > 0 && d->epoch != epochs[d->partition])
			fail_msg("partition %u was claimed again", d->partition);
		epochs[d->partition] = d->epoch;
	}
	test_deliveries_free(&deliveries);
}

static void partitions_go_on_while_the_control_slot_moves(void **state)
{
	(void)state;
	test_load *load = test_clustered_load();
	const size_t since = deliveries_so_far();
	for (int times = 1; times <= 2; times++) {
		move(test_clustered_control_slot());
		for (int i = 0; i < RUNNERS; i++)
			test_runner_says_times(rig.runners[i], "the group's control keys have moved to",
					       times);
		test_load_go_on(load, 10);
	}
	test_clustered_finish(load, "the control slot moved twice", CONTROL_PAUSE_MS);
	for (int i = 0; i < RUNNERS; i++)
		assert_false(test_runner_has_said(rig.runners[i], "was restarted or replaced"));
	expect_one_epoch_each(since);
}

static void a_slot_stays_half_moved_for_a_while(void **state)
{
	(void)state;
	test_load *load = test_clustered_load();
	const int slot = test_clustered_slot(1),
		  to = (test_cluster_slot_owner(clustered.cluster, slot) + 1) % 3;
	test_cluster_move_begin(clustered.cluster, slot, to);
	test_load_go_on(load, 25);
	test_cluster_move_keys(clustered.cluster, slot, to, 1);
	test_load_go_on(load, 25);
	while (test_cluster_move_keys(clustered.cluster, slot, to, 100) > 0)
		continue;
	/* All keys are there, and the slot is not. */
	test_load_go_on(load, 25);
	test_cluster_move_end(clustered.cluster, slot, to);
	test_clustered_finish(load, "a slot half moved for 1.5 s", PAUSE_MS);
}

/* --- nodes that come and go ---------------------------------------------------------------------------- */

/* Slots without keys, of one node: all nodes are told, in one go each. */
static void give_empty_slots(int from, int to)
{
	static test_cluster_view view;
	test_cluster_look(clustered.cluster, from, &view);
	const int order[] = {to, from, 0, 1};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		redisContext *redis = test_server_connect(clustered.cluster->nodes[order[i]]);
		redisReply *reply = NULL;
		int sent = 0;
		for (int slot = 0; slot < TEST_CLUSTER_SLOTS; slot++)
			if (view.owners[slot] == from)
				sent += redisAppendCommand(redis, "CLUSTER SETSLOT %d NODE %s", slot,
							   clustered.cluster->ids[to]) == REDIS_OK;
		/* The old node refuses the last one: it has become a replica. */
		for (; sent > 0 && redisGetReply(redis, (void **)&reply) == REDIS_OK; sent--)
			freeReplyObject(reply);
		redisFree(redis);
	}
}

static void move_everything(int from, int to)
{
	redisReply *keys = test_server_ask(clustered.cluster->nodes[from], "KEYS *");
	for (size_t i = 0; i < keys->elements; i++) {
		int slot = test_cluster_slot(clustered.cluster, keys->element[i]->str);
		if (test_cluster_slot_owner(clustered.cluster, slot) == from)
			test_cluster_move_slot(clustered.cluster, slot, to);
	}
	freeReplyObject(keys);
	give_empty_slots(from, to);
}

/* The last of the tests without replicas: the cluster is another one afterwards. */
static void a_node_joins_and_another_one_leaves_under_load(void **state)
{
	(void)state;
	test_load *load = test_clustered_load();
	int added = test_cluster_add(clustered.cluster);
	move_everything(2, added);
	test_cluster_remove(clustered.cluster, 2);
	test_clustered_finish(load, "a node joined and one left", PAUSE_MS);
}

/* The node of no key that tells about the group as a whole; and such a node may be away. */
static int node_of_partitions_only(void)
{
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, "default", clustered.stream, NULL, NULL);
	int needed = test_cluster_key_owner(clustered.cluster, key),
	    control = test_cluster_slot_owner(clustered.cluster, test_clustered_control_slot());
	for (uint32_t p = 0; p < PARTITIONS; p++) {
		int node = test_cluster_slot_owner(clustered.cluster, test_clustered_slot(p));
		if (node != needed && node != control)
			return node;
	}
	return -1;
}

static void lag_names_what(const char *says, int control, int most_ms)
{
	long long began = test_now_ms();
	const char *lag = test_segctl_good(test_clustered_address(control, NULL),
					   "lag %s g --sample 0 --timeout 3s", clustered.stream);
	print_message("lag beside a node that is away: %lld ms\n", test_now_ms() - began);
	test_expect_text(lag, says);
	assert_true(test_now_ms() - began < most_ms);
}

/* The admin server's reading of the group: what it says of a partition in metrics and JSON. */
typedef struct {
	int port;
	uint32_t partition;
	bool unreachable; /* as it is to be */
} admin_view;

static bool admin_says_so(void *arg)
{
	const admin_view *view = arg;
	char sample[160], path[64];
	snprintf(sample, sizeof(sample),
		 "segmenter_partition_unreachable{stream=\"%s\",group=\"g\",partition=\"%u\"}",
		 clustered.stream, view->partition);
	test_http_answer metrics = test_http_get(view->port, "/metrics");
	bool so = test_metrics_value(metrics.body, sample) == view->unreachable;
	snprintf(sample, sizeof(sample),
		 "segmenter_partition_lag_seconds{stream=\"%s\",group=\"g\",partition=\"%u\"}",
		 clustered.stream, view->partition);
	/* The lag is known if the node answers. */
	if (so)
		assert_int_equal(test_metrics_value(metrics.body, sample) < 0, view->unreachable);
	test_http_free(&metrics);
	snprintf(path, sizeof(path), "/api/v1/groups/%s/g", clustered.stream);
	test_http_answer group = test_http_get(view->port, path);
	bool named = strstr(group.body, "\"unreachable\":true") != NULL;
	test_http_free(&group);
	return so && named == view->unreachable;
}

static uint32_t a_partition_on(int node)
{
	uint32_t p = 0;
	while (test_cluster_slot_owner(clustered.cluster, test_clustered_slot(p)) != node)
		p++;
	return p;
}

static void the_others_are_listed_while_a_node_is_away(void **state)
{
	(void)state;
	char says[96];
	test_clustered_make_stream();
	test_clustered_run(0, test_clustered_address(0, NULL), "[runner]\nadmin = 127.0.0.1:0");
	test_group_wait_balanced(test_clustered_address(0, NULL), clustered.stream, "g", 1);
	int away = node_of_partitions_only(),
	    control = test_cluster_slot_owner(clustered.cluster, test_clustered_control_slot());
	if (away < 0)
		return;
	snprintf(says, sizeof(says), "127.0.0.1:%d does not answer", clustered.cluster->nodes[away]->port);
	for (int node = 0; node < clustered.cluster->count; node++)
		if (test_cluster_lives(clustered.cluster, node))
			test_server_tell(clustered.cluster->nodes[node],
					 "CONFIG SET cluster-require-full-coverage no");
	admin_view view = {test_http_port(rig.runners[0]), a_partition_on(away), false};
	test_wait_until(admin_says_so, &view, PATIENCE_MS, "the admin server reads all partitions");
	kill(clustered.cluster->nodes[away]->pid, SIGSTOP);
	lag_names_what(says, control, 8000);
	view.unreachable = true;
	test_wait_until(admin_says_so, &view, PATIENCE_MS, "the admin server says which node is away");
	kill(clustered.cluster->nodes[away]->pid, SIGCONT);
	test_segctl_good(test_clustered_address(control, NULL), "lag %s g --sample 0", clustered.stream);
	test_cluster_kill(clustered.cluster, away);
	lag_names_what(says, control, 8000);
	test_expect_text(test_segctl_do(test_clustered_address(control, NULL),
					"lag %s g --wait 3s --max-lag 5", clustered.stream)
				 ->errors,
			 "does not answer; gave up after 3s\n");
	/* The streams are anywhere, so a list of them needs every node, and names the one that is away. */
	snprintf(says, sizeof(says), "127.0.0.1:%d: Connection refused",
		 clustered.cluster->nodes[away]->port);
	test_expect_text(test_segctl_do(test_clustered_address(control, NULL), "stream list --timeout 2s")
				 ->errors,
			 says);
}

/* Adds a message to a log by hand at its node, and waits until it is handled. No other node is asked: one may hang. */
static void handles_a_message_in(uint32_t partition, int node)
{
	char key[SEG_KEY_MAX], line[256];
	long long deadline = test_now_ms() + PATIENCE_MS;
	bool handled = false;
	seg_key_log(key, "default", clustered.stream, partition);
	test_server_tell(clustered.cluster->nodes[node], "XADD %s * partitionKey k data 1", key);
	while (!handled && test_now_ms() < deadline) {
		unsigned found;
		FILE *file = fopen(rig.deliveries, "r");
		while (file && !handled && fgets(line, sizeof(line), file))
			handled = sscanf(line, "%*u %u", &found) == 1 && found == partition;
		if (file)
			fclose(file);
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	if (!handled)
		fail_msg("no message of partition %u was handled within %d ms", partition, PATIENCE_MS);
}

static void a_member_that_starts_while_a_node_is_away_handles_the_partitions_of_the_others(void **state)
{
	(void)state;
	int owners[PARTITIONS];
	test_clustered_make_stream();
	int away = node_of_partitions_only(),
	    control = test_cluster_slot_owner(clustered.cluster, test_clustered_control_slot());
	if (away < 0)
		return;
	for (uint32_t p = 0; p < PARTITIONS; p++)
		owners[p] = test_cluster_slot_owner(clustered.cluster, test_clustered_slot(p));
	for (int node = 0; node < clustered.cluster->count; node++)
		if (test_cluster_lives(clustered.cluster, node))
			test_server_tell(clustered.cluster->nodes[node],
					 "CONFIG SET cluster-require-full-coverage no");
	kill(clustered.cluster->nodes[away]->pid, SIGSTOP);
	test_clustered_run(0, test_clustered_address(control, NULL), "");
	for (uint32_t p = 0; p < PARTITIONS; p++)
		if (owners[p] != away)
			handles_a_message_in(p, owners[p]);
	kill(clustered.cluster->nodes[away]->pid, SIGCONT);
	for (uint32_t p = 0; p < PARTITIONS; p++)
		if (owners[p] == away)
			handles_a_message_in(p, owners[p]);
}

/* The leases of all partitions are there, whatever node the partitions are on. */
static void the_group_pauses_as_a_whole_while_the_node_of_its_control_slot_is_away_for_long(void **state)
{
	(void)state;
	int owners[PARTITIONS];
	test_clustered_make_stream();
	int control = test_cluster_slot_owner(clustered.cluster, test_clustered_control_slot());
	for (uint32_t p = 0; p < PARTITIONS; p++)
		owners[p] = test_cluster_slot_owner(clustered.cluster, test_clustered_slot(p));
	test_clustered_run(0, test_clustered_address(0, NULL), "session_timeout = 2s");
	test_group_wait_balanced(test_clustered_address(0, NULL), clustered.stream, "g", 1);
	kill(clustered.cluster->nodes[control]->pid, SIGSTOP);
	test_runner_says(rig.runners[0], "has expired");
	kill(clustered.cluster->nodes[control]->pid, SIGCONT);
	for (uint32_t p = 0; p < PARTITIONS; p++)
		handles_a_message_in(p, owners[p]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_clustered_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slots_move_under_load),
		TEST(slots_move_under_lanes_and_each_dead_letter_is_written_once),
		TEST(a_storm_of_moved_slots_is_no_storm_of_questions_for_the_map),
		TEST(partitions_go_on_while_the_control_slot_moves),
		TEST(a_slot_stays_half_moved_for_a_while),
		TEST(a_node_joins_and_another_one_leaves_under_load),
		TEST(a_member_that_starts_while_a_node_is_away_handles_the_partitions_of_the_others),
		TEST(the_group_pauses_as_a_whole_while_the_node_of_its_control_slot_is_away_for_long),
		TEST(the_others_are_listed_while_a_node_is_away),
	};
	return cmocka_run_group_tests(tests, start_cluster, test_clustered_stop);
}
