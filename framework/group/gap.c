#include "group/gap.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "group/history.h"
#include "group/notes.h"

/* Between two looks at a partition. So looks cost 0.2 commands a second for a busy partition, and none for an idle one. */
#define LOOK_INTERVAL (5 * SEG_SECOND)

static void got_gap(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	p->gap.busy = false;
	if (p->gap.epoch != p->own.epoch)
		return;
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

void seg_gap_begin(seg_partition *p)
{
	p->gap.looked_count = 0;
	p->gap.told = 0;
}

int64_t seg_gap_step(seg_partition *p, int64_t now)
{
	/* Entries that the read under way returns would count as removed, if they are removed in the meantime. */
	if (p->member->stream->shape.packing || !seg_ownership_fetches(&p->own) || p->gap.busy ||
	    p->ledger.entries_read < 0 || p->read.reading == SEG_READING_NOW ||
	    p->gap.looked_count == p->ledger.fetched_count)
		return SEG_NEVER;
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
	if (!seg_route_script(p->member->data, SEG_SCRIPT_GAP, got_gap, p, 2, 7, argv, NULL))
		return SEG_NEVER;
	p->gap.busy = true;
	p->gap.epoch = p->own.epoch;
	p->gap.looked_count = p->ledger.fetched_count;
	p->gap.look_at = now + LOOK_INTERVAL;
	return SEG_NEVER;
}
