/* message_print.h - prints messages: for people, as JSON and as CSV. */
#ifndef CTL_MESSAGE_PRINT_H
#define CTL_MESSAGE_PRINT_H

#include <jansson.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "context.h"

/*
 * {"id", "time", "key", "data", "headers"}. headers: an array of {"name", "value"} in the message's order, because a name may come
 * twice. The caller owns it.
 */
json_t *ctl_message_json(const seg_message *message);

/* One line: partition, id, key and data; headers for people and in JSON. CSV begins with ctl_message_print_csv_head.
 * times: people see the time instead of the id. */
void ctl_message_print(const seg_message *message, uint32_t partition, ctl_form form, bool times);
void ctl_message_print_csv_head(void);

/* Each header, printable: `before`, the name, `between`, the value, `after`. */
void ctl_message_print_headers(const seg_message *message, const char *before, const char *between,
			       const char *after);

#endif
