/*
 * cluster_mend.c - mends what Redis never mends by itself, as an operator would with redis-cli --cluster fix: nodes that all live,
 * and of which each says for good that another one has a slot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/cluster_opinions.h"

enum { MOST_SHOWN = 3 };

static bool all_live(const test_cluster *cluster)
{
	for (int i = 0; i < cluster->count; i++)
		if (cluster->nodes[i] && !test_cluster_lives(cluster, i))
			return false;
	return true;
}

/* The master that claims the slot with the latest epoch; or -1. */
static int claimant(const test_cluster_opinions *o, int slot)
{
	int found = -1;
	for (int i = 0; i < o->cluster->count; i++)
		if (test_cluster_leads(o, i) && o->by[i]->owners[slot] == i &&
		    (found < 0 || o->by[i]->epochs[i] > o->by[found]->epochs[found]))
			found = i;
	return found;
}

/*
 * Whether masters disagree on the owner, and no message of the owner will change that: nobody claims the slot, or a node knows as
 * late an epoch of another owner. A replica says what it has heard of its master.
 */
static bool is_disputed(const test_cluster_opinions *o, int slot)
{
	int owner = claimant(o, slot);
	if (owner < 0)
		return true;
	for (int i = 0; i < o->cluster->count; i++) {
		int said = test_cluster_leads(o, i) ? o->by[i]->owners[slot] : owner;
		if (said >= 0 && said != owner && o->by[i]->epochs[said] >= o->by[owner]->epochs[owner])
			return true;
	}
	return false;
}

bool test_cluster_is_disputed(const test_cluster_opinions *o)
{
	if (!all_live(o->cluster))
		return false;
	for (int slot = 0; slot < TEST_CLUSTER_SLOTS; slot++)
		if (is_disputed(o, slot))
			return true;
	return false;
}

/* --- who gets the slot ------------------------------------------------------------------------------ */

static long long keys_of(const test_cluster *cluster, int node, int slot)
{
	redisReply *reply = test_server_ask(cluster->nodes[node], "CLUSTER COUNTKEYSINSLOT %d", slot);
	long long keys = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
	freeReplyObject(reply);
	return keys;
}

/* The master with most of the keys; if nobody has one, the master that most name; -1: there is no master. */
static int owner_for(const test_cluster_opinions *o, int slot)
{
	long long most = -1;
	int owner = -1;
	for (int i = 0; i < o->cluster->count; i++) {
		if (!test_cluster_leads(o, i))
			continue;
		/* Any key counts more than all votes. */
		long long weight = keys_of(o->cluster, i, slot) * TEST_CLUSTER_NODES_MAX * 2;
		for (int by = 0; by < o->cluster->count; by++)
			weight += test_cluster_leads(o, by) && o->by[by]->owners[slot] == i;
		if (weight > most) {
			most = weight;
			owner = i;
		}
	}
	return owner;
}

/* --- the slot is given ------------------------------------------------------------------------------ */

/* Refused by a node that has just become a replica, or that has keys of the slot. */
static void order(const test_cluster *cluster, int node, int slot, const char *state, int other)
{
	const test_server *server = cluster->nodes[node];
	freeReplyObject(other < 0 ? test_server_ask(server, "CLUSTER SETSLOT %d %s", slot, state)
				  : test_server_ask(server, "CLUSTER SETSLOT %d %s %s", slot, state,
						    cluster->ids[other]));
}

/* As if a move had stopped half way. Keys that the owner has, too, stay, and are deleted when it claims the slot. */
static void collect_keys(const test_cluster_opinions *o, int slot, int from, int owner)
{
	if (o->by[owner]->owners[slot] != owner)
		order(o->cluster, owner, slot, "IMPORTING", from);
	order(o->cluster, from, slot, o->by[from]->owners[slot] == from ? "MIGRATING" : "IMPORTING", owner);
	while (test_cluster_migrate(o->cluster, slot, from, owner) > 0)
		continue;
}

static void give(const test_cluster_opinions *o, int slot, int owner)
{
	const test_cluster *cluster = o->cluster;
	for (int i = 0; i < cluster->count; i++)
		if (i != owner && test_cluster_leads(o, i) && keys_of(cluster, i, slot) > 0)
			collect_keys(o, slot, i, owner);
	/* Without a later epoch than the others', the next message of one of these would undo all. */
	freeReplyObject(test_server_ask(cluster->nodes[owner], "CLUSTER BUMPEPOCH"));
	order(cluster, owner, slot, "STABLE", -1);
	order(cluster, owner, slot, "NODE", owner);
	for (int i = 0; i < cluster->count; i++) {
		if (i == owner || !test_cluster_leads(o, i))
			continue;
		order(cluster, i, slot, "STABLE", -1);
		order(cluster, i, slot, "NODE", owner);
	}
}

int test_cluster_mend(const test_cluster *cluster, bool slots[TEST_CLUSTER_SLOTS])
{
	test_cluster_opinions opinions;
	char why[TEST_CLUSTER_WHY];
	int mended = 0;
	if (!all_live(cluster))
		return 0;
	test_cluster_hear(cluster, &opinions);
	for (int slot = 0; slot < TEST_CLUSTER_SLOTS; slot++) {
		int owner = is_disputed(&opinions, slot) ? owner_for(&opinions, slot) : -1;
		if (owner < 0)
			continue;
		if (mended++ < MOST_SHOWN && !test_cluster_agree_on_slot(&opinions, slot, why))
			print_message(
				"the nodes of the cluster disagree for good: %s it goes to node %d, which has %lld keys\n",
				why, owner, keys_of(cluster, owner, slot));
		give(&opinions, slot, owner);
		if (slots)
			slots[slot] = true;
	}
	test_cluster_opinions_free(&opinions);
	if (mended > 0)
		print_message("%d slots of the cluster were given to one of the nodes that disagreed\n",
			      mended);
	return mended;
}
