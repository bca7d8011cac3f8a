/*
 * gap.h - notices what was removed from a log before the group had read it: trimmed or deleted by hand, or dropped.
 *
 * Now and then, and only where something was read since, Redis's count of what came up to the newest entry that was read
 * is compared with ours. What is missing is counted, said, and added to the count. I/O thread.
 */
#ifndef SEG_GROUP_GAP_H
#define SEG_GROUP_GAP_H

#include "partition/partition.h"

/* Compares, if it is time; returns when to come again (seg_now()), or SEG_NEVER. */
int64_t seg_gap_step(seg_partition *partition, int64_t now);

/* Takes note of what a claim has counted: entries that were removed unread between two owners. */
void seg_gap_found(seg_partition *partition, uint64_t entries);

#endif
