/*
 * simulated_group.h - a large consumer group without segrunners: this process sends the coordinator's calls
 * of every member, one call after the other, and notes Redis's time for each.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_EXPERIMENTS_SIMULATED_GROUP_H
#define SEGBENCH_EXPERIMENTS_SIMULATED_GROUP_H

#include <stdint.h>

#include "measure/server.h"

enum { SIMULATED_PARTITIONS = 1024, SIMULATED_MEMBERS_MAX = 65 };

/* What a call was for. */
typedef enum bench_call {
	CALL_JOIN,    /* the join of a member */
	CALL_SHARE,   /* a heartbeat whose reply holds a new share */
	CALL_RELEASE, /* a heartbeat that releases partitions */
	CALL_OTHER,   /* a heartbeat that changes nothing */
	CALLS,
} bench_call;

typedef struct bench_simulated_member bench_simulated_member;

typedef struct bench_simulated_group {
	bench_server *server;
	char sha[48]; /* the coordinator's script */
	bench_simulated_member *members;
	int member_count;
	bool changed; /* a reply since the last reset of this flag held a new share */
	/*
	 * Redis's time in us, since bench_simulated_group_restart: all calls, the longest call, each kind of
	 * call.
	 */
	int64_t total;
	int64_t longest;
	int64_t times[CALLS];
	int64_t calls[CALLS]; /* the number of calls of each kind */
} bench_simulated_group;

/* Loads the coordinator's script. The group has no members. */
void bench_simulated_group_open(bench_simulated_group *group, bench_server *server);
void bench_simulated_group_close(bench_simulated_group *group);

/* Sets the times and the numbers of calls to 0. */
void bench_simulated_group_restart(bench_simulated_group *group);

/* Adds a member; the newest member leaves. */
void bench_simulated_group_join(bench_simulated_group *group);
void bench_simulated_group_leave(bench_simulated_group *group);

/* One heartbeat of each member. */
void bench_simulated_group_heartbeat(bench_simulated_group *group);

/* Heartbeats until every member has released what it must, and knows what it owns. */
void bench_simulated_group_settle(bench_simulated_group *group);

#endif
