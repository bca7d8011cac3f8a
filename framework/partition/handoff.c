#include "partition/handoff.h"

#include <string.h>

#include "base/clock.h"
#include "base/tsan.h"

/* --- both sides -------------------------------------------------------------- */

void seg_handoff_init(seg_handoff *handoff, seg_waker *waker, const atomic_llong *lease_until,
		      ck_ec32_t *event)
{
	memset(handoff, 0, sizeof(*handoff));
	ck_ring_init(&handoff->ready, SEG_HANDOFF_RING);
	ck_ring_init(&handoff->free, SEG_HANDOFF_RING);
	ck_ec32_init(&handoff->io.event, 0);
	handoff->waker = waker;
	handoff->lease_until = lease_until;
	handoff->event = event ? event : &handoff->io.event;
}

static seg_fetched *dequeue(ck_ring_t *ring, ck_ring_buffer_t *slots)
{
	void *fetched;
	if (!ck_ring_dequeue_spsc(ring, slots, &fetched))
		return NULL;
	SEG_TSAN_ACQUIRE(ring);
	return fetched;
}

/* --- I/O thread ---------------------------------------------------------------- */

bool seg_handoff_push(seg_handoff *handoff, seg_fetched *fetched)
{
	SEG_TSAN_RELEASE(&handoff->ready);
	if (!ck_ring_enqueue_spsc(&handoff->ready, handoff->ready_slots, fetched))
		return false;
	seg_event_signal(handoff->event);
	return true;
}

bool seg_handoff_has_batches(const seg_handoff *handoff)
{
	return ck_ring_size(&handoff->ready) > 0;
}

seg_fetched *seg_handoff_pop_free(seg_handoff *handoff)
{
	return dequeue(&handoff->free, handoff->free_slots);
}

void seg_handoff_wake(seg_handoff *handoff)
{
	seg_event_signal(handoff->event);
}

void seg_handoff_demand(seg_handoff *handoff, seg_demand demand)
{
	atomic_store_explicit(&handoff->io.demand, (int)demand, memory_order_release);
	seg_handoff_wake(handoff);
}

bool seg_handoff_pending(const seg_handoff *handoff, seg_request *request)
{
	unsigned requested = atomic_load_explicit(&handoff->worker.requested, memory_order_acquire);
	if (requested == atomic_load_explicit(&handoff->io.answered, memory_order_relaxed))
		return false;
	*request = handoff->worker.request;
	return true;
}

void seg_handoff_answer(seg_handoff *handoff, int status, int64_t value)
{
	handoff->io.answer = status;
	handoff->io.answer_value = value;
	atomic_fetch_add_explicit(&handoff->io.answered, 1, memory_order_release);
	seg_handoff_wake(handoff);
}

bool seg_handoff_has_free(const seg_handoff *handoff)
{
	return ck_ring_size(&handoff->free) > 0;
}

bool seg_handoff_take_completions(seg_handoff *handoff, seg_completions *queue)
{
	seg_completion *newest = NULL, *oldest = NULL;
	if (atomic_load_explicit(&handoff->worker.completions, memory_order_relaxed))
		newest = atomic_exchange_explicit(&handoff->worker.completions, NULL, memory_order_acquire);
	while (newest) {
		seg_completion *before = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = before;
	}
	bool any = oldest != NULL;
	while (oldest) {
		seg_completion *after = oldest->next;
		seg_completions_add(queue, oldest);
		oldest = after;
	}
	return any;
}

void seg_handoff_free_completion(seg_handoff *handoff, seg_completion *completion)
{
	if (!completion)
		return;
	atomic_fetch_add(&handoff->io.released, completion->bytes);
	seg_completion_destroy(completion);
	if (atomic_load(&handoff->worker.awaits_release) &&
	    atomic_exchange(&handoff->worker.awaits_release, false))
		seg_handoff_wake(handoff);
}

bool seg_handoff_take_retry(seg_handoff *handoff, seg_hindrance *retry)
{
	if (!atomic_load_explicit(&handoff->worker.retry_told, memory_order_acquire))
		return false;
	*retry = handoff->worker.retry;
	atomic_store_explicit(&handoff->worker.retry_told, false, memory_order_release);
	return true;
}

/* --- worker ---------------------------------------------------------------------- */

void seg_handoff_tell_retry(seg_handoff *handoff, const seg_hindrance *retry)
{
	if (atomic_load_explicit(&handoff->worker.retry_told, memory_order_acquire))
		return;
	handoff->worker.retry = *retry;
	atomic_store_explicit(&handoff->worker.retry_told, true, memory_order_release);
	seg_waker_kick(handoff->waker);
}

seg_fetched *seg_handoff_take(seg_handoff *handoff)
{
	return dequeue(&handoff->ready, handoff->ready_slots);
}

void seg_handoff_give_back(seg_handoff *handoff, seg_fetched *fetched)
{
	SEG_TSAN_RELEASE(&handoff->free);
	/* Never full: the ring is larger than the number of batches. */
	ck_ring_enqueue_spsc(&handoff->free, handoff->free_slots, fetched);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&handoff->io.starved, memory_order_relaxed))
		seg_waker_kick(handoff->waker);
}

void seg_handoff_complete(seg_handoff *handoff, seg_completion *completion)
{
	bool has_outputs = completion->emission_count > 0, lanes = completion->done_count > 0;
	atomic_fetch_add_explicit(&handoff->worker.completed, completion->bytes, memory_order_relaxed);
	completion->unadded = completion->emission_count;
	completion->next = atomic_load_explicit(&handoff->worker.completions, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&handoff->worker.completions, &completion->next,
						      completion, memory_order_release, memory_order_relaxed))
		;
	/* Outputs are sent at once. With lanes, messages that are done make room to read more, whether a batch comes back or not. */
	if (!has_outputs && !lanes)
		return;
	atomic_thread_fence(memory_order_seq_cst);
	if (has_outputs || atomic_load_explicit(&handoff->io.starved, memory_order_relaxed))
		seg_waker_kick(handoff->waker);
}

static uint64_t incomplete(const seg_handoff *handoff)
{
	return atomic_load(&handoff->worker.completed) - atomic_load(&handoff->io.released);
}

bool seg_handoff_has_room(seg_handoff *handoff, uint64_t most)
{
	if (incomplete(handoff) <= most)
		return true;
	/* First the flag, then another look: the thread that frees a completion counts it first, and then looks at the flag. */
	atomic_store(&handoff->worker.awaits_release, true);
	return incomplete(handoff) <= most;
}

void seg_handoff_handled(seg_handoff *handoff, uint64_t total)
{
	atomic_store_explicit(&handoff->worker.handled, total, memory_order_release);
}

void seg_handoff_stopped(seg_handoff *handoff)
{
	/* The I/O thread may reuse the handoff as soon as it sees the flag. */
	seg_waker *waker = handoff->waker;
	atomic_store_explicit(&handoff->worker.stopped, true, memory_order_release);
	seg_waker_kick(waker);
}

uint32_t seg_handoff_ticket(const seg_handoff *handoff)
{
	return seg_event_ticket(handoff->event);
}

void seg_handoff_wait(seg_handoff *handoff, uint32_t ticket, int64_t until, seg_idle idle)
{
	seg_event_wait(handoff->event, ticket, until, idle);
}

seg_dispatch seg_handoff_may_dispatch(const seg_handoff *handoff)
{
	switch ((seg_demand)atomic_load_explicit(&handoff->io.demand, memory_order_acquire)) {
	case SEG_DEMAND_DRAIN:
		return SEG_DISPATCH_DRAIN;
	case SEG_DEMAND_ABANDON:
		return SEG_DISPATCH_ABANDON;
	case SEG_DEMAND_RUN:
		break;
	}
	int64_t until = atomic_load_explicit(handoff->lease_until, memory_order_acquire);
	return seg_now() < until ? SEG_DISPATCH_GO : SEG_DISPATCH_WAIT;
}

unsigned seg_handoff_request(seg_handoff *handoff, const seg_request *request)
{
	handoff->worker.request = *request;
	unsigned number = 1 + atomic_fetch_add_explicit(&handoff->worker.requested, 1, memory_order_release);
	seg_waker_kick(handoff->waker);
	return number;
}

bool seg_handoff_answered(const seg_handoff *handoff, unsigned number, int *status, int64_t *value)
{
	if (atomic_load_explicit(&handoff->io.answered, memory_order_acquire) != number)
		return false;
	*status = handoff->io.answer;
	*value = handoff->io.answer_value;
	return true;
}

int seg_handoff_ask(seg_handoff *handoff, const seg_request *request, int64_t *value, seg_idle idle)
{
	unsigned number = seg_handoff_request(handoff, request);
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		int status;
		int64_t answer;
		if (seg_handoff_answered(handoff, number, &status, &answer)) {
			if (value)
				*value = answer;
			return status;
		}
		seg_handoff_wait(handoff, ticket, SEG_NEVER, idle);
	}
}
