/*
 * request.h - what a worker asks for while it waits: dead letters (lua/dead_letter.lua) and marks (lua/mark.lua), fenced. I/O
 * thread.
 */
#ifndef SEG_GROUP_REQUEST_H
#define SEG_GROUP_REQUEST_H

#include "group/state.h"

/*
 * Sends the worker's request if there is one; SEG_NOTE_ANSWERED comes with the answer. Returns when it must be called again
 * (seg_now()), unless something else happens before.
 */
int64_t seg_request_step(seg_partition *partition, int64_t now);

/* The ownership is over: a request that has no answer gets SEG_EFENCED. */
void seg_request_forget(seg_partition *partition);

/* The worker has stopped: there is no request any more. */
void seg_request_end(seg_partition *partition);

#endif
