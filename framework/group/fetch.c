#include "group/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "group/coordinate.h"

/* A hot read of one partition, or the blocking read of many: whose entries come, and where they go. */
typedef struct {
	seg_entry_sink sink; /* first: the sink is the read */
	seg_partition *partition;
} hot_read;

struct seg_wait {
	seg_entry_sink sink; /* first */
	seg_member *member;
	seg_partition **partitions; /* in the order of the command's keys */
	uint32_t count;
	uint32_t cursor; /* replies name a part of the keys, in their order */
	seg_partition *current;
	bool in_control;
	bool control_changed;
	bool busy;
	bool changed; /* partitions wait that are not part of the read under way */
	bool unblock_sent;
	char control_id[SEG_ID_TEXT_MAX];
	const char **argv; /* 2 * (partitions + control) + the command */
	char (*ids)[SEG_ID_TEXT_MAX];
	hot_read *hot; /* one for each partition */
	int64_t issued_at;
	int64_t failed_at;
	bool heard;     /* the reply under way holds something */
	unsigned early; /* replies in a row that came too early */
};

enum { COMMAND_WORDS = 6 }; /* XREAD COUNT n BLOCK ms STREAMS */

/* Replies in a row that come too early, before reads are paused: a CLIENT UNBLOCK may hit the read after the one it meant. */
enum { EARLY_MOST = 3 };

/* After a read that Redis refused. */
#define REFUSED_PAUSE (100 * SEG_MS)

/* --- entries ------------------------------------------------------------------- */

static bool to_buffer_entry(seg_partition *p, const char *id, size_t length, int64_t texts)
{
	return !p || !p->target || p->read_stale || seg_buffer_entry(p->target, id, length, texts);
}

static bool to_buffer_text(seg_partition *p, const char *text, size_t length)
{
	return !p || !p->target || p->read_stale || seg_buffer_text(p->target, text, length);
}

static bool hot_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	hot_read *read = (hot_read *)sink;
	seg_partition *p = read->partition;
	return length == p->log_key_length && memcmp(key, p->log_key, length) == 0;
}

static bool hot_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	return to_buffer_entry(((hot_read *)sink)->partition, id, length, texts);
}

static bool hot_text(seg_entry_sink *sink, const char *text, size_t length)
{
	return to_buffer_text(((hot_read *)sink)->partition, text, length);
}

static bool wait_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	struct seg_wait *w = (struct seg_wait *)sink;
	w->in_control =
		length == strlen(w->member->control_key) && memcmp(key, w->member->control_key, length) == 0;
	w->current = NULL;
	w->heard = true;
	if (w->in_control)
		return true;
	for (; w->cursor < w->count; w->cursor++) {
		seg_partition *p = w->partitions[w->cursor];
		if (length == p->log_key_length && memcmp(key, p->log_key, length) == 0) {
			w->current = p;
			w->cursor++;
			return true;
		}
	}
	return false;
}

static bool wait_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	struct seg_wait *w = (struct seg_wait *)sink;
	if (w->in_control) {
		w->control_changed = true;
		if (length >= sizeof(w->control_id))
			return false;
		memcpy(w->control_id, id, length);
		w->control_id[length] = '\0';
		return true;
	}
	return to_buffer_entry(w->current, id, length, texts);
}

static bool wait_text(seg_entry_sink *sink, const char *text, size_t length)
{
	struct seg_wait *w = (struct seg_wait *)sink;
	return w->in_control || to_buffer_text(w->current, text, length);
}

/* --- what a read brought ---------------------------------------------------------- */

/* good: the reply was whole; else what was read of it must not be used. */
static void finish_read(seg_partition *p, bool good, int64_t now)
{
	bool was_hot = p->reading == SEG_READING_HOT;
	size_t count = 0;
	p->reading = SEG_READING_NOT;
	if (!good || p->read_stale || !seg_ownership_fetches(&p->own)) {
		if (p->target)
			seg_buffer_reset(p->target, SIZE_MAX);
		p->read_stale = false;
		return;
	}
	if (p->target)
		count = seg_partition_deliver(p);
	atomic_fetch_add_explicit(&p->member->counters.fetched, count, memory_order_relaxed);
	/* Once hot, it stays so until it runs dry: moving to the blocking read and back costs more. */
	p->hot = (count > 0 && p->full) || (was_hot && count > 0);
	if (p->member->options.linger > 0 && !(count > 0 && p->full))
		p->read_at = now + p->member->options.linger;
}

static void report_refusal(seg_member *m, const seg_reply *reply)
{
	struct seg_wait *w = m->waiting;
	int64_t now = seg_now();
	if (now - w->failed_at > 5 * SEG_SECOND)
		seg_log(&m->logger, SEG_LOG_ERROR, "Redis refused a read: %s", reply->text);
	w->failed_at = now;
}

static void got_hot(void *arg, const seg_reply *reply)
{
	hot_read *read = arg;
	seg_partition *p = read->partition;
	bool good = reply && reply->type != SEG_REPLY_ERROR;
	if (reply && !good) {
		report_refusal(p->member, reply);
		p->read_at = seg_now() + REFUSED_PAUSE;
	}
	finish_read(p, good, seg_now());
}

/* It was to wait, but there is nothing, and nobody has ended it: asked at once again, it would never wait. */
static bool is_too_early(const struct seg_wait *w, int64_t now)
{
	return !w->heard && !w->unblock_sent && now - w->issued_at < SEG_FETCH_BLOCK / 2;
}

static void got_wait(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	struct seg_wait *w = m->waiting;
	int64_t now = seg_now();
	bool good = reply && reply->type != SEG_REPLY_ERROR;
	w->busy = false;
	w->changed = true;
	if (reply && !good)
		report_refusal(m, reply);
	w->early = good && is_too_early(w, now) ? w->early + 1 : 0;
	if (w->early >= EARLY_MOST)
		w->failed_at = now;
	for (uint32_t i = 0; i < w->count; i++)
		finish_read(w->partitions[i], good, now);
	w->count = 0;
	if (good && w->control_changed)
		seg_coordinate_hurry(m);
	w->control_changed = false;
	w->unblock_sent = false;
	w->heard = false;
}

/* --- issuing ------------------------------------------------------------------------ */

static void issue_hot(seg_member *m, seg_partition *p)
{
	hot_read *read = &m->waiting->hot[p->number];
	char count[24], id[SEG_ID_TEXT_MAX];
	seg_partition_asked(p, seg_partition_read_count(p));
	snprintf(count, sizeof(count), "%zu", p->asked);
	const char *argv[] = {"XREAD", "COUNT", count, "STREAMS", p->log_key, seg_id_format(p->fetched, id)};
	if (seg_connection_entries(m->data, &read->sink, got_hot, read, 6, argv, NULL))
		p->reading = SEG_READING_HOT;
}

static void issue_wait(seg_member *m)
{
	struct seg_wait *w = m->waiting;
	char count[24], block[24];
	size_t least = m->options.batch_size;
	int keys = 0;
	w->count = 0;
	w->cursor = 0;
	w->changed = false;
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_partition *p = m->active[i];
		if (p->reading != SEG_READING_WAIT)
			continue;
		size_t wanted = seg_partition_read_count(p);
		if (wanted < least)
			least = wanted;
		w->partitions[w->count++] = p;
	}
	const char **argv = w->argv;
	snprintf(count, sizeof(count), "%zu", least);
	snprintf(block, sizeof(block), "%lld", (long long)(SEG_FETCH_BLOCK / SEG_MS));
	const char *command[COMMAND_WORDS] = {"XREAD", "COUNT", count, "BLOCK", block, "STREAMS"};
	memcpy(argv, command, sizeof(command));
	argv += COMMAND_WORDS;
	for (uint32_t i = 0; i < w->count; i++) {
		seg_partition_asked(w->partitions[i], least);
		argv[keys++] = w->partitions[i]->log_key;
	}
	argv[keys++] = m->control_key;
	for (uint32_t i = 0; i < w->count; i++)
		argv[keys++] = seg_id_format(w->partitions[i]->fetched, w->ids[i]);
	argv[keys++] = w->control_id;
	if (seg_connection_entries(m->wait, &w->sink, got_wait, m, COMMAND_WORDS + keys, w->argv, NULL)) {
		w->busy = true;
		w->issued_at = seg_now();
		return;
	}
	for (uint32_t i = 0; i < w->count; i++)
		w->partitions[i]->reading = SEG_READING_NOT;
	w->count = 0;
	w->changed = true;
}

/* 0: it came before the read that it was to end, which goes another way; or after its answer. */
static void unblocked(void *arg, const seg_reply *reply)
{
	struct seg_wait *w = arg;
	if (seg_reply_number(reply, 0) == 0)
		w->unblock_sent = reply && reply->type == SEG_REPLY_ERROR;
}

/* The blocking read under way does not know of all who wait: end it, and the next one will. */
static void unblock(seg_member *m)
{
	struct seg_wait *w = m->waiting;
	char id[24];
	if (w->unblock_sent || seg_connection_client_id(m->wait) < 0)
		return;
	snprintf(id, sizeof(id), "%lld", (long long)seg_connection_client_id(m->wait));
	w->unblock_sent = seg_connection_words(m->data, unblocked, w, "CLIENT", "UNBLOCK", id, (char *)NULL);
}

static bool want_read(seg_partition *p, int64_t now, int64_t *next)
{
	if (!seg_ownership_fetches(&p->own) || p->reading != SEG_READING_NOT)
		return false;
	if (now < p->read_at) {
		if (p->read_at < *next)
			*next = p->read_at;
		return false;
	}
	if (seg_partition_ready_target(p))
		return true;
	/* What came back before `starved` was set did not kick. */
	seg_partition_collect(p);
	return seg_partition_ready_target(p);
}

int64_t seg_fetch_step(seg_member *m, int64_t now)
{
	struct seg_wait *w = m->waiting;
	int64_t next = SEG_NEVER;
	bool data_ready = seg_connection_ready(m->data);
	if (m->phase != SEG_PHASE_MEMBER || m->history_wanted)
		return next;
	for (uint32_t i = 0; i < m->active_count; i++) {
		seg_partition *p = m->active[i];
		if (!want_read(p, now, &next))
			continue;
		if (p->hot) {
			if (data_ready)
				issue_hot(m, p);
		} else {
			p->reading = SEG_READING_WAIT;
			w->changed = true;
		}
	}
	if (!seg_connection_ready(m->wait)) {
		/* Its reads are over; those that wait go on with the first read of the new connection. */
		return next;
	}
	int64_t again_at = w->failed_at + REFUSED_PAUSE;
	if (w->busy) {
		if (w->changed && data_ready)
			unblock(m);
	} else if (now >= again_at) {
		issue_wait(m);
	} else if (again_at < next) {
		next = again_at;
	}
	return next;
}

void seg_fetch_forget(seg_partition *p)
{
	if (p->reading == SEG_READING_NOT)
		return;
	struct seg_wait *w = p->member->waiting;
	bool in_flight = p->reading == SEG_READING_HOT;
	for (uint32_t i = 0; i < w->count && !in_flight; i++)
		in_flight = w->busy && w->partitions[i] == p;
	if (in_flight) {
		p->read_stale = true;
		w->changed = true; /* so that the blocking read is ended soon */
	} else {
		p->reading = SEG_READING_NOT;
	}
}

/* --- making ----------------------------------------------------------------------------- */

int seg_fetch_init(seg_member *m)
{
	struct seg_wait *w = calloc(1, sizeof(*w));
	m->waiting = w;
	if (!w)
		return SEG_ENOMEM;
	w->sink = (seg_entry_sink){.stream = wait_stream, .entry = wait_entry, .text = wait_text};
	w->member = m;
	strcpy(w->control_id, "0-0");
	w->partitions = calloc(m->partition_count, sizeof(*w->partitions));
	w->argv = calloc(COMMAND_WORDS + 2 * ((size_t)m->partition_count + 1), sizeof(*w->argv));
	w->ids = calloc(m->partition_count, sizeof(*w->ids));
	w->hot = calloc(m->partition_count, sizeof(*w->hot));
	if (!w->partitions || !w->argv || !w->ids || !w->hot)
		return SEG_ENOMEM;
	for (uint32_t n = 0; n < m->partition_count; n++) {
		w->hot[n].sink = (seg_entry_sink){.stream = hot_stream, .entry = hot_entry, .text = hot_text};
		w->hot[n].partition = &m->partitions[n];
	}
	return 0;
}

void seg_fetch_fini(seg_member *m)
{
	struct seg_wait *w = m->waiting;
	if (!w)
		return;
	free(w->partitions);
	free(w->argv);
	free(w->ids);
	free(w->hot);
	free(w);
	m->waiting = NULL;
}
