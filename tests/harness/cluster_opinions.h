/*
 * cluster_opinions.h - what each node of a test's cluster says in CLUSTER NODES, and whether the nodes agree.
 *
 * Nodes tell each other only what they themselves have: each its role, its configuration epoch and its slots. Of two nodes that
 * claim a slot, that of the later epoch gets it, and the other one deletes its keys. A node takes a new epoch on its own when it
 * imports a slot. If it has not heard of the newest epoch, two nodes may take the same one; one of them then takes a later one,
 * even where it has just given the slot away, and the slot ends without a node that claims it. So wait until all agree
 * before a slot moves.
 */
#ifndef TEST_HARNESS_CLUSTER_OPINIONS_H
#define TEST_HARNESS_CLUSTER_OPINIONS_H

#include "harness/cluster.h"

typedef struct test_cluster_opinion {
	bool master[TEST_CLUSTER_NODES_MAX]; /* false, too, for a node that is unknown */
	bool well[TEST_CLUSTER_NODES_MAX];   /* connected, and not taken for dead */
	long long epochs[TEST_CLUSTER_NODES_MAX];
	int owners[TEST_CLUSTER_SLOTS]; /* -1: none */
} test_cluster_opinion;

typedef struct test_cluster_opinions {
	const test_cluster *cluster;
	test_cluster_opinion *by[TEST_CLUSTER_NODES_MAX]; /* NULL: the node does not live */
} test_cluster_opinions;

/* Asks all nodes that live. */
void test_cluster_hear(const test_cluster *cluster, test_cluster_opinions *opinions);
void test_cluster_opinions_free(test_cluster_opinions *opinions);

/* Whether nodes that all live, killed ones included, disagree on the owner of some slot. See test_cluster_mend. */
bool test_cluster_is_disputed(const test_cluster_opinions *opinions);

/* Whether the node lives, and is a master by its own account. */
bool test_cluster_leads(const test_cluster_opinions *opinions, int node);

/*
 * Whether all nodes that live agree: on the epoch of each master that lives, and no two of these have the same one; and on the
 * owner of a slot, a master that lives. If not, why says which node says what.
 */
bool test_cluster_agree_on_epochs(const test_cluster_opinions *opinions, char why[TEST_CLUSTER_WHY]);
bool test_cluster_agree_on_slot(const test_cluster_opinions *opinions, int slot, char why[TEST_CLUSTER_WHY]);

#endif
