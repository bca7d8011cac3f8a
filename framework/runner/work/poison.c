#include "work/poison.h"

#include "base/clock.h"
#include "partition/exclusion.h"
#include "work/calls.h"
#include "work/failure.h"

/* Between two looks whether the reads are over: they take a round trip. */
#define READS_PAUSE SEG_MS

bool seg_poison_is_suspect(const seg_task *task, const seg_fetched *fetched, size_t index)
{
	return fetched->sequence + index < task->isolate_until;
}

/* Leaves the queue if the worker must stop. */
static seg_step await_turn(seg_task *task)
{
	seg_turn_join(&task->turn, task->handoff);
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(task->handoff);
		if (seg_turn_has_come(&task->turn))
			return SEG_STEP_DONE;
		if (seg_permission_stops(task)) {
			seg_turn_leave(&task->turn);
			return SEG_STEP_STOP;
		}
		seg_handoff_wait(task->handoff, ticket, SEG_NEVER, task->setup->idle);
	}
}

static uint32_t deaths_of(const seg_task *task, seg_id id)
{
	return seg_id_compare(id, task->suspect) == 0 ? task->suspect_deaths : task->deaths;
}

static seg_step ask(seg_task *task, seg_request_kind kind, const seg_fetched *fetched, size_t index)
{
	seg_id id = fetched->room.messages[index].id;
	seg_request request = {
		.kind = kind,
		.id = id,
		.sequence = fetched->sequence + index,
		.attempts = deaths_of(task, id),
	};
	bool stops = seg_permission_await(task) == SEG_STEP_STOP ||
		     seg_handoff_ask(task->handoff, &request, NULL, task->setup->idle);
	return stops ? SEG_STEP_STOP : SEG_STEP_DONE;
}

/* Notes in Redis that the message is about to be handled alone, and then that the handler begins. */
static seg_step mark(seg_task *task, const seg_fetched *fetched, size_t index)
{
	if (ask(task, SEG_REQUEST_MARK, fetched, index) == SEG_STEP_STOP)
		return SEG_STEP_STOP;
	return ask(task, SEG_REQUEST_BEGIN, fetched, index);
}

/* Before the next partition has its turn: if its message kills the process, this one must not be blamed. */
static void note_end(seg_task *task, const seg_fetched *fetched, size_t index)
{
	seg_request request = {.kind = SEG_REQUEST_END,
			       .id = fetched->room.messages[index].id,
			       .sequence = fetched->sequence + index};
	seg_handoff_ask(task->handoff, &request, NULL, task->setup->idle);
}

/* While an entry is read that may be to blame as well, nothing is handled that may be. */
static seg_step await_reads(const seg_task *task)
{
	while (!seg_exclusion_handle_begin())
		if (seg_permission_pause(task, seg_now() + READS_PAUSE) == SEG_STEP_STOP)
			return SEG_STEP_STOP;
	return SEG_STEP_DONE;
}

static seg_step handle_in_turn(seg_task *task, const seg_fetched *fetched, size_t *index,
			       const seg_batch *batch, seg_answer *answer)
{
	size_t first = *index;
	uint32_t deaths = deaths_of(task, fetched->room.messages[first].id);
	if (seg_retry_deadly(&task->setup->retry, deaths))
		return seg_failure_dead_letter(
			task, fetched, index, deaths,
			"the process died, or was ended after handler_timeout, each time this message was handled");
	seg_step step = await_reads(task);
	if (step == SEG_STEP_DONE)
		step = mark(task, fetched, first);
	/* The lease may have ended while Redis answered: this waits for it once more. */
	bool calls = step == SEG_STEP_DONE;
	if (calls)
		step = seg_call_handle(task, batch, answer);
	seg_exclusion_handle_end();
	if (calls)
		note_end(task, fetched, first);
	if (step == SEG_STEP_STOP)
		return SEG_STEP_STOP;
	if (answer->outcome == SEG_OUTCOME_DONE && seg_effects_fitting(&task->effects, 1) == 1)
		return seg_call_settle(task, fetched, first + 1);
	return SEG_STEP_DONE;
}

seg_step seg_poison_handle(seg_task *task, const seg_fetched *fetched, size_t *index, const seg_batch *batch,
			   seg_answer *answer)
{
	if (await_turn(task) == SEG_STEP_STOP)
		return SEG_STEP_STOP;
	seg_step step = handle_in_turn(task, fetched, index, batch, answer);
	seg_turn_leave(&task->turn);
	return step;
}
