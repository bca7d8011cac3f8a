#include "message.h"

#include <stdlib.h>
#include <string.h>

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
