/* message.h - an entry of a log as the message that it is, and how it is printed. */
#ifndef CTL_MESSAGE_H
#define CTL_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "context.h"
#include "redis/reply.h"

typedef struct ctl_message {
	seg_message message; /* leads into the reply, and into headers */
	seg_header *headers;
	bool has_data; /* an entry of somebody else's may have none */
} ctl_message;

/*
 * Reads an entry [id, [field, value, ...]], from field `first` on (counting names and values). False: it is none. Valid as
 * long as the reply; pass to _fini in any case.
 */
bool ctl_message_read(ctl_message *message, const seg_reply *entry, size_t first);
void ctl_message_fini(ctl_message *message);

/* What is in it: {"id", "key", "data", "headers"}; the caller's. */
json_t *ctl_message_json(const seg_message *message);

/* The header of that name, or NULL. */
const seg_header *ctl_message_header(const seg_message *message, const char *name);

#endif
