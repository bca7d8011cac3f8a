/*
 * snapshot.h - a group at one moment: what seg_group_describe tells, and what its partitions' keys tell
 * beside it. Two of them make rates.
 */
#ifndef CTL_SNAPSHOT_H
#define CTL_SNAPSHOT_H

#include "base/names.h"
#include "roster.h"

typedef struct ctl_partition {
	seg_partition_info info;           /* lag is 0, too, where Redis cannot tell but nothing waits */
	int64_t handled;                   /* messages committed, ever; -1: not known */
	bool waiting;                      /* a message is there that is not committed; then: */
	seg_id oldest;                     /* its id */
	double behind;                     /* since when it waits, in seconds; 0 where nothing does */
	char claimed_by[SEG_NAME_MAX + 1]; /* who has raised the fence; "" for nobody */
	seg_id claimed;                    /* the position at that */
	bool crashed;                      /* that member, or the one before, did not stop cleanly */
	uint32_t crashes;                  /* takeovers from a crashed owner at this position, in a row */
	seg_id suspect;                    /* the message that may be the cause; 0-0 for none */
	uint32_t attempts;                 /* owners that handed it over and did not stop cleanly */

	/* Of ctl_snapshot_compare; negative: not known. */
	double rate;     /* messages committed per second */
	double catch_up; /* seconds until nothing waits, if all goes on so */
} ctl_partition;

typedef struct ctl_snapshot {
	uint64_t generation;
	ctl_partition *partitions;
	uint32_t partition_count;
	ctl_roster roster;
	int64_t taken; /* seg_now */
} ctl_snapshot;

/* 0, or an exit code, its reason printed; then there is nothing to free. */
int ctl_snapshot_take(ctl_context *context, seg_stream *stream, const char *group, ctl_snapshot *snapshot);
void ctl_snapshot_free(ctl_snapshot *snapshot);

/* Fills in the rates of `now`, a later snapshot of the same group. */
void ctl_snapshot_compare(const ctl_snapshot *before, ctl_snapshot *now);

/* The group as a whole. Negative: not known. */
typedef struct ctl_totals {
	int64_t lag;
	int64_t lag_most; /* the lag, or, where Redis cannot tell one, how large it can be at most */
	double behind;    /* of the message that waits longest */
	double rate, catch_up;
	uint64_t dead_letters, lost;
	uint32_t owned;
} ctl_totals;

ctl_totals ctl_snapshot_sum(const ctl_snapshot *snapshot);

#endif
