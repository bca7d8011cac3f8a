#include "work/dispatch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/redact.h"
#include "plugin/answer.h"
#include "work/calls.h"
#include "work/failure.h"
#include "work/poison.h"

static seg_step stop_runner(seg_task *task, const seg_fetched *fetched, size_t index, const char *reason)
{
	/* All of them may be done. */
	const seg_id *at = index < fetched->batch.count ? &fetched->room.messages[index].id : NULL;
	task->setup->stop(task->setup->arg, &task->logger, at, seg_failure_reason(reason));
	/* The runner will demand a drain; until then nothing more is handled here. */
	seg_permission_pause(task, SEG_NEVER);
	return SEG_STEP_STOP;
}

/* A reason goes to the log, to Redis and to the page: without the secrets of an address, say. NULL without memory. */
static char *reason_of(seg_answer answer)
{
	return answer.outcome != SEG_OUTCOME_DONE && answer.reason ? seg_redact_copy(answer.reason) : NULL;
}

static seg_step act(seg_task *task, const seg_fetched *fetched, size_t *index, seg_outcome outcome,
		    const char *reason)
{
	switch (outcome) {
	case SEG_OUTCOME_DONE:
		return SEG_STEP_DONE;
	case SEG_OUTCOME_RETRY:
		return seg_failure_retry(task, fetched, index, reason);
	case SEG_OUTCOME_DEAD_LETTER:
		return seg_failure_dead_letter(task, fetched, index, task->attempt, reason);
	case SEG_OUTCOME_STOP:
		return stop_runner(task, fetched, *index, reason);
	}
	return SEG_STEP_STOP;
}

/* Does what the plugin answered to the `count` messages from *index on, and moves *index to the next message. */
static seg_step take_answer(seg_task *task, const seg_fetched *fetched, size_t *index, size_t count,
			    seg_answer answer)
{
	char invalid[SEG_ANSWER_TEXT_MAX];
	answer = seg_answer_check(answer, count, invalid, sizeof(invalid));
	answer = seg_call_cut(task, answer, &count);
	size_t done = answer.outcome == SEG_OUTCOME_DONE ? count : answer.index;
	if (seg_call_settle(task, fetched, *index + done) == SEG_STEP_STOP)
		return SEG_STEP_STOP;
	*index += done;
	if (done > 0)
		seg_task_end_retries(task);
	char *reason = reason_of(answer);
	seg_step step = act(task, fetched, index, (seg_outcome)answer.outcome, reason);
	free(reason);
	return step;
}

static seg_batch view_of(seg_task *task, const seg_fetched *fetched, size_t index, size_t count)
{
	seg_batch view = fetched->batch;
	view.messages += index;
	view.count = count;
	view.attempt = task->attempt;
	seg_effects_begin(&task->effects, &view, NULL);
	return view;
}

static seg_step dispatch_alone(seg_task *task, const seg_fetched *fetched, size_t *index)
{
	size_t first = *index;
	seg_batch view = view_of(task, fetched, first, 1);
	seg_answer answer = seg_done();
	if (seg_poison_handle(task, fetched, index, &view, &answer) == SEG_STEP_STOP)
		return SEG_STEP_STOP;
	if (*index != first)
		return SEG_STEP_DONE;
	return take_answer(task, fetched, index, 1, answer);
}

/* Hands over what comes at *index, and moves *index past what is done. */
static seg_step dispatch_next(seg_task *task, const seg_fetched *fetched, size_t *index)
{
	if (seg_fetched_is_done(fetched, *index, task->beyond)) {
		seg_task_handled(task, fetched, ++*index);
		return SEG_STEP_DONE;
	}
	seg_fault fault = (seg_fault)fetched->room.faults[*index];
	if (fault != SEG_FAULT_NONE)
		return seg_failure_dead_letter(task, fetched, index,
					       fault == SEG_FAULT_DEADLY ? task->read_deaths : 0,
					       seg_fault_text(fault));
	if (seg_poison_is_suspect(task, fetched, *index))
		return dispatch_alone(task, fetched, index);
	seg_batch view =
		view_of(task, fetched, *index, seg_fetched_run_end(fetched, *index, task->beyond) - *index);
	seg_answer answer;
	if (seg_call_handle(task, &view, &answer) == SEG_STEP_STOP)
		return SEG_STEP_STOP;
	return take_answer(task, fetched, index, view.count, answer);
}

seg_step seg_dispatch_fetched(seg_task *task, seg_fetched *fetched)
{
	while (!seg_fetched_decode(fetched, task->setup->codec)) {
		seg_unserved_note(&task->unserved, SEG_SHORTAGE_MEMORY,
				  "out of memory for decoding messages");
		if (seg_permission_pause(task, seg_now() + SEG_MEMORY_PAUSE) == SEG_STEP_STOP)
			return SEG_STEP_STOP;
	}
	seg_unserved_end(&task->unserved);
	for (size_t i = 0; i < fetched->batch.count;)
		if (dispatch_next(task, fetched, &i) == SEG_STEP_STOP)
			return SEG_STEP_STOP;
	return SEG_STEP_DONE;
}
