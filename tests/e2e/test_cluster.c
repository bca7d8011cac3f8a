/*
 * test_cluster.c - a real Redis Cluster: any of its nodes as the address, slots that move, nodes that come and go, masters
 * that fail over, and what waiting costs. Nothing is lost, order is kept, and each pause is printed.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "base/names.h"
#include "harness/cluster.h"
#include "harness/group.h"
#include "harness/http.h"
#include "harness/load.h"
#include "harness/runner.h"
#include "harness/segctl.h"

enum { RUNNERS = 2, PARTITIONS = 6, KEYS = 24, PER_SECOND = 50, PATIENCE_MS = 20000 };

static test_cluster *cluster;
static test_runner *runners[RUNNERS];
static char directory[64], deliveries_path[96];
static char stream[16]; /* each test has one of its own */

/* --- making and unmaking ------------------------------------------------------------------- */

static void start(const test_cluster_options *options)
{
	cluster = test_cluster_start(options);
}

static int start_three(void **state)
{
	(void)state;
	/* In the time of all these tests, no node that is slow is taken for dead. */
	start(&(test_cluster_options){
		.password = "secret",
		.acl = "user deaf on >pass ~* &nothing +@all -client|tracking\n"
		       "user mute on >pass ~* resetchannels +@all\n",
	});
	return 0;
}

static int start_with_replicas(void **state)
{
	(void)state;
	start(&(test_cluster_options){.replicas = 1});
	return 0;
}

static int stop(void **state)
{
	(void)state;
	test_cluster_stop(cluster);
	return 0;
}

static int set_up(void **state)
{
	static int number;
	(void)state;
	snprintf(stream, sizeof(stream), "s%d", ++number);
	test_directory_make(directory);
	snprintf(deliveries_path, sizeof(deliveries_path), "%s/deliveries", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < RUNNERS; i++) {
		test_runner_free(runners[i]);
		runners[i] = NULL;
	}
	test_directory_remove(directory);
	return 0;
}

/* One node as the address, with this user. */
static const char *address_of(int node, const char *user)
{
	static char address[4][128];
	static int turn;
	char *text = address[turn++ % 4];
	const char *password = cluster->options.password;
	if (user)
		snprintf(text, 128, "redis://%s:pass@127.0.0.1:%d", user, cluster->nodes[node]->port);
	else
		snprintf(text, 128, "redis://%s%s%s127.0.0.1:%d", password ? ":" : "",
			 password ? password : "", password ? "@" : "", cluster->nodes[node]->port);
	return text;
}

static void run_at(int i, const char *address, const char *more)
{
	test_runner_free(runners[i]);
	runners[i] = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = runner-%d\n"
		"[consumer c]\nstream = %s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\npartitions = %d\noption.path = %s\n%s\n",
		address, i, stream, test_build_directory(), PARTITIONS, deliveries_path, more);
}

static void run_both(void)
{
	run_at(0, address_of(0, NULL), "");
	run_at(1, address_of(1, NULL), "");
	test_group_wait_balanced(address_of(2, NULL), stream, "g", 2);
}

static void make_stream(void)
{
	test_segctl_good(address_of(0, NULL), "stream create %s -p %d", stream, PARTITIONS);
}

static int slot_of_partition(uint32_t partition)
{
	char key[SEG_KEY_MAX];
	seg_key_log(key, "default", stream, partition);
	return test_cluster_slot(cluster, key);
}

static int slot_of_control(void)
{
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, "default", stream, "g", "control");
	return test_cluster_slot(cluster, key);
}

/* --- pauses ------------------------------------------------------------------------------------ */

/* Reads the deliveries as they are written, and notes the longest time without one in any partition. */
static struct {
	pthread_t thread;
	atomic_bool over;
	long long newest[PARTITIONS], longest, anywhere;
} watch;

static void see(const char *line, long long now, long long *newest)
{
	unsigned partition;
	if (sscanf(line, "%*u %u", &partition) != 1 || partition >= PARTITIONS)
		return;
	long long pause = now - watch.newest[partition];
	if (pause > watch.longest)
		watch.longest = pause;
	if (now - *newest > watch.anywhere)
		watch.anywhere = now - *newest;
	watch.newest[partition] = *newest = now;
}

static void *watch_deliveries(void *arg)
{
	char line[256];
	FILE *file = fopen(deliveries_path, "r");
	(void)arg;
	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	long long newest = test_now_ms();
	for (int p = 0; p < PARTITIONS; p++)
		watch.newest[p] = newest;
	while (!atomic_load(&watch.over)) {
		while (fgets(line, sizeof(line), file))
			see(line, test_now_ms(), &newest);
		clearerr(file);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
	fclose(file);
	return NULL;
}

static void watch_begin(void)
{
	watch.longest = watch.anywhere = 0;
	atomic_store(&watch.over, false);
	assert_int_equal(pthread_create(&watch.thread, NULL, watch_deliveries, NULL), 0);
}

/* Prints what was seen; fails if a partition paused for longer than this. */
static void watch_end(const char *what, size_t repeated, int most_ms)
{
	atomic_store(&watch.over, true);
	pthread_join(watch.thread, NULL);
	print_message("%s: longest pause of a partition %lld ms, of all together %lld ms, %zu repeated\n",
		      what, watch.longest, watch.anywhere, repeated);
	if (watch.longest > most_ms)
		fail_msg("a partition paused for %lld ms, more than %d", watch.longest, most_ms);
}

static test_load *start_load(void)
{
	test_load *load = test_load_start(address_of(0, NULL), stream, PARTITIONS, KEYS, PER_SECOND);
	run_both();
	test_load_go_on(load, 20);
	test_deliveries_go_on(deliveries_path, PARTITIONS);
	watch_begin();
	return load;
}

/* Ends the load, and checks that everything was handled in order. */
static void finish(test_load *load, const char *what, int most_ms)
{
	test_load_go_on(load, 20);
	test_deliveries_go_on(deliveries_path, PARTITIONS);
	int numbers = test_load_end(load);
	test_group_wait_drained(address_of(0, NULL), stream, "g");
	test_deliveries deliveries = test_deliveries_read(deliveries_path);
	size_t repeated = test_deliveries_check(&deliveries, KEYS, numbers, 0);
	watch_end(what, repeated, most_ms);
	assert_true(repeated <= (size_t)(KEYS * numbers) / 10 + 100);
	test_deliveries_free(&deliveries);
}

/* --- any node -------------------------------------------------------------------------------------- */

static void library_works_at(const char *address, int number)
{
	seg_client *client = NULL;
	seg_stream *opened = NULL;
	seg_consumer *consumer = NULL;
	const seg_batch *batch = NULL;
	seg_error error = {0};
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = address;
	seg_consumer_options consuming;
	seg_consumer_options_init(&consuming);
	consuming.group = "pull";
	consuming.start.kind = SEG_START_EARLIEST;
	if (seg_client_open(&options, &client, &error) || seg_stream_open(client, stream, &opened, &error) ||
	    seg_consumer_open(client, stream, &consuming, &consumer, &error))
		fail_msg("%s: %s", address, error.text);
	for (int i = 0; i < PARTITIONS * 4; i++) {
		char key[16];
		int length = snprintf(key, sizeof(key), "%d-%d", number, i);
		seg_record record = {.key = key, .key_length = (size_t)length, .data = "x", .data_length = 1};
		if (seg_stream_send(opened, &record, NULL, &error))
			fail_msg("%s: %s", address, error.text);
	}
	for (int seen = 0; seen < PARTITIONS * 4;) {
		if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
			fail_msg("%s: %s", address, error.text);
		seen += (int)batch->count;
		if (seg_consumer_commit(consumer, batch, batch->count, &error))
			fail_msg("%s: %s", address, error.text);
		seg_consumer_release(consumer, batch);
	}
	if (seg_consumer_close(consumer, PATIENCE_MS, &error))
		fail_msg("%s: %s", address, error.text);
	seg_stream_close(opened);
	seg_client_close(client);
}

static void the_library_works_with_any_node(void **state)
{
	(void)state;
	make_stream();
	for (int node = 0; node < 3; node++)
		library_works_at(address_of(node, NULL), node);
}

/* Sends NAME0, NAME1, ... with segctl. */
static void send_lines(const char *address, const char *name, int count)
{
	char lines[1024] = "", command[64];
	for (int i = 0; i < count; i++)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s%d\n", name, i);
	snprintf(command, sizeof(command), "send %s", stream);
	const test_segctl *answer = test_segctl_run(address, lines, command);
	if (answer->exit_code)
		fail_msg("send at %s: exit code %d: %s", address, answer->exit_code, answer->errors);
}

static void each_command_of_segctl_works_at_any_node(void **state)
{
	(void)state;
	char where[64];
	make_stream();
	run_both();
	for (int node = 0; node < 3; node++) {
		const char *at = address_of(node, NULL);
		send_lines(at, "data", PARTITIONS * 2);
		test_group_wait_drained(at, stream, "g");
		test_expect_text(test_segctl_good(at, "stream list"), stream);
		test_expect_text(test_segctl_good(at, "stream describe %s", stream), "NODE");
		test_expect_text(test_segctl_good(at, "tail %s --from earliest --count 12 --raw", stream),
				 "data");
		test_expect_text(test_segctl_good(at, "group list %s", stream), "g");
		test_expect_text(test_segctl_good(at, "group describe %s g", stream), "runner-1");
		const char *lag = test_segctl_good(at, "lag %s g --sample 0", stream);
		test_expect_text(lag, "NODE");
		for (int i = 0; i < 3; i++) {
			snprintf(where, sizeof(where), "127.0.0.1:%d", cluster->nodes[i]->port);
			test_expect_text(lag, where);
		}
		test_expect_text(test_segctl_good(at, "why %s g 1 --sample 0", stream), "Node ");
		test_segctl_good(at, "dlq list %s g", stream);
		test_segctl_good(at, "reset %s g --to earliest --dry-run", stream);
	}
	const char *at = address_of(1, NULL);
	for (int i = 0; i < RUNNERS; i++)
		assert_int_equal(test_runner_stop(runners[i], SIGTERM), 0);
	test_segctl_good(at, "reset %s g --to earliest --yes", stream);
	test_segctl_good(at, "group delete %s g --yes", stream);
	test_segctl_good(at, "stream delete %s --yes", stream);
	assert_null(strstr(test_segctl_good(at, "stream list"), stream));
	/* And nothing is left behind on any node. */
	for (int node = 0; node < 3; node++) {
		redisReply *reply = test_server_ask(cluster->nodes[node], "KEYS *:%s:*", stream);
		assert_int_equal(reply->elements, 0);
		freeReplyObject(reply);
	}
}

static void dead_letters_are_listed_and_replayed(void **state)
{
	(void)state;
	make_stream();
	run_at(0, address_of(1, NULL), "max_attempts = 1\noption.fail = bad*");
	send_lines(address_of(2, NULL), "bad", PARTITIONS * 2);
	test_group_wait_drained(address_of(0, NULL), stream, "g");
	assert_int_equal(test_group_dead_letters(address_of(0, NULL), stream, "g"), PARTITIONS * 2);
	test_expect_text(test_segctl_good(address_of(0, NULL), "dlq list %s g", stream), "bad11");
	assert_int_equal(test_runner_stop(runners[0], SIGTERM), 0);
	test_segctl_good(address_of(1, NULL), "dlq replay %s g --yes", stream);
	assert_int_equal(test_group_dead_letters(address_of(0, NULL), stream, "g"), 0);
}

static void the_admin_server_measures_a_group_of_a_cluster(void **state)
{
	(void)state;
	make_stream();
	run_at(0, address_of(2, NULL), "[runner]\nadmin = 127.0.0.1:0");
	test_group_wait_balanced(address_of(0, NULL), stream, "g", 1);
	int port = test_http_port(runners[0]);
	test_http_answer answer = test_http_get(port, "/metrics");
	assert_int_equal(answer.status, 200);
	test_metrics_check(answer.body);
	test_http_free(&answer);
	assert_int_equal(test_http_status(port, "/readyz"), 200);
}

/* --- slots that move -------------------------------------------------------------------------------- */

static void move(int slot)
{
	test_cluster_move_slot(cluster, slot, (test_cluster_slot_owner(cluster, slot) + 1) % 3);
}

static void slots_move_under_load(void **state)
{
	(void)state;
	test_load *load = start_load();
	for (uint32_t p = 0; p < PARTITIONS; p += 2) {
		move(slot_of_partition(p));
		test_load_go_on(load, 10);
	}
	move(slot_of_control());
	test_load_go_on(load, 10);
	move(slot_of_partition(0));
	finish(load, "five slots moved", 3000);
	for (int i = 0; i < RUNNERS; i++)
		assert_int_equal(test_runner_stop(runners[i], SIGTERM), 0);
}

static void a_slot_stays_half_moved_for_a_while(void **state)
{
	(void)state;
	test_load *load = start_load();
	const int slot = slot_of_partition(1), to = (test_cluster_slot_owner(cluster, slot) + 1) % 3;
	test_cluster_move_begin(cluster, slot, to);
	test_load_go_on(load, 25);
	test_cluster_move_keys(cluster, slot, to, 1);
	test_load_go_on(load, 25);
	while (test_cluster_move_keys(cluster, slot, to, 100) > 0)
		continue;
	/* All keys are there, and the slot is not. */
	test_load_go_on(load, 25);
	test_cluster_move_end(cluster, slot, to);
	finish(load, "a slot half moved for 1.5 s", 4000);
}

/* --- an idle group ----------------------------------------------------------------------------------- */

static size_t count_deliveries(void)
{
	test_deliveries deliveries = test_deliveries_read(deliveries_path);
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
	options.address = address_of(0, NULL);
	if (seg_client_open(&options, &client, &error) || seg_stream_open(client, stream, &opened, &error))
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

static long long commands_processed(void)
{
	long long sum = 0;
	for (int node = 0; node < cluster->count; node++) {
		if (!test_cluster_lives(cluster, node))
			continue;
		redisReply *info = test_server_ask(cluster->nodes[node], "INFO stats");
		const char *found = strstr(info->str, "total_commands_processed:");
		sum += found ? atoll(found + strlen("total_commands_processed:")) : 0;
		freeReplyObject(info);
	}
	return sum;
}

static void an_idle_group_costs_little_and_wakes_at_once(void **state)
{
	(void)state;
	make_stream();
	run_both();
	open_sender();
	(void)time_several(); /* until its doorbell rings, a runner that just started reads in intervals */
	long long latency = time_several();
	close_sender();
	long long before = commands_processed();
	sleep(3);
	double rate = (double)(commands_processed() - before) / 3;
	print_message("idle: %.1f commands a second; a message is handled within %lld ms\n", rate, latency);
	assert_true(rate < 30);
	assert_true(latency < 100);
}

/* The slot of a silent partition moves with its keys; nobody is told, and nobody asks. */
static void an_idle_partition_whose_slot_moved_is_still_heard(void **state)
{
	(void)state;
	make_stream();
	run_both();
	open_sender();
	(void)time_several();
	const int slot = slot_of_partition(2), to = (test_cluster_slot_owner(cluster, slot) + 1) % 3;
	test_cluster_move_begin(cluster, slot, to);
	while (test_cluster_move_keys(cluster, slot, to, 100) > 0)
		continue;
	long long half = time_several();
	test_cluster_move_end(cluster, slot, to);
	long long first = time_several(), then = time_several();
	close_sender();
	print_message("idle, a slot moved: %lld ms while it moved, %lld ms after it, %lld ms later\n", half,
		      first, then);
	assert_true(half < 1000);
	assert_true(first < 3000);
	assert_true(then < 100);
}

static void goes_without_the_doorbell(const char *user)
{
	make_stream();
	run_at(0, address_of(0, user), "");
	test_group_wait_balanced(address_of(0, NULL), stream, "g", 1);
	open_sender();
	long long latency = time_several();
	close_sender();
	print_message("without the doorbell: a message is handled within %lld ms\n", latency);
	assert_true(latency < 1000);
	assert_int_equal(test_runner_times_said(runners[0], "looked for in intervals") +
				 test_runner_times_said(runners[0], "reads in intervals"),
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

/* --- nodes that come and go ---------------------------------------------------------------------------- */

/* Slots without keys, of one node: all nodes are told, in one go each. */
static void give_empty_slots(int from, int to)
{
	static test_cluster_view view;
	test_cluster_look(cluster, from, &view);
	const int order[] = {to, from, 0, 1};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		redisContext *redis = test_server_connect(cluster->nodes[order[i]]);
		redisReply *reply = NULL;
		int sent = 0;
		for (int slot = 0; slot < TEST_CLUSTER_SLOTS; slot++)
			if (view.owners[slot] == from)
				sent += redisAppendCommand(redis, "CLUSTER SETSLOT %d NODE %s", slot,
							   cluster->ids[to]) == REDIS_OK;
		/* The old node refuses the last one: it has become a replica. */
		for (; sent > 0 && redisGetReply(redis, (void **)&reply) == REDIS_OK; sent--)
			freeReplyObject(reply);
		redisFree(redis);
	}
}

static void move_everything(int from, int to)
{
	redisReply *keys = test_server_ask(cluster->nodes[from], "KEYS *");
	for (size_t i = 0; i < keys->elements; i++) {
		int slot = test_cluster_slot(cluster, keys->element[i]->str);
		if (test_cluster_slot_owner(cluster, slot) == from)
			test_cluster_move_slot(cluster, slot, to);
	}
	freeReplyObject(keys);
	give_empty_slots(from, to);
}

/* The last of the tests without replicas: the cluster is another one afterwards. */
static void a_node_joins_and_another_one_leaves_under_load(void **state)
{
	(void)state;
	test_load *load = start_load();
	int added = test_cluster_add(cluster);
	move_everything(2, added);
	test_cluster_remove(cluster, 2);
	finish(load, "a node joined and one left", 4000);
}

/* The node of no key that tells about the group as a whole; and such a node may be away. */
static int node_of_partitions_only(void)
{
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, "default", stream, NULL, NULL);
	int needed = test_cluster_key_owner(cluster, key),
	    control = test_cluster_slot_owner(cluster, slot_of_control());
	for (uint32_t p = 0; p < PARTITIONS; p++) {
		int node = test_cluster_slot_owner(cluster, slot_of_partition(p));
		if (node != needed && node != control)
			return node;
	}
	return -1;
}

static void lag_names_what(const char *says, int control, int most_ms)
{
	long long began = test_now_ms();
	const char *lag =
		test_segctl_good(address_of(control, NULL), "lag %s g --sample 0 --timeout 3s", stream);
	print_message("lag beside a node that is away: %lld ms\n", test_now_ms() - began);
	test_expect_text(lag, says);
	assert_true(test_now_ms() - began < most_ms);
}

static void the_others_are_listed_while_a_node_is_away(void **state)
{
	(void)state;
	char says[96];
	make_stream();
	run_at(0, address_of(0, NULL), "");
	test_group_wait_balanced(address_of(0, NULL), stream, "g", 1);
	int away = node_of_partitions_only(), control = test_cluster_slot_owner(cluster, slot_of_control());
	if (away < 0)
		return;
	snprintf(says, sizeof(says), "127.0.0.1:%d does not answer", cluster->nodes[away]->port);
	for (int node = 0; node < cluster->count; node++)
		if (test_cluster_lives(cluster, node))
			test_server_tell(cluster->nodes[node], "CONFIG SET cluster-require-full-coverage no");
	kill(cluster->nodes[away]->pid, SIGSTOP);
	lag_names_what(says, control, 8000);
	kill(cluster->nodes[away]->pid, SIGCONT);
	test_segctl_good(address_of(control, NULL), "lag %s g --sample 0", stream);
	test_cluster_kill(cluster, away);
	lag_names_what(says, control, 8000);
	test_expect_text(test_segctl_do(address_of(control, NULL),
					"lag %s g --sample 0 --timeout 3s --max-lag 5", stream)
				 ->errors,
			 "does not answer");
}

/* --- failovers --------------------------------------------------------------------------------------------- */

static void a_planned_failover_loses_nothing(void **state)
{
	(void)state;
	test_load *load = start_load();
	test_cluster_failover(cluster, test_cluster_slot_owner(cluster, slot_of_partition(0)));
	test_load_go_on(load, 20);
	test_cluster_failover(cluster, test_cluster_slot_owner(cluster, slot_of_control()));
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	finish(load, "two planned failovers", 5000);
}

static int node_of_partition(uint32_t partition)
{
	return test_cluster_slot_owner(cluster, slot_of_partition(partition));
}

/* Before the replica takes over, the other partitions are listed and go on. */
static void a_dead_master_stops_only_its_own_partitions(void **state)
{
	(void)state;
	test_load *load = start_load();
	int dead = node_of_partition(0), other = (dead + 1) % 6;
	while (!test_cluster_is_master(cluster, other) || other == dead)
		other = (other + 1) % 6;
	char at[64];
	snprintf(at, sizeof(at), "redis://127.0.0.1:%d", cluster->nodes[other]->port);
	test_cluster_kill(cluster, dead);
	long long began = test_now_ms();
	const test_segctl *answer = test_segctl_do(at, "lag %s g --sample 0 --timeout 5s", stream);
	print_message("lag beside a dead master: exit code %d after %lld ms\n", answer->exit_code,
		      test_now_ms() - began);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	test_cluster_restart(cluster, dead);
	test_load_go_on(load, 20);
	test_deliveries_go_on(deliveries_path, PARTITIONS);
	int numbers = test_load_end(load);
	test_group_wait_drained(at, stream, "g");
	test_deliveries deliveries = test_deliveries_read(deliveries_path);
	watch_end("kill -9 of a master", 0, 20000);
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
	test_cluster_wait_settled(cluster, PATIENCE_MS);
}

/* Before the others notice that it is dead. The map begins with its slots. */
static void a_client_opens_while_a_master_is_dead(void **state)
{
	(void)state;
	seg_error error = {0};
	seg_client *late = NULL;
	seg_client_options options;
	seg_client_options_init(&options);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	int first = test_cluster_slot_owner(cluster, 0);
	char address[512];
	snprintf(address, sizeof(address), "redis://127.0.0.1:%d", cluster->nodes[(first + 1) % 3]->port);
	options.address = address;
	/* Nothing notices before this is over. */
	for (int i = 0; i < cluster->count; i++)
		test_server_tell(cluster->nodes[i], "CONFIG SET cluster-node-timeout 60000");
	test_cluster_kill(cluster, first);
	options.timeout_ms = 3000;
	if (seg_client_open(&options, &late, &error))
		fail_msg("%s", error.text);
	seg_client_close(late);
	test_cluster_restart(cluster, first);
	for (int i = 0; i < cluster->count; i++)
		test_server_tell(cluster->nodes[i], "CONFIG SET cluster-node-timeout 1000");
	test_cluster_wait_settled(cluster, PATIENCE_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest three[] = {
		TEST(the_library_works_with_any_node),
		TEST(each_command_of_segctl_works_at_any_node),
		TEST(dead_letters_are_listed_and_replayed),
		TEST(the_admin_server_measures_a_group_of_a_cluster),
		TEST(an_idle_group_costs_little_and_wakes_at_once),
		TEST(an_idle_partition_whose_slot_moved_is_still_heard),
		TEST(a_user_without_tracking_gets_messages_and_one_warning),
		TEST(a_user_without_the_channel_gets_messages_and_one_warning),
		TEST(slots_move_under_load),
		TEST(a_slot_stays_half_moved_for_a_while),
		TEST(a_node_joins_and_another_one_leaves_under_load),
		TEST(the_others_are_listed_while_a_node_is_away),
	};
	const struct CMUnitTest with_replicas[] = {
		TEST(a_planned_failover_loses_nothing),
		TEST(a_client_opens_while_a_master_is_dead),
		TEST(a_dead_master_stops_only_its_own_partitions),
	};
	int failures = cmocka_run_group_tests(three, start_three, stop);
	return failures + cmocka_run_group_tests(with_replicas, start_with_replicas, stop);
}
