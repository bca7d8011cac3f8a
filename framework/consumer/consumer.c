/*
 * consumer.c - the pull consumer: a member whose batches the caller's threads poll.
 *
 * `lock` guards the slots; it is held for moments only, never while Redis is waited for. A buffer that a caller
 * holds is the caller's until its release: if the ownership ends before, the buffer leaves the partition, which
 * can so move on at once, and the release frees it.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/names.h"
#include "group/member.h"

/* At a close: for a thread that is told to end at once, which it does as soon as the machine lets it run. */
#define LAST_PATIENCE (2 * SEG_SECOND)

typedef struct {
	seg_partition *partition;
	seg_buffer *current; /* taken from the handoff, not given back */
	size_t done;         /* of its messages: committed by the caller, or dead-lettered */
	uint32_t attempt;    /* how often messages[done] was polled */
	int64_t polled_at;
	bool open;     /* between start and stop */
	bool held;     /* a caller has a view of current */
	bool stopping; /* no further poll */
	bool asking;   /* a caller waits for an answer in the handoff: it must stay */
	bool ending;   /* to be stopped when that answer is there */
	bool settling; /* stopped, and what was handled last not committed yet */
} consumer_slot;

struct seg_consumer {
	seg_stream *stream;
	seg_member *member;
	seg_codec codec;
	int64_t max_processing;
	ck_ec32_t event; /* counted up by every push */

	pthread_mutex_t lock;
	consumer_slot *slots;
	uint32_t slot_count;
	uint32_t cursor; /* where the next poll begins: every partition gets its turn */
	bool closing;
	bool failed;
	seg_error failure;
};

/* --- hooks: I/O thread ------------------------------------------------------------- */

static int hook_start(void *arg, seg_partition *p)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	c->slots[p->number] = (consumer_slot){.partition = p, .open = true, .stopping = c->closing};
	bool stop = c->closing;
	pthread_mutex_unlock(&c->lock);
	return stop ? SEG_ECLOSED : 0;
}

/* Under the lock. The handoff may be gone from here on. */
static void stop_slot(seg_consumer *c, consumer_slot *slot)
{
	if (slot->asking) {
		slot->ending = true;
		return;
	}
	/* After the close nobody may touch a batch any more: it has one holder. */
	if (slot->held && !c->closing)
		atomic_store_explicit(&slot->current->holders, 2, memory_order_relaxed);
	slot->held = false;
	slot->current = NULL;
	slot->open = false;
	slot->settling = true;
	seg_handoff_stopped(&slot->partition->handoff);
}

static void hook_demand(void *arg, seg_partition *p, seg_demand demand)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	consumer_slot *slot = &c->slots[p->number];
	slot->stopping = true;
	/* A drain waits for the batch that is being handled. Lost is lost. */
	if (slot->open && (!slot->held || demand == SEG_DEMAND_ABANDON || c->closing))
		stop_slot(c, slot);
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
	c->slots[p->number].settling = false;
	pthread_mutex_unlock(&c->lock);
	seg_handoff_wake(&p->handoff);
}

static int64_t hook_check(void *arg, seg_partition *p, int64_t now)
{
	seg_consumer *c = arg;
	int64_t next = SEG_NEVER;
	if (c->max_processing == 0)
		return next;
	pthread_mutex_lock(&c->lock);
	consumer_slot *slot = &c->slots[p->number];
	if (slot->open && slot->held && !slot->ending) {
		next = slot->polled_at + c->max_processing;
		if (now >= next) {
			seg_log(&p->logger, SEG_LOG_WARNING,
				"a batch was held for longer than %" PRId64
				" ms; taking it back to deliver it again",
				c->max_processing / SEG_MS);
			stop_slot(c, slot);
			next = SEG_NEVER;
		}
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
	ck_pr_fence_memory();
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

static int in_range(const char *what, uint64_t value, uint64_t least, uint64_t most, seg_error *error)
{
	if (value >= least && value <= most)
		return 0;
	return seg_fail(error, SEG_EINVAL, "%s must be %" PRIu64 " to %" PRIu64 ", not %" PRIu64, what, least,
			most, value);
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
		status = in_range("capacity", o->capacity, 1, 1000, error);
	if (!status)
		status = in_range("batch_size", o->batch_size, 1, 65536, error);
	if (!status)
		status = in_range("in_flight_bytes", o->in_flight_bytes, 4096, (uint64_t)4 << 30, error);
	if (!status)
		status = in_range("in_flight_batches", o->in_flight_batches, 2, SEG_HANDOFF_BUFFERS, error);
	if (!status)
		status = in_range("session_timeout_ms", o->session_timeout_ms, 500, 3600000, error);
	if (!status)
		status = in_range("commit_interval_us", o->commit_interval_us, 0, 60000000, error);
	if (!status && o->max_processing_ms)
		status = in_range("max_processing_ms", o->max_processing_ms, 1, UINT32_MAX, error);
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
		.batch_size = options->batch_size,
		.in_flight_bytes = options->in_flight_bytes,
		.in_flight_batches = options->in_flight_batches,
		.start = options->start,
		.session_timeout = options->session_timeout_ms * SEG_MS,
		.commit_interval = options->commit_interval_us * (SEG_MS / 1000),
		.shared_event = &c->event,
		.hooks = {c, hook_start, hook_demand, hook_finish, hook_check, hook_fatal, NULL,
			  hook_settled},
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

static seg_buffer *buffer_of(const seg_batch *batch)
{
	return (seg_buffer *)(uintptr_t)batch;
}

/* The slot whose current buffer it is, or NULL if the ownership is over. Under the lock. */
static consumer_slot *slot_of(seg_consumer *c, const seg_buffer *buffer)
{
	if (buffer->view.partition >= c->slot_count)
		return NULL;
	consumer_slot *slot = &c->slots[buffer->view.partition];
	return slot->open && slot->held && slot->current == buffer ? slot : NULL;
}

static void give_back_if_done(consumer_slot *slot)
{
	if (!slot->current || slot->done < slot->current->batch.count)
		return;
	seg_handoff_give_back(&slot->partition->handoff, slot->current);
	slot->current = NULL;
	slot->done = 0;
	slot->attempt = 0;
}

static void progress(consumer_slot *slot, size_t done)
{
	if (done <= slot->done)
		return;
	slot->done = done;
	slot->attempt = 0;
	seg_handoff_handled(&slot->partition->handoff, slot->current->sequence + done);
}

/* After the holder is through with it. Under the lock. */
static void let_go(seg_consumer *c, consumer_slot *slot)
{
	slot->held = false;
	give_back_if_done(slot);
	/* What is left of it, or the next batch, may be what another poller waits for. */
	seg_handoff_wake(&slot->partition->handoff);
	if (slot->stopping)
		stop_slot(c, slot);
}

/* Makes a view of what is next in the slot. False: nothing, or a message to dead-letter first (*fault). */
static bool make_view(seg_consumer *c, consumer_slot *slot, bool *fault)
{
	if (!slot->open || slot->held || slot->stopping)
		return false;
	seg_handoff *handoff = &slot->partition->handoff;
	if (seg_handoff_may_dispatch(handoff) != SEG_DISPATCH_GO)
		return false;
	if (!slot->current)
		slot->current = seg_handoff_take(handoff);
	if (!slot->current || !seg_buffer_decode(slot->current, c->codec))
		return false;
	seg_buffer *buffer = slot->current;
	*fault = buffer->faults[slot->done] != SEG_FAULT_NONE;
	size_t end = *fault ? slot->done : seg_buffer_run_end(buffer, slot->done);
	slot->held = true;
	slot->polled_at = seg_now();
	slot->attempt += !*fault;
	buffer->view = buffer->batch;
	buffer->view.messages += slot->done;
	buffer->view.count = end - slot->done;
	buffer->view.attempt = slot->attempt;
	return true;
}

/* The caller holds the buffer, not the lock. */
static int dead_letter(seg_consumer *c, seg_buffer *buffer, size_t index, uint32_t attempts,
		       const char *reason)
{
	pthread_mutex_lock(&c->lock);
	consumer_slot *slot = slot_of(c, buffer);
	if (slot)
		slot->asking = true;
	pthread_mutex_unlock(&c->lock);
	if (!slot)
		return SEG_EFENCED;
	seg_request request = {
		.kind = SEG_REQUEST_DEAD_LETTER,
		.id = buffer->messages[index].id,
		.sequence = buffer->sequence + index,
		.attempts = attempts,
		.reason = reason,
		.handler = c->member->name,
		.packed = seg_buffer_packed(buffer, index),
	};
	int status = seg_handoff_ask(&slot->partition->handoff, &request, NULL, SEG_IDLE_PARK);
	pthread_mutex_lock(&c->lock);
	slot->asking = false;
	if (status == 0)
		progress(slot, index + 1);
	if (slot->ending)
		stop_slot(c, slot);
	pthread_mutex_unlock(&c->lock);
	return status;
}

static void release(seg_consumer *c, seg_buffer *buffer)
{
	pthread_mutex_lock(&c->lock);
	consumer_slot *slot = slot_of(c, buffer);
	if (slot)
		let_go(c, slot);
	pthread_mutex_unlock(&c->lock);
	if (!slot)
		seg_buffer_let_go(buffer);
}

static seg_buffer *find(seg_consumer *c, bool *fault)
{
	seg_buffer *found = NULL;
	pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < c->slot_count && !found; i++) {
		consumer_slot *slot = &c->slots[(c->cursor + i) % c->slot_count];
		if (make_view(c, slot, fault)) {
			found = slot->current;
			c->cursor = (c->cursor + i + 1) % c->slot_count;
		}
	}
	pthread_mutex_unlock(&c->lock);
	return found;
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

int seg_consumer_poll(seg_consumer *c, uint32_t timeout_ms, const seg_batch **batch, seg_error *error)
{
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	for (;;) {
		uint32_t ticket = seg_event_ticket(&c->event);
		bool fault = false;
		seg_buffer *buffer = find(c, &fault);
		if (buffer && !fault) {
			*batch = &buffer->view;
			return 1;
		}
		if (buffer) {
			size_t index = (size_t)(buffer->view.messages - buffer->messages);
			dead_letter(c, buffer, index, 0, seg_fault_text(buffer->faults[index]));
			release(c, buffer);
			continue;
		}
		int status = failure(c, error);
		if (status)
			return status;
		int64_t now = seg_now();
		if (now >= deadline)
			return 0;
		/* A lease that was renewed does not count up the shared event of a partition that is idle: look now and then. */
		int64_t look = now + 100 * SEG_MS;
		seg_event_wait(&c->event, ticket, look < deadline ? look : deadline, SEG_IDLE_PARK);
	}
}

int seg_consumer_commit(seg_consumer *c, const seg_batch *batch, size_t count, seg_error *error)
{
	seg_buffer *buffer = buffer_of(batch);
	int status = 0;
	if (count > batch->count)
		return seg_fail(error, SEG_EINVAL, "the batch has %zu messages, not %zu", batch->count,
				count);
	pthread_mutex_lock(&c->lock);
	consumer_slot *slot = slot_of(c, buffer);
	size_t first = (size_t)(batch->messages - buffer->messages);
	if (!slot || seg_handoff_may_dispatch(&slot->partition->handoff) == SEG_DISPATCH_ABANDON)
		status = seg_fail(error, SEG_EFENCED,
				  "partition %" PRIu32
				  " is no longer this consumer's; its next owner handles the batch again",
				  batch->partition);
	else if (first + count < slot->done)
		status = seg_fail(error, SEG_EINVAL, "%zu messages of the batch are committed already",
				  slot->done - first);
	else
		progress(slot, first + count);
	pthread_mutex_unlock(&c->lock);
	return status;
}

void seg_consumer_release(seg_consumer *c, const seg_batch *batch)
{
	release(c, buffer_of(batch));
}

int seg_consumer_dead_letter(seg_consumer *c, const seg_batch *batch, size_t index, const char *reason,
			     seg_error *error)
{
	seg_buffer *buffer = buffer_of(batch);
	if (index >= batch->count || !reason)
		return seg_fail(error, SEG_EINVAL, "the batch has %zu messages, and a reason must be given",
				batch->count);
	pthread_mutex_lock(&c->lock);
	consumer_slot *slot = slot_of(c, buffer);
	uint32_t attempts = slot ? slot->attempt : 0;
	size_t at = (size_t)(batch->messages - buffer->messages) + index;
	bool committed = slot && at < slot->done;
	pthread_mutex_unlock(&c->lock);
	if (committed)
		return seg_fail(error, SEG_EINVAL, "message %zu of the batch is committed already", index);
	int status = slot ? dead_letter(c, buffer, at, attempts, reason) : SEG_EFENCED;
	if (status == SEG_EFENCED)
		seg_fail(error, status, "partition %" PRIu32 " is no longer this consumer's",
			 batch->partition);
	else if (status)
		seg_fail(error, status,
			 "the consumer is stopping while Redis does not answer; nothing was dead-lettered");
	return status;
}

/* --- waiting and closing ------------------------------------------------------------------ */

static bool all_committed(seg_consumer *c)
{
	bool all = true;
	pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < c->slot_count && all; i++) {
		const consumer_slot *slot = &c->slots[i];
		if (!slot->open) {
			all = !slot->settling;
			continue;
		}
		const seg_handoff *handoff = &slot->partition->handoff;
		all = atomic_load_explicit(&handoff->io.committed, memory_order_acquire) >=
		      atomic_load_explicit(&handoff->worker.handled, memory_order_relaxed);
	}
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
					"not everything could be committed within %" PRIu32 " ms",
					timeout_ms);
		/* An ownership that ends also ends what is to be waited for, without an event. */
		int64_t look = now + 20 * SEG_MS;
		seg_event_wait(&c->event, ticket, look < deadline ? look : deadline, SEG_IDLE_PARK);
	}
}

int seg_consumer_close(seg_consumer *c, uint32_t timeout_ms, seg_error *error)
{
	if (!c)
		return 0;
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	/* The last part of the time is kept for ending without Redis, which takes less. */
	int64_t give_up = 2 * SEG_STOP_PATIENCE;
	pthread_mutex_lock(&c->lock);
	c->closing = true;
	for (uint32_t i = 0; i < c->slot_count; i++)
		if (c->slots[i].open)
			stop_slot(c, &c->slots[i]);
	pthread_mutex_unlock(&c->lock);
	seg_member_stop(c->member, SEG_STOP_DRAIN);
	int status = seg_member_join(c->member, deadline - give_up - seg_now());
	if (status) {
		seg_member_stop(c->member, SEG_STOP_NOW);
		int64_t left = deadline - seg_now();
		/* Were the thread stuck (in the resolver, say), its memory could not be freed under it. */
		if (seg_member_join(c->member, left > LAST_PATIENCE ? left : LAST_PATIENCE)) {
			atomic_store(&c->stream->client->kept, true);
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
