#include "chaos/checker_parts.h"

#include <stdlib.h>

typedef struct {
	uint64_t epoch; /* the newest epoch seen */
	bool up;        /* the fence is known to be raised for that epoch */
	bool known;
	size_t era;     /* how often Redis lost everything */
	bool lost;      /* Redis lost it: the epoch of before may come again, once */
	bool ungrouped; /* only the state has the position */
	bool unplaced;  /* Redis does not know the position: the log was lost, or the group with the state */
	seg_id position;
} fence;

/* Whether a handler had decided on the entry, and on all before it in the log, when Redis executed the commit. */
static bool is_handled(const chaos_checker *c, const chaos_audit *a)
{
	const chaos_entry *e = chaos_ledger_find(&c->ledger, a->partition, a->generation, a->id);
	/* Before an entry that only a lost primary had, there may be some that only the other one had. */
	if (e)
		return (e->vanished && !e->in_lost_log ? e->decided : e->all_decided) <= a->time;
	/* One of a lost log: what has a lower id in the present log must be handled, too, because the group passes it. */
	for (uint32_t g = a->generation; !e && g-- > 0;)
		e = chaos_ledger_find(&c->ledger, a->partition, g, a->id);
	const chaos_entry *passed = chaos_ledger_find_last(&c->ledger, a->partition, a->generation, a->id);
	return e && e->decided <= a->time && (!passed || passed->all_decided <= a->time);
}

/* Only the owner of the newest claim may commit. */
static void check_fence(chaos_checker *c, const fence *f, const chaos_audit *a)
{
	if (f->known && (!f->up || a->epoch != f->epoch))
		chaos_violation(c, &c->verdict->stale,
				"partition %" PRIu32 ": epoch %" PRIu64 " committed " ID
				" when the fence was %s%" PRIu64,
				a->partition, a->epoch, ID_OF(a->id), f->up ? "at " : "down since ",
				f->epoch);
	else if (a->epoch < f->epoch)
		chaos_violation(c, &c->verdict->stale,
				"partition %" PRIu32 ": epoch %" PRIu64 " committed after epoch %" PRIu64,
				a->partition, a->epoch, f->epoch);
}

static void check_commit(chaos_checker *c, const fence *f, const chaos_audit *a)
{
	check_fence(c, f, a);
	int direction = seg_id_compare(a->id, f->position);
	if (direction < 0)
		chaos_violation(c, &c->verdict->stale,
				"partition %" PRIu32 " epoch %" PRIu64 ": the position went back from " ID
				" to " ID,
				a->partition, a->epoch, ID_OF(f->position), ID_OF(a->id));
	if (direction <= 0)
		return;
	if (!is_handled(c, a))
		chaos_violation(c, &c->verdict->stale,
				"partition %" PRIu32 " epoch %" PRIu64 ": " ID
				" was committed before it was handled",
				a->partition, a->epoch, ID_OF(a->id));
}

static void check_again(chaos_checker *c, const fence *f, const chaos_audit *a)
{
	check_fence(c, f, a);
	if (f->known && !f->ungrouped && seg_id_compare(a->id, f->position) != 0)
		chaos_violation(c, &c->verdict->stale,
				"partition %" PRIu32 " epoch %" PRIu64 ": a commit that came again wrote " ID
				", not the position " ID,
				a->partition, a->epoch, ID_OF(a->id), ID_OF(f->position));
}

static void check_claim(chaos_checker *c, const fence *f, const chaos_audit *a)
{
	if (a->epoch < f->epoch)
		chaos_violation(c, &c->verdict->stale,
				"partition %" PRIu32 ": the fence went from epoch %" PRIu64
				" back to %" PRIu64,
				a->partition, f->epoch, a->epoch);
	if (f->known && a->epoch == f->epoch && !f->up && !f->lost)
		chaos_violation(c, &c->verdict->stale,
				"partition %" PRIu32 ": epoch %" PRIu64
				" was claimed again after its release",
				a->partition, a->epoch);
	if (seg_id_compare(a->id, f->position) < 0 ||
	    (f->known && !f->unplaced && seg_id_compare(a->id, f->position) > 0))
		chaos_violation(c, &c->verdict->stale,
				"partition %" PRIu32 " epoch %" PRIu64 ": claimed at " ID
				", not at the position " ID,
				a->partition, a->epoch, ID_OF(a->id), ID_OF(f->position));
}

/*
 * While nobody knows which of two primaries the partition had, only what its handlers had done is checked: each commit
 * stands for itself. The listener hears late what came before.
 */
static void forget_in_failover(const chaos_history *h, const chaos_audit *a, fence *f)
{
	for (size_t i = 0; i < h->rollbacks.count; i++) {
		const chaos_rollback *r = &h->rollbacks.items[i];
		if (!r->assignment && r->partition == a->partition && r->time < a->time &&
		    a->time <= r->until)
			*f = (fence){.epoch = r->epoch};
	}
}

/*
 * Whether the clock had been later before that loss of everything. Then the next epochs may be lower, if the member that gives
 * them out had not heard of the newest ones yet.
 */
static bool was_behind(const chaos_history *h, uint32_t partition, size_t era)
{
	for (size_t i = 0; i < h->losses.count; i++) {
		const chaos_loss *l = &h->losses.items[i];
		if (l->leases && l->partition == partition && era-- == 0)
			return l->behind;
	}
	return false;
}

/*
 * Without its state, nobody may commit before a new claim. Without its log, the group may be anywhere in the next one. Where it was
 * is in the log's group and in the state; without both, its owner knows the newest commit of which it had an answer.
 */
static void lose(const chaos_history *h, uint32_t partition, fence *f, chaos_audit_kind what)
{
	bool all = what == CHAOS_AUDIT_ALL_LOST;
	if (all && was_behind(h, partition, f->era++))
		f->epoch = 0;
	f->ungrouped |= all || what == CHAOS_AUDIT_LOG_LOST || what == CHAOS_AUDIT_GROUP_LOST;
	if (all || what == CHAOS_AUDIT_STATE_LOST) {
		f->known = f->lost = true;
		f->up = false;
	}
	if (all || what == CHAOS_AUDIT_LOG_LOST || (f->ungrouped && f->lost)) {
		f->unplaced = true;
		f->position = (seg_id){0, 0};
	}
}

void chaos_check_redis(chaos_checker *c)
{
	uint32_t partitions = 0;
	for (size_t i = 0; i < c->history->audits.count; i++)
		if (c->history->audits.items[i].partition >= partitions)
			partitions = c->history->audits.items[i].partition + 1;
	fence *fences = calloc(partitions + 1, sizeof(*fences));
	for (size_t i = 0; i < c->history->audits.count; i++) {
		const chaos_audit *a = &c->history->audits.items[i];
		fence *f = &fences[a->partition];
		forget_in_failover(c->history, a, f);
		switch (a->kind) {
		case CHAOS_AUDIT_GAP:
			for (uint32_t p = 0; p < partitions; p++)
				fences[p].known = false;
			continue;
		case CHAOS_AUDIT_ROLLBACK:
			*f = (fence){.epoch = a->epoch, .position = a->id};
			continue;
		case CHAOS_AUDIT_ALL_LOST:
			for (uint32_t p = 0; p < partitions; p++)
				lose(c->history, p, &fences[p], a->kind);
			continue;
		case CHAOS_AUDIT_LOG_LOST:
		case CHAOS_AUDIT_GROUP_LOST:
		case CHAOS_AUDIT_STATE_LOST:
			lose(c->history, a->partition, f, a->kind);
			continue;
		case CHAOS_AUDIT_CLAIM:
			check_claim(c, f, a);
			f->known = f->up = true;
			f->lost = f->unplaced = f->ungrouped = false;
			break;
		case CHAOS_AUDIT_COMMIT:
			check_commit(c, f, a);
			break;
		case CHAOS_AUDIT_AGAIN:
			check_again(c, f, a);
			continue;
		case CHAOS_AUDIT_RELEASE:
			f->up = false;
			break;
		}
		if (a->epoch > f->epoch)
			f->epoch = a->epoch;
		if (a->kind != CHAOS_AUDIT_RELEASE && seg_id_compare(a->id, f->position) > 0)
			f->position = a->id;
	}
	free(fences);
}
