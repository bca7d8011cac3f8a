#include "group/shortage.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/plural.h"
#include "base/random.h"
#include "group/notes.h"

/* How long a partition may stay unserved before it is given back. While there is a limit, a trial gets no patience. */
#define START_PATIENCE SEG_SECOND
#define OPEN_PATIENCE (5 * SEG_SECOND)

/* Between a failure and the next trial. */
#define TRIAL_PAUSE (2 * SEG_SECOND)
#define TRIAL_PAUSE_MAX (60 * SEG_SECOND)

/* After a raise: the others release what they have, and the member opens it. */
#define RAISE_PAUSE SEG_SECOND
#define SETTLE_PAUSE (5 * SEG_SECOND)

/* The limit is told once it has stood for so long: partitions fail one after the other. */
#define TELL_PAUSE SEG_SECOND

enum { NO_LIMIT = -1 };

static const char *const names[] = {
	[SEG_SHORTAGE_THREADS] = "threads", [SEG_SHORTAGE_MEMORY] = "memory",
	[SEG_SHORTAGE_OPEN] = "open",       [SEG_SHORTAGE_STATE] = "state",
	[SEG_SHORTAGE_VALUES] = "values",   [SEG_SHORTAGE_UNREAD] = "unread",
};

/* --- what any thread may see -------------------------------------------------------------- */

static void show(seg_member *m, const char *reason)
{
	pthread_mutex_lock(&m->shortage.lock);
	snprintf(m->shortage.reason, sizeof(m->shortage.reason), "%s", reason);
	for (char *c = m->shortage.reason; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	pthread_mutex_unlock(&m->shortage.lock);
	atomic_store_explicit(&m->shortage.shown, reason[0] != '\0', memory_order_relaxed);
}

bool seg_shortage_look(seg_member *m, uint32_t *served, char reason[SEG_SHORTAGE_REASON_MAX])
{
	*served = atomic_load_explicit(&m->shortage.served, memory_order_relaxed);
	if (!atomic_load_explicit(&m->shortage.shown, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&m->shortage.lock);
	snprintf(reason, SEG_SHORTAGE_REASON_MAX, "%s", m->shortage.reason);
	pthread_mutex_unlock(&m->shortage.lock);
	return reason[0] != '\0';
}

/* --- counting ------------------------------------------------------------------------------- */

/* Whether the partition is this member's to serve, now or soon. */
static bool is_kept(const seg_partition *p)
{
	return !p->shortage.given_back &&
	       (p->own.state == SEG_OWN_ACQUIRED || p->own.state == SEG_OWN_CLAIMING ||
		(p->own.state == SEG_OWN_ACTIVE && !p->own.revoke));
}

typedef struct {
	uint32_t kept, served, failing;
} counts;

static counts count(const seg_member *m)
{
	uint32_t resting = m->active_count - m->awake_count; /* they are served */
	counts n = {.kept = resting, .served = resting};
	for (uint32_t i = 0; i < m->awake_count; i++) {
		const seg_partition *p = m->awake[i];
		if (!is_kept(p))
			continue;
		n.kept++;
		n.served += p->shortage.served;
		n.failing += p->shortage.failing;
	}
	return n;
}

/* --- giving back ----------------------------------------------------------------------------- */

static void lower_limit(seg_member *m, seg_shortage why, int64_t now)
{
	m->shortage.limit = (int64_t)count(m).kept;
	m->shortage.why = why;
	m->shortage.step = 1;
	m->shortage.lowered_at = now;
	/* Partitions that fail together are one failure. */
	if (now >= m->shortage.at || m->shortage.raised) {
		m->shortage.at = now + seg_backoff(TRIAL_PAUSE, TRIAL_PAUSE_MAX, ++m->shortage.failures);
		m->shortage.raised = false;
	}
}

void seg_shortage_tell(seg_partition *p, seg_shortage why, int64_t since, const char *reason)
{
	seg_member *m = p->member;
	int64_t now = seg_now();
	bool fails_at_once = why == SEG_SHORTAGE_THREADS || why == SEG_SHORTAGE_STATE;
	int64_t patience = fails_at_once ? START_PATIENCE : OPEN_PATIENCE;
	/* A thread needs memory, too. A plugin may: it gets some once, for it may fail for long. */
	if (why == SEG_SHORTAGE_MEMORY || why == SEG_SHORTAGE_THREADS ||
	    (why == SEG_SHORTAGE_OPEN && !p->shortage.failing))
		seg_stock_free(&m->stock);
	if (p->shortage.given_back || p->own.state != SEG_OWN_ACTIVE || p->own.revoke)
		return;
	if (!p->shortage.failing) {
		char text[SEG_SHORTAGE_REASON_MAX];
		snprintf(text, sizeof(text), "partition %" PRIu32 ": %.200s", p->number, reason);
		show(m, text);
	}
	p->shortage.failing = true;
	p->shortage.served = false;
	if (m->shortage.limit == NO_LIMIT && now - since < patience)
		return;
	p->shortage.given_back = true;
	lower_limit(m, why, now);
	seg_ownership_revoked(&p->own);
}

void seg_shortage_served(seg_partition *p)
{
	p->shortage.served = true;
	p->shortage.failing = false;
}

void seg_shortage_begin(seg_partition *p)
{
	memset(&p->shortage, 0, sizeof(p->shortage));
}

/* --- the limit ----------------------------------------------------------------------------------- */

static bool is_reported(const seg_member *m, const seg_partition *p)
{
	for (uint32_t i = 0; i < m->membership.reporting_count; i++)
		if (m->membership.reporting[i] == p->number)
			return true;
	return false;
}

/* What was given back, and is this member's until a later heartbeat reports the release. */
static uint32_t count_leaving(const seg_member *m)
{
	uint32_t leaving = 0;
	for (uint32_t i = 0; i < m->active_count; i++) {
		const seg_partition *p = m->active[i];
		leaving += p->shortage.given_back && p->own.state != SEG_OWN_NONE &&
			   p->own.state != SEG_OWN_LOST && !is_reported(m, p);
	}
	return leaving;
}

static void tell_limit(seg_member *m, int64_t now)
{
	char reason[SEG_SHORTAGE_REASON_MAX];
	uint32_t served;
	if (now < m->shortage.lowered_at + TELL_PAUSE ||
	    (m->shortage.told != NO_LIMIT && m->shortage.limit >= m->shortage.told))
		return;
	m->shortage.told = m->shortage.limit;
	if (seg_shortage_look(m, &served, reason))
		seg_log(&m->logger, SEG_LOG_ERROR,
			"member %s gives back what it cannot serve, and takes %" PRId64
			" partition%s at most, until a trial succeeds: %s",
			m->name, m->shortage.limit, seg_plural(m->shortage.limit), reason);
}

void seg_shortage_share(seg_member *m, uint32_t capacity, char text[SEG_SHORTAGE_SHARE_MAX])
{
	char limit[48] = "";
	const char *page = m->page[0] ? " page=" : "";
	if (capacity > 0 && m->shortage.limit != NO_LIMIT)
		snprintf(limit, sizeof(limit), " %" PRId64 ":%s", m->shortage.limit + count_leaving(m),
			 names[m->shortage.why]);
	/* The first part begins with a blank. */
	char parts[SEG_SHORTAGE_SHARE_MAX];
	snprintf(parts, sizeof(parts), "%s%s%s %" PRIu32, limit, page, m->page, capacity);
	snprintf(text, SEG_SHORTAGE_SHARE_MAX, "%s", parts + 1);
}

static void end(seg_member *m)
{
	m->shortage.limit = m->shortage.told = NO_LIMIT;
	if (atomic_load_explicit(&m->shortage.served, memory_order_relaxed) > 0)
		m->shortage.failures = 0;
	m->shortage.raised = false;
	show(m, "");
	seg_log(&m->logger, SEG_LOG_INFO, "member %s serves its whole share again", m->name);
	seg_note_member(m, SEG_NOTE_HEARTBEAT);
}

/* All that the member has is served: it asks for more. */
static int64_t raise_limit(seg_member *m, int64_t now)
{
	m->shortage.limit += m->shortage.step;
	m->shortage.step *= 2;
	m->shortage.raised = true;
	m->shortage.raised_at = now;
	m->shortage.at = now + RAISE_PAUSE;
	seg_note_member(m, SEG_NOTE_HEARTBEAT);
	return m->shortage.at;
}

int64_t seg_shortage_step(seg_member *m, int64_t now)
{
	counts n = count(m);
	atomic_store_explicit(&m->shortage.served, n.served, memory_order_relaxed);
	if (m->shortage.limit == NO_LIMIT) {
		if (n.failing == 0 && atomic_load_explicit(&m->shortage.shown, memory_order_relaxed))
			show(m, "");
		return SEG_NEVER;
	}
	tell_limit(m, now);
	if (now < m->shortage.at)
		return m->shortage.at;
	if (n.kept > n.served)
		return now + RAISE_PAUSE;
	if ((int64_t)n.kept >= m->shortage.limit && m->shortage.limit < (int64_t)m->partition_count)
		return raise_limit(m, now);
	if (!m->shortage.raised)
		return raise_limit(m, now);
	if (now < m->shortage.raised_at + SETTLE_PAUSE)
		return m->shortage.raised_at + SETTLE_PAUSE;
	end(m);
	return SEG_NEVER;
}

void seg_shortage_init(seg_member *m)
{
	pthread_mutex_init(&m->shortage.lock, NULL);
	m->shortage.limit = m->shortage.told = NO_LIMIT;
}

void seg_shortage_fini(seg_member *m)
{
	pthread_mutex_destroy(&m->shortage.lock);
}
