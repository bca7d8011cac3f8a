/*
 * fetch.h - reads the logs of the owned partitions. I/O thread.
 *
 * A partition has a backlog if its newest read returned a full batch. Then its next read goes out on the data connection,
 * pipelined with those of other partitions, and Redis answers at once. All other partitions share the blocking read. (With a
 * connection for each partition, a message costs Redis twice as much.)
 */
#ifndef SEG_GROUP_FETCH_H
#define SEG_GROUP_FETCH_H

#include "group/state.h"

/* Prepares the partitions for reads. Call it before the first step. */
void seg_fetch_init(seg_member *member);

/*
 * Issues the reads of these partitions that are due. Returns when it must be called again for them (seg_now()) if nothing else
 * happens.
 */
int64_t seg_fetch_step(seg_member *member, seg_partition *const *partitions, uint32_t count, int64_t now);

/* The ownership is over: ignores what the partition's read under way, if any, returns. */
void seg_fetch_forget(seg_partition *partition);

#endif
