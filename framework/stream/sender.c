#include "stream/sender.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "stream/record.h"

/* The pause before a refused batch is sent again, as seg_backoff draws it. */
#define REST_BASE (5 * SEG_MS)
#define REST_CAP (250 * SEG_MS)

/*
 * A connection that has so many bytes unsent gets no more: they would only fill memory. Its batches look again
 * after the pause.
 */
#define UNSENT_MAX ((size_t)1 << 20)
#define UNSENT_PAUSE (2 * SEG_MS)

/*
 * How long Redis may be silent while an answer is due: a third of the delivery timeout, so that there is time
 * for another try, within these limits.
 */
#define ANSWER_TIMEOUT_MIN SEG_SECOND
#define ANSWER_TIMEOUT_MAX (10 * SEG_SECOND)

/* --- delivering ------------------------------------------------------------------ */

/* Gives the next n records of the batch their outcome. */
static void deliver(seg_producer *p, seg_producer_batch *batch, size_t n, int status, seg_id first,
		    const char *text)
{
	seg_delivery delivery = {.status = status, .partition = batch->partition, .text = text};
	for (size_t i = 0; i < n && p->options.delivery; i++) {
		delivery.opaque = batch->records[batch->done + i].opaque;
		if (status == SEG_OK)
			delivery.id = (seg_id){first.ms, first.seq + i};
		p->options.delivery(p->options.delivery_arg, &delivery);
	}
	batch->done += n;
}

/* Without a delivery callback, failures are logged: at the 1st, 2nd, 4th, 8th ... failed batch. */
static void log_failure(seg_producer *p, size_t records, const char *text)
{
	uint64_t n = ++p->sender.failures;
	if (!p->options.delivery && (n & (n - 1)) == 0)
		seg_log(&p->stream->logger, SEG_LOG_WARNING,
			"%zu records failed (failed batch %" PRIu64 "): %s", records, n, text);
}

/* Gives all remaining records of the batch the outcome `error`. */
static void deliver_failure(seg_producer *p, seg_producer_batch *batch, const seg_error *error)
{
	log_failure(p, batch->count - batch->done, error->text);
	deliver(p, batch, batch->count - batch->done, error->status, (seg_id){0, 0}, error->text);
}

/* --- handing back ------------------------------------------------------------- */

typedef enum { PUT_BACK, LOST, WAIT, REST, FINISH, ABANDON, RECYCLE } release_kind;

/* Returns a held batch to the accumulator. Takes the lock. */
static void release(seg_producer *p, seg_producer_batch *batch, release_kind kind)
{
	seg_accumulator *a = &p->shared.accumulator;
	pthread_mutex_lock(&p->shared.lock);
	switch (kind) {
	case PUT_BACK:
		seg_accumulator_put_back(a, batch);
		break;
	case LOST:
		seg_accumulator_lost(a, batch);
		break;
	case WAIT:
		seg_accumulator_rest(a, batch, seg_now() + UNSENT_PAUSE);
		break;
	case REST:
		seg_accumulator_rest(a, batch,
				     seg_now() + seg_backoff(REST_BASE, REST_CAP, ++batch->refusals));
		break;
	case FINISH:
		seg_accumulator_finish(a, batch);
		break;
	case ABANDON:
		batch->abandoned = true;
		seg_accumulator_abandon(a, batch);
		break;
	case RECYCLE:
		seg_accumulator_recycle(a, batch);
		break;
	}
	if (p->shared.waiting > 0 && (kind == FINISH || kind == ABANDON || kind == RECYCLE))
		pthread_cond_broadcast(&p->shared.changed);
	pthread_mutex_unlock(&p->shared.lock);
}

/* --- answers ------------------------------------------------------------------ */

static seg_append append_of(const seg_producer *p, const seg_producer_batch *batch)
{
	return (seg_append){
		.partition = batch->partition,
		.producer = p->id,
		.sequence = batch->sequence + batch->done,
		.oldest = batch->oldest,
		.ttl_ms = p->ttl_ms,
		.records = batch->count - batch->done,
		.headers = batch->headers,
	};
}

/* The first `added` records are in the log; unconfirmed: the reason why they do not count as acknowledged. */
static void take_added(seg_producer *p, seg_producer_batch *batch, const seg_append_answer *answer,
		       const char *unconfirmed)
{
	if (unconfirmed && answer->added > 0)
		log_failure(p, answer->added, unconfirmed);
	deliver(p, batch, answer->added, unconfirmed ? SEG_EUNKNOWN : SEG_OK, answer->first, unconfirmed);
	if (batch->done == batch->count) {
		release(p, batch, FINISH);
		return;
	}
	if (answer->added > 0)
		batch->refusals = 0;
	batch->may_be_added = false;
	seg_append_full(p->stream, batch->partition, &batch->refusal);
	if (p->options.wait_when_full) {
		release(p, batch, REST);
	} else {
		deliver_failure(p, batch, &batch->refusal);
		release(p, batch, FINISH);
	}
}

static void give_up(seg_producer *p, seg_producer_batch *batch, seg_error *error)
{
	if (batch->may_be_added)
		error->status = SEG_EUNKNOWN;
	deliver_failure(p, batch, error);
	release(p, batch, FINISH);
}

/* Sends the batch again, for the replicas' sake: the answer is DUP, and a WAIT follows. */
static void ask_again(seg_producer *p, seg_producer_batch *batch)
{
	batch->may_be_added = true;
	release(p, batch, REST);
}

/* WAIT was answered for the batch. */
static void got_confirmation(void *arg, seg_producer_batch *batch, int64_t replicas, const char *why)
{
	seg_producer *p = arg;
	if (!batch->answered)
		return; /* its answer comes from another connection: then ask_again */
	if (replicas < 0 && !why) {
		ask_again(p, batch);
		return;
	}
	seg_error error;
	uint32_t wanted = p->stream->client->ack_replicas;
	bool confirmed = replicas >= (int64_t)wanted;
	seg_confirmation_explain(replicas, wanted, p->sender.confirm_timeout, why, &error);
	seg_append_answer answer = {.outcome = SEG_APPEND_ADDED,
				    .first = batch->first,
				    .added = batch->added};
	take_added(p, batch, &answer, confirmed ? NULL : error.text);
}

/* The batch, or its first records, were added; with ack_replicas they count when WAIT was answered. */
static void hear_added(seg_producer *p, seg_producer_batch *batch, const seg_append_answer *answer)
{
	if (p->stream->client->ack_replicas == 0 || answer->added == 0) {
		seg_confirmation_leave(batch);
		take_added(p, batch, answer, NULL);
	} else if (batch->confirmation) {
		batch->answered = true;
		batch->first = answer->first;
		batch->added = answer->added;
	} else {
		ask_again(p, batch);
	}
}

static void got_answer(void *arg, const seg_reply *reply)
{
	seg_producer_batch *batch = arg;
	seg_producer *p = batch->owner;
	batch->waiting = false;
	if (batch->abandoned) {
		release(p, batch, RECYCLE);
		return;
	}
	seg_error error;
	seg_append append = append_of(p, batch);
	seg_append_answer answer = seg_append_read(&append, reply, &error);
	if (answer.outcome != SEG_APPEND_ADDED)
		seg_confirmation_leave(batch);
	switch (answer.outcome) {
	case SEG_APPEND_ADDED:
		hear_added(p, batch, &answer);
		break;
	case SEG_APPEND_LOST:
		batch->may_be_added = true;
		release(p, batch, LOST);
		break;
	case SEG_APPEND_GAP:
		release(p, batch, PUT_BACK);
		break;
	case SEG_APPEND_REFUSED:
		batch->refusal = error;
		release(p, batch, REST);
		break;
	case SEG_APPEND_UNCLEAR:
	case SEG_APPEND_FAILED:
		batch->may_be_added |= answer.outcome == SEG_APPEND_UNCLEAR;
		give_up(p, batch, &error);
		break;
	}
}

/* --- sending ------------------------------------------------------------------ */

static uint16_t slot_of(const seg_producer *p, uint32_t partition)
{
	char log[SEG_KEY_MAX];
	seg_key_log(log, p->stream->client->name_space, p->stream->name, partition);
	return seg_slot_of(log);
}

/* A batch keeps its number for all tries. */
static void number(seg_producer *p, seg_producer_batch *batch)
{
	uint64_t *next = &p->sender.sequences[batch->partition];
	if (batch->sequence == 0) {
		batch->sequence = *next + 1;
		*next += batch->count;
	}
	const seg_producer_batch *oldest = seg_accumulator_oldest(&p->shared.accumulator, batch->partition);
	batch->oldest = oldest->sequence + oldest->done;
}

static seg_connection *connection_of(seg_producer *p, const seg_producer_batch *batch)
{
	char log[SEG_KEY_MAX];
	seg_key_log(log, p->stream->client->name_space, p->stream->name, batch->partition);
	return seg_route_connection(p->sender.route, log);
}

/* One WAIT for all batches that were issued since the last one. */
static void ask_replicas(seg_producer *p)
{
	seg_confirmation *asking = p->sender.asking;
	p->sender.asking = NULL;
	if (asking)
		seg_confirmation_ask(asking, p->sender.asking_on, p->stream->client->ack_replicas,
				     p->sender.confirm_timeout);
}

/* The batch was issued on the connection; the next WAIT there is to confirm it. Else its answer asks again. */
static void await_replicas(seg_producer *p, seg_producer_batch *batch, seg_connection *connection)
{
	if (p->sender.asking && p->sender.asking_on != connection)
		ask_replicas(p);
	batch->answered = false;
	p->sender.asking_on = connection;
	seg_confirmation_add(&p->sender.asking, batch, got_confirmation, p);
}

static bool issue(seg_producer *p, seg_producer_batch *batch)
{
	seg_append_builder *builder = &p->sender.builder;
	if (seg_route_is_cluster(p->sender.route) &&
	    !seg_route_ready_for(p->sender.route, slot_of(p, batch->partition))) {
		batch->refusal = *seg_route_error(p->sender.route);
		return false;
	}
	number(p, batch);
	batch->owner = p;
	seg_append append = append_of(p, batch);
	if (!seg_append_begin(builder, &append, p->stream))
		return false;
	for (size_t i = batch->done; i < batch->count; i++) {
		seg_record record = seg_producer_batch_record(batch, i);
		if (!seg_append_add(builder, &record))
			return false;
	}
	batch->waiting = seg_append_issue(builder, p->sender.route, got_answer, batch);
	if (batch->waiting && p->stream->client->ack_replicas > 0)
		await_replicas(p, batch, connection_of(p, batch));
	return batch->waiting;
}

/* Whether the connection of the batch's partition cannot write as fast as batches come. */
static bool is_backed_up(seg_producer *p, const seg_producer_batch *batch)
{
	const seg_connection *connection = connection_of(p, batch);
	return connection && seg_connection_unsent(connection) >= UNSENT_MAX;
}

static seg_producer_batch *take_ready(seg_producer *p)
{
	pthread_mutex_lock(&p->shared.lock);
	seg_producer_batch *batch = seg_accumulator_take(&p->shared.accumulator, seg_now());
	pthread_mutex_unlock(&p->shared.lock);
	return batch;
}

static void send_ready(seg_producer *p)
{
	seg_producer_batch *batch;
	while (seg_route_ready(p->sender.route) && (batch = take_ready(p)))
		if (is_backed_up(p, batch))
			release(p, batch, WAIT);
		else if (!issue(p, batch))
			release(p, batch, REST);
	ask_replicas(p);
}

/* --- giving up ---------------------------------------------------------------- */

/* Why a batch was not sent or not added before its deadline. */
static void explain(seg_producer *p, const seg_producer_batch *batch, bool closing, seg_error *error)
{
	const seg_error *trouble = seg_route_error(p->sender.route);
	bool down = !seg_route_ready(p->sender.route) && trouble->status;
	size_t left = seg_route_unsent(p->sender.route);
	if (batch->waiting && left > 0 && !closing)
		seg_fail(
			error, SEG_EUNKNOWN,
			"the link to Redis is too slow: %zu bytes were left to send after delivery_timeout_ms; it may have been added",
			left);
	else if (batch->may_be_added || batch->waiting || batch->confirmation)
		seg_fail(error, SEG_EUNKNOWN, "%s%s; it may have been added",
			 closing ? "the producer was closed before Redis answered"
				 : "Redis did not answer within delivery_timeout_ms",
			 down ? " (the connection was lost)" : "");
	else if (batch->refusal.status)
		*error = batch->refusal;
	else if (down)
		*error = *trouble;
	else if (closing)
		seg_fail(error, SEG_ECLOSED, "the producer was closed before the record was sent");
	else
		seg_fail(error, SEG_EUNREACHABLE,
			 "Redis at %s did not take the record within delivery_timeout_ms",
			 p->stream->client->address.text);
}

/* The next batch of the partition waits for the same reason. */
static void pass_on_refusal(seg_producer *p, const seg_producer_batch *batch)
{
	pthread_mutex_lock(&p->shared.lock);
	seg_producer_batch *next = TAILQ_NEXT(batch, in_partition);
	if (next && batch->refusal.status)
		next->refusal = batch->refusal;
	pthread_mutex_unlock(&p->shared.lock);
}

/* Gives up the batches whose deadline has come at `now`; SEG_NEVER: all. Whether there were any. */
static bool give_up_expired(seg_producer *p, int64_t now)
{
	bool any = false;
	for (;;) {
		pthread_mutex_lock(&p->shared.lock);
		seg_producer_batch *batch = seg_accumulator_take_expired(&p->shared.accumulator, now);
		pthread_mutex_unlock(&p->shared.lock);
		if (!batch)
			return any;
		any = true;
		seg_error error;
		explain(p, batch, now == SEG_NEVER, &error);
		seg_confirmation_leave(batch);
		pass_on_refusal(p, batch);
		deliver_failure(p, batch, &error);
		release(p, batch, batch->waiting ? ABANDON : FINISH);
	}
}

/* --- the thread --------------------------------------------------------------- */

bool seg_sender_oversleeps(seg_producer *p, int64_t now)
{
	if (p->shared.sleeping_until == SEG_SENDER_AWAKE)
		return false;
	int64_t next = seg_accumulator_next_time(&p->shared.accumulator, p->shared.can_send, now);
	if (next >= p->shared.sleeping_until && !p->shared.stopping)
		return false;
	p->shared.sleeping_until = SEG_SENDER_AWAKE;
	return true;
}

void seg_sender_wake(seg_producer *p)
{
	(void)eventfd_write(p->wake_fd, 1);
}

/* Computes when to wake up without an event. False if there is something to do now. */
static bool may_sleep(seg_producer *p, int64_t timer, int64_t now, int64_t *until)
{
	pthread_mutex_lock(&p->shared.lock);
	p->shared.can_send = seg_route_ready(p->sender.route);
	int64_t next = seg_accumulator_next_time(&p->shared.accumulator, p->shared.can_send, now);
	*until = next < timer ? next : timer;
	bool sleeps = *until > now && !p->shared.stopping;
	if (sleeps)
		p->shared.sleeping_until = *until;
	pthread_mutex_unlock(&p->shared.lock);
	return sleeps;
}

/* Sleeps until there is something to do. */
static void sleep_until_needed(seg_producer *p, int64_t timer)
{
	int64_t now = seg_now(), until;
	bool sleeps = may_sleep(p, timer, now, &until);
	seg_poll_set *set = &p->sender.polled;
	seg_poll_set_clear(set);
	nfds_t waker = seg_poll_set_add(set, p->wake_fd, POLLIN);
	seg_route_poll(p->sender.route, set);
	int64_t pause = !sleeps ? 0 : until == SEG_NEVER ? SEG_SECOND * 3600 : until - now;
	seg_poll_set_wait(set, pause);
	if (sleeps) {
		pthread_mutex_lock(&p->shared.lock);
		p->shared.sleeping_until = SEG_SENDER_AWAKE;
		pthread_mutex_unlock(&p->shared.lock);
	}
	eventfd_t value;
	if (seg_poll_set_found(set, waker))
		(void)eventfd_read(p->wake_fd, &value);
}

static bool is_stopping(seg_producer *p)
{
	pthread_mutex_lock(&p->shared.lock);
	bool stopping = p->shared.stopping;
	pthread_mutex_unlock(&p->shared.lock);
	return stopping;
}

static void *run(void *arg)
{
	seg_producer *p = arg;
	bool polled = false;
	while (!is_stopping(p)) {
		seg_route_tick(p->sender.route, seg_now(), polled);
		give_up_expired(p, seg_now());
		send_ready(p);
		/* Writes the new commands. Only this tick's timer takes their answers into account. */
		int64_t timer = seg_route_tick(p->sender.route, seg_now(), false);
		sleep_until_needed(p, timer);
		polled = true;
	}
	p->sender.left_some = give_up_expired(p, SEG_NEVER);
	/* Runs the callbacks of the batches in flight, which recycle them. */
	seg_route_destroy(p->sender.route);
	seg_append_builder_fini(&p->sender.builder);
	seg_poll_set_fini(&p->sender.polled);
	return NULL;
}

static seg_route *make_route(seg_producer *p)
{
	int64_t answer_timeout = p->options.delivery_timeout_ms * SEG_MS / 3;
	if (answer_timeout < ANSWER_TIMEOUT_MIN)
		answer_timeout = ANSWER_TIMEOUT_MIN;
	if (answer_timeout > ANSWER_TIMEOUT_MAX)
		answer_timeout = ANSWER_TIMEOUT_MAX;
	/* Within the time that the connection gives Redis to answer. */
	p->sender.confirm_timeout = answer_timeout / 2;
	seg_connection_options options = seg_client_connection_options(p->stream->client);
	options.client_name = "segmenter-producer";
	options.answer_timeout = answer_timeout;
	options.logger = p->stream->logger;
	return seg_route_create(&options, NULL);
}

int seg_sender_start(seg_producer *p, seg_error *error)
{
	p->shared.sleeping_until = SEG_SENDER_AWAKE;
	p->sender.route = make_route(p);
	if (!p->sender.route)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a connection");
	/* Signals go to the application's own threads. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure == 0) {
		pthread_setname_np(p->thread, "seg-producer");
		return 0;
	}
	seg_route_destroy(p->sender.route);
	return seg_fail(error, SEG_ESYSTEM, "cannot start the producer's thread: %s", strerror(failure));
}

void seg_sender_stop(seg_producer *p)
{
	pthread_mutex_lock(&p->shared.lock);
	p->shared.stopping = true;
	bool wake = seg_sender_oversleeps(p, seg_now());
	pthread_mutex_unlock(&p->shared.lock);
	if (wake)
		seg_sender_wake(p);
	pthread_join(p->thread, NULL);
}
