#include "work/lane.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/redact.h"
#include "plugin/answer.h"
#include "work/calls.h"
#include "work/poison.h"
#include "work/handler_thread.h"

void seg_lane_init(seg_lane *lane, const seg_task *task, seg_answered *answered, unsigned number)
{
	lane->answered = answered;
	lane->number = number;
	ck_ec32_init(&lane->event, 0);
	seg_task_init_lane(&lane->task, task);
}

void seg_lane_fini(seg_lane *lane)
{
	seg_task_fini(&lane->task);
	seg_completion_destroy(lane->completion);
	free(lane->job.items);
	free(lane->job.messages);
	free(lane->job.slots);
	free(lane->job.reason);
}

/* --- one job: the lane ------------------------------------------------------------------------ */

/* What the call brought forth, with the numbers of the messages that are done. False: out of memory. */
static bool complete(seg_lane *lane, const seg_job *job, size_t done)
{
	seg_completion *completion = lane->completion;
	if (!completion && !seg_effects_end(&lane->task.effects, done, &completion))
		return false;
	if (done == 0)
		return true;
	if (!completion)
		completion = seg_completion_create();
	lane->completion = completion;
	uint64_t *numbers = completion ? seg_completion_add_done(completion, done) : NULL;
	if (!numbers)
		return false;
	for (size_t i = 0; i < done; i++)
		numbers[i] = job->items[i]->number;
	lane->completion = NULL;
	seg_handoff_complete(lane->task.handoff, completion);
	return true;
}

/* Hands over what is done, before the slots are given back: so the completions of a slot are in its order. */
static seg_step settle(seg_lane *lane, const seg_job *job, size_t done)
{
	seg_task *task = &lane->task;
	bool waited = false;
	for (; !complete(lane, job, done); waited = true) {
		seg_unserved_note(&task->unserved, SEG_SHORTAGE_MEMORY,
				  "out of memory for what the handler has emitted and changed");
		if (seg_permission_pause(task, seg_now() + SEG_MEMORY_PAUSE) == SEG_STEP_STOP) {
			seg_effects_drop(&task->effects);
			return SEG_STEP_STOP;
		}
	}
	if (waited)
		seg_unserved_end(&task->unserved);
	atomic_fetch_add_explicit(&task->setup->counters->handled, done, memory_order_relaxed);
	return SEG_STEP_DONE;
}

/* The one message, as the functions for messages that may kill the process want it. *index 1: it was dead-lettered. */
static seg_step handle_alone(seg_lane *lane, const seg_job *job, const seg_batch *view, size_t *index,
			     seg_answer *answer)
{
	uint8_t no_fault = SEG_FAULT_NONE;
	seg_fetched one = {
		.batch = *view,
		.room = {.messages = job->messages, .faults = &no_fault},
		.sequence = job->items[0]->number,
		.unpacked = job->items[0]->packed,
	};
	return seg_poison_handle(&lane->task, &one, index, view, answer);
}

static seg_step call(seg_lane *lane, seg_job *job, size_t *passed, seg_answer *answer)
{
	seg_batch view = {
		.messages = job->messages,
		.count = job->count,
		.partition = lane->task.partition,
		.epoch = lane->task.epoch,
		.attempt = job->attempt,
	};
	seg_effects_begin(&lane->task.effects, &view, job->slots);
	if (job->alone)
		return handle_alone(lane, job, &view, passed, answer);
	return seg_call_handle(&lane->task, &view, answer);
}

static void handle(seg_lane *lane, seg_job *job)
{
	char invalid[SEG_ANSWER_TEXT_MAX];
	seg_answer answer = seg_done();
	size_t passed = 0, count = job->count;
	int64_t began = seg_now();
	if (call(lane, job, &passed, &answer) == SEG_STEP_STOP)
		return;
	job->took = seg_now() - began;
	answer = seg_answer_check(answer, job->count, invalid, sizeof(invalid));
	answer = seg_call_cut(&lane->task, answer, &count);
	job->done = answer.outcome == SEG_OUTCOME_DONE ? count : answer.index;
	job->outcome = passed ? SEG_OUTCOME_DONE : (seg_outcome)answer.outcome;
	if (settle(lane, job, job->done) == SEG_STEP_STOP)
		return;
	/* A reason goes to the log, to Redis and to the page: without the secrets of an address, say. NULL without memory. */
	if (job->outcome != SEG_OUTCOME_DONE && answer.reason)
		job->reason = seg_redact_copy(answer.reason);
	job->handled = true;
}

/* --- the thread: the lane ----------------------------------------------------------------------- */

static void wake_dispatcher(seg_lane *lane)
{
	seg_handoff_wake(lane->task.handoff);
}

/* The job is the dispatcher's from here on. */
static void give_back_job(seg_lane *lane)
{
	seg_answered *answered = lane->answered;
	atomic_store_explicit(&lane->given, false, memory_order_relaxed);
	lane->next_answered = atomic_load_explicit(&answered->newest, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&answered->newest, &lane->next_answered, lane,
						      memory_order_release, memory_order_relaxed))
		;
	wake_dispatcher(lane);
}

static void handle_jobs(seg_lane *lane)
{
	for (;;) {
		uint32_t ticket = seg_event_ticket(&lane->event);
		bool given = atomic_load_explicit(&lane->given, memory_order_acquire);
		if (given) {
			handle(lane, &lane->job);
			give_back_job(lane);
		} else if (atomic_load_explicit(&lane->ends, memory_order_acquire)) {
			return;
		}
		bool ticks = !atomic_load_explicit(&lane->quiet, memory_order_relaxed);
		if (ticks)
			seg_call_tick(&lane->task);
		if (!given)
			seg_event_wait(&lane->event, ticket,
				       ticks ? seg_call_tick_due(&lane->task) : SEG_NEVER,
				       lane->task.setup->idle);
	}
}

/* The dispatcher joins the thread once it sees `over`. */
static void end(seg_lane *lane)
{
	seg_handoff *handoff = lane->task.handoff;
	atomic_store_explicit(&lane->over, true, memory_order_release);
	seg_handoff_wake(handoff);
}

static void thread_was_ended(void *arg)
{
	seg_lane *lane = arg;
	seg_effects_drop(&lane->task.effects);
	seg_call_ended_thread(&lane->task, "a thread of segrunner's");
	end(lane);
}

static void *run(void *arg)
{
	seg_lane *lane = arg;
	char name[SEG_HANDLER_THREAD_NAME_MAX];
	snprintf(name, sizeof(name), "seg-p%" PRIu32 ".%u", lane->task.partition, lane->number);
	seg_handler_thread_begin(name, lane->cpu, &lane->task.logger);
	pthread_cleanup_push(thread_was_ended, lane);
	if (seg_call_open(&lane->task) == SEG_STEP_DONE) {
		atomic_store_explicit(&lane->open, true, memory_order_release);
		wake_dispatcher(lane);
		handle_jobs(lane);
		seg_call_close(&lane->task);
	}
	pthread_cleanup_pop(0);
	end(lane);
	return NULL;
}

/* --- dispatcher ------------------------------------------------------------------------------------ */

int seg_lane_start(seg_lane *lane, int cpu)
{
	lane->cpu = cpu;
	int failure = pthread_create(&lane->thread, NULL, run, lane);
	lane->started = failure == 0;
	return failure;
}

bool seg_lane_reserve(seg_lane *lane, size_t count)
{
	seg_job *job = &lane->job;
	size_t room = job->room ? job->room : 16;
	if (count <= job->room)
		return true;
	while (room < count)
		room *= 2;
	seg_item **items = realloc(job->items, room * sizeof(seg_item *));
	if (items)
		job->items = items;
	seg_message *messages = realloc(job->messages, room * sizeof(*messages));
	if (messages)
		job->messages = messages;
	uint16_t *slots = realloc(job->slots, room * sizeof(*slots));
	if (slots)
		job->slots = slots;
	if (!items || !messages || !slots)
		return false;
	job->room = room;
	return true;
}

void seg_lane_give(seg_lane *lane)
{
	lane->busy = true;
	lane->job.handled = false;
	lane->job.done = 0;
	lane->job.reason = NULL;
	atomic_store_explicit(&lane->given, true, memory_order_release);
	seg_event_signal(&lane->event);
}

seg_lane *seg_lane_take_answered(seg_answered *answered)
{
	if (!atomic_load_explicit(&answered->newest, memory_order_relaxed))
		return NULL;
	return atomic_exchange_explicit(&answered->newest, NULL, memory_order_acquire);
}

void seg_lane_end(seg_lane *lane)
{
	atomic_store_explicit(&lane->ends, true, memory_order_release);
	seg_event_signal(&lane->event);
}

void seg_lane_hush(seg_lane *lane)
{
	atomic_store_explicit(&lane->quiet, true, memory_order_relaxed);
	seg_event_signal(&lane->event);
}

void seg_lane_join(seg_lane *lane)
{
	pthread_join(lane->thread, NULL);
	lane->started = false;
}
