#include "consumer/consumer.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/units.h"
#include "group/refusal.h"
#include "partition/key_slot.h"

/* Between two looks of a poll without an event: a renewed lease does not count the event up. */
#define LOOK_PAUSE (100 * SEG_MS)

/* Between two looks of a sync without an event: not every ownership that ends counts the event up. */
#define SYNC_PAUSE (20 * SEG_MS)

/* Its thread and connections are another process's, and its lock may be held for ever. */
static bool is_parents(const seg_consumer *c)
{
	return seg_fork_is_parents(c->stream->client->forks);
}

/* --- polling -------------------------------------------------------------------------- */

static seg_polled *polled_of(const seg_batch *batch)
{
	return (seg_polled *)(uintptr_t)batch;
}

/* The holding from which the batch was polled; NULL if that ownership is over. Under the lock. */
static seg_holding *holding_of(seg_consumer *c, const seg_polled *polled)
{
	uint32_t number = polled->view.partition;
	return number < c->holding_count && seg_holding_has(&c->holdings[number], polled)
		       ? &c->holdings[number]
		       : NULL;
}

/* What a poller has found: a batch, whose messages it must decode unless it is of lanes; or a batch to decode for lanes. */
typedef struct found {
	seg_polled *polled;
	seg_lanes *lanes;
	seg_fetched *fetched;
	int64_t due; /* if nothing else: when a message comes again */
} found;

static bool look(seg_holding *holding, found *f)
{
	seg_holding_collect(holding);
	seg_lanes *lanes = holding->lanes;
	if (!lanes)
		return (f->polled = seg_holding_take(holding)) != NULL;
	if (holding->wish != SEG_HOLDING_KEEP)
		return false;
	seg_lanes_give_up_unreadable(lanes);
	if ((f->fetched = seg_lanes_next_batch(lanes)) != NULL)
		f->lanes = lanes;
	else
		f->polled = seg_lanes_take(lanes, seg_now());
	int64_t due = seg_lanes_due(lanes);
	if (due < f->due)
		f->due = due;
	return f->lanes || f->polled;
}

/* Takes the next messages; each partition gets its turn. False: there are none. Under the lock. */
static bool take_next(seg_consumer *c, found *f)
{
	for (uint32_t i = 0; i < c->holding_count; i++) {
		if (!look(&c->holdings[(c->cursor + i) % c->holding_count], f))
			continue;
		c->cursor = (c->cursor + i + 1) % c->holding_count;
		return true;
	}
	return false;
}

typedef enum { NOTHING, LOOK_AGAIN, FOUND } find_result;

static int without_memory(seg_consumer *c, seg_error *error)
{
	seg_member_starve(c->member);
	return seg_fail(error, SEG_ENOMEM, "out of memory");
}

/* Decodes the messages that were taken. */
static find_result decode(seg_consumer *c, seg_polled *polled, const seg_batch **batch)
{
	bool decoded = seg_fetched_decode(polled->fetched, c->codec);
	if (!decoded)
		seg_member_starve(c->member);
	find_result result = LOOK_AGAIN;
	pthread_mutex_lock(&c->lock);
	seg_holding *holding = holding_of(c, polled);
	if (!holding) {
		seg_polled_destroy(polled);
	} else if (!decoded) {
		seg_holding_put_back(holding);
		result = NOTHING; /* out of memory: a later look tries again */
	} else if (!seg_holding_skip(holding)) {
		seg_holding_put_back(holding);
	} else if (seg_holding_make_view(holding, seg_now())) {
		*batch = &polled->view;
		result = FOUND;
	} else if (seg_holding_give_up(holding, c->member->name)) {
		result = NOTHING; /* Others may be polled while the dead letter is written. */
	}
	pthread_mutex_unlock(&c->lock);
	return result;
}

/* Decodes a batch for lanes, and takes what is there then. */
static find_result decode_for_lanes(seg_consumer *c, const found *f, const seg_batch **batch)
{
	bool decoded = seg_fetched_decode(f->fetched, c->codec);
	uint32_t partition = f->fetched->batch.partition;
	seg_polled *polled = NULL;
	bool more = false;
	pthread_mutex_lock(&c->lock);
	seg_holding *holding = &c->holdings[partition];
	if (!seg_lanes_add(f->lanes, decoded))
		seg_member_starve(c->member);
	/* Unless the ownership has ended meanwhile, with its lanes. */
	if (holding->lanes == f->lanes && holding->wish == SEG_HOLDING_KEEP) {
		seg_lanes_give_up_unreadable(f->lanes);
		polled = seg_lanes_take(f->lanes, seg_now());
		more = seg_lanes_have_more(f->lanes);
	}
	pthread_mutex_unlock(&c->lock);
	/* Other pollers have looked meanwhile, and found nothing. */
	if (more)
		seg_event_signal(&c->event);
	if (polled)
		*batch = &polled->view;
	return polled ? FOUND : decoded ? LOOK_AGAIN : NOTHING;
}

/*
 * Takes the next messages and decodes them. FOUND: *batch belongs to the caller. LOOK_AGAIN: other messages may be ready. NOTHING: *due is
 * when some may come again.
 */
static find_result find(seg_consumer *c, const seg_batch **batch, int64_t *due)
{
	found f = {.due = SEG_NEVER};
	pthread_mutex_lock(&c->lock);
	bool any = take_next(c, &f);
	pthread_mutex_unlock(&c->lock);
	*due = f.due;
	if (!any)
		return NOTHING;
	if (f.lanes)
		return decode_for_lanes(c, &f, batch);
	if (!f.polled->lanes)
		return decode(c, f.polled, batch);
	*batch = &f.polled->view;
	return FOUND;
}

static int failure(seg_consumer *c, seg_error *error)
{
	pthread_mutex_lock(&c->lock);
	int status = c->failed ? c->failure.status : 0;
	if (status && error)
		*error = c->failure;
	pthread_mutex_unlock(&c->lock);
	return status;
}

static unsigned count_owned(seg_consumer *c)
{
	unsigned owned = 0;
	pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < c->holding_count; i++)
		owned += c->holdings[i].state == SEG_HOLDING_IDLE || c->holdings[i].state == SEG_HOLDING_HELD;
	pthread_mutex_unlock(&c->lock);
	return owned;
}

static int refused(const seg_refusing *refusing, seg_refused kind, seg_error *error)
{
	char ago[SEG_UNITS_TEXT_MAX], where[SEG_REFUSAL_WHERE_MAX];
	seg_units_seconds_text((double)(seg_now() - refusing->since) / SEG_SECOND, ago);
	return seg_fail(error, refusing->status, "%sfor %s now, Redis refuses %s",
			seg_refusal_where(kind, refusing, where), ago, refusing->text);
}

/*
 * No message came in time: 0, or what keeps messages from coming, or from being done, and does not pass by itself. From polls that are empty
 * for ever, a caller could not tell it from a quiet stream.
 */
static int nothing_came(seg_consumer *c, seg_error *error)
{
	unsigned owned = count_owned(c);
	for (seg_refused kind = SEG_REFUSED_MEMBERSHIP; kind < SEG_REFUSED_KINDS; kind++) {
		seg_refusing refusing;
		if (seg_refusal_look(c->member, kind, &refusing) && refusing.status &&
		    seg_refusal_is_all(c->member, kind, &refusing, owned))
			return refused(&refusing, kind, error);
	}
	return 0;
}

static void wait_until(seg_consumer *c, uint32_t ticket, int64_t look, int64_t deadline)
{
	seg_event_wait(&c->event, ticket, look < deadline ? look : deadline, SEG_IDLE_PARK);
}

int seg_consumer_poll(seg_consumer *c, uint32_t timeout_ms, const seg_batch **batch, seg_error *error)
{
	if (!c || !batch)
		return seg_fail(error, SEG_EINVAL, "the %s is NULL",
				c ? "pointer for the batch" : "consumer");
	if (is_parents(c))
		return seg_fork_fail("consumer", error);
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	uint32_t looks = 0;
	for (;;) {
		int64_t due;
		uint32_t ticket = seg_event_ticket(&c->event);
		find_result result = find(c, batch, &due);
		if (result == FOUND)
			return 1;
		/* Another partition may have messages. One look for each is enough, also after the deadline. */
		if (result == LOOK_AGAIN && ++looks <= c->holding_count)
			continue;
		int status = failure(c, error);
		if (status)
			return status;
		int64_t now = seg_now();
		if (now >= deadline)
			return nothing_came(c, error);
		int64_t look = now + LOOK_PAUSE;
		if (result == NOTHING)
			wait_until(c, ticket, due < look ? due : look, deadline);
	}
}

/* --- calls about a batch ------------------------------------------------------------------ */

/* Of each call about a batch: 0, or why it cannot be made. */
static int check_call(const seg_consumer *c, const seg_batch *batch, seg_error *error)
{
	if (!c || !batch)
		return seg_fail(error, SEG_EINVAL, "the %s is NULL", c ? "batch" : "consumer");
	return is_parents(c) ? seg_fork_fail("consumer", error) : 0;
}

/* The answer to a dead letter may have come, and with it the end of the ownership: then NULL. */
static seg_holding *collected(seg_consumer *c, const seg_polled *polled)
{
	seg_holding *holding = holding_of(c, polled);
	if (holding)
		seg_holding_collect(holding);
	return holding_of(c, polled);
}

/* As the caller counts it: the message of the dead letter that was asked for. */
static size_t letter_of(const seg_polled *polled)
{
	return polled->index - seg_polled_first(polled);
}

static int no_answer_yet(const seg_polled *polled, seg_error *error)
{
	return seg_fail(error, SEG_EINVAL,
			"the dead letter of message %zu of the batch has no answer yet; wait for it first",
			letter_of(polled));
}

int seg_consumer_commit(seg_consumer *c, const seg_batch *batch, size_t count, seg_error *error)
{
	seg_polled *polled = polled_of(batch);
	int status = check_call(c, batch, error);
	if (status)
		return status;
	if (count > batch->count)
		return seg_fail(error, SEG_EINVAL, "the batch has %zu messages, not %zu", batch->count,
				count);
	pthread_mutex_lock(&c->lock);
	seg_holding *holding = collected(c, polled);
	if (!holding || seg_handoff_may_dispatch(&holding->partition->handoff) == SEG_DISPATCH_ABANDON)
		status = seg_fail(error, SEG_EFENCED,
				  "this consumer no longer owns partition %" PRIu32
				  "; the next owner handles the batch again",
				  batch->partition);
	else if (count < seg_holding_done(holding, polled))
		status = seg_fail(error, SEG_EINVAL, "%zu messages of the batch are committed already",
				  seg_holding_done(holding, polled));
	else if (polled->asking && count > letter_of(polled))
		status = no_answer_yet(polled, error);
	else if (!seg_holding_commit(holding, polled, count))
		status = without_memory(c, error);
	pthread_mutex_unlock(&c->lock);
	return status;
}

void seg_consumer_release(seg_consumer *c, const seg_batch *batch)
{
	seg_polled *polled = polled_of(batch);
	if (!c || !batch || is_parents(c))
		return;
	pthread_mutex_lock(&c->lock);
	seg_holding *holding = holding_of(c, polled);
	if (holding)
		seg_holding_let_go(holding, polled);
	else
		seg_polled_destroy(polled);
	pthread_mutex_unlock(&c->lock);
}

static int not_ours(const seg_batch *batch, seg_error *error)
{
	return seg_fail(error, SEG_EFENCED, "this consumer no longer owns partition %" PRIu32,
			batch->partition);
}

/* Asks for the dead letter, unless an earlier call asked for it and did not wait for the answer. 1: not yet, others are waited for. */
static int ask_for_letter(seg_consumer *c, const seg_batch *batch, size_t index, const char *reason,
			  seg_error *error)
{
	seg_polled *polled = polled_of(batch);
	seg_holding *holding = collected(c, polled);
	if ((polled->asking || polled->lettered) && letter_of(polled) == index)
		return 0;
	if (!holding)
		return not_ours(batch, error);
	if (polled->asking)
		return no_answer_yet(polled, error);
	if (index < seg_holding_done(holding, polled))
		return seg_fail(error, SEG_EINVAL, "message %zu of the batch is committed already", index);
	int status = seg_holding_ask(holding, polled, index, reason, c->member->name);
	return status < 0 ? without_memory(c, error) : status;
}

/* Whether the request has its answer, which is in polled->status. Under the lock. */
static bool is_answered(seg_consumer *c, const seg_polled *polled)
{
	collected(c, polled);
	return !polled->asking;
}

int seg_consumer_dead_letter(seg_consumer *c, const seg_batch *batch, size_t index, const char *reason,
			     seg_error *error)
{
	int status = check_call(c, batch, error);
	if (status)
		return status;
	if (index >= batch->count || !reason || !reason[0])
		return seg_fail(error, SEG_EINVAL, "the batch has %zu messages, and a reason must be given",
				batch->count);
	int64_t timeout = c->stream->client->timeout, deadline = seg_now() + timeout;
	seg_polled *polled = polled_of(batch);
	bool asked = false;
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		pthread_mutex_lock(&c->lock);
		status = asked ? 0 : ask_for_letter(c, batch, index, reason, error);
		asked = status == 0;
		bool answered = asked && is_answered(c, polled);
		pthread_mutex_unlock(&c->lock);
		if (status < 0)
			return status;
		if (answered)
			break;
		int64_t now = seg_now();
		if (now >= deadline)
			return seg_fail(
				error, SEG_ETIMEOUT,
				"Redis did not answer within %" PRId64
				" ms, or had no room within dead_letter_limit%s; the message may still be "
				"dead-lettered: call again to keep waiting",
				timeout / SEG_MS,
				c->output_names ? ", or for outputs of the messages before" : "");
		wait_until(c, ticket, now + LOOK_PAUSE, deadline);
	}
	if (polled->status == SEG_EFENCED)
		return not_ours(batch, error);
	if (polled->status)
		return seg_fail(
			error, polled->status,
			"the consumer is stopping while Redis does not answer or has no room; nothing was dead-lettered");
	return 0;
}

/* --- outputs ---------------------------------------------------------------------------------- */

/* Whether message `index` of the batch may emit `bytes` more. 1: not now. Under the lock. */
static int may_emit(seg_consumer *c, const seg_batch *batch, size_t index, size_t bytes, seg_error *error)
{
	seg_polled *polled = polled_of(batch);
	seg_holding *holding = holding_of(c, polled);
	if (!holding || seg_handoff_may_dispatch(&holding->partition->handoff) == SEG_DISPATCH_ABANDON)
		return not_ours(batch, error);
	uint64_t number = seg_polled_number(polled, index);
	if (index < seg_holding_done(holding, polled))
		return seg_fail(error, SEG_EINVAL,
				"message %zu of the batch is committed already; emit before you commit it",
				index);
	if (seg_emitted_is_past(&polled->emitted, number))
		return seg_fail(
			error, SEG_EINVAL,
			"message %zu of the batch after a later one; emit in the order of the messages",
			index);
	if (bytes > c->emitted_bytes || seg_emitted_of(&polled->emitted, number) > c->emitted_bytes - bytes)
		return seg_fail(error, SEG_ETOOBIG,
				"the outputs of one message exceed %" PRIu64 " bytes; raise in_flight_bytes",
				c->emitted_bytes);
	if (polled->emitted.bytes > c->emitted_bytes - bytes)
		return seg_fail(error, SEG_EFULL,
				"the outputs of messages that are not committed exceed %" PRIu64
				" bytes; commit the messages before, then emit again",
				c->emitted_bytes);
	return !seg_handoff_has_room(&holding->partition->handoff, c->pending_bytes);
}

static int await_room(seg_consumer *c, const seg_batch *batch, size_t index, size_t bytes, seg_error *error)
{
	int64_t timeout = c->stream->client->timeout, deadline = seg_now() + timeout;
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		pthread_mutex_lock(&c->lock);
		int status = may_emit(c, batch, index, bytes, error);
		pthread_mutex_unlock(&c->lock);
		if (status <= 0)
			return status;
		int64_t now = seg_now();
		if (now >= deadline)
			return seg_fail(
				error, SEG_ETIMEOUT,
				"outputs that were committed before still wait for Redis after %" PRId64
				" ms, and fill in_flight_bytes; `segctl why` names what they wait for",
				timeout / SEG_MS);
		wait_until(c, ticket, now + LOOK_PAUSE, deadline);
	}
}

static int find_target(const seg_consumer *c, const seg_output *output, seg_error *error)
{
	if (!output || !output->stream)
		return seg_fail(error, SEG_EINVAL, "the output and its stream must not be NULL");
	int target = seg_emission_target(c->output_names, output->stream);
	if (target < 0)
		return seg_fail(error, SEG_EINVAL,
				"\"%.100s\" is not among the consumer's outputs; add it to "
				"seg_consumer_options.outputs",
				output->stream);
	return target;
}

int seg_consumer_emit(seg_consumer *c, const seg_batch *batch, size_t index, const seg_output *output,
		      seg_error *error)
{
	seg_polled *polled = polled_of(batch);
	seg_error why;
	size_t bytes = 0;
	int status = check_call(c, batch, error);
	if (status)
		return status;
	if (index >= batch->count)
		return seg_fail(error, SEG_EINVAL,
				"the batch has %zu messages, and the first one is number 0", batch->count);
	int target = find_target(c, output, error);
	if (target < 0)
		return target;
	status = seg_emission_check(output, c->stream->client->max_message_bytes, &bytes, &why);
	if (status)
		return seg_fail(error, status, "an output for \"%.100s\": %.300s", output->stream, why.text);
	status = await_room(c, batch, index, bytes, error);
	if (status)
		return status;
	const seg_message *message = &batch->messages[index];
	seg_emission record = {.source = message->id,
			       .slot = seg_key_slot(message->key, message->key_length),
			       .target = (uint32_t)target,
			       .output = *output};
	record.output.stream = c->output_names[target];
	/* The caller's, whatever becomes of the ownership. */
	if (!seg_emitted_add(&polled->emitted, seg_polled_number(polled, index), &record))
		return without_memory(c, error);
	return 0;
}

/* --- waiting and closing ------------------------------------------------------------------ */

static bool is_committed(const seg_holding *holding)
{
	switch (holding->state) {
	case SEG_HOLDING_CLOSED:
		return true;
	case SEG_HOLDING_SETTLING:
		return false;
	case SEG_HOLDING_IDLE:
	case SEG_HOLDING_HELD:
		break;
	}
	return seg_holding_is_confirmed(holding);
}

static bool all_committed(seg_consumer *c)
{
	bool all = true;
	pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < c->holding_count && all; i++)
		all = is_committed(&c->holdings[i]);
	pthread_mutex_unlock(&c->lock);
	return all;
}

static bool await_commits(seg_consumer *c, int64_t deadline)
{
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		if (all_committed(c))
			return true;
		int64_t now = seg_now();
		if (now >= deadline)
			return false;
		wait_until(c, ticket, now + SYNC_PAUSE, deadline);
	}
}

int seg_consumer_sync(seg_consumer *c, uint32_t timeout_ms, seg_error *error)
{
	if (!c)
		return seg_fail(error, SEG_EINVAL, "the consumer is NULL");
	if (is_parents(c))
		return seg_fork_fail("consumer", error);
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	if (all_committed(c))
		return 0;
	seg_member_await_commits(c->member);
	bool confirmed = await_commits(c, deadline);
	seg_member_awaited_commits(c->member);
	if (confirmed)
		return 0;
	return seg_fail(error, SEG_ETIMEOUT, "Redis did not confirm all commits%s within %" PRIu32 " ms%s",
			c->output_names ? " and their outputs" : "", timeout_ms,
			c->output_names ? "; `segctl why` names what they wait for" : "");
}
