#include "group/refusal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/plural.h"

/* Between two log lines about refusals that are alike. */
#define TELL_INTERVAL (30 * SEG_SECOND)

/* --- the log ------------------------------------------------------------------------------ */

/* The beginning of the text, by which refusals are alike. */
#define START_MAX sizeof(((seg_refusal *)0)->start)

/* The place of the refusals that are alike; the one that was told longest ago, if there is none. */
static seg_refusal *place_of(seg_member *m, const char *what, const char *start)
{
	seg_refusal *oldest = &m->refusals.logged[0];
	for (size_t i = 0; i < SEG_REFUSALS_MAX; i++) {
		seg_refusal *r = &m->refusals.logged[i];
		if (r->what && strcmp(r->what, what) == 0 && strcmp(r->start, start) == 0)
			return r;
		if (r->told_at < oldest->told_at)
			oldest = r;
	}
	*oldest = (seg_refusal){.what = what};
	snprintf(oldest->start, START_MAX, "%s", start);
	return oldest;
}

void seg_refusal_tell(seg_member *m, const seg_logger *logger, const char *what, const seg_reply *reply)
{
	char text[SEG_EXPLANATION_MAX], start[START_MAX], more[64] = "";
	int64_t now = seg_now();
	seg_reply_explain(reply, text);
	snprintf(start, sizeof(start), "%.*s", (int)sizeof(start) - 1, text);
	seg_refusal *r = place_of(m, what, start);
	if (r->told_at && now - r->told_at < TELL_INTERVAL) {
		r->untold++;
		return;
	}
	if (r->untold > 0)
		snprintf(more, sizeof(more), " (and %u time%s since the last such line)", r->untold,
			 seg_plural(r->untold));
	seg_log(logger, SEG_LOG_ERROR, "Redis refused %s: %s%s", what, text, more);
	r->told_at = now;
	r->untold = 0;
}

/* --- what is shown ---------------------------------------------------------------------------- */

void seg_refusal_init(seg_member *m)
{
	pthread_mutex_init(&m->refusals.lock, NULL);
}

void seg_refusal_fini(seg_member *m)
{
	pthread_mutex_destroy(&m->refusals.lock);
}

static void count(seg_member *m, seg_refused kind)
{
	atomic_fetch_add_explicit(&m->counters.refused[kind], 1, memory_order_relaxed);
}

static int lasting_status(const seg_reply *reply)
{
	return seg_reply_is_transient(reply) ? 0 : seg_reply_status(reply);
}

bool seg_refusal_concerns_all(const seg_member *m, const seg_reply *reply)
{
	return seg_reply_is_transient(reply) ? !seg_route_is_cluster(m->data)
					     : seg_reply_denies_command(reply);
}

static void write(char text[SEG_REFUSED_TEXT_MAX], const char *what, const seg_reply *reply)
{
	char why[SEG_EXPLANATION_MAX];
	snprintf(text, SEG_REFUSED_TEXT_MAX, "%s: %.280s", what, seg_reply_explain(reply, why));
}

void seg_refusal_note_member(seg_member *m, const char *what, const seg_reply *reply)
{
	seg_refusing *shown = &m->refusals.shown[SEG_REFUSED_MEMBERSHIP];
	int64_t now = seg_now();
	count(m, SEG_REFUSED_MEMBERSHIP);
	pthread_mutex_lock(&m->refusals.lock);
	if (!shown->since)
		shown->since = now;
	shown->status = lasting_status(reply);
	write(shown->text, what, reply);
	pthread_mutex_unlock(&m->refusals.lock);
}

void seg_refusal_member_over(seg_member *m)
{
	seg_refusing *shown = &m->refusals.shown[SEG_REFUSED_MEMBERSHIP];
	if (!shown->since) /* only this thread writes it */
		return;
	pthread_mutex_lock(&m->refusals.lock);
	shown->since = 0;
	pthread_mutex_unlock(&m->refusals.lock);
}

/* A commit that is refused is worse than a read that is. */
void seg_refusal_note(seg_partition *p, seg_refused kind, const char *what, const seg_reply *reply)
{
	count(p->member, kind);
	if (p->refusal.what && p->refusal.kind > kind)
		return;
	int64_t now = seg_now();
	if (!p->refusal.what || p->refusal.kind != kind) {
		p->refusal.since = now;
		p->refusal.all_since = SEG_NEVER;
	}
	/* The shown text is the newest answer's, so a verdict must be about the same. */
	if (!seg_refusal_concerns_all(p->member, reply))
		p->refusal.all_since = SEG_NEVER;
	else if (p->refusal.all_since == SEG_NEVER)
		p->refusal.all_since = now;
	p->refusal.what = what;
	p->refusal.kind = kind;
	p->refusal.status = lasting_status(reply);
	write(p->refusal.text, what, reply);
	p->member->refusals.watched = true;
}

static void forget(seg_partition *p, const char *what)
{
	if (p->refusal.what && strcmp(p->refusal.what, what) == 0)
		p->refusal.what = NULL;
}

void seg_refusal_unknown(seg_partition *p, const char *what)
{
	if (p->member->refusals.watched)
		forget(p, what);
}

void seg_refusal_over(seg_partition *p, seg_refused kind, const char *what)
{
	seg_member *m = p->member;
	if (!m->refusals.watched)
		return;
	forget(p, what);
	if (kind == SEG_REFUSED_COMMIT)
		atomic_store_explicit(&m->refusals.succeeded_at, seg_now(), memory_order_relaxed);
}

void seg_refusal_begin(seg_partition *p)
{
	p->refusal.what = NULL;
}

/* A session_timeout ago: what has lasted that long counts for seg_refusal_is_all. */
static int64_t long_ago(const seg_member *m)
{
	return seg_now() - m->options.session_timeout;
}

/* Whether it is shown instead of the one that is: that of the verdict first, then the one that began first. */
static bool comes_first(const seg_partition *p, const seg_refusing *shown, int64_t old)
{
	bool all = p->refusal.all_since <= old, shown_all = shown->all_since <= old;
	return all != shown_all ? all : p->refusal.since < shown->since;
}

static void enter(seg_refusing *r, const seg_partition *p, int64_t old)
{
	if (r->partitions == 0)
		*r = (seg_refusing){.since = SEG_NEVER, .all_since = SEG_NEVER};
	bool first = comes_first(p, r, old);
	r->partitions++;
	if (p->refusal.since > r->newest_since)
		r->newest_since = p->refusal.since;
	if (p->refusal.all_since < r->all_since)
		r->all_since = p->refusal.all_since;
	if (!first)
		return;
	r->partition = p->number;
	r->since = p->refusal.since;
	r->status = p->refusal.status;
	memcpy(r->text, p->refusal.text, sizeof(r->text));
}

/* Whether some partition has a refusal; enters all in `seen`, by kind. */
static bool gather(seg_member *m, seg_refusing seen[SEG_REFUSED_KINDS])
{
	bool any = false;
	int64_t old = long_ago(m);
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_partition *p = m->active[i];
		if (p->own.state == SEG_OWN_NONE || p->own.state == SEG_OWN_LOST)
			p->refusal.what = NULL;
		if (!p->refusal.what)
			continue;
		any = true;
		enter(&seen[p->refusal.kind], p, old);
	}
	return any;
}

void seg_refusal_step(seg_member *m)
{
	seg_refusing seen[SEG_REFUSED_KINDS] = {0};
	if (!m->refusals.watched)
		return;
	m->refusals.watched = gather(m, seen);
	pthread_mutex_lock(&m->refusals.lock);
	for (int kind = SEG_REFUSED_CLAIM; kind < SEG_REFUSED_KINDS; kind++)
		m->refusals.shown[kind] = seen[kind];
	pthread_mutex_unlock(&m->refusals.lock);
}

bool seg_refusal_look(seg_member *m, seg_refused kind, seg_refusing *refusing)
{
	pthread_mutex_lock(&m->refusals.lock);
	*refusing = m->refusals.shown[kind];
	pthread_mutex_unlock(&m->refusals.lock);
	return refusing->since != 0;
}

bool seg_refusal_is_all(seg_member *m, seg_refused kind, const seg_refusing *refusing, unsigned owned)
{
	int64_t old = long_ago(m);
	bool of_all = refusing->all_since <= old;
	/* Where a right is missing, a partition that is new to the member makes no difference. */
	bool of_each = refusing->partitions >= owned && (of_all || refusing->newest_since <= old);
	switch (kind) {
	case SEG_REFUSED_MEMBERSHIP:
		return refusing->since <= old;
	case SEG_REFUSED_CLAIM:
		return owned == 0 && refusing->since <= old;
	case SEG_REFUSED_READ:
		return of_each;
	case SEG_REFUSED_COMMIT:
	case SEG_REFUSED_KINDS:
		break;
	}
	/* A partition without messages has no commits, which could be refused or succeed. */
	return (of_each || of_all) && atomic_load(&m->refusals.succeeded_at) <= old;
}

const char *seg_refusal_where(seg_refused kind, const seg_refusing *refusing,
			      char text[SEG_REFUSAL_WHERE_MAX])
{
	text[0] = '\0';
	if (kind != SEG_REFUSED_MEMBERSHIP && refusing->partitions > 1)
		snprintf(text, SEG_REFUSAL_WHERE_MAX, "%" PRIu32 " partitions, such as %" PRIu32 ": ",
			 refusing->partitions, refusing->partition);
	else if (kind != SEG_REFUSED_MEMBERSHIP)
		snprintf(text, SEG_REFUSAL_WHERE_MAX, "partition %" PRIu32 ": ", refusing->partition);
	return text;
}
