#include "redis/values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

void seg_values_free(seg_values *values)
{
	free(values->text);
	*values = (seg_values){0};
}

static void write_value(FILE *out, const seg_reply *value)
{
	if (value && value->type == SEG_REPLY_TEXT)
		fwrite(value->text, 1, value->length, out);
	else if (value && value->type == SEG_REPLY_INTEGER)
		fprintf(out, "%lld", (long long)value->integer);
}

static void write_pairs(FILE *out, const seg_reply *array)
{
	for (size_t i = 0; i + 1 < array->count; i += 2) {
		write_value(out, array->elements[i]);
		fputc(':', out);
		write_value(out, array->elements[i + 1]);
		fputc('\n', out);
	}
}

void seg_values_read(seg_values *values, const seg_reply *reply)
{
	size_t size;
	seg_values_free(values);
	if (reply && reply->type == SEG_REPLY_ERROR)
		snprintf(values->refusal, sizeof(values->refusal), "%s", reply->text);
	if (!reply || (reply->type != SEG_REPLY_TEXT && reply->type != SEG_REPLY_ARRAY))
		return;
	FILE *out = open_memstream(&values->text, &size);
	if (!out)
		return;
	if (reply->type == SEG_REPLY_TEXT)
		write_value(out, reply);
	else
		write_pairs(out, reply);
	(void)seg_memstream_close(out, &values->text);
}

/* The text after "name:", to the end of the line or beyond. NULL if there is none. */
static const char *find(const seg_values *values, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = values->text; line && *line;) {
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1;
		const char *end = strchr(line, '\n');
		line = end ? end + 1 : NULL;
	}
	return NULL;
}

const char *seg_values_get(const seg_values *values, const char *name, char value[SEG_VALUE_MAX])
{
	const char *found = find(values, name);
	snprintf(value, SEG_VALUE_MAX, "%.*s", found ? (int)strcspn(found, "\r\n") : 0, found ? found : "");
	return value;
}

int64_t seg_values_number(const seg_values *values, const char *name, int64_t otherwise)
{
	char text[SEG_VALUE_MAX], *end;
	seg_values_get(values, name, text);
	errno = 0;
	long long number = strtoll(text, &end, 10);
	return *text && !*end && errno == 0 ? number : otherwise;
}
