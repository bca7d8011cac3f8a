#include "columns.h"

#include <inttypes.h>
#include <limits.h>
#include <time.h>

#include "../common/message_json.h"

/* The type bytea, in pg_type.h. */
enum { BYTEA = 17 };

static const char *const field_names[] = {"stream", "group", "partition", "epoch", "id",     "id_ms",
					  "id_seq", "time",  "key",       "data",  "headers"};

static bool parse_field(column *c, const char *name)
{
	for (size_t i = 0; i < sizeof(field_names) / sizeof(field_names[0]); i++)
		if (strcmp(name, field_names[i]) == 0) {
			c->field = (column_field)i;
			return true;
		}
	return false;
}

/* COLUMN, COLUMN = FIELD, or COLUMN = header.NAME. */
static bool parse_column(column *c, const char **text)
{
	char name[SQL_NAME_MAX + 1];
	if (!sql_read_name(text, c->name))
		return false;
	if (**text != '=')
		return parse_field(c, c->name);
	++*text;
	if (!sql_read_name(text, name))
		return false;
	if (strcmp(name, "header") != 0 || **text != '.')
		return parse_field(c, name);
	++*text;
	c->field = FIELD_HEADER;
	return sql_read_name(text, c->header);
}

int columns_parse(columns *c, const char *text, char *error, size_t error_size)
{
	const char *rest = text;
	c->count = 0;
	for (;;) {
		if (c->count == COLUMNS_MAX || !parse_column(&c->list[c->count], &rest) ||
		    (*rest && *rest != ','))
			break;
		c->count++;
		if (!*rest++)
			return 0;
	}
	snprintf(
		error, error_size,
		"option.columns = %.200s is invalid at part %d: write COLUMN = FIELD, ..., where FIELD is "
		"stream, group, partition, epoch, id, id_ms, id_seq, time, key, data, headers or header.NAME; at "
		"most %d",
		text, c->count + 1, COLUMNS_MAX);
	return -1;
}

/* --- values ------------------------------------------------------------------------------------ */

/* A value of a row. */
typedef struct value {
	const void *bytes; /* NULL: at `offset` of the row's text if is_text, else SQL's NULL */
	size_t length;
	size_t offset;
	bool is_text;
} value;

static value finish(buffer *b, size_t offset)
{
	value v = {.length = b->length - offset, .offset = offset, .is_text = true};
	buffer_add(b, "", 1);
	return v;
}

static value number(buffer *b, uint64_t n)
{
	size_t offset = b->length;
	buffer_format(b, "%" PRIu64, n);
	return finish(b, offset);
}

static value text(buffer *b, const char *string)
{
	size_t offset = b->length;
	buffer_text(b, string);
	return finish(b, offset);
}

/* "1763907650000-4" */
static value id_text(buffer *b, seg_id id)
{
	size_t offset = b->length;
	buffer_format(b, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
	return finish(b, offset);
}

/* When the message was added: UTC, in the form of a timestamptz. */
static value time_text(buffer *b, uint64_t ms)
{
	size_t offset = b->length;
	time_t seconds = (time_t)(ms / 1000);
	struct tm t;
	char date[64];
	if (!gmtime_r(&seconds, &t) || strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &t) == 0)
		return (value){0};
	buffer_format(b, "%s.%03u+00", date, (unsigned)(ms % 1000));
	return finish(b, offset);
}

static value headers_json(buffer *b, const seg_message *message)
{
	size_t offset = b->length;
	buffer_text(b, "[");
	message_json_header_list(b, message);
	buffer_text(b, "]");
	return finish(b, offset);
}

static value bytes_of(const void *bytes, size_t length)
{
	return (value){.bytes = length ? bytes : "", .length = length};
}

static value header_value(const seg_message *message, const char *name)
{
	for (size_t i = 0; i < message->header_count; i++) {
		const seg_header *header = &message->headers[i];
		if (header->name_length == strlen(name) && memcmp(header->name, name, strlen(name)) == 0)
			return bytes_of(header->value, header->value_length);
	}
	return (value){0};
}

/* The value of a field that is made as text. */
static value made_value(column_field field, const seg_host *host, const seg_batch *batch, size_t index,
			buffer *b)
{
	const seg_message *message = &batch->messages[index];
	switch (field) {
	case FIELD_STREAM:
		return text(b, host->stream);
	case FIELD_GROUP:
		return text(b, host->group);
	case FIELD_PARTITION:
		return number(b, batch->partition);
	case FIELD_EPOCH:
		return number(b, batch->epoch);
	case FIELD_ID:
		return id_text(b, message->id);
	case FIELD_ID_MS:
		return number(b, message->id.ms);
	case FIELD_ID_SEQ:
		return number(b, message->id.seq);
	case FIELD_TIME:
		return time_text(b, message->id.ms);
	case FIELD_HEADERS:
		return headers_json(b, message);
	case FIELD_KEY:
	case FIELD_DATA:
	case FIELD_HEADER:
		break;
	}
	return (value){0};
}

/* The bytes of the message, for a column that takes them unchanged. */
static value raw_value(const column *c, const seg_message *message)
{
	switch (c->field) {
	case FIELD_KEY:
		return bytes_of(message->key, message->key_length);
	case FIELD_DATA:
		return bytes_of(message->data, message->data_length);
	case FIELD_HEADER:
		return header_value(message, c->header);
	default:
		return (value){0};
	}
}

int columns_check(const columns *c, const Oid *types, const seg_message *message, char *error,
		  size_t error_size)
{
	for (int i = 0; i < c->count; i++) {
		value v = raw_value(&c->list[i], message);
		if (types[i] == BYTEA || !v.bytes || !memchr(v.bytes, '\0', v.length))
			continue;
		snprintf(error, error_size,
			 "a NUL byte cannot be stored in column \"%s\", whose type is not bytea",
			 c->list[i].name);
		return -1;
	}
	return 0;
}

bool columns_fill(const columns *c, const Oid *types, const seg_host *host, const seg_batch *batch,
		  size_t index, row *r)
{
	value values[COLUMNS_MAX];
	buffer *b = &r->text;
	buffer_reset(b);
	for (int i = 0; i < c->count; i++) {
		value *v = &values[i];
		*v = raw_value(&c->list[i], &batch->messages[index]);
		if (!v->bytes)
			*v = made_value(c->list[i].field, host, batch, index, b);
		r->formats[i] = v->bytes && types[i] == BYTEA;
		if (!v->bytes || r->formats[i])
			continue;
		/* For libpq, text ends with a NUL: copies the bytes and adds one. */
		size_t offset = b->length;
		buffer_add(b, v->bytes, v->length);
		*v = finish(b, offset);
	}
	for (int i = 0; i < c->count && !b->failed; i++) {
		r->values[i] = values[i].is_text ? b->bytes + values[i].offset : values[i].bytes;
		r->lengths[i] = (int)values[i].length;
	}
	return !b->failed;
}
