#include "plugin/case.h"

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "base/error.h"
#include "base/base64.h"
#include "plugin/answer.h"

enum { BATCH_MAX = 65536 };

/* --- values ----------------------------------------------------------------------------- */

static void *copy(seg_arena *arena, const void *bytes, size_t length)
{
	char *piece = seg_arena_alloc(arena, length + 1);
	if (piece) {
		memcpy(piece, bytes, length);
		piece[length] = '\0';
	}
	return piece;
}

static int fail_memory(seg_error *error)
{
	return seg_fail(error, SEG_ENOMEM, "out of memory");
}

static int read_base64(const json_t *value, seg_arena *arena, const void **bytes, size_t *length,
		       seg_error *error)
{
	size_t size = json_string_length(value);
	void *decoded = seg_arena_alloc(arena, seg_base64_bytes_max(size));
	if (!decoded)
		return fail_memory(error);
	*bytes = decoded;
	*length = seg_base64_decode(json_string_value(value), size, decoded);
	if (*length == (size_t)-1)
		return seg_fail(error, SEG_EINVAL, "\"%.40s\" is not base64", json_string_value(value));
	return 0;
}

/* Reads text, {"base64": ...}, or any other JSON, whose bytes are its compact text; NULL gives no bytes. */
static int read_bytes(const json_t *value, seg_arena *arena, const void **bytes, size_t *length,
		      seg_error *error)
{
	const json_t *base64 = json_object_size(value) == 1 ? json_object_get(value, "base64") : NULL;
	*bytes = "";
	*length = 0;
	if (!value)
		return 0;
	if (json_is_string(base64))
		return read_base64(base64, arena, bytes, length, error);
	if (json_is_string(value)) {
		*length = json_string_length(value);
		*bytes = copy(arena, json_string_value(value), *length);
	} else {
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		*length = text ? strlen(text) : 0;
		*bytes = text ? copy(arena, text, *length) : NULL;
		free(text);
	}
	return *bytes ? 0 : fail_memory(error);
}

static int read_number(const json_t *object, const char *name, int64_t least, int64_t most, int64_t *number,
		       seg_error *error)
{
	const json_t *value = json_object_get(object, name);
	if (!value)
		return 0;
	*number = json_integer_value(value);
	if (json_is_integer(value) && *number >= least && *number <= most)
		return 0;
	return seg_fail(error, SEG_EINVAL, "\"%s\" must be a whole number from %lld to %lld", name,
			(long long)least, (long long)most);
}

/* --- messages ---------------------------------------------------------------------------- */

static int read_id(const json_t *object, seg_id *last, seg_id *id, seg_error *error)
{
	const json_t *value = json_object_get(object, "id");
	*id = (seg_id){last->ms, last->seq + 1};
	if (value && (!json_is_string(value) || seg_id_parse(json_string_value(value), id) != 0))
		return seg_fail(error, SEG_EINVAL, "\"id\" must be a text such as \"1700000000000-0\"");
	*last = *id;
	return 0;
}

static int read_headers(const json_t *object, seg_arena *arena, seg_message *message, seg_error *error)
{
	json_t *headers = json_object_get(object, "headers");
	const char *name;
	json_t *value;
	if (headers && !json_is_object(headers))
		return seg_fail(error, SEG_EINVAL, "\"headers\" must be an object of names and values");
	seg_header *list = seg_arena_alloc(arena, json_object_size(headers) * sizeof(*list));
	if (!list)
		return fail_memory(error);
	message->headers = list;
	json_object_foreach(headers, name, value)
	{
		seg_header *header = &list[message->header_count];
		header->name_length = strlen(name);
		header->name = copy(arena, name, header->name_length);
		int status = read_bytes(value, arena, &header->value, &header->value_length, error);
		if (status || !header->name)
			return status ? status : fail_memory(error);
		message->header_count++;
	}
	return 0;
}

static int check_fields(const json_t *object, seg_error *error)
{
	static const char *const names = " id partition key data headers attempt expect index reason ";
	const char *name;
	json_t *value;
	if (!json_is_object(object))
		return seg_fail(error, SEG_EINVAL,
				"a message must be an object, such as {\"key\": \"k\", \"data\": \"d\"}");
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		const char *found = strstr(names, name);
		if (!*name || !found || found[-1] != ' ' || found[strlen(name)] != ' ')
			return seg_fail(error, SEG_EINVAL, "unknown field \"%.60s\"; the fields are%.*s",
					name, (int)strlen(names) - 1, names);
	}
	return 0;
}

static int read_message(const json_t *object, seg_arena *arena, seg_id *last, seg_message *message,
			seg_error *error)
{
	*message = (seg_message){0};
	int status = check_fields(object, error);
	if (status == 0)
		status = read_id(object, last, &message->id, error);
	if (status == 0)
		status = read_bytes(json_object_get(object, "key"), arena, &message->key,
				    &message->key_length, error);
	if (status == 0)
		status = read_bytes(json_object_get(object, "data"), arena, &message->data,
				    &message->data_length, error);
	return status ? status : read_headers(object, arena, message, error);
}

/* --- cases --------------------------------------------------------------------------------- */

static int read_expectation(const json_t *message, seg_arena *arena, size_t count,
			    seg_plugin_expectation *read, seg_error *error)
{
	const json_t *expect = json_object_get(message, "expect"),
		     *reason = json_object_get(message, "reason");
	*read = (seg_plugin_expectation){.expect = -1, .index = -1};
	if (json_is_string(expect))
		read->expect = seg_outcome_parse(json_string_value(expect));
	if (expect && read->expect < 0)
		return seg_fail(error, SEG_EINVAL, "\"expect\" must be done, retry, dead_letter or stop");
	if (reason && (!json_is_string(reason) || read->expect == SEG_OUTCOME_DONE))
		return seg_fail(
			error, SEG_EINVAL,
			"\"reason\" must be a text, a part of the expected reason of retry, dead_letter or "
			"stop");
	if (reason) {
		read->reason = copy(arena, json_string_value(reason), json_string_length(reason));
		if (!read->reason)
			return fail_memory(error);
	}
	if (read->expect == SEG_OUTCOME_DONE && json_object_get(message, "index"))
		return seg_fail(
			error, SEG_EINVAL,
			"\"index\" belongs to an expected retry, dead_letter or stop; \"expect\": \"done\" "
			"is about its own message");
	size_t most = read->expect < 0 || read->expect == SEG_OUTCOME_STOP ? count : count - 1;
	return read_number(message, "index", 0, (int64_t)most, &read->index, error);
}

static bool has_reason(const seg_plugin_expectation *e, seg_answer answer)
{
	return !e->reason || (answer.reason && strstr(answer.reason, e->reason));
}

/* Whether the answer is what message number i of `count` expects. */
static bool is_met(const seg_plugin_expectation *e, size_t i, size_t count, seg_answer answer)
{
	bool done = answer.outcome == SEG_OUTCOME_DONE;
	if (e->expect == SEG_OUTCOME_DONE && e->index < 0)
		return done || answer.index > i;
	if (e->expect >= 0 && (uint32_t)e->expect != answer.outcome)
		return false;
	if (e->index >= 0)
		return !done && answer.index == (uint64_t)e->index && has_reason(e, answer);
	if (e->expect < 0)
		return has_reason(e, answer);
	bool last = answer.outcome == SEG_OUTCOME_STOP && answer.index == count && i == count - 1;
	return (answer.index == i || last) && has_reason(e, answer);
}

const seg_plugin_expectation *seg_plugin_case_unmet(const seg_plugin_case *c, seg_answer answer,
						    size_t *index)
{
	for (size_t i = 0; i < c->batch.count; i++) {
		*index = i;
		if (!is_met(&c->expectations[i], i, c->batch.count, answer))
			return &c->expectations[i];
	}
	return NULL;
}

static int read_batch(const json_t *root, seg_arena *arena, seg_id *last, seg_plugin_case *read,
		      seg_error *error)
{
	size_t count = json_is_array(root) ? json_array_size(root) : 1;
	if (count < 1 || count > BATCH_MAX)
		return seg_fail(error, SEG_EINVAL, "a batch must have 1 to %d messages", BATCH_MAX);
	const json_t *first = json_is_array(root) ? json_array_get(root, 0) : root;
	seg_message *messages = seg_arena_alloc(arena, count * sizeof(*messages));
	int64_t partition = 0, attempt = 1;
	read->expectations = seg_arena_alloc(arena, count * sizeof(*read->expectations));
	if (!messages || !read->expectations)
		return fail_memory(error);
	for (size_t i = 0; i < count; i++) {
		const json_t *object = json_is_array(root) ? json_array_get(root, i) : root;
		int status = read_message(object, arena, last, &messages[i], error);
		if (status == 0)
			status = read_expectation(object, arena, count, &read->expectations[i], error);
		if (status)
			return status;
	}
	int status = read_number(first, "partition", 0, 65535, &partition, error);
	if (status == 0)
		status = read_number(first, "attempt", 1, UINT32_MAX, &attempt, error);
	read->batch = (seg_batch){messages, count, (uint32_t)partition, (uint32_t)attempt, 1};
	return status;
}

int seg_plugin_case_read(const char *line, size_t length, seg_arena *arena, seg_id *last,
			 seg_plugin_case *read, seg_error *error)
{
	json_error_t why;
	*read = (seg_plugin_case){0};
	json_t *root =
		json_loadb(line, length, JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return seg_fail(error, SEG_EINVAL, "invalid JSON: %s at byte %d", why.text, why.position);
	int status = read_batch(root, arena, last, read, error);
	json_decref(root);
	return status;
}
