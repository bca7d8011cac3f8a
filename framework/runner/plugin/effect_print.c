#include "plugin/effect_print.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/base64.h"
#include "partition/value_store.h"

/* NULL: out of memory. */
static json_t *json_of(const void *bytes, size_t length)
{
	json_t *text = json_stringn(length ? bytes : "", length);
	char *encoded = text ? NULL : malloc(seg_base64_length(length) + 1);
	if (!encoded)
		return text;
	seg_base64_encode(bytes, length, encoded);
	json_t *object = json_pack("{s:s}", "base64", encoded);
	free(encoded);
	return object;
}

/* Takes the object; NULL: out of memory. */
static void print_line(const char *what, json_t *object, FILE *out)
{
	char *text = object ? json_dumps(object, 0) : NULL;
	fprintf(out, "    %s %s\n", what, text ? text : "(out of memory)");
	free(text);
	json_decref(object);
}

static void print_record(const seg_output *output, FILE *out)
{
	json_t *object = json_pack("{s:s, s:o, s:o}", "stream", output->stream, "key",
				   json_of(output->key, output->key_length), "data",
				   json_of(output->data, output->data_length));
	json_t *headers = output->header_count ? json_object() : NULL;
	for (size_t i = 0; i < output->header_count; i++) {
		const seg_header *header = &output->headers[i];
		json_object_setn_new(headers, header->name, header->name_length,
				     json_of(header->value, header->value_length));
	}
	if (headers)
		json_object_set_new(object, "headers", headers);
	print_line("emit", object, out);
}

static void print_change(const seg_change *change, FILE *out)
{
	uint16_t slot;
	size_t at = seg_value_field_parse(change->field, change->field_length, &slot);
	json_t *value = change->value ? json_of(change->value, change->value_length) : json_null();
	print_line("state",
		   json_pack("{s:o, s:o}", "name", json_of(change->field + at, change->field_length - at),
			     "value", value),
		   out);
}

void seg_effect_print(const seg_completion *c, FILE *out)
{
	for (size_t i = 0; i < c->emission_count; i++)
		print_record(&c->emissions[i].output, out);
	/* The newest change of each name, newest first. */
	for (size_t i = c->change_count; i > 0; i--)
		print_change(&c->changes[i - 1], out);
}
