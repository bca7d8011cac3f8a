/* position.h - positions in a partition's log: before and after a message, and at a distance. */
#ifndef CTL_POSITION_H
#define CTL_POSITION_H

#include "batch.h"

/* The id just before; 0-0 for 0-0. */
seg_id ctl_id_before(seg_id id);

/* The next id of the same millisecond; the id itself if it is the last one. */
seg_id ctl_id_after(seg_id id);

/* The id that a reply is; false, and *id unchanged, if the reply is no text or no id. NULL is allowed. */
bool ctl_id_read(const seg_reply *reply, seg_id *id);

/* The position that `start` stands for in a log whose newest message is `newest`. */
seg_id ctl_position_of_start(const seg_start *start, seg_id newest);

/*
 * Adds a walk (framework/lua/walk.lua): at most `steps` messages after `from` (direction "+") or before it ("-"). The
 * messages stay in Redis. ctl_walk_read reads the reply.
 */
void ctl_walk_add(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number, const char *log, seg_id from,
		  const char *direction, int64_t steps);

/* The number of messages passed. *id: the last of them; unchanged if there was none. */
int64_t ctl_walk_read(const seg_reply *reply, seg_id *id);

#endif
