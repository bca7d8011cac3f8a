#include "effects.h"

#include <stdlib.h>

enum { HEADERS_MAX = 1024 };

/* --- texts ---------------------------------------------------------------------------------------- */

static int digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Adds the bytes that base64 (RFC 4648, padded) stands for; out NULL: only checks it. False if it is none. */
static bool decode(buffer *out, const char *text, size_t length)
{
	size_t padded = length;
	while (padded > 0 && length - padded < 2 && text[padded - 1] == '=')
		padded--;
	if (length % 4 != 0)
		return false;
	uint32_t bits = 0;
	for (size_t i = 0; i < padded; i++) {
		int value = digit((unsigned char)text[i]);
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		/* The second to fourth digit of four each complete a byte. */
		size_t extra = i % 4 ? 6 - 2 * (i % 4) : 0;
		char byte = (char)(bits >> extra);
		if (i % 4 && out)
			buffer_add(out, &byte, 1);
	}
	return true;
}

/* A text of an answer: as it is, or in the buffer, from `offset` on. */
typedef struct text {
	const char *bytes; /* NULL: in the buffer */
	size_t offset, length;
} text;

static const char *bytes_of(const text *t, const buffer *b)
{
	return t->bytes ? t->bytes : t->length ? b->bytes + t->offset : "";
}

static text plain(const json_t *value)
{
	return (text){.bytes = json_string_value(value), .length = json_string_length(value)};
}

static text decoded(const json_t *value, buffer *b)
{
	text t = {.offset = b->length};
	decode(b, json_string_value(value), json_string_length(value));
	t.length = b->length - t.offset;
	return t;
}

static bool is_base64(const json_t *value)
{
	return json_is_string(value) && decode(NULL, json_string_value(value), json_string_length(value));
}

/* Whether exactly one of NAME, a text, and NAME_base64 is there. */
static bool has_text(const json_t *object, const char *name, const char *name_base64)
{
	const json_t *as_it_is = json_object_get(object, name);
	const json_t *encoded = json_object_get(object, name_base64);
	return as_it_is ? json_is_string(as_it_is) && !encoded : is_base64(encoded);
}

static text get_text(const json_t *object, const char *name, const char *name_base64, buffer *b)
{
	const json_t *as_it_is = json_object_get(object, name);
	return as_it_is ? plain(as_it_is) : decoded(json_object_get(object, name_base64), b);
}

/* --- is it valid? -------------------------------------------------------------------------------- */

/* Whether the object has only members of this list, which ends with NULL: a slip in a name must not lose data. */
static bool has_only(const json_t *object, const char *const *names)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		const char *const *name = names;
		while (*name && strcmp(*name, key) != 0)
			name++;
		if (!*name)
			return false;
	}
	return true;
}

static bool are_headers(const json_t *headers)
{
	static const char *const names[] = {"name", "name_base64", "value", "value_base64", NULL};
	if (!json_is_array(headers) || json_array_size(headers) > HEADERS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(headers); i++) {
		const json_t *header = json_array_get(headers, i);
		if (!json_is_object(header) || !has_only(header, names) ||
		    !has_text(header, "name", "name_base64") || !has_text(header, "value", "value_base64"))
			return false;
	}
	return true;
}

static const char *check_record(const json_t *record)
{
	static const char *const names[] = {"stream",      "key",     "key_base64", "data",
					    "data_base64", "headers", NULL};
	const json_t *stream = json_object_get(record, "stream");
	const json_t *headers = json_object_get(record, "headers");
	if (!json_is_object(record))
		return "\"emit\" must be a list of {\"stream\",\"key\",\"data\"}";
	if (!json_is_string(stream) || strlen(json_string_value(stream)) != json_string_length(stream))
		return "a record of \"emit\" needs \"stream\", a text";
	if (!has_text(record, "key", "key_base64"))
		return "a record of \"emit\" needs \"key\", a text, or \"key_base64\"";
	if (!has_text(record, "data", "data_base64"))
		return "a record of \"emit\" needs \"data\", a text, or \"data_base64\"";
	if (headers && !are_headers(headers))
		return "\"headers\" of a record of \"emit\" must be a list of {\"name\",\"value\"}, texts, at "
		       "most 1024";
	if (!has_only(record, names))
		return "a record of \"emit\" has only stream, key, data, headers, key_base64 and data_base64";
	return NULL;
}

static bool is_value(const json_t *value)
{
	static const char *const names[] = {"base64", NULL};
	return json_is_null(value) || json_is_string(value) ||
	       (json_is_object(value) && has_only(value, names) &&
		is_base64(json_object_get(value, "base64")));
}

static const char *check_state(const json_t *state)
{
	const char *name;
	json_t *value;
	if (!json_is_object(state))
		return "\"state\" must be an object, {\"name\":\"value\"}";
	json_object_foreach((json_t *)(uintptr_t)state, name, value)
	{
		if (!is_value(value))
			return "a value in \"state\" must be a text, {\"base64\":\"...\"}, or null to delete it";
		if (!*name)
			return "a name in \"state\" must not be empty";
	}
	return NULL;
}

const char *effects_check(const json_t *answer)
{
	const json_t *emit = json_object_get(answer, "emit"), *state = json_object_get(answer, "state");
	const char *why = NULL;
	if (emit && !json_is_array(emit))
		why = "\"emit\" must be a list of {\"stream\",\"key\",\"data\"}";
	for (size_t i = 0; !why && i < json_array_size(emit); i++)
		why = check_record(json_array_get(emit, i));
	return !why && state ? check_state(state) : why;
}

bool effects_are_in(const json_t *answer)
{
	return json_object_get(answer, "emit") || json_object_get(answer, "state");
}

/* --- taking effect -------------------------------------------------------------------------------- */

static const char *emit_record(const json_t *record, const seg_batch *batch, size_t index, buffer *b)
{
	const json_t *list = json_object_get(record, "headers");
	size_t count = json_array_size(list);
	buffer_reset(b);
	text key = get_text(record, "key", "key_base64", b);
	text data = get_text(record, "data", "data_base64", b);
	text *texts = calloc(2 * count + 1, sizeof(*texts));
	seg_header *headers = calloc(count + 1, sizeof(*headers));
	const char *why = "out of memory";
	for (size_t i = 0; texts && i < count; i++) {
		const json_t *header = json_array_get(list, i);
		texts[2 * i] = get_text(header, "name", "name_base64", b);
		texts[2 * i + 1] = get_text(header, "value", "value_base64", b);
	}
	/* The buffer no longer moves. */
	for (size_t i = 0; headers && texts && i < count; i++) {
		const text *name = &texts[2 * i], *value = &texts[2 * i + 1];
		headers[i] = (seg_header){bytes_of(name, b), name->length, bytes_of(value, b), value->length};
	}
	if (texts && headers && !b->failed) {
		seg_output output = {.stream = json_string_value(json_object_get(record, "stream")),
				     .key = bytes_of(&key, b),
				     .key_length = key.length,
				     .data = bytes_of(&data, b),
				     .data_length = data.length,
				     .headers = headers,
				     .header_count = count};
		why = seg_emit(batch, index, &output);
	}
	free(texts);
	free(headers);
	return why;
}

static const char *change(const char *name, const json_t *value, const seg_batch *batch, size_t index,
			  buffer *b)
{
	if (json_is_null(value))
		return seg_state_delete(batch, index, name, strlen(name));
	buffer_reset(b);
	text t = json_is_string(value) ? plain(value) : decoded(json_object_get(value, "base64"), b);
	return b->failed ? "out of memory"
			 : seg_state_put(batch, index, name, strlen(name), bytes_of(&t, b), t.length);
}

const char *effects_apply(const json_t *answer, const seg_batch *batch, size_t index, buffer *scratch)
{
	const json_t *emit = json_object_get(answer, "emit");
	json_t *state = json_object_get(answer, "state"), *value;
	const char *why = NULL, *name;
	for (size_t i = 0; !why && i < json_array_size(emit); i++)
		why = emit_record(json_array_get(emit, i), batch, index, scratch);
	json_object_foreach(state, name, value)
	{
		if (!why)
			why = change(name, value, batch, index, scratch);
	}
	return why;
}

/* --- what a child is told ------------------------------------------------------------------------- */

static int tell(void *arg, const void *name, size_t name_length, const void *value, size_t value_length)
{
	buffer *b = arg;
	if (!is_utf8(name, name_length) || memchr(name, '\0', name_length))
		return 0;
	if (b->bytes[b->length - 1] != '{')
		buffer_text(b, ",");
	buffer_json(b, name, name_length);
	buffer_text(b, ":");
	if (is_utf8(value, value_length)) {
		buffer_json(b, value, value_length);
	} else {
		buffer_text(b, "{\"base64\":");
		buffer_base64(b, value, value_length);
		buffer_text(b, "}");
	}
	return b->failed;
}

void effects_tell(buffer *b, const seg_batch *batch, size_t index)
{
	buffer_text(b, "\"state\":{");
	if (!b->failed)
		seg_state_each(batch, index, tell, b);
	buffer_text(b, "}");
}
