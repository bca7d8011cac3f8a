/*
 * handoff.h - between the I/O thread, which fetches and commits, and the one worker of a partition.
 *
 *      I/O thread                                     worker
 *      ----------   ready ring: fetched batches  ->   take
 *                   free ring: empty batches     <-   give_back
 *                   handled: how many are done   <-   handled
 *                   demand: run, drain, abandon  ->   may_dispatch
 *                   one request and its answer   <->  request
 *
 * Both rings have one producer and one consumer. The worker sleeps on an event count; the I/O thread in poll(2), and is
 * woken through its waker. A field is written by the side whose struct it stands in, and what follows a store with release
 * order is seen by whoever loads it with acquire order.
 */
#ifndef SEG_PARTITION_HANDOFF_H
#define SEG_PARTITION_HANDOFF_H

#include <ck_ec.h>
#include <ck_ring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "partition/fetched.h"

/* The most batches one partition has in flight; a ring holds one less than its size. */
#define SEG_HANDOFF_BATCHES 64
#define SEG_HANDOFF_RING 128

/* What the I/O thread wants of the worker. */
typedef enum seg_demand {
	SEG_DEMAND_RUN,
	SEG_DEMAND_DRAIN,   /* finish the batch in hand, and stop */
	SEG_DEMAND_ABANDON, /* stop: somebody else may own the partition */
} seg_demand;

/* What the worker asks the I/O thread to do in Redis, while it waits. */
typedef enum seg_request_kind {
	SEG_REQUEST_NONE = 0,
	SEG_REQUEST_DEAD_LETTER,
	SEG_REQUEST_MARK, /* note that this message is about to be handed over alone */
} seg_request_kind;

typedef struct seg_request {
	seg_request_kind kind;
	seg_id id;
	uint64_t sequence; /* of the message */
	uint32_t attempts;
	const char *reason;
	const char *handler;
	const seg_message *packed; /* the message, where it lies with others in an entry; else NULL */
} seg_request;

typedef struct seg_handoff {
	ck_ring_t ready; /* I/O -> worker */
	ck_ring_t free;  /* worker -> I/O */
	ck_ring_buffer_t ready_slots[SEG_HANDOFF_RING];
	ck_ring_buffer_t free_slots[SEG_HANDOFF_RING];

	_Alignas(64) struct {
		ck_ec32_t event;         /* counts up with whatever the worker may wait for */
		atomic_int demand;       /* a seg_demand */
		atomic_bool starved;     /* no free batch: kick when one comes back */
		atomic_ullong committed; /* messages of this ownership whose commit was answered */
		atomic_uint answered;    /* number of the newest request that was answered */
		int answer;              /* its status, 0 or SEG_E...; stored before answered */
		int64_t answer_value;    /* and what it brought */
	} io;

	_Alignas(64) struct {
		atomic_ullong handled; /* messages of this ownership that are done */
		atomic_uint requested; /* number of the newest request */
		seg_request request;   /* stored before requested */
		atomic_bool stopped;   /* the last thing it says */
	} worker;

	/* Set before the worker starts, constant then. */
	_Alignas(64) seg_waker *waker;
	const atomic_llong
		*lease_until; /* seg_now() from which nothing may be dispatched; the I/O thread's */
	ck_ec32_t *event;     /* what a push counts up: io.event, or one shared by several partitions */
} seg_handoff;

/* lease_until and waker outlive the handoff; event NULL: pushes count up the handoff's own. No worker runs. */
void seg_handoff_init(seg_handoff *handoff, seg_waker *waker, const atomic_llong *lease_until,
		      ck_ec32_t *event);

/* --- I/O thread --- */

bool seg_handoff_push(seg_handoff *handoff,
		      seg_fetched *fetched);             /* false: full, which the ledger prevents */
seg_fetched *seg_handoff_pop_free(seg_handoff *handoff); /* or NULL */
void seg_handoff_demand(seg_handoff *handoff, seg_demand demand);
void seg_handoff_wake(seg_handoff *handoff); /* the lease was renewed, say */

/* Whether a request is not answered yet; then *request is a copy. */
bool seg_handoff_pending(const seg_handoff *handoff, seg_request *request);
void seg_handoff_answer(seg_handoff *handoff, int status, int64_t value);

/* --- worker --- */

seg_fetched *seg_handoff_take(seg_handoff *handoff); /* or NULL */
void seg_handoff_give_back(seg_handoff *handoff, seg_fetched *fetched);
void seg_handoff_handled(seg_handoff *handoff, uint64_t total); /* messages of this ownership that are done */
void seg_handoff_stopped(seg_handoff *handoff); /* the worker touches nothing of it after this */

/* As seg_event_ticket and seg_event_wait, on the handoff's event. */
uint32_t seg_handoff_ticket(const seg_handoff *handoff);
void seg_handoff_wait(seg_handoff *handoff, uint32_t ticket, int64_t until, seg_idle idle);

typedef enum seg_dispatch {
	SEG_DISPATCH_GO,
	SEG_DISPATCH_WAIT, /* the lease has run out: wait until it is renewed, or lost */
	SEG_DISPATCH_DRAIN,
	SEG_DISPATCH_ABANDON,
} seg_dispatch;

/* Asked right before each call of a handler. */
seg_dispatch seg_handoff_may_dispatch(const seg_handoff *handoff);

/*
 * Asks the I/O thread for something, one request at a time, and returns the request's number. `request` is copied; its texts
 * and its message must live until the answer.
 */
unsigned seg_handoff_request(seg_handoff *handoff, const seg_request *request);

/*
 * Whether request `number`, the newest, was answered: then its *status and *value. The status is 0; SEG_EFENCED if the
 * partition was lost; SEG_ECLOSED if a drain was demanded while Redis did not answer.
 */
bool seg_handoff_answered(const seg_handoff *handoff, unsigned number, int *status, int64_t *value);

/* Both in one: waits for the answer without an end of its own. For a worker, which the I/O thread answers at its stop. */
int seg_handoff_ask(seg_handoff *handoff, const seg_request *request, int64_t *value, seg_idle idle);

#endif
