/*
 * topology.h - more than one redis-server: a cluster of masters, or a master with a replica. The servers form a chain
 * through bench_server.next; segbench's functions take the first one.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_TOPOLOGY_H
#define SEGBENCH_MEASURE_TOPOLOGY_H

#include "measure/server.h"

enum { TOPOLOGY_MAX = 3 };

/* Starts a cluster of `masters` masters, 1 to TOPOLOGY_MAX, with as many slots each, and waits until it is well. */
void bench_topology_start_cluster(bench_server servers[TOPOLOGY_MAX], uint32_t masters,
				  const bench_server *beside);

/* Starts a master and one replica, and waits until the replica is in step. */
void bench_topology_start_replica(bench_server servers[2], const bench_server *beside);

/* Stops all servers of the chain. */
void bench_topology_stop(bench_server *servers);

/* The master that has the key. */
bench_server *bench_topology_owner(bench_server *servers, const char *key);

#endif
