/*
 * holding.h - one partition of a pull consumer: the batch that a caller polls, holds and releases; or several, with `parallel` above 1
 * (lanes.h).
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
 *
 * With lanes, it is IDLE while it is open, whatever callers hold.
 */
#ifndef SEG_CONSUMER_HOLDING_H
#define SEG_CONSUMER_HOLDING_H

#include "consumer/lanes.h"

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
	seg_lanes *
		lanes; /* of the ownership; NULL without `parallel`, or in no ownership. With them, what follows is not used */
	seg_polled *polled;
	seg_fetched *current; /* taken from the handoff, and not given back yet; NULL: none */
	size_t done;          /* messages of `current` that are committed by the caller or dead-lettered */
	uint32_t attempt;     /* how often messages[done] was polled */
	int64_t held_since;   /* seg_now() at which a caller got the batch; 0: it is being decoded */
} seg_holding;

/* A new ownership begins: the holding becomes IDLE. pending: see seg_holding. Returns 0 or SEG_ENOMEM. */
int seg_holding_open(seg_holding *holding, seg_partition *partition, uint64_t pending);

/* Whether the holding still has the ownership from which `polled` was taken, and `polled` is held. */
bool seg_holding_has(const seg_holding *holding, const seg_polled *polled);

/* --- without lanes: taking --- */

/* Takes the next messages: the holding becomes HELD and polled->fetched gets a reference. NULL: there are none now. */
seg_polled *seg_holding_take(seg_holding *holding);

/* After seg_holding_take and decoding. Passes over what earlier owners with lanes have done. False: nothing is left. */
bool seg_holding_skip(seg_holding *holding);

/* Then: puts the messages for the caller into the view. False: the first message is unreadable. */
bool seg_holding_make_view(seg_holding *holding, int64_t now);

/* The thread that took the messages cannot use them: the holding becomes IDLE, and another take returns them. */
void seg_holding_put_back(seg_holding *holding);

/* The first message is unreadable: asks for its dead letter, in the name of `handler`. Returns 0 or SEG_ENOMEM. */
int seg_holding_give_up(seg_holding *holding, const char *handler);

/* --- a batch that a caller holds --- */

/* Where the batch's messages begin among those that polled->index counts. */
size_t seg_polled_first(const seg_polled *polled);

/* The number of message `index` of the batch among the messages of the ownership. */
uint64_t seg_polled_number(const seg_polled *polled, size_t index);

/* How many messages of the batch are done, from its first one on. */
size_t seg_holding_done(const seg_holding *holding, const seg_polled *polled);

/*
 * The first `count` messages of the batch are done: no fewer than before, and none of them waits for the answer to its dead letter. Hands
 * over what the caller has emitted for them. They may be committed from then on. False: out of memory, and nothing has changed.
 */
bool seg_holding_commit(seg_holding *holding, seg_polled *polled, size_t count);

/*
 * Asks for a dead letter of message `index` of the batch; the messages before it are done. What was emitted for it is dropped once it is
 * one. `handler` must outlive the holding. 1: another dead letter of the partition has no answer yet; else 0 or SEG_ENOMEM.
 */
int seg_holding_ask(seg_holding *holding, seg_polled *polled, size_t index, const char *reason,
		    const char *handler);

/* The caller releases the batch. */
void seg_holding_let_go(seg_holding *holding, seg_polled *polled);

/* The same for a batch whose holding has ended. */
void seg_polled_destroy(seg_polled *polled);

/* --- the ownership --- */

/* When the batch that is held the longest came to its caller; 0: none is held, or one is being decoded. */
int64_t seg_holding_held_since(const seg_holding *holding);

/* Whether Redis has confirmed all that is done in the newest ownership. Not for a holding that was never open. */
bool seg_holding_is_confirmed(const seg_holding *holding);

/* Takes the answer to a dead letter if it has come. */
void seg_holding_collect(seg_holding *holding);

/* Makes the holding end as soon as the wish allows. A weaker wish than before changes nothing. */
void seg_holding_end(seg_holding *holding, seg_holding_wish wish);

#endif
