#include "redis/progress.h"

#include <stdbool.h>

#include "base/clock.h"

/* Looks per timeout. The first one is as late as it can be. */
enum { LOOKS = 4 };

static bool has_looked(const seg_progress *p, int64_t since)
{
	return p->looked_at > since;
}

int64_t seg_progress_deadline(const seg_progress *p, int64_t since, int64_t timeout)
{
	return (p->seen_at > since ? p->seen_at : since) + timeout;
}

int64_t seg_progress_look_at(const seg_progress *p, int64_t since, int64_t timeout)
{
	if (!has_looked(p, since))
		return since + timeout / LOOKS * (LOOKS - 1);
	if (p->delivered >= p->mark)
		return SEG_NEVER;
	/* A last look comes before the end. */
	int64_t next = p->looked_at + timeout / LOOKS, end = seg_progress_deadline(p, since, timeout);
	return next < end ? next : end;
}

void seg_progress_look(seg_progress *p, int64_t since, int64_t now, uint64_t unwritten,
		       uint64_t unacknowledged)
{
	/* A Unix socket counts its own overhead, too. */
	uint64_t delivered = unacknowledged < p->written ? p->written - unacknowledged : 0;
	if (!has_looked(p, since))
		p->mark = p->written + unwritten;
	else if (delivered > p->delivered && p->delivered < p->mark)
		p->seen_at = now;
	p->delivered = delivered;
	p->looked_at = now;
}
