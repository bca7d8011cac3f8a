/*
 * slot.h - one partition of a pull consumer: the batch that a caller polls, holds and releases.
 *
 * Every function is called under the consumer's lock, and returns at once. The consumer is the worker of the partition's
 * handoff, whichever thread holds the lock.
 *
 *     CLOSED --open--> IDLE <--------> HELD            take: a thread has the batch;  put_back, let_go: it is through
 *        ^               |               |
 *        +-- SETTLING <--+---------------+             the ownership ends; what was handled last is being committed
 *
 * A dead letter is asked for while the slot is IDLE (an unreadable message) or HELD (a caller's). Until Redis has answered,
 * nothing is taken from the slot and it does not end.
 */
#ifndef SEG_CONSUMER_SLOT_H
#define SEG_CONSUMER_SLOT_H

#include "group/partition.h"

/* What a caller holds. It outlives the slot's ownership if the caller keeps it for longer. */
typedef struct seg_polled {
	seg_batch view; /* first: the caller's batch is this */
	seg_fetched *fetched;

	/* A dead letter. */
	bool asking;     /* Redis has not answered yet */
	unsigned number; /* of the request */
	size_t index;    /* of the message, in `fetched` */
	int status;      /* the newest answer */
	bool lettered;   /* Redis has moved message `index` to the dead letters */
	char *reason;    /* a copy; NULL: none */
} seg_polled;

typedef enum seg_slot_state {
	SEG_SLOT_CLOSED,
	SEG_SLOT_IDLE,
	SEG_SLOT_HELD,
	SEG_SLOT_SETTLING
} seg_slot_state;

/* How far the slot is to end. */
typedef enum seg_slot_wish {
	SEG_SLOT_KEEP,
	SEG_SLOT_DRAIN, /* once the caller is through with the batch */
	SEG_SLOT_END,   /* at once */
} seg_slot_wish;

typedef struct seg_slot {
	seg_slot_state state;
	seg_slot_wish wish;
	bool closing; /* the consumer is: nobody touches a batch any more */
	seg_partition *partition;
	seg_polled *polled;
	seg_fetched *current; /* taken from the handoff, not given back */
	size_t done;          /* of its messages: committed by the caller, or dead-lettered */
	uint32_t attempt;     /* how often messages[done] was polled */
	int64_t held_since;   /* seg_now() at which a caller got the batch; 0: it is being decoded */
} seg_slot;

/* A new ownership: 0 or SEG_ENOMEM. */
int seg_slot_open(seg_slot *slot, seg_partition *partition);

/* Takes the next messages: the slot is HELD, and its polled->fetched kept. NULL: there are none now. */
seg_polled *seg_slot_take(seg_slot *slot);

/* Whether the slot is still the one that `polled` was taken from. */
bool seg_slot_has(const seg_slot *slot, const seg_polled *polled);

/* After seg_slot_take, the data decoded: the messages that a caller may have become the view. False: the first is unreadable. */
bool seg_slot_make_view(seg_slot *slot, int64_t now);

/* The thread that took the messages could not use them: they are taken again. */
void seg_slot_put_back(seg_slot *slot);

/* The caller is through with the batch. */
void seg_slot_let_go(seg_slot *slot);

/* For a batch whose slot has ended. */
void seg_polled_destroy(seg_polled *polled);

/* The first `done` messages of `current` need not be handled again. */
void seg_slot_progress(seg_slot *slot, size_t done);

/* Asks for a dead letter of message `index`; `handler` must outlive the slot. 0 or SEG_ENOMEM. */
int seg_slot_ask(seg_slot *slot, size_t index, uint32_t attempts, const char *reason, const char *handler);

/* Takes note of an answer that has come. */
void seg_slot_collect(seg_slot *slot);

/* The slot is to end. A wish does not become smaller. */
void seg_slot_end(seg_slot *slot, seg_slot_wish wish);

#endif
