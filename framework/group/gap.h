/*
 * gap.h - finds messages that were removed from a log before the group had read them: trimmed or deleted by hand, or dropped
 * (lua/gap.lua). I/O thread.
 *
 * Every few seconds, or every half second for each partition of the member if that is longer, Redis returns how many entries the log
 * ever had up to the newest one that was read, if the partition has read some since the last look. Entries that we have not read are
 * counted, logged, and added to our count.
 *
 * A commit looks on its way, if it commits all that was read, and the log probably has no more: under thin traffic that is each commit, and
 * a look of its own would cost more than the commit. Else the look is a call of its own.
 */
#ifndef SEG_GROUP_GAP_H
#define SEG_GROUP_GAP_H

#include "group/state.h"

/* A new ownership begins. */
void seg_gap_begin(seg_partition *partition);

/*
 * For a packed stream, whose entries tell by themselves what is missing: `removed` records are, up to the record of that number.
 * 0: does nothing.
 */
void seg_gap_found(seg_partition *partition, uint64_t removed, int64_t upto);

/* Whether the commit that is about to be sent shall look (lua/commit.lua). If so, seg_gap_got gets the commit's answer. */
bool seg_gap_joins_commit(const seg_partition *partition, int64_t now);
void seg_gap_joined(seg_partition *partition, int64_t now);

/* The answer to a look: OK, and how many messages were removed. NULL: none came. */
void seg_gap_got(seg_partition *partition, const seg_reply *reply);

/* Asks Redis, or tells it, if it is time. Returns when it must be called again (seg_now()), or SEG_NEVER. */
int64_t seg_gap_step(seg_partition *partition, int64_t now);

#endif
