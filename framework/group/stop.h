/* stop.h - stops a member: drains its partitions, leaves the group, and lets its thread end. I/O thread. */
#ifndef SEG_GROUP_STOP_H
#define SEG_GROUP_STOP_H

#include "group/state.h"

/* Does the next step of a stop. Returns whether the thread may end. */
bool seg_stop_step(seg_member *member);

/* Whether the member pauses: it takes no partitions, and reports no release. */
bool seg_stop_pauses(const seg_member *member);

/* When SEG_STOP_NOW stops waiting for Redis (seg_now()); SEG_NEVER if it does not wait. */
int64_t seg_stop_deadline(const seg_member *member, int64_t now);

/* Whether seg_stop_step has something to do that it has not seen: a new stop, or an end. */
bool seg_stop_is_news(const seg_member *member);

#endif
