#include "group/refusal.h"

#include <stdio.h>
#include <string.h>

/* Between two log lines about refusals that are alike. */
#define TELL_INTERVAL (30 * SEG_SECOND)

/* The place of the refusals of this kind; the one that was told longest ago, if there is none. */
static seg_refusal *place_of(seg_member *m, const char *what)
{
	seg_refusal *oldest = &m->refusals[0];
	for (size_t i = 0; i < SEG_REFUSALS_MAX; i++) {
		seg_refusal *r = &m->refusals[i];
		if (r->what && strcmp(r->what, what) == 0)
			return r;
		if (r->told_at < oldest->told_at)
			oldest = r;
	}
	return oldest;
}

void seg_refusal_tell(seg_member *m, const seg_logger *logger, const char *what, const seg_reply *reply)
{
	char text[SEG_EXPLANATION_MAX], start[sizeof(m->refusals[0].start)], more[64] = "";
	int64_t now = seg_now();
	seg_refusal *r = place_of(m, what);
	seg_reply_explain(reply, text);
	snprintf(start, sizeof(start), "%.*s", (int)sizeof(start) - 1, text);
	bool alike = r->what && strcmp(r->what, what) == 0 && strcmp(r->start, start) == 0;
	if (alike && now - r->told_at < TELL_INTERVAL) {
		r->untold++;
		return;
	}
	if (alike && r->untold > 0)
		snprintf(more, sizeof(more), " (and %u times since the last such line)", r->untold);
	seg_log(logger, SEG_LOG_ERROR, "Redis refused %s: %s%s", what, text, more);
	*r = (seg_refusal){.what = what, .told_at = now};
	memcpy(r->start, start, sizeof(start));
}
