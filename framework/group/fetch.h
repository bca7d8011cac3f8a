/*
 * fetch.h - reads the logs of the owned partitions. I/O thread.
 *
 * A partition whose newest read brought a full batch is backlogged: its next read goes out on the data connection, pipelined
 * with those of the others, and answers at once. All others share the blocking read. (A connection for each partition costs
 * Redis twice as much per message.)
 */
#ifndef SEG_GROUP_FETCH_H
#define SEG_GROUP_FETCH_H

#include "group/state.h"

/* Prepares the partitions for reads; before the first step. */
void seg_fetch_init(seg_member *member);

/* Issues what reads are due. Returns when it wants to be called again (seg_now()), if nothing else happens. */
int64_t seg_fetch_step(seg_member *member, int64_t now);

/* The partition's read under way, if any, is of an ownership that is over. */
void seg_fetch_forget(seg_partition *partition);

#endif
