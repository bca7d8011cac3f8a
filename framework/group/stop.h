/* stop.h - how a member ends: it drains its partitions, leaves the group, and its thread returns. I/O thread. */
#ifndef SEG_GROUP_STOP_H
#define SEG_GROUP_STOP_H

#include "group/state.h"

/* Does what a stop asks for next. Returns whether the thread may end. */
bool seg_stop_step(seg_member *member);

/* When a stop at once is over, if that is still to come; else SEG_NEVER. */
int64_t seg_stop_deadline(const seg_member *member, int64_t now);

/* Whether a stop was asked for, or can end, that seg_stop_step has not looked at. */
bool seg_stop_is_news(const seg_member *member);

#endif
