#include "harness/cluster_opinions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- reading ------------------------------------------------------------------------------------------ */

static int node_of(const test_cluster *cluster, const char *id)
{
	for (int i = 0; i < cluster->count; i++)
		if (strcmp(cluster->ids[i], id) == 0)
			return i;
	return -1;
}

/* "3", "0-99", or "[3->-ID]" for a slot that is about to move. */
static void read_slots(test_cluster_opinion *opinion, int node, char *slots)
{
	for (char *word; (word = strsep(&slots, " "));) {
		int first, last;
		int parts = sscanf(word, "%d-%d", &first, &last);
		if (word[0] == '[' || parts < 1)
			continue;
		for (int slot = first; slot <= (parts == 2 ? last : first); slot++)
			opinion->owners[slot] = node;
	}
}

/* "id address flags master ping-sent pong-received epoch link slots..." */
static void read_line(const test_cluster *cluster, test_cluster_opinion *opinion, char *line)
{
	char id[41], flags[128], link[16];
	long long epoch;
	int at = 0;
	if (sscanf(line, "%40s %*s %127s %*s %*s %*s %lld %15s %n", id, flags, &epoch, link, &at) < 4)
		return;
	int node = node_of(cluster, id);
	if (node < 0)
		return;
	opinion->master[node] = strstr(flags, "master") != NULL;
	opinion->well[node] = strcmp(link, "connected") == 0 && !strstr(flags, "fail");
	opinion->epochs[node] = epoch;
	if (at > 0)
		read_slots(opinion, node, line + at);
}

static test_cluster_opinion *hear(const test_cluster *cluster, int node)
{
	test_cluster_opinion *opinion = calloc(1, sizeof(*opinion));
	assert_non_null(opinion);
	for (int slot = 0; slot < TEST_CLUSTER_SLOTS; slot++)
		opinion->owners[slot] = -1;
	redisReply *reply = test_server_ask(cluster->nodes[node], "CLUSTER NODES");
	/* A node that reads its data refuses. */
	char *rest = reply->type == REDIS_REPLY_ERROR ? NULL : reply->str;
	for (char *line; rest && (line = strsep(&rest, "\n"));)
		read_line(cluster, opinion, line);
	freeReplyObject(reply);
	return opinion;
}

void test_cluster_hear(const test_cluster *cluster, test_cluster_opinions *opinions)
{
	*opinions = (test_cluster_opinions){.cluster = cluster};
	for (int i = 0; i < cluster->count; i++)
		if (test_cluster_lives(cluster, i))
			opinions->by[i] = hear(cluster, i);
}

void test_cluster_opinions_free(test_cluster_opinions *opinions)
{
	for (int i = 0; i < TEST_CLUSTER_NODES_MAX; i++)
		free(opinions->by[i]);
}

/* --- agreeing ----------------------------------------------------------------------------------------- */

bool test_cluster_leads(const test_cluster_opinions *opinions, int node)
{
	return opinions->by[node] && opinions->by[node]->master[node];
}

/* Whether the one node knows the other, a master, as it is. */
static bool knows(const test_cluster_opinions *o, int by, int node, char why[TEST_CLUSTER_WHY])
{
	const test_cluster_opinion *said = o->by[by], *own = o->by[node];
	if (said->master[node] && said->epochs[node] == own->epochs[node])
		return true;
	snprintf(why, TEST_CLUSTER_WHY, "node %d has epoch %lld, and node %d says: it is %s of epoch %lld",
		 node, own->epochs[node], by, said->master[node] ? "a master" : "no master",
		 said->epochs[node]);
	return false;
}

/* Whether two masters have one epoch. */
static bool collide(const test_cluster_opinions *o, int node, int other, char why[TEST_CLUSTER_WHY])
{
	if (node == other || !test_cluster_leads(o, other) ||
	    o->by[other]->epochs[other] != o->by[node]->epochs[node])
		return false;
	snprintf(why, TEST_CLUSTER_WHY, "nodes %d and %d both have epoch %lld", node, other,
		 o->by[node]->epochs[node]);
	return true;
}

bool test_cluster_agree_on_epochs(const test_cluster_opinions *o, char why[TEST_CLUSTER_WHY])
{
	for (int node = 0; node < o->cluster->count; node++)
		for (int by = 0; by < o->cluster->count && test_cluster_leads(o, node); by++)
			if (o->by[by] && (!knows(o, by, node, why) || collide(o, node, by, why)))
				return false;
	return true;
}

static void tell_owners(const test_cluster_opinions *o, int slot, char why[TEST_CLUSTER_WHY])
{
	int n = snprintf(why, TEST_CLUSTER_WHY, "slot %d:", slot);
	for (int i = 0; i < o->cluster->count && n < TEST_CLUSTER_WHY; i++)
		if (o->by[i])
			n += snprintf(why + n, TEST_CLUSTER_WHY - (size_t)n,
				      " node %d (%sepoch %lld) says node %d;", i,
				      o->by[i]->master[i] ? "" : "a replica, ", o->by[i]->epochs[i],
				      o->by[i]->owners[slot]);
}

bool test_cluster_agree_on_slot(const test_cluster_opinions *o, int slot, char why[TEST_CLUSTER_WHY])
{
	int owner = -1;
	bool agree = true;
	for (int i = 0; i < o->cluster->count && agree; i++) {
		if (!o->by[i])
			continue;
		agree = o->by[i]->owners[slot] >= 0 && (owner < 0 || o->by[i]->owners[slot] == owner);
		owner = o->by[i]->owners[slot];
	}
	if (agree && owner >= 0 && test_cluster_leads(o, owner))
		return true;
	tell_owners(o, slot, why);
	return false;
}
