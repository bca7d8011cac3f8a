/*
 * retry_note.h - publishes why a partition's next message keeps failing (lua/note.lua), so that segctl and the page of any runner
 * can show it. I/O thread.
 *
 * At most one note a second for a partition, and none is repeated: the next failure brings the next note.
 */
#ifndef SEG_GROUP_RETRY_NOTE_H
#define SEG_GROUP_RETRY_NOTE_H

#include "group/state.h"

/* Sends the worker's newest note, if there is one. Returns when it must be called again (seg_now()). */
int64_t seg_retry_note_step(seg_partition *partition, int64_t now);

#endif
