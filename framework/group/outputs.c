#include "group/outputs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group/output_queue.h"

/* How long a drain waits for outputs. */
#define HOLD_MIN (1 * SEG_SECOND)
#define HOLD_MAX (5 * SEG_SECOND)

/* Shorter troubles are not told of. */
#define TELL_AFTER (1 * SEG_SECOND)

/* --- a member's ---------------------------------------------------------------------------- */

int seg_outputs_init(seg_member *m)
{
	size_t count = m->options.output_count;
	if (count == 0)
		return 0;
	seg_outputs *o = calloc(1, sizeof(*o));
	if (!o)
		return SEG_ENOMEM;
	m->outputs = o;
	o->member = m;
	o->targets = calloc(count, sizeof(*o->targets));
	if (!o->targets)
		return SEG_ENOMEM;
	for (; o->count < count; o->count++) {
		seg_output_target *t = &o->targets[o->count];
		seg_stream *stream = m->options.outputs[o->count];
		t->stream = stream;
		t->first = o->partitions;
		o->partitions += stream->shape.partitions;
		seg_registration_begin(&t->registration, stream->client->name_space, stream->name,
				       &stream->shape, &m->logger);
	}
	return 0;
}

void seg_outputs_fini(seg_member *m)
{
	seg_outputs *o = m->outputs;
	if (!o)
		return;
	for (uint32_t i = 0; i < m->partition_count; i++) {
		seg_outputs_drop(&m->partitions[i]);
		free(m->partitions[i].outputs.queues);
		m->partitions[i].outputs.queues = NULL;
	}
	seg_emit_builder_fini(&o->builder);
	free(o->targets);
	free(o);
	m->outputs = NULL;
}

uint64_t seg_outputs_waiting(const seg_member *m)
{
	return m->outputs ? atomic_load_explicit(&m->outputs->queued, memory_order_relaxed) : 0;
}

int64_t seg_outputs_emitted(const seg_member *m, size_t index)
{
	if (!m->outputs || index >= m->outputs->count)
		return -1;
	return (int64_t)atomic_load_explicit(&m->outputs->targets[index].emitted, memory_order_relaxed);
}

/* --- a partition's -------------------------------------------------------------------------- */

void seg_outputs_begin(seg_partition *p)
{
	p->outputs.holds = false;
	p->outputs.hold_until = 0;
}

/* NULL: out of memory. */
static seg_output_queue *queue_of(seg_partition *p, seg_emission *e)
{
	seg_outputs *o = p->member->outputs;
	seg_output_target *t = &o->targets[e->target];
	e->target_partition =
		seg_partition_of(e->output.key, e->output.key_length, t->stream->shape.partitions);
	if (!p->outputs.queues)
		p->outputs.queues = calloc(o->partitions, sizeof(seg_output_queue *));
	if (!p->outputs.queues)
		return NULL;
	seg_output_queue **at = &p->outputs.queues[t->first + e->target_partition];
	if (!*at)
		*at = seg_output_queue_create(p, &p->outputs.waiting, t, e->target_partition);
	return *at;
}

static void list(seg_partition *p, seg_output_queue *q)
{
	if (q->listed)
		return;
	q->listed = true;
	q->next = p->outputs.active;
	p->outputs.active = q;
}

/* Queues the records of the completion from p->outputs.queued on. False: out of memory, try again. */
static bool queue_records(seg_partition *p)
{
	seg_completion *c = p->outputs.current;
	for (; p->outputs.queued < c->emission_count; p->outputs.queued++) {
		seg_emission *e = &c->emissions[p->outputs.queued];
		seg_output_queue *q = queue_of(p, e);
		if (!q)
			return false;
		e->completion = c;
		seg_output_queue_add(q, e);
		list(p, q);
	}
	p->outputs.current = NULL;
	return true;
}

/* False: out of memory. */
static bool take_completions(seg_partition *p)
{
	while (p->outputs.current || (p->outputs.current = seg_ledger_take_outputs(&p->ledger)) != NULL) {
		if (!queue_records(p))
			return false;
		p->outputs.queued = 0;
	}
	return true;
}

static bool is_pending(const seg_partition *p)
{
	return p->outputs.waiting > 0 || p->outputs.current;
}

int64_t seg_outputs_step(seg_partition *p, int64_t now)
{
	int64_t next = SEG_NEVER;
	if (!p->member->outputs || !p->agent.running || !seg_ownership_commits(&p->own))
		return SEG_NEVER;
	if (!take_completions(p))
		next = now + 50 * SEG_MS;
	for (seg_output_queue **at = &p->outputs.active, *q; (q = *at) != NULL;) {
		if (seg_output_queue_is_idle(q)) {
			*at = q->next;
			q->listed = false;
			continue;
		}
		int64_t again = seg_output_queue_step(q, now);
		next = again < next ? again : next;
		at = &q->next;
	}
	if (p->outputs.holds && p->outputs.hold_until < next)
		next = p->outputs.hold_until;
	return next;
}

bool seg_outputs_hold(seg_partition *p, int64_t now)
{
	if (!p->member->outputs || !seg_ownership_commits(&p->own))
		return p->outputs.holds = false;
	seg_ledger_collect(&p->ledger);
	take_completions(p);
	if (!p->outputs.hold_until)
		p->outputs.hold_until =
			now + seg_duration_within(p->member->options.session_timeout / 2, HOLD_MIN, HOLD_MAX);
	bool pending = is_pending(p);
	p->outputs.holds = pending && now < p->outputs.hold_until;
	if (pending && !p->outputs.holds)
		seg_log(&p->logger, SEG_LOG_WARNING,
			"%zu outputs could not be added in time; the next owner handles their messages again",
			p->outputs.waiting);
	return p->outputs.holds;
}

void seg_outputs_drop(seg_partition *p)
{
	seg_outputs *o = p->member->outputs;
	if (!o)
		return;
	for (uint32_t i = 0; p->outputs.queues && i < o->partitions; i++) {
		seg_output_queue *q = p->outputs.queues[i];
		p->outputs.queues[i] = NULL;
		if (q)
			seg_output_queue_drop(q);
	}
	p->outputs.active = NULL;
	p->outputs.current = NULL;
	p->outputs.queued = 0;
	p->outputs.holds = false;
}

/* --- for people ------------------------------------------------------------------------------- */

static void describe(const seg_output_queue *q, seg_output_hindrance *h)
{
	const seg_stream *target = q->target->stream;
	h->id = q->first->source;
	h->since = q->since;
	if (q->trouble == SEG_OUTPUT_FULL)
		snprintf(h->text, sizeof(h->text),
			 "partition %" PRIu32 " of stream \"%s\" is full: %" PRIu64 " messages",
			 q->target_partition, target->name, target->shape.partition_size);
	else
		snprintf(h->text, sizeof(h->text), "partition %" PRIu32 " of stream \"%s\": %s",
			 q->target_partition, target->name, q->reason);
}

bool seg_outputs_hindered(const seg_partition *p, int64_t now, seg_output_hindrance *h)
{
	const seg_output_queue *oldest = NULL;
	for (const seg_output_queue *q = p->outputs.active; q; q = q->next)
		if (q->first && q->trouble != SEG_OUTPUT_FINE && now - q->since >= TELL_AFTER &&
		    (!oldest || seg_id_compare(q->first->source, oldest->first->source) < 0))
			oldest = q;
	if (oldest)
		describe(oldest, h);
	return oldest != NULL;
}
