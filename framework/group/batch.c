#include "group/batch.h"

#include <stdlib.h>
#include <string.h>

#include "stream/codec.h"

enum { ARENA_BLOCK = 64 * 1024 };

/* What the next text of an entry is: the fields' names stand at even places. */
enum { FIELD_NAME, FIELD_KEY, FIELD_DATA, FIELD_HEADER, FIELD_SKIP };

static const char key_field[] = "partitionKey";
static const char data_field[] = "data";

const char *seg_fault_text(seg_fault fault)
{
	switch (fault) {
	case SEG_FAULT_NONE:
		break;
	case SEG_FAULT_NO_KEY:
		return "the entry has no field partitionKey";
	case SEG_FAULT_NO_DATA:
		return "the entry has no field data";
	case SEG_FAULT_TWICE:
		return "the entry has partitionKey or data twice";
	case SEG_FAULT_ENVELOPE:
		return "the field data holds no envelope of codec segmenter-go";
	}
	return "no fault";
}

seg_buffer *seg_buffer_create(size_t capacity)
{
	seg_buffer *buffer = calloc(1, sizeof(*buffer));
	if (!buffer)
		return NULL;
	buffer->capacity = capacity;
	seg_arena_init(&buffer->arena, ARENA_BLOCK);
	return buffer;
}

void seg_buffer_destroy(seg_buffer *buffer)
{
	if (!buffer)
		return;
	seg_arena_fini(&buffer->arena);
	free(buffer->messages);
	free(buffer->faults);
	free(buffer);
}

void seg_buffer_let_go(seg_buffer *buffer)
{
	if (atomic_fetch_sub_explicit(&buffer->holders, 1, memory_order_acq_rel) == 1)
		seg_buffer_destroy(buffer);
}

void seg_buffer_reset(seg_buffer *buffer, size_t keep)
{
	seg_arena_reset(&buffer->arena, keep);
	if (keep == 0) {
		free(buffer->messages);
		free(buffer->faults);
		buffer->messages = NULL;
		buffer->faults = NULL;
	}
	buffer->batch = (seg_batch){0};
	buffer->bytes = 0;
	buffer->decoded = 0;
	buffer->last_id = (seg_id){0, 0};
	buffer->entry_open = false;
}

/* Redis writes ids as two numbers; anything else is no id. */
static bool read_id(const char *text, size_t length, seg_id *id)
{
	uint64_t part[2] = {0, 0};
	int n = 0;
	bool digits = false;
	for (size_t i = 0; i < length; i++) {
		unsigned digit = (unsigned char)text[i] - (unsigned)'0';
		if (digit <= 9) {
			if (__builtin_mul_overflow(part[n], 10, &part[n]) ||
			    __builtin_add_overflow(part[n], digit, &part[n]))
				return false;
			digits = true;
		} else if (text[i] == '-' && n == 0 && digits) {
			n = 1;
			digits = false;
		} else {
			return false;
		}
	}
	*id = (seg_id){part[0], part[1]};
	return n == 1 && digits;
}

static bool make_room(seg_buffer *buffer)
{
	if (buffer->messages)
		return true;
	buffer->messages = malloc(buffer->capacity * sizeof(*buffer->messages));
	buffer->faults = malloc(buffer->capacity);
	if (buffer->messages && buffer->faults)
		return true;
	free(buffer->messages);
	free(buffer->faults);
	buffer->messages = NULL;
	buffer->faults = NULL;
	return false;
}

void seg_buffer_finish(seg_buffer *buffer)
{
	if (!buffer->entry_open)
		return;
	size_t i = buffer->batch.count - 1;
	seg_message *message = &buffer->messages[i];
	message->headers = message->header_count ? buffer->entry_headers : NULL;
	if (buffer->faults[i] == SEG_FAULT_NONE) {
		if (!message->key)
			buffer->faults[i] = SEG_FAULT_NO_KEY;
		else if (!message->data)
			buffer->faults[i] = SEG_FAULT_NO_DATA;
	}
	buffer->entry_open = false;
}

bool seg_buffer_entry(seg_buffer *buffer, const char *text, size_t length, int64_t texts)
{
	seg_id id;
	seg_buffer_finish(buffer);
	if (!read_id(text, length, &id) || seg_id_compare(id, buffer->last_id) <= 0)
		return false;
	buffer->last_id = id;
	/* Deleted between the read and the reply: there is nothing to hand on. */
	if (texts < 0)
		return true;
	if (buffer->batch.count == buffer->capacity || !make_room(buffer))
		return false;
	size_t i = buffer->batch.count++;
	buffer->messages[i] = (seg_message){.id = id};
	buffer->faults[i] = SEG_FAULT_NONE;
	buffer->batch.messages = buffer->messages;
	buffer->entry_headers = NULL;
	buffer->entry_header_room = (size_t)texts / 2;
	buffer->entry_field = FIELD_NAME;
	buffer->entry_open = true;
	return true;
}

static const char *keep_text(seg_buffer *buffer, const char *text, size_t length)
{
	/* The NUL behind it is a courtesy to handlers that print. */
	char *copy = seg_arena_alloc(&buffer->arena, length + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	buffer->bytes += length;
	return copy;
}

static bool start_field(seg_buffer *buffer, seg_message *message, const char *name, size_t length)
{
	if (length == sizeof(key_field) - 1 && memcmp(name, key_field, length) == 0) {
		buffer->entry_field = message->key ? FIELD_SKIP : FIELD_KEY;
	} else if (length == sizeof(data_field) - 1 && memcmp(name, data_field, length) == 0) {
		buffer->entry_field = message->data ? FIELD_SKIP : FIELD_DATA;
	} else {
		if (!buffer->entry_headers)
			buffer->entry_headers = seg_arena_alloc(&buffer->arena, buffer->entry_header_room *
											sizeof(seg_header));
		const char *copy = keep_text(buffer, name, length);
		if (!buffer->entry_headers || !copy)
			return false;
		seg_header *header = &buffer->entry_headers[message->header_count];
		*header = (seg_header){.name = copy, .name_length = length};
		buffer->entry_field = FIELD_HEADER;
	}
	if (buffer->entry_field == FIELD_SKIP)
		buffer->faults[buffer->batch.count - 1] = SEG_FAULT_TWICE;
	return true;
}

bool seg_buffer_text(seg_buffer *buffer, const char *text, size_t length)
{
	if (!buffer->entry_open)
		return false;
	seg_message *message = &buffer->messages[buffer->batch.count - 1];
	int field = buffer->entry_field;
	if (field == FIELD_NAME)
		return start_field(buffer, message, text, length);
	buffer->entry_field = FIELD_NAME;
	if (field == FIELD_SKIP)
		return true;
	const char *copy = keep_text(buffer, text, length);
	if (!copy)
		return false;
	if (field == FIELD_KEY) {
		message->key = copy;
		message->key_length = length;
	} else if (field == FIELD_DATA) {
		message->data = copy;
		message->data_length = length;
	} else {
		seg_header *header = &buffer->entry_headers[message->header_count++];
		header->value = copy;
		header->value_length = length;
	}
	return true;
}

bool seg_buffer_decode(seg_buffer *buffer, seg_codec codec)
{
	if (codec == SEG_CODEC_RAW)
		return true;
	for (; buffer->decoded < buffer->batch.count; buffer->decoded++) {
		size_t i = buffer->decoded;
		if (buffer->faults[i] != SEG_FAULT_NONE)
			continue;
		int status = seg_codec_decode(codec, &buffer->messages[i], &buffer->arena, NULL);
		if (status == SEG_ENOMEM)
			return false;
		if (status)
			buffer->faults[i] = SEG_FAULT_ENVELOPE;
	}
	return true;
}
