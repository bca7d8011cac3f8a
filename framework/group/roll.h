/*
 * roll.h - logs which partitions came and went: one line for a rebalance, however many partitions it moves. I/O thread.
 *
 * A rebalance comes in several shares, a few milliseconds apart. The line is written once the shares stand still for a moment.
 */
#ifndef SEG_GROUP_ROLL_H
#define SEG_GROUP_ROLL_H

#include "group/state.h"

/* 0 or SEG_ENOMEM. */
int seg_roll_init(seg_member *member);
void seg_roll_fini(seg_member *member);

/* The share has changed, perhaps. */
void seg_roll_changed(seg_member *member);

/* Writes the line if it is due. Returns when to call again (seg_now()). */
int64_t seg_roll_step(seg_member *member, int64_t now);

/* The member ends: writes the line at once. */
void seg_roll_end(seg_member *member);

#endif
