#include "group/commit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "group/acks.h"
#include "group/changes.h"
#include "group/fenced_call.h"
#include "group/gap.h"
#include "group/history.h"
#include "group/notes.h"
#include "group/recall.h"
#include "group/value_load.h"

#define LOOK_PAUSE_MIN (SEG_MS / 10) /* with commit_interval 0, too */
#define LOOK_PAUSE_MAX (20 * SEG_MS)
#define LONG_BEAT_LOOK (5 * SEG_MS)

/* Without memory for a commit's arguments. */
#define MEMORY_PAUSE (50 * SEG_MS)

/* Before a commit that the replicas did not confirm is repeated. */
#define UNCONFIRMED_PAUSE (200 * SEG_MS)

/* The commit under way counts. */
static void note_committed(seg_partition *p)
{
	uint64_t added = seg_ledger_committed(&p->ledger, p->commit.id, p->commit.count);
	if (seg_ledger_has_lanes(&p->ledger)) {
		added = seg_ledger_done_committed(&p->ledger, p->commit.done);
		p->commit.confirmed = p->commit.number;
	}
	if (added == 0)
		return;
	atomic_fetch_add_explicit(&p->member->counters.committed, added, memory_order_relaxed);
	/* seg_consumer_sync may be waiting for this commit. */
	if (p->member->options.shared_event)
		seg_handoff_wake(&p->handoff);
}

/* --- answers ----------------------------------------------------------------------- */

static bool is_of_this_ownership(const seg_partition *p)
{
	return p->commit.epoch == p->own.epoch;
}

/* It is done and counts. */
static void succeeded(seg_partition *p)
{
	note_committed(p);
	seg_ledger_changes_committed(&p->ledger, p->commit.changed);
	if (p->commit.changed)
		seg_value_load_show(p);
	if (p->commit.release) {
		seg_ownership_released(&p->own);
		seg_recall_passed_on(p);
		seg_log(&p->logger, SEG_LOG_DEBUG, "released");
		return;
	}
	atomic_fetch_add_explicit(&p->member->counters.commits, 1, memory_order_relaxed);
	seg_durations_add(&p->member->counters.committing, seg_now() - p->commit.sent_at);
}

/* It must be sent again. */
static void failed(seg_partition *p)
{
	if (p->commit.release)
		seg_ownership_release_failed(&p->own);
}

static void unconfirmed(seg_partition *p)
{
	p->fenced_call.retry_at = seg_now() + UNCONFIRMED_PAUSE;
	failed(p);
}

/* One WAIT: the commits before it on one connection. */
typedef struct seg_replica_wait {
	seg_member *member;
	seg_connection *connection; /* or NULL: out of memory */
	uint32_t count;
	seg_partition *partitions[];
} seg_replica_wait;

static void settle(seg_partition *p, const seg_reply *reply)
{
	p->commit.written = p->commit.busy = false;
	if (!is_of_this_ownership(p))
		return;
	if (seg_acks_heard(p, reply))
		succeeded(p);
	else
		unconfirmed(p);
}

bool seg_commit_wait_ask(seg_member *m, seg_connection *connection, seg_reply_fn fn, void *arg)
{
	bool asked = seg_acks_ask(m, connection, fn, arg);
	m->commit.waits += asked;
	return asked;
}

void seg_commit_wait_answered(seg_member *m)
{
	m->commit.waits--;
}

static void got_replicas(void *arg, const seg_reply *reply)
{
	seg_replica_wait *w = arg;
	seg_commit_wait_answered(w->member);
	for (uint32_t i = 0; i < w->count; i++) {
		seg_partition *p = w->partitions[i];
		if (p->commit.wait != w)
			continue;
		p->commit.wait = NULL;
		/* Else the commit's answer comes from another connection. */
		if (p->commit.written)
			settle(p, reply);
	}
	free(w);
}

static void ask(seg_replica_wait *w)
{
	if (seg_commit_wait_ask(w->member, w->connection, got_replicas, w))
		return;
	for (uint32_t i = 0; i < w->count; i++)
		w->partitions[i]->commit.wait = NULL;
	free(w);
}

/* A cluster has redirected the commit: only a WAIT behind it, on the connection that has answered, covers it. */
static bool ask_there(seg_partition *p)
{
	seg_member *m = p->member;
	seg_replica_wait *w = malloc(sizeof(*w) + sizeof(w->partitions[0]));
	if (!w)
		return false;
	*w = (seg_replica_wait){.member = m,
				.connection = seg_route_answering(m->commits->route),
				.count = 1};
	w->partitions[0] = p;
	p->commit.wait = w;
	ask(w);
	return p->commit.wait;
}

/* Whether the WAIT follows the commit on the connection that has answered it. */
static bool is_asked_here(const seg_partition *p)
{
	return p->commit.wait && seg_connection_is_answering(p->commit.wait->connection);
}

static void got_commit(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const char *what = p->commit.release ? "the release of a partition" : "a commit";
	if (p->commit.looks)
		seg_gap_got(p, reply);
	p->commit.looks = false;
	bool ours = is_of_this_ownership(p), done = ours && seg_fenced_succeeded(p, reply, what);
	if (done && seg_acks_wanted(p->member) > 0 && (is_asked_here(p) || ask_there(p))) {
		p->commit.written = true;
		return;
	}
	p->commit.busy = false;
	p->commit.wait = NULL;
	if (done && seg_acks_wanted(p->member) == 0)
		succeeded(p);
	else if (done)
		unconfirmed(p);
	else if (ours)
		failed(p);
}

/* Asks for this partition's commit, and for all that are on the same connection. */
static void ask_for(seg_member *m, const seg_partition *first)
{
	seg_connection *connection = seg_route_connection(m->commits->route, first->log_key);
	seg_replica_wait *w = malloc(sizeof(*w) + m->active_count * sizeof(w->partitions[0]));
	if (w)
		*w = (seg_replica_wait){.member = m, .connection = connection};
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_partition *p = m->active[i];
		if (!p->commit.ask || seg_route_connection(m->commits->route, p->log_key) != connection)
			continue;
		p->commit.ask = false;
		p->commit.wait = w;
		if (w)
			w->partitions[w->count++] = p;
	}
	if (w)
		ask(w);
}

void seg_commit_ask_replicas(seg_member *m)
{
	for (uint32_t i = 0; i < m->awake_count && seg_acks_wanted(m) > 0; i++)
		if (m->awake[i]->commit.ask)
			ask_for(m, m->awake[i]);
}

/* --- sending ------------------------------------------------------------------------- */

/* While the replicas are asked, Redis answers nothing else on the connection: the next commits are asked for together. */
static bool may_send(const seg_partition *p)
{
	return !p->commit.busy && p->member->commit.waits == 0;
}

/* Without changes, the key of the values is left out. */
static bool send_position(seg_partition *p, const char *const argv[], int argc)
{
	const char *shorter[11] = {argv[0], argv[1]};
	for (int i = 3; i < argc; i++)
		shorter[i - 1] = argv[i];
	return seg_fenced_send(p, p->member->commits->route, SEG_SCRIPT_COMMIT, got_commit, 2, argc - 1,
			       shorter, NULL);
}

/* Frees the memory that is kept for later reads, for the next attempt. */
static bool wait_for_memory(seg_partition *p)
{
	seg_stock_free(&p->member->stock);
	p->fenced_call.retry_at = seg_now() + MEMORY_PAUSE;
	return false;
}

/* The changes of values go behind the arguments, all of which are there then. */
static bool send_changes(seg_partition *p, const char *const *argv, int argc)
{
	seg_changes changes;
	if (!seg_changes_gather(&changes, argv, argc, &p->ledger.changed))
		return wait_for_memory(p);
	bool sent = seg_fenced_send(p, p->member->commits->route, SEG_SCRIPT_COMMIT, got_commit, 3,
				    changes.argc, changes.argv, changes.lengths);
	seg_changes_free(&changes);
	return sent;
}

static bool send_commit(seg_partition *p, bool release, bool looks)
{
	char passed[24] = "", done[24] = "";
	const char *beyond = "";
	seg_ledger *l = &p->ledger;
	bool lanes = seg_ledger_has_lanes(l);
	seg_fenced_texts texts;
	bool keeps = seg_ledger_keeps_beyond(l);
	if (keeps && (beyond = seg_ledger_beyond_text(l, p->claim.nonce)) == NULL)
		return wait_for_memory(p);
	if (keeps)
		snprintf(done, sizeof(done), "%" PRIu64, seg_ledger_done_of_epoch(l));
	if (looks)
		snprintf(passed, sizeof(passed), "%" PRIu64, seg_ledger_look(l));
	seg_fenced_write(&texts, p, l->handled, l->handled_count);
	const char *argv[] = {p->log_key,          p->state_key,   p->values_key, p->member->group,
			      texts.epoch,         p->claim.nonce, texts.id,      texts.count,
			      release ? "1" : "0", passed,         done,          beyond};
	bool sent;
	if (l->changed.count)
		sent = send_changes(p, argv, 12);
	else
		sent = send_position(p, argv, keeps ? 12 : looks ? 10 : 9);
	if (!sent)
		return false;
	p->commit.busy = true;
	p->commit.release = release;
	p->commit.looks = looks;
	p->commit.ask = seg_acks_wanted(p->member) > 0;
	p->commit.epoch = p->own.epoch;
	p->commit.id = l->handled;
	p->commit.count = l->handled_count;
	if (lanes) {
		p->commit.done = seg_ledger_done(l);
		p->commit.number++;
	}
	p->commit.changed = l->changed.count;
	return true;
}

void seg_commit_release(seg_partition *p, int64_t now)
{
	if (may_send(p) && seg_fenced_may_send(p, p->member->commits, now) && send_commit(p, true, false))
		seg_ownership_release_sent(&p->own);
}

/* If a message may kill the process, the messages before it are committed at once: they must not look guilty. */
static bool must_hurry(const seg_partition *p)
{
	return seg_partition_is_suspicious(p, p->member->options.isolate_after);
}

void seg_commit_begin(seg_partition *p)
{
	p->commit.at = 0;
	p->commit.hurries = must_hurry(p);
	p->commit.look_pause = p->member->options.commit_interval;
	p->commit.number = p->commit.confirmed = 0;
}

void seg_commit_hurry(seg_partition *p)
{
	p->commit.hurries = true;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * With the next beat; but early enough that the window does not stop reading, and not before the pause after a refusal ends. A hurried
 * commit waits for no beat.
 */
static int64_t due(const seg_partition *p, int64_t now)
{
	int64_t retry_at = p->fenced_call.retry_at;
	const seg_ledger *l = &p->ledger;
	bool early = seg_ledger_uncommitted(l) * 2 >= seg_ledger_window(l) ||
		     seg_ledger_is_full_of_changes(l) || l->changed.bytes * 2 >= l->limits->in_flight_bytes;
	if (early || p->commit.hurries)
		return retry_at;
	const seg_member *m = p->member;
	int64_t beat = seg_beat_next(&m->commit.beat, m->options.commit_interval, m->commit.awaited, now);
	return later(retry_at, later(p->commit.at, beat));
}

/*
 * When to look at a busy worker again, less and less often. So the worker never has to wake this thread for a commit.
 *
 * At a full commit_interval of the clock: the members on this machine look at the same moments, so those with few messages commit together.
 * Redis wakes once for them, and finds the script in its caches.
 */
static int64_t next_look(seg_partition *p, int64_t now)
{
	int64_t interval = p->member->options.commit_interval;
	int64_t pause = p->commit.look_pause < LOOK_PAUSE_MIN ? LOOK_PAUSE_MIN : p->commit.look_pause * 2;
	p->commit.look_pause = pause > LOOK_PAUSE_MAX ? LOOK_PAUSE_MAX : pause;
	int64_t at = now + p->commit.look_pause;
	/* A longer interval has looks in between: a full window commits early. */
	bool aligns = interval > 0 && interval <= p->commit.look_pause;
	return aligns ? seg_next_full(at, interval) : at;
}

/* A long beat has looks in between: the worker may make the commit due before. */
static int64_t due_or_look(const seg_partition *p, int64_t now, int64_t due_at)
{
	int64_t look_at = now + later(p->member->options.commit_interval, LONG_BEAT_LOOK);
	return due_at < look_at ? due_at : look_at;
}

/* With lanes: dead letters of earlier owners, which no commit has covered. */
static bool owes_letters(const seg_partition *p)
{
	return p->resume.lettered_count > 0 && p->commit.confirmed == 0 && seg_ledger_has_lanes(&p->ledger);
}

int64_t seg_commit_step(seg_partition *p, int64_t now)
{
	const seg_ledger *l = &p->ledger;
	if (!p->agent.running || !seg_ownership_commits(&p->own))
		return SEG_NEVER;
	bool moved = seg_ledger_collect(&p->ledger) || owes_letters(p);
	if (!may_send(p) || !seg_history_holds(p->member->commits, p->slot))
		return SEG_NEVER;
	int64_t due_at = due(p, now);
	if (now < due_at) {
		bool waits = moved || seg_ledger_expects(l) || p->request.current.kind != SEG_REQUEST_NONE;
		return waits ? due_or_look(p, now, due_at) : SEG_NEVER;
	}
	if (!moved)
		return seg_ledger_expects(l) ? next_look(p, now) : SEG_NEVER;
	int64_t interval = p->commit.look_pause = p->member->options.commit_interval;
	bool looks = seg_gap_joins_commit(p, now);
	if (send_commit(p, false, looks)) {
		if (looks)
			seg_gap_joined(p, now);
		p->commit.sent_at = now;
		seg_beat_note(&p->member->commit.beat, interval, p->member->commit.awaited, now);
		p->commit.at = now + interval;
		p->commit.hurries = must_hurry(p);
		return SEG_NEVER;
	}
	return now < p->fenced_call.retry_at ? p->fenced_call.retry_at : SEG_NEVER;
}
