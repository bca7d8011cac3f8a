#include "redis/reconnect.h"

#include <segmenter/segmenter.h>

#include "base/clock.h"
#include "base/random.h"

#define BACKOFF_BASE (50 * SEG_MS)
#define BACKOFF_CAP (2 * SEG_SECOND)
#define STABLE (5 * SEG_SECOND)

/* A login that is refused for so long does not come back by itself. */
#define LOGIN_PATIENCE (60 * SEG_SECOND)

enum { LONG = 8 };

bool seg_reconnect_failed(seg_reconnect *r, int status, int64_t lived, int64_t now)
{
	/* A link that breaks soon after each connect counts as failing: the pauses keep growing. */
	if (lived > STABLE)
		r->failures = 0;
	r->failures++;
	r->at = now + seg_backoff(BACKOFF_BASE, BACKOFF_CAP, r->failures);
	if (status != SEG_EAUTH)
		r->refused_at = 0;
	else if (!r->refused_at)
		r->refused_at = now;
	return (lived > 0 && r->failures == 1) ||
	       (seg_reconnect_is_long(r) && (r->failures & (r->failures - 1)) == 0);
}

bool seg_reconnect_is_long(const seg_reconnect *r)
{
	return r->failures >= LONG;
}

bool seg_reconnect_login_is_lost(const seg_reconnect *r, int64_t now)
{
	return r->refused_at && now - r->refused_at >= LOGIN_PATIENCE;
}
