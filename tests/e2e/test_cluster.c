/* test_cluster.c - the library, segctl and the admin server with any node of a Redis Cluster as their address. */
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/clustered.h"
#include "harness/group.h"
#include "harness/http.h"
#include "harness/segctl.h"

enum { RUNNERS = TEST_CLUSTERED_RUNNERS, PARTITIONS = TEST_CLUSTERED_PARTITIONS, PATIENCE_MS = 20000 };

static int start_cluster(void **state)
{
	(void)state;
	clustered.cluster = test_cluster_start(&(test_cluster_options){
		.password = "secret",
		.node_timeout_ms = 60000, /* a node that is stopped for a while does not stop the others */
		.acl = "user blind on >pass ~* &* +@all -cluster|slots\n",
	});
	return 0;
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
	if (seg_client_open(&options, &client, &error) ||
	    seg_stream_open(client, clustered.stream, &opened, &error) ||
	    seg_consumer_open(client, clustered.stream, &consuming, &consumer, &error))
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
	test_clustered_make_stream();
	for (int node = 0; node < 3; node++)
		library_works_at(test_clustered_address(node, NULL), node);
}

static void another_database_is_refused_at_once(void **state)
{
	(void)state;
	char address[96];
	snprintf(address, sizeof(address), "%s/3", test_clustered_address(0, NULL));
	long long begin = test_now_ms();
	const test_segctl *answer = test_segctl_do(address, "stream list");
	assert_true(test_now_ms() - begin < 5000);
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "is a cluster, which has no database 3; take the database out");
}

/* Else every second command would be answered MOVED, and nothing would say why. */
static void a_user_who_may_not_ask_for_the_map_is_refused_at_once(void **state)
{
	(void)state;
	static const char says[] =
		"the user blind may not run CLUSTER SLOTS at redis://127.0.0.1:%d, which is a cluster";
	char expected[160];
	snprintf(expected, sizeof(expected), says, clustered.cluster->nodes[0]->port);
	long long begin = test_now_ms();
	const test_segctl *answer = test_segctl_do(test_clustered_address(0, "blind"), "stream list");
	assert_true(test_now_ms() - begin < 5000);
	assert_int_equal(answer->exit_code, EX_NOPERM);
	test_expect_text(answer->errors, expected);
	test_expect_text(answer->errors, "grant +cluster|slots");
	test_clustered_make_stream();
	test_clustered_run(0, test_clustered_address(0, "blind"), "");
	assert_int_equal(test_runner_wait(rig.runners[0]), EX_NOPERM);
	assert_true(test_runner_has_said(rig.runners[0], expected));
}

/* Sends NAME0, NAME1, ... with segctl. */
static void send_lines(const char *address, const char *name, int count)
{
	char lines[1024] = "", command[64];
	for (int i = 0; i < count; i++)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s%d\n", name, i);
	snprintf(command, sizeof(command), "send %s", clustered.stream);
	const test_segctl *answer = test_segctl_run(address, lines, command);
	if (answer->exit_code)
		fail_msg("send at %s: exit code %d: %s", address, answer->exit_code, answer->errors);
}

static void each_command_of_segctl_works_at_any_node(void **state)
{
	(void)state;
	char where[64];
	test_clustered_make_stream();
	test_clustered_run_both();
	for (int node = 0; node < 3; node++) {
		const char *at = test_clustered_address(node, NULL);
		send_lines(at, "data", PARTITIONS * 2);
		test_group_wait_drained(at, clustered.stream, "g");
		test_expect_text(test_segctl_good(at, "stream list"), clustered.stream);
		test_expect_text(test_segctl_good(at, "stream describe %s", clustered.stream), "NODE");
		test_expect_text(test_segctl_good(at, "tail %s --from earliest --count 12 --raw",
						  clustered.stream),
				 "data");
		test_expect_text(test_segctl_good(at, "group list %s", clustered.stream), "g");
		test_expect_text(test_segctl_good(at, "group describe %s g", clustered.stream), "runner-1");
		const char *lag = test_segctl_good(at, "lag %s g --sample 0", clustered.stream);
		test_expect_text(lag, "NODE");
		for (int i = 0; i < 3; i++) {
			snprintf(where, sizeof(where), "127.0.0.1:%d", clustered.cluster->nodes[i]->port);
			test_expect_text(lag, where);
		}
		test_expect_text(test_segctl_good(at, "why %s g 1 --sample 0", clustered.stream), "Node ");
		test_segctl_good(at, "dlq list %s g", clustered.stream);
		test_segctl_good(at, "reset %s g --to earliest --dry-run", clustered.stream);
	}
	const char *at = test_clustered_address(1, NULL);
	for (int i = 0; i < RUNNERS; i++)
		assert_int_equal(test_runner_stop(rig.runners[i], SIGTERM), 0);
	test_segctl_good(at, "reset %s g --to earliest --yes", clustered.stream);
	test_segctl_good(at, "group delete %s g --yes", clustered.stream);
	test_segctl_good(at, "stream delete %s --yes", clustered.stream);
	assert_null(strstr(test_segctl_good(at, "stream list"), clustered.stream));
	/* And nothing is left behind on any node. */
	for (int node = 0; node < 3; node++) {
		redisReply *reply =
			test_server_ask(clustered.cluster->nodes[node], "KEYS *:%s:*", clustered.stream);
		assert_int_equal(reply->elements, 0);
		freeReplyObject(reply);
	}
}

static void dead_letters_are_listed_and_replayed(void **state)
{
	(void)state;
	test_clustered_make_stream();
	test_clustered_run(0, test_clustered_address(1, NULL), "max_attempts = 1\noption.fail = bad*");
	send_lines(test_clustered_address(2, NULL), "bad", PARTITIONS * 2);
	test_group_wait_drained(test_clustered_address(0, NULL), clustered.stream, "g");
	assert_int_equal(test_group_dead_letters(test_clustered_address(0, NULL), clustered.stream, "g"),
			 PARTITIONS * 2);
	test_expect_text(test_segctl_good(test_clustered_address(0, NULL), "dlq list %s g", clustered.stream),
			 "bad11");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), 0);
	test_segctl_good(test_clustered_address(1, NULL), "dlq replay %s g --yes", clustered.stream);
	assert_int_equal(test_group_dead_letters(test_clustered_address(0, NULL), clustered.stream, "g"), 0);
}

static const test_server *stopped;

static void stop(int node)
{
	stopped = clustered.cluster->nodes[node];
	kill(stopped->pid, SIGSTOP);
}

static void let_stopped_go_on(void)
{
	if (stopped)
		kill(stopped->pid, SIGCONT);
	stopped = NULL;
}

static int tear_down(void **state)
{
	let_stopped_go_on();
	return test_rig_tear_down(state);
}

static void the_node_that_does_not_answer_is_named(void **state)
{
	(void)state;
	char says[96];
	stop(1);
	snprintf(says, sizeof(says), "127.0.0.1:%d did not answer within 2000 ms\n", stopped->port);
	const test_segctl *answer =
		test_segctl_do(test_clustered_address(0, NULL), "stream list --timeout 2s");
	let_stopped_go_on();
	assert_int_equal(answer->exit_code, EX_UNAVAILABLE);
	test_expect_text(answer->errors, says);
}

typedef struct {
	size_t count;
	int away; /* a node; or -1 */
} delivered;

/* So many, of partitions that are not on that node. */
static bool were_delivered(void *arg)
{
	const delivered *wanted = arg;
	size_t count = 0;
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	for (size_t i = 0; i < deliveries.count; i++)
		count += test_cluster_slot_owner(clustered.cluster,
						 test_clustered_slot(deliveries.list[i].partition)) !=
			 wanted->away;
	test_deliveries_free(&deliveries);
	return count >= wanted->count;
}

static size_t count_not_on(int node)
{
	delivered d = {0, node};
	while (were_delivered(&d))
		d.count++;
	return d.count - 1;
}

/* Live members without messages look at their positions only when they are told. */
static void a_reset_that_does_not_reach_a_node_moves_the_owners_on_the_others(void **state)
{
	(void)state;
	enum { MESSAGES = PARTITIONS * 4 };
	const char *at = test_clustered_address(0, NULL);
	char command[96];
	int terminal, status, away = 1; /* the harness asks node 0 */
	test_clustered_make_stream();
	test_clustered_run(0, at, "");
	send_lines(at, "data", MESSAGES);
	test_group_wait_drained(at, clustered.stream, "g");
	away += test_cluster_slot_owner(clustered.cluster, test_clustered_control_slot()) == away;
	size_t others = count_not_on(away);
	assert_in_range(others, 1, MESSAGES - 1);
	snprintf(command, sizeof(command), "reset %s g --to earliest --force --timeout 3s", clustered.stream);
	pid_t pid = test_segctl_start_on_terminal(at, command, &terminal);
	test_terminal_shows(terminal, "[y/N]");
	stop(away);
	assert_int_equal(write(terminal, "y\n", 2), 2);
	test_terminal_shows(terminal, "; others may be set, too: run the same command again");
	test_wait_until(were_delivered, &(delivered){2 * others, away}, PATIENCE_MS,
			"the others were handled again");
	let_stopped_go_on();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), EX_UNAVAILABLE);
	close(terminal);
	test_segctl_good(at, "reset %s g --to earliest --force --yes", clustered.stream);
	test_wait_until(were_delivered, &(delivered){2 * MESSAGES + others, -1}, PATIENCE_MS,
			"all were handled again");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), 0);
}

static void expect_unknown(const json_t *partition)
{
	static const char *const names[] = {"position", "last_id",      "lag",     "lag_seconds", "crashes",
					    "attempts", "dead_letters", "dropped", "lost",        "beyond"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!json_is_null(json_object_get(partition, names[i])))
			fail_msg("%s is known", names[i]);
}

static void what_a_node_does_not_tell_is_shown_as_unknown_and_not_as_zero(void **state)
{
	(void)state;
	const char *at = test_clustered_address(0, NULL);
	int away = 1; /* the harness asks node 0 */
	uint32_t unknown = 0, asked = 0;
	char says[96];
	test_clustered_make_stream();
	test_clustered_run(0, at, "");
	send_lines(at, "data", PARTITIONS);
	test_group_wait_drained(at, clustered.stream, "g");
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), 0);
	away += test_cluster_slot_owner(clustered.cluster, test_clustered_control_slot()) == away;
	for (uint32_t p = 0; p < PARTITIONS; p++)
		if (test_cluster_slot_owner(clustered.cluster, test_clustered_slot(p)) == away)
			asked = p, unknown++;
	assert_in_range(unknown, 1, PARTITIONS - 1);
	stop(away);
	snprintf(says, sizeof(says), "0 messages wait, without those of %u partition%s that %s not known",
		 unknown, unknown == 1 ? "" : "s", unknown == 1 ? "is" : "are");
	/* A quarter of the timeout is for the first answers: on a busy machine, a node that is well may need a second. */
	test_expect_text(test_segctl_good(at, "lag %s g --sample 0s --timeout 4s", clustered.stream), says);
	json_t *list = json_loads(test_segctl_good(at, "lag %s g --sample 0s --timeout 4s -o json",
						   clustered.stream),
				  0, NULL);
	assert_int_equal(json_array_size(list), PARTITIONS);
	for (uint32_t p = 0; p < PARTITIONS; p++) {
		const json_t *partition = json_array_get(list, p);
		if (json_integer_value(json_object_get(partition, "unreachable")))
			expect_unknown(partition), unknown--;
		else
			assert_true(json_is_string(json_object_get(partition, "position")));
	}
	assert_int_equal(unknown, 0);
	json_decref(list);
	const test_segctl *why =
		test_segctl_do(at, "why %s g %u --sample 0s --timeout 4s", clustered.stream, asked);
	test_expect_text(why->output, "which does not answer: the position is not known");
	assert_null(strstr(why->output, "Dead letters"));
	const test_segctl *deleted =
		test_segctl_do(at, "group delete %s g --yes --force --timeout 4s", clustered.stream);
	assert_int_equal(deleted->exit_code, EX_UNAVAILABLE);
	test_expect_text(deleted->errors, "does not answer; nothing is deleted");
	let_stopped_go_on();
}

/* "host:port" of the partition's node. */
static const char *node_of(uint32_t partition)
{
	static char text[64];
	int node = test_cluster_slot_owner(clustered.cluster, test_clustered_slot(partition));
	snprintf(text, sizeof(text), "127.0.0.1:%d", clustered.cluster->nodes[node]->port);
	return text;
}

static void names_the_node_of(uint32_t partition, const char *metrics)
{
	char sample[256];
	snprintf(sample, sizeof(sample),
		 "segmenter_partition_node_info{stream=\"%s\",group=\"g\",partition=\"%u\",node=\"%s\"}",
		 clustered.stream, partition, node_of(partition));
	assert_true(test_metrics_value(metrics, sample) == 1);
	snprintf(sample, sizeof(sample),
		 "segmenter_partition_unreachable{stream=\"%s\",group=\"g\",partition=\"%u\"}",
		 clustered.stream, partition);
	assert_true(test_metrics_value(metrics, sample) == 0);
}

static void the_admin_server_measures_a_group_of_a_cluster(void **state)
{
	(void)state;
	char path[64];
	test_clustered_make_stream();
	test_clustered_run(0, test_clustered_address(2, NULL), "[runner]\nadmin = 127.0.0.1:0");
	test_group_wait_balanced(test_clustered_address(0, NULL), clustered.stream, "g", 1);
	int port = test_http_port(rig.runners[0]);
	snprintf(path, sizeof(path), "/api/v1/groups/%s/g", clustered.stream);
	/* A request waits for the first reading for a second only. */
	test_http_wait(port, path, 200, "\"partitions\":[");
	test_http_answer answer = test_http_get(port, "/metrics");
	assert_int_equal(answer.status, 200);
	test_metrics_check(answer.body);
	for (uint32_t p = 0; p < PARTITIONS; p++)
		names_the_node_of(p, answer.body);
	test_http_free(&answer);
	assert_int_equal(test_http_status(port, "/readyz"), 200);
	answer = test_http_get(port, path);
	assert_int_equal(answer.status, 200);
	json_t *group = json_loads(answer.body, 0, NULL), *partition;
	size_t p;
	json_array_foreach(json_object_get(group, "partitions"), p, partition)
	{
		assert_string_equal(json_string_value(json_object_get(partition, "node")),
				    node_of((uint32_t)p));
		assert_true(json_is_false(json_object_get(partition, "unreachable")));
	}
	assert_int_equal(p, PARTITIONS);
	json_decref(group);
	test_http_free(&answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_clustered_set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_library_works_with_any_node),
		TEST(another_database_is_refused_at_once),
		TEST(a_user_who_may_not_ask_for_the_map_is_refused_at_once),
		TEST(each_command_of_segctl_works_at_any_node),
		TEST(dead_letters_are_listed_and_replayed),
		TEST(the_node_that_does_not_answer_is_named),
		TEST(a_reset_that_does_not_reach_a_node_moves_the_owners_on_the_others),
		TEST(what_a_node_does_not_tell_is_shown_as_unknown_and_not_as_zero),
		TEST(the_admin_server_measures_a_group_of_a_cluster),
	};
	return cmocka_run_group_tests(tests, start_cluster, test_clustered_stop);
}
