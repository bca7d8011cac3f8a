/*
 * completion.h - what a call of the handler has brought forth beside being done: records for other streams, and changed values.
 *
 *     worker       seg_completion_create, fills it, seg_handoff_complete
 *     I/O thread   seg_ledger_collect takes it; sends its outputs; once all of them are added (`unadded` is 0), its messages count
 *                  as handled, and its changes go into the next commit
 *
 * Completions of a partition are completed in the order in which the worker handed them over: one whose outputs are not added
 * holds up those behind it. So no position, and no value, comes before an output that belongs to it. A completion belongs to one
 * side at a time. A call without outputs and changes needs none, unless the section has `parallel` above 1.
 */
#ifndef SEG_PARTITION_COMPLETION_H
#define SEG_PARTITION_COMPLETION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <segmenter/handler.h>

#include "base/arena.h"

/* Slots of a partition with `parallel` above 1: a key belongs to one of them. */
enum { SEG_SLOTS = 1024, SEG_SLOT_NONE = 0xffff };

/* A value that has changed. Texts are in the completion's arena. */
typedef struct seg_change {
	uint16_t slot; /* whose value it is; SEG_SLOT_NONE: the partition's */
	uint64_t hash; /* of the name: equal names have equal ones */
	size_t field_length, value_length;
	const char *field; /* in Redis: what value_store.h puts before the name, and the name */
	const void *value; /* NULL: deleted */
} seg_change;

/* A record for another stream. Texts and headers are in the completion's arena. */
typedef struct seg_emission {
	struct seg_emission *next; /* group/outputs.c's: in the queue of its target */
	struct seg_completion *completion;
	seg_id source;             /* the message that it came from */
	uint32_t number;           /* 1, 2, ... among the records of that message */
	uint16_t slot;             /* of the message's key, whatever `parallel` is */
	uint32_t target;           /* index into the section's outputs */
	uint32_t target_partition; /* of the target stream; group/outputs.c's */
	seg_output output;
} seg_emission;

typedef struct seg_completion {
	struct seg_completion *next;

	/* Without lanes: the messages of this ownership from number `begin` up to `end` (exclusive) are done. */
	uint64_t begin, end;
	/* With lanes: the numbers of the messages that are done, rising within a slot. */
	uint64_t *done;
	size_t done_count;

	seg_change *changes; /* in the order of the calls */
	size_t change_count;
	bool repeats;            /* names may be there twice, as deleted */
	seg_emission *emissions; /* in the order of the calls */
	size_t emission_count;
	size_t unadded;                     /* the I/O thread's: emissions that are not known to be added */
	struct seg_completion *next_unsent; /* the ledger's */

	size_t bytes; /* of all texts, changes and emissions */
	seg_arena arena;
} seg_completion;

/* Empty. NULL: out of memory. */
seg_completion *seg_completion_create(void);
void seg_completion_destroy(seg_completion *completion); /* NULL: does nothing */

/* Room for `count` more entries, which are zeroed and count from then on; pointers into the array before are void. NULL: out of
 * memory, and nothing has changed. */
uint64_t *seg_completion_add_done(seg_completion *completion, size_t count);
seg_change *seg_completion_add_change(seg_completion *completion);
seg_emission *seg_completion_add_emission(seg_completion *completion);

/* Room for `length` bytes that lives as long as the completion, and counts in `bytes`. NULL: out of memory. */
void *seg_completion_alloc(seg_completion *completion, size_t length);

/* A copy of `length` bytes that lives as long as the completion, and counts in `bytes`. Never NULL, unless out of memory. */
void *seg_completion_copy(seg_completion *completion, const void *bytes, size_t length);

/* A queue of completions, first in, first out. Zeroed: empty. One thread. */
typedef struct seg_completions {
	seg_completion *first, *last;
	size_t count;
	size_t bytes;
} seg_completions;

void seg_completions_add(seg_completions *queue, seg_completion *completion);
seg_completion *seg_completions_take(seg_completions *queue); /* the first; NULL: it is empty */
void seg_completions_destroy(seg_completions *queue);         /* with all in it */

#endif
