#include "partition/batch.h"

#include <stdlib.h>
#include <string.h>

#include "stream/codec.h"
#include "stream/pack.h"

enum { ARENA_BLOCK = 64 * 1024 };

/* What the next text of an entry is: the fields' names stand at even places. */
enum {
	FIELD_NAME,
	FIELD_KEY,
	FIELD_DATA,
	FIELD_HEADER,
	FIELD_SKIP,
	FIELD_PACKED,
	FIELD_PACKED_LZ4,
	FIELD_FROM
};

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
	case SEG_FAULT_PACKED:
		return "the field packed holds no records as this library packs them";
	}
	return "no fault";
}

seg_buffer *seg_buffer_create(size_t most)
{
	seg_buffer *buffer = calloc(1, sizeof(*buffer));
	if (!buffer)
		return NULL;
	buffer->capacity = buffer->most = most;
	buffer->from = -1;
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
		buffer->capacity = buffer->most;
	}
	buffer->batch = (seg_batch){0};
	buffer->entries = 0;
	buffer->unpacked = false;
	buffer->from = -1;
	buffer->bytes = 0;
	buffer->decoded = 0;
	buffer->last_id = (seg_id){0, 0};
	buffer->entry_open = false;
}

/* The number at *text, up to the first byte that is no digit. False: none, or beyond 64 bits. */
static bool read_number(const char **text, const char *end, uint64_t *number)
{
	enum { DIGITS_SAFE = 19 }; /* as many always fit */
	const char *at = *text, *safe = end - at > DIGITS_SAFE ? at + DIGITS_SAFE : end;
	uint64_t n = 0;
	for (; at < safe && (unsigned char)(*at - '0') <= 9; at++)
		n = n * 10 + (unsigned char)(*at - '0');
	for (; at < end && (unsigned char)(*at - '0') <= 9; at++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (unsigned char)(*at - '0'), &n))
			return false;
	bool any = at > *text;
	*text = at;
	*number = n;
	return any;
}

/* Redis writes ids as two numbers; anything else is no id. */
static bool read_id(const char *text, size_t length, seg_id *id)
{
	const char *end = text + length;
	return read_number(&text, end, &id->ms) && text < end && *text++ == '-' &&
	       read_number(&text, end, &id->seq) && text == end;
}

/* Room for so many messages. */
static bool grow(seg_buffer *buffer, size_t wanted)
{
	size_t capacity = buffer->capacity;
	if (wanted <= capacity)
		return true;
	while (capacity < wanted)
		capacity *= 2;
	seg_message *messages = realloc(buffer->messages, capacity * sizeof(*messages));
	if (messages)
		buffer->messages = messages;
	uint8_t *faults = realloc(buffer->faults, capacity);
	if (faults)
		buffer->faults = faults;
	buffer->batch.messages = buffer->messages;
	if (!messages || !faults)
		return false;
	buffer->capacity = capacity;
	return true;
}

static bool make_room(seg_buffer *buffer)
{
	if (buffer->messages)
		return grow(buffer, buffer->batch.count + 1);
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
	buffer->entry_open = false;
	if (buffer->entry_packed)
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
	if (buffer->entries == buffer->most || !make_room(buffer))
		return false;
	buffer->entries++;
	size_t i = buffer->batch.count++;
	buffer->messages[i] = (seg_message){.id = id};
	buffer->faults[i] = SEG_FAULT_NONE;
	buffer->batch.messages = buffer->messages;
	buffer->entry_headers = NULL;
	buffer->entry_header_room = (size_t)texts / 2;
	buffer->entry_field = FIELD_NAME;
	buffer->entry_open = true;
	buffer->entry_packed = false;
	buffer->entry_left_out = 0;
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

/* --- entries that hold several messages ------------------------------------------------- */

static bool is_name(const char *name, size_t length, const char *wanted)
{
	return length == strlen(wanted) && memcmp(name, wanted, length) == 0;
}

/* Puts the records in the place of their entry, which is the newest message. What is left out was handled before. */
static int unpack_all(seg_buffer *buffer, seg_unpacker *unpacker, seg_id last)
{
	size_t count = unpacker->records, at = buffer->batch.count - 1;
	if (count - 1 > last.seq)
		return SEG_EPROTOCOL;
	seg_id id = {last.ms, last.seq - (count - 1)};
	for (size_t i = 0; i < count; i++, id.seq++) {
		if (!grow(buffer, at + 1))
			return SEG_ENOMEM;
		seg_message *message = &buffer->messages[at];
		int status = seg_unpacker_next(unpacker, message);
		if (status)
			return status;
		if (seg_id_compare(id, buffer->after) <= 0) {
			buffer->entry_left_out++;
			continue;
		}
		/* A stranger's: there would be two messages of one id. */
		if (at > 0 && seg_id_compare(message[-1].id, id) >= 0)
			return SEG_EPROTOCOL;
		message->id = id;
		buffer->bytes += message->key_length + message->data_length;
		for (size_t h = 0; h < message->header_count; h++)
			buffer->bytes += message->headers[h].name_length + message->headers[h].value_length;
		buffer->faults[at++] = SEG_FAULT_NONE;
	}
	buffer->batch.count = at;
	return 0;
}

static bool unpack(seg_buffer *buffer, bool lz4, const char *value, size_t length)
{
	size_t at = buffer->batch.count - 1, bytes = buffer->bytes;
	seg_id last = buffer->messages[at].id;
	char *copy = seg_arena_alloc(&buffer->arena, length);
	if (!copy)
		return false;
	memcpy(copy, value, length);
	seg_unpacker unpacker;
	int status = seg_unpacker_begin(&unpacker, lz4, copy, length, &buffer->arena);
	if (status == 0)
		status = unpack_all(buffer, &unpacker, last);
	if (status == SEG_ENOMEM)
		return false;
	if (status) {
		/* The entry as a whole is one message, and a faulty one. */
		buffer->messages[at] = (seg_message){.id = last};
		buffer->faults[at] = SEG_FAULT_PACKED;
		buffer->batch.count = at + 1;
		buffer->bytes = bytes;
	}
	buffer->entry_packed = buffer->unpacked = true;
	return true;
}

/* How many records came before the entry, which is the first of the buffer. */
static void take_from(seg_buffer *buffer, const char *value, size_t length)
{
	int64_t from = 0;
	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '9' || from > INT64_MAX / 10 - 1)
			return;
		from = from * 10 + (value[i] - '0');
	}
	buffer->from = from + (int64_t)buffer->entry_left_out;
}

/* --- fields --------------------------------------------------------------------------------- */

static bool start_field(seg_buffer *buffer, seg_message *message, const char *name, size_t length)
{
	if (!message->key && !message->data && message->header_count == 0 &&
	    (is_name(name, length, SEG_FIELD_PACKED) || is_name(name, length, SEG_FIELD_PACKED_LZ4))) {
		buffer->entry_field = length == strlen(SEG_FIELD_PACKED) ? FIELD_PACKED : FIELD_PACKED_LZ4;
	} else if (length == sizeof(key_field) - 1 && memcmp(name, key_field, length) == 0) {
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
	int field = buffer->entry_field;
	if (buffer->entry_packed) {
		/* Behind the records: where they stand in the log, and what strangers may have added. */
		bool from =
			field == FIELD_NAME && buffer->entries == 1 && is_name(text, length, SEG_FIELD_FROM);
		if (field == FIELD_FROM)
			take_from(buffer, text, length);
		buffer->entry_field = field != FIELD_NAME ? FIELD_NAME : from ? FIELD_FROM : FIELD_SKIP;
		return true;
	}
	seg_message *message = &buffer->messages[buffer->batch.count - 1];
	if (field == FIELD_NAME)
		return start_field(buffer, message, text, length);
	buffer->entry_field = FIELD_NAME;
	if (field == FIELD_SKIP)
		return true;
	if (field == FIELD_PACKED || field == FIELD_PACKED_LZ4)
		return unpack(buffer, field == FIELD_PACKED_LZ4, text, length);
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

size_t seg_buffer_run_end(const seg_buffer *buffer, size_t index)
{
	size_t end = index + 1, bound = index + buffer->most;
	if (bound > buffer->batch.count)
		bound = buffer->batch.count;
	while (end < bound && buffer->faults[end] == SEG_FAULT_NONE)
		end++;
	return end;
}

const seg_message *seg_buffer_packed(const seg_buffer *buffer, size_t index)
{
	return buffer->unpacked && buffer->faults[index] != SEG_FAULT_PACKED && buffer->messages[index].key
		       ? &buffer->messages[index]
		       : NULL;
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
