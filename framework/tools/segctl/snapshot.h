/* snapshot.h - a snapshot of a group, taken for a command, and what it sums up to. */
#ifndef CTL_SNAPSHOT_H
#define CTL_SNAPSHOT_H

#include "look/snapshot.h"
#include "roster.h"

typedef seg_group_snapshot ctl_snapshot;
typedef seg_partition_snapshot ctl_partition;

/*
 * oldest: reads the oldest uncommitted messages, too. 0, or an exit code after one line on standard error; then there is
 * nothing to free.
 */
int ctl_snapshot_take(seg_stream *stream, const char *group, bool oldest, ctl_snapshot *snapshot);

/* The same, with all that seg_group_snapshot_take can do. */
int ctl_snapshot_look(seg_stream *stream, const char *group, const seg_look *look, ctl_snapshot *snapshot);
void ctl_snapshot_free(ctl_snapshot *snapshot);

/* Prints why seg_group_snapshot_take failed. An exit code. */
int ctl_snapshot_fail(const seg_error *error, const char *stream);

/* The group as a whole. Negative: not known. */
typedef struct ctl_totals {
	int64_t lag;
	int64_t lag_most; /* the lag, or, where Redis cannot tell it, the most it can be */
	bool vague;       /* Redis cannot tell it */
	double behind;    /* age in seconds of the oldest message that is not committed */
	double ahead; /* seconds by which an id is ahead of Redis's clock: its age is not known; 0: none is */
	double rate, catch_up;
	uint64_t dead_letters, lost, values;
	uint64_t beyond; /* of the lag: done after the position */
	uint32_t owned;  /* by members with a valid lease */
	uint32_t
		unreachable; /* partitions of which nothing but the owner is known, and which only `lag` counts: as -1 */
} ctl_totals;

ctl_totals ctl_snapshot_sum(const ctl_snapshot *snapshot);

enum { CTL_WAITING_TEXT_MAX = 160 };

/* For people: "5 messages wait", "at most 5 messages wait", "5 messages wait, without those of 4 partitions that are not known". */
const char *ctl_totals_waiting(const ctl_totals *sum, char text[CTL_WAITING_TEXT_MAX]);

/* Of the message that comes next: how often it was tried, as far as Redis knows; 0: not yet. */
uint32_t ctl_snapshot_attempts(const ctl_partition *partition);

/* Whether the message that comes next failed, and is tried again; and in how many seconds: 0 while that is under way. */
bool ctl_snapshot_retries(const ctl_partition *partition);
double ctl_snapshot_retry_in(const ctl_partition *partition);

enum { CTL_LANES_TEXT_MAX = 160 };

/* For people: what is done beyond the position, which lanes are busy, which slots wait. NULL: it has no lanes, or they rest. */
const char *ctl_snapshot_lanes(const ctl_partition *partition, char text[CTL_LANES_TEXT_MAX]);

/* The first partition whose node does not answer; NULL: all do. */
const ctl_partition *ctl_snapshot_first_unreachable(const ctl_snapshot *snapshot);

/* For people: a line for each node of a cluster that has partitions and does not answer. */
void ctl_snapshot_print_unreachable(const ctl_snapshot *snapshot);

#endif
