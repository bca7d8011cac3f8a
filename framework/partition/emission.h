/*
 * emission.h - makes a record for another stream out of what a handler, or a caller of a pull consumer, emits. Any thread.
 */
#ifndef SEG_PARTITION_EMISSION_H
#define SEG_PARTITION_EMISSION_H

#include <segmenter/segmenter.h>

#include "partition/completion.h"

/* The index of the stream among the outputs; -1: it is none of them. outputs: NULL-terminated; NULL: there are none. */
int seg_emission_target(const char *const *outputs, const char *stream);

/*
 * Whether a send with that limit would take the record: 0, or SEG_EINVAL or SEG_ETOOBIG with a sentence. *bytes: what the record needs in
 * a completion, itself included: many small ones need more than their texts.
 */
int seg_emission_check(const seg_output *output, uint64_t record_bytes, size_t *bytes, seg_error *error);

/*
 * Adds the record to the completion, with copies of its texts. `head` has source, number, slot and target; head->output is the record,
 * and its `stream` stays as it is. False: out of memory, and nothing counts as added.
 */
bool seg_emission_add(seg_completion *completion, const seg_emission *head);

#endif
