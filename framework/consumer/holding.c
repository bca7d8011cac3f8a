#include "consumer/holding.h"

#include <stdlib.h>
#include <string.h>

static bool is_open(const seg_holding *holding)
{
	return holding->state == SEG_HOLDING_IDLE || holding->state == SEG_HOLDING_HELD;
}

int seg_holding_open(seg_holding *holding, seg_partition *partition, uint64_t pending)
{
	bool lanes = seg_ledger_has_lanes(&partition->ledger);
	*holding = (seg_holding){.state = SEG_HOLDING_IDLE, .pending = pending, .partition = partition};
	if (lanes)
		holding->lanes = seg_lanes_create(partition, pending);
	else
		holding->polled = calloc(1, sizeof(*holding->polled));
	if (holding->lanes || holding->polled)
		return 0;
	holding->state = SEG_HOLDING_CLOSED;
	return SEG_ENOMEM;
}

void seg_polled_destroy(seg_polled *polled)
{
	if (polled->lanes) {
		seg_lanes_let_go(polled);
		return;
	}
	if (polled->fetched)
		seg_fetched_release(polled->fetched);
	seg_emitted_drop(&polled->emitted, UINT64_MAX);
	free(polled->reason);
	free(polled);
}

/* The I/O thread may reuse the handoff after this. */
static void stop(seg_holding *holding)
{
	if (holding->lanes)
		seg_lanes_end(holding->lanes, holding->closing);
	/* A caller that holds the batch frees it with its release, but no caller comes during a close. */
	else if (holding->state == SEG_HOLDING_IDLE || holding->closing)
		seg_polled_destroy(holding->polled);
	holding->lanes = NULL;
	holding->polled = NULL;
	holding->current = NULL;
	holding->state = SEG_HOLDING_SETTLING;
	seg_handoff_stopped(&holding->partition->handoff);
}

static bool is_asking(const seg_holding *holding)
{
	return holding->lanes ? seg_lanes_are_asking(holding->lanes) : holding->polled->asking;
}

static bool is_held(const seg_holding *holding)
{
	return holding->lanes ? seg_lanes_are_held(holding->lanes) : holding->state == SEG_HOLDING_HELD;
}

static void stop_if_due(seg_holding *holding)
{
	if (!is_open(holding) || is_asking(holding))
		return;
	if (holding->wish == SEG_HOLDING_END || (holding->wish == SEG_HOLDING_DRAIN && !is_held(holding)))
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
	if (polled->lanes)
		return holding->lanes == polled->lanes;
	return holding->state == SEG_HOLDING_HELD && holding->polled == polled;
}

static void progress(seg_holding *holding, size_t done);

bool seg_holding_skip(seg_holding *holding)
{
	const seg_fetched *fetched = holding->current;
	const seg_beyond *done = &holding->partition->resume.beyond;
	size_t count = fetched->batch.count;
	while (holding->done < count && seg_fetched_is_done(fetched, holding->done, done))
		progress(holding, holding->done + 1);
	return holding->done < count;
}

bool seg_holding_make_view(seg_holding *holding, int64_t now)
{
	const seg_fetched *fetched = holding->current;
	seg_batch *view = &holding->polled->view;
	if (fetched->room.faults[holding->done] != SEG_FAULT_NONE)
		return false;
	*view = fetched->batch;
	view->messages += holding->done;
	view->count = seg_fetched_run_end(fetched, holding->done, &holding->partition->resume.beyond) -
		      holding->done;
	view->attempt = ++holding->attempt;
	holding->held_since = now;
	return true;
}

static void give_back_if_done(seg_holding *holding)
{
	if (holding->state != SEG_HOLDING_IDLE || !holding->current ||
	    holding->done < holding->current->batch.count)
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

int64_t seg_holding_held_since(const seg_holding *holding)
{
	if (holding->lanes)
		return seg_lanes_held_since(holding->lanes);
	return holding->state == SEG_HOLDING_HELD ? holding->held_since : 0;
}

void seg_holding_let_go(seg_holding *holding, seg_polled *polled)
{
	if (polled->lanes) {
		seg_lanes_let_go(polled);
		stop_if_due(holding);
		return;
	}
	/* Another poller may wait for the rest of the batch, or for the next one. */
	seg_handoff_wake(&holding->partition->handoff);
	seg_holding_put_back(holding);
}

/* --- what the caller has done -------------------------------------------------------- */

size_t seg_polled_first(const seg_polled *polled)
{
	return polled->lanes ? 0 : (size_t)(polled->view.messages - polled->fetched->room.messages);
}

uint64_t seg_polled_number(const seg_polled *polled, size_t index)
{
	return polled->lanes ? polled->numbers[index]
			     : polled->fetched->sequence + seg_polled_first(polled) + index;
}

size_t seg_holding_done(const seg_holding *holding, const seg_polled *polled)
{
	return polled->lanes ? polled->done : holding->done - seg_polled_first(polled);
}

static bool cut(seg_holding *holding, size_t done)
{
	const seg_fetched *fetched = holding->current;
	/* Nothing is emitted for messages after the last one. */
	return done == fetched->batch.count ||
	       seg_emitted_cut(&holding->polled->emitted, fetched->sequence + done,
			       fetched->room.messages[done].id);
}

/* Before progress, by the caller that holds the batch: hands over what it has emitted for these messages. False: out of memory. */
static bool hand_over(seg_holding *holding, size_t done)
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

/* The first `done` messages of `current` are done. */
static void progress(seg_holding *holding, size_t done)
{
	if (done <= holding->done)
		return;
	holding->done = done;
	holding->attempt = 0;
	seg_handoff_handled(&holding->partition->handoff, holding->current->sequence + done);
}

bool seg_holding_commit(seg_holding *holding, seg_polled *polled, size_t count)
{
	size_t done = seg_polled_first(polled) + count;
	if (polled->lanes)
		return seg_lanes_commit(polled->lanes, polled, count);
	if (!hand_over(holding, done))
		return false;
	progress(holding, done);
	return true;
}

bool seg_holding_is_confirmed(const seg_holding *holding)
{
	const seg_handoff *handoff = &holding->partition->handoff;
	bool lanes = seg_ledger_has_lanes(&holding->partition->ledger);
	return atomic_load_explicit(lanes ? &handoff->io.done : &handoff->io.committed,
				    memory_order_acquire) >=
	       atomic_load_explicit(&handoff->worker.handled, memory_order_relaxed);
}

/* --- dead letters --------------------------------------------------------------------- */

/* Without lanes. `index` is of `current`. */
static int ask(seg_holding *holding, size_t index, uint32_t attempts, const char *reason, const char *handler)
{
	seg_polled *polled = holding->polled;
	const seg_fetched *fetched = holding->current;
	char *copy = strdup(reason);
	if (!copy || !hand_over(holding, index) || !cut(holding, index + 1)) {
		free(copy);
		return SEG_ENOMEM;
	}
	progress(holding, index);
	free(polled->reason);
	polled->reason = copy;
	polled->asking = true;
	polled->lettered = false;
	polled->index = index;
	seg_request request = {
		.kind = SEG_REQUEST_DEAD_LETTER,
		.id = fetched->room.messages[index].id,
		.sequence = fetched->sequence + index,
		.attempts = attempts,
		.reason = polled->reason,
		.handler = handler,
		.packed = seg_fetched_packed(fetched, index),
	};
	polled->number = seg_handoff_request(&holding->partition->handoff, &request);
	return 0;
}

int seg_holding_ask(seg_holding *holding, seg_polled *polled, size_t index, const char *reason,
		    const char *handler)
{
	if (polled->lanes)
		return seg_lanes_ask(polled->lanes, polled, index, reason);
	return ask(holding, seg_polled_first(polled) + index, polled->view.attempt, reason, handler);
}

int seg_holding_give_up(seg_holding *holding, const char *handler)
{
	const char *reason = seg_fault_text((seg_fault)holding->current->room.faults[holding->done]);
	int status = ask(holding, holding->done, 0, reason, handler);
	seg_holding_put_back(holding);
	return status;
}

void seg_holding_collect(seg_holding *holding)
{
	int64_t value;
	if (is_open(holding) && holding->lanes) {
		seg_lanes_collect(holding->lanes);
		stop_if_due(holding);
		return;
	}
	if (!is_open(holding) || !holding->polled->asking)
		return;
	seg_polled *polled = holding->polled;
	if (!seg_handoff_answered(&holding->partition->handoff, polled->number, &polled->status, &value))
		return;
	polled->asking = false;
	polled->lettered = polled->status == 0;
	if (polled->lettered)
		progress(holding, polled->index + 1);
	give_back_if_done(holding);
	stop_if_due(holding);
}
