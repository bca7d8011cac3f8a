/*
 * letters.h - a bounded look at why a group's newest messages became dead letters: at most SEG_LETTERS_EACH letters of
 * each of at most SEG_LETTERS_PARTITIONS partitions, and of large ones fewer. The messages stay in Redis.
 */
#ifndef SEG_LOOK_LETTERS_H
#define SEG_LOOK_LETTERS_H

#include "look/reasons.h"
#include "look/snapshot.h"

enum { SEG_LETTERS_PARTITIONS = 64, SEG_LETTERS_EACH = 20 };

/*
 * Reads them of the snapshot's partitions that have letters, and counts them by reason, the commonest first. `deadline`:
 * seg_now() by which the call ends. 0, or a status with an error. Free the reasons in any case.
 */
int seg_letters_look(const seg_stream *stream, const char *group, const seg_group_snapshot *snapshot,
		     int64_t deadline, seg_reasons *reasons, seg_error *error);

#endif
