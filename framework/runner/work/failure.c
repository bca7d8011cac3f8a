#include "work/failure.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/plural.h"
#include "base/random.h"

const char *seg_failure_reason(const char *reason)
{
	return reason && *reason ? reason : "no reason given";
}

seg_step seg_failure_dead_letter(seg_task *task, const seg_fetched *fetched, size_t *index, uint32_t attempts,
				 const char *reason)
{
	char id[SEG_ID_TEXT_MAX];
	seg_request request = {
		.kind = SEG_REQUEST_DEAD_LETTER,
		.id = fetched->room.messages[*index].id,
		.sequence = fetched->sequence + *index,
		.attempts = attempts,
		.reason = seg_failure_reason(reason),
		.handler = task->setup->handler->name,
		.packed = seg_fetched_packed(fetched, *index),
	};
	if (seg_handoff_ask(task->handoff, &request, NULL, task->setup->idle))
		return SEG_STEP_STOP;
	seg_log(&task->logger, SEG_LOG_WARNING,
		"dead-lettered message %s after %" PRIu32 " attempt%s: %.300s", seg_id_format(request.id, id),
		attempts, seg_plural(attempts), request.reason);
	*index += 1;
	seg_task_handled(task, fetched, *index);
	seg_task_end_retries(task);
	return SEG_STEP_DONE;
}

seg_step seg_failure_retry(seg_task *task, const seg_fetched *fetched, size_t *index, const char *reason)
{
	const seg_retry_policy *policy = &task->setup->retry;
	char id[SEG_ID_TEXT_MAX];
	if (seg_retry_exhausted(policy, task->attempt))
		return seg_failure_dead_letter(task, fetched, index, task->attempt, reason);
	int64_t wait = seg_backoff(policy->backoff, policy->backoff_max, task->attempt);
	reason = seg_failure_reason(reason);
	seg_log(&task->logger, SEG_LOG_WARNING,
		"message %s failed at attempt %" PRIu32 "; trying again in %" PRId64 " ms: %.300s",
		seg_id_format(fetched->room.messages[*index].id, id), task->attempt, wait / SEG_MS, reason);
	int64_t next_at = seg_now() + wait;
	seg_task_count_retry(task, fetched->room.messages[*index].id, reason, next_at);
	return seg_permission_pause(task, next_at);
}
