/*
 * case.h - a line of a file of cases: messages for a handler, and what it is expected to answer.
 *
 * A line is a JSON object, a message; or an array of them, a batch. As `segctl tail -o json` writes them:
 *
 *     {"key": "k1", "data": "hello"}
 *     {"id": "1700000000000-0", "partition": 3, "key": "k1", "data": {"base64": "AAE="}, "headers": {"trace": "7"}}
 *     {"key": "k1", "data": {"amount": 5}, "expect": "dead_letter", "reason": "no account"}
 *
 * key, data and headers' values are text, bytes as {"base64": ...}, or any other JSON, which is handed over as it is written
 * compactly. All may be missing: no key, no data, partition 0, an id above the last one's. attempt is that of the
 * batch's first message, 1. expect is done, retry, dead_letter or stop; index and reason (a part of it) say more of
 * the answer. In a batch, the first message says what is expected.
 */
#ifndef SEG_PLUGIN_CASE_H
#define SEG_PLUGIN_CASE_H

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

#include "base/arena.h"

/* All that it points to is in the arena it was read into. */
typedef struct seg_plugin_case {
	seg_batch batch;
	int expect;         /* a seg_outcome; -1: anything */
	int64_t index;      /* -1: any */
	const char *reason; /* NULL: any */
} seg_plugin_case;

/*
 * Reads a line of `length` bytes. `last` is the last message's id, and is moved on. 0, SEG_EINVAL with what is wrong, or
 * SEG_ENOMEM.
 */
int seg_plugin_case_read(const char *line, size_t length, seg_arena *arena, seg_id *last,
			 seg_plugin_case *read, seg_error *error);

#endif
