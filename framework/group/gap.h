/*
 * gap.h - notices what was removed from a log before the group had read it: trimmed or deleted by hand, or dropped
 * (lua/gap.lua). I/O thread.
 *
 * Now and then, and only where something was read since, Redis's count of what came up to the newest entry that was read is
 * compared with ours. What is missing is counted, logged, and added to our count.
 */
#ifndef SEG_GROUP_GAP_H
#define SEG_GROUP_GAP_H

#include "group/state.h"

/* A new ownership begins. */
void seg_gap_begin(seg_partition *partition);

/* Compares, if it is time; returns when to come again (seg_now()), or SEG_NEVER. */
int64_t seg_gap_step(seg_partition *partition, int64_t now);

#endif
