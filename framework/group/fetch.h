/*
 * fetch.h - reads the logs of the owned partitions. I/O thread.
 *
 * A partition whose last read brought a full batch is hot: its next read goes out on the data connection, pipelined with
 * those of the others, and answers at once. All others share one blocking read on the wait connection, together with the
 * group's control stream: so a message or a change of membership is heard of as soon as Redis has it, and a quiet
 * group costs a command every few seconds. (A connection for each partition costs Redis twice as much per message.)
 */
#ifndef SEG_GROUP_FETCH_H
#define SEG_GROUP_FETCH_H

#include "group/member.h"

/* How long a blocking read blocks. */
#define SEG_FETCH_BLOCK (3 * SEG_SECOND)

/* 0 or SEG_ENOMEM. */
int seg_fetch_init(seg_member *member);
void seg_fetch_fini(seg_member *member);

/* Issues what reads are due. Returns when it wants to be called again, if nothing else happens. */
int64_t seg_fetch_step(seg_member *member, int64_t now);

/* The partition's reads under way, if any, are of an ownership that is over. */
void seg_fetch_forget(seg_partition *partition);

#endif
