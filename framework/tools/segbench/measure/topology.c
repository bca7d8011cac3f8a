#include "measure/topology.h"

#include <err.h>
#include <string.h>
#include <sysexits.h>

#include "measure/process.h"
#include "measure/reply.h"

enum { SLOTS = 16384, PATIENCE_MS = 30000, LOOK_MS = 20 };

static bool is_cluster(const bench_server *servers)
{
	return servers->bus_port != 0;
}

/* Whether the reply of each server to the command holds the text. */
static bool all_say(bench_server *servers, const char *command, const char *section, const char *text)
{
	bool all = true;
	for (bench_server *server = servers; all && server; server = server->next) {
		redisReply *reply = bench_server_command(server, "%s %s", command, section);
		all = strstr(bench_reply_text(reply, command), text) != NULL;
		freeReplyObject(reply);
	}
	return all;
}

static void wait_until_all_say(bench_server *servers, const char *command, const char *section,
			       const char *text, const char *what)
{
	for (int waited = 0; !all_say(servers, command, section, text); waited += LOOK_MS) {
		if (waited >= PATIENCE_MS)
			errx(EX_UNAVAILABLE, "%s within %d s", what, PATIENCE_MS / 1000);
		bench_pause_ms(LOOK_MS);
	}
}

void bench_topology_start_cluster(bench_server servers[TOPOLOGY_MAX], uint32_t masters,
				  const bench_server *beside)
{
	char known[32];
	for (uint32_t i = 0; i < masters; i++) {
		bench_server_start_beside(&servers[i], beside, SERVER_CLUSTER);
		if (i > 0)
			servers[i - 1].next = &servers[i];
		bench_server_do(&servers[i], "CLUSTER SET-CONFIG-EPOCH %u", i + 1);
		bench_server_do(&servers[i], "CLUSTER ADDSLOTSRANGE %u %u", i * SLOTS / masters,
				(i + 1) * SLOTS / masters - 1);
		for (uint32_t j = 0; j < i; j++)
			bench_server_do(&servers[i], "CLUSTER MEET 127.0.0.1 %d %d", servers[j].port,
					servers[j].bus_port);
	}
	snprintf(known, sizeof(known), "cluster_size:%u\r\n", masters);
	wait_until_all_say(servers, "CLUSTER", "INFO", known, "the masters of the cluster did not meet");
	wait_until_all_say(servers, "CLUSTER", "INFO", "cluster_state:ok", "the cluster did not become well");
}

void bench_topology_start_replica(bench_server servers[2], const bench_server *beside)
{
	bench_server_start_beside(&servers[0], beside, SERVER_PLAIN);
	bench_server_start_beside(&servers[1], beside, SERVER_PLAIN);
	bench_server_do(&servers[1], "REPLICAOF 127.0.0.1 %d", servers[0].port);
	servers[1].replica = true;
	wait_until_all_say(&servers[1], "INFO", "replication", "master_link_status:up",
			   "the replica did not reach its master");
	wait_until_all_say(&servers[0], "INFO", "replication", "state=online",
			   "the master did not see its replica");
	servers[0].next = &servers[1];
}

void bench_topology_stop(bench_server *servers)
{
	for (bench_server *server = servers; server; server = server->next)
		bench_server_stop(server);
}

bench_server *bench_topology_owner(bench_server *servers, const char *key)
{
	uint32_t masters = 0;
	if (!is_cluster(servers))
		return servers;
	for (const bench_server *server = servers; server; server = server->next)
		masters++;
	redisReply *reply = bench_server_command(servers, "CLUSTER KEYSLOT %s", key);
	long long slot = reply->integer;
	freeReplyObject(reply);
	/* As bench_topology_start_cluster gave them out. */
	bench_server *owner = servers;
	for (uint32_t i = 1; i < masters && slot >= (long long)(i * SLOTS / masters); i++)
		owner = owner->next;
	return owner;
}
