#include "group/agent.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/random.h"
#include "base/spare_cpus.h"
#include "group/acks.h"
#include "group/blocking_read.h"
#include "group/brief.h"
#include "group/careful_read.h"
#include "group/claim.h"
#include "group/commit.h"
#include "group/doorbell.h"
#include "group/fenced_call.h"
#include "group/fetch.h"
#include "group/gap.h"
#include "group/hindrance.h"
#include "group/history.h"
#include "group/membership.h"
#include "group/notes.h"
#include "group/open_group.h"
#include "group/outputs.h"
#include "group/presence.h"
#include "group/read.h"
#include "group/refusal.h"
#include "group/request.h"
#include "group/rest.h"
#include "group/roll.h"
#include "group/shortage.h"
#include "group/stop.h"
#include "group/value_load.h"

/* Between two tries to start a worker. */
#define START_PAUSE (100 * SEG_MS)
#define START_PAUSE_CAP (5 * SEG_SECOND)

/* While a partition waits for a claim, a worker or a release. */
#define STEP_PAUSE (20 * SEG_MS)

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* --- the connections ------------------------------------------------------------------ */

void seg_agent_link_state(void *arg, seg_node node, bool up, const seg_error *why)
{
	seg_member_link *link = arg;
	seg_member *m = link->member;
	(void)why;
	if (!up) {
		seg_history_disconnected(link, node);
		return;
	}
	/* First, so that control has the history before any other answer. */
	seg_history_connected(link, node);
	if (link != &m->links[SEG_LINK_CONTROL])
		return;
	seg_open_group_connected(m);
	if (node == seg_route_node(m->control, m->control_slot))
		seg_membership_connected(m);
}

/* Returns when the next tick is due. */
static int64_t tick_links(seg_member *m, int64_t now, bool polled)
{
	int64_t next = SEG_NEVER;
	for (unsigned i = 0; i < SEG_LINKS; i++)
		if (m->links[i].route)
			next = earlier(next, seg_route_tick(m->links[i].route, now, polled));
	return next;
}

/* --- the parts' notes -------------------------------------------------------------------- */

/* Reads every position again, because Redis may have given out ids a second time. */
static void doubt_everything(seg_member *m)
{
	if (!m->history.ids.run_id[0])
		seg_log(&m->logger, SEG_LOG_INFO,
			"connected again; without a right to INFO it cannot be seen whether this Redis has lost writes; "
			"reading all positions again");
	else
		seg_log(&m->logger, SEG_LOG_WARNING,
			"Redis was restarted or replaced; reading all positions again");
	seg_open_group_everywhere(m);
	seg_membership_doubt_share(m);
	seg_membership_hurry(m);
}

static void fail(seg_member *m, const seg_error *failure)
{
	if (m->agent.fatal)
		return;
	m->agent.fatal = true;
	seg_log(&m->logger, SEG_LOG_ERROR, "%s", failure->text);
	for (uint32_t i = 0; i < m->active_count; i++)
		seg_ownership_lost(&m->active[i]->own);
	m->phase = SEG_PHASE_GONE;
	seg_rest_wake_all(m);
	if (m->options.hooks.fatal)
		m->options.hooks.fatal(m->options.hooks.arg, failure);
}

/* A login that stays refused is for an operator to mend. */
static void check_login(seg_member *m, int64_t now)
{
	seg_error failure;
	if (!seg_route_login_is_lost(m->control, m->control_slot, now))
		return;
	seg_fail(&failure, SEG_EAUTH, "the login has been refused for a minute: %.400s",
		 seg_route_error_for(m->control, m->control_slot)->text);
	fail(m, &failure);
}

/* Adds the partitions that became ours to the list. */
static void activate(seg_member *m)
{
	for (uint32_t n = 0; n < m->partition_count; n++) {
		seg_partition *p = &m->partitions[n];
		if (p->own.state == SEG_OWN_NONE || p->agent.active)
			continue;
		p->agent.active = true;
		m->active[m->active_count++] = p;
	}
}

static void change_phase(seg_member *m, unsigned notes)
{
	if ((notes & SEG_NOTE_GROUP_OPEN) && m->phase == SEG_PHASE_OPENING) {
		m->phase = SEG_PHASE_JOINING;
		seg_membership_hurry(m);
	}
	if ((notes & SEG_NOTE_JOINED) && m->phase == SEG_PHASE_JOINING)
		m->phase = SEG_PHASE_MEMBER;
	if ((notes & SEG_NOTE_DROPPED) && m->phase == SEG_PHASE_MEMBER)
		m->phase = SEG_PHASE_JOINING;
	if (notes & SEG_NOTE_LEFT)
		m->phase = SEG_PHASE_GONE;
}

static void act(seg_member *m)
{
	unsigned notes = seg_notes_take(m);
	if (notes == 0)
		return;
	change_phase(m, notes);
	if (notes & SEG_NOTE_ANOTHER_HISTORY)
		doubt_everything(m);
	if (notes & SEG_NOTE_PARTITIONS_IN_DOUBT)
		seg_open_group_hurry(m);
	if (notes & SEG_NOTE_SHARE)
		activate(m);
	if (notes & SEG_NOTE_SHARE_IN_DOUBT)
		seg_membership_doubt_share(m);
	if (notes & SEG_NOTE_HEARTBEAT)
		seg_membership_hurry(m);
	if (notes & SEG_NOTE_REPLACED)
		fail(m, &m->notes.failure);
	seg_rest_wake_all(m);
}

static void act_on_partition(seg_member *m, seg_partition *p)
{
	unsigned notes = seg_notes_take_partition(p);
	if (notes & SEG_NOTE_CLAIMED) {
		seg_ledger_begin(&p->ledger, p->resume.position, p->claim.entries_read);
		seg_ledger_skip(&p->ledger, &p->resume.beyond);
		seg_handoff_init(&p->handoff, &m->waker, &m->lease_until, m->options.shared_event);
		seg_read_begin(p);
		seg_value_load_begin(p);
		seg_shortage_begin(p);
		seg_hindrance_begin(p);
		seg_refusal_begin(p);
		p->agent.start_failures = 0;
		p->agent.start_at = 0;
		seg_fenced_begin(p);
		seg_commit_begin(p);
		seg_acks_begin(p);
		seg_request_begin(p);
		seg_gap_begin(p);
		seg_outputs_begin(p);
	}
	if ((notes & SEG_NOTE_ANSWERED) && m->options.hooks.answered)
		m->options.hooks.answered(m->options.hooks.arg, p);
}

/* --- one partition's next step -------------------------------------------------------------- */

static void start_worker(seg_member *m, seg_partition *p, int64_t now)
{
	/* A read of the previous ownership may still be under way. It must return the target first. */
	if (now < p->agent.start_at || p->read.reading != SEG_READING_NOT || !seg_value_load_step(p, now))
		return;
	p->agent.running = true;
	if (m->options.hooks.start(m->options.hooks.arg, p)) {
		p->agent.running = false;
		p->agent.start_at =
			now + seg_backoff(START_PAUSE, START_PAUSE_CAP, ++p->agent.start_failures);
		return;
	}
	p->agent.start_failures = 0;
	seg_ownership_worker_started(&p->own);
}

static void demand(seg_member *m, seg_partition *p, seg_demand what)
{
	seg_ownership_demanded(&p->own);
	seg_handoff_demand(&p->handoff, what);
	if (what == SEG_DEMAND_ABANDON)
		seg_request_forget(p);
	if (m->options.hooks.demand)
		m->options.hooks.demand(m->options.hooks.arg, p, what);
}

/* Enters the worker's last progress into the ledger before the ledger ends. */
static void finish_worker(seg_member *m, seg_partition *p, int64_t now)
{
	if (!p->agent.running || !atomic_load_explicit(&p->handoff.worker.stopped, memory_order_acquire))
		return;
	if (m->outputs && seg_outputs_hold(p, now))
		return;
	seg_ledger_drain(&p->ledger);
	seg_ledger_collect(&p->ledger);
	m->options.hooks.finish(m->options.hooks.arg, p);
	seg_outputs_drop(p);
	seg_ledger_end(&p->ledger);
	seg_value_load_end(p);
	seg_fetch_forget(p);
	seg_request_end(p);
	seg_commit_hurry(p);
	p->agent.running = false;
	p->agent.unsettled = true;
	seg_ownership_worker_stopped(&p->own);
}

static void settle(seg_member *m, seg_partition *p)
{
	if (!p->agent.unsettled || p->own.state == SEG_OWN_RELEASING)
		return;
	p->agent.unsettled = false;
	seg_ledger_settle(&p->ledger);
	seg_ledger_drop_changes(&p->ledger);
	if (m->options.hooks.settled)
		m->options.hooks.settled(m->options.hooks.arg, p);
}

/* Does the next action of the partition's ownership. */
static void step_ownership(seg_member *m, seg_partition *p, int64_t now)
{
	switch (seg_ownership_next(&p->own)) {
	case SEG_DO_NOTHING:
		break;
	case SEG_DO_CLAIM:
		seg_claim_step(p, now);
		break;
	case SEG_DO_START_WORKER:
		start_worker(m, p, now);
		break;
	case SEG_DO_DRAIN_WORKER:
		demand(m, p, SEG_DEMAND_DRAIN);
		break;
	case SEG_DO_ABANDON_WORKER:
		demand(m, p, SEG_DEMAND_ABANDON);
		break;
	case SEG_DO_RELEASE:
		seg_commit_release(p, now);
		break;
	case SEG_DO_REPORT:
		if (!seg_stop_pauses(m))
			seg_membership_hurry(m);
		break;
	}
}

/* Returns when the partition needs its next step. */
static int64_t step_partition(seg_member *m, seg_partition *p, int64_t now)
{
	act_on_partition(m, p);
	int64_t next = seg_request_step(p, now);
	next = earlier(next, seg_commit_step(p, now));
	if (m->outputs)
		next = earlier(next, seg_outputs_step(p, now));
	next = earlier(next, seg_gap_step(p, now));
	next = earlier(next, seg_presence_step(p, now));
	if (p->agent.running && m->options.hooks.check)
		next = earlier(next, m->options.hooks.check(m->options.hooks.arg, p, now));
	next = earlier(next, seg_hindrance_step(p, now));
	finish_worker(m, p, now);
	settle(m, p);
	step_ownership(m, p, now);
	if (p->own.state == SEG_OWN_ACQUIRED || p->own.state == SEG_OWN_RELEASING ||
	    (p->own.state == SEG_OWN_ACTIVE && !p->agent.running))
		next = earlier(next, now + STEP_PAUSE);
	return next;
}

/* --- the duty cycle --------------------------------------------------------------------- */

static void drop_inactive(seg_member *m)
{
	uint32_t kept = 0;
	bool all_stay = true;
	for (uint32_t i = 0; i < m->awake_count; i++) {
		seg_partition *p = m->awake[i];
		p->agent.active = p->own.state != SEG_OWN_NONE || p->agent.running ||
				  p->read.reading != SEG_READING_NOT || p->notes || p->agent.unsettled;
		all_stay = all_stay && p->agent.active;
	}
	for (uint32_t i = 0; i < m->active_count && !all_stay; i++)
		if (m->active[i]->agent.active)
			m->active[kept++] = m->active[i];
	if (all_stay)
		return;
	m->active_count = kept;
	seg_rest_wake_all(m);
}

static void report(seg_member *m, int64_t now)
{
	if (!atomic_load_explicit(&m->report, memory_order_relaxed) || !atomic_exchange(&m->report, false))
		return;
	for (uint32_t i = 0; i < m->active_count; i++)
		if (m->active[i]->own.state != SEG_OWN_NONE && m->options.hooks.report)
			m->options.hooks.report(m->options.hooks.arg, m->active[i], now);
}

/* Whether partitions may rest. On a cluster, slots move without a ring. */
static bool is_quiet(seg_member *m)
{
	return m->phase == SEG_PHASE_MEMBER && atomic_load(&m->stop) == SEG_STOP_NOT &&
	       atomic_load(&m->pause) == SEG_PAUSE_NOT && !seg_route_is_cluster(m->data) &&
	       seg_doorbell_is_used(m);
}

/* Looks at all partitions that are awake. Returns when they need the next round. */
static int64_t full_round(seg_member *m, int64_t now)
{
	seg_brief_end(m, now);
	m->commit.awaited = atomic_load(&m->awaiting) > 0;
	if (atomic_load_explicit(&m->starved, memory_order_relaxed) && atomic_exchange(&m->starved, false))
		seg_stock_free(&m->stock);
	act(m);
	seg_refusal_step(m);
	int64_t next = seg_open_group_step(m, now);
	seg_rest_begin(m, is_quiet(m), now);
	drop_inactive(m);
	report(m, now);
	for (uint32_t i = 0; i < m->awake_count; i++)
		next = earlier(next, step_partition(m, m->awake[i], now));
	seg_commit_ask_replicas(m);
	act(m);
	next = earlier(next, seg_shortage_step(m, now));
	next = earlier(next, seg_roll_step(m, now));
	next = earlier(next, seg_membership_step(m, now));
	next = earlier(next, seg_fetch_step(m, m->awake, m->awake_count, now));
	next = earlier(next, seg_stop_deadline(m, now));
	return earlier(next, seg_rest_end(m, is_quiet(m), now));
}

static int64_t brief_round(seg_member *m, int64_t now)
{
	return earlier(seg_brief_ends(m), seg_fetch_step(m, m->brief.heard, m->brief.count, now));
}

/* Returns when the next round is due. */
static int64_t do_work(seg_member *m)
{
	int64_t now = seg_now();
	tick_links(m, now, m->agent.polled);
	seg_history_follow_slots(m);
	check_login(m, now);
	m->agent.brief = seg_brief_suffices(m, m->agent.kicked, now);
	int64_t next = m->agent.brief ? brief_round(m, now) : full_round(m, now);
	seg_brief_forget(m);
	/* Sends the new commands. They may fail, and they set the timers of their answers. */
	next = earlier(next, tick_links(m, now, false));
	return m->notes.what ? now : next;
}

/* Whether the worker has stored something since the round looked. */
static bool missed_worker(const seg_partition *p)
{
	seg_request request;
	if (!p->agent.running)
		return false;
	if (atomic_load_explicit(&p->handoff.worker.stopped, memory_order_acquire) && !p->outputs.holds)
		return true;
	/* Those of a lost partition stay until its worker has stopped, which a call may delay for long. */
	if (seg_ownership_commits(&p->own) && seg_handoff_has_completions(&p->handoff))
		return true;
	if (p->request.current.kind == SEG_REQUEST_NONE && seg_handoff_pending(&p->handoff, &request))
		return true;
	return seg_ownership_fetches(&p->own) &&
	       atomic_load_explicit(&p->handoff.io.starved, memory_order_relaxed) &&
	       seg_ledger_has_news(&p->ledger);
}

/* Whether another thread has stored something between do_work and the sleep. After a brief round, a full one looks soon. */
static bool missed_something(seg_member *m)
{
	for (uint32_t i = 0; i < m->awake_count && !m->agent.brief; i++)
		if (missed_worker(m->awake[i]) || m->awake[i]->notes)
			return true;
	bool is_awaited = !m->commit.awaited && atomic_load(&m->awaiting) > 0;
	bool is_asked = !m->agent.brief && (is_awaited || atomic_load(&m->starved));
	return is_asked || atomic_load(&m->report) || seg_stop_is_news(m);
}

static void sleep_until(seg_member *m, int64_t next)
{
	if (m->options.idle == SEG_IDLE_YIELD)
		sched_yield();
	if (m->options.idle == SEG_IDLE_YIELD || m->agent.spins) {
		seg_poll_set_wait(&m->polled, 0);
		return;
	}
	atomic_store_explicit(&m->waker.asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	int64_t pause = missed_something(m) ? 0 : next == SEG_NEVER ? SEG_SECOND : next - seg_now();
	if (pause < 0)
		pause = 0;
	seg_poll_set_wait(&m->polled, pause);
	atomic_store_explicit(&m->waker.asleep, 0, memory_order_relaxed);
}

/* Sleeps until an event or `next`. */
static void sleep_and_poll(seg_member *m, int64_t next)
{
	seg_poll_set *set = &m->polled;
	seg_poll_set_clear(set);
	nfds_t waker = seg_poll_set_add(set, m->waker.fd, POLLIN);
	for (unsigned i = 0; i < SEG_LINKS; i++)
		if (m->links[i].route)
			seg_route_poll(m->links[i].route, set);
	sleep_until(m, next);
	m->agent.polled = true;
	m->agent.kicked = seg_poll_set_found(set, waker);
	if (m->agent.kicked)
		seg_waker_drain(&m->waker);
}

void *seg_agent_run(void *arg)
{
	seg_member *m = arg;
	m->agent.spins = m->options.idle == SEG_IDLE_SPIN && seg_spare_cpu_take();
	while (!seg_stop_step(m)) {
		int64_t next = do_work(m);
		atomic_fetch_add_explicit(&m->rounds, 1, memory_order_relaxed);
		sleep_and_poll(m, next);
	}
	if (m->agent.spins)
		seg_spare_cpu_give_back();
	/* An answer may be missing, which nobody waits for any more. */
	for (uint32_t i = 0; i < m->partition_count; i++)
		seg_careful_read_leave(&m->partitions[i]);
	seg_roll_end(m);
	atomic_store(&m->drained, true);
	return NULL;
}
