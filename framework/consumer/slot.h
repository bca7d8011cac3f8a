/*
 * slot.h - one partition of a pull consumer: the batch that a caller polls, holds and releases.
 *
 * Call each function under the consumer's lock. All of them return at once. The thread that holds the lock acts as the worker of
 * the partition's handoff.
 *
 *     CLOSED --open--> IDLE <--------> HELD            take: a thread has the batch;  put_back, let_go: it is through
 *        ^               |               |
 *        +-- SETTLING <--+---------------+             the ownership ends; what was handled last is being committed
 *
 * A slot asks for a dead letter while it is IDLE (of an unreadable message) or HELD (for the caller). Until Redis has answered,
 * nobody takes messages from the slot, the slot keeps its batch, and it does not end.
 */
#ifndef SEG_CONSUMER_SLOT_H
#define SEG_CONSUMER_SLOT_H

#include "consumer/emitted.h"
#include "group/partition.h"

/* What a caller holds. If the ownership ends first, it lives until the caller releases it. */
typedef struct seg_polled {
	seg_batch view; /* first: this is the caller's seg_batch */
	seg_fetched *fetched;
	seg_emitted emitted; /* the caller's, without the lock */

	/* A dead letter. */
	bool asking;     /* Redis has not answered yet */
	unsigned number; /* of the request */
	size_t index;    /* of the message, in `fetched` */
	int status;      /* the newest answer */
	bool lettered;   /* Redis has moved message `index` to the dead letters */
	char *reason;    /* the copy that the request points to; NULL: none */
} seg_polled;

typedef enum seg_slot_state {
	SEG_SLOT_CLOSED,
	SEG_SLOT_IDLE,
	SEG_SLOT_HELD,
	SEG_SLOT_SETTLING
} seg_slot_state;

/* How the slot must end. */
typedef enum seg_slot_wish {
	SEG_SLOT_KEEP,
	SEG_SLOT_DRAIN, /* once the caller has released the batch */
	SEG_SLOT_END,   /* at once */
} seg_slot_wish;

typedef struct seg_slot {
	seg_slot_state state;
	seg_slot_wish wish;
	bool closing; /* the consumer is closing: no caller uses a batch any more */
	uint64_t
		pending; /* bytes of outputs that wait for Redis, beyond which no batch is taken; 0: there are no outputs */
	seg_partition *partition;
	seg_polled *polled;
	seg_fetched *current; /* taken from the handoff, and not given back yet; NULL: none */
	size_t done;          /* messages of `current` that are committed by the caller or dead-lettered */
	uint32_t attempt;     /* how often messages[done] was polled */
	int64_t held_since;   /* seg_now() at which a caller got the batch; 0: it is being decoded */
} seg_slot;

/* A new ownership begins: the slot becomes IDLE. pending: see seg_slot. Returns 0 or SEG_ENOMEM. */
int seg_slot_open(seg_slot *slot, seg_partition *partition, uint64_t pending);

/* Takes the next messages: the slot becomes HELD and polled->fetched gets a reference. NULL: there are none now. */
seg_polled *seg_slot_take(seg_slot *slot);

/* Whether the slot still has the ownership from which `polled` was taken, and `polled` is held. */
bool seg_slot_has(const seg_slot *slot, const seg_polled *polled);

/* After seg_slot_take and decoding: puts the messages for the caller into the view. False: the first message is unreadable. */
bool seg_slot_make_view(seg_slot *slot, int64_t now);

/* The thread that took the messages cannot use them: the slot becomes IDLE, and another take returns them. */
void seg_slot_put_back(seg_slot *slot);

/* The caller releases the batch. */
void seg_slot_let_go(seg_slot *slot);

/* Frees a batch whose slot has ended. */
void seg_polled_destroy(seg_polled *polled);

/* Before seg_slot_progress, by the caller that holds the batch: hands over what it has emitted for these messages. False: out of memory. */
bool seg_slot_hand_over(seg_slot *slot, size_t done);

/* The first `done` messages of `current` are done: they may be committed. */
void seg_slot_progress(seg_slot *slot, size_t done);

/*
 * Asks for a dead letter of message `index` of `current`; the messages before it are done. What was emitted for it is dropped once it is
 * one. `handler` must outlive the slot. Returns 0 or SEG_ENOMEM.
 */
int seg_slot_ask(seg_slot *slot, size_t index, uint32_t attempts, const char *reason, const char *handler);

/* Whether Redis has confirmed all that is done in the newest ownership. Not for a slot that was never open. */
bool seg_slot_is_confirmed(const seg_slot *slot);

/* Takes the answer to a dead letter if it has come. */
void seg_slot_collect(seg_slot *slot);

/* Makes the slot end as soon as the wish allows. A weaker wish than before changes nothing. */
void seg_slot_end(seg_slot *slot, seg_slot_wish wish);

#endif
