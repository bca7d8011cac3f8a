#include "group/brief.h"

#include <stdlib.h>

#include "base/clock.h"

/* Full looks at fewer partitions cost too little to be saved. */
enum { MANY = 32 };

/* From one full round to the next, for each partition that is awake: 16 times what a look takes. */
#define PAUSE (4 * SEG_MS / 1000)

/* Commits and timers of partitions wait so long at most; the usual commit_interval is 5 ms. */
#define PAUSE_MAX (4 * SEG_MS)

int seg_brief_init(seg_member *m)
{
	m->brief.heard = calloc(m->stream->shape.partitions, sizeof(*m->brief.heard));
	return m->brief.heard ? 0 : SEG_ENOMEM;
}

void seg_brief_fini(seg_member *m)
{
	free(m->brief.heard);
	m->brief.heard = NULL;
}

void seg_brief_heard(seg_partition *p)
{
	seg_member *m = p->member;
	if (p->brief.heard)
		return;
	p->brief.heard = true;
	m->brief.heard[m->brief.count++] = p;
}

/* A thread that spins is not kicked, so it must look. */
bool seg_brief_suffices(const seg_member *m, bool kicked, int64_t now)
{
	return !kicked && !m->notes.what && m->phase == SEG_PHASE_MEMBER && m->awake_count >= MANY &&
	       m->options.idle == SEG_IDLE_PARK && now < m->brief.ends_at;
}

int64_t seg_brief_ends(const seg_member *m)
{
	return m->brief.ends_at;
}

void seg_brief_end(seg_member *m, int64_t now)
{
	int64_t pause = m->awake_count * PAUSE;
	m->brief.ends_at = now + (pause < PAUSE_MAX ? pause : PAUSE_MAX);
}

void seg_brief_forget(seg_member *m)
{
	for (uint32_t i = 0; i < m->brief.count; i++)
		m->brief.heard[i]->brief.heard = false;
	m->brief.count = 0;
}
