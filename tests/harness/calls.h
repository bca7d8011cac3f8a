/*
 * calls.h - what a handler's batch can call, seg_emit and seg_state_..., without segrunner and Redis: for tests of plugins.
 *
 * As in segrunner, what a call of handle emits and changes takes effect with its answer, and only for the messages that are
 * done. The calls also check the handler: `index` must not fall, and a walk must change nothing. One thread at a time.
 */
#ifndef TEST_HARNESS_CALLS_H
#define TEST_HARNESS_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#include <segmenter/handler.h>

typedef struct test_calls test_calls;

/* outputs: the streams that seg_emit accepts; the last one is NULL. The texts outlive the calls. */
test_calls *test_calls_create(const char *const *outputs);

void test_calls_destroy(test_calls *calls);

/* Calls handle with the batch, whose `calls` it sets; and keeps what belongs to the messages that are done. */
seg_answer test_calls_handle(test_calls *calls, const seg_handler *handler, void *plugin, void *state,
			     const seg_batch *batch);

/* From now on, changes that would give the partition more bytes of names and values are refused. */
void test_calls_limit_state(test_calls *calls, size_t bytes);

/* The value of that name; NULL: there is none. It ends with a NUL, and is valid until the next call of handle. */
const char *test_calls_value(const test_calls *calls, const char *name);

/* How many values there are. */
size_t test_calls_value_count(const test_calls *calls);

/* Gives a value, as if an earlier owner had stored it. */
void test_calls_put(test_calls *calls, const char *name, const char *value);

/* How many records have been emitted; and record `index`: "STREAM KEY DATA [NAME=VALUE ...]". */
size_t test_calls_emitted_count(const test_calls *calls);
const char *test_calls_emitted(const test_calls *calls, size_t index);

/* Forgets the records. */
void test_calls_forget_emitted(test_calls *calls);

#endif
