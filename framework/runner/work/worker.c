#include "work/worker.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

/* Between two looks at a lease that has run out. */
#define LEASE_LOOK (100 * SEG_MS)

/* Between two looks whether it is this partition's turn. */
#define ALONE_LOOK (1 * SEG_MS)

static const seg_id no_message = {0, 0};

/* How a step of the worker ended. */
typedef enum { GO_ON, STOPPING } step_result;

static seg_handoff *handoff_of(const seg_worker *w)
{
	return &w->partition->handoff;
}

static const seg_logger *logger_of(const seg_worker *w)
{
	return &w->partition->logger;
}

/* Waits until the time, or until something is demanded. */
static step_result pause_until(seg_worker *w, int64_t until)
{
	seg_handoff *handoff = handoff_of(w);
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		seg_dispatch dispatch = seg_handoff_may_dispatch(handoff);
		if (dispatch == SEG_DISPATCH_DRAIN || dispatch == SEG_DISPATCH_ABANDON)
			return STOPPING;
		if (seg_now() >= until)
			return GO_ON;
		seg_handoff_wait(handoff, ticket, until, w->setup->idle);
	}
}

/* Right before each call of the handler: waits while the lease is in doubt. */
static step_result wait_for_permission(seg_worker *w)
{
	seg_handoff *handoff = handoff_of(w);
	for (bool told = false;; told = true) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		switch (seg_handoff_may_dispatch(handoff)) {
		case SEG_DISPATCH_GO:
			return GO_ON;
		case SEG_DISPATCH_DRAIN:
		case SEG_DISPATCH_ABANDON:
			return STOPPING;
		case SEG_DISPATCH_WAIT:
			break;
		}
		if (!told)
			seg_log(logger_of(w), SEG_LOG_WARNING,
				"the lease has run out; handing over nothing until Redis answers a heartbeat");
		/* A renewal wakes those that it finds waiting; one just as the lease runs out may find nobody yet. */
		seg_handoff_wait(handoff, ticket, seg_now() + LEASE_LOOK, SEG_IDLE_PARK);
	}
}

/* --- what becomes of messages --------------------------------------------------------- */

static void handled(seg_worker *w, const seg_buffer *buffer, size_t count)
{
	uint64_t total = buffer->sequence + count;
	atomic_fetch_add_explicit(&w->setup->counters->handled, total - w->handled, memory_order_relaxed);
	w->handled = total;
	seg_handoff_handled(handoff_of(w), total);
}

/* attempt 1: the next message is another one, or the worker ends. */
static void set_attempt(seg_worker *w, uint32_t attempt)
{
	seg_section_counters *counters = w->setup->counters;
	if (attempt > 1)
		atomic_fetch_add_explicit(&counters->retries, 1, memory_order_relaxed);
	if (attempt > 1 && w->attempt == 1)
		atomic_fetch_add_explicit(&counters->retrying, 1, memory_order_relaxed);
	else if (attempt == 1 && w->attempt > 1)
		atomic_fetch_sub_explicit(&counters->retrying, 1, memory_order_relaxed);
	if (attempt == 1)
		seg_retrying_forget(w->setup->retrying, &w->retrying);
	w->attempt = attempt;
}

/* Moves message *index to the dead letters, and *index behind it. */
static step_result dead_letter(seg_worker *w, const seg_buffer *buffer, size_t *index, uint32_t attempts,
			       const char *reason)
{
	char id[SEG_ID_TEXT_MAX];
	seg_request request = {
		.kind = SEG_REQUEST_DEAD_LETTER,
		.id = buffer->messages[*index].id,
		.sequence = buffer->sequence + *index,
		.attempts = attempts,
		.reason = reason && *reason ? reason : "no reason given",
		.handler = w->setup->handler->name,
		.packed = seg_buffer_packed(buffer, *index),
	};
	if (seg_handoff_ask(handoff_of(w), &request, NULL, w->setup->idle))
		return STOPPING;
	seg_log(logger_of(w), SEG_LOG_WARNING, "dead-lettered message %s after %" PRIu32 " attempts: %.300s",
		seg_id_format(request.id, id), attempts, request.reason);
	*index += 1;
	handled(w, buffer, *index);
	set_attempt(w, 1);
	return GO_ON;
}

/* Message *index failed: waits before it is handed over again, or dead-letters it. */
static step_result retry(seg_worker *w, const seg_buffer *buffer, size_t *index, const char *reason)
{
	const seg_retry_policy *policy = &w->setup->retry;
	char id[SEG_ID_TEXT_MAX];
	if (seg_retry_exhausted(policy, w->attempt))
		return dead_letter(w, buffer, index, w->attempt, reason);
	int64_t wait = seg_backoff(policy->backoff, policy->backoff_max, w->attempt);
	reason = reason && *reason ? reason : "no reason given";
	seg_log(logger_of(w), SEG_LOG_WARNING,
		"message %s failed at attempt %" PRIu32 ", again in %" PRId64 " ms: %.300s",
		seg_id_format(buffer->messages[*index].id, id), w->attempt, wait / SEG_MS, reason);
	seg_retrying_note(w->setup->retrying, &w->retrying, reason);
	set_attempt(w, w->attempt + 1);
	return pause_until(w, seg_now() + wait);
}

/* The message may have killed its owners: it is marked before it is handed over alone, or given up. */
static step_result mark(seg_worker *w, const seg_buffer *buffer, size_t *index)
{
	int64_t marked = 0;
	seg_request request = {
		.kind = SEG_REQUEST_MARK,
		.id = buffer->messages[*index].id,
		.sequence = buffer->sequence + *index,
	};
	if (seg_handoff_ask(handoff_of(w), &request, &marked, w->setup->idle))
		return STOPPING;
	if (!seg_retry_deadly(&w->setup->retry, (uint32_t)marked))
		return GO_ON;
	return dead_letter(w, buffer, index, (uint32_t)marked - 1,
			   "the process died each time this message was handled");
}

static seg_answer call_handler(seg_worker *w, const seg_batch *view)
{
	seg_plugin_call_begin(&w->call, "handle", view->messages[0].id);
	seg_answer answer = w->setup->handler->handle(w->setup->plugin, w->state, view);
	/* When it began was noted for others already: this is the one look at the clock that counting costs. */
	seg_durations_add(&w->setup->counters->handling, seg_now() - seg_plugin_call_since(&w->call));
	seg_plugin_call_end(&w->call);
	return answer;
}

/* An answer that the interface does not know is a failure of the first message, said in `text`. */
static seg_answer check_answer(seg_answer answer, size_t count, char *text, size_t size)
{
	/* "stop" may say that all of them are done. */
	size_t most = answer.outcome == SEG_OUTCOME_STOP ? count : count - 1;
	if (answer.outcome == SEG_OUTCOME_DONE ||
	    (answer.outcome <= SEG_OUTCOME_STOP && answer.index <= most))
		return answer;
	snprintf(text, size,
		 "the plugin answered outcome %" PRIu32 " index %" PRIu32
		 " to a batch of %zu, which is no answer",
		 answer.outcome, answer.index, count);
	return (seg_answer){SEG_OUTCOME_RETRY, 0, text};
}

/* Takes the answer to the `count` messages from *index on, and moves *index to where it goes on. */
static step_result take_answer(seg_worker *w, const seg_buffer *buffer, size_t *index, size_t count,
			       seg_answer answer)
{
	char nonsense[128];
	answer = check_answer(answer, count, nonsense, sizeof(nonsense));
	size_t done = answer.outcome == SEG_OUTCOME_DONE ? count : answer.index;
	if (done > 0) {
		*index += done;
		handled(w, buffer, *index);
		set_attempt(w, 1);
	}
	switch ((seg_outcome)answer.outcome) {
	case SEG_OUTCOME_DONE:
		return GO_ON;
	case SEG_OUTCOME_RETRY:
		return retry(w, buffer, index, answer.reason);
	case SEG_OUTCOME_DEAD_LETTER:
		return dead_letter(w, buffer, index, w->attempt, answer.reason);
	case SEG_OUTCOME_STOP:
		w->setup->stop(w->setup->arg,
			       answer.reason && *answer.reason ? answer.reason : "no reason given");
		/* The runner drains; until its demand comes nothing more is handed over here. */
		pause_until(w, SEG_NEVER);
		return STOPPING;
	}
	return STOPPING;
}

static seg_batch view_of(const seg_worker *w, const seg_buffer *buffer, size_t index, size_t count)
{
	seg_batch view = buffer->batch;
	view.messages += index;
	view.count = count;
	view.attempt = w->attempt;
	return view;
}

/*
 * Some message may kill this process. One that may be it is handled at a time, whatever its partition or section, and the
 * one before it is on its way to be committed by then: so a death is blamed on the message that was being handled.
 */
static step_result handle_alone(seg_worker *w, const seg_buffer *buffer, size_t *index)
{
	static pthread_mutex_t alone = PTHREAD_MUTEX_INITIALIZER;
	size_t first = *index;
	seg_answer answer = seg_done();
	while (pthread_mutex_trylock(&alone))
		if (pause_until(w, seg_now() + ALONE_LOOK) == STOPPING)
			return STOPPING;
	step_result result = wait_for_permission(w);
	if (result == GO_ON)
		result = mark(w, buffer, index);
	bool given_up = *index != first;
	/* The lease may have ended while Redis answered. */
	if (result == GO_ON && !given_up)
		result = wait_for_permission(w);
	if (result == GO_ON && !given_up) {
		seg_batch view = view_of(w, buffer, first, 1);
		answer = call_handler(w, &view);
		if (answer.outcome == SEG_OUTCOME_DONE)
			handled(w, buffer, first + 1);
	}
	pthread_mutex_unlock(&alone);
	if (result == STOPPING || given_up)
		return result;
	return take_answer(w, buffer, index, 1, answer);
}

/* Hands over what comes at *index, and moves it on. */
static step_result handle_next(seg_worker *w, const seg_buffer *buffer, size_t *index)
{
	if (buffer->faults[*index] != SEG_FAULT_NONE)
		return dead_letter(w, buffer, index, 0, seg_fault_text(buffer->faults[*index]));
	if (buffer->sequence + *index < w->isolate_until)
		return handle_alone(w, buffer, index);
	if (wait_for_permission(w) == STOPPING)
		return STOPPING;
	seg_batch view = view_of(w, buffer, *index, seg_buffer_run_end(buffer, *index) - *index);
	return take_answer(w, buffer, index, view.count, call_handler(w, &view));
}

static step_result handle_buffer(seg_worker *w, seg_buffer *buffer)
{
	while (!seg_buffer_decode(buffer, w->setup->codec))
		if (pause_until(w, seg_now() + 100 * SEG_MS) == STOPPING)
			return STOPPING;
	for (size_t i = 0; i < buffer->batch.count;)
		if (handle_next(w, buffer, &i) == STOPPING)
			return STOPPING;
	return GO_ON;
}

/* --- the thread ------------------------------------------------------------------------- */

static void pin(seg_worker *w)
{
	cpu_set_t set;
	if (w->cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)w->cpu, &set);
	int failure = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (failure)
		seg_log(logger_of(w), SEG_LOG_WARNING, "cannot pin to cpu %d: %s", w->cpu, strerror(failure));
}

/* The plugin may need something that is not there yet: tried until it is, or until the partition is wanted back. */
static step_result open_partition(seg_worker *w)
{
	const seg_handler *handler = w->setup->handler;
	if (!handler->partition_open)
		return GO_ON;
	for (unsigned attempt = 1;; attempt++) {
		char error[256] = "";
		if (wait_for_permission(w) == STOPPING)
			return STOPPING;
		seg_plugin_call_begin(&w->call, "partition_open", no_message);
		int failure =
			handler->partition_open(w->setup->plugin, w->partition->number,
						w->partition->own.epoch, &w->state, error, sizeof(error));
		seg_plugin_call_end(&w->call);
		if (failure == 0)
			return GO_ON;
		error[sizeof(error) - 1] = '\0';
		int64_t wait = seg_backoff(100 * SEG_MS, 30 * SEG_SECOND, attempt);
		seg_log(logger_of(w), SEG_LOG_ERROR,
			"plugin %s cannot open the partition, again in %" PRId64 " ms: %s", handler->name,
			wait / SEG_MS, error[0] ? error : "no reason given");
		if (pause_until(w, seg_now() + wait) == STOPPING)
			return STOPPING;
	}
}

static bool has_lease(const seg_worker *w)
{
	return seg_now() < atomic_load_explicit(handoff_of(w)->lease_until, memory_order_acquire);
}

/*
 * "Released" allows the plugin to flush, so the lease must be valid. A drain without a lease waits: either Redis answers a
 * heartbeat, or the partition is lost. Returns whether it is lost.
 */
static bool await_lease_or_loss(seg_worker *w)
{
	seg_handoff *handoff = handoff_of(w);
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		if (seg_handoff_may_dispatch(handoff) == SEG_DISPATCH_ABANDON)
			return true;
		if (has_lease(w))
			return false;
		seg_handoff_wait(handoff, ticket, seg_now() + LEASE_LOOK, SEG_IDLE_PARK);
	}
}

static void close_partition(seg_worker *w)
{
	const seg_handler *handler = w->setup->handler;
	if (!handler->partition_close)
		return;
	bool lost = await_lease_or_loss(w);
	seg_plugin_call_begin(&w->call, "partition_close", no_message);
	handler->partition_close(w->setup->plugin, w->state, lost ? SEG_CLOSE_LOST : SEG_CLOSE_RELEASED);
	seg_plugin_call_end(&w->call);
}

/* A tick may flush: one that is due without a lease waits for the lease. */
static bool may_tick(const seg_worker *w)
{
	return w->setup->handler->tick && seg_handoff_may_dispatch(handoff_of(w)) == SEG_DISPATCH_GO;
}

static void tick(seg_worker *w)
{
	seg_plugin_call_begin(&w->call, "tick", no_message);
	w->setup->handler->tick(w->setup->plugin, w->state);
	seg_plugin_call_end(&w->call);
	w->tick_at = seg_now() + w->setup->tick;
}

/* When to wake up without a message: for the next tick, or to look again whether a due tick has its lease back. */
static int64_t next_look(const seg_worker *w)
{
	int64_t look = seg_now() + LEASE_LOOK;
	if (!w->setup->handler->tick)
		return SEG_NEVER;
	return may_tick(w) || w->tick_at > look ? w->tick_at : look;
}

static void handle_all(seg_worker *w)
{
	seg_handoff *handoff = handoff_of(w);
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		seg_dispatch dispatch = seg_handoff_may_dispatch(handoff);
		if (dispatch == SEG_DISPATCH_DRAIN || dispatch == SEG_DISPATCH_ABANDON)
			return;
		seg_buffer *buffer = seg_handoff_take(handoff);
		if (buffer) {
			if (handle_buffer(w, buffer) == STOPPING)
				return;
			seg_handoff_give_back(handoff, buffer);
		}
		if (seg_now() >= w->tick_at && may_tick(w))
			tick(w);
		if (!buffer)
			seg_handoff_wait(handoff, ticket, next_look(w), w->setup->idle);
	}
}

/* The plugin has called pthread_exit: what it was given is not handled, and it cannot be asked to close. */
static void thread_was_ended(void *arg)
{
	seg_worker *w = arg;
	seg_plugin_call_end(&w->call);
	set_attempt(w, 1);
	w->setup->stop(w->setup->arg, "it ended its thread, which is segrunner's");
	seg_handoff_stopped(handoff_of(w));
}

static void *run(void *arg)
{
	seg_worker *w = arg;
	pin(w);
	seg_plugin_call_watch_stack();
	pthread_cleanup_push(thread_was_ended, w);
	if (open_partition(w) == GO_ON) {
		w->tick_at = seg_now() + w->setup->tick;
		handle_all(w);
		set_attempt(w, 1);
		close_partition(w);
	}
	pthread_cleanup_pop(0);
	seg_handoff_stopped(handoff_of(w));
	return NULL;
}

int seg_worker_start(seg_worker *w, const seg_worker_setup *setup, seg_partition *partition, int cpu)
{
	const seg_resume *resume = &partition->resume;
	bool suspicious = seg_partition_is_suspicious(partition);
	*w = (seg_worker){
		.setup = setup,
		.partition = partition,
		.cpu = cpu,
		.attempt = 1,
		.retrying = {.partition = partition->number},
		.isolate_until = suspicious ? setup->isolate : 0,
	};
	seg_plugin_call_init(&w->call, setup->handler->name, partition->number);
	if (suspicious)
		seg_log(&partition->logger, SEG_LOG_WARNING,
			"owners died here %" PRIu32 " times in a row; handing over the next %" PRIu32
			" messages one at a time",
			resume->crashes, setup->isolate);
	/* Signals are the main thread's business. */
	sigset_t all, before;
	sigfillset(&all);
	/* Those that a crash raises must stay deliverable. */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure == 0) {
		char name[16];
		snprintf(name, sizeof(name), "seg-p%" PRIu32, partition->number);
		pthread_setname_np(w->thread, name);
	}
	return failure;
}

void seg_worker_join(seg_worker *w)
{
	pthread_join(w->thread, NULL);
}
