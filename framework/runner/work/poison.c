#include "work/poison.h"

#include "base/clock.h"
#include "work/calls.h"
#include "work/failure.h"

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

/* Notes in Redis that the message is about to be handled, or dead-letters it. */
static seg_step mark(seg_task *task, const seg_fetched *fetched, size_t *index)
{
	int64_t marked = 0;
	seg_request request = {
		.kind = SEG_REQUEST_MARK,
		.id = fetched->messages[*index].id,
		.sequence = fetched->sequence + *index,
	};
	if (seg_permission_await(task) == SEG_STEP_STOP ||
	    seg_handoff_ask(task->handoff, &request, &marked, task->setup->idle))
		return SEG_STEP_STOP;
	if (!seg_retry_deadly(&task->setup->retry, (uint32_t)marked))
		return SEG_STEP_DONE;
	return seg_failure_dead_letter(task, fetched, index, (uint32_t)marked - 1,
				       "the process died each time this message was handled");
}

static seg_step handle_in_turn(seg_task *task, const seg_fetched *fetched, size_t *index,
			       const seg_batch *batch, seg_answer *answer)
{
	size_t first = *index;
	if (mark(task, fetched, index) == SEG_STEP_STOP)
		return SEG_STEP_STOP;
	if (*index != first)
		return SEG_STEP_DONE;
	/* The lease may have ended while Redis answered: this waits for it once more. */
	if (seg_call_handle(task, batch, answer) == SEG_STEP_STOP)
		return SEG_STEP_STOP;
	if (answer->outcome == SEG_OUTCOME_DONE)
		seg_task_handled(task, fetched, first + 1);
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
