#include "consumer/holding.h"

#include <stdlib.h>
#include <string.h>

static bool is_open(const seg_holding *holding)
{
	return holding->state == SEG_HOLDING_IDLE || holding->state == SEG_HOLDING_HELD;
}

int seg_holding_open(seg_holding *holding, seg_partition *partition, uint64_t pending)
{
	seg_polled *polled = calloc(1, sizeof(*polled));
	if (!polled)
		return SEG_ENOMEM;
	*holding = (seg_holding){.state = SEG_HOLDING_IDLE,
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
static void stop(seg_holding *holding)
{
	/* A caller that holds the batch frees it with its release, but no caller comes during a close. */
	if (holding->state == SEG_HOLDING_IDLE || holding->closing)
		seg_polled_destroy(holding->polled);
	holding->polled = NULL;
	holding->current = NULL;
	holding->state = SEG_HOLDING_SETTLING;
	seg_handoff_stopped(&holding->partition->handoff);
}

static void stop_if_due(seg_holding *holding)
{
	if (!is_open(holding) || holding->polled->asking)
		return;
	if (holding->wish == SEG_HOLDING_END ||
	    (holding->wish == SEG_HOLDING_DRAIN && holding->state == SEG_HOLDING_IDLE))
		stop(holding);
}

void seg_holding_end(seg_holding *holding, seg_holding_wish wish)
{
	if (wish > holding->wish)
		holding->wish = wish;
	seg_holding_collect(holding);
	stop_if_due(holding);
}

/* --- taking and giving back ------------------------------------------------------- */

seg_polled *seg_holding_take(seg_holding *holding)
{
	if (holding->state != SEG_HOLDING_IDLE || holding->wish != SEG_HOLDING_KEEP ||
	    holding->polled->asking)
		return NULL;
	seg_handoff *handoff = &holding->partition->handoff;
	if (seg_handoff_may_dispatch(handoff) != SEG_DISPATCH_GO)
		return NULL;
	if (holding->pending && !seg_handoff_has_room(handoff, holding->pending))
		return NULL;
	if (!holding->current)
		holding->current = seg_handoff_take(handoff);
	if (!holding->current)
		return NULL;
	seg_fetched_retain(holding->current);
	holding->polled->fetched = holding->current;
	holding->polled->lettered = false;
	holding->polled->view = holding->current->batch;
	holding->state = SEG_HOLDING_HELD;
	holding->held_since = 0;
	return holding->polled;
}

bool seg_holding_has(const seg_holding *holding, const seg_polled *polled)
{
	return holding->state == SEG_HOLDING_HELD && holding->polled == polled;
}

bool seg_holding_make_view(seg_holding *holding, int64_t now)
{
	const seg_fetched *fetched = holding->current;
	seg_batch *view = &holding->polled->view;
	if (fetched->faults[holding->done] != SEG_FAULT_NONE)
		return false;
	*view = fetched->batch;
	view->messages += holding->done;
	view->count = seg_fetched_run_end(fetched, holding->done) - holding->done;
	view->attempt = ++holding->attempt;
	holding->held_since = now;
	return true;
}

static void give_back_if_done(seg_holding *holding)
{
	if (holding->state != SEG_HOLDING_IDLE || !holding->current ||
	    holding->done < holding->current->batch.count)
		return;
	/* The request points into the batch. */
	if (holding->polled->asking)
		return;
	seg_handoff_give_back(&holding->partition->handoff, holding->current);
	holding->current = NULL;
	holding->done = 0;
	holding->attempt = 0;
}

void seg_holding_put_back(seg_holding *holding)
{
	seg_fetched_release(holding->polled->fetched);
	holding->polled->fetched = NULL;
	seg_emitted_drop(&holding->polled->emitted, UINT64_MAX);
	holding->state = SEG_HOLDING_IDLE;
	give_back_if_done(holding);
	stop_if_due(holding);
}

void seg_holding_let_go(seg_holding *holding)
{
	seg_handoff *handoff = &holding->partition->handoff;
	/* Another poller may wait for the rest of the batch, or for the next one. */
	seg_handoff_wake(handoff);
	seg_holding_put_back(holding);
}

static bool cut(seg_holding *holding, size_t done)
{
	const seg_fetched *fetched = holding->current;
	/* Nothing is emitted for messages after the last one. */
	return done == fetched->batch.count ||
	       seg_emitted_cut(&holding->polled->emitted, fetched->sequence + done,
			       fetched->messages[done].id);
}

bool seg_holding_hand_over(seg_holding *holding, size_t done)
{
	seg_emitted *emitted = &holding->polled->emitted;
	uint64_t sequence = holding->current->sequence;
	/* What is left of messages that are done was a dead letter's. */
	seg_emitted_drop(emitted, sequence + holding->done);
	if (!cut(holding, done))
		return false;
	seg_emitted_hand_over(emitted, sequence + done, &holding->partition->handoff);
	return true;
}

void seg_holding_progress(seg_holding *holding, size_t done)
{
	if (done <= holding->done)
		return;
	holding->done = done;
	holding->attempt = 0;
	seg_handoff_handled(&holding->partition->handoff, holding->current->sequence + done);
}

bool seg_holding_is_confirmed(const seg_holding *holding)
{
	const seg_handoff *handoff = &holding->partition->handoff;
	return atomic_load_explicit(&handoff->io.committed, memory_order_acquire) >=
	       atomic_load_explicit(&handoff->worker.handled, memory_order_relaxed);
}

/* --- dead letters --------------------------------------------------------------------- */

int seg_holding_ask(seg_holding *holding, size_t index, uint32_t attempts, const char *reason,
		    const char *handler)
{
	seg_polled *polled = holding->polled;
	const seg_fetched *fetched = holding->current;
	char *copy = strdup(reason);
	if (!copy || !seg_holding_hand_over(holding, index) || !cut(holding, index + 1)) {
		free(copy);
		return SEG_ENOMEM;
	}
	seg_holding_progress(holding, index);
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
	polled->number = seg_handoff_request(&holding->partition->handoff, &request);
	return 0;
}

void seg_holding_collect(seg_holding *holding)
{
	int64_t value;
	if (!is_open(holding) || !holding->polled->asking)
		return;
	seg_polled *polled = holding->polled;
	if (!seg_handoff_answered(&holding->partition->handoff, polled->number, &polled->status, &value))
		return;
	polled->asking = false;
	polled->lettered = polled->status == 0;
	if (polled->lettered)
		seg_holding_progress(holding, polled->index + 1);
	give_back_if_done(holding);
	stop_if_due(holding);
}
