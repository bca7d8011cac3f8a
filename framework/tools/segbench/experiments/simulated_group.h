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

/* How large the group is. */
typedef struct bench_simulated_size {
	int partitions, members_max;
} bench_simulated_size;

/* What a call was for. */
typedef enum bench_call {
	CALL_JOIN,    /* the join of a member, or its leave */
	CALL_SHARE,   /* a heartbeat whose reply holds a new share */
	CALL_RELEASE, /* a heartbeat that releases partitions */
	CALL_OTHER,   /* a heartbeat that changes nothing */
	CALL_OPEN,    /* the creation of the group in a partition */
	CALL_CLAIM,   /* the claim of a partition that a member was given */
	CALLS,
} bench_call;

typedef struct bench_simulated_member bench_simulated_member;

typedef struct bench_simulated_group {
	bench_server *server;
	bench_simulated_size size;
	char sha[48], open_sha[48], claim_sha[48]; /* coordinate, open_group, claim */
	bench_simulated_member *members;
	int member_count;
	bool claims;        /* the members claim what they are given */
	long long *claimed; /* of each partition: the epoch of the newest claim */
	bool changed;       /* a reply since the last reset of this flag held a new share */
	int wait_ms;        /* while the group gathers: how long */
	int64_t clock;      /* Redis's time for scripts, when it was last read */
	/*
	 * Redis's time in us, since bench_simulated_group_restart: all calls, the longest call, each kind of
	 * call.
	 */
	int64_t total;
	int64_t longest;
	int64_t times[CALLS];
	int64_t calls[CALLS]; /* the number of calls of each kind */
} bench_simulated_group;

/* Loads the scripts. The group has no members. */
void bench_simulated_group_open(bench_simulated_group *group, bench_server *server,
				const bench_simulated_size *size);
void bench_simulated_group_close(bench_simulated_group *group);

/* Sets the times and the numbers of calls to 0. */
void bench_simulated_group_restart(bench_simulated_group *group);

/*
 * All members start at once: one creates the group in all partitions, all arrive, and they claim what they are given. Members that
 * come later claim, too.
 */
void bench_simulated_group_start(bench_simulated_group *group, int members);

/* Adds a member; the newest member leaves; the lease of the newest member ends. */
void bench_simulated_group_join(bench_simulated_group *group);
void bench_simulated_group_leave(bench_simulated_group *group);
void bench_simulated_group_die(bench_simulated_group *group);

/* One heartbeat of each member. */
void bench_simulated_group_heartbeat(bench_simulated_group *group);

/* Heartbeats until every member has released what it must, and knows what it owns. */
void bench_simulated_group_settle(bench_simulated_group *group);

#endif
