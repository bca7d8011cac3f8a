#include "group/retry_note.h"

#include <inttypes.h>
#include <stdio.h>

#include "group/fenced_call.h"
#include "group/history.h"

#define PAUSE (1 * SEG_SECOND)

/* If it is lost, the operator sees an older note. */
static void got_note(void *arg, const seg_reply *reply)
{
	(void)arg, (void)reply;
}

static bool send(seg_partition *p, seg_route *route, const seg_retry_note *note, int64_t now)
{
	seg_fenced_texts texts;
	char attempt[16], left[24];
	int64_t wait = note->next_at > now ? note->next_at - now : 0;
	seg_fenced_write(&texts, p, note->id, 0);
	snprintf(attempt, sizeof(attempt), "%" PRIu32, note->attempt);
	snprintf(left, sizeof(left), "%" PRId64, wait / SEG_MS);
	const char *argv[] = {p->state_key, texts.epoch, p->claim.nonce, texts.id,
			      attempt,      left,        note->reason};
	return seg_fenced_send(p, route, SEG_SCRIPT_NOTE, got_note, 1, 7, argv, NULL);
}

int64_t seg_retry_note_step(seg_partition *p, int64_t now)
{
	const seg_member_link *link = &p->member->links[SEG_LINK_CONTROL];
	seg_retry_note note;
	if (!p->agent.running || !seg_ownership_commits(&p->own) || !seg_handoff_has_retry(&p->handoff))
		return SEG_NEVER;
	if (now < p->retry_note.at)
		return p->retry_note.at;
	if (!seg_route_ready_for(link->route, p->slot) || !seg_history_holds(link, p->slot))
		return SEG_NEVER; /* a connection that comes up is an event */
	if (seg_handoff_take_retry(&p->handoff, &note) && send(p, link->route, &note, now))
		p->retry_note.at = now + PAUSE;
	return SEG_NEVER;
}
