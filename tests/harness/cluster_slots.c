#include "harness/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "harness/cluster_opinions.h"

enum {
	KEYS_AT_ONCE = 100,
	MIGRATE_MS = 10000,
	MOVE_MS = 60000,
	TRY_MS = 2000,
	AGREE_MS = 60000,
	LOOK_NS = 2000000
};

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

/* --- the nodes agree ---------------------------------------------------------------------------------- */

bool test_cluster_agrees(const test_cluster *cluster, int slot, char why[TEST_CLUSTER_WHY])
{
	test_cluster_opinions opinions;
	test_cluster_hear(cluster, &opinions);
	bool agree = test_cluster_agree_on_epochs(&opinions, why) &&
		     test_cluster_agree_on_slot(&opinions, slot, why);
	test_cluster_opinions_free(&opinions);
	return agree;
}

static bool wait_agreed(const test_cluster *cluster, int slot, int ms, char why[TEST_CLUSTER_WHY])
{
	long long deadline = test_now_ms() + ms;
	while (!test_cluster_agrees(cluster, slot, why)) {
		if (test_now_ms() > deadline)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
	}
	return true;
}

/* --- a slot moves ------------------------------------------------------------------------------------- */

/* False if the node refuses; why has its words. */
static bool set_slot(const test_cluster *cluster, int node, int slot, const char *state, int other,
		     char why[TEST_CLUSTER_WHY])
{
	redisReply *reply = test_server_ask(cluster->nodes[node], "CLUSTER SETSLOT %d %s %s", slot, state,
					    cluster->ids[other]);
	bool done = reply->type != REDIS_REPLY_ERROR;
	if (!done)
		snprintf(why, TEST_CLUSTER_WHY, "node %d: CLUSTER SETSLOT %d %s node %d: %s", node, slot,
			 state, other, reply->str);
	freeReplyObject(reply);
	return done;
}

static bool begin(const test_cluster *cluster, int slot, int to, int ms, char why[TEST_CLUSTER_WHY])
{
	if (!wait_agreed(cluster, slot, ms, why))
		return false;
	int from = test_cluster_slot_owner(cluster, slot);
	if (from == to) {
		snprintf(why, TEST_CLUSTER_WHY, "slot %d is on node %d already", slot, to);
		return false;
	}
	if (!set_slot(cluster, to, slot, "IMPORTING", from, why))
		return false;
	if (set_slot(cluster, from, slot, "MIGRATING", to, why))
		return true;
	freeReplyObject(test_server_ask(cluster->nodes[to], "CLUSTER SETSLOT %d STABLE", slot));
	return false;
}

bool test_cluster_move_try(const test_cluster *cluster, int slot, int to)
{
	char why[TEST_CLUSTER_WHY];
	return begin(cluster, slot, to, TRY_MS, why);
}

void test_cluster_move_begin(const test_cluster *cluster, int slot, int to)
{
	char why[TEST_CLUSTER_WHY];
	if (!begin(cluster, slot, to, AGREE_MS, why))
		fail_msg("slot %d cannot move to node %d: %s", slot, to, why);
}

static redisReply *migrate(const test_cluster *cluster, int from, int to, const redisReply *keys,
			   bool replace)
{
	const char *argv[KEYS_AT_ONCE + 11];
	char port[16], timeout[16];
	int argc = 0;
	snprintf(port, sizeof(port), "%d", cluster->nodes[to]->port);
	snprintf(timeout, sizeof(timeout), "%d", MIGRATE_MS);
	const char *const head[] = {"MIGRATE", "127.0.0.1", port, "", "0", timeout};
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		argv[argc++] = head[i];
	if (replace)
		argv[argc++] = "REPLACE";
	if (cluster->options.password) {
		argv[argc++] = "AUTH";
		argv[argc++] = cluster->options.password;
	}
	argv[argc++] = "KEYS";
	for (size_t i = 0; i < keys->elements; i++)
		argv[argc++] = keys->element[i]->str;

	redisContext *context = test_server_connect(cluster->nodes[from]);
	redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
	if (!reply)
		fail_msg("MIGRATE: %s", context->errstr);
	redisFree(context);
	return reply;
}

/* How many keys there were to move; -1 with the words of an error. */
static int move_keys(const test_cluster *cluster, int slot, int from, int to, int most, bool *replaced,
		     char why[TEST_CLUSTER_WHY])
{
	redisReply *keys = test_server_ask(cluster->nodes[from], "CLUSTER GETKEYSINSLOT %d %d", slot,
					   most < KEYS_AT_ONCE ? most : KEYS_AT_ONCE);
	assert_int_equal(keys->type, REDIS_REPLY_ARRAY);
	int count = (int)keys->elements;
	redisReply *reply = count > 0 ? migrate(cluster, from, to, keys, false) : NULL;
	if (replaced && reply && reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "BUSYKEY")) {
		*replaced = true;
		freeReplyObject(reply);
		reply = migrate(cluster, from, to, keys, true);
	}
	if (reply && reply->type == REDIS_REPLY_ERROR) {
		snprintf(why, TEST_CLUSTER_WHY, "MIGRATE: %s", reply->str);
		count = -1;
	}
	if (reply)
		freeReplyObject(reply);
	freeReplyObject(keys);
	return count;
}

int test_cluster_migrate(const test_cluster *cluster, int slot, int from, int to)
{
	char why[TEST_CLUSTER_WHY];
	return move_keys(cluster, slot, from, to, KEYS_AT_ONCE, NULL, why);
}

int test_cluster_move_keys_try(const test_cluster *cluster, int slot, int to, int most, bool *replaced)
{
	char why[TEST_CLUSTER_WHY], moving[64];
	int from = test_cluster_slot_owner(cluster, slot);
	if (from == to)
		return 0;
	snprintf(moving, sizeof(moving), "[%d->-%s]", slot, cluster->ids[to]);
	if (!test_server_says(cluster->nodes[from], "CLUSTER NODES", moving))
		return -1;
	return move_keys(cluster, slot, from, to, most, replaced, why);
}

int test_cluster_move_keys(const test_cluster *cluster, int slot, int to, int most)
{
	char why[TEST_CLUSTER_WHY];
	int count = move_keys(cluster, slot, test_cluster_slot_owner(cluster, slot), to, most, NULL, why);
	if (count < 0)
		fail_msg("slot %d: %s", slot, why);
	return count;
}

/* A master that has heard of its last slot's move becomes a replica, which refuses. */
static bool assign(const test_cluster *cluster, int node, int slot, int to, char why[TEST_CLUSTER_WHY])
{
	return set_slot(cluster, node, slot, "NODE", to, why) || !test_cluster_is_master(cluster, node);
}

static bool end(const test_cluster *cluster, int slot, int to, int ms, char why[TEST_CLUSTER_WHY])
{
	/* The new master takes an epoch now: it must be later than all others. */
	if (!wait_agreed(cluster, slot, ms, why))
		return false;
	int from = test_cluster_slot_owner(cluster, slot);
	/* The new master first: between the two, a slot with two masters is better than one with none. */
	bool done = assign(cluster, to, slot, to, why) && assign(cluster, from, slot, to, why);
	for (int i = 0; done && i < cluster->count; i++)
		if (i != to && i != from && test_cluster_lives(cluster, i))
			done = assign(cluster, i, slot, to, why);
	if (!done || !wait_agreed(cluster, slot, ms, why))
		return false;
	int owner = test_cluster_slot_owner(cluster, slot);
	snprintf(why, TEST_CLUSTER_WHY, "slot %d is on node %d", slot, owner);
	return owner == to;
}

bool test_cluster_move_end_try(const test_cluster *cluster, int slot, int to)
{
	char why[TEST_CLUSTER_WHY];
	return end(cluster, slot, to, TRY_MS, why);
}

void test_cluster_move_end(const test_cluster *cluster, int slot, int to)
{
	char why[TEST_CLUSTER_WHY];
	if (!end(cluster, slot, to, AGREE_MS, why))
		fail_msg("slot %d did not move to node %d: %s", slot, to, why);
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
