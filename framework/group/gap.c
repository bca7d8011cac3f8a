#include "group/gap.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "group/member.h"

/* Between two looks at a partition: 0.2 commands a second where there is work, none where there is not. */
#define LOOK_INTERVAL (5 * SEG_SECOND)

void seg_gap_found(seg_partition *p, uint64_t entries)
{
	if (entries == 0)
		return;
	atomic_fetch_add_explicit(&p->member->counters.lost, entries, memory_order_relaxed);
	seg_log(&p->logger, SEG_LOG_ERROR,
		"%" PRIu64
		" messages were removed before this group had read them: XTRIM or XDEL by hand, or overflow = drop-oldest",
		entries);
}

static void got_gap(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	p->gap.busy = false;
	if (p->gap.epoch != p->own.epoch)
		return;
	if (!seg_reply_is(status, "OK")) {
		/* What a refusal means is the commits' business. */
		p->gap.looked_count = UINT64_MAX;
		return;
	}
	uint64_t entries = (uint64_t)seg_reply_number(seg_reply_at(reply, 1), 0);
	if (entries <= p->gap.entries)
		return;
	seg_gap_found(p, entries - p->gap.entries);
	p->gap.entries = entries;
}

int64_t seg_gap_step(seg_partition *p, int64_t now)
{
	/* While a read is under way, what it brings would look like removed if somebody removes it meanwhile. */
	if (p->member->stream->shape.packing || !seg_ownership_fetches(&p->own) || p->gap.busy ||
	    p->entries_read < 0 || p->reading == SEG_READING_HOT || p->gap.looked_count == p->fetched_count)
		return SEG_NEVER;
	if (now < p->gap.look_at)
		return p->gap.look_at;
	if (!seg_member_may_write(p->member))
		return SEG_NEVER;
	char epoch[24], count[24], fetched[SEG_ID_TEXT_MAX];
	snprintf(epoch, sizeof(epoch), "%" PRIu64, p->own.epoch);
	snprintf(count, sizeof(count), "%" PRIu64, (uint64_t)p->entries_read + p->fetched_count);
	const char *argv[] = {p->log_key, p->state_key, epoch, p->nonce, seg_id_format(p->fetched, fetched),
			      count};
	if (!seg_connection_script(p->member->data, SEG_SCRIPT_GAP, got_gap, p, 2, 6, argv, NULL))
		return SEG_NEVER;
	p->gap.busy = true;
	p->gap.epoch = p->own.epoch;
	p->gap.looked_count = p->fetched_count;
	p->gap.look_at = now + LOOK_INTERVAL;
	return SEG_NEVER;
}
