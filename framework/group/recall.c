#include "group/recall.h"

#include <stdio.h>

/* Others notice within a third of the session, and need a moment to say so. */
static bool is_patience_over(const seg_partition *p, int64_t now)
{
	return p->recall.unsure_since > 0 &&
	       now - p->recall.unsure_since >= p->member->options.session_timeout / 2;
}

void seg_recall_write(seg_recall_texts *texts, const seg_partition *p, int64_t now)
{
	seg_id position = p->recall.owned ? p->ledger.committed : p->recall.position;
	texts->sure = p->recall.sure || is_patience_over(p, now) ? "1" : "0";
	if (!p->recall.seen)
		texts->hint[0] = '\0';
	else if (p->recall.known)
		seg_id_format(position, texts->hint);
	else
		snprintf(texts->hint, sizeof(texts->hint), "?");
}

void seg_recall_seen(seg_partition *p)
{
	p->recall.seen = true;
}

void seg_recall_position(seg_partition *p, seg_id position, bool told)
{
	p->recall.seen = p->recall.known = true;
	p->recall.owned = p->recall.sure = false;
	p->recall.position = position;
	p->recall.told |= told;
	p->recall.unsure_since = 0;
}

void seg_recall_owned(seg_partition *p)
{
	p->recall.seen = p->recall.known = true;
	p->recall.owned = p->recall.sure = true;
	p->recall.told = false;
	p->recall.unsure_since = 0;
}

void seg_recall_passed_on(seg_partition *p)
{
	p->recall.sure = false;
}

void seg_recall_unsure(seg_partition *p, int64_t now)
{
	if (p->recall.unsure_since == 0)
		p->recall.unsure_since = now;
}
