#include "group/open_group.h"

#include <stdio.h>

#include "base/random.h"
#include "group/history.h"
#include "group/notes.h"
#include "group/recall.h"
#include "group/refusal.h"

#define RETRY_BASE (50 * SEG_MS)
#define RETRY_CAP (5 * SEG_SECOND)

/* Another member opens the group: between two questions whether it is done, and how long it may take before this member opens
 * the group, too. */
#define ASK_PAUSE (50 * SEG_MS)
enum { OPENER_PATIENCE_MS = 5000 };

/* So long a member waits for nodes of a cluster that do not answer. Then it joins, and handles the partitions of the others. */
#define AWAY_PATIENCE (2 * SEG_SECOND)

/* Between two steps while calls or a pause are under way. */
#define LOOK_PAUSE (50 * SEG_MS)

static bool is_any_unknown(const seg_member *m)
{
	for (uint32_t n = 0; n < m->partition_count; n++)
		if (!m->partitions[n].open_group.known)
			return true;
	return false;
}

static void refused(seg_member *m, const seg_logger *logger, const seg_reply *reply)
{
	static const char what[] = "to open the group";
	if (reply && !seg_reply_is_transient(reply))
		seg_refusal_tell(m, logger, what, reply);
	if (reply && m->phase == SEG_PHASE_OPENING)
		seg_refusal_note_member(m, what, reply);
}

/* --- one member opens for all ------------------------------------------------------------- */

static bool call_opening(seg_member *m, const char *done, seg_reply_fn fn)
{
	char partitions[16], patience[16];
	snprintf(partitions, sizeof(partitions), "%u", m->partition_count);
	snprintf(patience, sizeof(patience), "%d", OPENER_PATIENCE_MS);
	const char *argv[] = {m->partitions_key, m->incarnation, partitions, patience, done};
	return seg_route_script(m->control, SEG_SCRIPT_OPENING, fn, m, 1, 5, argv, NULL);
}

/* A member that does not hear of it looks at all partitions itself. */
static void got_told(void *arg, const seg_reply *reply)
{
	(void)arg;
	(void)reply;
}

static void got_turn(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	m->open_group.asking = false;
	if (m->open_group.is_turn)
		return; /* Redis may have lost the group since the question */
	if (seg_reply_is(status, "OPENED")) {
		for (uint32_t n = 0; n < m->partition_count; n++) {
			m->partitions[n].open_group.known = true;
			seg_recall_seen(&m->partitions[n]);
		}
		m->open_group.wanted = false;
		seg_note_member(m, SEG_NOTE_GROUP_OPEN);
	} else if (seg_reply_is(status, "OPEN")) {
		m->open_group.is_turn = true;
		m->open_group.at = 0;
	} else if (seg_reply_is(status, "WAIT")) {
		m->open_group.at = seg_now() + ASK_PAUSE;
	} else {
		refused(m, &m->logger, reply);
		m->open_group.at = seg_now() + seg_backoff(RETRY_BASE, RETRY_CAP, ++m->open_group.tries);
	}
}

static int64_t ask_for_turn(seg_member *m, int64_t now)
{
	if (m->open_group.asking)
		return SEG_NEVER;
	if (now < m->open_group.at)
		return m->open_group.at;
	if (seg_history_holds(&m->links[SEG_LINK_CONTROL], m->control_slot))
		m->open_group.asking = call_opening(m, "0", got_turn);
	return m->open_group.asking ? SEG_NEVER : now + LOOK_PAUSE;
}

/* --- opening ------------------------------------------------------------------------------- */

/* At the start, all members hear that the group is open; later, they know already. */
static void opened(seg_member *m)
{
	if (m->phase == SEG_PHASE_OPENING)
		call_opening(m, "1", got_told);
	seg_note_member(m, SEG_NOTE_GROUP_OPEN);
}

static void got_open(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	seg_member *m = p->member;
	const seg_reply *status = seg_reply_at(reply, 0);
	const seg_reply *position = seg_reply_at(reply, 1);
	seg_id id;
	if (seg_reply_is(status, "UNSURE")) {
		seg_recall_unsure(p, seg_now());
	} else if (position && position->type == SEG_REPLY_TEXT && seg_id_parse(position->text, &id) == 0) {
		bool told = seg_note_remade(p, status, seg_reply_at(reply, 2), position);
		seg_recall_position(p, id, told);
		p->open_group.known = true;
	} else {
		refused(m, &p->logger, reply);
	}
	if (--m->open_group.sent == 0 && !is_any_unknown(m))
		opened(m);
}

void seg_open_group_begin(seg_member *m)
{
	m->open_group.wanted = true;
}

void seg_open_group_everywhere(seg_member *m)
{
	for (uint32_t n = 0; n < m->partition_count; n++)
		m->partitions[n].open_group.known = false;
	seg_open_group_hurry(m);
}

void seg_open_group_hurry(seg_member *m)
{
	m->open_group.wanted = m->open_group.is_turn = true;
	m->open_group.at = 0;
}

void seg_open_group_connected(seg_member *m)
{
	m->open_group.tries = 0;
}

static void send_all(seg_member *m)
{
	for (uint32_t n = 0; n < m->partition_count; n++) {
		seg_partition *p = &m->partitions[n];
		if (p->open_group.known || !seg_history_holds(&m->links[SEG_LINK_CONTROL], p->slot))
			continue;
		seg_recall_texts recall;
		seg_recall_write(&recall, p, seg_now());
		const char *argv[] = {p->log_key,    p->state_key, m->group,
				      m->start_text, recall.hint,  recall.sure};
		if (!seg_route_script(m->control, SEG_SCRIPT_OPEN_GROUP, got_open, p, 2, 6, argv, NULL))
			return;
		m->open_group.sent++;
	}
}

/* How many partitions are known to have the group, and whether all others are on nodes that do not answer. */
static bool is_the_rest_away(const seg_member *m, uint32_t *known)
{
	bool away = true;
	*known = 0;
	for (uint32_t n = 0; n < m->partition_count; n++) {
		const seg_partition *p = &m->partitions[n];
		*known += p->open_group.known;
		away = away &&
		       (p->open_group.known || !seg_history_holds(&m->links[SEG_LINK_CONTROL], p->slot));
	}
	return away;
}

/* A node that is away must stop only its own partitions. */
static void join_without_nodes_away(seg_member *m, int64_t now)
{
	uint32_t known;
	if (m->open_group.since == 0)
		m->open_group.since = now;
	if (m->phase != SEG_PHASE_OPENING || !seg_route_is_cluster(m->control) ||
	    now - m->open_group.since < AWAY_PATIENCE || !is_the_rest_away(m, &known) || known == 0)
		return;
	seg_log(&m->logger, SEG_LOG_WARNING,
		"%u of %u partitions are on nodes of the cluster that do not answer; joining without waiting for them",
		m->partition_count - known, m->partition_count);
	seg_note_member(m, SEG_NOTE_GROUP_OPEN);
}

int64_t seg_open_group_step(seg_member *m, int64_t now)
{
	if (!m->open_group.wanted)
		return SEG_NEVER;
	if (!m->open_group.is_turn)
		return ask_for_turn(m, now);
	if (m->open_group.sent == 0 && !is_any_unknown(m)) {
		m->open_group.wanted = false;
		return SEG_NEVER;
	}
	if (m->open_group.sent == 0 && now >= m->open_group.at && seg_route_ready(m->control)) {
		send_all(m);
		if (m->open_group.sent > 0)
			m->open_group.at = now + seg_backoff(RETRY_BASE, RETRY_CAP, ++m->open_group.tries);
	}
	if (m->open_group.sent == 0)
		join_without_nodes_away(m, now);
	return now + LOOK_PAUSE;
}
