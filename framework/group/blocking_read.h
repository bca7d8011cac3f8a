/*
 * blocking_read.h - one XREAD BLOCK over all partitions that have run dry, together with the group's control stream. I/O thread.
 *
 * So a message or a change of membership is heard of as soon as Redis has it, and a quiet group costs a command every few
 * seconds. A partition that joins while the read is under way has it ended (CLIENT UNBLOCK) and begun again.
 */
#ifndef SEG_GROUP_BLOCKING_READ_H
#define SEG_GROUP_BLOCKING_READ_H

#include "group/state.h"

/* How long it blocks. */
#define SEG_BLOCKING_READ_TIME (3 * SEG_SECOND)

/* 0 or SEG_ENOMEM. */
int seg_blocking_read_init(seg_member *member);
void seg_blocking_read_fini(seg_member *member);

/* Whether Redis refused it lately: partitions are better read alone for a while. */
bool seg_blocking_read_is_paused(const seg_member *member, int64_t now);

/* The partition is part of the next one. */
void seg_blocking_read_add(seg_member *member, seg_partition *partition);

/* Whether the one under way includes the partition. */
bool seg_blocking_read_has(const seg_member *member, const seg_partition *partition);

/* Ends the one under way soon: what it waits for has changed. */
void seg_blocking_read_renew(seg_member *member);

/* Issues or ends it, as is due. Returns when it wants to be called again (seg_now()), if nothing else happens. */
int64_t seg_blocking_read_step(seg_member *member, int64_t now);

#endif
