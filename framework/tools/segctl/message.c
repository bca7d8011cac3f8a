#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "position.h"
#include "stream/pack.h"
#include "stream/record.h"

static bool all_texts(const seg_reply *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->elements[i]->type != SEG_REPLY_TEXT)
			return false;
	return true;
}

static void read_field(ctl_message *m, const seg_reply *name, const seg_reply *value)
{
	if (seg_reply_is(name, SEG_FIELD_KEY)) {
		m->message.key = value->text;
		m->message.key_length = value->length;
	} else if (seg_reply_is(name, SEG_FIELD_DATA)) {
		m->message.data = value->text;
		m->message.data_length = value->length;
		m->has_data = true;
	} else {
		m->headers[m->message.header_count++] =
			(seg_header){name->text, name->length, value->text, value->length};
	}
}

bool ctl_message_read(ctl_message *m, const seg_reply *entry, size_t first)
{
	const seg_reply *fields = seg_reply_at(entry, 1);
	*m = (ctl_message){0};
	if (!ctl_id_read(seg_reply_at(entry, 0), &m->message.id) || !fields ||
	    fields->type != SEG_REPLY_ARRAY || !all_texts(fields))
		return false;
	m->headers = ctl_allocate(fields->count / 2, sizeof(*m->headers));
	m->message.headers = m->headers;
	for (size_t i = first; i + 1 < fields->count; i += 2)
		read_field(m, fields->elements[i], fields->elements[i + 1]);
	return true;
}

void ctl_message_fini(ctl_message *m)
{
	free(m->headers);
}

/* --- entries ----------------------------------------------------------------------------------- */

/* The value of a packed entry, or NULL. As for runners, it must be the first field. */
static const seg_reply *packed_of(const seg_reply *fields, seg_packing *packing)
{
	const seg_reply *name = seg_reply_at(fields, 0);
	*packing = SEG_PACKING_OFF;
	if (name && name->type == SEG_REPLY_TEXT)
		*packing = seg_packing_of_field(name->text, name->length);
	return *packing == SEG_PACKING_OFF ? NULL : seg_reply_at(fields, 1);
}

static const seg_reply *field_of(const seg_reply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->count; i += 2)
		if (seg_reply_is(fields->elements[i], name))
			return fields->elements[i + 1];
	return NULL;
}

/* The last record has the entry's id; those before have the ids just below. */
static bool unpack(ctl_entry *entry, seg_id id, seg_packing packing, const seg_reply *value, seg_arena *arena)
{
	seg_unpacker unpacker;
	if (seg_unpacker_begin(&unpacker, packing, value->text, value->length, SEG_ENTRY_LIMIT, arena) != 0 ||
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

/* The entry's own message, copied into the arena. */
static void copy_single(ctl_entry *entry, const ctl_message *single, seg_arena *arena)
{
	size_t headers = single->message.header_count * sizeof(seg_header);
	entry->count = 1;
	entry->messages = seg_arena_alloc(arena, sizeof(*entry->messages) + headers);
	if (!entry->messages)
		return;
	entry->messages[0] = single->message;
	entry->messages[0].headers = memcpy(&entry->messages[1], single->headers, headers);
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
	seg_packing packing;
	const seg_reply *packed = packed_of(fields, &packing);
	entry->from = (uint64_t)seg_reply_number(field_of(fields, SEG_FIELD_FROM), 0);
	entry->packed = packed && unpack(entry, single.message.id, packing, packed, arena);
	if (!entry->packed)
		copy_single(entry, &single, arena);
	ctl_message_fini(&single);
	return entry->messages != NULL;
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
