/*
 * pace.h - far from Redis, spaces the large reads of partitions that have a backlog. I/O thread.
 *
 * Redis runs all commands of a connection that it has received, before it sends most of what the first of them returns. So reads
 * that come together come together again: their replies arrive at once, after Redis's time for all of them, and then Redis idles
 * for a round trip. Reads that come one by one, each when Redis is done with the one before, keep it busy all the while: one node's
 * 8 partitions are read 1.3 times as fast at 50 ms (examples/guides/performance.md).
 *
 * How long Redis takes for a message is measured: the time that a read took beyond the round trip, divided by the messages of all
 * reads that Redis has worked on in that time. All partitions of a node share it, also where the sizes of their messages differ.
 */
#ifndef SEG_GROUP_PACE_H
#define SEG_GROUP_PACE_H

#include "group/state.h"

/*
 * A read of so many messages is wanted: reserves its turn, unless Redis is busy anyway. Returns when it may be issued: from `now` (seg_now()) to five round trips later.
 * others: messages of the other reads that are under way or wait for their turn; 0: there are none, and this one does not wait.
 * round_trip: ns.
 */
int64_t seg_pace_turn(seg_pace *pace, size_t messages, size_t others, int64_t round_trip, int64_t now);

/*
 * A read of so many messages has ended, which took `beyond` ns longer than the round trip. Meanwhile Redis has got reads of `waiting`
 * messages, whose replies have not come yet.
 */
void seg_pace_ended(seg_pace *pace, size_t messages, size_t waiting, int64_t beyond, int64_t now);

/*
 * The partition's read is wanted now. Returns when it may be issued, and reserves that turn, unless Redis is busy anyway. A read that has
 * had its turn, a small one, one near Redis, and the reads of a member with more than 256 partitions do not wait.
 */
int64_t seg_pace_read_turn(seg_partition *partition, int64_t now);

/* The partition's read, alone, has brought so many messages. Its issued_at still stands. */
void seg_pace_read_ended(seg_partition *partition, size_t messages, int64_t now);

#endif
