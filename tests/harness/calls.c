#include "harness/calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORD_MAX = 4096 };

typedef struct value {
	char *name; /* NULL: free */
	size_t name_length;
	char *bytes; /* NULL: deleted */
	size_t length;
} value;

typedef struct emission {
	size_t index;
	char text[RECORD_MAX];
} emission;

/* A value before a change of this call of handle. */
typedef struct undo {
	size_t index;
	value before;
} undo;

/* What the calls find is reached through the batch. */
typedef struct call_batch {
	seg_batch batch;
	test_calls *calls;
} call_batch;

struct test_calls {
	const char *const *outputs;
	size_t limit; /* bytes; 0: none */
	value *values;
	size_t value_count;
	undo *undos; /* of this call, oldest first */
	size_t undo_count;
	emission *emissions;
	size_t emission_count, settled; /* the first `settled` are of earlier calls */
	size_t index;
	bool walks;
	char *got; /* a copy of what state_get returned: a stale use is a use after free */
	char why[256];
};

static void *more(void *list, size_t count, size_t size)
{
	void *longer = realloc(list, (count + 1) * size);
	assert_non_null(longer);
	return longer;
}

static char *copy_of(const void *bytes, size_t length)
{
	char *copy = malloc(length + 1);
	assert_non_null(copy);
	if (length)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

test_calls *test_calls_create(const char *const *outputs)
{
	test_calls *calls = calloc(1, sizeof(*calls));
	assert_non_null(calls);
	calls->outputs = outputs;
	return calls;
}

void test_calls_limit_state(test_calls *calls, size_t bytes)
{
	calls->limit = bytes;
}

static test_calls *calls_of(const seg_batch *batch, size_t index)
{
	test_calls *calls = ((const call_batch *)(const void *)batch)->calls;
	assert_true(index >= calls->index && index < batch->count);
	calls->index = index;
	return calls;
}

/* --- records ------------------------------------------------------------------------------------ */

static const char *emit(const seg_batch *batch, size_t index, const seg_output *output)
{
	test_calls *calls = calls_of(batch, index);
	const char *const *o = calls->outputs;
	while (*o && strcmp(*o, output->stream) != 0)
		o++;
	if (!*o) {
		snprintf(calls->why, sizeof(calls->why), "%s is not among the outputs", output->stream);
		return calls->why;
	}
	calls->emissions = more(calls->emissions, calls->emission_count, sizeof(emission));
	emission *e = &calls->emissions[calls->emission_count++];
	e->index = index;
	int n = snprintf(e->text, RECORD_MAX, "%s %.*s %.*s", output->stream, (int)output->key_length,
			 (const char *)output->key, (int)output->data_length, (const char *)output->data);
	for (size_t i = 0; i < output->header_count && n < RECORD_MAX; i++) {
		const seg_header *h = &output->headers[i];
		n += snprintf(e->text + n, (size_t)(RECORD_MAX - n), " %.*s=%.*s", (int)h->name_length,
			      h->name, (int)h->value_length, (const char *)h->value);
	}
	return NULL;
}

size_t test_calls_emitted_count(const test_calls *calls)
{
	return calls->emission_count;
}

const char *test_calls_emitted(const test_calls *calls, size_t index)
{
	if (index >= calls->emission_count)
		fail_msg("%zu records were emitted, not %zu", calls->emission_count, index + 1);
	return calls->emissions[index].text;
}

void test_calls_forget_emitted(test_calls *calls)
{
	calls->emission_count = calls->settled = 0;
}

/* --- values ------------------------------------------------------------------------------------- */

static value *find(const test_calls *calls, const void *name, size_t length)
{
	for (size_t i = 0; i < calls->value_count; i++) {
		value *v = &calls->values[i];
		if (v->bytes && v->name_length == length && memcmp(v->name, name, length) == 0)
			return v;
	}
	return NULL;
}

static size_t bytes_in_use(const test_calls *calls)
{
	size_t bytes = 0;
	for (size_t i = 0; i < calls->value_count; i++)
		if (calls->values[i].bytes)
			bytes += calls->values[i].name_length + calls->values[i].length;
	return bytes;
}

/* bytes NULL: deletes it. */
static void set(test_calls *calls, const void *name, size_t name_length, const void *bytes, size_t length)
{
	value *v = find(calls, name, name_length);
	if (v) {
		char *fresh = bytes ? copy_of(bytes, length) : NULL;
		free(v->bytes);
		v->bytes = fresh;
		v->length = length;
	} else if (bytes) {
		calls->values = more(calls->values, calls->value_count, sizeof(value));
		calls->values[calls->value_count++] =
			(value){copy_of(name, name_length), name_length, copy_of(bytes, length), length};
	}
}

static const void *state_get(const seg_batch *batch, size_t index, const void *name, size_t name_length,
			     size_t *value_length)
{
	test_calls *calls = calls_of(batch, index);
	const value *v = find(calls, name, name_length);
	free(calls->got);
	calls->got = v ? copy_of(v->bytes, v->length) : NULL;
	if (v && value_length)
		*value_length = v->length;
	return calls->got;
}

static const char *refusal(test_calls *calls, size_t name_length, size_t value_length, const value *before)
{
	size_t after = bytes_in_use(calls) + name_length + value_length -
		       (before ? before->name_length + before->length : 0);
	if (name_length == 0 || name_length > SEG_STATE_NAME_MAX)
		return "a name must have 1 to 512 bytes";
	if (value_length > SEG_STATE_VALUE_MAX)
		return "a value must have at most 1 MiB";
	return calls->limit && after > calls->limit ? "the state would exceed state_limit" : NULL;
}

static const char *state_put(const seg_batch *batch, size_t index, const void *name, size_t name_length,
			     const void *bytes, size_t length)
{
	test_calls *calls = calls_of(batch, index);
	assert_false(calls->walks);
	const value *before = find(calls, name, name_length);
	const char *why = bytes ? refusal(calls, name_length, length, before) : NULL;
	if (why)
		return why;
	calls->undos = more(calls->undos, calls->undo_count, sizeof(undo));
	undo *u = &calls->undos[calls->undo_count++];
	*u = (undo){.index = index,
		    .before = {.name = copy_of(name, name_length), .name_length = name_length}};
	if (before) {
		u->before.bytes = copy_of(before->bytes, before->length);
		u->before.length = before->length;
	}
	set(calls, name, name_length, bytes, length);
	free(calls->got);
	calls->got = NULL;
	return NULL;
}

/* The newest first: a plugin that needs an order must make it. */
static void state_each(const seg_batch *batch, size_t index, seg_state_visit visit, void *arg)
{
	test_calls *calls = calls_of(batch, index);
	calls->walks = true;
	for (size_t i = calls->value_count; i-- > 0;) {
		const value *v = &calls->values[i];
		if (v->bytes && visit(arg, v->name, v->name_length, v->bytes, v->length) != 0)
			break;
	}
	calls->walks = false;
}

const char *test_calls_value(const test_calls *calls, const char *name)
{
	const value *v = find(calls, name, strlen(name));
	return v ? v->bytes : NULL;
}

size_t test_calls_value_count(const test_calls *calls)
{
	size_t count = 0;
	for (size_t i = 0; i < calls->value_count; i++)
		count += calls->values[i].bytes != NULL;
	return count;
}

void test_calls_put(test_calls *calls, const char *name, const char *text)
{
	set(calls, name, strlen(name), text, strlen(text));
}

/* --- a call ------------------------------------------------------------------------------------ */

static void settle(test_calls *calls, size_t done)
{
	while (calls->undo_count > 0) {
		undo *u = &calls->undos[--calls->undo_count];
		if (u->index >= done)
			set(calls, u->before.name, u->before.name_length, u->before.bytes, u->before.length);
		free(u->before.name);
		free(u->before.bytes);
	}
	while (calls->emission_count > calls->settled &&
	       calls->emissions[calls->emission_count - 1].index >= done)
		calls->emission_count--;
	calls->settled = calls->emission_count;
}

seg_answer test_calls_handle(test_calls *calls, const seg_handler *handler, void *plugin, void *state,
			     const seg_batch *batch)
{
	const seg_batch_calls table = {.size = sizeof(table),
				       .emit = emit,
				       .state_get = state_get,
				       .state_put = state_put,
				       .state_each = state_each};
	call_batch call = {*batch, calls};
	call.batch.calls = &table;
	calls->index = 0;
	seg_answer answer = handler->handle(plugin, state, &call.batch);
	settle(calls, answer.outcome == SEG_OUTCOME_DONE ? batch->count : answer.index);
	return answer;
}

void test_calls_destroy(test_calls *calls)
{
	for (size_t i = 0; i < calls->value_count; i++) {
		free(calls->values[i].name);
		free(calls->values[i].bytes);
	}
	free(calls->values);
	free(calls->undos);
	free(calls->emissions);
	free(calls->got);
	free(calls);
}
