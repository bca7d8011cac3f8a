#include "group/coordinate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

enum {
	REPORTS_MAX = 512,    /* releases in one call */
	FIXED_ARGUMENTS = 13, /* keys and arguments before the releases */
};

#define RETRY_BASE (20 * SEG_MS)
#define RETRY_CAP (1 * SEG_SECOND)

/* Heartbeats per session timeout: two may get lost. */
enum { BEATS_PER_SESSION = 3 };

/*
 * A lease is trusted for this part of the session timeout less than Redis grants it, counted from before the
 * heartbeat was sent: for clocks that run at different speeds, and for the last call of a handler to begin.
 */
enum { LEASE_MARGIN_DIVISOR = 10 };

void seg_coordinate_hurry(seg_member *m)
{
	m->heartbeat_wanted = true;
}

static uint64_t number(const seg_reply *reply)
{
	return reply && reply->type == SEG_REPLY_TEXT ? strtoull(reply->text, NULL, 10)
						      : (uint64_t)seg_reply_number(reply, 0);
}

/* It is not ours any more; nor is the epoch that was to follow once a worker has stopped. */
static void take_away(seg_member *m, seg_partition *p, const char *why)
{
	if (p->own.state == SEG_OWN_LOST)
		seg_ownership_lost(&p->own);
	seg_member_lost(m, p, why);
}

/* The share: p, epoch, flag, and so on. What is ours and not in it is lost. False if out of memory: nothing was taken. */
static bool take_share(seg_member *m, const seg_reply *share)
{
	uint32_t *listed = calloc(m->partition_count, sizeof(*listed));
	if (!listed)
		return false;
	uint32_t owned = 0;
	for (size_t i = 0; i + 2 < share->count; i += 3) {
		uint64_t n = number(share->elements[i]);
		if (n >= m->partition_count)
			continue;
		seg_partition *p = &m->partitions[n];
		bool revoke = number(share->elements[i + 2]) != 0;
		listed[n] = 1;
		owned += !revoke;
		if (p->own.state == SEG_OWN_RELEASED && p->own.epoch == number(share->elements[i + 1]))
			continue; /* released while this heartbeat was under way: the next reports it */
		seg_ownership_assigned(&p->own, number(share->elements[i + 1]));
		if (m->history_doubted)
			p->doubted_epoch = number(share->elements[i + 1]);
		seg_member_activate(m, p);
		if (revoke || atomic_load(&m->stop) != SEG_STOP_NOT)
			seg_ownership_revoked(&p->own);
	}
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_partition *p = m->active[i];
		if (listed[p->number] || p->own.state == SEG_OWN_NONE)
			continue;
		if (p->own.state == SEG_OWN_RELEASED)
			seg_ownership_reported(&p->own);
		else
			take_away(m, p, "the group gave it to another member");
	}
	free(listed);
	m->history_doubted = false;
	if (owned != m->owned) {
		seg_log(&m->logger, SEG_LOG_INFO, "member %s now has %u of %u partitions", m->name, owned,
			m->partition_count);
		m->owned = owned;
	}
	atomic_fetch_add_explicit(&m->counters.rebalances, 1, memory_order_relaxed);
	return true;
}

static void lose_all(seg_member *m, const char *why)
{
	for (uint32_t i = 0; i < m->active_count; i++)
		take_away(m, m->active[i], why);
	m->owned = 0;
	m->generation = 0;
}

static void renew_lease(seg_member *m)
{
	int64_t session = m->options.session_timeout;
	int64_t until = m->heartbeat_sent_at + session - session / LEASE_MARGIN_DIVISOR;
	int64_t before = atomic_load_explicit(&m->lease_until, memory_order_relaxed);
	if (until <= before)
		return;
	atomic_store_explicit(&m->lease_until, until, memory_order_release);
	/* Workers that found it expired are waiting for this. */
	if (before <= seg_now())
		for (uint32_t i = 0; i < m->active_count; i++)
			if (m->active[i]->running)
				seg_handoff_wake(&m->active[i]->handoff);
}

static void try_again(seg_member *m)
{
	m->heartbeat_failures++;
	m->heartbeat_at = seg_now() + seg_backoff(RETRY_BASE, RETRY_CAP, m->heartbeat_failures);
}

static void take_answer(seg_member *m, const seg_reply *reply)
{
	int64_t now = seg_now();
	int64_t next_expiry = seg_reply_number(seg_reply_at(reply, 3), -1);
	const seg_reply *share = seg_reply_at(reply, 4);
	m->heartbeat_failures = 0;
	m->heartbeat_at = m->heartbeat_sent_at + m->options.session_timeout / BEATS_PER_SESSION;
	/* Another member's lease ends first: look then whether it was renewed. A little later, and not all at once. */
	if (next_expiry >= 0) {
		int64_t look_at =
			now + next_expiry * SEG_MS + 5 * SEG_MS + (int64_t)(seg_random() % (20 * SEG_MS));
		if (look_at < m->heartbeat_at)
			m->heartbeat_at = look_at;
	}
	renew_lease(m);
	for (uint32_t i = 0; i < m->reporting_count; i++)
		seg_ownership_reported(&m->partitions[m->reporting[i]].own);
	if (m->phase == SEG_PHASE_JOINING) {
		m->phase = SEG_PHASE_MEMBER;
		seg_log(&m->logger, SEG_LOG_INFO, "joined as %s", m->name);
	}
	/* Else the next heartbeat brings the share again. */
	if (share && share->type == SEG_REPLY_ARRAY && take_share(m, share))
		m->generation = number(seg_reply_at(reply, 2));
}

static void join_again(seg_member *m, const char *why)
{
	lose_all(m, why);
	m->phase = SEG_PHASE_JOINING;
	m->history_doubted = false; /* what comes is new */
	seg_coordinate_hurry(m);
}

static void got_heartbeat(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	m->heartbeat_busy = false;
	if (!reply) {
		try_again(m);
	} else if (seg_reply_is(status, "OK")) {
		take_answer(m, reply);
	} else if (seg_reply_is(status, "UNKNOWN")) {
		if (m->phase == SEG_PHASE_MEMBER)
			seg_log(&m->logger, SEG_LOG_WARNING, "the group took %s for dead; joining again",
				m->name);
		join_again(m, "the lease ran out");
	} else if (seg_reply_is(status, "REPLACED") && m->history_doubted) {
		seg_log(&m->logger, SEG_LOG_WARNING,
			"Redis knows the process that %s replaced, and not this one; joining again", m->name);
		join_again(m, "Redis has lost the newest writes");
	} else if (seg_reply_is(status, "REPLACED")) {
		seg_error error;
		seg_fail(
			&error, SEG_EFENCED,
			"another process has joined group %s under the name %s; give each runner its own name",
			m->group, m->name);
		seg_member_fail(m, &error);
	} else {
		seg_log(&m->logger, seg_reply_is_transient(reply) ? SEG_LOG_DEBUG : SEG_LOG_ERROR,
			"the heartbeat was refused: %s",
			reply->type == SEG_REPLY_ERROR ? reply->text : "unknown answer");
		try_again(m);
	}
	m->reporting_count = 0;
}

static bool call(seg_member *m, const char *command, seg_reply_fn fn)
{
	const char *argv[FIXED_ARGUMENTS + 2 * REPORTS_MAX];
	char session[24], capacity[16], partitions[16], generation[24];
	char(*texts)[2][24] = malloc(sizeof(*texts) * (m->reporting_count ? m->reporting_count : 1));
	if (!texts)
		return false;
	bool stopping = atomic_load(&m->stop) != SEG_STOP_NOT;
	snprintf(session, sizeof(session), "%" PRId64, m->options.session_timeout / SEG_MS);
	snprintf(capacity, sizeof(capacity), "%u", stopping ? 0 : m->options.capacity);
	snprintf(partitions, sizeof(partitions), "%u", m->partition_count);
	snprintf(generation, sizeof(generation), "%" PRIu64, m->generation);
	int argc = 0;
	argv[argc++] = m->members_key;
	argv[argc++] = m->leases_key;
	argv[argc++] = m->partitions_key;
	argv[argc++] = m->control_key;
	argv[argc++] = m->groups_key;
	argv[argc++] = m->group;
	argv[argc++] = command;
	argv[argc++] = m->name;
	argv[argc++] = m->incarnation;
	argv[argc++] = session;
	argv[argc++] = capacity;
	argv[argc++] = partitions;
	argv[argc++] = generation;
	for (uint32_t i = 0; i < m->reporting_count; i++) {
		const seg_partition *p = &m->partitions[m->reporting[i]];
		snprintf(texts[i][0], sizeof(texts[i][0]), "%u", p->number);
		snprintf(texts[i][1], sizeof(texts[i][1]), "%" PRIu64, p->own.epoch);
		argv[argc++] = texts[i][0];
		argv[argc++] = texts[i][1];
	}
	m->heartbeat_sent_at = seg_now();
	bool sent = seg_connection_script(m->data, SEG_SCRIPT_COORDINATE, fn, m, 5, argc, argv, NULL);
	free(texts);
	return sent;
}

static void collect_reports(seg_member *m)
{
	m->reporting_count = 0;
	for (uint32_t i = 0; i < m->active_count && m->reporting_count < REPORTS_MAX; i++)
		if (seg_ownership_next(&m->active[i]->own) == SEG_DO_REPORT)
			m->reporting[m->reporting_count++] = m->active[i]->number;
}

int64_t seg_coordinate_step(seg_member *m, int64_t now)
{
	if (m->heartbeat_busy || (m->phase != SEG_PHASE_JOINING && m->phase != SEG_PHASE_MEMBER))
		return SEG_NEVER;
	if (!m->heartbeat_wanted && now < m->heartbeat_at)
		return m->heartbeat_at;
	/* A refusal is not answered at once, however much one is wanted. */
	if (m->heartbeat_failures > 0 && now < m->heartbeat_at)
		return m->heartbeat_at;
	if (!seg_connection_ready(m->data))
		return SEG_NEVER; /* on_state hurries */
	collect_reports(m);
	m->heartbeat_wanted = m->reporting_count == REPORTS_MAX;
	if (call(m, m->phase == SEG_PHASE_JOINING ? "join" : "heartbeat", got_heartbeat)) {
		m->heartbeat_busy = true;
		atomic_fetch_add_explicit(&m->counters.heartbeats, 1, memory_order_relaxed);
		return SEG_NEVER;
	}
	try_again(m);
	return m->heartbeat_at;
}

static void got_leave(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	(void)reply;
	m->phase = SEG_PHASE_GONE;
}

bool seg_coordinate_leave(seg_member *m)
{
	collect_reports(m);
	if (!call(m, "leave", got_leave))
		return false;
	m->phase = SEG_PHASE_LEAVING;
	return true;
}
