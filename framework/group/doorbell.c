#include "group/doorbell.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/whole_number.h"
#include "group/brief.h"
#include "group/history.h"
#include "group/notes.h"
#include "group/rest.h"

/* From so many partitions of a member on, a single server has less work with a doorbell than with a blocking read: a blocking
 * read costs in proportion to its keys whenever one of them gets a message. */
enum { BLOCK_MOST = 64 };
static uint32_t block_most = BLOCK_MOST;

/* While nothing rings: intervals that double. */
#define INTERVAL_MIN (2 * SEG_MS)
#define INTERVAL_MAX (200 * SEG_MS)

/* After Redis refused to read the control stream: a read that was refused does not ring. */
#define REFUSED_PAUSE (500 * SEG_MS)

/* What rings is read after so long, too: no ring is known to get lost, but a lost one must not stop a partition for ever. */
#define RINGING_INTERVAL (60 * SEG_SECOND)

struct seg_doorbell {
	seg_entry_sink sink; /* first: the sink is the doorbell; of the control stream */
	bool control_rang;
	bool control_busy;
	bool control_changed;
	int64_t control_at; /* when to read the control stream if it does not ring */
	int64_t control_interval;
	char control_id[SEG_ID_TEXT_MAX];
};

/* --- rings ---------------------------------------------------------------------------- */

/* The partition of a log's key; NULL: the key is none. */
static seg_partition *partition_of(const seg_member *m, const char *key, size_t length)
{
	const seg_partition *first = &m->partitions[0];
	size_t prefix = first->log_key_length - 1; /* without its number 0 */
	if (length <= prefix || memcmp(key, first->log_key, prefix) != 0)
		return NULL;
	const char *text = key + prefix, *end = key + length;
	uint64_t number;
	if (!seg_whole_number_read(&text, end, &number) || text < end)
		return NULL;
	return number < m->partition_count ? &m->partitions[number] : NULL;
}

static void ring(seg_partition *p)
{
	p->doorbell.rang = true;
	seg_rest_wake(p);
	seg_brief_heard(p);
}

static void ring_all(seg_member *m, seg_node node)
{
	for (uint32_t i = 0; i < m->active_count; i++)
		if (seg_route_node(m->data, m->active[i]->slot) == node)
			ring(m->active[i]);
	if (seg_route_node(m->data, m->control_slot) == node)
		m->doorbell->control_rang = true;
}

void seg_doorbell_rang(void *arg, seg_node node, const char *key, size_t length)
{
	seg_member *m = ((seg_member_link *)arg)->member;
	seg_partition *p = key ? partition_of(m, key, length) : NULL;
	if (!key)
		ring_all(m, node);
	else if (p)
		ring(p);
	else if (length == strlen(m->control_key) && memcmp(key, m->control_key, length) == 0)
		m->doorbell->control_rang = true;
}

/* --- partitions ------------------------------------------------------------------------ */

void seg_doorbell_set_block_most(uint32_t partitions)
{
	block_most = partitions;
}

bool seg_doorbell_is_used(seg_member *m)
{
	if (seg_route_is_cluster(m->data))
		return true;
	return m->active_count > block_most && seg_route_bell(m->data, m->control_slot) == SEG_BELL_RINGS;
}

bool seg_doorbell_hears(seg_partition *p)
{
	return p->doorbell.listens && seg_doorbell_is_used(p->member) &&
	       seg_route_bell(p->member->data, p->slot) == SEG_BELL_RINGS;
}

bool seg_doorbell_wants(seg_partition *p, int64_t now, int64_t *next)
{
	/* A look has found messages that did not ring: read them where they ring again. */
	if (p->doorbell.looked && p->ledger.fetched_count != p->doorbell.fetched_count)
		p->doorbell.rang = true;
	if (p->doorbell.rang || now >= p->doorbell.at)
		return true;
	if (p->doorbell.at < *next)
		*next = p->doorbell.at;
	return false;
}

static int64_t longer(int64_t interval)
{
	if (interval == 0)
		return INTERVAL_MIN;
	return interval * 2 < INTERVAL_MAX ? interval * 2 : INTERVAL_MAX;
}

bool seg_doorbell_only_looks(const seg_partition *p)
{
	return p->doorbell.listens && !p->doorbell.rang && !seg_route_is_cluster(p->member->data) &&
	       seg_route_bell(p->member->data, p->slot) == SEG_BELL_RINGS;
}

void seg_doorbell_looking(seg_partition *p, int64_t now)
{
	p->doorbell.looked = true;
	p->doorbell.fetched_count = p->ledger.fetched_count;
	p->doorbell.at = now + RINGING_INTERVAL;
}

void seg_doorbell_reading(seg_partition *p, int64_t now)
{
	p->doorbell.rings += p->doorbell.rang && p->doorbell.listens;
	p->doorbell.rang = p->doorbell.looked = false;
	p->doorbell.listens = seg_route_bell(p->member->data, p->slot) == SEG_BELL_RINGS;
	if (p->doorbell.listens) {
		p->doorbell.at = now + RINGING_INTERVAL;
		p->doorbell.interval = 0;
		p->doorbell.fetched_count = p->ledger.fetched_count;
		return;
	}
	bool came = p->ledger.fetched_count != p->doorbell.fetched_count;
	p->doorbell.fetched_count = p->ledger.fetched_count;
	p->doorbell.interval = came ? INTERVAL_MIN : longer(p->doorbell.interval);
	p->doorbell.at = now + p->doorbell.interval;
}

void seg_doorbell_read(seg_partition *p, int64_t now)
{
	if (p->doorbell.at > now + INTERVAL_MAX && seg_route_bell(p->member->data, p->slot) != SEG_BELL_RINGS)
		p->doorbell.at = now + INTERVAL_MIN;
}

/* --- the control stream -------------------------------------------------------------------- */

static bool on_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	(void)sink;
	(void)key;
	(void)length;
	return true;
}

static bool on_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	struct seg_doorbell *d = (struct seg_doorbell *)sink;
	(void)texts;
	d->control_changed = true;
	if (length >= sizeof(d->control_id))
		return false;
	memcpy(d->control_id, id, length);
	d->control_id[length] = '\0';
	return true;
}

static bool on_text(seg_entry_sink *sink, const char *text, size_t length)
{
	(void)sink;
	(void)text;
	(void)length;
	return true;
}

static void got_control(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	struct seg_doorbell *d = m->doorbell;
	d->control_busy = false;
	if (!reply)
		d->control_rang = true;
	else if (reply->type == SEG_REPLY_ERROR)
		d->control_at = seg_now() + REFUSED_PAUSE;
	else if (seg_route_bell(m->data, m->control_slot) != SEG_BELL_RINGS)
		d->control_at = seg_now() + longer(d->control_interval);
	if (d->control_changed)
		seg_note_member(m, SEG_NOTE_HEARTBEAT);
	d->control_changed = false;
}

static void read_control(seg_member *m, int64_t now)
{
	struct seg_doorbell *d = m->doorbell;
	const char *argv[] = {"XREAD", "STREAMS", m->control_key, d->control_id};
	bool rings = seg_route_bell(m->data, m->control_slot) == SEG_BELL_RINGS;
	d->control_rang = false;
	d->control_interval = rings ? 0 : longer(d->control_interval);
	d->control_at = now + (rings ? RINGING_INTERVAL : d->control_interval);
	d->control_busy = seg_route_entries(m->data, &d->sink, got_control, m, 4, argv, NULL);
	if (!d->control_busy) /* no memory: whether it has rung is forgotten */
		d->control_at = now + REFUSED_PAUSE;
}

int64_t seg_doorbell_step(seg_member *m, int64_t now)
{
	struct seg_doorbell *d = m->doorbell;
	if (!seg_doorbell_is_used(m) || d->control_busy || m->phase != SEG_PHASE_MEMBER ||
	    !seg_history_holds(&m->links[SEG_LINK_DATA], m->control_slot))
		return SEG_NEVER;
	if (d->control_rang || now >= d->control_at)
		read_control(m, now);
	return d->control_at;
}

/* --- making ----------------------------------------------------------------------------------- */

int seg_doorbell_init(seg_member *m)
{
	struct seg_doorbell *d = calloc(1, sizeof(*d));
	m->doorbell = d;
	if (!d)
		return SEG_ENOMEM;
	d->sink = (seg_entry_sink){.stream = on_stream, .entry = on_entry, .text = on_text};
	strcpy(d->control_id, "0-0");
	return 0;
}

void seg_doorbell_fini(seg_member *m)
{
	free(m->doorbell);
	m->doorbell = NULL;
}
