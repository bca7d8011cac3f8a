/*
 * batch.h - messages of one partition on their way to a handler, and how they come out of an XREAD reply.
 *
 * Buffers are recycled: after the first few rounds a read allocates nothing. A buffer belongs to one side at a
 * time, I/O thread or worker; the handoff passes it on.
 */
#ifndef SEG_PARTITION_BATCH_H
#define SEG_PARTITION_BATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "base/arena.h"

/* Why a message cannot be given to a handler; seg_fault_text makes the dead letter's reason of it. */
typedef enum seg_fault {
	SEG_FAULT_NONE = 0,
	SEG_FAULT_NO_KEY,   /* no field `partitionKey` */
	SEG_FAULT_NO_DATA,  /* no field `data` */
	SEG_FAULT_TWICE,    /* one of the two is there twice */
	SEG_FAULT_ENVELOPE, /* codec segmenter-go: no envelope of that form */
	SEG_FAULT_PACKED,   /* the field `packed` holds no records */
} seg_fault;

const char *seg_fault_text(seg_fault fault);

typedef struct seg_buffer {
	/* What the pull consumer was given of it. First: a caller's batch is its buffer. */
	seg_batch view;
	/*
	 * 2 once the ownership is over while a caller still holds it: then it belongs to that caller and to the I/O thread, which
	 * has it in its books; either lets go of it once, and the one that comes second frees it. 0 before.
	 */
	atomic_uint holders;

	seg_batch batch; /* all of its messages */
	seg_message *messages;
	uint8_t *faults; /* a seg_fault for each message */
	size_t capacity; /* of both, in messages; grows where entries hold several */
	size_t most;     /* entries, and messages of a run */
	seg_arena arena;
	uint64_t sequence; /* of messages[0]: how many of this ownership came before it */
	size_t decoded;    /* messages that the codec has been through */
	size_t bytes;      /* of keys, data and headers */
	seg_id last_id;    /* of the newest message, also of those left out; {0,0} if none */
	size_t entries;    /* that were read */
	seg_id after;      /* messages up to there, of an entry that has several, are left out */
	bool unpacked;     /* some came out of entries that hold several */
	int64_t from;      /* how many records the log ever had before messages[0]; -1: not known */

	/* While an entry is being read: */
	seg_header *entry_headers;
	size_t entry_header_room;
	int entry_field; /* what the next text is */
	bool entry_open;
	bool entry_packed; /* its messages are all there */
	size_t entry_left_out;
} seg_buffer;

/* For reads of up to `most` entries; room for messages is made when first used. NULL if out of memory. */
seg_buffer *seg_buffer_create(size_t most);
void seg_buffer_destroy(seg_buffer *buffer);

/* One of its two holders is through with it. */
void seg_buffer_let_go(seg_buffer *buffer);

/* Empties it, keeping at most `keep` bytes of memory. */
void seg_buffer_reset(seg_buffer *buffer, size_t keep);

/*
 * As seg_entry_sink has them. False if out of memory, full, or if ids do not rise: then the reply is not to be
 * trusted, and what was read with it must be thrown away.
 */
bool seg_buffer_entry(seg_buffer *buffer, const char *id, size_t length, int64_t texts);
bool seg_buffer_text(seg_buffer *buffer, const char *text, size_t length);

/* After the last text of a reply: closes the newest entry. */
void seg_buffer_finish(seg_buffer *buffer);

/*
 * The end of the messages from `index` on that can be handed over together: up to the next that is faulty, and `most`.
 * index < count; the message there is not faulty.
 */
size_t seg_buffer_run_end(const seg_buffer *buffer, size_t index);

/* Message `index` if it came out of an entry with others, which a script cannot take apart; else NULL. */
const seg_message *seg_buffer_packed(const seg_buffer *buffer, size_t index);

/* Reads each message's data as the codec has it; what it cannot read is marked as faulty. False if out of memory: call again. */
bool seg_buffer_decode(seg_buffer *buffer, seg_codec codec);

#endif
