/*
 * servers.h - the Redis of a run, in one of four topologies; how its clients reach it, and what the run asks it. Main
 * thread only.
 */
#ifndef CHAOS_SERVERS_H
#define CHAOS_SERVERS_H

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "chaos/audit.h"
#include "chaos/proxy.h"
#include "chaos/shim.h"
#include "harness/certificates.h"
#include "harness/cluster.h"
#include "harness/sentinel.h"
#include "harness/server.h"

typedef enum chaos_topology {
	CHAOS_SINGLE, /* a server that loses no confirmed write (AOF, fsync always) and its replica, behind a proxy */
	CHAOS_CLUSTER,  /* a Redis Cluster of three masters with a replica each, without files */
	CHAOS_SENTINEL, /* a master, two replicas, three Sentinels, without files */
	CHAOS_TLS,      /* a server with TLS and a password, behind a proxy */
	CHAOS_TOPOLOGIES
} chaos_topology;

typedef struct chaos_servers {
	chaos_topology topology;
	bool crashes; /* of single: the servers may crash, so each write is on the disk before it is confirmed */
	unsigned ack_replicas;
	test_server *primary; /* the master, as far as is known; of a cluster, the node that was asked last */
	test_server *replica; /* of single */
	chaos_shim *shim;     /* of single: both servers' clock */
	char shim_directory[64];
	test_cluster *cluster;
	test_sentinel *sentinel;
	test_certificates *certificates; /* of tls, as the next two */
	char trust[128];                 /* the file with the authorities that clients trust */
	char password_file[128];
	redisContext *control; /* to the primary; NULL while the primary is down */
	chaos_proxy *proxy;    /* of single and tls */
	chaos_audit_listener *audit;
} chaos_servers;

/* "cluster" for CHAOS_CLUSTER; and back, false for an unknown name. */
const char *chaos_topology_name(chaos_topology topology);
bool chaos_topology_parse(const char *name, chaos_topology *topology);

/* Whether no log is ever trimmed, so that the logs say at the end what Redis lost. */
bool chaos_topology_keeps_all(chaos_topology topology);

/* How many replicas each master has. */
unsigned chaos_topology_replicas(chaos_topology topology);

/*
 * Starts the servers, the proxy and the audit; ends the program on failure. The caller has set topology, crashes and
 * ack_replicas, and the rest is zero.
 */
void chaos_servers_start(chaos_servers *servers);
void chaos_servers_stop(chaos_servers *servers, chaos_history *history);

/* Sets the address, the login, TLS and ack_replicas. Borrows texts until the next call. */
void chaos_servers_options(const chaos_servers *servers, seg_client_options *options);

/* The same as lines of [redis] in a configuration. */
void chaos_servers_write_options(const chaos_servers *servers, FILE *file);

/*
 * Sends one command to the primary, of a cluster to the node that has the key; NULL if it did not answer. The caller frees
 * the reply.
 */
redisReply *chaos_servers_command(chaos_servers *servers, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Another server is the primary. */
void chaos_servers_turn_to(chaos_servers *servers, test_server *primary);

/* A connection to the server's Unix socket, logged in; NULL if it fails. And the end of the one that commands use. */
redisContext *chaos_servers_connect(const test_server *server);
void chaos_servers_disconnect(chaos_servers *servers);

/* Waits for at most 20 s until the primary answers and the audit listens; false if they do not. */
bool chaos_servers_wait(chaos_servers *servers);

/* Closes all connections of clients. */
void chaos_servers_kill_clients(chaos_servers *servers);

/*
 * The TCP connections of clients that are logged in at one server, so none of the run's own: closes them all, or only
 * counts them. Returns how many.
 */
int chaos_servers_kill_clients_of(const test_server *server);
int chaos_servers_clients_of(const test_server *server);

#endif
