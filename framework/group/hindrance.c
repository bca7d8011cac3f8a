#include "group/hindrance.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "group/fenced_call.h"
#include "group/history.h"
#include "group/outputs.h"

/* Between two notes of a partition. */
#define PAUSE (1 * SEG_SECOND)

/* Between two notes of the lanes, whose counts change all the time. */
#define COUNTS_PAUSE (2 * SEG_SECOND)

void seg_hindrance_begin(seg_partition *p)
{
	p->hindrance.newest.kind = p->hindrance.retry.kind = SEG_HINDRANCE_NONE;
	p->hindrance.outputs_wait = false;
	p->hindrance.changed = p->hindrance.stored = p->hindrance.told = false;
	p->hindrance.lanes_busy = p->hindrance.slots_waiting = 0;
	p->hindrance.counts_at = 0;
}

/* --- what hinders the partition ------------------------------------------------------------ */

static void set(seg_partition *p, const seg_hindrance *hindrance)
{
	p->hindrance.newest = *hindrance;
	p->hindrance.changed = true;
	p->hindrance.told = false;
}

static seg_hindrance *change(seg_partition *p, seg_hindrance_kind kind, seg_id id, int64_t at)
{
	set(p, &(seg_hindrance){.kind = kind, .id = id, .at = at});
	return &p->hindrance.newest;
}

void seg_hindrance_hangs(seg_partition *p, seg_id id, int64_t since, const char *text)
{
	seg_hindrance_set_text(change(p, SEG_HINDRANCE_HANG, id, since), text);
}

void seg_hindrance_returned(seg_partition *p)
{
	if (p->hindrance.newest.kind == SEG_HINDRANCE_HANG)
		change(p, SEG_HINDRANCE_NONE, (seg_id){0, 0}, 0);
}

/* Whether a dead letter waits for room. */
static void hear_request(seg_partition *p, int64_t now)
{
	const seg_request *request = &p->request.current;
	const seg_hindrance *known = &p->hindrance.newest;
	bool full = known->kind == SEG_HINDRANCE_FULL;
	if (!p->request.no_room || request->kind != SEG_REQUEST_DEAD_LETTER) {
		if (full)
			change(p, SEG_HINDRANCE_NONE, (seg_id){0, 0}, 0);
		return;
	}
	if (full && seg_id_compare(known->id, request->id) == 0)
		return;
	seg_hindrance *h = change(p, SEG_HINDRANCE_FULL, request->id, now);
	h->number = p->member->options.dead_letter_limit;
	seg_hindrance_set_text(h, request->reason);
}

/* An output of this message, or of an earlier one, is known to wait: so the position does, whatever becomes of the message. */
static bool waits_for_output(const seg_hindrance *known, seg_id id)
{
	return known->kind == SEG_HINDRANCE_TARGET && seg_id_compare(known->id, id) <= 0;
}

static void show_retry(seg_partition *p)
{
	set(p, &p->hindrance.retry);
}

static bool is_retry_handled(const seg_partition *p)
{
	return seg_id_compare(p->ledger.handled, p->hindrance.retry.id) >= 0;
}

/* What was shown is over. */
static void show_less(seg_partition *p)
{
	if (p->hindrance.retry.kind == SEG_HINDRANCE_RETRY && !is_retry_handled(p))
		show_retry(p);
	else
		change(p, SEG_HINDRANCE_NONE, (seg_id){0, 0}, 0);
}

static void hear_retry(seg_partition *p)
{
	seg_hindrance *retry = &p->hindrance.retry;
	if (seg_handoff_take_retry(&p->handoff, retry) && !waits_for_output(&p->hindrance.newest, retry->id))
		show_retry(p);
}

/* Nobody tells the I/O thread that an attempt has succeeded. Whether it must have, because the message `id` has emitted. */
static bool is_retry_over(const seg_partition *p, seg_id id)
{
	const seg_id failed = p->hindrance.retry.id;
	int order = seg_id_compare(id, failed);
	return order == 0 || (order > 0 && !seg_ledger_has_lanes(&p->ledger)) || is_retry_handled(p);
}

/* Whether the position waits for that output, and not for what is known already. */
static bool is_what_hinders(const seg_partition *p, const seg_output_hindrance *output)
{
	const seg_hindrance *known = &p->hindrance.newest;
	bool is_first = seg_id_compare(output->id, known->id) <= 0;
	switch (known->kind) {
	case SEG_HINDRANCE_NONE:
	case SEG_HINDRANCE_TARGET:
	case SEG_HINDRANCE_REPLICAS:
		return true;
	case SEG_HINDRANCE_RETRY:
		return is_first || is_retry_over(p, output->id);
	case SEG_HINDRANCE_BEYOND:
		return is_first;
	case SEG_HINDRANCE_HANG:
	case SEG_HINDRANCE_FULL:
	case SEG_HINDRANCE_REFUSED:
		break;
	}
	return false;
}

/* Unless it is what is shown. */
static void show(seg_partition *p, seg_hindrance_kind kind, seg_id id, int64_t since, const char *text)
{
	const seg_hindrance *known = &p->hindrance.newest;
	seg_hindrance shown = {.kind = kind, .id = id, .at = since};
	seg_hindrance_set_text(&shown, text);
	if (known->kind == kind && seg_id_compare(known->id, id) == 0 && strcmp(known->text, shown.text) == 0)
		return;
	set(p, &shown);
}

static void show_output(seg_partition *p, const seg_output_hindrance *output)
{
	if (is_retry_over(p, output->id))
		p->hindrance.retry.kind = SEG_HINDRANCE_NONE;
	show(p, SEG_HINDRANCE_TARGET, output->id, output->since, output->text);
}

static void log_outputs(seg_partition *p, const char *trouble)
{
	if (trouble && !p->hindrance.outputs_wait)
		seg_log(&p->logger, SEG_LOG_WARNING, "outputs wait, and the partition with them: %s",
			trouble);
	else if (!trouble && p->hindrance.outputs_wait)
		seg_log(&p->logger, SEG_LOG_INFO, "the outputs go on");
	p->hindrance.outputs_wait = trouble;
}

/* Whether an output waits. */
static void hear_outputs(seg_partition *p, int64_t now)
{
	seg_output_hindrance found;
	bool waits = seg_outputs_hindered(p, now, &found);
	log_outputs(p, waits ? found.text : NULL);
	if (waits && is_what_hinders(p, &found))
		show_output(p, &found);
	else if (!waits && p->hindrance.newest.kind == SEG_HINDRANCE_TARGET)
		show_less(p);
}

/* Whether the replicas do not confirm commits. */
static void hear_replicas(seg_partition *p, int64_t now)
{
	const seg_hindrance *known = &p->hindrance.newest;
	int64_t since = p->acks.missing_since;
	bool told = known->kind == SEG_HINDRANCE_REPLICAS;
	if (since == 0 || now - since < SEG_HINDRANCE_TELL_AFTER) {
		if (told)
			show_less(p);
		return;
	}
	bool nothing = known->kind == SEG_HINDRANCE_NONE ||
		       (known->kind == SEG_HINDRANCE_RETRY && is_retry_handled(p));
	if (nothing || told)
		show(p, SEG_HINDRANCE_REPLICAS, (seg_id){0, 0}, since, p->acks.text);
}

/* Whether Redis refuses what the owner asks for: commits, above all. Nothing but that is the cause then. */
static void hear_refusals(seg_partition *p, int64_t now)
{
	const seg_hindrance *known = &p->hindrance.newest;
	if (!p->refusal.what || now - p->refusal.since < SEG_HINDRANCE_TELL_AFTER) {
		if (known->kind == SEG_HINDRANCE_REFUSED)
			show_less(p);
		return;
	}
	if (known->kind != SEG_HINDRANCE_HANG && known->kind != SEG_HINDRANCE_FULL)
		show(p, SEG_HINDRANCE_REFUSED, (seg_id){0, 0}, p->refusal.since, p->refusal.text);
}

/* Whether beyond_limit keeps the partition from reading. */
static void hear_beyond(seg_partition *p, int64_t now)
{
	bool held = p->hindrance.newest.kind == SEG_HINDRANCE_BEYOND;
	seg_id id;
	uint64_t done;
	if (!seg_ledger_is_held_up(&p->ledger, &id, &done)) {
		if (held)
			change(p, SEG_HINDRANCE_NONE, (seg_id){0, 0}, 0);
		return;
	}
	const seg_hindrance known = p->hindrance.newest;
	char text[SEG_HINDRANCE_TEXT_MAX + 64];
	bool same = seg_id_compare(known.id, id) == 0, fails = same && known.kind == SEG_HINDRANCE_RETRY;
	if ((held && same) || known.kind == SEG_HINDRANCE_FULL || known.kind == SEG_HINDRANCE_HANG ||
	    known.kind == SEG_HINDRANCE_REFUSED || waits_for_output(&known, id))
		return;
	snprintf(text, sizeof(text), "beyond_limit is %" PRIu64 "%s%s", p->ledger.limits->beyond_limit,
		 fails ? "; it fails: " : "", fails ? known.text : "");
	seg_hindrance *h = change(p, SEG_HINDRANCE_BEYOND, id, now);
	h->number = done;
	seg_hindrance_set_text(h, text);
}

static void hear(seg_partition *p, int64_t now)
{
	if (!p->agent.running)
		return;
	hear_retry(p);
	hear_request(p, now);
	hear_outputs(p, now);
	hear_replicas(p, now);
	hear_refusals(p, now);
	hear_beyond(p, now);
}

static void tell_hooks(seg_partition *p)
{
	const seg_member_hooks *hooks = &p->member->options.hooks;
	if (p->hindrance.told || !p->agent.running)
		return;
	p->hindrance.told = true;
	if (hooks->hindered)
		hooks->hindered(hooks->arg, p);
}

/* --- the note in Redis --------------------------------------------------------------------- */

/* If the fence refuses the note, the next commit finds out why. */
static void got_answer(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	p->hindrance.busy = false;
	if (!reply || reply->type == SEG_REPLY_ERROR)
		p->hindrance.changed = p->hindrance.stored = true; /* perhaps */
}

static bool send(seg_partition *p, seg_route *route, int64_t now)
{
	const seg_hindrance *h = &p->hindrance.newest;
	seg_fenced_texts texts;
	char number[24], left[24], busy[16], waiting[16];
	bool lanes = seg_ledger_has_lanes(&p->ledger);
	seg_fenced_write(&texts, p, h->id, 0);
	snprintf(number, sizeof(number), "%" PRIu64, h->number);
	snprintf(left, sizeof(left), "%" PRId64, h->kind == SEG_HINDRANCE_NONE ? 0 : (h->at - now) / SEG_MS);
	snprintf(busy, sizeof(busy), "%u", p->hindrance.lanes_busy);
	snprintf(waiting, sizeof(waiting), "%u", p->hindrance.slots_waiting);
	const char *argv[] = {p->state_key, texts.epoch, p->claim.nonce, seg_hindrance_names[h->kind],
			      texts.id,     number,      left,           h->text,
			      busy,         waiting};
	return seg_fenced_send(p, route, SEG_SCRIPT_NOTE, got_answer, 1, lanes ? 10 : 8, argv, NULL);
}

static unsigned shown(const atomic_uint *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

/* Whether Redis has other counts of the lanes. Lowers *next to when to ask again. */
static bool counts_changed(const seg_partition *p, int64_t now, int64_t *next)
{
	if (!p->agent.running || !seg_ledger_has_lanes(&p->ledger))
		return false;
	*next = p->hindrance.counts_at > now ? p->hindrance.counts_at : now + COUNTS_PAUSE;
	return now >= p->hindrance.counts_at &&
	       (p->hindrance.lanes_busy != shown(&p->handoff.worker.lanes_busy) ||
		p->hindrance.slots_waiting != shown(&p->handoff.worker.slots_waiting));
}

static void take_counts(seg_partition *p, int64_t now)
{
	if (!p->agent.running || !seg_ledger_has_lanes(&p->ledger))
		return;
	p->hindrance.lanes_busy = shown(&p->handoff.worker.lanes_busy);
	p->hindrance.slots_waiting = shown(&p->handoff.worker.slots_waiting);
	p->hindrance.counts_at = now + COUNTS_PAUSE;
}

int64_t seg_hindrance_step(seg_partition *p, int64_t now)
{
	const seg_member_link *link = &p->member->links[SEG_LINK_CONTROL];
	int64_t next = SEG_NEVER;
	hear(p, now);
	tell_hooks(p);
	if (p->hindrance.changed && p->hindrance.newest.kind == SEG_HINDRANCE_NONE && !p->hindrance.stored)
		p->hindrance.changed = false;
	if (p->hindrance.busy || !seg_ownership_commits(&p->own))
		return SEG_NEVER;
	if (!counts_changed(p, now, &next) && !p->hindrance.changed)
		return next;
	if (now < p->hindrance.at)
		return p->hindrance.at;
	if (!seg_route_ready_for(link->route, p->slot) || !seg_history_holds(link, p->slot))
		return SEG_NEVER; /* a connection that comes up is an event */
	p->hindrance.at = now + PAUSE;
	take_counts(p, now);
	p->hindrance.busy = send(p, link->route, now);
	if (!p->hindrance.busy)
		return p->hindrance.at;
	p->hindrance.changed = false;
	p->hindrance.stored = p->hindrance.newest.kind != SEG_HINDRANCE_NONE;
	return next;
}
