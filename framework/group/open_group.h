/* open_group.h - creates the group on the log of every partition (lua/open_group.lua). I/O thread. */
#ifndef SEG_GROUP_OPEN_GROUP_H
#define SEG_GROUP_OPEN_GROUP_H

#include "group/state.h"

/*
 * At the start: opens the group soon. Of the members that start together, one creates the group everywhere; the others wait
 * for it, and do not look themselves (lua/opening.lua).
 */
void seg_open_group_begin(seg_member *member);

/* When Redis may have lost the group: no partition's group is known to exist. */
void seg_open_group_everywhere(seg_member *member);

/* Some partitions' groups are not known to exist (open_group.known): opens them soon, without asking other members. */
void seg_open_group_hurry(seg_member *member);

/* A new connection: the pauses between tries begin small again. */
void seg_open_group_connected(seg_member *member);

/*
 * Creates the group on all partitions where it is not known to exist. The last answer takes SEG_NOTE_GROUP_OPEN. On a cluster,
 * nodes that do not answer delay that by two seconds at most: their partitions follow when they answer. Returns when it must be
 * called again (seg_now()).
 */
int64_t seg_open_group_step(seg_member *member, int64_t now);

#endif
