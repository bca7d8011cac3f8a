#include "stream/codec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/base64.h"

/* --- encoding --------------------------------------------------------------- */

/* The metadata object, or NULL with an error. */
static json_t *make_metadata(const seg_record *record, int *status, seg_error *error)
{
	json_t *metadata = json_object();
	*status = metadata ? 0 : seg_fail(error, SEG_ENOMEM, "out of memory for the envelope");
	for (size_t i = 0; i < record->header_count && *status == 0; i++) {
		const seg_header *header = &record->headers[i];
		json_t *value = json_stringn(header->value_length ? header->value : "", header->value_length);
		if (!value || memchr(header->name, '\0', header->name_length)) {
			*status = seg_fail(
				error, SEG_EINVAL,
				"header %zu of the record is not UTF-8 text, which codec segmenter-go requires; "
				"send it in the data, or use codec raw",
				i + 1);
		} else if (json_object_getn(metadata, header->name, header->name_length)) {
			*status = seg_fail(
				error, SEG_EINVAL,
				"header \"%.*s\" occurs twice in the record, which codec segmenter-go "
				"does not support",
				(int)header->name_length, header->name);
		} else if (json_object_setn(metadata, header->name, header->name_length, value)) {
			*status = seg_fail(error, SEG_EINVAL,
					   "the name of header %zu of the record is not UTF-8", i + 1);
		}
		json_decref(value);
	}
	if (*status == 0)
		return metadata;
	json_decref(metadata);
	return NULL;
}

static json_t *base64_string(const void *bytes, size_t length)
{
	char *text = malloc(seg_base64_length(length) + 1);
	if (!text)
		return NULL;
	seg_base64_encode(bytes, length, text);
	json_t *string = json_stringn_nocheck(text, seg_base64_length(length));
	free(text);
	return string;
}

static char *dump_into(const json_t *root, seg_arena *arena, size_t *length)
{
	*length = json_dumpb(root, NULL, 0, JSON_COMPACT);
	char *text = *length ? seg_arena_alloc(arena, *length) : NULL;
	if (text && json_dumpb(root, text, *length, JSON_COMPACT) != *length)
		return NULL;
	return text;
}

static int encode_envelope(const seg_record *record, seg_arena *arena, seg_record *encoded, seg_error *error)
{
	int status;
	json_t *metadata = make_metadata(record, &status, error);
	if (!metadata)
		return status;
	json_t *key = json_stringn(record->key_length ? record->key : "", record->key_length);
	if (!key) {
		json_decref(metadata);
		return seg_fail(
			error, SEG_EINVAL,
			"the record's key is not UTF-8 text, which codec segmenter-go requires; use codec raw");
	}
	/* json_pack takes over all three, and fails if one is NULL. */
	json_t *root = json_pack("{s:o, s:o, s:o}", "metadata", metadata, "data",
				 base64_string(record->data, record->data_length), "partitionKey", key);
	size_t length = 0;
	char *text = root ? dump_into(root, arena, &length) : NULL;
	json_decref(root);
	if (!text)
		return seg_fail(error, SEG_ENOMEM, "out of memory for the envelope");
	*encoded = (seg_record){
		.key = record->key,
		.key_length = record->key_length,
		.data = text,
		.data_length = length,
	};
	return 0;
}

int seg_codec_encode(seg_codec codec, const seg_record *record, seg_arena *arena, seg_record *encoded,
		     seg_error *error)
{
	switch (codec) {
	case SEG_CODEC_RAW:
		*encoded = *record;
		return 0;
	case SEG_CODEC_SEGMENTER_GO:
		return encode_envelope(record, arena, encoded, error);
	}
	return seg_fail(error, SEG_EINVAL, "codec is %d; it must be SEG_CODEC_RAW or SEG_CODEC_SEGMENTER_GO",
			(int)codec);
}

/* --- decoding --------------------------------------------------------------- */

static const char *keep(seg_arena *arena, const char *text, size_t length)
{
	char *copy = seg_arena_alloc(arena, length + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

static int decode_metadata(json_t *metadata, seg_message *message, seg_arena *arena, seg_error *error)
{
	if (!metadata || json_object_size(metadata) == 0)
		return 0;
	size_t count = message->header_count + json_object_size(metadata);
	seg_header *headers = seg_arena_alloc(arena, count * sizeof(*headers));
	if (!headers)
		return seg_fail(error, SEG_ENOMEM, "out of memory for headers");
	if (message->header_count)
		memcpy(headers, message->headers, message->header_count * sizeof(*headers));
	seg_header *next = headers + message->header_count;
	const char *name;
	size_t length;
	json_t *value;
	json_object_keylen_foreach(metadata, name, length, value)
	{
		if (!json_is_string(value))
			return seg_fail(error, SEG_EPROTOCOL,
					"the envelope's metadata \"%.100s\" is not a string", name);
		*next = (seg_header){
			.name = keep(arena, name, length),
			.name_length = length,
			.value = keep(arena, json_string_value(value), json_string_length(value)),
			.value_length = json_string_length(value),
		};
		if (!next->name || !next->value)
			return seg_fail(error, SEG_ENOMEM, "out of memory for headers");
		next++;
	}
	message->headers = headers;
	message->header_count = count;
	return 0;
}

static int decode_data(const json_t *data, seg_message *message, seg_arena *arena, seg_error *error)
{
	size_t length = json_string_length(data);
	unsigned char *bytes = seg_arena_alloc(arena, seg_base64_bytes_max(length) + 1);
	if (!bytes)
		return seg_fail(error, SEG_ENOMEM, "out of memory for data");
	size_t decoded = length ? seg_base64_decode(json_string_value(data), length, bytes) : 0;
	if (decoded == (size_t)-1)
		return seg_fail(error, SEG_EPROTOCOL, "the envelope's data is not base64");
	bytes[decoded] = '\0';
	message->data = bytes;
	message->data_length = decoded;
	return 0;
}

typedef struct {
	json_t *metadata;
	json_t *data;
	json_t *key;
} envelope;

/* Finds the members; a null counts as missing. */
static int open_envelope(json_t *root, envelope *found, seg_error *error)
{
	struct {
		const char *name;
		const char *other_name; /* the name in the .proto file, which protojson accepts as well */
		json_type type;
		json_t **place;
	} members[] = {
		{"metadata", "metadata", JSON_OBJECT, &found->metadata},
		{"data", "data", JSON_STRING, &found->data},
		{"partitionKey", "partition_key", JSON_STRING, &found->key},
	};
	if (!json_is_object(root))
		return seg_fail(error, SEG_EPROTOCOL, "the envelope is not a JSON object");
	const char *name;
	json_t *value;
	json_object_foreach(root, name, value)
	{
		size_t i = 0;
		while (i < 3 && strcmp(name, members[i].name) != 0 &&
		       strcmp(name, members[i].other_name) != 0)
			i++;
		if (i == 3)
			return seg_fail(error, SEG_EPROTOCOL, "the envelope has an unknown member \"%.100s\"",
					name);
		if (json_is_null(value))
			continue;
		if (*members[i].place)
			return seg_fail(error, SEG_EPROTOCOL, "the envelope has \"%s\" twice",
					members[i].name);
		if (json_typeof(value) != members[i].type)
			return seg_fail(error, SEG_EPROTOCOL, "the envelope's \"%s\" is not %s",
					members[i].name,
					members[i].type == JSON_OBJECT ? "an object" : "a string");
		*members[i].place = value;
	}
	return 0;
}

/*
 * Whether there is memory to parse so many bytes. Without it, jansson leaves out characters of a text, fails for each of them
 * anew, and says in the end that the text is no JSON. Its buffer doubles, and a text is copied out of it.
 */
static bool has_memory_for(size_t length)
{
	enum { COPIES = 4, FIXED = 4096 };
	/* volatile: otherwise the compiler leaves the allocation out. */
	void *volatile probe = malloc(COPIES * length + FIXED);
	free(probe);
	return probe != NULL;
}

static int decode_envelope(seg_message *message, seg_arena *arena, seg_error *error)
{
	json_error_t trouble;
	if (!has_memory_for(message->data_length))
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	json_t *root = json_loadb(message->data_length ? message->data : "", message->data_length,
				  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &trouble);
	if (!root && !has_memory_for(message->data_length))
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	if (!root)
		return seg_fail(error, SEG_EPROTOCOL, "the envelope is not JSON: %s", trouble.text);
	envelope found = {NULL, NULL, NULL};
	seg_message decoded = *message;
	int status = open_envelope(root, &found, error);
	if (status == 0)
		status = decode_metadata(found.metadata, &decoded, arena, error);
	if (status == 0)
		status = decode_data(found.data, &decoded, arena, error);
	if (status == 0)
		*message = decoded;
	json_decref(root);
	return status;
}

int seg_codec_decode(seg_codec codec, seg_message *message, seg_arena *arena, seg_error *error)
{
	switch (codec) {
	case SEG_CODEC_RAW:
		return 0;
	case SEG_CODEC_SEGMENTER_GO:
		return decode_envelope(message, arena, error);
	}
	return seg_fail(error, SEG_EINVAL, "codec is %d; it must be SEG_CODEC_RAW or SEG_CODEC_SEGMENTER_GO",
			(int)codec);
}
