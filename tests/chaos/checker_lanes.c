/*
 * checker_lanes.c - instead of checker_walk.c where a partition has several lanes (`parallel` above 1). The messages of a slot must
 * follow each other as in the log, and no two lanes may have a slot at the same time. Each message of an ownership is one call's.
 */
#include <stdlib.h>

#include "chaos/checker_parts.h"
#include "partition/completion.h"
#include "partition/key_slot.h"

#define NO_ENTRY SIZE_MAX

typedef struct {
	int process;
	uint32_t number;
	size_t ownership;
	bool open, in_call;
	size_t call;
	CHAOS_LIST(size_t) hand; /* the entries of the call */
} lane;

/* An ownership: where each slot is. */
typedef struct {
	size_t last[SEG_SLOTS];     /* the newest entry of the slot that was begun, or NO_ENTRY */
	bool again[SEG_SLOTS];      /* it is to be retried */
	uint32_t holder[SEG_SLOTS]; /* the lane that has the slot, counted from 1; or 0 */
	unsigned open;              /* lanes */
	bool lost;
} slots;

/* An entry, beside what the ledger says. */
typedef struct {
	size_t before;     /* the one before it of its slot, or NO_ENTRY */
	size_t given;      /* the newest ownership that had it, counted from 1 */
	size_t decided_by; /* the same, that was done with it */
	bool letter;
	size_t parked; /* the entry for which it waited, itself or before it in its slot, counted from 1; 0: for none */
} trace;

typedef struct {
	chaos_checker *c;
	CHAOS_LIST(lane) lanes;
	CHAOS_LIST(slots *) slots; /* for each of the checker's ownerships */
	trace *traces;
} lanes;

static uint16_t slot_of(uint32_t key)
{
	char text[16];
	return seg_key_slot(text, (size_t)snprintf(text, sizeof(text), "k%" PRIu32, key));
}

/* By partition, then in the order of time. */
static int compare_records(const void *a, const void *b)
{
	const chaos_record *x = a, *y = b;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	return x->time != y->time ? (x->time < y->time ? -1 : 1) : 0;
}

/* --- ownerships and lanes ------------------------------------------------------------------------ */

static size_t ownership_of(lanes *l, const chaos_record *r)
{
	chaos_checker *c = l->c;
	for (size_t i = c->ownerships.count; i-- > 0;) {
		const chaos_ownership *o = &c->ownerships.items[i];
		if (o->process == r->process && o->partition == r->partition && o->epoch == r->epoch &&
		    !(r->kind == CHAOS_OPEN && o->closed))
			return i;
	}
	slots *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		abort();
	for (size_t i = 0; i < SEG_SLOTS; i++)
		fresh->last[i] = NO_ENTRY;
	chaos_append(&l->slots, fresh);
	chaos_append(&c->ownerships, (chaos_ownership){.partition = r->partition,
						       .process = r->process,
						       .epoch = r->epoch,
						       .opened = r->time,
						       .untold = r->kind != CHAOS_OPEN});
	return c->ownerships.count - 1;
}

static size_t lane_of(lanes *l, const chaos_record *r, size_t ownership)
{
	for (size_t i = l->lanes.count; i-- > 0;) {
		const lane *a = &l->lanes.items[i];
		if (a->ownership == ownership && a->number == r->lane && a->open)
			return i;
	}
	l->slots.items[ownership]->open++;
	chaos_append(&l->lanes,
		     (lane){.process = r->process, .number = r->lane, .ownership = ownership, .open = true});
	return l->lanes.count - 1;
}

static void close_lane(lanes *l, lane *a, bool released)
{
	slots *s = l->slots.items[a->ownership];
	chaos_ownership *o = &l->c->ownerships.items[a->ownership];
	s->lost |= !released;
	a->open = false;
	o->closed = --s->open == 0;
	o->released = o->closed && !s->lost;
}

/* --- messages --------------------------------------------------------------------------------- */

static void begin_call(lanes *l, lane *a, const chaos_record *r)
{
	chaos_call call = {.partition = r->partition,
			   .process = r->process,
			   .epoch = r->epoch,
			   .rank = r->epoch,
			   .start = r->time,
			   .end = chaos_end_of_process(l->c->history, r->process),
			   .ownership = a->ownership};
	if (a->in_call)
		return;
	chaos_append(&l->c->calls, call);
	a->in_call = true;
	a->call = l->c->calls.count - 1;
	a->hand.count = 0;
}

/* The entries before it in its slot are decided, and no other lane has the slot. */
static void check_order(lanes *l, const lane *a, size_t at, const chaos_record *r)
{
	chaos_checker *c = l->c;
	const chaos_entry *entries = c->ledger.entries;
	uint16_t slot = slot_of(r->key);
	slots *s = l->slots.items[a->ownership];
	size_t before = l->traces[at].before;
	uint32_t this = (uint32_t)(a - l->lanes.items) + 1;
	if (s->holder[slot] && s->holder[slot] != this)
		chaos_violation(c, &c->verdict->reordered,
				"partition %" PRIu32 " epoch %" PRIu64 ": two lanes had slot %u of " ID
				" (key k%" PRIu32 ") at the same time",
				r->partition, r->epoch, slot, ID_OF(r->id), r->key);
	s->holder[slot] = this;
	bool again = s->last[slot] == at && s->again[slot];
	if (s->last[slot] != NO_ENTRY && at <= s->last[slot] && !again)
		chaos_violation(c, &c->verdict->reordered,
				"partition %" PRIu32 " epoch %" PRIu64 ": " ID " (key k%" PRIu32
				") came again, or late",
				r->partition, r->epoch, ID_OF(r->id), r->key);
	bool in_hand = before != NO_ENTRY && a->hand.count && s->last[slot] == before;
	/* Of two primaries at a time, one may have had the entry and the other one that before it. */
	bool due = before != NO_ENTRY && !entries[at].vanished && !entries[before].vanished &&
		   !l->traces[before].letter;
	if (due && !in_hand && entries[before].decided > r->time)
		chaos_violation(c, &c->verdict->reordered,
				"partition %" PRIu32 " epoch %" PRIu64 ": " ID " (key k%" PRIu32
				") came before " ID " of its slot, which nobody had handled",
				r->partition, r->epoch, ID_OF(r->id), r->key, ID_OF(entries[before].id));
	s->last[slot] = at;
	s->again[slot] = false;
}

/* What an owner that released the partition was done with, must not come again. */
static void check_repetition(lanes *l, const lane *a, size_t at, const chaos_record *r)
{
	chaos_checker *c = l->c;
	const chaos_ownership *o = &c->ownerships.items[a->ownership];
	size_t by = l->traces[at].decided_by;
	if (by && by != a->ownership + 1 && chaos_was_released(c, &c->ownerships.items[by - 1], o->opened))
		chaos_violation(c, &c->verdict->excessive,
				"partition %" PRIu32 " epoch %" PRIu64 ": " ID " (key k%" PRIu32
				") came again after a clean handoff by epoch %" PRIu64,
				r->partition, r->epoch, ID_OF(r->id), r->key,
				c->ownerships.items[by - 1].epoch);
}

/*
 * Whether an owner may have read others in the place of this entry: a lane asked for it again, or for one before it in its slot, when
 * both may have been in flight. These come on top of the window once they are done.
 */
static bool was_parked(lanes *l, size_t at)
{
	const trace *before = l->traces[at].before != NO_ENTRY ? &l->traces[l->traces[at].before] : NULL;
	if (!l->traces[at].parked && before && before->parked &&
	    at + 1 - before->parked <= 2 * (size_t)l->c->history->window)
		l->traces[at].parked = before->parked;
	return l->traces[at].parked != 0;
}

static void take_message(lanes *l, lane *a, const chaos_record *r)
{
	chaos_checker *c = l->c;
	chaos_ownership *o = &c->ownerships.items[a->ownership];
	chaos_entry *e = chaos_ledger_find(&c->ledger, r->partition, r->generation, r->id);
	size_t at = (size_t)(e - c->ledger.entries);
	begin_call(l, a, r);
	check_order(l, a, at, r);
	chaos_append(&a->hand, at);
	bool parked = was_parked(l, at);
	if (l->traces[at].given != a->ownership + 1) {
		e->handled++;
		o->again += e->begun < r->time && e->begun_epoch < r->epoch && !parked;
		check_repetition(l, a, at, r);
	}
	l->traces[at].given = a->ownership + 1;
	o->first = o->begun && o->first < at ? o->first : at;
	o->begun = true;
	if (r->time < e->begun) {
		e->begun = r->time;
		e->begun_epoch = r->epoch;
	}
}

static void take_return(lanes *l, lane *a, const chaos_record *r)
{
	chaos_checker *c = l->c;
	slots *s = l->slots.items[a->ownership];
	for (size_t i = 0; i < a->hand.count; i++) {
		size_t at = a->hand.items[i];
		chaos_entry *e = &c->ledger.entries[at];
		bool named = seg_id_compare(e->id, r->id) == 0;
		s->holder[slot_of(e->key)] = 0;
		if (named && r->kind != CHAOS_RETURN_DONE)
			l->traces[at].parked = at + 1;
		if (named && r->kind == CHAOS_RETURN_AGAIN) {
			s->again[slot_of(e->key)] = true;
			e->handled--;
			l->traces[at].given = 0;
			continue;
		}
		e->wanted_dead |= named && r->kind == CHAOS_RETURN_DEAD;
		/* Where outputs must be written before a letter, an owner that stops leaves the message to the next one. */
		e->handled -= named && r->kind == CHAOS_RETURN_DEAD && c->history->emits;
		e->decided = r->time < e->decided ? r->time : e->decided;
		/* A dead letter that its owner could not write any more comes again. */
		l->traces[at].decided_by = named && r->kind == CHAOS_RETURN_DEAD ? 0 : a->ownership + 1;
	}
	if (a->in_call)
		c->calls.items[a->call].end = r->time;
	a->in_call = false;
	a->hand.count = 0;
}

/* Redis saw that a pull consumer released a partition, which it does once nothing of it is in hand. */
static void close_untold(lanes *l, size_t ownership)
{
	const chaos_history *h = l->c->history;
	chaos_ownership *o = &l->c->ownerships.items[ownership];
	for (size_t i = 0; o->untold && i < h->audits.count; i++) {
		const chaos_audit *a = &h->audits.items[i];
		if (a->kind == CHAOS_AUDIT_RELEASE && a->partition == o->partition && a->epoch == o->epoch)
			o->closed = o->released = true;
	}
}

/* What was in a hand when its owner ended may have killed it. */
static void end_lane(lanes *l, const lane *a)
{
	const chaos_ownership *o = &l->c->ownerships.items[a->ownership];
	for (size_t i = 0; a->in_call && !o->released && i < a->hand.count; i++)
		l->c->ledger.entries[a->hand.items[i]].deaths++;
}

/* --- all of it ------------------------------------------------------------------------------------ */

static void prepare(lanes *l)
{
	const chaos_ledger *ledger = &l->c->ledger;
	const chaos_history *h = l->c->history;
	size_t last[SEG_SLOTS];
	l->traces = calloc(ledger->count + 1, sizeof(*l->traces));
	if (!l->traces)
		abort();
	for (size_t i = 0; i < ledger->count; i++) {
		const chaos_entry *e = &ledger->entries[i];
		for (size_t s = 0; chaos_ledger_is_first(ledger, e) && s < SEG_SLOTS; s++)
			last[s] = NO_ENTRY;
		l->traces[i].before = last[slot_of(e->key)];
		last[slot_of(e->key)] = i;
	}
	for (size_t i = 0; i < h->dead_letters.count; i++) {
		const chaos_dead_letter *d = &h->dead_letters.items[i];
		const chaos_entry *e = chaos_ledger_find(ledger, d->partition, d->generation, d->id);
		if (e)
			l->traces[e - ledger->entries].letter = true;
	}
}

void chaos_check_lanes(chaos_checker *c)
{
	lanes l = {.c = c};
	chaos_history *h = c->history;
	prepare(&l);
	if (h->records.count)
		qsort(h->records.items, h->records.count, sizeof(*h->records.items), compare_records);
	for (size_t i = 0; i < h->records.count; i++) {
		const chaos_record *r = &h->records.items[i];
		size_t ownership = ownership_of(&l, r);
		size_t number = lane_of(&l, r, ownership);
		lane *a = &l.lanes.items[number];
		c->owner_of[i] = ownership;
		if (r->kind == CHAOS_MESSAGE)
			take_message(&l, a, r);
		else if (r->kind == CHAOS_CLOSE_RELEASED || r->kind == CHAOS_CLOSE_LOST)
			close_lane(&l, a, r->kind == CHAOS_CLOSE_RELEASED);
		else if (r->kind != CHAOS_OPEN)
			take_return(&l, a, r);
	}
	for (size_t i = 0; i < c->ownerships.count; i++)
		close_untold(&l, i);
	for (size_t i = 0; i < l.lanes.count; i++) {
		end_lane(&l, &l.lanes.items[i]);
		free(l.lanes.items[i].hand.items);
	}
	for (size_t i = 0; i < l.slots.count; i++)
		free(l.slots.items[i]);
	free(l.lanes.items);
	free(l.slots.items);
	free(l.traces);
}
