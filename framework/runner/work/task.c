#include "work/task.h"

#include <inttypes.h>

void seg_task_init(seg_task *task, const seg_task_setup *setup, seg_partition *partition)
{
	uint32_t before = seg_retry_deaths_before_isolation(&setup->retry);
	bool suspicious = seg_partition_is_suspicious(partition, before);
	*task = (seg_task){
		.setup = setup,
		.handoff = &partition->handoff,
		.logger = partition->logger,
		.partition = partition->number,
		.epoch = partition->own.epoch,
		.isolate_until = suspicious ? setup->isolate : 0,
		.suspect = partition->resume.suspect,
		.suspect_deaths = partition->resume.attempts,
		.deaths = seg_resume_deaths(&partition->resume, before),
		.read_deaths = partition->resume.read_deaths,
		.beyond = &partition->resume.beyond,
		.attempt = 1,
		.retrying = {.partition = partition->number},
	};
	seg_effects_init(&task->effects, &setup->effects, partition->values.store);
	seg_unserved_init(&task->unserved);
	seg_plugin_call_init(&task->call, setup->handler->name, task->partition);
	if (suspicious && partition->resume.crashes > 0)
		seg_log(&task->logger, SEG_LOG_WARNING,
			"owners of this partition died (%" PRIu32 " in a row); handling its next %" PRIu32
			" messages one at a time",
			partition->resume.crashes, setup->isolate);
	else if (suspicious)
		seg_log(&task->logger, SEG_LOG_WARNING,
			"a message of this partition may have killed an owner, and is not handled yet; handling its next %" PRIu32
			" messages one at a time",
			setup->isolate);
}

void seg_task_init_lane(seg_task *lane, const seg_task *task)
{
	*lane = *task;
	lane->of_lane = true;
	seg_effects_init(&lane->effects, &task->setup->effects, task->effects.store);
	seg_unserved_init(&lane->unserved);
	seg_plugin_call_init(&lane->call, task->setup->handler->name, task->partition);
}

void seg_task_fini(seg_task *task)
{
	seg_effects_fini(&task->effects);
}

bool seg_task_settle(seg_task *task, const seg_fetched *fetched, size_t count)
{
	seg_completion *completion;
	if (task->of_lane)
		return true;
	size_t done = (size_t)(fetched->sequence + count - task->handled);
	if (!seg_effects_end(&task->effects, done, &completion))
		return false;
	if (completion) {
		completion->begin = task->handled;
		completion->end = task->handled + done;
		seg_handoff_complete(task->handoff, completion);
	}
	if (done)
		seg_task_handled(task, fetched, count);
	return true;
}

void seg_task_handled(seg_task *task, const seg_fetched *fetched, size_t count)
{
	if (task->of_lane)
		return;
	uint64_t total = fetched->sequence + count;
	atomic_fetch_add_explicit(&task->setup->counters->handled, total - task->handled,
				  memory_order_relaxed);
	task->handled = total;
	seg_handoff_handled(task->handoff, total);
}

void seg_task_count_retry(seg_task *task, seg_id id, const char *reason, int64_t next_at)
{
	atomic_fetch_add_explicit(&task->setup->counters->retries, 1, memory_order_relaxed);
	seg_task_show_retry(task, id, task->attempt + 1, reason, next_at);
}

void seg_task_show_retry(seg_task *task, seg_id id, uint32_t attempt, const char *reason, int64_t next_at)
{
	if (task->attempt == 1)
		atomic_fetch_add_explicit(&task->setup->counters->retrying, 1, memory_order_relaxed);
	task->attempt = attempt;
	seg_hindrance what = {.kind = SEG_HINDRANCE_RETRY, .id = id, .number = attempt, .at = next_at};
	seg_hindrance_set_text(&what, reason);
	seg_hindered_note(task->setup->hindered, &task->retrying, &what);
	seg_handoff_tell_retry(task->handoff, &what);
}

void seg_task_end_retries(seg_task *task)
{
	if (task->attempt == 1)
		return;
	atomic_fetch_sub_explicit(&task->setup->counters->retrying, 1, memory_order_relaxed);
	seg_hindered_forget(task->setup->hindered, &task->retrying);
	task->attempt = 1;
}
