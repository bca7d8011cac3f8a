/*
 * blocking_read.h - one XREAD BLOCK over all partitions without a backlog and the group's control stream. I/O thread.
 *
 * The member learns of a message or a change of membership as soon as Redis has it, and an idle group costs one command every few
 * seconds. If a partition joins while the read is under way, CLIENT UNBLOCK ends the read, and the next read includes it. Where
 * Redis denies CLIENT UNBLOCK, the reads are short instead: very short while a partition is not in the read and may join.
 */
#ifndef SEG_GROUP_BLOCKING_READ_H
#define SEG_GROUP_BLOCKING_READ_H

#include "group/state.h"

/* How long one read blocks, at most. */
#define SEG_BLOCKING_READ_TIME (3 * SEG_SECOND)

/* 0 or SEG_ENOMEM. */
int seg_blocking_read_init(seg_member *member);
void seg_blocking_read_fini(seg_member *member);

/* Whether the read pauses because Redis refused it. Partitions must be read alone until then. */
bool seg_blocking_read_is_paused(const seg_member *member, int64_t now);

/* Adds the partition to the next read. */
void seg_blocking_read_add(seg_member *member, seg_partition *partition);

/* Whether the read under way includes the partition. */
bool seg_blocking_read_has(const seg_member *member, const seg_partition *partition);

/* Ends the read under way soon, because the set of partitions has changed. */
void seg_blocking_read_renew(seg_member *member);

/* Issues the next read, or ends the one under way. Returns when it must be called again (seg_now()) if nothing else happens. */
int64_t seg_blocking_read_step(seg_member *member, int64_t now);

/* In place of seg_blocking_read_step while the member does not wait by this read: reads what was added, and does not block. */
int64_t seg_blocking_read_look(seg_member *member, int64_t now);

#endif
