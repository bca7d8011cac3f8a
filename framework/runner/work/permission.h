/*
 * permission.h - when a worker may call the plugin: while the lease is valid and nobody demands that it stop.
 *
 * Every wait here ends when the I/O thread demands a drain, or that the partition be abandoned.
 */
#ifndef SEG_WORK_PERMISSION_H
#define SEG_WORK_PERMISSION_H

#include "base/clock.h"
#include "work/task.h"

/* The pause when a step runs out of memory, before it is tried again. */
#define SEG_MEMORY_PAUSE (100 * SEG_MS)

/* How a step of a worker ended. */
typedef enum seg_step {
	SEG_STEP_DONE,
	SEG_STEP_STOP, /* the worker must stop */
} seg_step;

/* Whether the plugin may be called now. */
bool seg_permission_given(const seg_task *task);

/* Whether the I/O thread demands that the worker stop. */
bool seg_permission_stops(const seg_task *task);

/* Waits until the plugin may be called. Logs a warning if the lease is over. */
seg_step seg_permission_await(const seg_task *task);

/* Waits until Redis has so much of the outputs and changes of earlier calls that the next call may bring forth more. */
seg_step seg_permission_await_room(const seg_task *task);

/* Waits until the lease is valid, even if a drain was demanded, or the partition is lost: says why it is to be closed. */
seg_close_reason seg_permission_await_close(const seg_task *task);

/* Waits until the partition is to be abandoned, so that it is not released as by a worker that has ended well. */
void seg_permission_await_abandon(const seg_task *task);

/* Waits until `until` (seg_now()); SEG_NEVER: only for a demand. */
seg_step seg_permission_pause(const seg_task *task, int64_t until);

/* When to wake up for something that is due at `due`, but may have to wait for the lease. */
int64_t seg_permission_look_at(const seg_task *task, int64_t due);

#endif
