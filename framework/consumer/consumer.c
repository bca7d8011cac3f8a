/*
 * consumer.c - the pull consumer: a member whose batches the caller's threads poll.
 *
 * `lock` guards the slots. A thread holds the lock only for a short time, and never while it waits for Redis or decodes data,
 * because the I/O thread takes the lock, too. A caller owns the batch that it holds until it releases the batch. If the ownership
 * ends before, the partition goes to another owner at once, and the release frees the batch.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/names.h"
#include "base/range.h"
#include "consumer/slot.h"
#include "group/member.h"

/* How long a close waits for a thread that must end at once: such a thread needs only a processor. */
#define LAST_PATIENCE (2 * SEG_SECOND)

/* Between two looks of a poll without an event: a renewed lease does not count the event up. */
#define LOOK_PAUSE (100 * SEG_MS)

/* Between two looks of a sync without an event: not every ownership that ends counts the event up. */
#define SYNC_PAUSE (20 * SEG_MS)

struct seg_consumer {
	seg_stream *stream;
	seg_member *member;
	seg_codec codec;
	int64_t max_processing; /* ns; 0: no bound */
	ck_ec32_t event;        /* counted up by every push, answer and commit */

	pthread_mutex_t lock;
	seg_slot *slots;
	uint32_t slot_count;
	uint32_t cursor; /* the slot where the next poll begins, so that each partition gets its turn */
	bool closing;
	bool failed;
	seg_error failure;
};

/* --- hooks: I/O thread ------------------------------------------------------------- */

static int hook_start(void *arg, seg_partition *p)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	int status = c->closing ? SEG_ECLOSED : seg_slot_open(&c->slots[p->number], p);
	pthread_mutex_unlock(&c->lock);
	return status;
}

static void hook_demand(void *arg, seg_partition *p, seg_demand demand)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	/* A drain waits for the batch that a caller handles; a lost partition does not. */
	bool at_once = demand == SEG_DEMAND_ABANDON || c->closing;
	seg_slot_end(&c->slots[p->number], at_once ? SEG_SLOT_END : SEG_SLOT_DRAIN);
	pthread_mutex_unlock(&c->lock);
}

static void hook_answered(void *arg, seg_partition *p)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	seg_slot_collect(&c->slots[p->number]);
	pthread_mutex_unlock(&c->lock);
}

static void hook_finish(void *arg, seg_partition *p)
{
	(void)arg;
	(void)p;
}

static void hook_settled(void *arg, seg_partition *p)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	if (c->slots[p->number].state == SEG_SLOT_SETTLING)
		c->slots[p->number].state = SEG_SLOT_CLOSED;
	pthread_mutex_unlock(&c->lock);
	seg_event_signal(&c->event);
}

/* Takes back a batch that a caller holds for too long: the caller may never return. */
static int64_t hook_check(void *arg, seg_partition *p, int64_t now)
{
	seg_consumer *c = arg;
	int64_t next = SEG_NEVER;
	if (c->max_processing == 0)
		return next;
	pthread_mutex_lock(&c->lock);
	seg_slot *slot = &c->slots[p->number];
	if (slot->state == SEG_SLOT_HELD && slot->held_since && slot->wish != SEG_SLOT_END)
		next = slot->held_since + c->max_processing;
	if (now >= next) {
		seg_log(&p->logger, SEG_LOG_WARNING,
			"a caller held a batch for longer than %" PRId64 " ms; delivering its messages again",
			c->max_processing / SEG_MS);
		seg_slot_end(slot, SEG_SLOT_END);
		next = SEG_NEVER;
	}
	pthread_mutex_unlock(&c->lock);
	return next;
}

static void hook_fatal(void *arg, const seg_error *error)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	c->failed = true;
	c->failure = *error;
	pthread_mutex_unlock(&c->lock);
	seg_event_signal(&c->event);
}

/* --- opening ------------------------------------------------------------------------ */

void seg_consumer_options_init(seg_consumer_options *options)
{
	*options = (seg_consumer_options){
		.capacity = 100,
		.batch_size = 512,
		.in_flight_bytes = 4 << 20,
		.in_flight_batches = 4,
		.start = {.kind = SEG_START_EARLIEST},
		.session_timeout_ms = 10000,
		.commit_interval_us = 2000,
	};
}

static int check_options(const seg_consumer_options *o, seg_error *error)
{
	int status = seg_name_check("group name", o->group, error);
	if (!status && o->member)
		status = seg_name_check("member name", o->member, error);
	if (!status && o->member && strcmp(o->member, "-") == 0)
		status = seg_fail(error, SEG_EINVAL,
				  "the member name \"-\" stands for nobody; give it a letter or digit");
	if (!status)
		status = seg_range_check("capacity", o->capacity, 1, 1000, error);
	if (!status)
		status = seg_range_check("batch_size", o->batch_size, 1, 65536, error);
	if (!status)
		status = seg_range_check("in_flight_bytes", o->in_flight_bytes, 4096, (uint64_t)4 << 30,
					 error);
	if (!status)
		status = seg_range_check("in_flight_batches", o->in_flight_batches, 2, SEG_HANDOFF_BATCHES,
					 error);
	if (!status)
		status = seg_range_check("session_timeout_ms", o->session_timeout_ms, 500, 3600000, error);
	if (!status)
		status = seg_range_check("commit_interval_us", o->commit_interval_us, 0, 60000000, error);
	if (!status && o->max_processing_ms)
		status = seg_range_check("max_processing_ms", o->max_processing_ms, 1, UINT32_MAX, error);
	if (!status && (o->codec != SEG_CODEC_RAW && o->codec != SEG_CODEC_SEGMENTER_GO))
		status = seg_fail(error, SEG_EINVAL, "codec must be SEG_CODEC_RAW or SEG_CODEC_SEGMENTER_GO");
	if (!status && (o->start.kind < SEG_START_EARLIEST || o->start.kind > SEG_START_TIME))
		status = seg_fail(error, SEG_EINVAL, "start.kind is none of SEG_START_...");
	return status;
}

static void destroy(seg_consumer *c)
{
	if (c->stream)
		seg_stream_close(c->stream);
	pthread_mutex_destroy(&c->lock);
	free(c->slots);
	free(c);
}

int seg_consumer_open(seg_client *client, const char *stream, const seg_consumer_options *options,
		      seg_consumer **consumer, seg_error *error)
{
	if (!client || !options || !consumer)
		return seg_fail(error, SEG_EINVAL, "client, options and consumer must not be NULL");
	int status = check_options(options, error);
	if (status)
		return status;
	seg_consumer *c = calloc(1, sizeof(*c));
	if (!c)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	pthread_mutex_init(&c->lock, NULL);
	ck_ec32_init(&c->event, 0);
	status = seg_stream_open(client, stream, &c->stream, error);
	if (status)
		goto out;
	c->codec = options->codec;
	c->max_processing = options->max_processing_ms * SEG_MS;
	c->slot_count = c->stream->shape.partitions;
	c->slots = calloc(c->slot_count, sizeof(*c->slots));
	if (!c->slots) {
		status = seg_fail(error, SEG_ENOMEM, "out of memory");
		goto out;
	}
	char name[SEG_NAME_MAX + 1];
	seg_member_default_name(name);
	seg_member_options member = {
		.group = options->group,
		.name = options->member ? options->member : name,
		.capacity = options->capacity,
		.limits = {.batch_size = options->batch_size,
			   .in_flight_batches = options->in_flight_batches,
			   .in_flight_bytes = options->in_flight_bytes},
		.start = options->start,
		.session_timeout = options->session_timeout_ms * SEG_MS,
		.commit_interval = options->commit_interval_us * (SEG_MS / 1000),
		.shared_event = &c->event,
		.hooks = {.arg = c,
			  .start = hook_start,
			  .demand = hook_demand,
			  .answered = hook_answered,
			  .finish = hook_finish,
			  .settled = hook_settled,
			  .check = hook_check,
			  .fatal = hook_fatal},
	};
	status = seg_member_open(c->stream, &member, &c->member, error);
	if (status)
		goto out;
	*consumer = c;
	return 0;
out:
	destroy(c);
	return status;
}

const char *seg_consumer_member(const seg_consumer *consumer)
{
	return consumer->member->name;
}

/* --- polling -------------------------------------------------------------------------- */

static seg_polled *polled_of(const seg_batch *batch)
{
	return (seg_polled *)(uintptr_t)batch;
}

/* The slot from which the batch was polled; NULL if that ownership is over. Under the lock. */
static seg_slot *slot_of(seg_consumer *c, const seg_polled *polled)
{
	uint32_t number = polled->view.partition;
	return number < c->slot_count && seg_slot_has(&c->slots[number], polled) ? &c->slots[number] : NULL;
}

/* Takes the next messages; each partition gets its turn. NULL: there are none. Under the lock. */
static seg_polled *take_next(seg_consumer *c)
{
	for (uint32_t i = 0; i < c->slot_count; i++) {
		seg_slot *slot = &c->slots[(c->cursor + i) % c->slot_count];
		seg_slot_collect(slot);
		seg_polled *polled = seg_slot_take(slot);
		if (!polled)
			continue;
		c->cursor = (c->cursor + i + 1) % c->slot_count;
		return polled;
	}
	return NULL;
}

/* Asks for a dead letter of an unreadable message. Does not wait: others may be polled meanwhile. Under the lock. */
static int give_up_unreadable(seg_consumer *c, seg_slot *slot)
{
	const char *reason = seg_fault_text(slot->current->faults[slot->done]);
	int status = seg_slot_ask(slot, slot->done, 0, reason, c->member->name);
	seg_slot_put_back(slot);
	return status;
}

typedef enum { NOTHING, LOOK_AGAIN, FOUND } find_result;

/* Takes the next messages and decodes them. FOUND: *batch belongs to the caller. LOOK_AGAIN: other messages may be ready. */
static find_result find(seg_consumer *c, const seg_batch **batch)
{
	pthread_mutex_lock(&c->lock);
	seg_polled *polled = take_next(c);
	pthread_mutex_unlock(&c->lock);
	if (!polled)
		return NOTHING;
	bool decoded = seg_fetched_decode(polled->fetched, c->codec);
	find_result result = LOOK_AGAIN;
	pthread_mutex_lock(&c->lock);
	seg_slot *slot = slot_of(c, polled);
	if (!slot) {
		seg_polled_destroy(polled);
	} else if (!decoded) {
		seg_slot_put_back(slot);
		result = NOTHING; /* out of memory: a later look tries again */
	} else if (seg_slot_make_view(slot, seg_now())) {
		*batch = &polled->view;
		result = FOUND;
	} else if (give_up_unreadable(c, slot)) {
		result = NOTHING;
	}
	pthread_mutex_unlock(&c->lock);
	return result;
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

static void wait_until(seg_consumer *c, uint32_t ticket, int64_t look, int64_t deadline)
{
	seg_event_wait(&c->event, ticket, look < deadline ? look : deadline, SEG_IDLE_PARK);
}

int seg_consumer_poll(seg_consumer *c, uint32_t timeout_ms, const seg_batch **batch, seg_error *error)
{
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	uint32_t looks = 0;
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		find_result result = find(c, batch);
		if (result == FOUND)
			return 1;
		/* Another partition may have messages. One look for each is enough, also after the deadline. */
		if (result == LOOK_AGAIN && ++looks <= c->slot_count)
			continue;
		int status = failure(c, error);
		if (status)
			return status;
		int64_t now = seg_now();
		if (now >= deadline)
			return 0;
		if (result == NOTHING)
			wait_until(c, ticket, now + LOOK_PAUSE, deadline);
	}
}

/* --- calls about a batch ------------------------------------------------------------------ */

int seg_consumer_commit(seg_consumer *c, const seg_batch *batch, size_t count, seg_error *error)
{
	seg_polled *polled = polled_of(batch);
	int status = 0;
	if (count > batch->count)
		return seg_fail(error, SEG_EINVAL, "the batch has %zu messages, not %zu", batch->count,
				count);
	pthread_mutex_lock(&c->lock);
	seg_slot *slot = slot_of(c, polled);
	size_t first = (size_t)(batch->messages - polled->fetched->messages);
	if (!slot || seg_handoff_may_dispatch(&slot->partition->handoff) == SEG_DISPATCH_ABANDON)
		status = seg_fail(error, SEG_EFENCED,
				  "this consumer no longer owns partition %" PRIu32
				  "; the next owner handles the batch again",
				  batch->partition);
	else if (first + count < slot->done)
		status = seg_fail(error, SEG_EINVAL, "%zu messages of the batch are committed already",
				  slot->done - first);
	else
		seg_slot_progress(slot, first + count);
	pthread_mutex_unlock(&c->lock);
	return status;
}

void seg_consumer_release(seg_consumer *c, const seg_batch *batch)
{
	seg_polled *polled = polled_of(batch);
	pthread_mutex_lock(&c->lock);
	seg_slot *slot = slot_of(c, polled);
	if (slot)
		seg_slot_let_go(slot);
	else
		seg_polled_destroy(polled);
	pthread_mutex_unlock(&c->lock);
}

static int not_ours(const seg_batch *batch, seg_error *error)
{
	return seg_fail(error, SEG_EFENCED, "this consumer no longer owns partition %" PRIu32,
			batch->partition);
}

/* Asks for the dead letter, unless an earlier call asked for it and did not wait for the answer. */
static int ask_for_letter(seg_consumer *c, const seg_batch *batch, size_t index, const char *reason,
			  seg_error *error)
{
	seg_polled *polled = polled_of(batch);
	seg_slot *slot = slot_of(c, polled);
	size_t at = (size_t)(batch->messages - polled->fetched->messages) + index;
	if (slot)
		seg_slot_collect(slot);
	if ((polled->asking || polled->lettered) && polled->index == at)
		return 0;
	if (!slot)
		return not_ours(batch, error);
	if (polled->asking)
		return seg_fail(
			error, SEG_EINVAL,
			"the dead letter of message %zu of the batch has no answer yet; wait for it first",
			polled->index - (at - index));
	if (at < slot->done)
		return seg_fail(error, SEG_EINVAL, "message %zu of the batch is committed already", index);
	if (seg_slot_ask(slot, at, slot->attempt, reason, c->member->name))
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	return 0;
}

/* Whether the request has its answer, which is in polled->status. */
static bool letter_is_answered(seg_consumer *c, seg_polled *polled)
{
	pthread_mutex_lock(&c->lock);
	seg_slot *slot = slot_of(c, polled);
	if (slot)
		seg_slot_collect(slot);
	bool answered = !polled->asking;
	pthread_mutex_unlock(&c->lock);
	return answered;
}

int seg_consumer_dead_letter(seg_consumer *c, const seg_batch *batch, size_t index, const char *reason,
			     seg_error *error)
{
	int64_t timeout = c->stream->client->timeout, deadline = seg_now() + timeout;
	seg_polled *polled = polled_of(batch);
	if (index >= batch->count || !reason)
		return seg_fail(error, SEG_EINVAL, "the batch has %zu messages, and a reason must be given",
				batch->count);
	pthread_mutex_lock(&c->lock);
	int status = ask_for_letter(c, batch, index, reason, error);
	pthread_mutex_unlock(&c->lock);
	if (status)
		return status;
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		if (letter_is_answered(c, polled))
			break;
		int64_t now = seg_now();
		if (now >= deadline)
			return seg_fail(
				error, SEG_ETIMEOUT,
				"Redis did not answer within %" PRId64
				" ms; the message may still be dead-lettered: call again to keep waiting",
				timeout / SEG_MS);
		wait_until(c, ticket, now + LOOK_PAUSE, deadline);
	}
	if (polled->status == SEG_EFENCED)
		return not_ours(batch, error);
	if (polled->status)
		return seg_fail(
			error, polled->status,
			"the consumer is stopping while Redis does not answer; nothing was dead-lettered");
	return 0;
}

/* --- waiting and closing ------------------------------------------------------------------ */

static bool is_committed(const seg_slot *slot)
{
	const seg_handoff *handoff;
	switch (slot->state) {
	case SEG_SLOT_CLOSED:
		return true;
	case SEG_SLOT_SETTLING:
		return false;
	case SEG_SLOT_IDLE:
	case SEG_SLOT_HELD:
		break;
	}
	handoff = &slot->partition->handoff;
	return atomic_load_explicit(&handoff->io.committed, memory_order_acquire) >=
	       atomic_load_explicit(&handoff->worker.handled, memory_order_relaxed);
}

static bool all_committed(seg_consumer *c)
{
	bool all = true;
	pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < c->slot_count && all; i++)
		all = is_committed(&c->slots[i]);
	pthread_mutex_unlock(&c->lock);
	return all;
}

int seg_consumer_sync(seg_consumer *c, uint32_t timeout_ms, seg_error *error)
{
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		if (all_committed(c))
			return 0;
		int64_t now = seg_now();
		if (now >= deadline)
			return seg_fail(error, SEG_ETIMEOUT,
					"Redis did not confirm all commits within %" PRIu32 " ms",
					timeout_ms);
		wait_until(c, ticket, now + SYNC_PAUSE, deadline);
	}
}

int seg_consumer_close(seg_consumer *c, uint32_t timeout_ms, seg_error *error)
{
	if (!c)
		return 0;
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	/* The last part of the timeout is for an end without Redis. */
	int64_t give_up = 2 * SEG_STOP_PATIENCE;
	pthread_mutex_lock(&c->lock);
	c->closing = true;
	for (uint32_t i = 0; i < c->slot_count; i++) {
		c->slots[i].closing = true;
		seg_slot_end(&c->slots[i], SEG_SLOT_END);
	}
	pthread_mutex_unlock(&c->lock);
	seg_member_stop(c->member, SEG_STOP_DRAIN);
	int status = seg_member_join(c->member, deadline - give_up - seg_now());
	if (status) {
		seg_member_stop(c->member, SEG_STOP_NOW);
		int64_t left = deadline - seg_now();
		/* The memory that a stuck thread (in the log callback, say) uses cannot be freed. */
		if (seg_member_join(c->member, left > LAST_PATIENCE ? left : LAST_PATIENCE)) {
			seg_client_keep(c->stream->client);
			return seg_fail(error, SEG_ETIMEOUT,
					"the consumer's thread did not end within %" PRIu32
					" ms; it is left behind",
					timeout_ms);
		}
		seg_fail(error, SEG_ETIMEOUT,
			 "Redis did not answer within %" PRIu32
			 " ms; the partitions go to others when the session times out",
			 timeout_ms);
	}
	seg_member_destroy(c->member);
	destroy(c);
	return status;
}
