#include "group/remark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Between two writes for a partition. */
#define REMARK_PAUSE SEG_SECOND

void seg_remark_begin(seg_partition *p)
{
	p->remark.text[0] = '\0';
	p->remark.changed = p->remark.stored = false;
}

void seg_remark_set(seg_partition *p, int64_t since, const char *sentence)
{
	if (!sentence && !p->remark.text[0])
		return;
	if (sentence && since == p->remark.since &&
	    strncmp(sentence, p->remark.text, sizeof(p->remark.text) - 1) == 0)
		return;
	p->remark.since = since;
	snprintf(p->remark.text, sizeof(p->remark.text), "%s", sentence ? sentence : "");
	p->remark.changed = true;
}

static void got_answer(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	p->remark.busy = false;
	/* After a lost connection it is not known whether Redis has it. */
	p->remark.changed |= !reply;
}

static bool write_remark(seg_partition *p, int64_t now)
{
	seg_member *m = p->member;
	char value[sizeof(p->remark.text) + 64];
	if (!p->remark.text[0])
		return seg_route_words(m->commits->route, got_answer, p, "HDEL", p->state_key, "remark",
				       (char *)NULL);
	int64_t since_ms = (seg_wall_clock() - (now - p->remark.since)) / SEG_MS;
	snprintf(value, sizeof(value), "%" PRIu64 " %" PRId64 " %s", p->own.epoch, since_ms, p->remark.text);
	return seg_route_words(m->commits->route, got_answer, p, "HSET", p->state_key, "remark", value,
			       (char *)NULL);
}

int64_t seg_remark_step(seg_partition *p, int64_t now)
{
	if (!p->remark.changed || p->remark.busy || !seg_ownership_commits(&p->own))
		return SEG_NEVER;
	if (now < p->remark.at)
		return p->remark.at;
	p->remark.at = now + REMARK_PAUSE;
	if (!p->remark.text[0] && !p->remark.stored) {
		p->remark.changed = false;
		return SEG_NEVER;
	}
	if (!seg_route_ready_for(p->member->commits->route, p->slot) || !write_remark(p, now))
		return p->remark.at;
	p->remark.changed = false;
	p->remark.busy = true;
	p->remark.stored = p->remark.text[0] != '\0';
	return SEG_NEVER;
}
