/*
 * commit.h - writes positions to Redis, fenced (lua/commit.lua). I/O thread.
 *
 * Commits coalesce: the next commit waits for the answer to the previous one, and at least for commit_interval. Then it writes the
 * newest position. After a crash, at most the messages handled since the last answered commit are handled again.
 */
#ifndef SEG_GROUP_COMMIT_H
#define SEG_GROUP_COMMIT_H

#include "group/state.h"

/* A new ownership begins. */
void seg_commit_begin(seg_partition *partition);

/* The worker has stopped: its last position is due at once. */
void seg_commit_hurry(seg_partition *partition);

/*
 * Enters the worker's progress into the ledger, and sends a commit if one is due. Returns when it must be called again
 * (seg_now()) if nothing else happens.
 */
int64_t seg_commit_step(seg_partition *partition, int64_t now);

/*
 * After the steps of all partitions: asks the replicas for what the round has committed (WAIT). With ack_replicas, a commit counts
 * once so many replicas have it; one that they do not confirm in time is repeated. The question follows the commit on its own link, also
 * where a cluster has redirected the commit.
 */
void seg_commit_ask_replicas(seg_member *member);

/* Asks the replicas on the link of the commits (seg_acks_ask), where the next commits wait for the answer. */
bool seg_commit_wait_ask(seg_member *member, seg_connection *connection, seg_reply_fn fn, void *arg);
void seg_commit_wait_answered(seg_member *member);

/* Commits the last position and lowers the fence, if no call and no pause is under way. */
void seg_commit_release(seg_partition *partition, int64_t now);

#endif
