/*
 * outputs.h - adds what the handler emits to other streams, before the position of the messages that it came from is committed.
 * I/O thread.
 *
 * The records of a completion (partition/completion.h) go into queues, one for each partition of a target (output_queue.h), and
 * from there to Redis over a link of their own: a full target, or megabytes of records, hold up no heartbeat and no commit. Once
 * the target has all of a completion's records, its messages count as handled, and the next commit may pass them. So a crash
 * repeats records, and the script adds nothing twice.
 *
 * Does nothing for a member without outputs.
 */
#ifndef SEG_GROUP_OUTPUTS_H
#define SEG_GROUP_OUTPUTS_H

#include "group/state.h"

/* 0 or SEG_ENOMEM. Without outputs, member->outputs stays NULL. */
int seg_outputs_init(seg_member *member);
/* After the links are destroyed, and before the partitions. */
void seg_outputs_fini(seg_member *member);

/* A new ownership begins. */
void seg_outputs_begin(seg_partition *partition);

/*
 * Queues what the ledger has taken from the worker, and sends what can be sent. After seg_ledger_collect. Returns when to call
 * again (seg_now()) if nothing else happens.
 */
int64_t seg_outputs_step(seg_partition *partition, int64_t now);

/*
 * Whether the partition, whose worker has stopped, waits for outputs of messages that are handled: for a while, so that they need
 * not be handled again.
 */
bool seg_outputs_hold(seg_partition *partition, int64_t now);

/* The ownership is over. What is not added is forgotten: the next owner handles its messages again. Before seg_ledger_end. */
void seg_outputs_drop(seg_partition *partition);

/* What makes the partition's outputs wait for at least a second. */
typedef struct seg_output_hindrance {
	seg_id id;     /* the oldest message whose output waits */
	int64_t since; /* seg_now() */
	char text[SEG_NAME_MAX + 292];
} seg_output_hindrance;

/* False: nothing does. */
bool seg_outputs_hindered(const seg_partition *partition, int64_t now, seg_output_hindrance *hindrance);

/* Any thread: how many records wait or are being added; how many were added to output number `index`, or -1 if there are fewer. */
uint64_t seg_outputs_waiting(const seg_member *member);
int64_t seg_outputs_emitted(const seg_member *member, size_t index);

#endif
