/* message.h - reads the messages in an entry of a log. message_print.h prints them. */
#ifndef CTL_MESSAGE_H
#define CTL_MESSAGE_H

#include <stdbool.h>

#include <segmenter/segmenter.h>

#include "base/arena.h"
#include "redis/reply.h"

typedef struct ctl_message {
	seg_message message; /* points into the reply, and to headers */
	seg_header *headers;
	bool has_data; /* false for an entry without the field `data`, which another client may have added */
} ctl_message;

/*
 * Reads an entry [id, [field, value, ...]], skipping the first `first` names and values. False if the reply is no
 * entry, or a name or value is no text. Valid as long as the reply. Call _fini in any case.
 */
bool ctl_message_read(ctl_message *message, const seg_reply *entry, size_t first);
void ctl_message_fini(ctl_message *message);

/* The messages of an entry: one, or all that are packed in it. */
typedef struct ctl_entry {
	seg_message
		*messages; /* at least one, oldest first; valid as long as the arena's memory and the reply */
	size_t count;
	bool packed;
	uint64_t from; /* if packed: the number of records added to the partition before this entry */
} ctl_entry;

/*
 * False if the reply is no entry, or memory is out. An entry that claims to be packed, but cannot be unpacked, is read
 * as one message.
 */
bool ctl_entry_read(ctl_entry *entry, const seg_reply *reply, seg_arena *arena);

/* The first header of that name, or NULL. */
const seg_header *ctl_message_header(const seg_message *message, const char *name);

#endif
