#include "group/membership.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "group/notes.h"
#include "group/recall.h"
#include "group/refusal.h"
#include "group/roll.h"
#include "group/shortage.h"
#include "stream/shape.h"
#include "stream/spelling.h"

enum {
	REPORTS_MAX = 512,    /* releases in one call */
	FIXED_ARGUMENTS = 19, /* keys and arguments before the releases */
};

/* Another process has this name. While it lives, it renews its lease in the first third of it, and tries again at once. */
#define TAKEN_SHARE(left) ((left) / 5 * 3)
#define TAKEN_LOOK (100 * SEG_MS)

#define RETRY_BASE (20 * SEG_MS)
#define RETRY_CAP (1 * SEG_SECOND)

/* Between two heartbeats: 2.5 in a session. So the lease outlives one that is lost, or a Redis that answers nothing for half a session. */
static int64_t beat_interval(int64_t session)
{
	return session / 5 * 2;
}

/*
 * The member trusts a lease for this part of the session timeout less than Redis grants, counted from before it sent the
 * heartbeat. The margin covers clocks of different speeds, and the start of the last call of a handler.
 */
enum { LEASE_MARGIN_DIVISOR = 10 };

/* lua/parts/assignment.lua: generations are microseconds of Redis's clock, epochs milliseconds. */
enum { GENERATIONS_PER_EPOCH = 1000 };

void seg_membership_hurry(seg_member *m)
{
	m->membership.wanted = true;
}

/* Whether the share may be older than writes that Redis has lost. */
static bool is_doubted(const seg_member *m)
{
	return m->membership.history != m->history.changes;
}

/*
 * On a cluster, the old master may answer after the doubt has begun: then the next share is in doubt, too. A single server's answers
 * end with its connection.
 */
static unsigned history_of_answer(const seg_member *m)
{
	return seg_route_is_cluster(m->control) ? m->membership.asked : m->history.changes;
}

static uint64_t number(const seg_reply *reply)
{
	return reply && reply->type == SEG_REPLY_TEXT ? strtoull(reply->text, NULL, 10)
						      : (uint64_t)seg_reply_number(reply, 0);
}

/* Takes one partition of the share. */
static void take_one(seg_member *m, seg_partition *p, uint64_t epoch, bool revoke)
{
	/* It was released while this heartbeat was under way. The next one reports the release. */
	if (p->own.state == SEG_OWN_RELEASED && p->own.epoch == epoch)
		return;
	seg_ownership_assigned(&p->own, epoch);
	seg_note_epoch(m, epoch);
	if (is_doubted(m))
		p->membership.doubted_epoch = epoch;
	if (revoke || atomic_load(&m->stop) != SEG_STOP_NOT || atomic_load(&m->pause) != SEG_PAUSE_NOT)
		seg_ownership_revoked(&p->own);
}

/* A partition of ours that the share does not list is lost, or the coordinator knows of its release. */
static void drop_unlisted(seg_member *m, const bool *listed)
{
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_partition *p = m->active[i];
		if (listed[p->number] || p->own.state == SEG_OWN_NONE)
			continue;
		if (p->own.state == SEG_OWN_RELEASED)
			seg_ownership_reported(&p->own);
		else
			seg_note_taken_away(p, "the group gave the partition to another member");
	}
}

/* The share is a list of partition, epoch, and whether it is revoked. False: out of memory; nothing was taken. */
static bool take_share(seg_member *m, const seg_reply *share)
{
	bool *listed = calloc(m->partition_count, sizeof(*listed));
	if (!listed)
		return false;
	for (size_t i = 0; i + 2 < share->count; i += 3) {
		uint64_t n = number(share->elements[i]);
		if (n >= m->partition_count)
			continue;
		listed[n] = true;
		take_one(m, &m->partitions[n], number(share->elements[i + 1]),
			 number(share->elements[i + 2]) != 0);
	}
	drop_unlisted(m, listed);
	for (uint32_t n = 0; n < m->partition_count; n++)
		if (!listed[n])
			seg_recall_passed_on(&m->partitions[n]);
	free(listed);
	m->membership.history = history_of_answer(m);
	seg_roll_changed(m);
	atomic_fetch_add_explicit(&m->counters.rebalances, 1, memory_order_relaxed);
	seg_note_member(m, SEG_NOTE_SHARE);
	return true;
}

static void lose_all(seg_member *m, const char *why)
{
	for (uint32_t i = 0; i < m->active_count; i++)
		seg_note_dropped(m->active[i], why);
	seg_roll_changed(m);
	m->membership.generation = 0;
}

static void renew_lease(seg_member *m)
{
	int64_t session = m->options.session_timeout;
	int64_t until = m->membership.sent_at + session - session / LEASE_MARGIN_DIVISOR;
	int64_t before = atomic_load_explicit(&m->lease_until, memory_order_relaxed);
	if (until <= before)
		return;
	atomic_store_explicit(&m->lease_until, until, memory_order_release);
	/* Workers that saw the lease expire wait for this. */
	if (before <= seg_now())
		for (uint32_t i = 0; i < m->active_count; i++)
			if (m->active[i]->agent.running)
				seg_handoff_wake(&m->active[i]->handoff);
}

static void try_again(seg_member *m)
{
	m->membership.failures++;
	m->membership.at = seg_now() + seg_backoff(RETRY_BASE, RETRY_CAP, m->membership.failures);
}

static void take_answer(seg_member *m, const seg_reply *reply)
{
	int64_t now = seg_now();
	int64_t next_expiry = seg_reply_number(seg_reply_at(reply, 3), -1);
	const seg_reply *share = seg_reply_at(reply, 4);
	m->membership.failures = 0;
	m->membership.refusal[0] = '\0';
	m->membership.at = m->membership.sent_at + beat_interval(m->options.session_timeout);
	/* If another member's lease ends before that, look then whether it was renewed: a little later, and not all members at
	 * once. */
	if (next_expiry >= 0) {
		int64_t look_at =
			now + next_expiry * SEG_MS + 5 * SEG_MS + (int64_t)(seg_random() % (20 * SEG_MS));
		if (look_at < m->membership.at)
			m->membership.at = look_at;
	}
	renew_lease(m);
	/* No epoch that was given out until then is above that, also of partitions that others own. */
	seg_note_epoch(m, number(seg_reply_at(reply, 2)) / GENERATIONS_PER_EPOCH);
	for (uint32_t i = 0; i < m->membership.reporting_count; i++)
		seg_ownership_reported(&m->partitions[m->membership.reporting[i]].own);
	if (m->phase == SEG_PHASE_JOINING) {
		int64_t held = seg_reply_number(seg_reply_at(reply, 5), 0);
		seg_log(&m->logger, SEG_LOG_INFO, "joined as %s", m->name);
		m->membership.taken_until = 0;
		m->membership.replaces = false;
		if (held > 0)
			seg_log(&m->logger, SEG_LOG_INFO,
				"another process had the name %s, and has not left: its partitions come once its lease has "
				"ended, in %" PRId64 " ms",
				m->name, held);
		seg_note_member(m, SEG_NOTE_JOINED);
	}
	/* If the share was not taken, the next heartbeat returns it again. */
	if (share && share->type == SEG_REPLY_ARRAY && take_share(m, share))
		m->membership.generation = number(seg_reply_at(reply, 2));
}

static void join_again(seg_member *m, const char *why)
{
	lose_all(m, why);
	m->membership.history = history_of_answer(m); /* the next share is a new one */
	m->membership.wanted = true;
	seg_note_member(m, SEG_NOTE_DROPPED);
}

static void replaced(seg_member *m)
{
	seg_error error;
	seg_fail(&error, SEG_EFENCED,
		 "another process has joined group %s under the name %s; give each runner its own name",
		 m->group, m->name);
	seg_note_replaced(m, &error);
}

/* Waits until the other process renews its lease, and so lives, or until it should have done so. */
static void taken(seg_member *m, const seg_reply *reply)
{
	int64_t now = seg_now(), left = seg_reply_number(seg_reply_at(reply, 3), 0);
	int64_t until = (int64_t)number(seg_reply_at(reply, 1)) + left;
	m->membership.failures = 0;
	m->membership.at = now + TAKEN_LOOK;
	if (m->membership.taken_until == 0) {
		m->membership.taken_until = until;
		m->membership.taken_look = now + TAKEN_SHARE(left * SEG_MS);
		seg_log(&m->logger, SEG_LOG_INFO,
			"another process has joined as %s; waiting up to %" PRId64
			" ms to see whether it lives",
			m->name, TAKEN_SHARE(left));
	} else if (until > m->membership.taken_until) {
		seg_error error;
		seg_fail(
			&error, SEG_ETAKEN,
			"another process runs as %s in group %s, and it is alive; stop it first, or give each runner its own name",
			m->name, m->group);
		seg_note_replaced(m, &error);
	} else if (now >= m->membership.taken_look) {
		m->membership.replaces = true;
		m->membership.at = now;
	}
}

/* The partitions that this member knows are those of a stream that is no more. */
static void reshaped(seg_member *m, const seg_reply *reply)
{
	const seg_reply *shape = seg_reply_at(reply, 5);
	const seg_stream_shape *ours = &m->stream->shape;
	seg_error error;
	seg_fail(
		&error, SEG_ESHAPE,
		"stream \"%s\" was deleted and made anew with another shape (partitions, partition_size, overflow, packing): "
		"%.100s, not %" PRIu32 " %" PRIu64 " %s %s; start again with the new shape",
		m->stream->name, shape && shape->type == SEG_REPLY_TEXT ? shape->text : "?", ours->partitions,
		ours->partition_size, seg_overflow_names[ours->overflow], seg_packing_names[ours->packing]);
	seg_note_replaced(m, &error);
}

/* A refusal that passes by itself is told only if the lease ends before it has passed: tell_expiry. */
static void refused(seg_member *m, const seg_reply *reply)
{
	seg_reply_explain(reply, m->membership.refusal);
	seg_refusal_note_member(m, "the heartbeat", reply);
	if (!seg_reply_is_transient(reply))
		seg_refusal_tell(m, &m->logger, "the heartbeat", reply);
	try_again(m);
}

static void got_heartbeat(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	m->membership.busy = false;
	if (!reply || reply->type != SEG_REPLY_ERROR)
		seg_refusal_member_over(m);
	if (reply && reply->type != SEG_REPLY_ERROR)
		atomic_fetch_add_explicit(&m->counters.heartbeats, 1, memory_order_relaxed);
	if (!reply) {
		try_again(m);
	} else if (seg_reply_is(status, "OK")) {
		take_answer(m, reply);
	} else if (seg_reply_is(status, "TAKEN")) {
		taken(m, reply);
	} else if (seg_reply_is(status, "RESHAPED")) {
		reshaped(m, reply);
	} else if (seg_reply_is(status, "UNKNOWN")) {
		if (m->phase == SEG_PHASE_MEMBER)
			seg_log(&m->logger, SEG_LOG_WARNING,
				"Redis no longer knows member %s: its lease expired; joining again", m->name);
		join_again(m, "the lease expired");
	} else if (seg_reply_is(status, "REPLACED") && (is_doubted(m) || m->history.moved_from > 0)) {
		seg_log(&m->logger, SEG_LOG_WARNING,
			"Redis has lost this process's membership and knows the previous process of member %s; joining again",
			m->name);
		join_again(m, "Redis has lost the newest writes");
		m->membership.replaces = true;
	} else if (seg_reply_is(status, "REPLACED")) {
		replaced(m);
	} else {
		refused(m, reply);
	}
	m->membership.reporting_count = 0;
}

static bool call(seg_member *m, const char *command, seg_reply_fn fn)
{
	const char *argv[FIXED_ARGUMENTS + 2 * REPORTS_MAX];
	char session[24], share[SEG_SHORTAGE_SHARE_MAX], partitions[16], generation[24], epoch[24], size[24],
		version[8];
	char(*texts)[2][24] =
		malloc(sizeof(*texts) * (m->membership.reporting_count ? m->membership.reporting_count : 1));
	if (!texts)
		return false;
	bool stopping = atomic_load(&m->stop) != SEG_STOP_NOT;
	snprintf(session, sizeof(session), "%" PRId64, m->options.session_timeout / SEG_MS);
	seg_shortage_share(m, stopping ? 0 : m->options.capacity, share);
	snprintf(partitions, sizeof(partitions), "%u", m->partition_count);
	snprintf(generation, sizeof(generation), "%" PRIu64, m->membership.generation);
	snprintf(epoch, sizeof(epoch), "%" PRIu64, m->notes.epoch);
	const seg_stream_shape *shape = &m->stream->shape;
	snprintf(size, sizeof(size), "%" PRIu64, shape->partition_size);
	snprintf(version, sizeof(version), "%d", seg_shape_version(shape));
	const char *fixed[FIXED_ARGUMENTS] = {m->members_key,
					      m->leases_key,
					      m->partitions_key,
					      m->control_key,
					      m->groups_key,
					      m->info_key,
					      m->group,
					      command,
					      m->name,
					      m->incarnation,
					      session,
					      share,
					      partitions,
					      generation,
					      epoch,
					      size,
					      seg_overflow_names[shape->overflow],
					      version,
					      seg_packing_names[shape->packing]};
	memcpy(argv, fixed, sizeof(fixed));
	int argc = FIXED_ARGUMENTS;
	for (uint32_t i = 0; i < m->membership.reporting_count; i++) {
		const seg_partition *p = &m->partitions[m->membership.reporting[i]];
		snprintf(texts[i][0], sizeof(texts[i][0]), "%u", p->number);
		snprintf(texts[i][1], sizeof(texts[i][1]), "%" PRIu64, p->own.epoch);
		argv[argc++] = texts[i][0];
		argv[argc++] = texts[i][1];
	}
	m->membership.sent_at = seg_now();
	bool sent = seg_route_script(m->control, SEG_SCRIPT_COORDINATE, fn, m, 6, argc, argv, NULL);
	free(texts);
	return sent;
}

static void collect_reports(seg_member *m)
{
	m->membership.reporting_count = 0;
	if (atomic_load(&m->pause) != SEG_PAUSE_NOT && atomic_load(&m->stop) == SEG_STOP_NOT)
		return; /* a release that is reported would move the partition */
	for (uint32_t i = 0; i < m->active_count && m->membership.reporting_count < REPORTS_MAX; i++)
		if (seg_ownership_next(&m->active[i]->own) == SEG_DO_REPORT)
			m->membership.reporting[m->membership.reporting_count++] = m->active[i]->number;
}

/* Says once why the lease could not be renewed. Returns when to look again. */
static int64_t tell_expiry(seg_member *m, int64_t now)
{
	int64_t until = atomic_load_explicit(&m->lease_until, memory_order_relaxed);
	if (m->phase != SEG_PHASE_MEMBER || until == m->membership.expiry_told)
		return SEG_NEVER;
	if (now < until)
		return until;
	m->membership.expiry_told = until;
	const seg_error *trouble = seg_route_error(m->control);
	if (!seg_route_ready_for(m->control, m->control_slot) && trouble->status)
		seg_log(&m->logger, SEG_LOG_WARNING, "the lease of member %s has expired: %s", m->name,
			trouble->text);
	else if (m->membership.refusal[0])
		seg_log(&m->logger, SEG_LOG_WARNING,
			"the lease of member %s has expired: Redis refuses the heartbeats: %s", m->name,
			m->membership.refusal);
	else
		seg_log(&m->logger, SEG_LOG_WARNING,
			"the lease of member %s has expired: Redis has not answered the heartbeat in time",
			m->name);
	return SEG_NEVER;
}

static int64_t beat(seg_member *m, int64_t now)
{
	if (m->membership.busy || (m->phase != SEG_PHASE_JOINING && m->phase != SEG_PHASE_MEMBER))
		return SEG_NEVER;
	if (!m->membership.wanted && now < m->membership.at)
		return m->membership.at;
	/* After a failure, even a wanted heartbeat waits. */
	if (m->membership.failures > 0 && now < m->membership.at)
		return m->membership.at;
	if (!seg_route_ready_for(m->control, m->control_slot))
		return SEG_NEVER; /* the next connection hurries (seg_membership_connected) */
	collect_reports(m);
	m->membership.wanted = m->membership.reporting_count == REPORTS_MAX;
	const char *join = m->membership.replaces ? "join" : "arrive";
	if (call(m, m->phase == SEG_PHASE_JOINING ? join : "heartbeat", got_heartbeat)) {
		m->membership.busy = true;
		m->membership.asked = m->history.changes;
		return SEG_NEVER;
	}
	try_again(m);
	return m->membership.at;
}

int64_t seg_membership_step(seg_member *m, int64_t now)
{
	int64_t expiry = tell_expiry(m, now), next = beat(m, now);
	return expiry < next ? expiry : next;
}

static void got_leave(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	(void)reply;
	seg_note_member(m, SEG_NOTE_LEFT);
}

bool seg_membership_leave(seg_member *m)
{
	collect_reports(m);
	return call(m, "leave", got_leave);
}

void seg_membership_doubt_share(seg_member *m)
{
	m->membership.generation = 0;
}

void seg_membership_connected(seg_member *m)
{
	m->membership.failures = 0;
	m->membership.wanted = true;
}

int seg_membership_init(seg_member *m)
{
	m->membership.reporting = calloc(m->partition_count, sizeof(*m->membership.reporting));
	return m->membership.reporting ? 0 : SEG_ENOMEM;
}

void seg_membership_fini(seg_member *m)
{
	free(m->membership.reporting);
	m->membership.reporting = NULL;
}
