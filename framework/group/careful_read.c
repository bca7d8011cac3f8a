#include "group/careful_read.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "group/fenced_call.h"
#include "partition/exclusion.h"

/* Before the next look whether a message that may be to blame is handled no more, and no other such entry is read. */
#define HANDLED_PAUSE (2 * SEG_MS)

void seg_careful_read_begin(seg_partition *p)
{
	bool explained = seg_id_compare(p->resume.suspect, (seg_id){0, 0}) > 0;
	bool died = p->resume.crashes >= p->member->options.isolate_after;
	p->careful_read.on = p->resume.was_reading || (died && !explained);
}

bool seg_careful_read_waits(seg_partition *p, int64_t now, int64_t *next)
{
	if (!p->careful_read.on)
		return false;
	if (!seg_exclusion_allows_reads()) {
		if (now + HANDLED_PAUSE < *next)
			*next = now + HANDLED_PAUSE;
		return true;
	}
	/* The worker looks at this flag when it gives a batch back: set the flag, then look once more. */
	atomic_store_explicit(&p->handoff.io.starved, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	seg_ledger_collect(&p->ledger);
	return seg_ledger_unhandled(&p->ledger) > 0;
}

/* The commits find out what a refusal means. */
static void got_note(void *arg, const seg_reply *reply)
{
	(void)arg, (void)reply;
}

static void note(seg_partition *p, const char *what, uint32_t deaths)
{
	seg_fenced_texts texts;
	char number[16];
	seg_fenced_write(&texts, p, p->ledger.fetched, p->ledger.fetched_count);
	snprintf(number, sizeof(number), "%u", deaths);
	const char *argv[] = {p->log_key, p->state_key, texts.epoch, p->claim.nonce, what, texts.id, number};
	/* That the read is over holds on any node; if it were lost, the end of this owner would count against the entry. */
	if (strcmp(what, "read") == 0)
		seg_route_script(p->member->data, SEG_SCRIPT_MARK, got_note, p, 2, 7, argv, NULL);
	else
		seg_fenced_send(p, p->member->data, SEG_SCRIPT_MARK, got_note, 2, 7, argv, NULL);
}

bool seg_careful_read_enter(seg_partition *p)
{
	p->careful_read.entered = p->careful_read.on && seg_exclusion_read_begin();
	return p->careful_read.entered || !p->careful_read.on;
}

void seg_careful_read_leave(seg_partition *p)
{
	if (p->careful_read.entered)
		seg_exclusion_read_end();
	p->careful_read.entered = false;
}

bool seg_careful_read_start(seg_partition *p)
{
	const seg_member_options *options = &p->member->options;
	const seg_resume *resume = &p->resume;
	int order = resume->was_reading ? seg_id_compare(p->ledger.fetched, resume->reading) : 1;
	uint32_t deaths =
		order == 0 ? resume->read_deaths : seg_resume_deaths(resume, options->isolate_after);
	/* The entries before the one that is to blame were read well, and must not take its place in Redis. */
	p->careful_read.noted = order >= 0;
	if (p->careful_read.noted)
		note(p, "reading", deaths);
	return order == 0 && options->read_deaths > 0 && deaths >= options->read_deaths;
}

void seg_careful_read_finish(seg_partition *p, size_t messages)
{
	if (!p->careful_read.on)
		return;
	if (p->careful_read.noted)
		note(p, "read", 0);
	p->careful_read.on = messages > 0 && p->ledger.fetched_count < seg_ledger_window(&p->ledger);
}
