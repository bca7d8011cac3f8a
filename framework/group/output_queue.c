#include "group/output_queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "group/acks.h"
#include "group/history.h"
#include "group/notes.h"
#include "group/refusal.h"

/* Of one call: while the script runs, Redis serves nobody else. One record may be larger. */
enum { CALL_RECORDS = 512, CALL_BYTES = 256 * 1024 };

/* What a record counts beyond its bytes. */
enum { RECORD_CHARGE = 64 };

#define FULL_PAUSE (5 * SEG_MS)
#define FULL_PAUSE_CAP (100 * SEG_MS)
#define RETRY_PAUSE (50 * SEG_MS)
#define TRANSIENT_CAP (500 * SEG_MS)
#define RETRY_CAP (5 * SEG_SECOND)
#define UNCONFIRMED_PAUSE (200 * SEG_MS)
#define LEASE_PAUSE (50 * SEG_MS)

seg_output_queue *seg_output_queue_create(seg_partition *partition, size_t *waiting,
					  seg_output_target *target, uint32_t target_partition)
{
	char key[SEG_KEY_MAX];
	const seg_stream *stream = target->stream;
	seg_output_queue *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->partition = partition;
	q->waiting = waiting;
	q->target = target;
	q->target_partition = target_partition;
	seg_key_log(key, stream->client->name_space, stream->name, target_partition);
	q->slot = seg_slot_of(key);
	q->limit = CALL_RECORDS;
	return q;
}

/* So many records more wait, or fewer. */
static void count(const seg_output_queue *q, size_t more, size_t fewer)
{
	*q->waiting += more - fewer;
	atomic_fetch_add_explicit(&q->partition->member->outputs->queued, more - fewer, memory_order_relaxed);
}

void seg_output_queue_add(seg_output_queue *q, seg_emission *e)
{
	count(q, 1, 0);
	e->next = NULL;
	if (q->last)
		q->last->next = e;
	else
		q->first = e;
	q->last = e;
}

void seg_output_queue_drop(seg_output_queue *q)
{
	for (const seg_emission *e = q->first; e; e = e->next)
		count(q, 0, 1);
	for (const seg_emission *e = q->covered; e; e = e->next)
		count(q, 0, 1);
	q->first = q->last = q->covered = NULL;
	q->dropped = true;
	if (!q->busy)
		free(q);
}

/* --- what the answer means -------------------------------------------------------------------- */

static seg_emission *take(seg_output_queue *q)
{
	seg_emission *e = q->first;
	q->first = e->next;
	if (!q->first)
		q->last = NULL;
	return e;
}

/* The target has the first `done` records, for good. */
static void finish(seg_output_queue *q, size_t done)
{
	size_t covered = 0;
	for (size_t i = 0; i < done; i++)
		take(q)->completion->unadded--;
	/* A call that adds nothing writes nothing, so that no WAIT after it covers these. */
	for (; done > 0 && q->covered; q->covered = q->covered->next, covered++)
		q->covered->completion->unadded--;
	count(q, 0, done + covered);
}

/* The answer has come, and the replicas', if they were asked. False: nobody waits for it any more. */
static bool end_call(seg_output_queue *q)
{
	q->busy = false;
	if (!q->dropped)
		return true;
	free(q);
	return false;
}

static void trouble(seg_output_queue *q, seg_output_trouble what, const char *reason)
{
	if (q->trouble == SEG_OUTPUT_FINE)
		q->since = seg_now();
	q->trouble = what;
	snprintf(q->reason, sizeof(q->reason), "%.*s", (int)sizeof(q->reason) - 1, reason);
}

static void added(seg_output_queue *q)
{
	bool all = q->done == q->sent;
	if (q->done > 0)
		q->failures = 0;
	finish(q, q->done);
	if (all) {
		q->trouble = SEG_OUTPUT_FINE;
		q->limit = q->limit * 2 > CALL_RECORDS ? CALL_RECORDS : q->limit * 2;
		return;
	}
	trouble(q, SEG_OUTPUT_FULL, "");
	q->limit = q->done > 0 ? q->done : q->sent > 1 ? q->sent / 2 : 1;
	q->at = seg_now() + seg_backoff(FULL_PAUSE, FULL_PAUSE_CAP, ++q->failures);
}

/* A packed entry cannot be added in part: the records that the target has are taken out of the next call. */
static void take_out(seg_output_queue *q, const char *old)
{
	seg_emission **at = &q->first, *last = NULL;
	for (size_t i = 0; i < q->sent; i++) {
		seg_emission *e = *at;
		if (old[i] == '0') {
			last = e;
			at = &e->next;
			continue;
		}
		*at = e->next;
		e->next = q->covered;
		q->covered = e;
	}
	if (!*at)
		q->last = last;
}

/* No answer comes from the target's node. On a single server, nothing works then, and the links tell of it. */
static void away(seg_output_queue *q)
{
	const seg_route *route = q->partition->member->links[SEG_LINK_OUTPUTS].route;
	if (!seg_route_is_cluster(route))
		return;
	const seg_error *why = seg_route_error_for(route, q->slot);
	trouble(q, SEG_OUTPUT_REFUSED, why->status ? why->text : "its Redis is not reached");
}

static void refused(seg_output_queue *q, const seg_reply *reply, bool transient)
{
	seg_partition *p = q->partition;
	char text[SEG_EXPLANATION_MAX];
	q->at = seg_now() + seg_backoff(RETRY_PAUSE, transient ? TRANSIENT_CAP : RETRY_CAP, ++q->failures);
	if (!reply) {
		away(q);
		return;
	}
	trouble(q, SEG_OUTPUT_REFUSED, seg_reply_explain(reply, text));
	if (!transient)
		seg_refusal_tell(p->member, &p->logger, "an output", reply);
}

/* --- replicas ---------------------------------------------------------------------------------- */

/* One WAIT, and the queues whose calls it covers: those that were answered on its connection before its own answer. */
typedef struct seg_output_wait {
	struct seg_output_wait *next;
	seg_outputs *outputs;
	seg_connection *connection;
	seg_output_queue *queues;
} seg_output_wait;

/* Without a reply, the connection was lost. */
static void unconfirmed(seg_output_queue *q, const seg_reply *reply)
{
	char text[SEG_ACKS_TEXT_MAX];
	if (reply && !seg_reply_is_transient(reply))
		trouble(q, SEG_OUTPUT_REFUSED,
			seg_acks_explain(q->partition->member, reply, "what was added", text));
	q->at = seg_now() + UNCONFIRMED_PAUSE;
}

static void got_replicas(void *arg, const seg_reply *reply)
{
	seg_output_wait *w = arg;
	bool enough = seg_acks_suffice(w->outputs->member, reply);
	for (seg_output_wait **at = &w->outputs->waits; *at; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			break;
		}
	for (seg_output_queue *q = w->queues, *next; q; q = next) {
		next = q->next_asked;
		if (!end_call(q))
			continue;
		if (enough)
			added(q);
		else
			unconfirmed(q, reply);
	}
	free(w);
}

/* False: the replicas cannot be asked now. */
static bool ask_replicas(seg_output_queue *q)
{
	seg_member *m = q->partition->member;
	seg_connection *connection = seg_route_answering(m->links[SEG_LINK_OUTPUTS].route);
	seg_output_wait *w = m->outputs->waits;
	while (w && w->connection != connection)
		w = w->next;
	if (!w) {
		w = malloc(sizeof(*w));
		if (!w || !seg_acks_ask(m, connection, got_replicas, w)) {
			free(w);
			return false;
		}
		*w = (seg_output_wait){.next = m->outputs->waits,
				       .outputs = m->outputs,
				       .connection = connection};
		m->outputs->waits = w;
	}
	q->next_asked = w->queues;
	w->queues = q;
	return true;
}

/* --- the call ------------------------------------------------------------------------------------ */

static void got_answer(void *arg, const seg_reply *reply)
{
	seg_output_queue *q = arg;
	seg_partition *p = q->partition;
	seg_emit_answer answer = seg_emit_read(q->sent, reply);
	if (answer.outcome == SEG_EMIT_ADDED)
		atomic_fetch_add_explicit(&q->target->emitted, answer.added, memory_order_relaxed);
	q->done = answer.done;
	if (answer.done > 0 && !q->dropped && seg_acks_wanted(p->member) > 0) {
		if (!ask_replicas(q) && end_call(q))
			unconfirmed(q, NULL);
		return;
	}
	if (!end_call(q))
		return;
	switch (answer.outcome) {
	case SEG_EMIT_ADDED:
		added(q);
		break;
	case SEG_EMIT_OLD:
		take_out(q, answer.old);
		break;
	case SEG_EMIT_STALE:
		seg_note_epoch(p->member, answer.epoch);
		seg_note_fenced(p);
		break;
	case SEG_EMIT_LOST:
	case SEG_EMIT_REFUSED:
	case SEG_EMIT_FAILED:
		refused(q, reply, answer.outcome != SEG_EMIT_FAILED);
		break;
	}
}

/* How many records the next call has. */
static size_t measure(const seg_output_queue *q, size_t *headers)
{
	size_t records = 0, bytes = 0;
	uint64_t size = q->target->stream->shape.partition_size;
	size_t limit = size < q->limit ? (size_t)size : q->limit;
	for (const seg_emission *e = q->first; e && records < limit; e = e->next) {
		size_t more = e->output.key_length + e->output.data_length + RECORD_CHARGE;
		for (size_t i = 0; i < e->output.header_count; i++)
			more += e->output.headers[i].name_length + e->output.headers[i].value_length +
				RECORD_CHARGE;
		if (records > 0 && bytes + more > CALL_BYTES)
			break;
		bytes += more;
		*headers += e->output.header_count;
		records++;
	}
	return records;
}

static bool send(seg_output_queue *q)
{
	seg_partition *p = q->partition;
	seg_member *m = p->member;
	seg_emit_builder *b = &m->outputs->builder;
	char source[2 * SEG_NAME_MAX + 16];
	size_t headers = 0, records = measure(q, &headers);
	snprintf(source, sizeof(source), "%s:%s:%" PRIu32, m->group, m->stream->name, p->number);
	const seg_emit_call call = {.target = q->target->stream,
				    .partition = q->target_partition,
				    .source = source,
				    .run = p->resume.run,
				    .epoch = p->own.epoch,
				    .floor = p->ledger.committed,
				    .records = records,
				    .headers = headers};
	bool good = seg_emit_begin(b, &call);
	const seg_emission *e = q->first;
	for (size_t i = 0; good && i < records; i++, e = e->next) {
		const seg_emit_mark mark = {.id = e->source,
					    .number = e->number,
					    .slot = e->slot,
					    .in_order = !seg_ledger_has_lanes(&p->ledger)};
		good = seg_emit_add(b, &mark, &e->output);
	}
	if (!good || !seg_emit_issue(b, m->links[SEG_LINK_OUTPUTS].route, got_answer, q))
		return false;
	q->busy = true;
	q->sent = records;
	return true;
}

/* On a cluster, the route follows the slots, and the record of the source makes that safe. */
static bool is_reached(const seg_output_queue *q)
{
	const seg_member_link *link = &q->partition->member->links[SEG_LINK_OUTPUTS];
	if (seg_route_is_cluster(link->route))
		return seg_route_ready_for(link->route, q->slot);
	return seg_history_holds(link, q->partition->slot);
}

static void got_registration(void *arg, const seg_reply *reply)
{
	seg_registration_answer(arg, reply);
}

/* Redis may have lost the target's registration, or have one of another shape. */
static void look_after(seg_output_queue *q)
{
	seg_registration *r = &q->target->registration;
	seg_route *route = q->partition->member->links[SEG_LINK_OUTPUTS].route;
	if (seg_registration_is_due(r) && seg_registration_is_reached(r, route))
		seg_registration_ask(r, route, got_registration, r);
}

int64_t seg_output_queue_step(seg_output_queue *q, int64_t now)
{
	const seg_member *m = q->partition->member;
	if (q->busy || !q->first)
		return SEG_NEVER;
	if (now < q->at)
		return q->at;
	if (!is_reached(q)) {
		away(q);
		return SEG_NEVER; /* a connection that comes up is an event */
	}
	if (now >= atomic_load_explicit(&m->lease_until, memory_order_relaxed))
		return now + LEASE_PAUSE;
	look_after(q);
	if (q->target->registration.refusal.status) {
		trouble(q, SEG_OUTPUT_REFUSED, q->target->registration.refusal.text);
		return q->at = now + RETRY_CAP;
	}
	if (send(q))
		return SEG_NEVER;
	return q->at = now + RETRY_PAUSE;
}
