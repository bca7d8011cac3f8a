/*
 * commit.h - positions, dead letters and marks on their way into Redis, all fenced. I/O thread.
 *
 * Commits coalesce: the next one goes out when the one before is answered, at the earliest commit_interval after it, with
 * the newest position. So what is seen again after a crash is at most what was handled since the last answered commit.
 */
#ifndef SEG_GROUP_COMMIT_H
#define SEG_GROUP_COMMIT_H

#include "group/member.h"

/* Sends what is due for one partition. Returns when it wants to be called again, if nothing else happens. */
int64_t seg_commit_step(seg_partition *partition, int64_t now);

/* Commits the last position and lowers the fence. False if it could not be sent. */
bool seg_commit_release(seg_partition *partition);

/* The ownership is over: whoever waits for an answer gets SEG_EFENCED. */
void seg_commit_forget(seg_partition *partition);

#endif
