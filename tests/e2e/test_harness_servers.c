/*
 * test_harness_servers.c - the real servers that other tests rely on: a cluster whose slots move and whose replicas take
 * over, Sentinels that fail over, and a server with TLS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/certificates.h"
#include "harness/cluster.h"
#include "harness/sentinel.h"

enum { PATIENCE_MS = 20000, KEYS = 250 };

static test_cluster *cluster;
static test_sentinel *sentinel;
static test_server *server;
static test_certificates *certificates;

static int tear_down(void **state)
{
	(void)state;
	test_cluster_stop(cluster);
	test_sentinel_stop(sentinel);
	test_server_stop(server);
	test_certificates_remove(certificates);
	cluster = NULL;
	sentinel = NULL;
	server = NULL;
	certificates = NULL;
	return 0;
}

/* The answer begins with `expected`; a number is written as text. */
static void assert_answer(const test_server *node, const char *command, const char *expected)
{
	char text[32] = "";
	redisReply *reply = test_server_ask(node, command);
	if (reply->type == REDIS_REPLY_INTEGER)
		snprintf(text, sizeof(text), "%lld", reply->integer);
	const char *answer = reply->str ? reply->str : text;
	if (strncmp(answer, expected, strlen(expected)) != 0)
		fail_msg("%s: %s, and not %s", command, answer, expected);
	freeReplyObject(reply);
}

/* Runs a command of the shell; returns whether `expected` is the last line that it prints. */
static bool prints(const char *expected, const char *format, ...)
{
	char command[1024], line[512], last[512] = "";
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	FILE *output = popen(command, "r");
	assert_non_null(output);
	while (fgets(line, sizeof(line), output))
		if (line[0] != '\n')
			snprintf(last, sizeof(last), "%.*s", (int)strcspn(line, "\n"), line);
	pclose(output);
	if (strcmp(last, expected) != 0)
		print_message("%s: %s\n", command, last);
	return strcmp(last, expected) == 0;
}

/* --- cluster ------------------------------------------------------------------------------------------ */

static void a_cluster_of_three_starts_and_shares_the_slots(void **state)
{
	(void)state;
	cluster = test_cluster_start(NULL);
	assert_int_equal(cluster->count, 3);
	assert_int_equal(test_cluster_slot_owner(cluster, 0), 0);
	assert_int_equal(test_cluster_slot_owner(cluster, TEST_CLUSTER_SLOTS - 1), 2);
	int owner = test_cluster_key_owner(cluster, "a");
	assert_answer(cluster->nodes[owner], "SET a 1", "OK");
	assert_answer(cluster->nodes[(owner + 1) % 3], "GET a", "MOVED 15495 127.0.0.1:");
}

static void a_slot_that_stops_half_way_answers_ask_and_tryagain(void **state)
{
	(void)state;
	int slot = test_cluster_slot(cluster, "{t}1"), from = test_cluster_slot_owner(cluster, slot),
	    to = (from + 1) % 3;
	for (int i = 0; i < KEYS; i++)
		test_server_tell(cluster->nodes[from], "SET {t}%d %d", i, i);
	test_cluster_move_begin(cluster, slot, to);
	assert_answer(cluster->nodes[from], "GET {t}new", "ASK ");
	assert_int_equal(test_cluster_move_keys(cluster, slot, to, 1), 1);
	redisReply *left = test_server_ask(cluster->nodes[from], "CLUSTER GETKEYSINSLOT %d 1", slot);
	char command[128];
	snprintf(command, sizeof(command), "MGET {t}new %s", left->element[0]->str);
	freeReplyObject(left);
	assert_answer(cluster->nodes[from], command, "TRYAGAIN");

	while (test_cluster_move_keys(cluster, slot, to, 1000) > 0)
		;
	test_cluster_move_end(cluster, slot, to);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	assert_int_equal(test_cluster_slot_owner(cluster, slot), to);
	assert_answer(cluster->nodes[to], "GET {t}249", "249");
	assert_answer(cluster->nodes[from], "GET {t}249", "MOVED");
}

static void a_slot_that_goes_round_and_round_keeps_its_keys(void **state)
{
	(void)state;
	enum { MOVES = 30 };
	int slot = test_cluster_slot(cluster, "{r}");
	test_server_tell(cluster->nodes[test_cluster_slot_owner(cluster, slot)], "SET {r} 1");
	long long began = test_now_ms();
	for (int i = 0; i < MOVES; i++) {
		int to = (test_cluster_slot_owner(cluster, slot) + 1 + i % 2) % 3;
		test_cluster_move_slot(cluster, slot, to);
		assert_answer(cluster->nodes[to], "GET {r}", "1");
	}
	print_message("%d moves took %lld ms\n", MOVES, test_now_ms() - began);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
}

/* Each of the two others says that the other one has the slot. None of the two claims it, so no message mends that. */
static void dispute(int slot, int owner)
{
	int b = (owner + 1) % 3, c = (owner + 2) % 3;
	test_server_tell(cluster->nodes[b], "CLUSTER SETSLOT %d NODE %s", slot, cluster->ids[c]);
	test_server_tell(cluster->nodes[c], "CLUSTER SETSLOT %d NODE %s", slot, cluster->ids[b]);
}

static void a_disputed_slot_goes_to_the_node_that_has_its_keys(void **state)
{
	(void)state;
	test_cluster_wait wait = {.why = ""};
	static bool slots[TEST_CLUSTER_SLOTS];
	int slot = test_cluster_slot(cluster, "{d}"), owner = test_cluster_slot_owner(cluster, slot);
	test_server_tell(cluster->nodes[owner], "SET {d} 1");
	dispute(slot, owner);
	assert_false(test_cluster_is_settled(cluster, &wait));
	assert_non_null(strstr(wait.why, "says node"));
	assert_true(wait.disputed_since > 0);
	assert_int_equal(test_cluster_mend(cluster, slots), 1);
	assert_true(slots[slot]);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	assert_int_equal(test_cluster_slot_owner(cluster, slot), owner);
	assert_answer(cluster->nodes[owner], "GET {d}", "1");
}

static void a_slot_that_no_node_claims_is_given_to_one(void **state)
{
	(void)state;
	int slot = test_cluster_slot(cluster, "{n}"), owner = test_cluster_slot_owner(cluster, slot);
	int other = (owner + 1) % 3;
	test_server_tell(cluster->nodes[owner], "CLUSTER SETSLOT %d NODE %s", slot, cluster->ids[other]);
	assert_int_equal(test_cluster_mend(cluster, NULL), 1);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	/* Nothing more to mend. */
	assert_int_equal(test_cluster_mend(cluster, NULL), 0);
	owner = test_cluster_slot_owner(cluster, slot);
	test_server_tell(cluster->nodes[owner], "SET {n} 1");
}

static void a_node_joins_takes_a_slot_and_leaves(void **state)
{
	(void)state;
	int node = test_cluster_add(cluster), slot = test_cluster_slot(cluster, "a"),
	    before = test_cluster_slot_owner(cluster, slot);
	assert_int_equal(node, 3);
	test_cluster_move_slot(cluster, slot, node);
	assert_int_equal(test_cluster_key_owner(cluster, "a"), node);
	assert_answer(cluster->nodes[node], "GET a", "1");
	test_cluster_move_slot(cluster, slot, before);
	test_cluster_remove(cluster, node);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	assert_answer(cluster->nodes[before], "GET a", "1");
}

static void a_replica_takes_over_when_told_and_when_its_master_is_killed(void **state)
{
	(void)state;
	cluster = test_cluster_start(&(test_cluster_options){.replicas = 1});
	int slot = test_cluster_slot(cluster, "a"), master = test_cluster_slot_owner(cluster, slot);
	assert_answer(cluster->nodes[master], "SET a 1", "OK");
	int second = test_cluster_failover(cluster, master);
	assert_int_equal(second, master + 3);
	assert_int_equal(test_cluster_slot_owner(cluster, slot), second);
	assert_answer(cluster->nodes[second], "GET a", "1");

	test_cluster_kill(cluster, second);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	assert_int_equal(test_cluster_slot_owner(cluster, slot), master);
	assert_answer(cluster->nodes[master], "GET a", "1");
	test_cluster_restart(cluster, second);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	assert_int_equal(test_cluster_replica_of(cluster, master), second);
}

static void a_cluster_with_tls_users_and_host_names_answers_and_its_slots_move(void **state)
{
	(void)state;
	certificates = test_certificates_make();
	cluster = test_cluster_start(&(test_cluster_options){
		.arguments =
			"--cluster-announce-hostname localhost --cluster-preferred-endpoint-type hostname",
		.password = "open",
		.acl = "user shop on >secret ~shop:* +get +set\n",
		.certificates = certificates,
		.client_certificates = true,
	});
	char client[512];
	snprintf(client, sizeof(client),
		 "%s --tls --cacert %s --cert %s --key %s --user shop --pass secret "
		 "--no-auth-warning -c -h localhost -p %d",
		 test_server_program("cli"), test_certificates_path(certificates, "ca.pem"),
		 test_certificates_path(certificates, "client.pem"),
		 test_certificates_path(certificates, "client.key"), cluster->nodes[0]->port);
	int slot = test_cluster_slot(cluster, "shop:a"), from = test_cluster_slot_owner(cluster, slot);
	assert_true(prints("OK", "%s SET shop:a 1 2>&1", client));
	char moved[64];
	snprintf(moved, sizeof(moved), "MOVED %d localhost:", slot);
	assert_answer(cluster->nodes[(from + 1) % 3], "GET shop:a", moved);
	test_cluster_move_slot(cluster, slot, (from + 1) % 3);
	assert_true(prints("1", "%s GET shop:a 2>&1", client));
}

/* --- Sentinel ----------------------------------------------------------------------------------------- */

static void the_sentinels_fail_over_when_told(void **state)
{
	(void)state;
	sentinel = test_sentinel_start(&(test_sentinel_options){.sentinel_password = "watch"});
	assert_int_equal(test_sentinel_master(sentinel), 0);
	redisContext *context = test_server_connect(sentinel->servers[0]);
	freeReplyObject(test_server_command(context, "SET a 1"));
	freeReplyObject(test_server_command(context, "WAIT 1 %d", PATIENCE_MS));
	redisFree(context);
	assert_int_equal(test_sentinel_failover(sentinel), 1);
	assert_answer(sentinel->servers[1], "GET a", "1");
	assert_true(prints("NOAUTH Authentication required.", "%s -p %d SENTINEL MASTERS 2>&1",
			   test_server_program("cli"), sentinel->sentinels[0]->port));
}

static void the_sentinels_replace_a_master_that_was_killed(void **state)
{
	(void)state;
	certificates = test_certificates_make();
	sentinel = test_sentinel_start(
		&(test_sentinel_options){.password = "open", .certificates = certificates});
	assert_int_equal(test_sentinel_kill_master(sentinel), 0);
	assert_int_equal(test_sentinel_wait_failover(sentinel, 0, PATIENCE_MS), 1);
}

/* --- TLS ---------------------------------------------------------------------------------------------- */

static bool shakes_hands(int port, const char *options)
{
	return prints("PONG", "%s --tls -h localhost -p %d %s PING 2>&1", test_server_program("cli"), port,
		      options);
}

static void a_server_with_tls_answers_those_who_show_a_certificate(void **state)
{
	(void)state;
	char options[512];
	certificates = test_certificates_make();
	server = test_certificates_start_server(certificates, true, NULL);
	const char *ca = test_certificates_path(certificates, "ca.pem"),
		   *other = test_certificates_path(certificates, "other-ca.pem"),
		   *client = test_certificates_path(certificates, "client.pem"),
		   *key = test_certificates_path(certificates, "client.key");
	snprintf(options, sizeof(options), "--cacert %s --cert %s --key %s", ca, client, key);
	assert_true(shakes_hands(server->port, options));
	snprintf(options, sizeof(options), "--cacert %s", ca);
	assert_false(shakes_hands(server->port, options));
	snprintf(options, sizeof(options), "--cacert %s --cert %s --key %s", other, client, key);
	assert_false(shakes_hands(server->port, options));
}

static void the_certificates_are_what_their_names_say(void **state)
{
	(void)state;
	char options[256];
	certificates = test_certificates_make();
	server = test_certificates_start_server(certificates, false, NULL);
	snprintf(options, sizeof(options), "--cacert %s", test_certificates_path(certificates, "ca.pem"));
	assert_true(shakes_hands(server->port, options));
	static const char *const refused[] = {"expired", "early", "stranger"};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		test_certificates_swap(certificates, server, refused[i]);
		assert_false(shakes_hands(server->port, options));
	}
	test_certificates_swap(certificates, server, "renewed");
	assert_true(shakes_hands(server->port, options));
	assert_true(prints(
		"server.pem: OK",
		"cd %s && openssl verify -CAfile ca.pem -verify_hostname localhost -verify_ip 127.0.0.1 server.pem 2>&1",
		certificates->directory));
	assert_false(prints(
		"other-name.pem: OK",
		"cd %s && openssl verify -CAfile ca.pem -verify_hostname localhost other-name.pem 2>&1",
		certificates->directory));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* These share a cluster. */
		cmocka_unit_test(a_cluster_of_three_starts_and_shares_the_slots),
		cmocka_unit_test(a_slot_that_stops_half_way_answers_ask_and_tryagain),
		cmocka_unit_test(a_slot_that_goes_round_and_round_keeps_its_keys),
		cmocka_unit_test(a_disputed_slot_goes_to_the_node_that_has_its_keys),
		cmocka_unit_test(a_slot_that_no_node_claims_is_given_to_one),
		cmocka_unit_test_teardown(a_node_joins_takes_a_slot_and_leaves, tear_down),
		cmocka_unit_test_teardown(a_replica_takes_over_when_told_and_when_its_master_is_killed,
					  tear_down),
		cmocka_unit_test_teardown(a_cluster_with_tls_users_and_host_names_answers_and_its_slots_move,
					  tear_down),
		cmocka_unit_test_teardown(the_sentinels_fail_over_when_told, tear_down),
		cmocka_unit_test_teardown(the_sentinels_replace_a_master_that_was_killed, tear_down),
		cmocka_unit_test_teardown(a_server_with_tls_answers_those_who_show_a_certificate, tear_down),
		cmocka_unit_test_teardown(the_certificates_are_what_their_names_say, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
