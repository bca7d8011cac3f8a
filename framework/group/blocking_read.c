#include "group/blocking_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plural.h"
#include "base/random.h"
#include "group/history.h"
#include "group/notes.h"
#include "group/read.h"

enum { COMMAND_WORDS = 6 }; /* XREAD COUNT n BLOCK ms STREAMS */

/* So many replies in a row that come too early pause the reads. One is normal: a CLIENT UNBLOCK may end the read after the one
 * that it meant. */
enum { EARLY_MOST = 3 };

/* After a refusal, or replies that came too early. */
#define PAUSE (100 * SEG_MS)
#define PAUSE_CAP (5 * SEG_SECOND)

/* How long a read blocks that shall not wait. */
#define LOOK_TIME (1 * SEG_MS)

/* How long a read blocks that cannot be ended: while a partition may join, and while all are in the read. */
#define SHORT_TIME (50 * SEG_MS)
#define ALL_JOINED_TIME (500 * SEG_MS)

/* Between two log lines about refusals that continue. */
#define REFUSED_TELL (30 * SEG_SECOND)

/* Whether Redis lets this user end a read. It may grant or deny it anew at each connection. */
typedef enum { UNTRIED, ALLOWED, DENIED } unblocking;

struct seg_blocking_read {
	seg_entry_sink sink; /* first: the sink is the read */
	seg_member *member;
	seg_partition **partitions; /* in the order of the command's keys */
	uint32_t count;
	uint32_t
		cursor; /* the next partition that the reply may name: it names some of the keys, in their order */
	seg_partition *current;
	bool in_control;
	bool control_changed;
	bool busy;
	bool looks;   /* the next read shall not wait */
	bool changed; /* a partition must join or leave the read under way */
	bool unblock_sent;
	unblocking unblocking;
	uint64_t incarnation; /* of the connection of which `unblocking` is known */
	char control_id[SEG_ID_TEXT_MAX];
	const char **argv; /* 2 * (partitions + control) + the command */
	char (*ids)[SEG_ID_TEXT_MAX];
	int64_t issued_at;
	int64_t time;      /* for which it blocks */
	int64_t again_at;  /* not before */
	bool heard;        /* the reply under way holds at least one stream */
	unsigned early;    /* replies in a row that came too early */
	unsigned refusals; /* in a row */
	int64_t told_at;   /* when the newest refusal was logged */
};

/* --- entries ------------------------------------------------------------------- */

static bool on_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	struct seg_blocking_read *b = (struct seg_blocking_read *)sink;
	const char *control = b->member->control_key;
	b->in_control = length == strlen(control) && memcmp(key, control, length) == 0;
	b->current = NULL;
	b->heard = true;
	if (b->in_control)
		return true;
	for (; b->cursor < b->count; b->cursor++) {
		seg_partition *p = b->partitions[b->cursor];
		if (length == p->log_key_length && memcmp(key, p->log_key, length) == 0) {
			b->current = p;
			b->cursor++;
			return true;
		}
	}
	return false;
}

static bool on_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	struct seg_blocking_read *b = (struct seg_blocking_read *)sink;
	if (!b->in_control)
		return seg_read_entry(b->current, id, length, texts);
	b->control_changed = true;
	if (length >= sizeof(b->control_id))
		return false;
	memcpy(b->control_id, id, length);
	b->control_id[length] = '\0';
	return true;
}

static bool on_text(seg_entry_sink *sink, const char *text, size_t length)
{
	struct seg_blocking_read *b = (struct seg_blocking_read *)sink;
	return b->in_control || seg_read_text(b->current, text, length);
}

/* --- the reply -------------------------------------------------------------------- */

/* Redis refused one of the keys and does not say which. Reading each partition alone next finds it. */
static void refused(struct seg_blocking_read *b, const seg_reply *reply, int64_t now)
{
	char text[SEG_EXPLANATION_MAX];
	b->refusals++;
	b->again_at = now + seg_backoff(PAUSE, PAUSE_CAP, b->refusals);
	/* A server that is the master no more: the connection says so. */
	if (seg_reply_is_of_no_master(reply) || (b->refusals > 1 && now - b->told_at < REFUSED_TELL))
		return;
	seg_log(&b->member->logger, SEG_LOG_ERROR,
		"Redis refused a blocking read of %u partition%s and %s (%u time%s in a row): %s", b->count,
		seg_plural(b->count), b->member->control_key, b->refusals, seg_plural(b->refusals),
		seg_reply_explain(reply, text));
	b->told_at = now;
}

/* An empty reply came too early although nobody ended the read. Repeated at once, such reads would spin. */
static void check_time(struct seg_blocking_read *b, int64_t now)
{
	bool early = !b->heard && !b->unblock_sent && now - b->issued_at < b->time / 2;
	b->refusals = 0;
	b->early = early ? b->early + 1 : 0;
	if (b->early >= EARLY_MOST)
		b->again_at = now + PAUSE;
}

static void got_reply(void *arg, const seg_reply *reply)
{
	struct seg_blocking_read *b = arg;
	int64_t now = seg_now();
	bool good = reply && reply->type != SEG_REPLY_ERROR;
	b->busy = false;
	b->changed = true;
	if (good)
		check_time(b, now);
	else if (reply)
		refused(b, reply, now);
	for (uint32_t i = 0; i < b->count; i++) {
		if (good)
			seg_read_finished(b->partitions[i], now);
		else if (reply)
			seg_read_failed(b->partitions[i], true);
		else
			seg_read_lost(b->partitions[i],
				      b->partitions[i] == b->current &&
					      seg_route_lacks_memory(b->member->blocking, NULL));
	}
	b->count = 0;
	/* The entry will not be read again, even if the link broke right after it. */
	if (b->control_changed)
		seg_note_member(b->member, SEG_NOTE_HEARTBEAT);
	b->control_changed = b->unblock_sent = b->heard = false;
}

/* --- issuing ------------------------------------------------------------------------ */

/* Collects the partitions that wait. Returns the smallest count that one of them asks for. */
static size_t gather(struct seg_blocking_read *b)
{
	const seg_member *m = b->member;
	size_t least = m->options.limits.batch_size;
	b->count = 0;
	b->cursor = 0;
	b->current = NULL;
	for (uint32_t i = 0; i < m->awake_count; i++) {
		seg_partition *p = m->awake[i];
		if (p->read.reading != SEG_READING_BLOCKING)
			continue;
		size_t wanted = seg_ledger_read_count(&p->ledger);
		if (wanted < least)
			least = wanted;
		b->partitions[b->count++] = p;
	}
	return least;
}

/* Whether the newest UNBLOCK was allowed on the connection as it is now. */
static void check_unblocking(struct seg_blocking_read *b)
{
	uint64_t incarnation = seg_connection_incarnation(seg_route_connection(b->member->blocking, NULL));
	if (incarnation == b->incarnation)
		return;
	b->incarnation = incarnation;
	b->unblocking = UNTRIED;
}

/* How long the read that was gathered shall block. */
static int64_t time_to_block(const struct seg_blocking_read *b)
{
	if (b->looks)
		return LOOK_TIME;
	if (b->unblocking == ALLOWED)
		return SEG_BLOCKING_READ_TIME;
	return b->count < b->member->active_count ? SHORT_TIME : ALL_JOINED_TIME;
}

static void issue(struct seg_blocking_read *b, int64_t now)
{
	check_unblocking(b);
	char count[24], block[24];
	size_t entries = gather(b);
	snprintf(count, sizeof(count), "%zu", entries);
	b->time = time_to_block(b);
	snprintf(block, sizeof(block), "%lld", (long long)(b->time / SEG_MS));
	const char *command[COMMAND_WORDS] = {"XREAD", "COUNT", count, "BLOCK", block, "STREAMS"};
	memcpy(b->argv, command, sizeof(command));
	const char **keys = b->argv + COMMAND_WORDS, **ids = keys + b->count + 1;
	for (uint32_t i = 0; i < b->count; i++) {
		seg_ledger *ledger = &b->partitions[i]->ledger;
		seg_ledger_read_begun(ledger, entries);
		keys[i] = b->partitions[i]->log_key;
		ids[i] = seg_id_format(ledger->fetched, b->ids[i]);
	}
	keys[b->count] = b->member->control_key;
	ids[b->count] = b->control_id;
	int words = COMMAND_WORDS + 2 * ((int)b->count + 1);
	b->busy = seg_route_entries(b->member->blocking, &b->sink, got_reply, b, words, b->argv, NULL);
	b->changed = !b->busy;
	b->issued_at = now;
	for (uint32_t i = 0; i < b->count && !b->busy; i++)
		seg_read_failed(b->partitions[i], false);
	if (!b->busy)
		b->count = 0;
}

/* 0: CLIENT UNBLOCK ended nothing. It overtook the read, which uses the other connection, or came after the reply. */
static void got_unblocked(void *arg, const seg_reply *reply)
{
	struct seg_blocking_read *b = arg;
	seg_client *client = b->member->stream->client;
	if (reply && !seg_reply_is_transient(reply))
		b->unblocking = seg_reply_is_denial(reply) ? DENIED : ALLOWED;
	if (seg_reply_is_denial(reply))
		seg_denials_tell(&client->denials, SEG_NICETY_CLIENT_UNBLOCK, reply, &client->address,
				 client->address.text, &b->member->logger);
	if (seg_reply_number(reply, 0) == 0)
		b->unblock_sent = reply && reply->type == SEG_REPLY_ERROR;
}

/* Ends the read under way, so that the next one includes all partitions that wait. */
static void unblock(struct seg_blocking_read *b)
{
	char id[24];
	int64_t client = seg_connection_client_id(seg_route_connection(b->member->blocking, NULL));
	if (b->unblock_sent || client < 0 || b->unblocking == DENIED)
		return;
	snprintf(id, sizeof(id), "%lld", (long long)client);
	b->unblock_sent =
		seg_route_words(b->member->control, got_unblocked, b, "CLIENT", "UNBLOCK", id, (char *)NULL);
}

bool seg_blocking_read_is_paused(const seg_member *m, int64_t now)
{
	return m->blocking_read->refusals > 0 && now < m->blocking_read->again_at;
}

void seg_blocking_read_add(seg_member *m, seg_partition *p)
{
	seg_read_started(p, SEG_READING_BLOCKING, seg_now());
	m->blocking_read->changed = true;
}

bool seg_blocking_read_has(const seg_member *m, const seg_partition *p)
{
	const struct seg_blocking_read *b = m->blocking_read;
	for (uint32_t i = 0; i < b->count && b->busy; i++)
		if (b->partitions[i] == p)
			return true;
	return false;
}

void seg_blocking_read_renew(seg_member *m)
{
	m->blocking_read->changed = true;
}

static int64_t step(seg_member *m, int64_t now)
{
	struct seg_blocking_read *b = m->blocking_read;
	/* The first read of the next connection includes all partitions that wait. */
	if (!seg_history_holds(&m->links[SEG_LINK_BLOCKING], m->control_slot))
		return SEG_NEVER;
	if (b->busy) {
		/* The first read is ended, too: that tells whether reads may be long. */
		if ((b->changed || b->unblocking == UNTRIED) && seg_route_ready(m->control))
			unblock(b);
		return SEG_NEVER;
	}
	if (now < b->again_at)
		return b->again_at;
	issue(b, now);
	return SEG_NEVER;
}

int64_t seg_blocking_read_step(seg_member *m, int64_t now)
{
	m->blocking_read->looks = false;
	return step(m, now);
}

static bool does_any_wait(const seg_member *m)
{
	for (uint32_t i = 0; i < m->awake_count; i++)
		if (m->awake[i]->read.reading == SEG_READING_BLOCKING)
			return true;
	return false;
}

int64_t seg_blocking_read_look(seg_member *m, int64_t now)
{
	struct seg_blocking_read *b = m->blocking_read;
	b->looks = true;
	if (!b->changed || (!b->busy && !does_any_wait(m)))
		return SEG_NEVER;
	return step(m, now);
}

/* --- making ----------------------------------------------------------------------------- */

int seg_blocking_read_init(seg_member *m)
{
	struct seg_blocking_read *b = calloc(1, sizeof(*b));
	m->blocking_read = b;
	if (!b)
		return SEG_ENOMEM;
	b->sink = (seg_entry_sink){.stream = on_stream,
				   .entry = on_entry,
				   .text = on_text,
				   .text_max = m->options.limits.entry_bytes};
	b->member = m;
	strcpy(b->control_id, "0-0");
	b->partitions = calloc(m->partition_count, sizeof(*b->partitions));
	b->argv = calloc(COMMAND_WORDS + 2 * ((size_t)m->partition_count + 1), sizeof(*b->argv));
	b->ids = calloc(m->partition_count, sizeof(*b->ids));
	return b->partitions && b->argv && b->ids ? 0 : SEG_ENOMEM;
}

void seg_blocking_read_fini(seg_member *m)
{
	struct seg_blocking_read *b = m->blocking_read;
	if (!b)
		return;
	free(b->partitions);
	free(b->argv);
	free(b->ids);
	free(b);
	m->blocking_read = NULL;
}
