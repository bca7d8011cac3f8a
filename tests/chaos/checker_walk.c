#include "chaos/checker_parts.h"

#include <stdlib.h>

/*
 * A killed process's threads stop within this time. On a busy machine the kernel takes far longer to remove
 * the process.
 */
#define KILLED_FOR_SURE (50 * (int64_t)CHAOS_NS_PER_MS)

/* An epoch, in milliseconds of Redis's clock, has no more. */
enum { EPOCH_BITS = 48 };

int64_t chaos_end_of_process(const chaos_history *h, int process)
{
	for (size_t i = 0; i < h->processes.count; i++) {
		const chaos_process *p = &h->processes.items[i];
		if (p->process == process)
			return p->killed && p->killed_at + KILLED_FOR_SURE < p->ended
				       ? p->killed_at + KILLED_FOR_SURE
				       : p->ended;
	}
	return CHAOS_NEVER;
}

/* --- each ownership's messages: in the log's order, without gaps ------------------- */

/* The place of an ownership in the log while its records are read. */
typedef struct {
	size_t ownership;
	bool open;
	bool in_call;
	size_t call;
	size_t call_first; /* the entry with which the call began */
	size_t next;       /* the entry that must come next */
	size_t done;       /* the index after the last entry it finished */
	size_t furthest;   /* the index after the last entry it was ever given */
	size_t counted;    /* the same without entries that it asked for again */
	bool astray;       /* it reads a log made anew from a position of the lost one */
	size_t strayed;    /* messages since then */
} walk;

static int compare_records(const void *a, const void *b)
{
	const chaos_record *x = a, *y = b;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	/* Records of the same time keep their order: the order of their lines is the order of events. */
	return x->time != y->time ? (x->time < y->time ? -1 : 1) : (x < y ? -1 : x > y);
}

static void end_call(chaos_checker *c, walk *w, int64_t time)
{
	if (w->in_call)
		c->calls.items[w->call].end = time;
	w->in_call = false;
}

/* Ends the ownership. A message that was begun and not finished may have killed it. */
static void end_ownership(chaos_checker *c, walk *w, bool released)
{
	if (!w->open)
		return;
	chaos_ownership *o = &c->ownerships.items[w->ownership];
	o->released = released;
	o->done = w->done;
	o->furthest = w->furthest;
	for (size_t i = w->done; !released && o->begun && i < w->furthest; i++)
		c->ledger.entries[i].deaths++;
	w->open = false;
}

/* By the owner's claim, or if that was not heard, by the time. */
static size_t era_of(const chaos_history *h, const chaos_record *r)
{
	size_t era = 0, by_time = 0;
	for (size_t i = 0; h->losses.count && i < h->audits.count; i++) {
		const chaos_audit *a = &h->audits.items[i];
		era += a->kind == CHAOS_AUDIT_ALL_LOST;
		if (a->kind == CHAOS_AUDIT_CLAIM && a->partition == r->partition && a->epoch == r->epoch)
			return era;
	}
	for (size_t i = 0; i < h->losses.count; i++) {
		const chaos_loss *l = &h->losses.items[i];
		by_time += l->leases && l->partition == r->partition && l->time <= r->time;
	}
	return by_time;
}

static void begin_ownership(chaos_checker *c, walk *w, const chaos_record *r)
{
	end_ownership(c, w, false);
	chaos_ownership o = {.partition = r->partition,
			     .process = r->process,
			     .epoch = r->epoch,
			     .era = era_of(c->history, r),
			     .opened = r->time};
	chaos_append(&c->ownerships, o);
	*w = (walk){.ownership = c->ownerships.count - 1, .open = true};
}

/* Whether all these entries were removed from the log by then. */
static bool are_gone(const chaos_checker *c, size_t from, size_t to, int64_t time)
{
	for (size_t i = from; i < to; i++)
		if (c->ledger.entries[i].gone > time)
			return false;
	return true;
}

/*
 * Whether these entries and the one after them are of two histories. While there were two primaries, the old one gave the one
 * its id, and the new one gave the others theirs.
 */
static bool are_of_the_other_primary(const chaos_checker *c, size_t from, size_t to, int64_t time)
{
	const chaos_entry *entries = c->ledger.entries;
	for (size_t i = 0; entries[to].vanished && i < c->history->rollbacks.count; i++) {
		const chaos_rollback *rollback = &c->history->rollbacks.items[i];
		if (rollback->assignment || rollback->partition != entries[to].partition ||
		    seg_id_compare(entries[to].id, rollback->lost) > 0)
			continue;
		size_t at = from;
		while (at < to &&
		       (entries[at].gone <= time ||
			(entries[at].logged && seg_id_compare(entries[at].id, rollback->kept) > 0)))
			at++;
		if (at == to)
			return true;
	}
	return false;
}

bool chaos_is_astray(const chaos_checker *c, const chaos_ownership *o, size_t from, size_t to)
{
	const chaos_entry *entries = c->ledger.entries;
	uint32_t partition = o->partition, generation = entries[to].generation;
	if (generation == 0 || o->opened > chaos_ledger_lost_at(c->history, partition, generation - 1))
		return false;
	seg_id last = {0, 0};
	for (const chaos_entry *e = &entries[to]; e >= entries && e->partition == partition; e--)
		if (e->generation < generation && seg_id_compare(e->id, last) > 0)
			last = e->id;
	for (size_t i = from; i < to; i++)
		if (entries[i].generation == generation && seg_id_compare(entries[i].id, last) > 0)
			return false;
	return true;
}

/* Whether the owner was right to go on with the entry `to`, and not with `from`. */
static bool may_skip(const chaos_checker *c, walk *w, size_t from, size_t to, int64_t time)
{
	if (to <= from)
		return false;
	if (are_gone(c, from, to, time) || are_of_the_other_primary(c, from, to, time))
		return true;
	bool astray = chaos_is_astray(c, &c->ownerships.items[w->ownership], from, to);
	w->astray |= astray;
	return astray;
}

static void take_message(chaos_checker *c, walk *w, const chaos_record *r)
{
	chaos_entry *e = chaos_ledger_find(&c->ledger, r->partition, r->generation, r->id);
	size_t at = (size_t)(e - c->ledger.entries);
	chaos_ownership *o = &c->ownerships.items[w->ownership];
	if (!w->in_call) {
		chaos_call begun = {r->partition, r->process,
				    r->epoch,     ((uint64_t)o->era << EPOCH_BITS) + r->epoch,
				    r->time,      chaos_end_of_process(c->history, r->process),
				    w->ownership};
		chaos_append(&c->calls, begun);
		w->in_call = true;
		w->call = c->calls.count - 1;
		w->call_first = at;
	}
	e->call = c->calls.count;
	if (o->begun && at != w->next && !may_skip(c, w, w->next, at, r->time))
		chaos_violation(c, &c->verdict->reordered,
				"partition %" PRIu32 " epoch %" PRIu64 ": " ID " came %s", r->partition,
				r->epoch, ID_OF(r->id),
				at > w->next ? "before earlier messages" : "again, or late");
	if (w->astray && w->strayed++ == c->history->window)
		chaos_violation(
			c, &c->verdict->excessive,
			"partition %" PRIu32 " epoch %" PRIu64
			": more messages came from the middle of a log that was made anew than may be in flight",
			r->partition, r->epoch);
	if (!o->begun || at >= w->counted) {
		e->handled++;
		w->counted = at + 1;
	}
	if (!o->begun || at >= w->furthest)
		w->furthest = at + 1;
	if (!o->begun)
		w->done = o->first = at;
	o->begun = true;
	w->next = at + 1;
	if (r->time < e->begun) {
		e->begun = r->time;
		e->begun_epoch = r->epoch;
	}
}

/* The entries of the call from its first up to `end` (not included) are done. */
static void decide(chaos_checker *c, const walk *w, size_t end, int64_t time)
{
	for (size_t i = w->call_first; i < end; i++)
		if (c->ledger.entries[i].call == w->call + 1 && time < c->ledger.entries[i].decided)
			c->ledger.entries[i].decided = time;
}

/* The entry of the call that a return names, or NULL. */
static chaos_entry *named_entry(const chaos_checker *c, const walk *w, const chaos_record *r)
{
	for (size_t at = w->next; at > w->call_first; at--) {
		chaos_entry *e = &c->ledger.entries[at - 1];
		if (e->call == w->call + 1 && seg_id_compare(e->id, r->id) == 0)
			return e;
	}
	return NULL;
}

static void take_return(chaos_checker *c, walk *w, const chaos_record *r)
{
	chaos_entry *e = w->in_call ? named_entry(c, w, r) : NULL;
	if (!e)
		return;
	size_t at = (size_t)(e - c->ledger.entries);
	decide(c, w, at + (r->kind != CHAOS_RETURN_AGAIN), r->time);
	e->wanted_dead |= r->kind == CHAOS_RETURN_DEAD;
	w->next = w->done = r->kind == CHAOS_RETURN_AGAIN ? at : at + 1;
	/* Where outputs must be written before a letter, an owner that stops leaves the message to the next one. */
	bool left = r->kind == CHAOS_RETURN_AGAIN || (r->kind == CHAOS_RETURN_DEAD && c->history->emits);
	if (left && w->counted == at + 1) {
		e->handled--;
		w->counted = at;
	}
	c->ownerships.items[w->ownership].wants_letter = r->kind == CHAOS_RETURN_DEAD;
	end_call(c, w, r->time);
}

void chaos_check_walk(chaos_checker *c)
{
	chaos_history *h = c->history;
	walk w = {0};
	if (h->records.count)
		qsort(h->records.items, h->records.count, sizeof(*h->records.items), compare_records);
	for (size_t i = 0; i < h->records.count; i++) {
		const chaos_record *r = &h->records.items[i];
		if (i > 0 && (r->process != r[-1].process || r->partition != r[-1].partition)) {
			end_ownership(c, &w, false);
			w = (walk){0};
		}
		switch (r->kind) {
		case CHAOS_OPEN:
			begin_ownership(c, &w, r);
			break;
		case CHAOS_CLOSE_RELEASED:
		case CHAOS_CLOSE_LOST:
			if (w.open)
				c->ownerships.items[w.ownership].closed = true;
			end_ownership(c, &w, r->kind == CHAOS_CLOSE_RELEASED);
			break;
		case CHAOS_MESSAGE:
			if (!w.open)
				begin_ownership(c, &w, r);
			take_message(c, &w, r);
			break;
		case CHAOS_RETURN_DONE:
		case CHAOS_RETURN_DEAD:
		case CHAOS_RETURN_AGAIN:
			take_return(c, &w, r);
			break;
		}
		c->owner_of[i] = w.ownership;
	}
	end_ownership(c, &w, false);
}
