/*
 * emitted.h - what a caller of a pull consumer has emitted for the messages of the batch that it holds, until it commits them.
 *
 * The records lie in completions (partition/completion.h), in the order of their messages; a completion has the records of some
 * consecutive messages, `begin` to `end`, numbered as in the ownership. A commit hands over those of the messages that it covers,
 * and a release frees the rest. One thread at a time.
 */
#ifndef SEG_CONSUMER_EMITTED_H
#define SEG_CONSUMER_EMITTED_H

#include "partition/emission.h"
#include "partition/handoff.h"

/* Zeroed: empty. */
typedef struct seg_emitted {
	seg_completion *first, *last;
	size_t bytes;      /* of all records */
	size_t last_bytes; /* of those of the newest message that has any */
} seg_emitted;

/*
 * Adds a record of message `number`, which is at least that of the newest one. `record` has source, slot, target and output
 * (seg_emission_add). False: out of memory, and nothing counts as added.
 */
bool seg_emitted_add(seg_emitted *emitted, uint64_t number, const seg_emission *record);

/* Whether a message after `number` has records. */
bool seg_emitted_is_past(const seg_emitted *emitted, uint64_t number);

/* How many bytes message `number` has emitted, if it is the newest one; else 0. */
size_t seg_emitted_of(const seg_emitted *emitted, uint64_t number);

/* Makes that no completion has records both of messages before `number`, whose id is `id`, and of others. False: out of memory. */
bool seg_emitted_cut(seg_emitted *emitted, uint64_t number, seg_id id);

/* After a cut there: hands over, or frees, the records of messages before `number`. */
void seg_emitted_hand_over(seg_emitted *emitted, uint64_t number, seg_handoff *handoff);
void seg_emitted_drop(seg_emitted *emitted, uint64_t number);

#endif
