/*
 * snapshot.h - a group as Redis has it at one moment: its assignment, its members, and for each partition the
 * position, the lag, the fence, and the oldest message that is not committed. seg_group_describe, segctl and the
 * admin server all read a group here.
 *
 * The assignment and the members are one script that reads only, and so is each partition: Redis answers these without
 * memory, too. Partitions are read in pipelined rounds of many: the number of round trips does not depend on how many of
 * them lag.
 */
#ifndef SEG_LOOK_SNAPSHOT_H
#define SEG_LOOK_SNAPSHOT_H

#include "look/roster.h"
#include "partition/hindrance.h"

typedef struct seg_partition_snapshot {
	seg_partition_info info;
	int64_t handled;                   /* messages committed, ever; -1: not known */
	char claimed_by[SEG_NAME_MAX + 1]; /* the member that raised the fence; "" for none */
	seg_id claimed;                    /* the position at that claim */
	bool crashed;                      /* that member, or the one before it, did not stop cleanly */
	uint32_t crashes;                  /* takeovers from a crashed owner at this position, in a row */
	seg_id suspect;                    /* the message that may be the cause; 0-0 for none */
	uint32_t attempts;                 /* owners that handed `suspect` over and did not stop cleanly */
	uint64_t letters_dropped;          /* dead letters that made room for later ones, ever */
	uint64_t beyond;                   /* with lanes: messages after the position that are done */
	uint32_t lanes_busy;               /* with lanes: as the owner said within the last seconds */
	uint32_t slots_waiting;            /* with lanes: slots whose first message waits, as it said then */
	uint64_t values;                   /* that handlers keep in state */
	seg_hindrance hindrance; /* what hinders its owner, as the owner says; `at` by this process's clock */

	char node
		[SEG_NODE_TEXT_MAX]; /* "host:port" of the cluster's node that has it; "" on a single server */
	bool unreachable;            /* that node does not answer: the rest is not known */

	/* Of a reading with `oldest`. Then info.lag is 0, not -1, where nothing waits. */
	bool waiting;  /* a message is not committed; then: */
	seg_id oldest; /* the id of the oldest one */
	double behind; /* its age in seconds, by Redis's clock; 0 where nothing waits; negative: not known, as `ahead` is not 0 */
	double ahead; /* seconds, more than 1, by which its id is ahead of that clock, which was put back, or which a sender did not ask */

	/* Of seg_group_snapshot_compare; negative: not known, as after `segctl reset`. */
	double rate; /* messages done per second, by any member: committed, or, with lanes, beyond the position */
	double added;    /* messages added per second */
	double catch_up; /* seconds until nothing waits, at that rate */
} seg_partition_snapshot;

struct seg_group_snapshot;

/* Whether partition p has an owner whose lease is valid: a dead owner stays listed until another member notices. */
bool seg_group_snapshot_owned(const struct seg_group_snapshot *snapshot, uint32_t p);

typedef struct seg_group_snapshot {
	uint64_t generation;
	seg_partition_snapshot *partitions;
	uint32_t partition_count;
	seg_roster roster;
	double set_back; /* seconds by which Redis's clock was put back since the newest heartbeat of any member */
	int64_t taken; /* seg_now() when the reading began */
} seg_group_snapshot;

/* What to read. */
typedef struct seg_look {
	bool oldest; /* the oldest message that is not committed, too: a second round for each of partitions */
	int64_t deadline; /* seg_now() by which the whole reading ends; 0: each round has the client's timeout */
} seg_look;

/*
 * 0, or a status with an error: SEG_EINVAL for a name that no group can have, SEG_ENOTFOUND if the stream has no such
 * group. On failure there is nothing to free.
 */
int seg_group_snapshot_take(const seg_stream *stream, const char *group, const seg_look *look,
			    seg_group_snapshot *snapshot, seg_error *error);

/* Leaves an empty snapshot. Freeing an empty one is allowed. */
void seg_group_snapshot_free(seg_group_snapshot *snapshot);

/* Fills in the rates of `now`, a later snapshot of the same group. */
void seg_group_snapshot_compare(const seg_group_snapshot *before, seg_group_snapshot *now);

#endif
