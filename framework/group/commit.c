#include "group/commit.h"

#include "group/fenced_call.h"
#include "group/history.h"
#include "group/notes.h"

#define LOOK_PAUSE_MIN (SEG_MS / 10) /* with commit_interval 0, too */
#define LOOK_PAUSE_MAX (20 * SEG_MS)

static void note_committed(seg_partition *p, seg_id id, uint64_t count)
{
	uint64_t added = seg_ledger_committed(&p->ledger, id, count);
	if (added == 0)
		return;
	atomic_fetch_add_explicit(&p->member->counters.committed, added, memory_order_relaxed);
	/* seg_consumer_sync may be waiting for this commit. */
	if (p->member->options.shared_event)
		seg_handoff_wake(&p->handoff);
}

/* --- answers ----------------------------------------------------------------------- */

/* The commit under way has its answer. False: its ownership is over. */
static bool answered(seg_partition *p)
{
	p->commit.busy = false;
	return p->commit.epoch == p->own.epoch;
}

static void got_commit(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	if (!answered(p) || !seg_fenced_succeeded(p, reply, "a commit"))
		return;
	note_committed(p, p->commit.id, p->commit.count);
	atomic_fetch_add_explicit(&p->member->counters.commits, 1, memory_order_relaxed);
	seg_durations_add(&p->member->counters.committing, seg_now() - p->commit.sent_at);
}

static void got_release(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	if (!answered(p))
		return;
	if (seg_fenced_succeeded(p, reply, "the release of a partition")) {
		note_committed(p, p->commit.id, p->commit.count);
		seg_ownership_released(&p->own);
		seg_log(&p->logger, SEG_LOG_DEBUG, "released");
	} else {
		seg_ownership_release_failed(&p->own);
	}
}

/* --- sending ------------------------------------------------------------------------- */

static bool send_commit(seg_partition *p, bool release, seg_reply_fn fn)
{
	const seg_ledger *l = &p->ledger;
	seg_fenced_texts texts;
	seg_fenced_write(&texts, p, l->handled, l->handled_count);
	const char *argv[] = {p->log_key,     p->state_key, p->member->group, texts.epoch,
			      p->claim.nonce, texts.id,     texts.count,      release ? "1" : "0"};
	if (!seg_route_script(p->member->commits->route, SEG_SCRIPT_COMMIT, fn, p, 2, 8, argv, NULL))
		return false;
	p->commit.busy = true;
	p->commit.epoch = p->own.epoch;
	p->commit.id = l->handled;
	p->commit.count = l->handled_count;
	return true;
}

void seg_commit_release(seg_partition *p, int64_t now)
{
	if (!p->commit.busy && seg_fenced_may_send(p, p->member->commits, now) &&
	    send_commit(p, true, got_release))
		seg_ownership_release_sent(&p->own);
}

void seg_commit_begin(seg_partition *p)
{
	p->commit.at = 0;
	p->commit.look_pause = p->member->options.commit_interval;
}

void seg_commit_hurry(seg_partition *p)
{
	p->commit.at = 0;
}

/* After commit_interval; but early enough that the window does not stop reading, and not before the pause after a refusal ends. */
static int64_t due(const seg_partition *p)
{
	int64_t retry_at = p->fenced_call.retry_at;
	bool early = seg_ledger_uncommitted(&p->ledger) * 4 >= seg_ledger_window(&p->ledger);
	return early || p->commit.at < retry_at ? retry_at : p->commit.at;
}

/* When to look at a busy worker again, less and less often. So the worker never has to wake this thread for a commit. */
static int64_t next_look(seg_partition *p, int64_t now)
{
	int64_t pause = p->commit.look_pause < LOOK_PAUSE_MIN ? LOOK_PAUSE_MIN : p->commit.look_pause * 2;
	p->commit.look_pause = pause > LOOK_PAUSE_MAX ? LOOK_PAUSE_MAX : pause;
	return now + p->commit.look_pause;
}

int64_t seg_commit_step(seg_partition *p, int64_t now)
{
	const seg_ledger *l = &p->ledger;
	if (!p->agent.running || !seg_ownership_commits(&p->own))
		return SEG_NEVER;
	bool moved = seg_ledger_collect(&p->ledger);
	if (p->commit.busy || !seg_history_holds(p->member->commits, p->slot))
		return SEG_NEVER;
	int64_t due_at = due(p);
	if (now < due_at)
		return moved || l->outstanding_count || p->request.current.kind != SEG_REQUEST_NONE
			       ? due_at
			       : SEG_NEVER;
	if (!moved)
		return l->outstanding_count ? next_look(p, now) : SEG_NEVER;
	p->commit.look_pause = p->member->options.commit_interval;
	if (send_commit(p, false, got_commit)) {
		p->commit.sent_at = now;
		/* If a message may kill the process, commit the messages before it at once: they must not look guilty. */
		p->commit.at =
			now + (seg_partition_is_suspicious(p) ? 0 : p->member->options.commit_interval);
	}
	return SEG_NEVER;
}
