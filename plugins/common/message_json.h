/*
 * message_json.h - a message as a JSON object, for handlers in other processes.
 *
 *     {"stream":"orders","group":"billing","partition":3,"epoch":1763907642123,"id":"1763907650000-4",
 *      "attempt":1,"key":"alice","data":"hello","headers":[{"name":"trace","value":"7f3a"}]}
 *
 * A key, data, or a header's name or value that is not UTF-8 is written in base64, as key_base64, data_base64, name_base64
 * or value_base64. A message without headers has no "headers". Pure; any thread.
 */
#ifndef PLUGINS_MESSAGE_JSON_H
#define PLUGINS_MESSAGE_JSON_H

#include <inttypes.h>

#include <segmenter/handler.h>

#include "buffer.h"

/* Adds {"name":...,"value":...} for each header, with commas between them. */
static inline void message_json_header_list(buffer *b, const seg_message *message)
{
	for (size_t i = 0; i < message->header_count; i++) {
		const seg_header *header = &message->headers[i];
		buffer_text(b, i ? ",{" : "{");
		buffer_field(b, "name", header->name, header->name_length, false);
		buffer_text(b, ",");
		buffer_field(b, "value", header->value, header->value_length, false);
		buffer_text(b, "}");
	}
}

/* Adds message `index` of the batch, with its attempt. Without with_data: "data_length":N instead of the data. */
static inline void message_json(buffer *b, const seg_host *host, const seg_batch *batch, size_t index,
				uint32_t attempt, bool with_data)
{
	const seg_message *message = &batch->messages[index];
	buffer_format(b,
		      "{\"stream\":\"%s\",\"group\":\"%s\",\"partition\":%" PRIu32 ",\"epoch\":%" PRIu64
		      ",\"id\":\"%" PRIu64 "-%" PRIu64 "\",\"attempt\":%" PRIu32 ",",
		      host->stream, host->group, batch->partition, batch->epoch, message->id.ms,
		      message->id.seq, attempt);
	buffer_field(b, "key", message->key, message->key_length, false);
	buffer_text(b, ",");
	if (with_data)
		buffer_field(b, "data", message->data, message->data_length, false);
	else
		buffer_format(b, "\"data_length\":%zu", message->data_length);
	if (message->header_count) {
		buffer_text(b, ",\"headers\":[");
		message_json_header_list(b, message);
		buffer_text(b, "]");
	}
	buffer_text(b, "}");
}

#endif
