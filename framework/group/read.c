#include "group/read.h"

#include "base/clock.h"
#include "base/plural.h"
#include "base/random.h"
#include "group/brief.h"
#include "group/careful_read.h"
#include "group/gap.h"
#include "group/notes.h"
#include "group/pace.h"
#include "group/refusal.h"

/* After a read that Redis refused. */
#define REFUSED_PAUSE (100 * SEG_MS)
#define REFUSED_PAUSE_CAP (5 * SEG_SECOND)

/* After a read for which there was no memory. */
#define STARVED_PAUSE (100 * SEG_MS)
#define STARVED_PAUSE_CAP (2 * SEG_SECOND)

/* For refusal.h. */
#define READ "a read"

/* Between two log lines about refusals that continue. */
#define REFUSED_TELL (30 * SEG_SECOND)

/* A refusal that passes by itself, such as MOVED, is logged if it comes so often in a row: after about two seconds. */
enum { REFUSED_MOST = 5 };

/* After so many reads that broke, the log says so. A few are most often Redis's restarts, or the network. */
enum { LOSSES_TELL = 4 };

/*
 * Far from Redis, the first reads of all partitions together may bring so many bytes: a link of 4 MB/s carries them in a second. Later ones
 * follow what the link is seen to carry.
 */
enum { FIRST_BYTES = 4 << 20 };

/* Bytes that the first read may bring without a look at what the link carries; 0: no more than a batch. */
static uint64_t first_bytes(const seg_partition *p)
{
	const seg_member *m = p->member;
	bool far = seg_route_round_trip(m->control, p->log_key) >= SEG_LEDGER_FAR && !p->careful_read.on;
	return far && m->active_count > 0 ? FIRST_BYTES / m->active_count : 0;
}

void seg_read_begin(seg_partition *p)
{
	p->read.backlogged = true;
	p->read.refusals = 0;
	p->read.told_at = 0;
	p->read.at = 0;
	p->pace.has_turn = false;
	seg_careful_read_begin(p);
	seg_ledger_expect(&p->ledger, p->resume.entry_bytes, first_bytes(p));
}

bool seg_read_is_wanted(seg_partition *p, int64_t now, int64_t *next)
{
	/* What a read returns while a commit looks for removed messages may be removed before the commit comes. */
	if (!seg_ownership_fetches(&p->own) || p->read.reading != SEG_READING_NOT || p->commit.looks)
		return false;
	if (now < p->read.at) {
		if (p->read.at < *next)
			*next = p->read.at;
		return false;
	}
	if (seg_ledger_ready_target(&p->ledger))
		return !seg_careful_read_waits(p, now, next);
	/* A batch that came back before `starved` was set did not wake this thread. */
	seg_ledger_collect(&p->ledger);
	return seg_ledger_ready_target(&p->ledger) && !seg_careful_read_waits(p, now, next);
}

void seg_read_started(seg_partition *p, seg_reading reading, int64_t now)
{
	p->read.reading = reading;
	p->read.issued_at = now;
}

void seg_read_pause(seg_partition *p, int64_t until)
{
	p->read.at = until;
}

/* --- entries ------------------------------------------------------------------- */

static bool is_ignored(const seg_partition *p)
{
	return !p || !p->ledger.target || p->read.stale;
}

bool seg_read_entry(seg_partition *p, const char *id, size_t length, int64_t texts)
{
	return is_ignored(p) || seg_parser_entry(&p->ledger.parser, id, length, texts);
}

bool seg_read_text(seg_partition *p, const char *text, size_t length)
{
	return is_ignored(p) || seg_parser_text(&p->ledger.parser, text, length);
}

/* --- the end of a read ------------------------------------------------------------ */

void seg_read_failed(seg_partition *p, bool next_alone)
{
	seg_brief_heard(p);
	seg_careful_read_leave(p);
	p->read.reading = SEG_READING_NOT;
	p->read.stale = false;
	p->read.backlogged |= next_alone;
	seg_ledger_read_failed(&p->ledger);
}

/* There is no memory for the next entry. Others may give some back; else the entry becomes faulty. */
static void note_starved(seg_partition *p, unsigned times, int64_t now)
{
	char id[SEG_ID_TEXT_MAX];
	if (times == 1)
		seg_log(&p->logger, SEG_LOG_ERROR,
			"there is not enough memory for the message after %s of %s; trying again, then it becomes a dead letter",
			seg_id_format(p->ledger.fetched, id), p->log_key);
	p->read.backlogged = true;
	p->read.at = now + seg_backoff(STARVED_PAUSE, STARVED_PAUSE_CAP, times);
}

void seg_read_lost(seg_partition *p, bool no_memory)
{
	size_t entries = p->ledger.entries_requested;
	seg_ledger_read_lost(&p->ledger);
	seg_read_failed(p, no_memory);
	if (!no_memory && p->ledger.target && ++p->read.losses == LOSSES_TELL)
		seg_log(&p->logger, SEG_LOG_WARNING,
			"reads of %s break with their connection, the newest one after it had asked for %zu entries; asking for "
			"fewer. If the log of Redis says \"overcoming of output buffer limits\", raise its "
			"client-output-buffer-limit normal",
			p->log_key, entries);
	if (no_memory)
		note_starved(p, seg_ledger_read_starved(&p->ledger), seg_now());
}

/* Gives what the read brought to the worker. alone: the read's time was no waiting for messages. */
static seg_read_result deliver(seg_partition *p, bool alone, int64_t now)
{
	seg_ledger *l = &p->ledger;
	if (!l->target)
		return (seg_read_result){0};
	seg_ledger_collect(l);
	uint64_t unhandled = seg_ledger_unhandled(l);
	seg_read_result result = seg_ledger_deliver(l, p->number, p->own.epoch);
	if (alone)
		seg_pace_read_ended(p, result.messages, now);
	/* Far from Redis, larger reads would make a larger window, and so prolong the careful reads. */
	if (alone && l->filled && !p->careful_read.on)
		seg_ledger_adapt(l, seg_route_round_trip(p->member->data, p->log_key),
				 now - p->read.issued_at, unhandled);
	return result;
}

void seg_read_finished(seg_partition *p, int64_t now)
{
	bool was_alone = p->read.reading == SEG_READING_NOW;
	if (p->read.stale || !seg_ownership_fetches(&p->own)) {
		seg_read_failed(p, false);
		return;
	}
	seg_brief_heard(p);
	seg_careful_read_leave(p);
	p->read.reading = SEG_READING_NOT;
	p->read.refusals = 0;
	p->read.told_at = 0;
	seg_refusal_over(p, SEG_REFUSED_READ, READ);
	if (p->ledger.narrow == 0)
		p->read.losses = 0;
	seg_read_result result = deliver(p, was_alone, now);
	seg_note_removed(p, result.removed);
	seg_gap_found(p, result.removed, result.records_before);
	atomic_fetch_add_explicit(&p->member->counters.fetched, result.messages, memory_order_relaxed);
	/* A backlog ends with the first empty read: moving to the blocking read and back costs more than one more read. */
	bool full = result.messages > 0 && p->ledger.filled;
	p->read.backlogged = full || (was_alone && result.messages > 0 && !p->doorbell.at);
	if (result.starved == 0)
		seg_careful_read_finish(p, result.messages);
	else
		note_starved(p, result.starved, now);
	if (p->member->options.linger > 0 && !full)
		p->read.at = now + p->member->options.linger;
}

static void tell_refusal(seg_partition *p, const seg_reply *reply, int64_t now)
{
	char text[SEG_EXPLANATION_MAX];
	if (seg_refusal_concerns_all(p->member, reply)) {
		seg_refusal_tell(p->member, &p->logger, READ, reply);
		return;
	}
	if (p->read.told_at && now - p->read.told_at < REFUSED_TELL)
		return;
	seg_log(&p->logger, SEG_LOG_ERROR, "Redis refused to read %s (%u time%s in a row): %s", p->log_key,
		p->read.refusals, seg_plural(p->read.refusals), seg_reply_explain(reply, text));
	p->read.told_at = now;
}

void seg_read_refused(seg_partition *p, const seg_reply *reply, int64_t now)
{
	seg_read_failed(p, false);
	seg_refusal_note(p, SEG_REFUSED_READ, READ, reply);
	p->read.refusals++;
	if (!seg_reply_is_transient(reply) || p->read.refusals >= REFUSED_MOST)
		tell_refusal(p, reply, now);
	p->read.at = now + seg_backoff(REFUSED_PAUSE, REFUSED_PAUSE_CAP, p->read.refusals);
}

void seg_read_forget(seg_partition *p, bool in_flight)
{
	if (in_flight)
		p->read.stale = true;
	else
		p->read.reading = SEG_READING_NOT;
}
