#include "group/acks.h"

#include <inttypes.h>
#include <stdio.h>

/* Half of what the connection waits for an answer, at most (make_links). */
static int64_t patience(const seg_member *m)
{
	return seg_duration_within(m->options.session_timeout / 6, SEG_SECOND / 10, 2 * SEG_SECOND);
}

bool seg_acks_ask(seg_member *m, seg_connection *connection, seg_reply_fn fn, void *arg)
{
	char replicas[12], ms[24];
	snprintf(replicas, sizeof(replicas), "%u", seg_acks_wanted(m));
	snprintf(ms, sizeof(ms), "%lld", (long long)(patience(m) / SEG_MS));
	return connection && seg_connection_words(connection, fn, arg, "WAIT", replicas, ms, (char *)NULL);
}

bool seg_acks_suffice(const seg_member *m, const seg_reply *reply)
{
	return seg_reply_number(reply, -1) >= (int64_t)seg_acks_wanted(m);
}

char *seg_acks_explain(const seg_member *m, const seg_reply *reply, const char *what,
		       char text[SEG_ACKS_TEXT_MAX])
{
	if (reply->type == SEG_REPLY_ERROR)
		snprintf(
			text, SEG_ACKS_TEXT_MAX,
			"Redis refused WAIT, which ack_replicas needs (grant +wait, or set ack_replicas to 0): %s",
			reply->text);
	else
		snprintf(text, SEG_ACKS_TEXT_MAX,
			 "%" PRId64 " of %u replicas (ack_replicas) confirmed %s within %lld ms",
			 seg_reply_number(reply, 0), seg_acks_wanted(m), what,
			 (long long)(patience(m) / SEG_MS));
	return text;
}

static bool is_any_missing(const seg_member *m)
{
	for (uint32_t i = 0; i < m->active_count; i++)
		if (m->active[i]->acks.missing_since)
			return true;
	return false;
}

/* The replicas of one node may be there while those of another one are not: the log tells when none is missed any more. */
static void confirmed(seg_partition *p)
{
	seg_member *m = p->member;
	p->acks.missing_since = 0;
	if (!m->acks.told || is_any_missing(m))
		return;
	m->acks.told = false;
	seg_log(&m->logger, SEG_LOG_INFO, "the replicas confirm commits again");
}

static void missing(seg_partition *p, const seg_reply *reply)
{
	seg_member *m = p->member;
	seg_acks_explain(m, reply, "a commit", p->acks.text);
	if (!p->acks.missing_since)
		p->acks.missing_since = seg_now();
	if (m->acks.told)
		return;
	m->acks.told = true;
	seg_log(&m->logger, SEG_LOG_WARNING, "%s; commits do not count and are repeated", p->acks.text);
}

bool seg_acks_heard(seg_partition *p, const seg_reply *reply)
{
	bool enough = seg_acks_suffice(p->member, reply);
	if (enough)
		confirmed(p);
	else if (reply &&
		 !seg_reply_is_transient(
			 reply)) /* as of a master that has become a replica: the next one is asked */
		missing(p, reply);
	return enough;
}

void seg_acks_begin(seg_partition *p)
{
	p->acks.missing_since = 0;
}
