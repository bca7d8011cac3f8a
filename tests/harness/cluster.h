/*
 * cluster.h - a real Redis Cluster for one test: each node is a server of server.h, on a TCP port of its own. Whatever
 * does not succeed in time fails the test.
 *
 * Nodes are numbered from 0: the masters first, then the replicas of master 0, of master 1 and so on. A number stays
 * the node's own when it becomes a master or a replica.
 */
#ifndef TEST_HARNESS_CLUSTER_H
#define TEST_HARNESS_CLUSTER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "harness/certificates.h"
#include "harness/server.h"

enum { TEST_CLUSTER_NODES_MAX = 60, TEST_CLUSTER_SLOTS = 16384, TEST_CLUSTER_WHY = 512 };

typedef struct test_cluster_options {
	int masters;           /* 0: 3 */
	int replicas;          /* of each master */
	int node_timeout_ms;   /* 0: 1000 with replicas, 5000 without */
	const char *arguments; /* more of them for each node, or NULL */
	const char *password;  /* of the user default, or NULL */
	const char *acl; /* more users: lines "user NAME on >PASSWORD RULE...\n"; or NULL. Needs a password */
	const test_certificates
		*certificates;    /* TLS for clients, replicas and the nodes themselves; or NULL */
	bool client_certificates; /* clients must show one, too */
} test_cluster_options;

typedef struct test_cluster {
	test_server *nodes[TEST_CLUSTER_NODES_MAX]; /* NULL: was removed */
	char ids[TEST_CLUSTER_NODES_MAX][41];
	int bus_ports[TEST_CLUSTER_NODES_MAX];
	int count;         /* of numbers that were given; the nodes that were removed count, too */
	char address[512]; /* redis://127.0.0.1:p0,127.0.0.1:p1,... of the nodes of the start; or rediss:// */
	char directory[64];
	test_cluster_options options;
} test_cluster;

/*
 * Starts the nodes, shares the slots out evenly and in the order of the masters, and waits until each node says that
 * the cluster is well. NULL: three masters, no replicas. About 2.5 s, of which Redis waits 2.
 */
test_cluster *test_cluster_start(const test_cluster_options *options);

/* Kills the nodes, removes the directories, frees. */
void test_cluster_stop(test_cluster *cluster);

/* The slot of a key. */
int test_cluster_slot(const test_cluster *cluster, const char *key);

/* The master that has the slot or the key, in the eyes of the first node that lives. */
int test_cluster_slot_owner(const test_cluster *cluster, int slot);
int test_cluster_key_owner(const test_cluster *cluster, const char *key);

/* Whether the node was neither killed nor removed. */
bool test_cluster_lives(const test_cluster *cluster, int node);

/* Whether the node is a master by its own account; the number of a replica of this master that lives, or -1. */
bool test_cluster_is_master(const test_cluster *cluster, int node);
int test_cluster_replica_of(const test_cluster *cluster, int master);

/*
 * Waits until all nodes that live agree: each slot has a master that lives, the state is ok, each replica that lives is in step
 * with its master, and no two masters have the same epoch. Gives up with what is not well. Mends what is disputed for long.
 */
void test_cluster_wait_settled(const test_cluster *cluster, int timeout_ms);

/* One look of such a wait. Before the first one, all is 0. */
typedef struct test_cluster_wait {
	char why[TEST_CLUSTER_WHY]; /* what is not well: which node says what; "" if all is */
	long long
		disputed_since; /* ms of test_now_ms; 0: the nodes agree on all slots, or one of them is dead */
	int mended;             /* slots, by this wait */
	bool slots[TEST_CLUSTER_SLOTS]; /* these slots */
} test_cluster_wait;

bool test_cluster_is_settled(const test_cluster *cluster, test_cluster_wait *wait);

/*
 * Where nodes that all live disagree on the owners of slots, gives each of these to the master that has most of the keys, or else
 * to the one that most name; prints that. Marks them in `slots`, unless that is NULL. Returns how many. Only for disputes that stand
 * for seconds: younger ones end by themselves.
 */
int test_cluster_mend(const test_cluster *cluster, bool slots[TEST_CLUSTER_SLOTS]);

/* The owners of all slots, as one node sees them: -1 for a slot without one. */
typedef struct test_cluster_view {
	int owners[TEST_CLUSTER_SLOTS];
} test_cluster_view;

void test_cluster_look(const test_cluster *cluster, int node, test_cluster_view *view);

/* --- slots -------------------------------------------------------------------------------------------- */

/*
 * Moves a slot with its keys to another master. Clients may write to it meanwhile. Before and after, all nodes that live agree
 * on the masters' epochs, and on the owner of the slot.
 */
void test_cluster_move_slot(const test_cluster *cluster, int slot, int to);

/*
 * The same in steps, to stop in between: after _begin the old master answers ASK for keys that it does not have, and
 * TRYAGAIN for calls of which it has some keys. _keys moves up to `most` keys, and returns how many. _end gives the
 * slot to the new master, which must have all keys by then. A master that has lost its last slot becomes a replica.
 */
void test_cluster_move_begin(const test_cluster *cluster, int slot, int to);
int test_cluster_move_keys(const test_cluster *cluster, int slot, int to, int most);
void test_cluster_move_end(const test_cluster *cluster, int slot, int to);

/*
 * The same on a busy machine, where masters are replaced: if one of the two is none any more, or if the nodes do not agree within
 * two seconds, nothing has begun, and _try returns false; if the keys cannot move now, _keys_try returns -1; if the nodes do not
 * agree within two seconds that the slot has moved, _end_try returns false.
 *
 * A replica that has replaced the old master knows nothing of the move: it makes keys anew that have moved already. Begin again
 * then: -1. Keys that both have become what the old master has, which clients saw last; that sets *replaced.
 */
bool test_cluster_move_try(const test_cluster *cluster, int slot, int to);
int test_cluster_move_keys_try(const test_cluster *cluster, int slot, int to, int most, bool *replaced);
bool test_cluster_move_end_try(const test_cluster *cluster, int slot, int to);

/* Whether all nodes that live agree on the masters' epochs and on the owner of the slot; if not, says why. */
bool test_cluster_agrees(const test_cluster *cluster, int slot, char why[TEST_CLUSTER_WHY]);

/* Moves up to 100 keys from one node to another, also if neither owns the slot; returns how many there were, or -1 if they stay. */
int test_cluster_migrate(const test_cluster *cluster, int slot, int from, int to);

/* --- nodes -------------------------------------------------------------------------------------------- */

/* A replica takes over from its living master; returns the new master when all nodes know it. */
int test_cluster_failover(const test_cluster *cluster, int master);

/* kill -9; with replicas, one of them takes over about 2 s later: see test_cluster_wait_settled. */
void test_cluster_kill(test_cluster *cluster, int node);

/* Starts a killed node again on its data, and does not wait for the others. */
void test_cluster_restart(test_cluster *cluster, int node);

/* A new master without slots; returns its number when all nodes know it. */
int test_cluster_add(test_cluster *cluster);

/* The node becomes a replica of this master; it must have no slots. Returns when it is in step. */
void test_cluster_replicate(const test_cluster *cluster, int node, int master);

/* All others forget the node, which must have no slots; then it is killed. */
void test_cluster_remove(test_cluster *cluster, int node);

#endif
