#include "group/rest.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* The longest rest. */
#define SWEEP_INTERVAL SEG_SECOND

int seg_rest_init(seg_member *m)
{
	m->awake = calloc(m->stream->shape.partitions, sizeof(*m->awake));
	return m->awake ? 0 : SEG_ENOMEM;
}

void seg_rest_fini(seg_member *m)
{
	free(m->awake);
	m->awake = NULL;
}

void seg_rest_wake(seg_partition *p)
{
	seg_member *m = p->member;
	if (!p->rest.rests)
		return;
	p->rest.rests = false;
	m->awake[m->awake_count++] = p;
}

void seg_rest_wake_all(seg_member *m)
{
	for (uint32_t i = 0; i < m->active_count; i++)
		m->active[i]->rest.rests = false;
	memcpy(m->awake, m->active, m->active_count * sizeof(*m->awake));
	m->awake_count = m->active_count;
}

void seg_rest_begin(seg_member *m, bool quiet, int64_t now)
{
	if (m->awake_count < m->active_count && (now >= m->rest.sweep_at || !quiet))
		seg_rest_wake_all(m);
}

/* It is served, and stays this member's unless a note says so. */
static bool is_settled(const seg_partition *p)
{
	const seg_ownership *own = &p->own;
	return own->state == SEG_OWN_ACTIVE && own->worker && !own->revoke && !own->demanded &&
	       p->notes == 0 && p->agent.running && p->shortage.served && !p->shortage.failing &&
	       !p->shortage.given_back;
}

/* No message of this ownership has come; or all are handled and committed, with what they have brought forth. */
static bool is_done(const seg_partition *p)
{
	const seg_ledger *l = &p->ledger;
	if (l->fetched_count == 0)
		return true;
	return l->handled_count == l->fetched_count && seg_ledger_uncommitted(l) == 0 &&
	       l->outstanding_count == 0 && l->completions.count == 0 && l->changed.count == 0 &&
	       !seg_ledger_keeps_beyond(l) && !p->outputs.active;
}

/* It is done, and none of its calls is under way or due. */
static bool is_idle(const seg_partition *p, int64_t now)
{
	return p->may_rest && is_done(p) && p->resume.lettered_count == 0 && !p->commit.busy &&
	       p->request.current.kind == SEG_REQUEST_NONE && !p->request.busy && !p->gap.busy &&
	       (p->gap.look_at == 0 || now < p->gap.look_at) && p->gap.found == 0 && !p->presence.busy &&
	       p->hindrance.told && !p->hindrance.busy && !p->hindrance.changed;
}

/* Its log rings when a message comes, and has not rung since the newest read. */
static bool is_silent(const seg_partition *p, int64_t now)
{
	return p->read.reading == SEG_READING_NOT && !p->read.backlogged && p->read.refusals == 0 &&
	       now >= p->read.at && !p->careful_read.on && p->doorbell.listens && !p->doorbell.rang &&
	       now < p->doorbell.at && p->presence.rings == p->doorbell.rings;
}

/* When it needs a step, whether it rings or not. */
static int64_t due_of(const seg_partition *p)
{
	bool looks = p->gap.look_at > 0 && p->gap.look_at < p->doorbell.at;
	return looks ? p->gap.look_at : p->doorbell.at;
}

int64_t seg_rest_end(seg_member *m, bool quiet, int64_t now)
{
	uint32_t awake = 0;
	if (!quiet)
		return SEG_NEVER;
	if (m->awake_count == m->active_count) {
		m->rest.due = SEG_NEVER;
		m->rest.sweep_at = now + SWEEP_INTERVAL;
	}
	for (uint32_t i = 0; i < m->awake_count; i++) {
		seg_partition *p = m->awake[i];
		p->rest.rests = is_settled(p) && is_idle(p, now) && is_silent(p, now);
		if (!p->rest.rests)
			m->awake[awake++] = p;
		else if (due_of(p) < m->rest.due)
			m->rest.due = due_of(p);
	}
	m->awake_count = awake;
	if (awake == m->active_count)
		return SEG_NEVER;
	return m->rest.due > m->rest.sweep_at ? m->rest.due : m->rest.sweep_at;
}
