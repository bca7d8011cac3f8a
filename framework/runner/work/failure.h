/*
 * failure.h - what becomes of a message that failed: another attempt, or the dead letters. Worker.
 *
 * `index` is the message's index among the fetched messages. `reason` may be NULL or empty.
 */
#ifndef SEG_WORK_FAILURE_H
#define SEG_WORK_FAILURE_H

#include "work/permission.h"

/* The reason, or a text that says that there is none. */
const char *seg_failure_reason(const char *reason);

/* The message failed: waits before its next attempt, or dead-letters it after its last one and moves *index past it. */
seg_step seg_failure_retry(seg_task *task, const seg_fetched *fetched, size_t *index, const char *reason);

/* Waits until Redis has moved the message to the dead letters, and moves *index past it. */
seg_step seg_failure_dead_letter(seg_task *task, const seg_fetched *fetched, size_t *index, uint32_t attempts,
				 const char *reason);

#endif
