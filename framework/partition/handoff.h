/*
 * handoff.h - what the I/O thread, which fetches and commits, exchanges with the one worker of a partition.
 *
 *      I/O thread                                     worker
 *      ----------   ready ring: fetched batches  ->   take
 *                   free ring: empty batches     <-   give_back
 *                   completions: what they made  <-   complete
 *                   handled: how many are done   <-   handled
 *                   demand: run, drain, abandon  ->   may_dispatch
 *                   one request and its answer   <->  request
 *
 * Each ring has one producer and one consumer. The worker sleeps on an event count. The I/O thread sleeps in poll(2), and the
 * worker wakes it through its waker. Each side writes only the fields of its own struct. It stores a field with release order
 * after the data that belong to the field; the other side loads the field with acquire order.
 */
#ifndef SEG_PARTITION_HANDOFF_H
#define SEG_PARTITION_HANDOFF_H

#include <ck_ec.h>
#include <ck_ring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "partition/completion.h"
#include "partition/fetched.h"
#include "partition/hindrance.h"

/* The most batches that one partition has in flight. A ring holds one item less than its size. */
#define SEG_HANDOFF_BATCHES 64
#define SEG_HANDOFF_RING 128

/* What the I/O thread wants of the worker. */
typedef enum seg_demand {
	SEG_DEMAND_RUN,
	SEG_DEMAND_DRAIN,   /* finish the current batch, then stop */
	SEG_DEMAND_ABANDON, /* stop: another member may own the partition */
} seg_demand;

/* What the worker asks the I/O thread to do in Redis, while it waits. */
typedef enum seg_request_kind {
	SEG_REQUEST_NONE = 0,
	SEG_REQUEST_DEAD_LETTER,
	SEG_REQUEST_MARK,  /* write down that the handler gets this message next, alone */
	SEG_REQUEST_BEGIN, /* and that it gets it now: answered once that is on its way to Redis */
	SEG_REQUEST_END,   /* and that it has returned; answered like BEGIN */
} seg_request_kind;

typedef struct seg_request {
	seg_request_kind kind;
	seg_id id;
	uint64_t sequence; /* of the message */
	uint32_t attempts; /* of a mark: the deaths that count so far */
	const char *reason;
	const char *handler;
	const seg_message *packed; /* the message if it shares its entry with others; else NULL */
} seg_request;

typedef struct seg_handoff {
	ck_ring_t ready; /* I/O -> worker */
	ck_ring_t free;  /* worker -> I/O */
	ck_ring_buffer_t ready_slots[SEG_HANDOFF_RING];
	ck_ring_buffer_t free_slots[SEG_HANDOFF_RING];

	_Alignas(64) struct {
		ck_ec32_t event;     /* counts up with each change that the worker may wait for */
		atomic_int demand;   /* a seg_demand */
		atomic_bool starved; /* no batch is free: the worker kicks the waker when it gives one back */
		atomic_ullong committed; /* messages of this ownership that Redis has confirmed */
		atomic_ullong
			done; /* with lanes: messages that are done, in any order, as far as Redis has confirmed */
		atomic_uint answered;   /* number of the newest answered request */
		int answer;             /* its status, 0 or SEG_E...; stored before answered */
		int64_t answer_value;   /* what Redis returned: of a mark, how often the message was marked */
		atomic_ullong released; /* bytes of the completions that were freed */
	} io;

	_Alignas(64) struct {
		_Atomic(seg_completion *) completions; /* the newest first; the I/O thread takes them */
		atomic_ullong completed;               /* bytes of the completions that were handed over */
		atomic_bool awaits_release;            /* the worker waits until completions are freed */
		atomic_ullong handled;                 /* messages of this ownership that are done */
		atomic_uint requested;                 /* number of the newest request */
		seg_request request;                   /* stored before requested */
		atomic_bool stopped;                   /* the worker's last store */
		seg_hindrance retry; /* the worker's while `retry_told` is false, else the I/O thread's */
		atomic_bool retry_told;
		atomic_llong lapsed; /* the end of the lease that was logged: by one lane, for all */
		/* With lanes: */
		atomic_ullong parked; /* messages that are not done, and are in no batch any more */
		atomic_uint
			slots_waiting; /* slots with messages, whose first one waits for its next attempt */
		atomic_uint lanes_busy;
	} worker;

	/* Set before the worker starts, constant then. */
	_Alignas(64) seg_waker *waker;
	const atomic_llong *
		lease_until; /* seg_now() at which the lease ends: no handler is called from then on. The I/O thread's */
	ck_ec32_t *event; /* counted up by pushes: io.event, or one that several partitions share */
} seg_handoff;

/* No worker may be running. lease_until, waker and event must outlive the handoff. event NULL: the handoff uses its own. */
void seg_handoff_init(seg_handoff *handoff, seg_waker *waker, const atomic_llong *lease_until,
		      ck_ec32_t *event);

/* --- I/O thread --- */

bool seg_handoff_push(seg_handoff *handoff,
		      seg_fetched *fetched);              /* false: full, which the ledger prevents */
bool seg_handoff_has_batches(const seg_handoff *handoff); /* the worker has not taken all of them */
seg_fetched *seg_handoff_pop_free(seg_handoff *handoff);  /* or NULL */
void seg_handoff_demand(seg_handoff *handoff, seg_demand demand);
void seg_handoff_wake(seg_handoff *handoff); /* wakes the worker, for example when the lease was renewed */

/* Whether the newest request has no answer yet. If so, copies the request to *request. */
bool seg_handoff_pending(const seg_handoff *handoff, seg_request *request);
void seg_handoff_answer(seg_handoff *handoff, int status, int64_t value);

/* Whether the worker has given a batch back that nobody has taken. */
bool seg_handoff_has_free(const seg_handoff *handoff);

/* Adds the completions that the worker has handed over to the queue, in their order. Returns whether there were any. */
bool seg_handoff_take_completions(seg_handoff *handoff, seg_completions *queue);

/* Whether the worker has handed one over since. */
static inline bool seg_handoff_has_completions(const seg_handoff *handoff)
{
	return atomic_load_explicit(&handoff->worker.completions, memory_order_relaxed) != NULL;
}

/* Frees a completion that came from the worker. */
void seg_handoff_free_completion(seg_handoff *handoff, seg_completion *completion);

/* Takes the retry that the worker has told of. False: there is none. */
bool seg_handoff_take_retry(seg_handoff *handoff, seg_hindrance *retry);

/* --- worker --- */

/* Lets others see why the message fails. Does not wait: what the I/O thread has not taken yet stays instead. */
void seg_handoff_tell_retry(seg_handoff *handoff, const seg_hindrance *retry);

seg_fetched *seg_handoff_take(seg_handoff *handoff); /* or NULL */
void seg_handoff_give_back(seg_handoff *handoff, seg_fetched *fetched);
/* Hands the completion over. Comes before the seg_handoff_handled of its messages. Any of the partition's threads, one after the
 * other for a slot. */
void seg_handoff_complete(seg_handoff *handoff, seg_completion *completion);

/*
 * Whether at most `most` bytes of completions are with the I/O thread. If not, the worker is woken once some are freed: take a ticket,
 * ask, wait (seg_handoff_wait), and ask again. Any of the partition's threads.
 */
bool seg_handoff_has_room(seg_handoff *handoff, uint64_t most);
void seg_handoff_handled(seg_handoff *handoff, uint64_t total); /* messages of this ownership that are done */
void seg_handoff_stopped(seg_handoff *handoff); /* the worker must not touch the handoff after this */

/* seg_event_ticket and seg_event_wait for the handoff's event. */
uint32_t seg_handoff_ticket(const seg_handoff *handoff);
void seg_handoff_wait(seg_handoff *handoff, uint32_t ticket, int64_t until, seg_idle idle);

typedef enum seg_dispatch {
	SEG_DISPATCH_GO,
	SEG_DISPATCH_WAIT, /* the lease has expired: wait until it is renewed or the partition is lost */
	SEG_DISPATCH_DRAIN,
	SEG_DISPATCH_ABANDON,
} seg_dispatch;

/* Whether a handler may be called. Ask right before each call. */
seg_dispatch seg_handoff_may_dispatch(const seg_handoff *handoff);

/*
 * Sends a request to the I/O thread and returns its number. Only one request may be without an answer. The handoff copies
 * *request, but not its texts and its message: these must stay valid until the answer.
 */
unsigned seg_handoff_request(seg_handoff *handoff, const seg_request *request);

/*
 * Whether the newest request, which has the given number, has an answer. If so, sets *status and *value. The status is 0;
 * SEG_EFENCED if the partition was lost; SEG_ECLOSED if the worker must drain while Redis does not answer.
 */
bool seg_handoff_answered(const seg_handoff *handoff, unsigned number, int *status, int64_t *value);

/* Sends a request and waits for its answer, without a timeout: the I/O thread answers at the latest when the worker must stop. */
int seg_handoff_ask(seg_handoff *handoff, const seg_request *request, int64_t *value, seg_idle idle);

#endif
