/*
 * fetched.h - the messages that one read of a log brought, on their way to the handler.
 *
 * The I/O thread reads into it (parser.h), hands it to the worker (handoff.h), and takes it back to read into it again: after
 * the first few rounds a read allocates nothing. It belongs to one side at a time. A pull consumer's caller may keep it beyond
 * its partition's ownership: `references` decides who frees it.
 */
#ifndef SEG_PARTITION_FETCHED_H
#define SEG_PARTITION_FETCHED_H

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
	SEG_FAULT_TWICE,    /* one of the two fields is there twice */
	SEG_FAULT_ENVELOPE, /* codec segmenter-go: the data is no envelope of that form */
	SEG_FAULT_PACKED,   /* the field `packed` holds no records */
} seg_fault;

const char *seg_fault_text(seg_fault fault);

typedef struct seg_fetched {
	atomic_uint references; /* 1: the ledger's; one more for a caller that keeps it */

	seg_batch batch; /* all of its messages */
	seg_message *messages;
	uint8_t *faults;        /* a seg_fault for each message */
	size_t capacity;        /* of both, in messages; grows where an entry holds several */
	size_t entries_max;     /* entries of a read, and messages that are handed over together */
	seg_arena arena;        /* of the texts and headers */
	uint64_t sequence;      /* messages of this ownership that came before messages[0] */
	size_t decoded;         /* messages that the codec has read */
	size_t bytes;           /* of keys, data and headers */
	seg_id last_id;         /* of the newest entry, also of one that was deleted; {0,0}: none */
	size_t entries;         /* entries that were read */
	bool unpacked;          /* some messages shared an entry with others */
	int64_t records_before; /* records that the log ever had before messages[0]; -1: unknown */
} seg_fetched;

/* For reads of up to `entries_max` entries; room for messages is made at the first. NULL: out of memory. */
seg_fetched *seg_fetched_create(size_t entries_max);

/* One reference more, or one less; the last one frees it. Any thread. */
void seg_fetched_retain(seg_fetched *fetched);
void seg_fetched_release(seg_fetched *fetched);

/* Whether somebody besides the caller has a reference. */
bool seg_fetched_is_shared(const seg_fetched *fetched);

/* Empties it, keeping at most `keep` bytes of memory. */
void seg_fetched_reset(seg_fetched *fetched, size_t keep);

/* Makes room for `count` messages. False: out of memory. */
bool seg_fetched_reserve(seg_fetched *fetched, size_t count);

/*
 * The end of the messages from `index` on that can be handed over together: at most `entries_max`, up to the next faulty one.
 * index < count; the message there is not faulty.
 */
size_t seg_fetched_run_end(const seg_fetched *fetched, size_t index);

/* Message `index` if it shared an entry with others, which a script cannot take apart; else NULL. */
const seg_message *seg_fetched_packed(const seg_fetched *fetched, size_t index);

/* Decodes each message's data; marks what the codec cannot read as faulty. False: out of memory, call again. */
bool seg_fetched_decode(seg_fetched *fetched, seg_codec codec);

#endif
