/*
 * request.h - sends the requests of a worker, which waits for the answer: dead letters (lua/dead_letter.lua) and marks
 * (lua/mark.lua), fenced. I/O thread.
 *
 * With ack_replicas, a dead letter counts once so many replicas have it and the position that it moves. A mark does not wait for
 * them: if a failover loses it, its message is tried once more.
 *
 * With lanes, a dead letter does not move the position. Redis remembers its id, and the message counts as done at once; the commit after
 * it covers it.
 */
#ifndef SEG_GROUP_REQUEST_H
#define SEG_GROUP_REQUEST_H

#include "group/state.h"

/*
 * Sends the worker's request if there is one. Its answer takes SEG_NOTE_ANSWERED. Returns when it must be called again
 * (seg_now()) if nothing else happens.
 */
int64_t seg_request_step(seg_partition *partition, int64_t now);

/* A new ownership begins. */
void seg_request_begin(seg_partition *partition);

/* The ownership is over: answers a request that has no answer with SEG_EFENCED. */
void seg_request_forget(seg_partition *partition);

/* The worker has stopped: forgets its request. */
void seg_request_end(seg_partition *partition);

#endif
