#include "consumer/slot.h"

#include <stdlib.h>
#include <string.h>

static bool is_open(const seg_slot *slot)
{
	return slot->state == SEG_SLOT_IDLE || slot->state == SEG_SLOT_HELD;
}

int seg_slot_open(seg_slot *slot, seg_partition *partition, uint64_t pending)
{
	seg_polled *polled = calloc(1, sizeof(*polled));
	if (!polled)
		return SEG_ENOMEM;
	*slot = (seg_slot){.state = SEG_SLOT_IDLE,
			   .pending = pending,
			   .partition = partition,
			   .polled = polled};
	return 0;
}

void seg_polled_destroy(seg_polled *polled)
{
	if (polled->fetched)
		seg_fetched_release(polled->fetched);
	seg_emitted_drop(&polled->emitted, UINT64_MAX);
	free(polled->reason);
	free(polled);
}

/* The I/O thread may reuse the handoff after this. */
static void stop(seg_slot *slot)
{
	/* A caller that holds the batch frees it with its release, but no caller comes during a close. */
	if (slot->state == SEG_SLOT_IDLE || slot->closing)
		seg_polled_destroy(slot->polled);
	slot->polled = NULL;
	slot->current = NULL;
	slot->state = SEG_SLOT_SETTLING;
	seg_handoff_stopped(&slot->partition->handoff);
}

static void stop_if_due(seg_slot *slot)
{
	if (!is_open(slot) || slot->polled->asking)
		return;
	if (slot->wish == SEG_SLOT_END || (slot->wish == SEG_SLOT_DRAIN && slot->state == SEG_SLOT_IDLE))
		stop(slot);
}

void seg_slot_end(seg_slot *slot, seg_slot_wish wish)
{
	if (wish > slot->wish)
		slot->wish = wish;
	seg_slot_collect(slot);
	stop_if_due(slot);
}

/* --- taking and giving back ------------------------------------------------------- */

seg_polled *seg_slot_take(seg_slot *slot)
{
	if (slot->state != SEG_SLOT_IDLE || slot->wish != SEG_SLOT_KEEP || slot->polled->asking)
		return NULL;
	seg_handoff *handoff = &slot->partition->handoff;
	if (seg_handoff_may_dispatch(handoff) != SEG_DISPATCH_GO)
		return NULL;
	if (slot->pending && !seg_handoff_has_room(handoff, slot->pending))
		return NULL;
	if (!slot->current)
		slot->current = seg_handoff_take(handoff);
	if (!slot->current)
		return NULL;
	seg_fetched_retain(slot->current);
	slot->polled->fetched = slot->current;
	slot->polled->lettered = false;
	slot->polled->view = slot->current->batch;
	slot->state = SEG_SLOT_HELD;
	slot->held_since = 0;
	return slot->polled;
}

bool seg_slot_has(const seg_slot *slot, const seg_polled *polled)
{
	return slot->state == SEG_SLOT_HELD && slot->polled == polled;
}

bool seg_slot_make_view(seg_slot *slot, int64_t now)
{
	const seg_fetched *fetched = slot->current;
	seg_batch *view = &slot->polled->view;
	if (fetched->faults[slot->done] != SEG_FAULT_NONE)
		return false;
	*view = fetched->batch;
	view->messages += slot->done;
	view->count = seg_fetched_run_end(fetched, slot->done) - slot->done;
	view->attempt = ++slot->attempt;
	slot->held_since = now;
	return true;
}

static void give_back_if_done(seg_slot *slot)
{
	if (slot->state != SEG_SLOT_IDLE || !slot->current || slot->done < slot->current->batch.count)
		return;
	/* The request points into the batch. */
	if (slot->polled->asking)
		return;
	seg_handoff_give_back(&slot->partition->handoff, slot->current);
	slot->current = NULL;
	slot->done = 0;
	slot->attempt = 0;
}

void seg_slot_put_back(seg_slot *slot)
{
	seg_fetched_release(slot->polled->fetched);
	slot->polled->fetched = NULL;
	seg_emitted_drop(&slot->polled->emitted, UINT64_MAX);
	slot->state = SEG_SLOT_IDLE;
	give_back_if_done(slot);
	stop_if_due(slot);
}

void seg_slot_let_go(seg_slot *slot)
{
	seg_handoff *handoff = &slot->partition->handoff;
	/* Another poller may wait for the rest of the batch, or for the next one. */
	seg_handoff_wake(handoff);
	seg_slot_put_back(slot);
}

static bool cut(seg_slot *slot, size_t done)
{
	const seg_fetched *fetched = slot->current;
	/* Nothing is emitted for messages after the last one. */
	return done == fetched->batch.count ||
	       seg_emitted_cut(&slot->polled->emitted, fetched->sequence + done, fetched->messages[done].id);
}

bool seg_slot_hand_over(seg_slot *slot, size_t done)
{
	seg_emitted *emitted = &slot->polled->emitted;
	uint64_t sequence = slot->current->sequence;
	/* What is left of messages that are done was a dead letter's. */
	seg_emitted_drop(emitted, sequence + slot->done);
	if (!cut(slot, done))
		return false;
	seg_emitted_hand_over(emitted, sequence + done, &slot->partition->handoff);
	return true;
}

void seg_slot_progress(seg_slot *slot, size_t done)
{
	if (done <= slot->done)
		return;
	slot->done = done;
	slot->attempt = 0;
	seg_handoff_handled(&slot->partition->handoff, slot->current->sequence + done);
}

bool seg_slot_is_confirmed(const seg_slot *slot)
{
	const seg_handoff *handoff = &slot->partition->handoff;
	return atomic_load_explicit(&handoff->io.committed, memory_order_acquire) >=
	       atomic_load_explicit(&handoff->worker.handled, memory_order_relaxed);
}

/* --- dead letters --------------------------------------------------------------------- */

int seg_slot_ask(seg_slot *slot, size_t index, uint32_t attempts, const char *reason, const char *handler)
{
	seg_polled *polled = slot->polled;
	const seg_fetched *fetched = slot->current;
	char *copy = strdup(reason);
	if (!copy || !seg_slot_hand_over(slot, index) || !cut(slot, index + 1)) {
		free(copy);
		return SEG_ENOMEM;
	}
	seg_slot_progress(slot, index);
	free(polled->reason);
	polled->reason = copy;
	polled->asking = true;
	polled->lettered = false;
	polled->index = index;
	seg_request request = {
		.kind = SEG_REQUEST_DEAD_LETTER,
		.id = fetched->messages[index].id,
		.sequence = fetched->sequence + index,
		.attempts = attempts,
		.reason = polled->reason,
		.handler = handler,
		.packed = seg_fetched_packed(fetched, index),
	};
	polled->number = seg_handoff_request(&slot->partition->handoff, &request);
	return 0;
}

void seg_slot_collect(seg_slot *slot)
{
	int64_t value;
	if (!is_open(slot) || !slot->polled->asking)
		return;
	seg_polled *polled = slot->polled;
	if (!seg_handoff_answered(&slot->partition->handoff, polled->number, &polled->status, &value))
		return;
	polled->asking = false;
	polled->lettered = polled->status == 0;
	if (polled->lettered)
		seg_slot_progress(slot, polled->index + 1);
	give_back_if_done(slot);
	stop_if_due(slot);
}
