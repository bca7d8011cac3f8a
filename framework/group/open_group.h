/* open_group.h - makes the group known on the log of every partition (lua/open_group.lua). I/O thread. */
#ifndef SEG_GROUP_OPEN_GROUP_H
#define SEG_GROUP_OPEN_GROUP_H

#include "group/state.h"

/* At first, or once Redis may have forgotten: the group is not known to exist anywhere. */
void seg_open_group_everywhere(seg_member *member);

/* A new connection: the pauses begin small again. */
void seg_open_group_connected(seg_member *member);

/*
 * Creates the group where it is not known to exist, on all partitions in one go; SEG_NOTE_GROUP_OPEN comes with the last
 * answer. Returns when it wants to be called again (seg_now()).
 */
int64_t seg_open_group_step(seg_member *member, int64_t now);

#endif
