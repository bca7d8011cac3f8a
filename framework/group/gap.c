#include "group/gap.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "group/fenced_call.h"
#include "group/history.h"
#include "group/notes.h"

/* So long a look waits for a commit that can take it along. So looks cost 0.2 commands a second for a busy partition, and none for an
 * idle one. */
#define LOOK_INTERVAL (5 * SEG_SECOND)

/* Between two commits of a partition that look: a look more than doubles what a commit costs Redis. A member of many partitions looks
 * at each of them less often. With LOOK_INTERVAL, at the latest a minute later. */
#define COMMIT_INTERVAL (2 * SEG_SECOND)
#define COMMIT_SHARE (500 * SEG_MS)
#define COMMIT_INTERVAL_MOST (55 * SEG_SECOND)

void seg_gap_got(seg_partition *p, const seg_reply *reply)
{
	const seg_reply *status = seg_reply_at(reply, 0);
	p->gap.busy = false;
	if (p->gap.epoch != p->own.epoch)
		return;
	if (!reply)
		p->gap.commit_at = 0; /* the commit is sent again, and looks again */
	if (!seg_reply_is(status, "OK")) {
		/* The commits find out what a refusal means. */
		p->gap.looked_count = UINT64_MAX;
		return;
	}
	uint64_t removed = (uint64_t)seg_reply_number(seg_reply_at(reply, 1), 0);
	uint64_t before = (uint64_t)seg_reply_number(seg_reply_at(reply, 2), 0);
	seg_id end;
	if (seg_reply_id(seg_reply_at(reply, 3), &end))
		seg_ledger_removed(&p->ledger, end, removed);
	/* Earlier owners have told of theirs. */
	if (p->gap.told < before)
		p->gap.told = before;
	if (p->gap.told < removed) {
		seg_note_removed(p, removed - p->gap.told);
		p->gap.told = removed;
	}
}

/* --- packed streams ------------------------------------------------------------------------ */

void seg_gap_found(seg_partition *p, uint64_t removed, int64_t upto)
{
	if (removed == 0)
		return;
	p->gap.found += removed;
	p->gap.found_upto = upto;
}

static void got_stored(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	p->gap.busy = false;
	if (p->gap.epoch != p->own.epoch)
		return;
	/* Without an answer, the same call is sent again; Redis counts no record twice. */
	bool stored = seg_reply_is(seg_reply_at(reply, 0), "OK");
	if (stored)
		p->gap.found -= p->gap.storing;
	p->gap.look_at = stored ? 0 : seg_now() + LOOK_INTERVAL;
}

static int64_t store_found(seg_partition *p, int64_t now)
{
	if (p->gap.found == 0 || p->gap.busy || !seg_ownership_fetches(&p->own))
		return SEG_NEVER;
	if (now < p->gap.look_at)
		return p->gap.look_at;
	char epoch[24], found[24], upto[24], fetched[SEG_ID_TEXT_MAX];
	snprintf(epoch, sizeof(epoch), "%" PRIu64, p->own.epoch);
	snprintf(found, sizeof(found), "%" PRIu64, p->gap.found);
	snprintf(upto, sizeof(upto), "%" PRId64, p->gap.found_upto);
	const char *argv[] =
		{p->log_key, p->state_key, epoch, p->claim.nonce, seg_id_format(p->ledger.fetched, fetched),
		 found,      "0",          upto};
	if (!seg_history_holds(&p->member->links[SEG_LINK_DATA], p->slot) ||
	    !seg_fenced_send(p, p->member->data, SEG_SCRIPT_GAP, got_stored, 2, 8, argv, NULL))
		return SEG_NEVER;
	p->gap.busy = true;
	p->gap.epoch = p->own.epoch;
	p->gap.storing = p->gap.found;
	return SEG_NEVER;
}

/* --- the duty cycle ------------------------------------------------------------------------- */

static void got_gap(void *arg, const seg_reply *reply)
{
	seg_gap_got(arg, reply);
}

void seg_gap_begin(seg_partition *p)
{
	p->gap.found = p->gap.storing = 0;
	p->gap.looked_count = 0;
	p->gap.look_at = p->gap.commit_at = 0;
	p->gap.told = 0;
}

static int64_t commit_interval(const seg_partition *p)
{
	int64_t shared = p->member->active_count * COMMIT_SHARE;
	if (shared > COMMIT_INTERVAL_MOST)
		return COMMIT_INTERVAL_MOST;
	return shared > COMMIT_INTERVAL ? shared : COMMIT_INTERVAL;
}

static void looking(seg_partition *p, int64_t now)
{
	p->gap.busy = true;
	p->gap.epoch = p->own.epoch;
	p->gap.looked_count = p->ledger.fetched_count;
	p->gap.look_at = 0;
	p->gap.commit_at = now + commit_interval(p);
}

static bool can_look(const seg_partition *p)
{
	return !p->member->stream->shape.packing && seg_ownership_fetches(&p->own) && !p->gap.busy &&
	       p->ledger.entries_read >= 0 && !seg_ledger_is_before_a_gap(&p->ledger);
}

/*
 * No read may be under way: the commit goes over another connection, and what the read returns may be removed before the commit comes. A
 * partition of a blocking read always has one. Nor may the log have more messages: their read, which waits for its turn or for room, would
 * wait for the commit's answer, too, which far from Redis takes a round trip.
 */
bool seg_gap_joins_commit(const seg_partition *p, int64_t now)
{
	return can_look(p) && now >= p->gap.commit_at && p->read.reading == SEG_READING_NOT &&
	       !p->read.backlogged && p->gap.looked_count != p->ledger.fetched_count &&
	       p->ledger.handled_count == p->ledger.fetched_count &&
	       seg_id_compare(p->ledger.handled, p->ledger.fetched) == 0;
}

void seg_gap_joined(seg_partition *p, int64_t now)
{
	looking(p, now);
}

int64_t seg_gap_step(seg_partition *p, int64_t now)
{
	if (p->member->stream->shape.packing)
		return store_found(p, now);
	/* Entries that the read under way returns would count as removed, if they are removed in the meantime. */
	if (!can_look(p) || p->read.reading == SEG_READING_NOW ||
	    p->gap.looked_count == p->ledger.fetched_count)
		return SEG_NEVER;
	if (p->gap.look_at == 0)
		p->gap.look_at = (now > p->gap.commit_at ? now : p->gap.commit_at) + LOOK_INTERVAL;
	if (now < p->gap.look_at)
		return p->gap.look_at;
	if (!seg_history_holds(&p->member->links[SEG_LINK_DATA], p->slot))
		return SEG_NEVER;
	char epoch[24], count[24], passed[24], fetched[SEG_ID_TEXT_MAX];
	snprintf(epoch, sizeof(epoch), "%" PRIu64, p->own.epoch);
	snprintf(count, sizeof(count), "%" PRIu64,
		 (uint64_t)p->ledger.entries_read + p->ledger.fetched_count);
	snprintf(passed, sizeof(passed), "%" PRIu64, seg_ledger_look(&p->ledger));
	const char *argv[] =
		{p->log_key, p->state_key, epoch, p->claim.nonce, seg_id_format(p->ledger.fetched, fetched),
		 count,      passed};
	if (!seg_fenced_send(p, p->member->data, SEG_SCRIPT_GAP, got_gap, 2, 7, argv, NULL))
		return SEG_NEVER;
	looking(p, now);
	return SEG_NEVER;
}
