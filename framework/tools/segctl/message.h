/* message.h - an entry of a log as the message that it is, and how it is printed. */
#ifndef CTL_MESSAGE_H
#define CTL_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "context.h"
#include "redis/reply.h"

typedef struct ctl_message {
	seg_message message; /* leads into the reply, and into headers */
	seg_header *headers;
	bool has_data; /* an entry of somebody else's may have none */
} ctl_message;

/*
 * Reads an entry [id, [field, value, ...]], from field `first` on (counting names and values). False: it is
 * none. Valid as long as the reply; pass to _fini in any case.
 */
bool ctl_message_read(ctl_message *message, const seg_reply *entry, size_t first);
void ctl_message_fini(ctl_message *message);

/* The messages of an entry: its own, or all that are packed in it. */
typedef struct ctl_entry {
	seg_message *messages; /* oldest first; with all they lead to, the arena's and the reply's */
	size_t count;
	bool packed;
	uint64_t from; /* of a packed one: how many records were added to the partition before */
} ctl_entry;

/*
 * False: it is no entry, or out of memory. One that says it is packed, but cannot be unpacked here, is one
 * message.
 */
bool ctl_entry_read(ctl_entry *entry, const seg_reply *reply, seg_arena *arena);

/* What is in it: {"id", "key", "data", "headers"}; the caller's. */
json_t *ctl_message_json(const seg_message *message);

/* The header of that name, or NULL. */
const seg_header *ctl_message_header(const seg_message *message, const char *name);

#endif
