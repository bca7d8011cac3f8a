#include "group/notes.h"

#include <inttypes.h>

void seg_note_member(seg_member *m, unsigned notes)
{
	m->notes.what |= notes;
}

void seg_note_partition(seg_partition *p, seg_partition_note note)
{
	p->notes |= note;
}

void seg_note_replaced(seg_member *m, const seg_error *failure)
{
	m->notes.failure = *failure;
	seg_note_member(m, SEG_NOTE_REPLACED);
}

unsigned seg_notes_take(seg_member *m)
{
	unsigned what = m->notes.what;
	m->notes.what = 0;
	return what;
}

unsigned seg_notes_take_partition(seg_partition *p)
{
	unsigned what = p->notes;
	p->notes = 0;
	return what;
}

static bool lose(seg_partition *p, const char *why)
{
	if (p->own.state == SEG_OWN_LOST || p->own.state == SEG_OWN_NONE)
		return false;
	seg_ownership_lost(&p->own);
	if (p->agent.running)
		seg_log(&p->logger, SEG_LOG_WARNING,
			"lost: %s; the next owner handles uncommitted messages again", why);
	seg_note_member(p->member, SEG_NOTE_HEARTBEAT);
	return true;
}

void seg_note_epoch(seg_member *m, uint64_t epoch)
{
	if (epoch > m->notes.epoch)
		m->notes.epoch = epoch;
}

/* Redis has taken the epoch away, for ever. If it has forgotten that, it has perhaps forgotten the group, too. */
static void bar(seg_partition *p)
{
	p->fenced_epoch = p->own.epoch;
	p->open_group.known = false;
	seg_note_member(p->member, SEG_NOTE_PARTITIONS_IN_DOUBT);
}

void seg_note_fenced(seg_partition *p)
{
	bar(p);
	atomic_fetch_add_explicit(&p->member->counters.fenced, 1, memory_order_relaxed);
	/* The coordinator may still count the partition as ours. If it answered only with what is new, no member would own the
	 * partition. */
	if (lose(p, "a later owner has raised the fence"))
		seg_note_member(p->member, SEG_NOTE_SHARE_IN_DOUBT);
}

void seg_note_gone(seg_partition *p)
{
	bar(p);
	if (lose(p, "its log was deleted, or Redis has lost it"))
		seg_note_member(p->member, SEG_NOTE_SHARE_IN_DOUBT);
}

/* The epoch that was to follow once the worker has stopped is in doubt, too. */
static void doubt(seg_partition *p)
{
	p->open_group.known = false;
	seg_ownership_lost(&p->own);
	seg_note_member(p->member,
			SEG_NOTE_PARTITIONS_IN_DOUBT | SEG_NOTE_SHARE_IN_DOUBT | SEG_NOTE_HEARTBEAT);
}

void seg_note_another_history(seg_member *m, seg_node node)
{
	/* A single server, which is node 0, has all. */
	bool all = node == 0 || node == seg_route_node(m->control, m->control_slot) ||
		   node == m->history.control_node || node == m->history.moved_from;
	if (all)
		m->history.moved_from = 0;
	/* A share that came in the same tick is not on the list of active partitions yet. */
	for (uint32_t n = 0; n < m->partition_count; n++)
		if (all || seg_route_node(m->control, m->partitions[n].slot) == node)
			doubt(&m->partitions[n]);
	if (!all) {
		seg_log(&m->logger, SEG_LOG_WARNING,
			"Redis at %s was restarted or replaced; reading the positions of its partitions again",
			seg_route_where(m->control, node));
		return;
	}
	m->history.changes++;
	seg_note_member(m, SEG_NOTE_ANOTHER_HISTORY);
}

void seg_note_control_moved(seg_member *m)
{
	seg_log(&m->logger, SEG_LOG_INFO, "the group's control keys have moved to %s",
		seg_route_where(m->control, seg_route_node(m->control, m->control_slot)));
	seg_note_member(m, SEG_NOTE_SHARE_IN_DOUBT | SEG_NOTE_HEARTBEAT);
}

void seg_note_moved(seg_partition *p)
{
	if (p->own.state != SEG_OWN_NONE)
		seg_log(&p->logger, SEG_LOG_INFO, "the slot of the partition has moved to %s",
			seg_route_where(p->member->control, seg_route_node(p->member->control, p->slot)));
	doubt(p);
}

void seg_note_dropped(seg_partition *p, const char *why)
{
	if (p->own.state != SEG_OWN_NONE)
		p->open_group.known = false;
	seg_note_member(p->member, SEG_NOTE_PARTITIONS_IN_DOUBT);
	seg_note_taken_away(p, why);
}

void seg_note_taken_away(seg_partition *p, const char *why)
{
	/* The epoch that was to follow once the worker has stopped is not ours, either. */
	if (p->own.state == SEG_OWN_LOST)
		seg_ownership_lost(&p->own);
	lose(p, why);
}

bool seg_note_remade(seg_partition *p, const seg_reply *status, const seg_reply *was,
		     const seg_reply *position)
{
	if (seg_reply_is(status, "REMADE"))
		seg_log(&p->logger, SEG_LOG_WARNING,
			"Redis had lost the group; created it again at its position %s",
			position && position->type == SEG_REPLY_TEXT ? position->text : "?");
	else if (seg_reply_is(status, "RENEWED"))
		seg_log(&p->logger, SEG_LOG_WARNING,
			"the log was deleted or lost, and begins anew: the group's position %s was one of the old log; "
			"handling the new one from its first message",
			was && was->type == SEG_REPLY_TEXT ? was->text : "?");
	else if (seg_reply_is(status, "FORGOTTEN"))
		seg_log(&p->logger, SEG_LOG_WARNING,
			"Redis had lost the group, and no member remembers its position; handling the partition from the "
			"first message that is there");
	else
		return false;
	return true;
}

void seg_note_removed(seg_partition *p, uint64_t messages)
{
	if (messages == 0)
		return;
	atomic_fetch_add_explicit(&p->member->counters.lost, messages, memory_order_relaxed);
	seg_log(&p->logger, SEG_LOG_ERROR,
		"%" PRIu64
		" messages were removed before this group had read them: XTRIM or XDEL by hand, or overflow = drop-oldest",
		messages);
}
