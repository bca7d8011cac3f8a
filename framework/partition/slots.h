/*
 * slots.h - the messages of one partition that wait for a lane, in queues by slot (partition/key_slot.h). Pure.
 *
 *     idle -> ready -> taken -> idle, ready         done: the next message of the slot may follow
 *                      taken -> blocked -> ready    its first message failed, and waits for its next attempt
 *                      taken -> letter -> idle, ...  its first message becomes a dead letter; an unreadable one at once
 *
 * A slot is with one lane at a time, so messages of one key keep their order and never meet. A slot that is blocked holds up its
 * own messages only. Messages are taken oldest first, whatever their slots, so the position moves as early as it can.
 *
 * The caller that adds an item keeps it valid while it is in the queues or taken. Times are those of seg_now(), but any that only rise
 * will do.
 */
#ifndef SEG_PARTITION_SLOTS_H
#define SEG_PARTITION_SLOTS_H

#include <stdbool.h>

#include "partition/completion.h"

/* A message that waits, or is with a lane. */
typedef struct seg_item {
	struct seg_item *next, *before; /* in its slot's queue */
	const seg_message *message;
	struct seg_held *held; /* inbox.h: the batch that has the message; NULL: the item was parked */
	uint64_t number;       /* among the messages of this ownership: they arrive in this order */
	uint16_t slot;
	uint8_t fault; /* a seg_fault */
	bool alone;    /* may kill the process: is handed over on its own */
	bool packed;   /* shares its entry with others */
	bool over;     /* inbox.h's: it is done */
} seg_item;

typedef enum seg_queue_state {
	SEG_QUEUE_IDLE,    /* empty */
	SEG_QUEUE_READY,   /* its first message may be taken */
	SEG_QUEUE_TAKEN,   /* some of its messages are with a lane */
	SEG_QUEUE_BLOCKED, /* its first message waits for its next attempt */
	SEG_QUEUE_LETTER,  /* its first message is to become a dead letter */
} seg_queue_state;

typedef struct seg_slot_queue {
	seg_item *first, *last;
	uint32_t count; /* of the queue, without what is taken */
	seg_queue_state state;
	uint32_t attempt;     /* of its first message: 1, 2, ... */
	uint16_t place;       /* in the heap of its state */
	uint16_t next_letter; /* in the queue of letters */
	seg_item *failed;     /* the message of attempt 2 and more; else NULL */
	char *reason;         /* why that message failed, or becomes a letter; or NULL */
	int64_t next_at;      /* of the next attempt */
} seg_slot_queue;

typedef struct seg_slot_heap {
	struct {
		uint64_t key;
		uint16_t slot;
	} list[SEG_SLOTS];
	unsigned count;
} seg_slot_heap;

typedef struct seg_slots {
	seg_slot_queue list[SEG_SLOTS];
	seg_slot_heap ready;   /* by the number of the first message */
	seg_slot_heap blocked; /* by next_at */
	uint16_t first_letter, last_letter;

	/* Messages in slots that are ready, and in those that are blocked or wait for a letter. */
	uint64_t ready_messages, held_messages;
	/* Slots that wait for a letter; slots whose first message has failed, wherever they are. */
	unsigned letters, retrying;
} seg_slots;

void seg_slots_init(seg_slots *slots);
void seg_slots_fini(seg_slots *slots); /* the items stay with their owner */

/* Puts the item behind those of its slot. Its number is higher than any before. */
void seg_slots_add(seg_slots *slots, seg_item *item);

/*
 * Takes up to `most` messages of up to `most_slots` slots, the oldest first, and with them their slots: nothing else of these is taken before the answer. Stops
 * before a message that failed before or is to be alone: those are taken as the only one. Returns how many; 0: none is ready.
 */
size_t seg_slots_take(seg_slots *slots, seg_item **items, size_t most, size_t most_slots);

/* The message that the next seg_slots_take begins with; NULL: none. */
seg_item *seg_slots_next(const seg_slots *slots);

/* How often the message, which was taken, has been handed over, this time included. */
uint32_t seg_slots_attempt(const seg_slots *slots, const seg_item *item);

/* What becomes of the first message that is not done. */
typedef enum seg_verdict {
	SEG_VERDICT_AGAIN, /* it was not handled, or there is none: as if it had not been taken */
	SEG_VERDICT_RETRY,
	SEG_VERDICT_LETTER,
} seg_verdict;

/*
 * The answer to all that one seg_slots_take took: the first `done` messages are done. With a verdict other than AGAIN, message
 * `done` exists, and its slot waits until next_at (RETRY), or for its letter. The messages behind that one wait again in their
 * slots, as if they had not been taken. `reason` is then the slots' to free; NULL: none.
 */
void seg_slots_answer(seg_slots *slots, seg_item *const *items, size_t count, size_t done,
		      seg_verdict verdict, int64_t next_at, char *reason);

/* When the next blocked slot is due; INT64_MAX: none is blocked. */
int64_t seg_slots_due(const seg_slots *slots);

/* Makes the blocked slots ready that are due. */
void seg_slots_wake(seg_slots *slots, int64_t now);

/* The message whose letter comes next, in the order in which slots began to wait for one; NULL: none. */
seg_item *seg_slots_letter(const seg_slots *slots);

/* That letter was written: its slot goes on. */
void seg_slots_letter_written(seg_slots *slots);

/* Of the messages that failed before and are not done, the oldest; NULL: none. Looks at all slots. */
const seg_item *seg_slots_oldest_failed(const seg_slots *slots);

/* Whether the message waits in a slot that is blocked, or that waits for a letter. */
bool seg_slots_holds(const seg_slots *slots, const seg_item *item);

/* Puts `copy` in the place of an item that waits. */
void seg_slots_replace(seg_slots *slots, const seg_item *item, seg_item *copy);

#endif
