/*
 * fetched.h - the messages that one read of a log brought, on their way to the handler.
 *
 * The I/O thread reads a batch into a seg_fetched (parser.h), hands it to the worker (handoff.h), and takes it back for another
 * read. Its memory comes from the stock with the first entry, and goes back there: after the first few reads, a read allocates
 * nothing. A seg_fetched belongs to one side at a time. A caller of a pull
 * consumer may keep it after the ownership of its partition ends: the thread that drops the last of the `references` frees it.
 */
#ifndef SEG_PARTITION_FETCHED_H
#define SEG_PARTITION_FETCHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "partition/beyond.h"
#include "partition/stock.h"

/* Why no handler can read a message. seg_fault_text returns the reason for the dead letter. */
typedef enum seg_fault {
	SEG_FAULT_NONE = 0,
	SEG_FAULT_NO_KEY,   /* the entry has no field `partitionKey` */
	SEG_FAULT_NO_DATA,  /* the entry has no field `data` */
	SEG_FAULT_TWICE,    /* the entry has one of the two fields twice */
	SEG_FAULT_ENVELOPE, /* codec segmenter-go: the data is not an envelope of that form */
	SEG_FAULT_PACKED,   /* the field `packed` holds no records */
	SEG_FAULT_LARGE,    /* the entry needs more memory than an entry may */
	SEG_FAULT_DEADLY,   /* the process died, again and again, while it read the entry */
	SEG_FAULT_MEMORY,   /* there was no memory to read the entry, again and again */
} seg_fault;

const char *seg_fault_text(seg_fault fault);

typedef struct seg_fetched {
	atomic_uint references; /* the ledger has one; a caller that keeps the batch has another */
	seg_stock *stock;       /* NULL: allocates */

	seg_batch batch;        /* all of its messages */
	seg_room room;          /* of its messages, their faults and texts; grows as it is needed */
	size_t view_max;        /* the most messages of one view */
	uint64_t sequence;      /* messages of this ownership that came before messages[0] */
	size_t decoded;         /* messages that the codec has decoded */
	size_t bytes;           /* of keys, data and headers */
	seg_id after;           /* all of its messages come after this one; set when it is delivered */
	seg_id last_id;         /* of the newest entry, even if that was deleted; {0,0}: no entry */
	size_t entries;         /* entries that were read */
	bool unpacked;          /* some messages shared an entry with others */
	int64_t records_before; /* records that the log ever had before messages[0]; -1: unknown */
} seg_fetched;

/* With room for `view_max` messages at first, which the first entry takes from the stock (NULL: it allocates). NULL: out of memory. */
seg_fetched *seg_fetched_create(size_t view_max, seg_stock *stock);

/* Adds a reference, or drops one: dropping the last one frees the batch. Any thread. */
void seg_fetched_retain(seg_fetched *fetched);
void seg_fetched_release(seg_fetched *fetched);

/* Removes all messages. Keeps at most `keep` bytes of memory. */
void seg_fetched_reset(seg_fetched *fetched, size_t keep);

/* The same, and gives what it keeps to the stock. The I/O thread. */
void seg_fetched_give_room(seg_fetched *fetched, size_t keep);

/* Makes room for `count` messages. False: out of memory. */
bool seg_fetched_reserve(seg_fetched *fetched, size_t count);

/*
 * The messages from `index` up to the returned index (exclusive) can be handled together: at most `view_max`, and none is
 * faulty or in the set of what earlier owners have done. Requires index < count, and that message `index` is neither.
 */
size_t seg_fetched_run_end(const seg_fetched *fetched, size_t index, const seg_beyond *done);

/* Message `index` if it shared its entry with others, because a Lua script cannot unpack an entry; else NULL. */
const seg_message *seg_fetched_packed(const seg_fetched *fetched, size_t index);

/*
 * Whether message `index` of a delivered batch is in the set. An entry that could not be unpacked is one message, and may have been
 * several with ids up to its own: it is done if nothing between the message before it and its own id is known not to be.
 */
bool seg_fetched_is_done(const seg_fetched *fetched, size_t index, const seg_beyond *beyond);

/* Decodes the data of all messages; marks a message that the codec cannot decode as faulty. False: out of memory; call again. */
bool seg_fetched_decode(seg_fetched *fetched, seg_codec codec);

#endif
