#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "stream/pack.h"
#include "table.h"

bool ctl_message_read(ctl_message *m, const seg_reply *entry, size_t first)
{
	const seg_reply *id = seg_reply_at(entry, 0), *fields = seg_reply_at(entry, 1);
	*m = (ctl_message){0};
	if (!id || !fields || id->type != SEG_REPLY_TEXT || fields->type != SEG_REPLY_ARRAY ||
	    seg_id_parse(id->text, &m->message.id) != 0)
		return false;
	m->headers = ctl_allocate(fields->count / 2, sizeof(*m->headers));
	m->message.headers = m->headers;
	for (size_t i = first; i + 1 < fields->count; i += 2) {
		const seg_reply *name = fields->elements[i], *value = fields->elements[i + 1];
		if (seg_reply_is(name, "partitionKey")) {
			m->message.key = value->text;
			m->message.key_length = value->length;
		} else if (seg_reply_is(name, "data")) {
			m->message.data = value->text;
			m->message.data_length = value->length;
			m->has_data = true;
		} else {
			m->headers[m->message.header_count++] =
				(seg_header){name->text, name->length, value->text, value->length};
		}
	}
	return true;
}

void ctl_message_fini(ctl_message *m)
{
	free(m->headers);
}

/* --- entries ----------------------------------------------------------------------------------- */

static const seg_reply *field_of(const seg_reply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->count; i += 2)
		if (seg_reply_is(fields->elements[i], name))
			return fields->elements[i + 1];
	return NULL;
}

/* Its records have the ids up to the entry's own. */
static bool unpack(ctl_entry *entry, seg_id id, bool lz4, const seg_reply *value, seg_arena *arena)
{
	seg_unpacker unpacker;
	if (seg_unpacker_begin(&unpacker, lz4, value->text, value->length, arena) != 0 ||
	    unpacker.records == 0)
		return false;
	entry->count = unpacker.records;
	entry->messages = seg_arena_alloc(arena, entry->count * sizeof(*entry->messages));
	for (size_t i = 0; entry->messages && i < entry->count; i++) {
		entry->messages[i] = (seg_message){0};
		if (seg_unpacker_next(&unpacker, &entry->messages[i]) != 0)
			return false;
		entry->messages[i].id = (seg_id){id.ms, id.seq - (entry->count - 1 - i)};
	}
	return entry->messages != NULL;
}

bool ctl_entry_read(ctl_entry *entry, const seg_reply *reply, seg_arena *arena)
{
	const seg_reply *fields = seg_reply_at(reply, 1);
	ctl_message single;
	*entry = (ctl_entry){0};
	if (!ctl_message_read(&single, reply, 0)) {
		ctl_message_fini(&single);
		return false;
	}
	const seg_reply *packed = field_of(fields, SEG_FIELD_PACKED),
			*lz4 = field_of(fields, SEG_FIELD_PACKED_LZ4);
	entry->from = (uint64_t)seg_reply_number(field_of(fields, SEG_FIELD_FROM), 0);
	entry->packed =
		(packed || lz4) && unpack(entry, single.message.id, lz4 != NULL, lz4 ? lz4 : packed, arena);
	if (!entry->packed) {
		size_t headers = single.message.header_count * sizeof(seg_header);
		entry->count = 1;
		entry->messages = seg_arena_alloc(arena, sizeof(*entry->messages) + headers);
		if (entry->messages) {
			entry->messages[0] = single.message;
			entry->messages[0].headers = memcpy(&entry->messages[1], single.headers, headers);
		}
	}
	ctl_message_fini(&single);
	return entry->messages != NULL;
}

/* --- printing ------------------------------------------------------------------------------------ */

json_t *ctl_message_json(const seg_message *message)
{
	char id[SEG_ID_TEXT_MAX];
	json_t *headers = json_object();
	for (size_t i = 0; i < message->header_count; i++) {
		const seg_header *header = &message->headers[i];
		json_object_setn_new(headers, header->name, header->name_length,
				     ctl_json_bytes(header->value, header->value_length));
	}
	return json_pack("{s:s, s:o, s:o, s:o}", "id", seg_id_format(message->id, id), "key",
			 ctl_json_bytes(message->key, message->key_length), "data",
			 ctl_json_bytes(message->data, message->data_length), "headers", headers);
}

const seg_header *ctl_message_header(const seg_message *message, const char *name)
{
	size_t length = strlen(name);
	for (size_t i = 0; i < message->header_count; i++)
		if (message->headers[i].name_length == length &&
		    memcmp(message->headers[i].name, name, length) == 0)
			return &message->headers[i];
	return NULL;
}
