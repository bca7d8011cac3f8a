#include "consumer/consumer.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"

/* Between two looks of a poll without an event: a renewed lease does not count the event up. */
#define LOOK_PAUSE (100 * SEG_MS)

/* Between two looks of a sync without an event: not every ownership that ends counts the event up. */
#define SYNC_PAUSE (20 * SEG_MS)

/* Its thread and connections are another process's, and its lock may be held for ever. */
static bool is_parents(const seg_consumer *c)
{
	return seg_fork_is_parents(c->stream->client->forks);
}

/* --- polling -------------------------------------------------------------------------- */

static seg_polled *polled_of(const seg_batch *batch)
{
	return (seg_polled *)(uintptr_t)batch;
}

/* The slot from which the batch was polled; NULL if that ownership is over. Under the lock. */
static seg_slot *slot_of(seg_consumer *c, const seg_polled *polled)
{
	uint32_t number = polled->view.partition;
	return number < c->slot_count && seg_slot_has(&c->slots[number], polled) ? &c->slots[number] : NULL;
}

/* Takes the next messages; each partition gets its turn. NULL: there are none. Under the lock. */
static seg_polled *take_next(seg_consumer *c)
{
	for (uint32_t i = 0; i < c->slot_count; i++) {
		seg_slot *slot = &c->slots[(c->cursor + i) % c->slot_count];
		seg_slot_collect(slot);
		seg_polled *polled = seg_slot_take(slot);
		if (!polled)
			continue;
		c->cursor = (c->cursor + i + 1) % c->slot_count;
		return polled;
	}
	return NULL;
}

/* Asks for a dead letter of an unreadable message. Does not wait: others may be polled meanwhile. Under the lock. */
static int give_up_unreadable(seg_consumer *c, seg_slot *slot)
{
	const char *reason = seg_fault_text(slot->current->faults[slot->done]);
	int status = seg_slot_ask(slot, slot->done, 0, reason, c->member->name);
	seg_slot_put_back(slot);
	return status;
}

typedef enum { NOTHING, LOOK_AGAIN, FOUND } find_result;

/* Takes the next messages and decodes them. FOUND: *batch belongs to the caller. LOOK_AGAIN: other messages may be ready. */
static find_result find(seg_consumer *c, const seg_batch **batch)
{
	pthread_mutex_lock(&c->lock);
	seg_polled *polled = take_next(c);
	pthread_mutex_unlock(&c->lock);
	if (!polled)
		return NOTHING;
	bool decoded = seg_fetched_decode(polled->fetched, c->codec);
	find_result result = LOOK_AGAIN;
	pthread_mutex_lock(&c->lock);
	seg_slot *slot = slot_of(c, polled);
	if (!slot) {
		seg_polled_destroy(polled);
	} else if (!decoded) {
		seg_slot_put_back(slot);
		result = NOTHING; /* out of memory: a later look tries again */
	} else if (seg_slot_make_view(slot, seg_now())) {
		*batch = &polled->view;
		result = FOUND;
	} else if (give_up_unreadable(c, slot)) {
		result = NOTHING;
	}
	pthread_mutex_unlock(&c->lock);
	return result;
}

static int failure(seg_consumer *c, seg_error *error)
{
	pthread_mutex_lock(&c->lock);
	int status = c->failed ? c->failure.status : 0;
	if (status && error)
		*error = c->failure;
	pthread_mutex_unlock(&c->lock);
	return status;
}

static void wait_until(seg_consumer *c, uint32_t ticket, int64_t look, int64_t deadline)
{
	seg_event_wait(&c->event, ticket, look < deadline ? look : deadline, SEG_IDLE_PARK);
}

int seg_consumer_poll(seg_consumer *c, uint32_t timeout_ms, const seg_batch **batch, seg_error *error)
{
	if (is_parents(c))
		return seg_fork_fail("consumer", error);
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	uint32_t looks = 0;
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		find_result result = find(c, batch);
		if (result == FOUND)
			return 1;
		/* Another partition may have messages. One look for each is enough, also after the deadline. */
		if (result == LOOK_AGAIN && ++looks <= c->slot_count)
			continue;
		int status = failure(c, error);
		if (status)
			return status;
		int64_t now = seg_now();
		if (now >= deadline)
			return 0;
		if (result == NOTHING)
			wait_until(c, ticket, now + LOOK_PAUSE, deadline);
	}
}

/* --- calls about a batch ------------------------------------------------------------------ */

int seg_consumer_commit(seg_consumer *c, const seg_batch *batch, size_t count, seg_error *error)
{
	seg_polled *polled = polled_of(batch);
	int status = 0;
	if (is_parents(c))
		return seg_fork_fail("consumer", error);
	if (count > batch->count)
		return seg_fail(error, SEG_EINVAL, "the batch has %zu messages, not %zu", batch->count,
				count);
	pthread_mutex_lock(&c->lock);
	seg_slot *slot = slot_of(c, polled);
	size_t first = (size_t)(batch->messages - polled->fetched->messages);
	if (!slot || seg_handoff_may_dispatch(&slot->partition->handoff) == SEG_DISPATCH_ABANDON)
		status = seg_fail(error, SEG_EFENCED,
				  "this consumer no longer owns partition %" PRIu32
				  "; the next owner handles the batch again",
				  batch->partition);
	else if (first + count < slot->done)
		status = seg_fail(error, SEG_EINVAL, "%zu messages of the batch are committed already",
				  slot->done - first);
	else
		seg_slot_progress(slot, first + count);
	pthread_mutex_unlock(&c->lock);
	return status;
}

void seg_consumer_release(seg_consumer *c, const seg_batch *batch)
{
	seg_polled *polled = polled_of(batch);
	if (is_parents(c))
		return;
	pthread_mutex_lock(&c->lock);
	seg_slot *slot = slot_of(c, polled);
	if (slot)
		seg_slot_let_go(slot);
	else
		seg_polled_destroy(polled);
	pthread_mutex_unlock(&c->lock);
}

static int not_ours(const seg_batch *batch, seg_error *error)
{
	return seg_fail(error, SEG_EFENCED, "this consumer no longer owns partition %" PRIu32,
			batch->partition);
}

/* Asks for the dead letter, unless an earlier call asked for it and did not wait for the answer. */
static int ask_for_letter(seg_consumer *c, const seg_batch *batch, size_t index, const char *reason,
			  seg_error *error)
{
	seg_polled *polled = polled_of(batch);
	seg_slot *slot = slot_of(c, polled);
	size_t at = (size_t)(batch->messages - polled->fetched->messages) + index;
	if (slot)
		seg_slot_collect(slot);
	if ((polled->asking || polled->lettered) && polled->index == at)
		return 0;
	if (!slot)
		return not_ours(batch, error);
	if (polled->asking)
		return seg_fail(
			error, SEG_EINVAL,
			"the dead letter of message %zu of the batch has no answer yet; wait for it first",
			polled->index - (at - index));
	if (at < slot->done)
		return seg_fail(error, SEG_EINVAL, "message %zu of the batch is committed already", index);
	if (seg_slot_ask(slot, at, slot->attempt, reason, c->member->name))
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	return 0;
}

/* Whether the request has its answer, which is in polled->status. */
static bool letter_is_answered(seg_consumer *c, seg_polled *polled)
{
	pthread_mutex_lock(&c->lock);
	seg_slot *slot = slot_of(c, polled);
	if (slot)
		seg_slot_collect(slot);
	bool answered = !polled->asking;
	pthread_mutex_unlock(&c->lock);
	return answered;
}

int seg_consumer_dead_letter(seg_consumer *c, const seg_batch *batch, size_t index, const char *reason,
			     seg_error *error)
{
	int64_t timeout = c->stream->client->timeout, deadline = seg_now() + timeout;
	seg_polled *polled = polled_of(batch);
	if (is_parents(c))
		return seg_fork_fail("consumer", error);
	if (index >= batch->count || !reason)
		return seg_fail(error, SEG_EINVAL, "the batch has %zu messages, and a reason must be given",
				batch->count);
	pthread_mutex_lock(&c->lock);
	int status = ask_for_letter(c, batch, index, reason, error);
	pthread_mutex_unlock(&c->lock);
	if (status)
		return status;
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		if (letter_is_answered(c, polled))
			break;
		int64_t now = seg_now();
		if (now >= deadline)
			return seg_fail(
				error, SEG_ETIMEOUT,
				"Redis did not answer within %" PRId64
				" ms, or had no room within dead_letter_limit; the message may still be "
				"dead-lettered: call again to keep waiting",
				timeout / SEG_MS);
		wait_until(c, ticket, now + LOOK_PAUSE, deadline);
	}
	if (polled->status == SEG_EFENCED)
		return not_ours(batch, error);
	if (polled->status)
		return seg_fail(
			error, polled->status,
			"the consumer is stopping while Redis does not answer or has no room; nothing was dead-lettered");
	return 0;
}

/* --- waiting and closing ------------------------------------------------------------------ */

static bool is_committed(const seg_slot *slot)
{
	const seg_handoff *handoff;
	switch (slot->state) {
	case SEG_SLOT_CLOSED:
		return true;
	case SEG_SLOT_SETTLING:
		return false;
	case SEG_SLOT_IDLE:
	case SEG_SLOT_HELD:
		break;
	}
	handoff = &slot->partition->handoff;
	return atomic_load_explicit(&handoff->io.committed, memory_order_acquire) >=
	       atomic_load_explicit(&handoff->worker.handled, memory_order_relaxed);
}

static bool all_committed(seg_consumer *c)
{
	bool all = true;
	pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < c->slot_count && all; i++)
		all = is_committed(&c->slots[i]);
	pthread_mutex_unlock(&c->lock);
	return all;
}

int seg_consumer_sync(seg_consumer *c, uint32_t timeout_ms, seg_error *error)
{
	if (is_parents(c))
		return seg_fork_fail("consumer", error);
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		if (all_committed(c))
			return 0;
		int64_t now = seg_now();
		if (now >= deadline)
			return seg_fail(error, SEG_ETIMEOUT,
					"Redis did not confirm all commits within %" PRIu32 " ms",
					timeout_ms);
		wait_until(c, ticket, now + SYNC_PAUSE, deadline);
	}
}
