#include "consumer/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "group/state.h"
#include "partition/share.h"

/*
 * A message that a caller has released without a commit comes again after this, doubled for each further time: one thread that polls must
 * get other messages meanwhile, though this one is the oldest.
 */
#define AGAIN_PAUSE (10 * SEG_MS)
#define AGAIN_PAUSE_MAX (1 * SEG_SECOND)

struct seg_lanes {
	unsigned references; /* of the holding, of each batch with a caller, and of the thread that decodes */
	bool ended;
	seg_partition *partition; /* not used once it has ended */
	const seg_ledger_limits *limits;
	uint64_t pending;
	seg_slots slots;
	seg_inbox inbox;

	seg_fetched *arrived; /* taken from the handoff, and not in the inbox yet; NULL: none */
	bool decoding;        /* a thread decodes it */

	seg_polled *out; /* with callers */
	unsigned out_count;
	uint64_t done; /* messages of this ownership that are done */
	seg_share share;

	/* Only one request may be without an answer. */
	seg_polled *asker; /* a caller's dead letter; NULL: none */
	bool unreadable;   /* that of the first letter of the slots */
	unsigned number;   /* then: of the request */
};

/* --- their life -------------------------------------------------------------------------- */

seg_lanes *seg_lanes_create(seg_partition *partition, uint64_t pending)
{
	seg_lanes *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->references = 1;
	l->partition = partition;
	l->limits = partition->ledger.limits;
	l->pending = pending;
	seg_slots_init(&l->slots);
	seg_inbox_init(&l->inbox, &partition->handoff, &l->slots, &partition->resume.beyond,
		       l->limits->in_flight_bytes, 0);
	l->inbox.shared = true;
	return l;
}

static void drop_reference(seg_lanes *l)
{
	if (--l->references > 0)
		return;
	if (l->arrived)
		seg_fetched_release(l->arrived);
	seg_inbox_fini(&l->inbox);
	seg_slots_fini(&l->slots);
	free(l);
}

static void publish(seg_lanes *l)
{
	seg_handoff *handoff = &l->partition->handoff;
	atomic_store_explicit(&handoff->worker.slots_waiting, l->slots.blocked.count + l->slots.letters,
			      memory_order_relaxed);
	atomic_store_explicit(&handoff->worker.lanes_busy, l->out_count, memory_order_relaxed);
}

bool seg_lanes_are_held(const seg_lanes *l)
{
	return l->out_count > 0;
}

bool seg_lanes_are_asking(const seg_lanes *l)
{
	return l->asker || l->unreadable;
}

int64_t seg_lanes_held_since(const seg_lanes *l)
{
	int64_t since = 0;
	for (const seg_polled *polled = l->out; polled; polled = polled->next)
		if (!polled->released && (since == 0 || polled->held_since < since))
			since = polled->held_since;
	return since;
}

/* --- batches from the log ------------------------------------------------------------------ */

seg_fetched *seg_lanes_next_batch(seg_lanes *l)
{
	seg_handoff *handoff = &l->partition->handoff;
	if (l->decoding || l->slots.ready_messages >= l->limits->batch_size ||
	    seg_handoff_may_dispatch(handoff) != SEG_DISPATCH_GO)
		return NULL;
	if (!l->arrived && (l->arrived = seg_handoff_take(handoff)) != NULL)
		seg_fetched_retain(l->arrived);
	if (!l->arrived)
		return NULL;
	l->decoding = true;
	l->references++;
	return l->arrived;
}

bool seg_lanes_add(seg_lanes *l, bool decoded)
{
	bool added = decoded && (l->ended || seg_inbox_add(&l->inbox, l->arrived));
	l->decoding = false;
	if (!l->ended && added) {
		l->arrived = NULL;
		/* All of it may have been done by earlier owners. */
		seg_inbox_give_back(&l->inbox);
	}
	drop_reference(l);
	return added;
}

/* --- taking -------------------------------------------------------------------------------- */

static void free_polled(seg_polled *polled)
{
	seg_emitted_drop(&polled->emitted, UINT64_MAX);
	free(polled->reason);
	free(polled->items);
	free(polled->numbers);
	free(polled->messages);
	free(polled);
}

/* With room for `most` messages. NULL: out of memory. */
static seg_polled *make_polled(size_t most)
{
	seg_polled *polled = calloc(1, sizeof(*polled));
	if (!polled)
		return NULL;
	polled->items = malloc(most * sizeof(seg_item *));
	polled->numbers = malloc(most * sizeof(*polled->numbers));
	polled->messages = malloc(most * sizeof(*polled->messages));
	if (polled->items && polled->numbers && polled->messages)
		return polled;
	free_polled(polled);
	return NULL;
}

static void fill(seg_lanes *l, seg_polled *polled, size_t most)
{
	size_t count = seg_slots_take(&l->slots, polled->items, most,
				      seg_share_of_slots(l->slots.ready.count, l->limits->parallel));
	for (size_t i = 0; i < count; i++) {
		polled->numbers[i] = polled->items[i]->number;
		polled->messages[i] = *polled->items[i]->message;
	}
	polled->view = (seg_batch){
		.messages = polled->messages,
		.count = count,
		.partition = l->partition->number,
		.epoch = l->partition->own.epoch,
		.attempt = seg_slots_attempt(&l->slots, polled->items[0]),
	};
}

int64_t seg_lanes_due(const seg_lanes *l)
{
	return seg_slots_due(&l->slots);
}

bool seg_lanes_have_more(const seg_lanes *l)
{
	return l->slots.ready.count > 0 && l->out_count < l->limits->parallel;
}

seg_polled *seg_lanes_take(seg_lanes *l, int64_t now)
{
	seg_handoff *handoff = &l->partition->handoff;
	seg_slots_wake(&l->slots, now);
	if (!seg_lanes_have_more(l) || seg_handoff_may_dispatch(handoff) != SEG_DISPATCH_GO ||
	    (l->pending && !seg_handoff_has_room(handoff, l->pending)))
		return NULL;
	size_t most =
		seg_share_of(&l->share, l->slots.ready_messages, l->limits->parallel, l->limits->batch_size);
	seg_polled *polled = make_polled(most);
	if (!polled)
		return NULL;
	fill(l, polled, most);
	polled->lanes = l;
	polled->held_since = now;
	polled->next = l->out;
	l->out = polled;
	l->out_count++;
	l->references++;
	publish(l);
	return polled;
}

/* --- giving back ---------------------------------------------------------------------------- */

static void leave_list(seg_lanes *l, const seg_polled *polled)
{
	seg_polled **at = &l->out;
	while (*at != polled)
		at = &(*at)->next;
	*at = polled->next;
	l->out_count--;
}

/* Its messages that are not done wait in their slots again. */
static void finish(seg_lanes *l, seg_polled *polled)
{
	size_t count = polled->view.count, done = polled->done;
	int64_t now = seg_now(), again_at = now;
	if (done < count)
		again_at += seg_backoff(AGAIN_PAUSE, AGAIN_PAUSE_MAX, done ? 1 : polled->view.attempt);
	seg_share_note(&l->share, now - polled->held_since, count);
	seg_slots_answer(&l->slots, polled->items, count, done,
			 done < count ? SEG_VERDICT_RETRY : SEG_VERDICT_AGAIN, again_at, NULL);
	for (size_t i = 0; i < done; i++)
		seg_inbox_done(&l->inbox, polled->items[i]);
	leave_list(l, polled);
	free_polled(polled);
	if (!l->ended) {
		seg_inbox_give_back(&l->inbox);
		publish(l);
		/* Pollers found nothing: they may wait for these slots or for a lane, or must know of a letter, or how long to wait. */
		if (done < count || l->slots.letters || seg_lanes_have_more(l))
			seg_handoff_wake(&l->partition->handoff);
	}
	drop_reference(l);
}

void seg_lanes_let_go(seg_polled *polled)
{
	/* The request points into the batch. */
	if (polled->asking)
		polled->released = true;
	else
		finish(polled->lanes, polled);
}

void seg_lanes_end(seg_lanes *l, bool closing)
{
	l->ended = true;
	l->inbox.handoff = NULL;
	for (seg_polled *polled = l->out, *next; polled && closing; polled = next) {
		next = polled->next;
		finish(l, polled);
	}
	drop_reference(l);
}

/* --- what callers have done -------------------------------------------------------------------- */

/* The number before which all messages are done if the first `count` ones of the batch are. */
static uint64_t bound(const seg_polled *polled, size_t count)
{
	return count < polled->view.count ? polled->numbers[count] : UINT64_MAX;
}

static bool cut(seg_polled *polled, size_t count)
{
	return count == polled->view.count ||
	       seg_emitted_cut(&polled->emitted, polled->numbers[count], polled->messages[count].id);
}

/*
 * Enters the messages up to `count` into the completions that have their records, and those without into *plain, which stays NULL if there
 * are none. False: out of memory.
 */
static bool enter_done(seg_polled *polled, size_t count, seg_completion **plain)
{
	seg_completion *c = polled->emitted.first;
	/* An earlier try may have had too little memory. */
	for (seg_completion *each = c; each; each = each->next)
		each->done_count = 0;
	for (size_t i = polled->done; i < count; i++) {
		uint64_t number = polled->numbers[i];
		while (c && c->end <= number)
			c = c->next;
		bool has_records = c && c->begin <= number;
		if (!has_records && !*plain && !(*plain = seg_completion_create()))
			return false;
		uint64_t *entry = seg_completion_add_done(has_records ? c : *plain, 1);
		if (!entry)
			return false;
		*entry = number;
	}
	return true;
}

bool seg_lanes_commit(seg_lanes *l, seg_polled *polled, size_t count)
{
	seg_handoff *handoff = &l->partition->handoff;
	seg_completion *plain = NULL;
	/* What is left of messages that are done was a dead letter's. */
	seg_emitted_drop(&polled->emitted, bound(polled, polled->done));
	if (count <= polled->done)
		return true;
	if (!cut(polled, count) || !enter_done(polled, count, &plain)) {
		seg_completion_destroy(plain);
		return false;
	}
	seg_emitted_hand_over(&polled->emitted, bound(polled, count), handoff);
	if (plain)
		seg_handoff_complete(handoff, plain);
	l->done += count - polled->done;
	polled->done = count;
	seg_handoff_handled(handoff, l->done);
	return true;
}

/* --- dead letters -------------------------------------------------------------------------------- */

int seg_lanes_ask(seg_lanes *l, seg_polled *polled, size_t index, const char *reason)
{
	if (seg_lanes_are_asking(l))
		return 1;
	char *copy = strdup(reason);
	if (!copy || !seg_lanes_commit(l, polled, index) || !cut(polled, index + 1)) {
		free(copy);
		return SEG_ENOMEM;
	}
	const seg_item *item = polled->items[index];
	free(polled->reason);
	polled->reason = copy;
	polled->asking = true;
	polled->lettered = false;
	polled->index = index;
	l->asker = polled;
	seg_request request = {
		.kind = SEG_REQUEST_DEAD_LETTER,
		.id = polled->messages[index].id,
		.sequence = polled->numbers[index],
		.attempts = index == 0 ? polled->view.attempt : 1,
		.reason = copy,
		.handler = l->partition->member->name,
		.packed = item->packed ? &polled->messages[index] : NULL,
	};
	polled->number = seg_handoff_request(&l->partition->handoff, &request);
	return 0;
}

static void count_letter(seg_lanes *l)
{
	seg_handoff_handled(&l->partition->handoff, ++l->done);
}

static void collect_callers(seg_lanes *l)
{
	seg_polled *polled = l->asker;
	int64_t value;
	if (!polled || !seg_handoff_answered(&l->partition->handoff, polled->number, &polled->status, &value))
		return;
	l->asker = NULL;
	polled->asking = false;
	polled->lettered = polled->status == 0;
	if (polled->lettered) {
		polled->done = polled->index + 1;
		count_letter(l);
	}
	if (polled->released)
		finish(l, polled);
}

static void collect_unreadable(seg_lanes *l)
{
	int status;
	int64_t value;
	if (!l->unreadable || !seg_handoff_answered(&l->partition->handoff, l->number, &status, &value))
		return;
	l->unreadable = false;
	if (status)
		return;
	seg_item *item = seg_slots_letter(&l->slots);
	seg_slots_letter_written(&l->slots);
	seg_inbox_done(&l->inbox, item);
	count_letter(l);
	seg_inbox_give_back(&l->inbox);
	publish(l);
}

void seg_lanes_give_up_unreadable(seg_lanes *l)
{
	if (seg_lanes_are_asking(l) || l->slots.letters == 0 ||
	    seg_handoff_may_dispatch(&l->partition->handoff) != SEG_DISPATCH_GO)
		return;
	seg_item *item = seg_slots_letter(&l->slots);
	/* The request may wait long for room, and its batch must not. */
	if (item->packed && !(item = seg_inbox_park(&l->inbox, item)))
		return;
	seg_request request = {
		.kind = SEG_REQUEST_DEAD_LETTER,
		.id = item->message->id,
		.sequence = item->number,
		.reason = seg_fault_text((seg_fault)item->fault),
		.handler = l->partition->member->name,
		.packed = item->packed ? item->message : NULL,
	};
	l->unreadable = true;
	l->number = seg_handoff_request(&l->partition->handoff, &request);
}

void seg_lanes_collect(seg_lanes *l)
{
	collect_unreadable(l);
	collect_callers(l);
}
