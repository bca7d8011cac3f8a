/*
 * membership.h - joins the group, sends heartbeats, takes the member's share of the partitions, and leaves (lua/coordinate.lua).
 * I/O thread.
 */
#ifndef SEG_GROUP_MEMBERSHIP_H
#define SEG_GROUP_MEMBERSHIP_H

#include "group/state.h"

/* 0 or SEG_ENOMEM. */
int seg_membership_init(seg_member *member);
void seg_membership_fini(seg_member *member);

/* Sends a heartbeat if one is due. Returns when the next one is due (seg_now()). */
int64_t seg_membership_step(seg_member *member, int64_t now);

/* Makes a heartbeat due as soon as possible. */
void seg_membership_hurry(seg_member *member);

/* Makes the next heartbeat ask for the whole share, even if the coordinator thinks that this member knows it. */
void seg_membership_doubt_share(seg_member *member);

/* A new connection: failures on the previous one no longer count, and a heartbeat is due. */
void seg_membership_connected(seg_member *member);

/* Sends the leave, which gives up all partitions. Its answer takes SEG_NOTE_LEFT. False: not sent. */
bool seg_membership_leave(seg_member *member);

#endif
