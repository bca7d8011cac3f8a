/*
 * poison.h - messages that may kill the process.
 *
 * Where owners of a partition died, any of the messages that were in flight may be to blame. Each of them is handled alone:
 * one at a time in the whole process, marked in Redis before, and committed before the next one begins. So a further death
 * is blamed on the right message, and after max_attempts the message is dead-lettered.
 */
#ifndef SEG_WORK_POISON_H
#define SEG_WORK_POISON_H

#include "work/permission.h"

/* Whether message `index` of those fetched may be to blame. */
bool seg_poison_is_suspect(const seg_task *task, const seg_fetched *fetched, size_t index);

/*
 * Waits for the turn, marks message *index, and hands over `batch`, which holds that message alone. If the message has
 * killed too many owners, it is dead-lettered instead: then *index moves past it, and there is no answer.
 */
seg_step seg_poison_handle(seg_task *task, const seg_fetched *fetched, size_t *index, const seg_batch *batch,
			   seg_answer *answer);

#endif
