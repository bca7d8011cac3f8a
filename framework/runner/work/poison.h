/*
 * poison.h - messages that may kill the process.
 *
 * Where owners of a partition died, any of the messages that were in flight may be to blame. Each of them is handled alone:
 * one at a time in the whole process, marked in Redis before, and committed before the next one begins. So a further death
 * is blamed on the right message, and after max_attempts deaths the message is dead-lettered.
 *
 * The mark is in Redis before the handler begins. A second note says that it begins now; only with it does a death count. So an
 * owner that dies between the two, or is replaced while it lives, blames nobody. If the link to Redis fails at the moment in which
 * a message kills, that death does not count.
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
