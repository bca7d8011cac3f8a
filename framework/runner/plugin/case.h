/*
 * case.h - a case of `segrunner test`: messages for a handler, and the expected answer.
 *
 * A case is a line of a file: a message, which is a JSON object, or an array of messages, which is a batch.
 * `segctl tail -o json` prints such lines.
 *
 *     {"key": "k1", "data": "hello"}
 *     {"id": "1700000000000-0", "partition": 3, "key": "k1", "data": {"base64": "AAE="}, "headers": {"trace": "7"}}
 *     {"key": "k1", "data": {"amount": 5}, "expect": "dead_letter", "reason": "no account"}
 *
 * key, data and the values of headers are text, bytes as {"base64": ...}, or any other JSON, whose compact
 * text becomes the bytes. Every field is optional. The defaults: no key, no data, partition 0, an id after
 * the last message's, and attempt 1. In a batch, the partition and the attempt are those of the first message.
 *
 * expect says what becomes of the message that it belongs to. done: the answer is about a later message, or all are done.
 * retry, dead_letter, stop: the answer is that, about this message; a stop after the last message is one at the last, too.
 * reason narrows it: a part of the answer's reason. With index, expect and reason say what the answer is and which message
 * it is about, from 0; index may be the count of messages for a stop.
 */
#ifndef SEG_PLUGIN_CASE_H
#define SEG_PLUGIN_CASE_H

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

#include "base/arena.h"

/* What a message expects. */
typedef struct seg_plugin_expectation {
	int expect;         /* a seg_outcome; -1: any */
	int64_t index;      /* -1: that of the message */
	const char *reason; /* NULL: any */
} seg_plugin_expectation;

/* Everything that a case points to is in the arena that it was read into. */
typedef struct seg_plugin_case {
	seg_batch batch;
	seg_plugin_expectation *expectations; /* one for each message */
} seg_plugin_case;

/* The first expectation that the answer, which is valid, does not meet, and its message in *index; NULL if it meets all. */
const seg_plugin_expectation *seg_plugin_case_unmet(const seg_plugin_case *c, seg_answer answer,
						    size_t *index);

/*
 * Reads a line of `length` bytes. *last is the id of the last message, before and after. Returns 0,
 * SEG_EINVAL with the mistake, or SEG_ENOMEM.
 */
int seg_plugin_case_read(const char *line, size_t length, seg_arena *arena, seg_id *last,
			 seg_plugin_case *read, seg_error *error);

#endif
