#include "stream/sender.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "stream/flight.h"
#include "stream/loan.h"
#include "stream/outcome.h"
#include "stream/sleep.h"

/*
 * How long Redis may be silent while an answer is due: a third of the delivery timeout, so that there is time
 * for another try, within these limits.
 */
#define ANSWER_TIMEOUT_MIN SEG_SECOND
#define ANSWER_TIMEOUT_MAX (10 * SEG_SECOND)

/* How long the thread sleeps at most after an event: less than an answer's first timer takes (redis/progress.c). */
#define DOZE (250 * SEG_MS)

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
	else if (batch->may_be_added && batch->refusal.status == SEG_ENOMEM)
		seg_fail(error, SEG_EUNKNOWN, "%s; it may have been added", batch->refusal.text);
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
		batch->given_up = true;
		/* What waits for its connection must not be written after all. */
		if (batch->waiting)
			seg_route_lose_unwritten(p->sender.route);
		seg_error error;
		explain(p, batch, now == SEG_NEVER, &error);
		seg_confirmation_leave(batch);
		pass_on_refusal(p, batch);
		seg_outcome_deliver_failure(p, batch, &error);
		seg_outcome_release(p, batch, batch->waiting ? SEG_RELEASE_ABANDON : SEG_RELEASE_FINISH);
	}
}

/* --- the thread --------------------------------------------------------------- */

/*
 * Without a need, so that the time to wake up does not come nearer with the next record, whose thread would have to wake this one to
 * say so. While batches are under way, a batch behind them is due after limits.behind. Soon after an event, another thread may
 * write (loan.h), and then an answer has its time.
 */
static int64_t latest_wake_up(const seg_producer *p, int64_t now)
{
	const seg_accumulator *a = &p->shared.accumulator;
	if (p->options.linger_us > 0)
		return SEG_NEVER;
	if (!TAILQ_EMPTY(&a->age) && p->shared.can_send)
		return now + a->limits.behind;
	return p->thread_own.was_woken ? now + DOZE : SEG_NEVER;
}

/* Computes when to wake up without an event. False if there is something to do now. */
static bool may_sleep(seg_producer *p, int64_t timer, int64_t now, int64_t *until)
{
	pthread_mutex_lock(&p->shared.lock);
	p->shared.can_send = seg_route_ready(p->sender.route);
	int64_t next = seg_accumulator_next_time(&p->shared.accumulator, p->shared.can_send, now);
	int64_t latest = latest_wake_up(p, now);
	*until = next < timer ? next : timer;
	bool sleeps = *until > now && !p->shared.stopping;
	if (latest < *until)
		*until = latest;
	if (sleeps)
		p->shared.sleeping_until = *until;
	pthread_mutex_unlock(&p->shared.lock);
	return sleeps;
}

static void wake_up(seg_producer *p, bool by_event)
{
	pthread_mutex_lock(&p->shared.lock);
	seg_loan_end(p);
	/* A thread that woke this one has set it already. */
	p->thread_own.was_woken = by_event || p->shared.sleeping_until == SEG_SENDER_AWAKE;
	p->shared.sleeping_until = SEG_SENDER_AWAKE;
	pthread_mutex_unlock(&p->shared.lock);
}

/* Sleeps until there is something to do. */
static void sleep_until_needed(seg_producer *p, int64_t timer)
{
	seg_poll_set *set = &p->thread_own.polled;
	seg_poll_set_clear(set);
	nfds_t waker = seg_poll_set_add(set, p->wake_fd, POLLIN);
	seg_route_poll(p->sender.route, set);
	/* From here on until it has woken up, another thread may act as the sender. */
	int64_t now = seg_now(), until;
	bool sleeps = may_sleep(p, timer, now, &until);
	int64_t pause = !sleeps ? 0 : until == SEG_NEVER ? SEG_SECOND * 3600 : until - now;
	bool found = seg_poll_set_wait(set, pause);
	if (sleeps)
		wake_up(p, found);
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
		seg_flight_send(p);
		/* Writes the new commands. Only this tick's timer takes their answers into account. */
		int64_t timer = seg_route_tick(p->sender.route, seg_now(), false);
		sleep_until_needed(p, timer);
		polled = true;
	}
	p->sender.left_some = give_up_expired(p, SEG_NEVER);
	/* Runs the callbacks of the batches in flight, which recycle them. */
	seg_route_destroy(p->sender.route);
	seg_append_builder_fini(&p->sender.builder);
	seg_poll_set_fini(&p->thread_own.polled);
	return NULL;
}

static seg_route *make_route(seg_producer *p)
{
	int64_t answer_timeout = seg_duration_within(p->options.delivery_timeout_ms * SEG_MS / 3,
						     ANSWER_TIMEOUT_MIN, ANSWER_TIMEOUT_MAX);
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
	seg_registration_begin(&p->sender.registration, p->stream->client->name_space, p->stream->name,
			       &p->stream->shape, &p->stream->logger);
	p->sender.route = make_route(p);
	if (!p->sender.route)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a connection");
	int failure = seg_thread_start(&p->thread, "seg-producer", run, p);
	if (failure == 0)
		return 0;
	seg_route_destroy(p->sender.route);
	return seg_fail(error, SEG_ESYSTEM, "cannot start the producer's thread: %s%s", strerror(failure),
			seg_thread_limit_advice(failure));
}

void seg_sender_stop(seg_producer *p)
{
	pthread_mutex_lock(&p->shared.lock);
	p->shared.stopping = true;
	if (seg_sleep_is_too_long(p, seg_now()))
		seg_sleep_end(p);
	pthread_mutex_unlock(&p->shared.lock);
	pthread_join(p->thread, NULL);
}
