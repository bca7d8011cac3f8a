/*
 * claim.h - makes the group known on every partition, and raises the fence of those that were assigned (lua/open_group.lua,
 * lua/claim.lua). I/O thread.
 */
#ifndef SEG_GROUP_CLAIM_H
#define SEG_GROUP_CLAIM_H

#include "group/member.h"

/* Creates the group where it does not exist yet, all partitions in one go. The phase goes on with the last answer. */
void seg_claim_open_groups(seg_member *member);

/* Raises the fence of one partition under its epoch. */
void seg_claim_send(seg_partition *partition, int64_t now);

#endif
