#include "group/presence.h"

#include <inttypes.h>
#include <stdio.h>

#include "group/doorbell.h"
#include "group/history.h"
#include "group/notes.h"

#define INTERVAL_MIN (1 * SEG_SECOND)
#define INTERVAL_MAX (10 * SEG_SECOND)

static int64_t interval_of(const seg_partition *p)
{
	return seg_duration_within(p->member->options.session_timeout, INTERVAL_MIN, INTERVAL_MAX);
}

static void got_presence(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	p->presence.busy = false;
	if (p->presence.epoch != p->own.epoch || !seg_ownership_fetches(&p->own))
		return;
	if (seg_reply_is(status, "GONE"))
		seg_note_gone(p);
	else if (seg_reply_is(status, "FENCED"))
		seg_note_fenced(p);
}

/* A log that is deleted, evicted or made anew rings, as it does for a message. So while the bell rings, only a ring that brings no message
 * raises the question: all partitions of 20 runners asked a thousand times a second. */
static bool is_in_question(seg_partition *p)
{
	if (!seg_doorbell_hears(p))
		return true;
	if (p->presence.rings == p->doorbell.rings || p->read.reading != SEG_READING_NOT)
		return false;
	if (p->ledger.fetched_count == p->doorbell.fetched_count)
		return true;
	p->presence.rings = p->doorbell.rings;
	return false;
}

int64_t seg_presence_step(seg_partition *p, int64_t now)
{
	if (!seg_ownership_fetches(&p->own) || p->presence.busy || !is_in_question(p))
		return SEG_NEVER;
	int64_t interval = interval_of(p);
	/* All partitions of the member at the same moment: one write brings their questions, and the thread wakes once. */
	if (p->presence.at == 0 || p->commit.sent_at > p->presence.at - interval)
		p->presence.at = seg_next_full(now, interval);
	if (now < p->presence.at)
		return p->presence.at;
	p->presence.at = 0;
	char epoch[24];
	snprintf(epoch, sizeof(epoch), "%" PRIu64, p->own.epoch);
	const char *argv[] = {p->log_key, p->state_key, p->member->group, epoch, p->claim.nonce};
	p->presence.epoch = p->own.epoch;
	p->presence.busy =
		seg_history_holds(&p->member->links[SEG_LINK_CONTROL], p->slot) &&
		seg_route_script(p->member->control, SEG_SCRIPT_PRESENCE, got_presence, p, 2, 5, argv, NULL);
	if (p->presence.busy)
		p->presence.rings = p->doorbell.rings;
	return p->presence.busy ? SEG_NEVER : now + interval;
}
