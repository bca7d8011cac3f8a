/*
 * remark.h - what hinders a partition at this moment, written where every tool sees it: field `remark` of the partition's state,
 * `<epoch> <since, Unix ms> <sentence>`. I/O thread.
 *
 * A remark is for people, so it is written late rather than often, and not fenced: a remark of another epoch than the state's is
 * out of date.
 */
#ifndef SEG_GROUP_REMARK_H
#define SEG_GROUP_REMARK_H

#include "group/state.h"

/* A new ownership begins. */
void seg_remark_begin(seg_partition *partition);

/* For the hooks, as often as they like: since `since` (seg_now()), the sentence holds. NULL: nothing hinders the partition. */
void seg_remark_set(seg_partition *partition, int64_t since, const char *sentence);

/* Writes a remark that has changed. Returns when to call again (seg_now()). */
int64_t seg_remark_step(seg_partition *partition, int64_t now);

#endif
