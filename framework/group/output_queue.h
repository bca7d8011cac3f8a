/*
 * output_queue.h - the records that one partition has emitted for one partition of another stream, and the call that adds them.
 * I/O thread.
 *
 * One call of a queue is under way at a time, so its records arrive in their order. A call that has no answer is sent again: the
 * script adds nothing twice (lua/emit.lua). Many queues share the link, whose answers come in any order on a cluster.
 *
 * The records belong to completions of the ownership (partition/completion.h). When that ends, its queues are dropped. A dropped
 * queue with a call under way touches no record any more, and lives until the answer.
 */
#ifndef SEG_GROUP_OUTPUT_QUEUE_H
#define SEG_GROUP_OUTPUT_QUEUE_H

#include "group/state.h"
#include "stream/emit.h"

/* A stream of the section's `outputs`. */
typedef struct seg_output_target {
	seg_stream *stream;
	uint32_t first; /* the number of its partition 0 among the partitions of all targets */
	seg_registration registration;
	atomic_ullong emitted; /* records that this member has added; any thread may read it */
} seg_output_target;

/* Of a member with outputs. */
typedef struct seg_outputs {
	seg_member *member;
	seg_output_target *targets;
	uint32_t count;
	uint32_t partitions;  /* of all targets together */
	atomic_ullong queued; /* records that wait, or are being added; any thread may read it */
	seg_emit_builder builder;
	struct seg_output_wait *waits; /* questions to replicas without an answer */
} seg_outputs;

/* Why the records of a queue wait. */
typedef enum seg_output_trouble {
	SEG_OUTPUT_FINE,
	SEG_OUTPUT_FULL, /* the partition is full */
	SEG_OUTPUT_REFUSED, /* Redis refuses the call or is away, or the stream was made anew with another shape: `reason` */
} seg_output_trouble;

typedef struct seg_output_queue {
	struct seg_output_queue *next; /* in the partition's list of queues with records */
	seg_partition *partition;
	size_t *waiting; /* of all queues of the partition: counts down with each record that is added */
	seg_output_target *target;
	uint32_t target_partition;
	uint16_t slot; /* of the target partition's keys */
	bool listed;   /* in that list */
	bool dropped;  /* the ownership is over: free it once no call is under way */

	seg_emission *first, *last; /* the oldest first; those of the call under way are at the front */
	seg_emission *covered; /* taken out: the target has them, and the next call's answer confirms that */
	bool busy;             /* a call is under way, or its replicas are being asked */
	size_t sent;           /* records of that call */
	size_t done;           /* of these, those that the target has */
	struct seg_output_queue *next_asked; /* of the same question to replicas */

	size_t limit; /* records of the next call */
	int64_t at;   /* no call is sent before */
	unsigned failures;
	seg_output_trouble trouble;
	int64_t since; /* of the trouble, seg_now() */
	char reason[240];
} seg_output_queue;

/* NULL: out of memory. *waiting: as in the struct. */
seg_output_queue *seg_output_queue_create(seg_partition *partition, size_t *waiting,
					  seg_output_target *target, uint32_t target_partition);

/* Adds a record at the end, and counts *waiting up. It stays the completion's. */
void seg_output_queue_add(seg_output_queue *queue, seg_emission *emission);

/* Sends a call if one is due and the link takes it. Returns when to call again (seg_now()) if nothing else happens. */
int64_t seg_output_queue_step(seg_output_queue *queue, int64_t now);

/* Whether it has neither records nor a call under way. */
static inline bool seg_output_queue_is_idle(const seg_output_queue *queue)
{
	return !queue->first && !queue->covered && !queue->busy;
}

/* The ownership is over: forgets the records, and frees the queue, now or with the answer of its call. */
void seg_output_queue_drop(seg_output_queue *queue);

#endif
