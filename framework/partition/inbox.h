/*
 * inbox.h - the batches that a dispatcher has in hand, and their messages, which wait in slots or are with lanes.
 *
 * A batch goes back to the I/O thread once all of its messages are done, and those before it have gone back. One that only messages
 * hold whose slots are held up goes back, too: these are parked, which is to say copied. `limit` bounds the copies; beyond it the
 * batch stays, so that in the end no further one is read. The dispatcher's.
 */
#ifndef SEG_PARTITION_INBOX_H
#define SEG_PARTITION_INBOX_H

#include "partition/beyond.h"
#include "partition/handoff.h"
#include "partition/slots.h"

typedef struct seg_inbox {
	/* Constant. */
	seg_handoff *handoff; /* NULL once its ownership is over */
	seg_slots *slots;
	const seg_beyond *beyond; /* what earlier owners have done */
	uint64_t limit;           /* bytes */

	struct seg_held *first, *last; /* oldest first */
	struct seg_held *spare;        /* one, to be used again */
	uint64_t parked_count;         /* messages */
	uint64_t parked_bytes;
	uint64_t
		alone; /* so many messages are still to be handled one at a time: one of them may kill the process */
	uint64_t waiting; /* messages that are not done */
	bool shared;      /* callers may keep messages: the inbox has a reference to each batch (fetched.h) */
} seg_inbox;

/*
 * No batches are in hand. The messages that come are handled one at a time, until `alone` of them are done: those of a slot that is
 * held up do not count, however many these are.
 */
void seg_inbox_init(seg_inbox *inbox, seg_handoff *handoff, seg_slots *slots, const seg_beyond *beyond,
		    uint64_t limit, uint64_t alone);

/* Frees what is parked, and drops the references. The batches are the ledger's. */
void seg_inbox_fini(seg_inbox *inbox);

/* Puts the messages of a decoded batch into their slots, but for those that earlier owners have done. With `shared`, a reference is the
 * inbox's from then on. False: out of memory. */
bool seg_inbox_add(seg_inbox *inbox, seg_fetched *fetched);

/* The message is done, and is in no queue any more. The item is void. */
void seg_inbox_done(seg_inbox *inbox, seg_item *item);

/* Copies a message that waits, whatever the limit. Returns the item that takes its place; NULL: out of memory. */
seg_item *seg_inbox_park(seg_inbox *inbox, seg_item *item);

/* Gives batches back, as far as that is possible now. */
void seg_inbox_give_back(seg_inbox *inbox);

#endif
