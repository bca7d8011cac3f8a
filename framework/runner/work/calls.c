#include "work/calls.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/random.h"

/* The pause after partition_open has failed; doubled for each further failure. */
#define OPEN_BACKOFF (100 * SEG_MS)
#define OPEN_BACKOFF_MAX (30 * SEG_SECOND)

static const seg_id no_message = {0, 0};

static int open_once(seg_task *task, char *error, size_t size)
{
	const seg_task_setup *setup = task->setup;
	seg_plugin_call_begin(&task->call, "partition_open", no_message);
	int failure = setup->handler->partition_open(setup->plugin, task->partition, task->epoch,
						     &task->state, error, size);
	seg_plugin_call_end(&task->call);
	error[size - 1] = '\0';
	return failure;
}

seg_step seg_call_open(seg_task *task)
{
	const seg_handler *handler = task->setup->handler;
	for (unsigned attempt = 1; handler->partition_open; attempt++) {
		char error[256] = "";
		if (seg_permission_await(task) == SEG_STEP_STOP)
			return SEG_STEP_STOP;
		if (open_once(task, error, sizeof(error)) == 0)
			break;
		seg_unserved_note(&task->unserved, SEG_SHORTAGE_OPEN,
				  error[0] ? error : "partition_open fails");
		seg_waker_kick(task->handoff->waker);
		int64_t wait = seg_backoff(OPEN_BACKOFF, OPEN_BACKOFF_MAX, attempt);
		seg_log(&task->logger, SEG_LOG_ERROR,
			"plugin %s cannot open the partition; trying again in %" PRId64 " ms: %s",
			handler->name, wait / SEG_MS, error[0] ? error : "no reason given");
		if (seg_permission_pause(task, seg_now() + wait) == SEG_STEP_STOP)
			return SEG_STEP_STOP;
	}
	seg_unserved_end(&task->unserved);
	task->tick_at = seg_now() + task->setup->tick;
	return SEG_STEP_DONE;
}

seg_step seg_call_handle(seg_task *task, const seg_batch *batch, seg_answer *answer)
{
	if (seg_permission_await_room(task) == SEG_STEP_STOP || seg_permission_await(task) == SEG_STEP_STOP)
		return SEG_STEP_STOP;
	seg_plugin_call_begin(&task->call, "handle", batch->messages[0].id);
	*answer = task->setup->handler->handle(task->setup->plugin, task->state, batch);
	/* The call's begin was noted already: measuring costs only this one look at the clock. */
	seg_durations_add(&task->setup->counters->handling, seg_now() - seg_plugin_call_since(&task->call));
	seg_plugin_call_end(&task->call);
	return SEG_STEP_DONE;
}

seg_step seg_call_settle(seg_task *task, const seg_fetched *fetched, size_t count)
{
	bool waited = false;
	for (; !seg_task_settle(task, fetched, count); waited = true) {
		seg_unserved_note(&task->unserved, SEG_SHORTAGE_MEMORY,
				  "out of memory for what the handler has emitted and changed");
		if (seg_permission_pause(task, seg_now() + SEG_MEMORY_PAUSE) == SEG_STEP_STOP) {
			seg_effects_drop(&task->effects);
			return SEG_STEP_STOP;
		}
	}
	if (waited)
		seg_unserved_end(&task->unserved);
	return SEG_STEP_DONE;
}

seg_answer seg_call_cut(const seg_task *task, seg_answer answer, size_t *count)
{
	size_t done = answer.outcome == SEG_OUTCOME_DONE ? *count : answer.index;
	size_t fitting = task->effects.full_at;
	if (done < fitting || (fitting == 0 && done == 0))
		return answer;
	if (fitting == 0)
		return seg_retry(0, task->effects.refusal);
	if (answer.outcome == SEG_OUTCOME_STOP)
		return seg_stop(fitting, answer.reason);
	*count = fitting;
	return seg_done();
}

void seg_call_tick(seg_task *task)
{
	const seg_task_setup *setup = task->setup;
	if (!setup->handler->tick || seg_now() < task->tick_at || !seg_permission_given(task))
		return;
	seg_plugin_call_begin(&task->call, "tick", no_message);
	setup->handler->tick(setup->plugin, task->state);
	seg_plugin_call_end(&task->call);
	task->tick_at = seg_now() + setup->tick;
}

int64_t seg_call_tick_due(const seg_task *task)
{
	return task->setup->handler->tick ? seg_permission_look_at(task, task->tick_at) : SEG_NEVER;
}

void seg_call_ended_thread(seg_task *task, const char *whose)
{
	char reason[SEG_PLUGIN_CALL_THREAD_END_MAX];
	seg_plugin_call_describe_thread_end(&task->call, whose, reason);
	seg_plugin_call_lose(&task->call);
	seg_turn_leave(&task->turn);
	task->setup->stop(task->setup->arg, &task->logger, NULL, reason);
	seg_permission_await_abandon(task);
}

void seg_call_close(seg_task *task)
{
	const seg_task_setup *setup = task->setup;
	if (!setup->handler->partition_close)
		return;
	seg_close_reason reason = seg_permission_await_close(task);
	seg_plugin_call_begin(&task->call, "partition_close", no_message);
	setup->handler->partition_close(setup->plugin, task->state, reason);
	seg_plugin_call_end(&task->call);
}
