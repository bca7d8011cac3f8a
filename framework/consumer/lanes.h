/*
 * lanes.h - one ownership of a partition of a pull consumer with `parallel` above 1: several batches are with callers at once, and no two
 * of them have messages of the same slot (partition/slots.h).
 *
 * A batch has a fair share of what waits. What a caller does not commit goes back to the front of its slots when the batch is released. The
 * first message of it comes alone the next time, after a short pause, in which its slot waits.
 *
 * Call each function under the consumer's lock. All of them return at once. When the ownership ends, the lanes live until the last batch is
 * released.
 */
#ifndef SEG_CONSUMER_LANES_H
#define SEG_CONSUMER_LANES_H

#include "consumer/polled.h"
#include "group/partition.h"
#include "partition/inbox.h"

typedef struct seg_lanes seg_lanes;

/* NULL: out of memory. pending: bytes of outputs that wait for Redis, beyond which no batch is taken; 0: there are no outputs. */
seg_lanes *seg_lanes_create(seg_partition *partition, uint64_t pending);

/* The ownership ends: the handoff is not used any more. closing: no caller uses a batch any more. */
void seg_lanes_end(seg_lanes *lanes, bool closing);

/* Whether callers hold batches. */
bool seg_lanes_are_held(const seg_lanes *lanes);

/* Whether a dead letter has no answer yet: until then, the ownership must not end. */
bool seg_lanes_are_asking(const seg_lanes *lanes);

/* When the batch that is held the longest came to its caller; 0: none is held. */
int64_t seg_lanes_held_since(const seg_lanes *lanes);

/* Whether messages wait that a caller could take. */
bool seg_lanes_have_more(const seg_lanes *lanes);

/* When a message that was released without a commit may be taken again; INT64_MAX: none waits. */
int64_t seg_lanes_due(const seg_lanes *lanes);

/* The next messages for a caller; NULL: there are none now. */
seg_polled *seg_lanes_take(seg_lanes *lanes, int64_t now);

/*
 * A batch from the log that the caller should decode, without the lock, and then give to seg_lanes_add, before or after the ownership has
 * ended; NULL: there is none, or enough is there to be taken.
 */
seg_fetched *seg_lanes_next_batch(seg_lanes *lanes);

/* decoded: false, if there was no memory. False: there is no memory, for this or that; it is tried again. */
bool seg_lanes_add(seg_lanes *lanes, bool decoded);

/*
 * The first `count` messages of the batch are done, none of which waits for the answer to its dead letter; hands over what the caller has
 * emitted for them. False: out of memory.
 */
bool seg_lanes_commit(seg_lanes *lanes, seg_polled *polled, size_t count);

/*
 * Asks for the dead letter of message `index`; the messages before it are done. 1: another one has no answer yet; else 0 or SEG_ENOMEM.
 */
int seg_lanes_ask(seg_lanes *lanes, seg_polled *polled, size_t index, const char *reason);

/* Takes the answer to a dead letter, if it has come. */
void seg_lanes_collect(seg_lanes *lanes);

/* Asks for the dead letter of the next unreadable message, if no other has been asked for. Does not wait: other slots go on. */
void seg_lanes_give_up_unreadable(seg_lanes *lanes);

/* The caller releases the batch, in the ownership or after it. */
void seg_lanes_let_go(seg_polled *polled);

#endif
