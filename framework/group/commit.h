/*
 * commit.h - positions on their way into Redis, fenced (lua/commit.lua). I/O thread.
 *
 * Commits coalesce: the next one goes out when the one before is answered, at the earliest commit_interval after it, with
 * the newest position. So what is seen again after a crash is at most what was handled since the last answered commit.
 */
#ifndef SEG_GROUP_COMMIT_H
#define SEG_GROUP_COMMIT_H

#include "group/state.h"

/* A new ownership begins. */
void seg_commit_begin(seg_partition *partition);

/* The worker has stopped: its last position need not wait. */
void seg_commit_hurry(seg_partition *partition);

/*
 * Takes note of what the worker has done, and sends the commit that is due. Returns when it wants to be called again
 * (seg_now()), if nothing else happens.
 */
int64_t seg_commit_step(seg_partition *partition, int64_t now);

/* Commits the last position and lowers the fence, if it is time. */
void seg_commit_release(seg_partition *partition, int64_t now);

#endif
