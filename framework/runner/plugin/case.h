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
 * the last message's, and attempt 1. expect is done, retry, dead_letter or stop; index and reason (a part of
 * the reason) narrow the expected answer. In a batch, the partition, the attempt and the expectation are
 * those of the first message.
 */
#ifndef SEG_PLUGIN_CASE_H
#define SEG_PLUGIN_CASE_H

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

#include "base/arena.h"

/* Everything that a case points to is in the arena that it was read into. */
typedef struct seg_plugin_case {
	seg_batch batch;
	int expect;         /* a seg_outcome; -1: any */
	int64_t index;      /* -1: any */
	const char *reason; /* NULL: any */
} seg_plugin_case;

/*
 * Reads a line of `length` bytes. *last is the id of the last message, before and after. Returns 0,
 * SEG_EINVAL with the mistake, or SEG_ENOMEM.
 */
int seg_plugin_case_read(const char *line, size_t length, seg_arena *arena, seg_id *last,
			 seg_plugin_case *read, seg_error *error);

#endif
