/*
 * effects.h - what handlers do with seg_emit and seg_state_...: the journal of one call of handle.
 *
 * A change of a value applies at once, so that the handler sees it, and is noted so that it can be undone. A record for another stream
 * waits in a completion. When handle has answered, what belongs to messages that are done becomes the completion (completion.h);
 * the rest is undone and dropped.
 *
 * A worker has one, or each of its lanes. One thread. A call that neither emits nor changes anything costs a few stores.
 */
#ifndef SEG_PARTITION_EFFECTS_H
#define SEG_PARTITION_EFFECTS_H

#include "partition/completion.h"
#include "partition/value_store.h"

/* Of the section; constant. */
typedef struct seg_effects_setup {
	const char *const
		*outputs;      /* the streams that records may go to; the last entry is NULL. NULL: none */
	uint64_t record_bytes; /* of one record: what a send allows */
	uint64_t call_bytes;   /* that one call may emit and change */
	uint64_t state_limit;  /* of the partition's names and values */
} seg_effects_setup;

/* seg_effects.full_at: nothing was refused. */
#define SEG_EFFECTS_NOT_FULL SIZE_MAX

typedef struct seg_effects {
	seg_batch_calls calls; /* first: batch->calls points to it */
	const seg_effects_setup *setup;
	seg_value_store *store;

	/* The call under way. */
	const seg_message *messages;
	size_t count;
	const uint16_t *slots; /* of the messages; NULL: `parallel` is 1 */
	size_t latest;         /* the newest index that was used: none below it may be used any more */
	size_t full_at; /* the first message for which call_bytes did not suffice, or SEG_EFFECTS_NOT_FULL */
	size_t bytes;   /* of what the call has emitted and changed, with what is kept about each */

	struct seg_effect *journal; /* in the order of the calls */
	size_t journal_count, journal_room;
	seg_completion *completion; /* with the records; NULL: none yet */
	char refusal[320];          /* the newest */
} seg_effects;

/* Allocates nothing. Setup and store must outlive it. store NULL: there is no state. */
void seg_effects_init(seg_effects *effects, const seg_effects_setup *setup, seg_value_store *store);

/* Undoes what was not ended. */
void seg_effects_fini(seg_effects *effects);

/* Right before handle is called with this batch: sets batch->calls. slots: of each message; NULL without `parallel`. */
void seg_effects_begin(seg_effects *effects, seg_batch *batch, const uint16_t *slots);

/*
 * How many messages of the call are done, of `done` that the answer says are: fewer if the call exceeded call_bytes with a later message.
 * That message, and those after it, must be handled again, which is no failure of theirs; unless it is message 0, which alone is too large.
 */
size_t seg_effects_fitting(const seg_effects *effects, size_t done);

/*
 * handle has answered, and the first `done` messages are done. *completion: what they brought forth, without `begin`, `end` and `done`;
 * NULL: nothing. False: out of memory; call it again with the same `done`, or seg_effects_drop. Repeated: does nothing.
 */
bool seg_effects_end(seg_effects *effects, size_t done, seg_completion **completion);

/* Undoes all of the call. */
void seg_effects_drop(seg_effects *effects);

#endif
