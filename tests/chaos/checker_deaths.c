#include "chaos/checker_parts.h"

#include <stdlib.h>

/*
 * The first deaths only tell that one of the messages in flight is to blame: the runner then hands them over alone. It counts
 * these deaths against the first message after the position, whether or not the handler had begun with it.
 */
enum { DEATHS_BEFORE_ISOLATION = 2 };

/* Whether the owner ended after it was given the entry and before it finished it: one of the entry's `deaths`. */
static bool died_of(const chaos_checker *c, uint32_t partition, uint64_t epoch, size_t at)
{
	for (size_t i = 0; i < c->ownerships.count; i++) {
		const chaos_ownership *o = &c->ownerships.items[i];
		if (o->partition == partition && o->epoch == epoch && o->begun && !o->released &&
		    at >= o->done && at < o->furthest)
			return true;
	}
	return false;
}

static bool has_released(const chaos_checker *c, uint32_t partition, uint64_t epoch)
{
	for (size_t i = 0; i < c->history->audits.count; i++) {
		const chaos_audit *a = &c->history->audits.items[i];
		if (a->kind == CHAOS_AUDIT_RELEASE && a->partition == partition && a->epoch == epoch)
			return true;
	}
	return false;
}

/* Whether the position is at the entry before this one. */
static bool is_right_before(const chaos_checker *c, const chaos_entry *e, const chaos_audit *a)
{
	const chaos_entry *before = e - 1;
	bool first = chaos_ledger_is_first(&c->ledger, e) || before->generation != e->generation;
	return seg_id_compare(a->id, e->id) < 0 && (first || seg_id_compare(a->id, before->id) >= 0);
}

/* The owners that may have died right before the entry, and without it: 0 or more. */
typedef struct {
	uint64_t epoch; /* the newest owner */
	bool known, unheard;
	unsigned others;
	seg_id position;
} walk;

static void take_claim(const chaos_checker *c, const chaos_entry *e, walk *w, const chaos_audit *a)
{
	size_t at = (size_t)(e - c->ledger.entries);
	bool here = is_right_before(c, e, a);
	/* The owner before this one has ended, or is thought to have. */
	if (here && w->known && w->epoch != a->epoch && !died_of(c, e->partition, w->epoch, at) &&
	    !has_released(c, e->partition, w->epoch))
		w->others++;
	w->epoch = a->epoch;
	w->known = true;
}

unsigned chaos_deaths_most(const chaos_checker *c, const chaos_entry *e)
{
	walk w = {0};
	for (size_t i = 0; i < c->history->audits.count; i++) {
		const chaos_audit *a = &c->history->audits.items[i];
		bool gap = a->kind == CHAOS_AUDIT_GAP || a->kind == CHAOS_AUDIT_ROLLBACK;
		/* While nobody listened, other owners may have come and gone; until the position was past the entry. */
		if (gap && seg_id_compare(w.position, e->id) < 0)
			w.unheard = true;
		if (gap || a->partition != e->partition || a->generation != e->generation)
			continue;
		if (a->kind == CHAOS_AUDIT_COMMIT || a->kind == CHAOS_AUDIT_CLAIM) {
			w.position = a->id;
			if (w.unheard && seg_id_compare(a->id, e->id) < 0 && !is_right_before(c, e, a)) {
				w.unheard = false;
				w.known = w.known && a->epoch == w.epoch;
			}
		}
		if (a->kind == CHAOS_AUDIT_CLAIM)
			take_claim(c, e, &w, a);
	}
	unsigned others =
		w.unheard || w.others > DEATHS_BEFORE_ISOLATION ? DEATHS_BEFORE_ISOLATION : w.others;
	return e->deaths + others;
}
