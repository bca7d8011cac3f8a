#include "group/fetch.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "group/blocking_read.h"
#include "group/careful_read.h"
#include "group/doorbell.h"
#include "group/history.h"
#include "group/pace.h"
#include "group/read.h"

/* Between two reads of a partition without a backlog, while Redis refuses the blocking read. */
#define DRY_PAUSE (100 * SEG_MS)

/* The longest text that is read of an entry for which there was no memory, again and again. */
enum { GIVEN_UP_TEXT = 64 * 1024 };

/* --- a read of one partition, which Redis answers at once ------------------------------- */

static seg_partition *partition_of(seg_entry_sink *sink)
{
	return (seg_partition *)((char *)sink - offsetof(seg_partition, read.sink));
}

static bool on_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	seg_partition *p = partition_of(sink);
	p->read.heard = true;
	return length == p->log_key_length && memcmp(key, p->log_key, length) == 0;
}

static bool on_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	return seg_read_entry(partition_of(sink), id, length, texts);
}

static bool on_text(seg_entry_sink *sink, const char *text, size_t length)
{
	return seg_read_text(partition_of(sink), text, length);
}

static void got_read(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	seg_doorbell_read(p, seg_now());
	if (!reply)
		seg_read_lost(p, p->read.heard && seg_route_lacks_memory(p->member->data, p->log_key));
	else if (reply->type == SEG_REPLY_ERROR)
		seg_read_refused(p, reply, seg_now());
	else
		seg_read_finished(p, seg_now());
}

/* Of an entry that is given up, long texts are not read any more. */
static size_t text_max(const seg_partition *p)
{
	size_t limit = p->member->options.limits.entry_bytes;
	return seg_ledger_gives_up(&p->ledger) && limit > GIVEN_UP_TEXT ? GIVEN_UP_TEXT : limit;
}

/* How soon another thread's careful read may be over. */
#define HELD_PAUSE (2 * SEG_MS)

/* There was no memory for the command. */
#define MEMORY_PAUSE (50 * SEG_MS)

/* Whether it has rung is forgotten. */
static void try_again(seg_partition *p, int64_t at)
{
	p->read.backlogged = true;
	seg_read_pause(p, at);
}

static void read_now(seg_partition *p, int64_t now)
{
	char count[24], id[SEG_ID_TEXT_MAX];
	if (!seg_careful_read_enter(p)) {
		try_again(p, now + HELD_PAUSE);
		return;
	}
	size_t entries = p->careful_read.on ? 1 : seg_ledger_read_count(&p->ledger);
	bool gives_up = p->careful_read.on && seg_careful_read_start(p);
	seg_ledger_read_begun(&p->ledger, entries);
	if (gives_up)
		seg_ledger_give_up(&p->ledger);
	p->read.heard = false;
	p->read.sink.text_max = gives_up ? GIVEN_UP_TEXT : text_max(p);
	snprintf(count, sizeof(count), "%zu", entries);
	const char *argv[] = {"XREAD",   "COUNT",    count,
			      "STREAMS", p->log_key, seg_id_format(p->ledger.fetched, id)};
	if (seg_route_entries(p->member->data, &p->read.sink, got_read, p, 6, argv, NULL)) {
		seg_read_started(p, SEG_READING_NOW, now);
	} else {
		seg_careful_read_leave(p);
		try_again(p, now + MEMORY_PAUSE);
	}
}

/* --- the duty cycle -------------------------------------------------------------------- */

void seg_fetch_init(seg_member *m)
{
	for (uint32_t n = 0; n < m->partition_count; n++)
		m->partitions[n].read.sink =
			(seg_entry_sink){.stream = on_stream, .entry = on_entry, .text = on_text};
}

/* By the doorbell: a partition without a backlog is read when it rings. */
static void fetch_rung(seg_partition *p, bool alone, int64_t now, int64_t *next)
{
	if (!alone && !seg_doorbell_wants(p, now, next))
		return;
	/* On one server, one command looks at all partitions that did not ring for long. */
	if (!alone && seg_doorbell_only_looks(p) && !seg_blocking_read_is_paused(p->member, now)) {
		seg_doorbell_looking(p, now);
		seg_blocking_read_add(p->member, p);
		return;
	}
	seg_doorbell_reading(p, now);
	read_now(p, now);
}

/* A partition without a backlog joins the blocking read. */
static void fetch_blocking(seg_partition *p, bool alone, int64_t now)
{
	if (!alone && !seg_blocking_read_is_paused(p->member, now)) {
		seg_blocking_read_add(p->member, p);
		return;
	}
	if (!alone)
		seg_read_pause(p, now + DRY_PAUSE);
	read_now(p, now);
}

/* Whether the partition's read, which is wanted now, waits for its turn. */
static bool waits_for_turn(seg_partition *p, int64_t now)
{
	int64_t turn = seg_pace_read_turn(p, now);
	if (turn > now)
		seg_read_pause(p, turn);
	return turn > now;
}

static void fetch(seg_partition *p, bool rings, int64_t now, int64_t *next)
{
	bool alone = p->read.backlogged || p->read.refusals > 0 || p->careful_read.on;
	if (alone && waits_for_turn(p, now))
		return;
	if (rings)
		fetch_rung(p, alone, now, next);
	else
		fetch_blocking(p, alone, now);
}

/* Waits for what no partition's read waits for. Returns when it must be called again. */
static int64_t wait_for_news(seg_member *m, bool rings, int64_t now)
{
	if (!rings)
		return seg_blocking_read_step(m, now);
	int64_t next = seg_doorbell_step(m, now);
	int64_t look = seg_route_is_cluster(m->data) ? SEG_NEVER : seg_blocking_read_look(m, now);
	return look < next ? look : next;
}

int64_t seg_fetch_step(seg_member *m, seg_partition *const *partitions, uint32_t count, int64_t now)
{
	int64_t next = SEG_NEVER;
	if (m->phase != SEG_PHASE_MEMBER)
		return next;
	bool rings = seg_doorbell_is_used(m);
	for (uint32_t i = 0; i < count; i++) {
		seg_partition *p = partitions[i];
		if (!seg_read_is_wanted(p, now, &next) ||
		    !seg_history_holds(&m->links[SEG_LINK_DATA], p->slot))
			continue;
		fetch(p, rings, now, &next);
		if (p->read.reading == SEG_READING_NOT && p->read.at > now && p->read.at < next)
			next = p->read.at;
	}
	int64_t waiting = wait_for_news(m, rings, now);
	return waiting < next ? waiting : next;
}

void seg_fetch_forget(seg_partition *p)
{
	if (p->read.reading == SEG_READING_NOT)
		return;
	bool blocking = seg_blocking_read_has(p->member, p);
	seg_read_forget(p, blocking || p->read.reading == SEG_READING_NOW);
	if (blocking)
		seg_blocking_read_renew(p->member);
}
