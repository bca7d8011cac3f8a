/* coordinate.h - heartbeats: membership, and who owns what (lua/coordinate.lua). I/O thread. */
#ifndef SEG_GROUP_COORDINATE_H
#define SEG_GROUP_COORDINATE_H

#include "group/member.h"

/* Sends a heartbeat if one is due. Returns when the next is. */
int64_t seg_coordinate_step(seg_member *member, int64_t now);

/* Something changed: heartbeat as soon as possible. */
void seg_coordinate_hurry(seg_member *member);

/* The last call: gives up everything. True if it was sent; member->phase becomes GONE with the answer. */
bool seg_coordinate_leave(seg_member *member);

#endif
