/*
 * doorbell.h - waiting for messages by a doorbell (redis/bell.h) instead of a blocking read. I/O thread.
 *
 * A partition without a backlog is read once more when it rings. On a cluster this is the only way to wait, because a
 * blocking read can only read keys of one slot. On a single server it is cheaper for Redis once a member waits for many
 * partitions. The group's control stream is then read here, too.
 *
 * Where the server refuses to ring, partitions are read in intervals that grow while nothing comes.
 */
#ifndef SEG_GROUP_DOORBELL_H
#define SEG_GROUP_DOORBELL_H

#include "group/state.h"

/* 0 or SEG_ENOMEM. */
int seg_doorbell_init(seg_member *member);
void seg_doorbell_fini(seg_member *member);

/* seg_route_hooks.ring of the data link; `link` is a seg_member_link. */
void seg_doorbell_rang(void *link, seg_node node, const char *key, size_t length);

/*
 * For measurements (segbench --only wait): up to so many partitions, a member on a single server blocks; UINT32_MAX: always.
 * Call it before the first member opens.
 */
void seg_doorbell_set_block_most(uint32_t partitions);

/* Whether the member waits for its partitions in this way. */
bool seg_doorbell_is_used(seg_member *member);

/* Whether a change of the log rings, whatever it is: also that the log is deleted, or made anew. */
bool seg_doorbell_hears(seg_partition *partition);

/*
 * Whether a partition without a backlog must be read now: it rang, or it does not ring and its interval is over. If not,
 * lowers *next to the end of the interval (seg_now()).
 */
bool seg_doorbell_wants(seg_partition *partition, int64_t now, int64_t *next);

/* After seg_doorbell_wants: whether the read only makes sure that no ring was lost. Such a read need not make it ring again. */
bool seg_doorbell_only_looks(const seg_partition *partition);

/* In place of seg_doorbell_reading, for a read of that kind on another connection. */
void seg_doorbell_looking(seg_partition *partition, int64_t now);

/* A read of the partition is being issued: what rings from now on asks for another one. */
void seg_doorbell_reading(seg_partition *partition, int64_t now);

/* The read was answered, maybe by another node than the one that was asked whether it rings. */
void seg_doorbell_read(seg_partition *partition, int64_t now);

/* Reads the control stream when it must be read. Returns when it must be called again if nothing rings. */
int64_t seg_doorbell_step(seg_member *member, int64_t now);

#endif
