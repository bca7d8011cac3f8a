#include "chaos/checker_parts.h"

#include <stdlib.h>

/* So long may an owner have waited in vain when it released its partition. */
#define HELD_NS (6000 * (int64_t)CHAOS_NS_PER_MS)

/* --- one ownership after the other ------------------------------------------------------- */

static int compare_ownerships(const void *a, const void *b)
{
	const chaos_ownership *const *x = a, *const *y = b;
	if ((*x)->partition != (*y)->partition)
		return (*x)->partition < (*y)->partition ? -1 : 1;
	return (*x)->opened != (*y)->opened ? ((*x)->opened < (*y)->opened ? -1 : 1) : 0;
}

/* Shortly before, or then, what a handler emitted could not be written. */
static bool is_held(const chaos_history *h, int64_t time)
{
	/* Outputs that wait for replicas may be given up whenever the machine is busy. */
	if (h->emits && h->whole_log)
		return true;
	for (size_t i = 0; i < h->held.count; i++)
		if (h->held.items[i].from <= time && time <= h->held.items[i].to + HELD_NS)
			return true;
	for (size_t i = 0; h->emits && i < h->outages.count; i++)
		if (h->outages.items[i].from <= time && time <= h->outages.items[i].to + HELD_NS)
			return true;
	return false;
}

bool chaos_was_released(const chaos_checker *c, const chaos_ownership *o, int64_t until)
{
	for (size_t i = 0; (o->released || o->untold) && i < c->history->audits.count; i++) {
		const chaos_audit *a = &c->history->audits.items[i];
		if (a->kind == CHAOS_AUDIT_RELEASE && a->partition == o->partition && a->epoch == o->epoch &&
		    a->time <= until)
			return !is_held(c->history, a->time);
	}
	return false;
}

/*
 * Whether the group's position went back to before the entry, after the entry was first handed over and
 * before `time`.
 */
static bool came_back(const chaos_checker *c, const chaos_entry *e, int64_t time)
{
	for (size_t i = 0; i < c->history->rollbacks.count; i++) {
		const chaos_rollback *r = &c->history->rollbacks.items[i];
		/* `kept` may be a bound: what is in the log at the end, the new primary had. */
		if (!r->assignment && r->partition == e->partition && e->begun < r->until &&
		    r->time <= time && seg_id_compare(e->id, r->position) > 0 &&
		    (e->logged || seg_id_compare(e->id, r->kept) <= 0))
			return true;
	}
	return false;
}

/* Whether Redis forgot the ownership's release before `until`. */
static bool was_forgotten(const chaos_checker *c, const chaos_ownership *o, int64_t until)
{
	for (size_t i = 0; i < c->history->rollbacks.count; i++) {
		const chaos_rollback *r = &c->history->rollbacks.items[i];
		if (!r->assignment && r->partition == o->partition && o->opened <= r->until &&
		    r->time <= until && (r->epoch < o->epoch || (r->epoch == o->epoch && !r->released)))
			return true;
	}
	return false;
}

/* The same for an owner that had nothing of the lost log: see chaos_is_astray. */
static bool begins_astray(const chaos_checker *c, const chaos_ownership *o, size_t at, int64_t time)
{
	const chaos_entry *entries = c->ledger.entries;
	size_t from = at;
	while (from > 0 && entries[from - 1].partition == entries[at].partition &&
	       entries[from - 1].generation == entries[at].generation)
		from--;
	return (from == 0 || entries[from - 1].partition != entries[at].partition ||
		entries[from - 1].all_decided <= time) &&
	       chaos_is_astray(c, o, from, at);
}

/* Compares the messages of each ownership with those of earlier ones: which overlap, and which nobody had. */
static void check_beginning(chaos_checker *c)
{
	size_t last = SIZE_MAX, furthest = 0;
	for (size_t i = 0; i < c->history->records.count; i++) {
		const chaos_record *r = &c->history->records.items[i];
		if (r->kind != CHAOS_MESSAGE)
			continue;
		const chaos_entry *e = chaos_ledger_find(&c->ledger, r->partition, r->generation, r->id);
		size_t at = (size_t)(e - c->ledger.entries);
		bool first = c->owner_of[i] != last;
		last = c->owner_of[i];
		/* An owner at a primary that was lost does not know of what the other one had. */
		if (first && !e->vanished && !chaos_ledger_is_first(&c->ledger, e) &&
		    e[-1].all_decided > r->time && !begins_astray(c, &c->ownerships.items[last], at, r->time))
			chaos_violation(c, &c->verdict->reordered,
					"partition %" PRIu32 " epoch %" PRIu64 ": began at " ID
					", after messages that nobody had handled",
					r->partition, r->epoch, ID_OF(r->id));
		if (!first && at < furthest)
			continue;
		/* A frozen owner hands over late what a later owner had first: see check_overlap. */
		c->ownerships.items[last].again +=
			e->begun < r->time && e->begun_epoch < r->epoch && !came_back(c, e, r->time);
		furthest = at + 1;
	}
}

/* Whether the owner's own commit moved Redis's position to the entry or past it. */
static bool was_committed(const chaos_checker *c, const chaos_ownership *o, const chaos_entry *entry)
{
	for (size_t i = 0; i < c->history->audits.count; i++) {
		const chaos_audit *a = &c->history->audits.items[i];
		if (a->kind == CHAOS_AUDIT_COMMIT && a->partition == o->partition && a->epoch == o->epoch &&
		    (a->generation == entry->generation ? seg_id_compare(a->id, entry->id) >= 0
							: a->generation > entry->generation))
			return true;
	}
	return false;
}

/*
 * The index after the last entry that must not come again. An owner that stops while Redis is away leaves its
 * unwritten dead letter to the next owner.
 */
static size_t settled(const chaos_checker *c, const chaos_ownership *o)
{
	bool owed = o->wants_letter && !was_committed(c, o, &c->ledger.entries[o->done - 1]);
	return owed ? o->done - 1 : o->done;
}

static void check_repetition(chaos_checker *c)
{
	size_t count = c->ownerships.count;
	chaos_ownership **order = malloc((count + 1) * sizeof(*order));
	for (size_t i = 0; i < count; i++)
		order[i] = &c->ownerships.items[i];
	qsort(order, count, sizeof(*order), compare_ownerships);
	for (size_t i = 0; i < count; i++) {
		const chaos_ownership *o = order[i],
				      *before = i > 0 && order[i - 1]->partition == o->partition
							? order[i - 1]
							: NULL;
		if (o->again > c->verdict->most_again)
			c->verdict->most_again = o->again;
		if (o->again > c->history->window)
			chaos_violation(c, &c->verdict->excessive,
					"partition %" PRIu32 " epoch %" PRIu64
					": %zu messages came again, more than the %" PRIu32
					" that may be in flight",
					o->partition, o->epoch, o->again, c->history->window);
		else if (before && before->begun && o->begun && o->first < before->done &&
			 c->history->lanes <= 1 && chaos_was_released(c, before, o->opened) &&
			 !was_forgotten(c, before, o->opened) && o->first < settled(c, before))
			chaos_violation(c, &c->verdict->excessive,
					"partition %" PRIu32 " epoch %" PRIu64
					": %zu messages came again after a clean handoff",
					o->partition, o->epoch, before->done - o->first);
	}
	free(order);
}

/* --- at the same time -------------------------------------------------------------------- */

/* An owner learns of its claim late, and loads its values before it opens. */
static void find_claims(chaos_checker *c)
{
	for (size_t i = 0; i < c->ownerships.count; i++)
		c->ownerships.items[i].claimed = c->ownerships.items[i].opened;
	for (size_t i = 0; i < c->history->audits.count; i++) {
		const chaos_audit *a = &c->history->audits.items[i];
		for (size_t k = 0; a->kind == CHAOS_AUDIT_CLAIM && k < c->ownerships.count; k++) {
			chaos_ownership *o = &c->ownerships.items[k];
			if (o->partition == a->partition && o->epoch == a->epoch && a->time <= o->opened)
				o->claimed = a->time;
		}
	}
}

/* A freeze of the process that overlaps from..to, or NULL. */
static const chaos_freeze *freeze_between(const chaos_history *h, int process, int64_t from, int64_t to)
{
	for (size_t i = 0; i < h->freezes.count; i++) {
		const chaos_freeze *f = &h->freezes.items[i];
		if (f->process == process && f->from <= to && f->to >= from)
			return f;
	}
	return NULL;
}

static int compare_calls(const void *a, const void *b)
{
	const chaos_call *x = a, *y = b;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	return x->start != y->start ? (x->start < y->start ? -1 : 1) : 0;
}

/*
 * Nobody can take back a call in progress, or about to begin, when its process is stopped: one call per
 * freeze is forgiven, of each lane.
 */
static bool forgive(chaos_checker *c, chaos_call *late, int64_t from, int64_t to)
{
	chaos_ownership *o = &c->ownerships.items[late->ownership];
	const chaos_freeze *f = freeze_between(c->history, late->process, from, to);
	if (!f || late->forgiven == f->to)
		return f != NULL;
	if (o->forgiven != f->to)
		o->forgiven_calls = 0;
	o->forgiven = f->to;
	if (o->forgiven_calls++ >= (c->history->lanes > 1 ? c->history->lanes : 1))
		return false;
	late->forgiven = f->to;
	return true;
}

/*
 * Redis told one of the two of its ownership in a history that was lost. That owner trusts its lease until the lease ends.
 * Mostly that is the older owner: the new primary knows nothing of its lease. While there are two primaries, the later owner
 * may have asked the old one, and then the older one remains the owner. newest: the newest call of the later owner.
 */
static bool is_of_lost_history(chaos_checker *c, const chaos_call *older, const chaos_call *newest)
{
	const chaos_ownership *before = &c->ownerships.items[older->ownership];
	const chaos_ownership *after = &c->ownerships.items[newest->ownership];
	for (size_t i = 0; i < c->history->rollbacks.count; i++) {
		const chaos_rollback *r = &c->history->rollbacks.items[i];
		int64_t end = r->until + c->history->lease;
		bool outlives =
			before->claimed <= r->until && r->time <= after->opened && older->start <= end;
		bool is_lost = r->time <= after->opened && after->claimed <= r->until && newest->start <= end;
		if (r->partition == older->partition && (outlives || is_lost)) {
			c->verdict->outlived++;
			return true;
		}
	}
	return false;
}

/* The same, when Redis lost everything. */
static bool is_of_before_a_loss(chaos_checker *c, const chaos_call *older, const chaos_call *newest)
{
	size_t era = c->ownerships.items[older->ownership].era, lost = 0;
	if (era >= c->ownerships.items[newest->ownership].era)
		return false;
	for (size_t i = 0; i < c->history->losses.count; i++) {
		const chaos_loss *l = &c->history->losses.items[i];
		if (!l->leases || l->partition != older->partition || lost++ != era)
			continue;
		if (older->start > l->time + c->history->lease)
			return false;
		c->verdict->outlived++;
		return true;
	}
	return false;
}

/* Redis took the lease of the older owner for ended when its clock jumped; the owner trusts it until it ends. */
static bool is_of_before_a_jump(chaos_checker *c, const chaos_call *older, const chaos_call *newest)
{
	const chaos_ownership *before = &c->ownerships.items[older->ownership];
	const chaos_ownership *after = &c->ownerships.items[newest->ownership];
	for (size_t i = 0; i < c->history->jumps.count; i++) {
		int64_t jump = c->history->jumps.items[i].time;
		if (before->claimed <= jump && jump <= after->opened &&
		    older->start <= jump + c->history->lease) {
			c->verdict->outlived++;
			return true;
		}
	}
	return false;
}

static bool is_allowed(chaos_checker *c, const chaos_call *older, const chaos_call *newest)
{
	return is_of_lost_history(c, older, newest) || is_of_before_a_loss(c, older, newest) ||
	       is_of_before_a_jump(c, older, newest);
}

static int compare_epochs(const void *a, const void *b)
{
	const chaos_ownership *const *x = a, *const *y = b;
	if ((*x)->partition != (*y)->partition)
		return (*x)->partition < (*y)->partition ? -1 : 1;
	return (*x)->epoch != (*y)->epoch ? ((*x)->epoch < (*y)->epoch ? -1 : 1) : 0;
}

/* Whatever Redis has lost, no two processes get the same epoch of a partition. */
static void check_epochs(chaos_checker *c)
{
	size_t count = c->ownerships.count;
	chaos_ownership **order = malloc((count + 1) * sizeof(*order));
	for (size_t i = 0; i < count; i++)
		order[i] = &c->ownerships.items[i];
	qsort(order, count, sizeof(*order), compare_epochs);
	for (size_t i = 1; i < count; i++)
		if (compare_epochs(&order[i - 1], &order[i]) == 0 &&
		    order[i - 1]->process != order[i]->process)
			chaos_violation(c, &c->verdict->stale,
					"partition %" PRIu32 ": two processes got the epoch %" PRIu64,
					order[i]->partition, order[i]->epoch);
	free(order);
}

static void check_overlap(chaos_checker *c)
{
	/* The calls under the highest epoch: the first and the last of them. */
	chaos_call *newest = NULL, *last = NULL, *longest = NULL;
	if (c->calls.count)
		qsort(c->calls.items, c->calls.count, sizeof(*c->calls.items), compare_calls);
	for (size_t i = 0; i < c->calls.count; i++) {
		chaos_call *k = &c->calls.items[i];
		if (i == 0 || k->partition != k[-1].partition)
			newest = last = longest = NULL;
		if (longest && longest->ownership != k->ownership && longest->end > k->start &&
		    longest->rank < k->rank && !is_allowed(c, longest, k) &&
		    !forgive(c, longest, longest->start, k->start))
			chaos_violation(c, &c->verdict->stale,
					"partition %" PRIu32 ": epochs %" PRIu64 " and %" PRIu64
					" handled messages at the same time",
					k->partition, longest->epoch, k->epoch);
		/*
		 * A process may stop between checking its lease and the call. So look for a freeze from 2 s
		 * before the newer owner's first call.
		 */
		if (newest && newest->rank > k->rank && !is_allowed(c, k, last) &&
		    !forgive(c, k, newest->start - 2000 * (int64_t)CHAOS_NS_PER_MS, k->start))
			chaos_violation(c, &c->verdict->stale,
					"partition %" PRIu32 ": epoch %" PRIu64
					" began a call after epoch %" PRIu64 " had",
					k->partition, k->epoch, newest->epoch);
		if (!newest || k->rank > newest->rank)
			newest = k;
		if (k->rank == newest->rank)
			last = k;
		if (!longest || k->end > longest->end)
			longest = k;
	}
}

void chaos_check_owners(chaos_checker *c)
{
	if (c->history->lanes <= 1)
		check_beginning(c);
	check_repetition(c);
	check_epochs(c);
	find_claims(c);
	check_overlap(c);
}
