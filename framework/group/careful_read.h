/*
 * careful_read.h - reads after deaths that no handler's message explains. I/O thread.
 *
 * An entry may kill its reader, most often because it needs more memory than the process may have. So after such deaths the
 * entries that may have been in flight are read one at a time, each only when those before it are handled. A note in Redis goes
 * out on the same connection right before the read, and one that ends it after the read. A death between the two counts against
 * the entry after that position. After enough of them the entry is a faulty message, and its content is not read any more.
 */
#ifndef SEG_GROUP_CAREFUL_READ_H
#define SEG_GROUP_CAREFUL_READ_H

#include "group/state.h"

/* An ownership begins. */
void seg_careful_read_begin(seg_partition *partition);

/*
 * Whether the next read must wait until what was read before is handled, and until no message under suspicion is handled
 * (partition/exclusion.h). Lowers *next to the time of the next look.
 */
bool seg_careful_read_waits(seg_partition *partition, int64_t now, int64_t *next);

/* A read is about to begin; false: it must wait. Whatever becomes of the read, it leaves. */
bool seg_careful_read_enter(seg_partition *partition);
void seg_careful_read_leave(seg_partition *partition);

/* One entry is about to be read: notes that in Redis. Returns whether the entry is given up. */
bool seg_careful_read_start(seg_partition *partition);

/* The read brought so many messages. */
void seg_careful_read_finish(seg_partition *partition, size_t messages);

#endif
