#include "chaos/checker_parts.h"

#include <stdlib.h>

/*
 * A killed process's threads stop within this time. On a busy machine the kernel takes far longer to remove
 * the process.
 */
#define KILLED_FOR_SURE (50 * (int64_t)CHAOS_NS_PER_MS)

static int64_t end_of_process(const chaos_history *h, int process)
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
	for (size_t i = w->done; !released && o->begun && i < w->furthest; i++)
		c->ledger.entries[i].deaths++;
	w->open = false;
}

static void begin_ownership(chaos_checker *c, walk *w, const chaos_record *r)
{
	end_ownership(c, w, false);
	chaos_ownership o = {.partition = r->partition,
			     .process = r->process,
			     .epoch = r->epoch,
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

/* Whether the owner was right to go on with the entry `to`, and not with `from`. */
static bool may_skip(const chaos_checker *c, size_t from, size_t to, int64_t time)
{
	return to > from && (are_gone(c, from, to, time) || are_of_the_other_primary(c, from, to, time));
}

static void take_message(chaos_checker *c, walk *w, const chaos_record *r)
{
	chaos_entry *e = chaos_ledger_find(&c->ledger, r->partition, r->id);
	size_t at = (size_t)(e - c->ledger.entries);
	chaos_ownership *o = &c->ownerships.items[w->ownership];
	if (!w->in_call) {
		chaos_call begun = {r->partition,
				    r->process,
				    r->epoch,
				    r->time,
				    end_of_process(c->history, r->process),
				    w->ownership};
		chaos_append(&c->calls, begun);
		w->in_call = true;
		w->call = c->calls.count - 1;
		w->call_first = at;
	}
	e->call = c->calls.count;
	if (o->begun && at != w->next && !may_skip(c, w->next, at, r->time))
		chaos_violation(c, &c->verdict->reordered,
				"partition %" PRIu32 " epoch %" PRIu64 ": " ID " came %s", r->partition,
				r->epoch, ID_OF(r->id),
				at > w->next ? "before earlier messages" : "again, or late");
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

static void take_return(chaos_checker *c, walk *w, const chaos_record *r)
{
	chaos_entry *e = chaos_ledger_find(&c->ledger, r->partition, r->id);
	if (!w->in_call || !e)
		return;
	size_t at = (size_t)(e - c->ledger.entries);
	decide(c, w, at + (r->kind != CHAOS_RETURN_AGAIN), r->time);
	e->wanted_dead |= r->kind == CHAOS_RETURN_DEAD;
	w->next = w->done = r->kind == CHAOS_RETURN_AGAIN ? at : at + 1;
	if (r->kind == CHAOS_RETURN_AGAIN && w->counted == at + 1) {
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
