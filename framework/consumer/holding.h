/*
 * holding.h - one partition of a pull consumer: the batch that a caller polls, holds and releases.
 *
 * Call each function under the consumer's lock. All of them return at once. The thread that holds the lock acts as the worker of
 * the partition's handoff.
 *
 *     CLOSED --open--> IDLE <--------> HELD            take: a thread has the batch;  put_back, let_go: it is through
 *        ^               |               |
 *        +-- SETTLING <--+---------------+             the ownership ends; what was handled last is being committed
 *
 * A holding asks for a dead letter while it is IDLE (of an unreadable message) or HELD (for the caller). Until Redis has answered,
 * nobody takes messages from the holding, the holding keeps its batch, and it does not end.
 */
#ifndef SEG_CONSUMER_HOLDING_H
#define SEG_CONSUMER_HOLDING_H

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

typedef enum seg_holding_state {
	SEG_HOLDING_CLOSED,
	SEG_HOLDING_IDLE,
	SEG_HOLDING_HELD,
	SEG_HOLDING_SETTLING
} seg_holding_state;

/* How the holding must end. */
typedef enum seg_holding_wish {
	SEG_HOLDING_KEEP,
	SEG_HOLDING_DRAIN, /* once the caller has released the batch */
	SEG_HOLDING_END,   /* at once */
} seg_holding_wish;

typedef struct seg_holding {
	seg_holding_state state;
	seg_holding_wish wish;
	bool closing; /* the consumer is closing: no caller uses a batch any more */
	uint64_t
		pending; /* bytes of outputs that wait for Redis, beyond which no batch is taken; 0: there are no outputs */
	seg_partition *partition;
	seg_polled *polled;
	seg_fetched *current; /* taken from the handoff, and not given back yet; NULL: none */
	size_t done;          /* messages of `current` that are committed by the caller or dead-lettered */
	uint32_t attempt;     /* how often messages[done] was polled */
	int64_t held_since;   /* seg_now() at which a caller got the batch; 0: it is being decoded */
} seg_holding;

/* A new ownership begins: the holding becomes IDLE. pending: see seg_holding. Returns 0 or SEG_ENOMEM. */
int seg_holding_open(seg_holding *holding, seg_partition *partition, uint64_t pending);

/* Takes the next messages: the holding becomes HELD and polled->fetched gets a reference. NULL: there are none now. */
seg_polled *seg_holding_take(seg_holding *holding);

/* Whether the holding still has the ownership from which `polled` was taken, and `polled` is held. */
bool seg_holding_has(const seg_holding *holding, const seg_polled *polled);

/* After seg_holding_take and decoding: puts the messages for the caller into the view. False: the first message is unreadable. */
bool seg_holding_make_view(seg_holding *holding, int64_t now);

/* The thread that took the messages cannot use them: the holding becomes IDLE, and another take returns them. */
void seg_holding_put_back(seg_holding *holding);

/* The caller releases the batch. */
void seg_holding_let_go(seg_holding *holding);

/* Frees a batch whose holding has ended. */
void seg_polled_destroy(seg_polled *polled);

/* Before seg_holding_progress, by the caller that holds the batch: hands over what it has emitted for these messages. False: out of memory. */
bool seg_holding_hand_over(seg_holding *holding, size_t done);

/* The first `done` messages of `current` are done: they may be committed. */
void seg_holding_progress(seg_holding *holding, size_t done);

/*
 * Asks for a dead letter of message `index` of `current`; the messages before it are done. What was emitted for it is dropped once it is
 * one. `handler` must outlive the holding. Returns 0 or SEG_ENOMEM.
 */
int seg_holding_ask(seg_holding *holding, size_t index, uint32_t attempts, const char *reason,
		    const char *handler);

/* Whether Redis has confirmed all that is done in the newest ownership. Not for a holding that was never open. */
bool seg_holding_is_confirmed(const seg_holding *holding);

/* Takes the answer to a dead letter if it has come. */
void seg_holding_collect(seg_holding *holding);

/* Makes the holding end as soon as the wish allows. A weaker wish than before changes nothing. */
void seg_holding_end(seg_holding *holding, seg_holding_wish wish);

#endif
