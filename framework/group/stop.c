#include "group/stop.h"

#include "group/membership.h"

static bool all_done(const seg_member *m)
{
	for (uint32_t i = 0; i < m->active_count; i++) {
		const seg_partition *p = m->active[i];
		if (p->agent.running || (p->own.state != SEG_OWN_NONE && p->own.state != SEG_OWN_RELEASED))
			return false;
	}
	return true;
}

static bool any_runs(const seg_member *m)
{
	for (uint32_t i = 0; i < m->active_count; i++)
		if (m->active[i]->agent.running)
			return true;
	return false;
}

/* Of SEG_STOP_NOW, when no worker is left: begins the wait for Redis if that has not begun. */
static bool patience_is_over(seg_member *m)
{
	int64_t now = seg_now();
	if (m->stop_state.by == 0)
		m->stop_state.by = now + SEG_STOP_PATIENCE;
	return now >= m->stop_state.by;
}

/* SEG_STOP_DRAIN drains all partitions. SEG_STOP_NOW gives up those that are not being released yet. */
static void give_up_partitions(seg_member *m, int stop)
{
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_ownership *own = &m->active[i]->own;
		if (stop == SEG_STOP_NOW && own->state != SEG_OWN_RELEASING && own->state != SEG_OWN_RELEASED)
			seg_ownership_lost(own);
		else
			seg_ownership_revoked(own);
	}
}

/* In SEG_PHASE_GONE. */
static bool has_ended(const seg_member *m, int stop)
{
	return !any_runs(m) && (m->agent.fatal || stop != SEG_STOP_NOT);
}

/* A pause releases all partitions, and tells the group nothing of that. Returns whether the thread may end. */
static bool step_pause(seg_member *m)
{
	int pause = atomic_load_explicit(&m->pause, memory_order_acquire);
	m->stop_state.pause = pause;
	if (pause == SEG_PAUSE_NOT)
		return false;
	give_up_partitions(m, SEG_STOP_DRAIN);
	bool done = all_done(m);
	atomic_store_explicit(&m->drained, done, memory_order_release);
	return done && pause == SEG_PAUSE_END;
}

bool seg_stop_pauses(const seg_member *m)
{
	return atomic_load_explicit(&m->pause, memory_order_acquire) != SEG_PAUSE_NOT &&
	       atomic_load_explicit(&m->stop, memory_order_acquire) == SEG_STOP_NOT;
}

bool seg_stop_step(seg_member *m)
{
	int stop = atomic_load_explicit(&m->stop, memory_order_acquire);
	if (m->phase == SEG_PHASE_GONE)
		return has_ended(m, stop);
	if (stop == SEG_STOP_NOT)
		return step_pause(m);
	give_up_partitions(m, stop);
	if (stop == SEG_STOP_NOW && !any_runs(m) && patience_is_over(m))
		return true;
	if (!m->stop_state.told) {
		m->stop_state.told = true;
		seg_membership_hurry(m); /* capacity 0: partitions go to others as they are released */
	}
	if (m->phase != SEG_PHASE_MEMBER && m->phase != SEG_PHASE_JOINING)
		return m->phase != SEG_PHASE_LEAVING && !any_runs(m);
	/* SEG_STOP_NOW does not release lost partitions one by one: the leave gives up all of them. */
	if ((stop == SEG_STOP_NOW ? !any_runs(m) : all_done(m)) &&
	    seg_route_ready_for(m->control, m->control_slot) && seg_membership_leave(m))
		m->phase = SEG_PHASE_LEAVING;
	return false;
}

int64_t seg_stop_deadline(const seg_member *m, int64_t now)
{
	return now < m->stop_state.by ? m->stop_state.by : SEG_NEVER;
}

bool seg_stop_is_news(const seg_member *m)
{
	int stop = atomic_load_explicit(&m->stop, memory_order_acquire);
	int pause = atomic_load_explicit(&m->pause, memory_order_acquire);
	/* The round may have brought the last answer: nothing else wakes the thread after that. */
	if (m->phase == SEG_PHASE_GONE)
		return has_ended(m, stop);
	if (stop == SEG_STOP_NOT && pause != SEG_PAUSE_NOT)
		return pause != m->stop_state.pause ||
		       all_done(m) != atomic_load_explicit(&m->drained, memory_order_relaxed);
	return (stop != SEG_STOP_NOT && !m->stop_state.told) ||
	       (stop == SEG_STOP_NOW && m->stop_state.by == 0 && !any_runs(m));
}
