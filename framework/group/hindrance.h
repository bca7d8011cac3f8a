/*
 * hindrance.h - notes in Redis what keeps a partition from going on (partition/hindrance.h, lua/note.lua), so that segctl and the
 * page of any runner can show it. I/O thread.
 *
 * The note is fenced, so an owner that was replaced overwrites nothing of its successor's. At most one note a second is written
 * for a partition, always the newest. A note of a message is out of date once the position has passed the message. With lanes, how
 * many are busy and how many slots wait goes along; a change of these alone is written every other second at most.
 */
#ifndef SEG_GROUP_HINDRANCE_H
#define SEG_GROUP_HINDRANCE_H

#include "group/state.h"

/* A new ownership begins: nothing hinders it. */
void seg_hindrance_begin(seg_partition *partition);

/* For the hooks: since `since` (seg_now()), a call has not returned. id: its first message, or 0-0. `text` names it. */
void seg_hindrance_hangs(seg_partition *partition, seg_id id, int64_t since, const char *text);

/* For the hooks: that call has returned. */
void seg_hindrance_returned(seg_partition *partition);

/* Notes what the worker and the request tell, and sends what has changed. Returns when to call again (seg_now()). */
int64_t seg_hindrance_step(seg_partition *partition, int64_t now);

#endif
