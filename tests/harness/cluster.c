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
#include "harness/port.h"

enum {
	MASTERS = 3,
	PATIENCE_MS = 90000,
	QUICK_MS = 1000,
	SLOW_MS = 5000,
	MEND_MS = 10000,
	LOOK_NS = 2000000
};

bool test_cluster_lives(const test_cluster *cluster, int node)
{
	return cluster->nodes[node] && cluster->nodes[node]->pid > 0;
}

/* --- the start of a node ------------------------------------------------------------------------------ */

static void write_users(const test_cluster *cluster)
{
	char path[96];
	assert_non_null(cluster->options.password);
	snprintf(path, sizeof(path), "%s/users.acl", cluster->directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "user default on >%s ~* &* +@all\n%s", cluster->options.password, cluster->options.acl);
	fclose(file);
}

static void arguments_of(const test_cluster *cluster, int node, char arguments[2048])
{
	const test_cluster_options *options = &cluster->options;
	int n = snprintf(arguments, 2048,
			 "--cluster-enabled yes --cluster-port %d --cluster-node-timeout %d "
			 "--cluster-replica-validity-factor 0 --repl-diskless-sync-delay 0",
			 cluster->bus_ports[node], options->node_timeout_ms);
	if (options->certificates)
		n += snprintf(arguments + n, 2048 - (size_t)n, " --tls-cluster yes --tls-replication yes %s",
			      test_certificates_arguments(options->certificates, "server",
							  options->client_certificates));
	if (options->acl)
		n += snprintf(arguments + n, 2048 - (size_t)n, " --aclfile %s/users.acl", cluster->directory);
	n += snprintf(arguments + n, 2048 - (size_t)n, " %s", options->arguments ? options->arguments : "");
	assert_true(n < 2048);
}

static int launch(test_cluster *cluster)
{
	char arguments[2048];
	int node = cluster->count;
	assert_true(node < TEST_CLUSTER_NODES_MAX);
	cluster->bus_ports[node] = test_port_free();
	arguments_of(cluster, node, arguments);
	cluster->nodes[node] = test_server_launch(&(test_server_options){
		.arguments = arguments,
		.tcp = true,
		.tls = cluster->options.certificates != NULL,
		.password = cluster->options.password,
	});
	cluster->count++;
	return node;
}

/* Waits until the node answers, and keeps its id. */
static void prepare(test_cluster *cluster, int node)
{
	test_server_wait(cluster->nodes[node]);
	redisReply *id = test_server_ask(cluster->nodes[node], "CLUSTER MYID");
	assert_int_equal(id->type, REDIS_REPLY_STRING);
	snprintf(cluster->ids[node], sizeof(cluster->ids[node]), "%s", id->str);
	freeReplyObject(id);
}

/* --- what the nodes know of each other ---------------------------------------------------------------- */

static void introduce(const test_cluster *cluster, int node, int other)
{
	test_server_tell(cluster->nodes[node], "CLUSTER MEET 127.0.0.1 %d %d", cluster->nodes[other]->port,
			 cluster->bus_ports[other]);
}

static bool knows_all(const test_cluster *cluster, int node)
{
	redisReply *reply = test_server_ask(cluster->nodes[node], "CLUSTER NODES");
	bool all = reply->str && !strstr(reply->str, "handshake");
	for (int i = 0; all && i < cluster->count; i++)
		all = !cluster->nodes[i] || strstr(reply->str, cluster->ids[i]);
	freeReplyObject(reply);
	return all;
}

static bool all_know_all(void *cluster_)
{
	const test_cluster *cluster = cluster_;
	for (int i = 0; i < cluster->count; i++)
		if (test_cluster_lives(cluster, i) && !knows_all(cluster, i))
			return false;
	return true;
}

static void wait_known(test_cluster *cluster)
{
	test_wait_until(all_know_all, cluster, PATIENCE_MS, "the nodes of the cluster know each other");
}

bool test_cluster_is_master(const test_cluster *cluster, int node)
{
	redisReply *role = test_server_ask(cluster->nodes[node], "ROLE");
	assert_true(role->type == REDIS_REPLY_ARRAY && role->elements > 0);
	bool master = strcmp(role->element[0]->str, "master") == 0;
	freeReplyObject(role);
	return master;
}

/* Whether the node follows this master, and has all its data. */
static bool follows(const test_cluster *cluster, int node, int master)
{
	redisReply *role = test_server_ask(cluster->nodes[node], "ROLE");
	assert_true(role->type == REDIS_REPLY_ARRAY && role->elements > 0);
	bool found = role->elements == 5 && role->element[2]->integer == cluster->nodes[master]->port &&
		     strcmp(role->element[3]->str, "connected") == 0;
	freeReplyObject(role);
	return found;
}

int test_cluster_replica_of(const test_cluster *cluster, int master)
{
	for (int i = 0; i < cluster->count; i++)
		if (i != master && test_cluster_lives(cluster, i) && follows(cluster, i, master))
			return i;
	return -1;
}

static bool is_in_step(const test_cluster *cluster, int node)
{
	if (test_cluster_is_master(cluster, node))
		return true;
	for (int i = 0; i < cluster->count; i++)
		if (test_cluster_lives(cluster, i) && follows(cluster, node, i))
			return true;
	return false;
}

/* --- the cluster is well ------------------------------------------------------------------------------ */

/* A node that this one takes for dead, or has no connection to; or -1. */
static int missing(const test_cluster_opinions *o, int node)
{
	for (int i = 0; i < o->cluster->count; i++)
		if (o->cluster->nodes[i] && !o->by[node]->well[i])
			return i;
	return -1;
}

/* Whether the node says that the cluster is ok, is in step with its master, and has the others' links. */
static bool is_well(const test_cluster_opinions *o, int node, char why[TEST_CLUSTER_WHY])
{
	if (!test_server_says(o->cluster->nodes[node], "CLUSTER INFO", "cluster_state:ok")) {
		snprintf(why, TEST_CLUSTER_WHY,
			 "node %d says that the state of the cluster is not ok; it misses node %d", node,
			 missing(o, node));
		return false;
	}
	if (!is_in_step(o->cluster, node)) {
		snprintf(why, TEST_CLUSTER_WHY, "node %d is a replica that is not in step with its master",
			 node);
		return false;
	}
	for (int i = 0; i < o->cluster->count; i++)
		if (o->by[i] && !test_cluster_leads(o, i) &&
		    (o->by[node]->master[i] || !o->by[node]->well[i])) {
			snprintf(why, TEST_CLUSTER_WHY,
				 "node %d does not know that node %d is a replica, or is not connected to it",
				 node, i);
			return false;
		}
	return true;
}

static bool agree(const test_cluster_opinions *o, char why[TEST_CLUSTER_WHY])
{
	for (int slot = 0; slot < TEST_CLUSTER_SLOTS; slot++)
		if (!test_cluster_agree_on_slot(o, slot, why))
			return false;
	for (int i = 0; i < o->cluster->count; i++)
		if (o->by[i] && !is_well(o, i, why))
			return false;
	/* A replica that does not know its master's newest epoch cannot be elected. */
	return test_cluster_agree_on_epochs(o, why);
}

static void mend_in_time(const test_cluster_opinions *o, test_cluster_wait *wait)
{
	long long now = test_now_ms();
	if (!test_cluster_is_disputed(o))
		wait->disputed_since = 0;
	else if (wait->disputed_since == 0)
		wait->disputed_since = now;
	else if (now - wait->disputed_since > MEND_MS) {
		wait->mended += test_cluster_mend(o->cluster, wait->slots);
		wait->disputed_since = 0;
	}
}

bool test_cluster_is_settled(const test_cluster *cluster, test_cluster_wait *wait)
{
	test_cluster_opinions opinions;
	test_cluster_hear(cluster, &opinions);
	bool settled = agree(&opinions, wait->why);
	if (settled)
		wait->why[0] = '\0';
	else
		mend_in_time(&opinions, wait);
	test_cluster_opinions_free(&opinions);
	return settled;
}

void test_cluster_wait_settled(const test_cluster *cluster, int timeout_ms)
{
	test_cluster_wait wait = {.why = ""};
	long long deadline = test_now_ms() + timeout_ms;
	while (!test_cluster_is_settled(cluster, &wait)) {
		if (test_now_ms() > deadline)
			fail_msg("the cluster is not well within %d ms: %s", timeout_ms, wait.why);
		nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
	}
}

/* --- start and stop ----------------------------------------------------------------------------------- */

static void share_slots(const test_cluster *cluster)
{
	int masters = cluster->options.masters;
	for (int i = 0; i < masters; i++)
		test_server_tell(cluster->nodes[i], "CLUSTER ADDSLOTSRANGE %d %d",
				 i * TEST_CLUSTER_SLOTS / masters,
				 (i + 1) * TEST_CLUSTER_SLOTS / masters - 1);
}

static void join(test_cluster *cluster)
{
	int masters = cluster->options.masters;
	for (int i = 0; i < cluster->count; i++) {
		prepare(cluster, i);
		/* Nodes of the same epoch would quarrel about it. */
		test_server_tell(cluster->nodes[i], "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
	}
	share_slots(cluster);
	for (int i = 0; i < cluster->count; i++)
		for (int j = i + 1; j < cluster->count; j++)
			introduce(cluster, i, j);
	wait_known(cluster);
	for (int i = masters; i < cluster->count; i++)
		test_server_tell(cluster->nodes[i], "CLUSTER REPLICATE %s",
				 cluster->ids[(i - masters) / cluster->options.replicas]);
}

static void write_address(test_cluster *cluster)
{
	int n = snprintf(cluster->address, sizeof(cluster->address), "%s://",
			 cluster->options.certificates ? "rediss" : "redis");
	for (int i = 0; i < cluster->count; i++)
		n += snprintf(cluster->address + n, sizeof(cluster->address) - (size_t)n, "%s127.0.0.1:%d",
			      i ? "," : "", cluster->nodes[i]->port);
}

test_cluster *test_cluster_start(const test_cluster_options *options)
{
	test_cluster *cluster = calloc(1, sizeof(*cluster));
	assert_non_null(cluster);
	if (options)
		cluster->options = *options;
	if (cluster->options.masters == 0)
		cluster->options.masters = MASTERS;
	if (cluster->options.node_timeout_ms == 0)
		cluster->options.node_timeout_ms = cluster->options.replicas ? QUICK_MS : SLOW_MS;
	test_directory_make(cluster->directory);
	if (cluster->options.acl)
		write_users(cluster);
	for (int i = 0; i < cluster->options.masters * (1 + cluster->options.replicas); i++)
		launch(cluster);
	join(cluster);
	write_address(cluster);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	return cluster;
}

void test_cluster_stop(test_cluster *cluster)
{
	if (!cluster)
		return;
	for (int i = 0; i < cluster->count; i++)
		test_server_stop(cluster->nodes[i]);
	test_directory_remove(cluster->directory);
	free(cluster);
}

/* --- nodes come, go and take over --------------------------------------------------------------------- */

typedef struct {
	const test_cluster *cluster;
	int node;
} takeover;

static bool has_taken_over(void *takeover_)
{
	const takeover *t = takeover_;
	return test_cluster_is_master(t->cluster, t->node);
}

int test_cluster_failover(const test_cluster *cluster, int master)
{
	takeover t = {cluster, test_cluster_replica_of(cluster, master)};
	assert_true(t.node >= 0);
	test_server_tell(cluster->nodes[t.node], "CLUSTER FAILOVER");
	test_wait_until(has_taken_over, &t, PATIENCE_MS, "the replica takes over");
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	return t.node;
}

void test_cluster_kill(test_cluster *cluster, int node)
{
	test_server_kill(cluster->nodes[node]);
}

void test_cluster_restart(test_cluster *cluster, int node)
{
	test_server_restart(cluster->nodes[node]);
}

int test_cluster_add(test_cluster *cluster)
{
	int node = launch(cluster);
	prepare(cluster, node);
	for (int i = 0; i < node; i++)
		if (test_cluster_lives(cluster, i))
			introduce(cluster, i, node);
	wait_known(cluster);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
	return node;
}

void test_cluster_replicate(const test_cluster *cluster, int node, int master)
{
	test_server_tell(cluster->nodes[node], "CLUSTER REPLICATE %s", cluster->ids[master]);
	test_cluster_wait_settled(cluster, PATIENCE_MS);
}

void test_cluster_remove(test_cluster *cluster, int node)
{
	/* First it ends, so that it cannot introduce itself again. */
	test_server_stop(cluster->nodes[node]);
	cluster->nodes[node] = NULL;
	for (int i = 0; i < cluster->count; i++)
		if (test_cluster_lives(cluster, i))
			test_server_tell(cluster->nodes[i], "CLUSTER FORGET %s", cluster->ids[node]);
}
