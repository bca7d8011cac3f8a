/*
 * calls.h - the calls of the plugin that a task makes. Each waits for permission first, and is noted while it lasts.
 *
 * After partition_open has succeeded, partition_close is called once, whatever comes in between. Worker.
 */
#ifndef SEG_WORK_CALLS_H
#define SEG_WORK_CALLS_H

#include "work/permission.h"

/* partition_open: tried until the plugin succeeds or the worker must stop. */
seg_step seg_call_open(seg_task *task);

/* handle: *answer is what the plugin returned. Not called if the worker must stop. */
seg_step seg_call_handle(seg_task *task, const seg_batch *batch, seg_answer *answer);

/*
 * handle has answered: the messages of `fetched` up to `count` are done, with what they emitted and changed. Waits for memory, if there is
 * none for that. If the worker must stop meanwhile, the messages do not count as done.
 */
seg_step seg_call_settle(seg_task *task, const seg_fetched *fetched, size_t count);

/*
 * A call that had no room for the outputs and changes of a message is over with the messages before it: the rest is handed over again,
 * which is no failure. A message that alone is too large has failed, whatever the plugin answered. Returns what counts as the answer, to
 * the first *count messages.
 */
seg_answer seg_call_cut(const seg_task *task, seg_answer answer, size_t *count);

/* tick, if it is due and permitted now. Does not wait. */
void seg_call_tick(seg_task *task);

/* When to call seg_call_tick again (seg_now()); SEG_NEVER if the plugin has no tick. */
int64_t seg_call_tick_due(const seg_task *task);

/*
 * The plugin has ended the task's thread, `whose` ("segrunner's worker thread"), with pthread_exit: its messages are not handled, and it
 * cannot be asked to close the partition. That is no clean end: the next owner must learn that an owner has died here, so that a message
 * that does it again and again becomes a dead letter. Returns once the partition is to be abandoned.
 */
void seg_call_ended_thread(seg_task *task, const char *whose);

/* partition_close: "released" while the lease is valid, or "lost". */
void seg_call_close(seg_task *task);

#endif
