/*
 * field.h - the part of a message that an option names. A plugin that includes this links jansson.
 *
 *     key            the message's key
 *     data           the message's data
 *     header.NAME    the value of the last header of that name
 *     json.PATH      a text, number or boolean in the data, which is JSON: json.customer.country; a number in the path is the
 *                    index in an array, from 0: json.items.0.price
 *
 * A message can lack the part: it has no such header, its data is not JSON, or the path leads to nothing, to null, to an object
 * or to an array. One thread at a time uses a reader.
 */
#ifndef PLUGINS_FIELD_H
#define PLUGINS_FIELD_H

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>

#include <segmenter/handler.h>

#include "buffer.h"

typedef enum field_kind { FIELD_KEY, FIELD_DATA, FIELD_HEADER, FIELD_JSON } field_kind;

typedef struct field {
	field_kind kind;
	const char *name; /* of the header, or the path; borrowed from the option */
} field;

/* The parts of one message. Start with {0}; end with field_reader_fini. */
typedef struct field_reader {
	const seg_message *message;
	json_t *json; /* NULL: not parsed yet, or no JSON */
	bool parsed;
	char number[48];
} field_reader;

enum { FIELD_STEP_MAX = 255 };

/* Whether each step of a path has 1 to FIELD_STEP_MAX bytes. */
static inline bool field_path_is_valid(const char *path)
{
	for (;;) {
		size_t length = strcspn(path, ".");
		if (length == 0 || length > FIELD_STEP_MAX)
			return false;
		if (!path[length])
			return true;
		path += length + 1;
	}
}

/* False if the text names no part of a message. */
static inline bool field_parse(field *f, const char *text)
{
	*f = (field){FIELD_KEY, NULL};
	if (strcmp(text, "key") == 0)
		return true;
	f->kind = FIELD_DATA;
	if (strcmp(text, "data") == 0)
		return true;
	f->kind = FIELD_HEADER;
	f->name = text + strlen("header.");
	if (strncmp(text, "header.", strlen("header.")) == 0)
		return *f->name != '\0';
	f->kind = FIELD_JSON;
	f->name = text + strlen("json.");
	return strncmp(text, "json.", strlen("json.")) == 0 && field_path_is_valid(f->name);
}

/* Parses the option `name`. Returns 0, or -1 with one line in error. */
static inline int field_option(field *f, const seg_host *host, const char *name, char *error,
			       size_t error_size)
{
	const char *text = host->option(host, name);
	if (field_parse(f, text))
		return 0;
	snprintf(error, error_size, "option.%s = %s is invalid: write key, data, header.NAME or json.PATH",
		 name, text);
	return -1;
}

/* Goes on to the next message, which outlives its use. */
static inline void field_reader_next(field_reader *r, const seg_message *message)
{
	json_decref(r->json);
	r->json = NULL;
	r->parsed = false;
	r->message = message;
}

static inline void field_reader_fini(field_reader *r)
{
	field_reader_next(r, NULL);
}

/* What the step of the path leads to; NULL: nothing. */
static inline const json_t *field_step(const json_t *from, const char *step)
{
	if (!json_is_array(from))
		return json_object_get(from, step);
	char *end;
	errno = 0;
	unsigned long index = strtoul(step, &end, 10);
	return isdigit((unsigned char)*step) && !*end && errno == 0 ? json_array_get(from, index) : NULL;
}

static inline const json_t *field_json(field_reader *r, const char *path)
{
	const seg_message *m = r->message;
	if (!r->parsed)
		r->json = json_loadb(m->data_length ? m->data : "", m->data_length, JSON_ALLOW_NUL, NULL);
	r->parsed = true;
	const json_t *at = r->json;
	while (at) {
		char step[FIELD_STEP_MAX + 1];
		size_t length = strcspn(path, ".");
		memcpy(step, path, length);
		step[length] = '\0';
		at = field_step(at, step);
		if (!path[length])
			break;
		path += length + 1;
	}
	return at;
}

/* A number as the shortest text that reads back the same. */
static inline void number_text(char *text, size_t size, double number)
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, size, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			return;
	}
}

static inline const char *field_json_text(field_reader *r, const char *path, size_t *length)
{
	const json_t *value = field_json(r, path);
	if (json_is_string(value)) {
		*length = json_string_length(value);
		return json_string_value(value);
	}
	if (json_is_integer(value))
		snprintf(r->number, sizeof(r->number), "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		number_text(r->number, sizeof(r->number), json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(r->number, sizeof(r->number), "%s", json_is_true(value) ? "true" : "false");
	else
		return NULL;
	*length = strlen(r->number);
	return r->number;
}

/*
 * The part of the reader's message, which need not end with a NUL; NULL: the message lacks it. Valid until the next call for the
 * reader.
 */
static inline const char *field_text(field_reader *r, const field *f, size_t *length)
{
	const seg_message *m = r->message;
	switch (f->kind) {
	case FIELD_KEY:
		*length = m->key_length;
		return m->key_length ? m->key : "";
	case FIELD_DATA:
		*length = m->data_length;
		return m->data_length ? m->data : "";
	case FIELD_JSON:
		return field_json_text(r, f->name, length);
	case FIELD_HEADER:
		break;
	}
	for (size_t i = m->header_count; i-- > 0;) {
		const seg_header *header = &m->headers[i];
		if (header->name_length == strlen(f->name) &&
		    memcmp(header->name, f->name, header->name_length) == 0) {
			*length = header->value_length;
			return header->value_length ? header->value : "";
		}
	}
	return NULL;
}

#endif
