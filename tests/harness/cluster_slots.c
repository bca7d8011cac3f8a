#include "harness/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS_AT_ONCE = 100, MIGRATE_MS = 10000, MOVE_MS = 60000 };

static const test_server *first_alive(const test_cluster *cluster)
{
	for (int i = 0; i < cluster->count; i++)
		if (test_cluster_lives(cluster, i))
			return cluster->nodes[i];
	fail_msg("no node of the cluster lives");
	return NULL;
}

/* --- who has what ------------------------------------------------------------------------------------- */

static int node_of_id(const test_cluster *cluster, const char *id)
{
	for (int i = 0; i < cluster->count; i++)
		if (strcmp(cluster->ids[i], id) == 0)
			return i;
	return -1;
}

static void look(const test_cluster *cluster, const test_server *server, test_cluster_view *view)
{
	redisReply *ranges = test_server_ask(server, "CLUSTER SLOTS");
	assert_int_equal(ranges->type, REDIS_REPLY_ARRAY);
	for (int i = 0; i < TEST_CLUSTER_SLOTS; i++)
		view->owners[i] = -1;
	for (size_t i = 0; i < ranges->elements; i++) {
		/* First slot, last slot, and the master: its address, port and id. */
		redisReply **range = ranges->element[i]->element;
		int owner = node_of_id(cluster, range[2]->element[2]->str);
		for (long long slot = range[0]->integer; slot <= range[1]->integer; slot++)
			view->owners[slot] = owner;
	}
	freeReplyObject(ranges);
}

void test_cluster_look(const test_cluster *cluster, int node, test_cluster_view *view)
{
	look(cluster, cluster->nodes[node], view);
}

int test_cluster_slot_owner(const test_cluster *cluster, int slot)
{
	test_cluster_view view;
	look(cluster, first_alive(cluster), &view);
	assert_true(view.owners[slot] >= 0);
	return view.owners[slot];
}

int test_cluster_slot(const test_cluster *cluster, const char *key)
{
	redisReply *slot = test_server_ask(first_alive(cluster), "CLUSTER KEYSLOT %s", key);
	assert_int_equal(slot->type, REDIS_REPLY_INTEGER);
	int number = (int)slot->integer;
	freeReplyObject(slot);
	return number;
}

int test_cluster_key_owner(const test_cluster *cluster, const char *key)
{
	return test_cluster_slot_owner(cluster, test_cluster_slot(cluster, key));
}

/* --- a slot moves ------------------------------------------------------------------------------------- */

static bool set_slot(const test_cluster *cluster, int node, int slot, const char *state, int other)
{
	redisReply *reply = test_server_ask(cluster->nodes[node], "CLUSTER SETSLOT %d %s %s", slot, state,
					    cluster->ids[other]);
	bool done = reply->type != REDIS_REPLY_ERROR;
	if (!done && test_cluster_is_master(cluster, node))
		fail_msg("CLUSTER SETSLOT %d %s: %s", slot, state, reply->str);
	freeReplyObject(reply);
	return done;
}

bool test_cluster_move_try(const test_cluster *cluster, int slot, int to)
{
	int from = test_cluster_slot_owner(cluster, slot);
	assert_int_not_equal(from, to);
	if (!set_slot(cluster, to, slot, "IMPORTING", from))
		return false;
	if (set_slot(cluster, from, slot, "MIGRATING", to))
		return true;
	freeReplyObject(test_server_ask(cluster->nodes[to], "CLUSTER SETSLOT %d STABLE", slot));
	return false;
}

void test_cluster_move_begin(const test_cluster *cluster, int slot, int to)
{
	assert_true(test_cluster_move_try(cluster, slot, to));
}

/* On a busy machine, nodes may take each other for dead for a while, and replace a master. */
static bool may_pass(const char *error)
{
	return strstr(error, "CLUSTERDOWN") || strstr(error, "MOVED") || strstr(error, "READONLY") ||
	       strncmp(error, "IOERR", 5) == 0;
}

static bool migrate(const test_cluster *cluster, int from, int to, const redisReply *keys)
{
	const char *argv[KEYS_AT_ONCE + 10];
	char port[16], timeout[16];
	int argc = 0;
	snprintf(port, sizeof(port), "%d", cluster->nodes[to]->port);
	snprintf(timeout, sizeof(timeout), "%d", MIGRATE_MS);
	const char *const head[] = {"MIGRATE", "127.0.0.1", port, "", "0", timeout};
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		argv[argc++] = head[i];
	if (cluster->options.password) {
		argv[argc++] = "AUTH";
		argv[argc++] = cluster->options.password;
	}
	argv[argc++] = "KEYS";
	for (size_t i = 0; i < keys->elements; i++)
		argv[argc++] = keys->element[i]->str;

	redisContext *context = test_server_connect(cluster->nodes[from]);
	redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
	if (!reply || (reply->type == REDIS_REPLY_ERROR && !may_pass(reply->str)))
		fail_msg("MIGRATE: %s", reply ? reply->str : context->errstr);
	bool done = reply->type != REDIS_REPLY_ERROR;
	freeReplyObject(reply);
	redisFree(context);
	return done;
}

int test_cluster_move_keys_try(const test_cluster *cluster, int slot, int to, int most)
{
	int from = test_cluster_slot_owner(cluster, slot);
	redisReply *keys = test_server_ask(cluster->nodes[from], "CLUSTER GETKEYSINSLOT %d %d", slot,
					   most < KEYS_AT_ONCE ? most : KEYS_AT_ONCE);
	assert_int_equal(keys->type, REDIS_REPLY_ARRAY);
	int count = (int)keys->elements;
	bool done = count == 0 || migrate(cluster, from, to, keys);
	freeReplyObject(keys);
	return done ? count : -1;
}

int test_cluster_move_keys(const test_cluster *cluster, int slot, int to, int most)
{
	int count = test_cluster_move_keys_try(cluster, slot, to, most);
	assert_true(count >= 0);
	return count;
}

/* A master that has heard of its last slot's move becomes a replica, which refuses. */
static void assign(const test_cluster *cluster, int node, int slot, int to)
{
	redisReply *reply =
		test_server_ask(cluster->nodes[node], "CLUSTER SETSLOT %d NODE %s", slot, cluster->ids[to]);
	if (reply->type == REDIS_REPLY_ERROR && test_cluster_is_master(cluster, node))
		fail_msg("CLUSTER SETSLOT %d NODE: %s", slot, reply->str);
	freeReplyObject(reply);
}

void test_cluster_move_end(const test_cluster *cluster, int slot, int to)
{
	int from = test_cluster_slot_owner(cluster, slot);
	/* The new master first: between the two, a slot with two masters is better than one with none. */
	assign(cluster, to, slot, to);
	assign(cluster, from, slot, to);
	for (int i = 0; i < cluster->count; i++)
		if (i != to && i != from && test_cluster_lives(cluster, i))
			assign(cluster, i, slot, to);
}

void test_cluster_move_slot(const test_cluster *cluster, int slot, int to)
{
	long long deadline = test_now_ms() + MOVE_MS;
	test_cluster_move_begin(cluster, slot, to);
	while (test_cluster_move_keys(cluster, slot, to, KEYS_AT_ONCE) > 0)
		if (test_now_ms() > deadline)
			fail_msg("slot %d does not become empty within %d ms", slot, MOVE_MS);
	test_cluster_move_end(cluster, slot, to);
}
