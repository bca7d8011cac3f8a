/* membership.h - joining, heartbeats and leaving: who owns what (lua/coordinate.lua). I/O thread. */
#ifndef SEG_GROUP_MEMBERSHIP_H
#define SEG_GROUP_MEMBERSHIP_H

#include "group/state.h"

/* 0 or SEG_ENOMEM. */
int seg_membership_init(seg_member *member);
void seg_membership_fini(seg_member *member);

/* Sends a heartbeat if one is due. Returns when the next is (seg_now()). */
int64_t seg_membership_step(seg_member *member, int64_t now);

/* A heartbeat is due as soon as possible. */
void seg_membership_hurry(seg_member *member);

/* The next heartbeat asks for the whole share, not only for what is new. */
void seg_membership_doubt_share(seg_member *member);

/* A new connection: failures on the one before do not count. */
void seg_membership_connected(seg_member *member);

/* Sends the last call, which gives up everything; SEG_NOTE_LEFT comes with its answer. False: not sent. */
bool seg_membership_leave(seg_member *member);

#endif
