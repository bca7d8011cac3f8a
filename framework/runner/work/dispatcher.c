#include "work/dispatcher.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/plural.h"
#include "base/random.h"
#include "work/failure.h"
#include "partition/inbox.h"
#include "partition/share.h"
#include "work/lane.h"
#include "work/lane_starter.h"
#include "work/permission.h"

struct seg_dispatcher {
	/* Constant. */
	seg_task *task;
	unsigned lane_count;
	seg_lane *lanes;

	seg_lane_starter starter; /* the worker thread's, but for what any thread may ask */

	/* The worker thread's. */
	seg_slots slots;
	seg_inbox inbox;
	seg_answered answered;
	unsigned opened;  /* lanes that are open */
	unsigned idle;    /* lanes in the list below: those that can have a job */
	uint16_t *idlers; /* the lane that worked last is last */
	bool stopping;    /* the runner is to end: nothing more is handed over */
	bool alone;       /* a lane has a message that may kill the process, and makes requests for it */
	seg_share share;
	struct {
		bool pending; /* the first letter of the slots is being written */
		unsigned request;
		uint32_t attempts;
	} letter;
	uint64_t shown; /* number of the message whose failure others see; UINT64_MAX: none */
};

/* --- its life: the I/O thread -------------------------------------------------------------- */

static seg_lane *make_lanes(seg_dispatcher *d)
{
	seg_lane *lanes = aligned_alloc(_Alignof(seg_lane), d->lane_count * sizeof(seg_lane));
	if (!lanes)
		return NULL;
	memset(lanes, 0, d->lane_count * sizeof(seg_lane));
	for (unsigned i = 0; i < d->lane_count; i++)
		seg_lane_init(&lanes[i], d->task, &d->answered, i);
	return lanes;
}

/* So that each lane can always have a job. */
static bool reserve(seg_dispatcher *d)
{
	for (unsigned i = 0; i < d->lane_count; i++)
		if (!seg_lane_reserve(&d->lanes[i], 1))
			return false;
	return true;
}

seg_dispatcher *seg_dispatcher_create(seg_task *task)
{
	const seg_task_setup *setup = task->setup;
	seg_dispatcher *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->task = task;
	d->lane_count = setup->parallel;
	d->shown = UINT64_MAX;
	seg_slots_init(&d->slots);
	seg_inbox_init(&d->inbox, task->handoff, &d->slots, task->beyond, setup->in_flight_bytes,
		       task->isolate_until);
	d->idlers = malloc(d->lane_count * sizeof(*d->idlers));
	d->lanes = make_lanes(d);
	seg_lane_starter_init(&d->starter, task, d->lanes, d->lane_count);
	if (d->idlers && d->lanes && reserve(d))
		return d;
	seg_dispatcher_destroy(d);
	return NULL;
}

void seg_dispatcher_destroy(seg_dispatcher *d)
{
	if (!d)
		return;
	for (unsigned i = 0; d->lanes && i < d->lane_count; i++)
		seg_lane_fini(&d->lanes[i]);
	seg_inbox_fini(&d->inbox);
	seg_slots_fini(&d->slots);
	free(d->lanes);
	free(d->idlers);
	free(d);
}

/* --- what the I/O thread looks at ------------------------------------------------------------ */

const seg_plugin_call *seg_dispatcher_call(const seg_dispatcher *d)
{
	const seg_plugin_call *oldest = &d->lanes[0].task.call;
	int64_t since = seg_plugin_call_since(oldest);
	for (unsigned i = 1; i < d->lane_count; i++) {
		const seg_plugin_call *call = &d->lanes[i].task.call;
		int64_t began = seg_plugin_call_since(call);
		if (began == 0 || (since != 0 && since <= began))
			continue;
		oldest = call;
		since = began;
	}
	return oldest;
}

seg_unserved *seg_dispatcher_unserved(seg_dispatcher *d)
{
	seg_unserved *found = &d->task->unserved;
	unsigned started = seg_lane_starter_started(&d->starter);
	if (seg_unserved_lasts(found))
		return found;
	for (unsigned i = 0; i < started; i++) {
		seg_unserved *lane = &d->lanes[i].task.unserved;
		if (seg_unserved_lasts(lane))
			return lane;
		if (!seg_unserved_is_served(lane))
			found = lane;
	}
	return found;
}

/* --- failures ---------------------------------------------------------------------------------- */

/* Lets others see the oldest message that has failed. */
static void show_failure(seg_dispatcher *d)
{
	const seg_item *oldest = seg_slots_oldest_failed(&d->slots);
	seg_task *task = d->task;
	d->shown = oldest ? oldest->number : UINT64_MAX;
	if (!oldest) {
		seg_task_end_retries(task);
		return;
	}
	const seg_slot_queue *slot = &d->slots.list[oldest->slot];
	seg_task_show_retry(task, oldest->message->id, slot->attempt, seg_failure_reason(slot->reason),
			    slot->next_at);
}

/* After a message that may have failed before is done. */
static void look_at_failures(seg_dispatcher *d, const seg_item *item)
{
	if (item->number == d->shown)
		show_failure(d);
}

static bool is_exhausted(const seg_dispatcher *d, const seg_item *item)
{
	return seg_retry_exhausted(&d->task->setup->retry, seg_slots_attempt(&d->slots, item));
}

/* The message failed: its slot waits for the next attempt. */
static void retry(seg_dispatcher *d, seg_job *job)
{
	seg_task *task = d->task;
	const seg_retry_policy *policy = &task->setup->retry;
	const seg_item *item = job->items[job->done];
	uint32_t attempt = seg_slots_attempt(&d->slots, item);
	int64_t wait = seg_backoff(policy->backoff, policy->backoff_max, attempt);
	char id[SEG_ID_TEXT_MAX];
	seg_log(&task->logger, SEG_LOG_WARNING,
		"message %s failed at attempt %" PRIu32 "; trying again in %" PRId64 " ms: %.300s",
		seg_id_format(item->message->id, id), attempt, wait / SEG_MS,
		seg_failure_reason(job->reason));
	atomic_fetch_add_explicit(&task->setup->counters->retries, 1, memory_order_relaxed);
	seg_slots_answer(&d->slots, job->items, job->count, job->done, SEG_VERDICT_RETRY, seg_now() + wait,
			 job->reason);
	job->reason = NULL;
	if (item->number <= d->shown)
		show_failure(d);
}

static void await_letter(seg_dispatcher *d, seg_job *job)
{
	seg_slots_answer(&d->slots, job->items, job->count, job->done, SEG_VERDICT_LETTER, 0, job->reason);
	job->reason = NULL;
}

/* --- answers ------------------------------------------------------------------------------------- */

static void stop_runner(seg_dispatcher *d, const seg_job *job)
{
	/* All of them may be done. */
	const seg_id *at = job->done < job->count ? &job->items[job->done]->message->id : NULL;
	if (d->stopping)
		return;
	d->stopping = true;
	d->task->setup->stop(d->task->setup->arg, &d->task->logger, at, seg_failure_reason(job->reason));
	for (unsigned i = 0; i < d->lane_count; i++)
		seg_lane_hush(&d->lanes[i]);
}

/* Does what the answer says about message `done`, and gives the slots back. */
static void decide(seg_dispatcher *d, seg_job *job)
{
	seg_outcome outcome = job->handled ? job->outcome : SEG_OUTCOME_DONE;
	switch (outcome) {
	case SEG_OUTCOME_RETRY:
		if (is_exhausted(d, job->items[job->done]))
			await_letter(d, job);
		else
			retry(d, job);
		return;
	case SEG_OUTCOME_DEAD_LETTER:
		await_letter(d, job);
		return;
	case SEG_OUTCOME_STOP:
		stop_runner(d, job);
		break;
	case SEG_OUTCOME_DONE:
		break;
	}
	seg_slots_answer(&d->slots, job->items, job->count, job->done, SEG_VERDICT_AGAIN, 0, NULL);
}

static void take_answer(seg_dispatcher *d, seg_lane *lane)
{
	seg_job *job = &lane->job;
	lane->busy = false;
	if (job->alone)
		d->alone = false;
	if (!job->handled)
		job->done = 0;
	else if (!job->alone)
		seg_share_note(&d->share, job->took, job->count);
	decide(d, job);
	for (size_t i = 0; i < job->done; i++) {
		look_at_failures(d, job->items[i]);
		seg_inbox_done(&d->inbox, job->items[i]);
	}
	free(job->reason);
	job->reason = NULL;
}

static bool take_answers(seg_dispatcher *d)
{
	seg_lane *lane = seg_lane_take_answered(&d->answered);
	bool any = lane != NULL;
	while (lane) {
		seg_lane *next = lane->next_answered;
		take_answer(d, lane);
		d->idlers[d->idle++] = (uint16_t)lane->number;
		lane = next;
	}
	return any;
}

/* Lanes whose partition_open has succeeded. */
static void look_for_open_lanes(seg_dispatcher *d)
{
	for (unsigned i = 0; d->opened < d->lane_count && i < d->lane_count; i++) {
		seg_lane *lane = &d->lanes[i];
		if (lane->is_open || !atomic_load_explicit(&lane->open, memory_order_acquire))
			continue;
		lane->is_open = true;
		d->opened++;
		d->idlers[d->idle++] = (uint16_t)i;
	}
}

/* --- dead letters ---------------------------------------------------------------------------------- */

/* Asks for the next letter, unless one is being written. While a lane is alone, the requests are the lane's. */
static void ask_for_letter(seg_dispatcher *d)
{
	if (d->letter.pending || d->alone || d->slots.letters == 0)
		return;
	seg_item *item = seg_slots_letter(&d->slots);
	/* The request may wait long for room, and its batch must not: the request gets a copy of what it must carry. */
	if (item->packed && !(item = seg_inbox_park(&d->inbox, item)))
		return;
	const seg_slot_queue *slot = &d->slots.list[item->slot];
	seg_fault fault = (seg_fault)item->fault;
	uint32_t deaths = fault == SEG_FAULT_DEADLY ? d->task->read_deaths : 0;
	d->letter.pending = true;
	d->letter.attempts = fault == SEG_FAULT_NONE ? slot->attempt : deaths;
	seg_request request = {
		.kind = SEG_REQUEST_DEAD_LETTER,
		.id = item->message->id,
		.sequence = item->number,
		.attempts = d->letter.attempts,
		.reason = fault == SEG_FAULT_NONE ? seg_failure_reason(slot->reason) : seg_fault_text(fault),
		.handler = d->task->setup->handler->name,
		.packed = item->packed ? item->message : NULL,
	};
	d->letter.request = seg_handoff_request(d->task->handoff, &request);
}

/* The letter is in Redis: the message counts as handled. */
static void letter_written(seg_dispatcher *d)
{
	seg_item *item = seg_slots_letter(&d->slots);
	const seg_slot_queue *slot = &d->slots.list[item->slot];
	seg_fault fault = (seg_fault)item->fault;
	char id[SEG_ID_TEXT_MAX];
	seg_log(&d->task->logger, SEG_LOG_WARNING,
		"dead-lettered message %s after %" PRIu32 " attempt%s: %.300s",
		seg_id_format(item->message->id, id), d->letter.attempts, seg_plural(d->letter.attempts),
		fault == SEG_FAULT_NONE ? seg_failure_reason(slot->reason) : seg_fault_text(fault));
	atomic_fetch_add_explicit(&d->task->setup->counters->handled, 1, memory_order_relaxed);
	seg_slots_letter_written(&d->slots);
	look_at_failures(d, item);
	seg_inbox_done(&d->inbox, item);
}

/* STOP: the letter was refused, because the worker must stop. */
static seg_step take_letter(seg_dispatcher *d)
{
	int status;
	int64_t value;
	if (!d->letter.pending || !seg_handoff_answered(d->task->handoff, d->letter.request, &status, &value))
		return SEG_STEP_DONE;
	d->letter.pending = false;
	if (status == 0)
		letter_written(d);
	return status == 0 ? SEG_STEP_DONE : SEG_STEP_STOP;
}

/* --- jobs --------------------------------------------------------------------------------------------- */

static void fill(seg_dispatcher *d, seg_lane *lane)
{
	seg_job *job = &lane->job;
	size_t most =
		seg_share_of(&d->share, d->slots.ready_messages, d->lane_count, d->task->setup->batch_size);
	/* With less room, the job is smaller. */
	if (!seg_lane_reserve(lane, most) && most > job->room)
		most = job->room;
	job->count = seg_slots_take(&d->slots, job->items, most,
				    seg_share_of_slots(d->slots.ready.count, d->lane_count));
	for (size_t i = 0; i < job->count; i++) {
		job->messages[i] = *job->items[i]->message;
		job->slots[i] = job->items[i]->slot;
	}
	job->attempt = seg_slots_attempt(&d->slots, job->items[0]);
	job->alone = job->items[0]->alone;
}

/* A message that may kill the process is handled while nothing else is: else it could be blamed for another one. */
static bool must_wait(const seg_dispatcher *d)
{
	bool busy = d->opened > d->idle;
	return d->alone || (seg_slots_next(&d->slots)->alone && (busy || d->letter.pending));
}

static bool hand_out(seg_dispatcher *d)
{
	bool any = false;
	while (d->idle > 0 && !d->stopping && d->slots.ready.count > 0) {
		if (must_wait(d))
			break;
		seg_lane *lane = &d->lanes[d->idlers[d->idle - 1]];
		fill(d, lane);
		d->idle--;
		d->alone = lane->job.alone;
		seg_lane_give(lane);
		any = true;
	}
	return any;
}

/* --- batches ------------------------------------------------------------------------------------------- */

static seg_step take_batch(seg_dispatcher *d, seg_fetched *fetched)
{
	seg_task *task = d->task;
	while (!seg_fetched_decode(fetched, task->setup->codec) || !seg_inbox_add(&d->inbox, fetched)) {
		seg_unserved_note(&task->unserved, SEG_SHORTAGE_MEMORY,
				  "out of memory for decoding messages");
		if (seg_permission_pause(task, seg_now() + SEG_MEMORY_PAUSE) == SEG_STEP_STOP)
			return SEG_STEP_STOP;
	}
	seg_unserved_end(&task->unserved);
	return SEG_STEP_DONE;
}

/* --- the duty cycle -------------------------------------------------------------------------------------- */

/* When to look again although nothing has happened. */
static int64_t due(const seg_dispatcher *d)
{
	bool short_of_memory = d->slots.letters > 0 && !d->letter.pending && !d->alone;
	int64_t at = short_of_memory ? seg_now() + SEG_MEMORY_PAUSE : SEG_NEVER,
		slot = seg_slots_due(&d->slots);
	at = slot < at ? slot : at;
	int64_t start = seg_lane_starter_due(&d->starter);
	return start < at ? start : at;
}

/* For the I/O thread, which shows them. */
static void publish(const seg_dispatcher *d)
{
	seg_handoff *handoff = d->task->handoff;
	atomic_store_explicit(&handoff->worker.slots_waiting, d->slots.blocked.count + d->slots.letters,
			      memory_order_relaxed);
	atomic_store_explicit(&handoff->worker.lanes_busy, d->opened - d->idle, memory_order_relaxed);
}

static void handle_fetched(seg_dispatcher *d)
{
	seg_handoff *handoff = d->task->handoff;
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		if (seg_permission_stops(d->task) || take_letter(d) == SEG_STEP_STOP)
			return;
		if (!d->stopping)
			seg_lane_starter_step(&d->starter);
		look_for_open_lanes(d);
		bool moved = take_answers(d);
		seg_fetched *fetched = seg_handoff_take(handoff);
		if (fetched && take_batch(d, fetched) == SEG_STEP_STOP)
			return;
		if (seg_slots_due(&d->slots) != INT64_MAX)
			seg_slots_wake(&d->slots, seg_now());
		moved |= hand_out(d);
		ask_for_letter(d);
		seg_inbox_give_back(&d->inbox);
		publish(d);
		if (!moved && !fetched)
			seg_handoff_wait(handoff, ticket, due(d), d->task->setup->idle);
	}
}

static bool all_over(const seg_dispatcher *d)
{
	for (unsigned i = 0; i < d->lane_count; i++)
		if (d->lanes[i].started && !atomic_load_explicit(&d->lanes[i].over, memory_order_acquire))
			return false;
	return true;
}

/* A lane whose thread the plugin has ended keeps its job: as if it had not been given. */
static void take_back_jobs(seg_dispatcher *d)
{
	for (unsigned i = 0; i < d->lane_count; i++)
		if (d->lanes[i].busy)
			take_answer(d, &d->lanes[i]);
}

/* The jobs in hand are finished; what is done counts. The letter that was asked for is answered, whatever was demanded. */
static void end_lanes(seg_dispatcher *d)
{
	seg_handoff *handoff = d->task->handoff;
	d->stopping = true;
	for (unsigned i = 0; i < d->lane_count; i++)
		if (d->lanes[i].started)
			seg_lane_end(&d->lanes[i]);
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		take_letter(d);
		take_answers(d);
		if (all_over(d) && !d->letter.pending)
			break;
		seg_handoff_wait(handoff, ticket, SEG_NEVER, SEG_IDLE_PARK);
	}
	for (unsigned i = 0; i < d->lane_count; i++)
		if (d->lanes[i].started)
			seg_lane_join(&d->lanes[i]);
	take_answers(d);
	take_back_jobs(d);
	d->opened = d->idle = 0;
	publish(d);
}

void seg_dispatcher_run(seg_dispatcher *d)
{
	handle_fetched(d);
	end_lanes(d);
	seg_task_end_retries(d->task);
}
