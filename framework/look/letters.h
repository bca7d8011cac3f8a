/*
 * letters.h - a bounded look at why a group's newest messages became dead letters: at most SEG_LETTERS_EACH letters of
 * each of at most SEG_LETTERS_PARTITIONS partitions, those with the lowest numbers, and no further letter of a partition
 * after SEG_LETTERS_BYTES. Reasons are cut as the library cuts its own. The messages stay in Redis.
 */
#ifndef SEG_LOOK_LETTERS_H
#define SEG_LOOK_LETTERS_H

#include "look/reasons.h"
#include "look/snapshot.h"

enum {
	SEG_LETTERS_PARTITIONS = 64,
	SEG_LETTERS_EACH = 20,
	SEG_LETTERS_BYTES = 1 << 20,
	SEG_LETTERS_REASON_BYTES = 1023
};

typedef struct seg_letters {
	seg_reasons reasons;      /* the commonest first */
	uint32_t partitions;      /* that have letters */
	uint32_t partitions_read; /* of these */
} seg_letters;

/*
 * Reads them of the snapshot's partitions that have letters, and counts them by reason. `deadline`: seg_now() by which
 * the call ends. 0, or a status with an error. Free the letters in any case.
 */
int seg_letters_look(const seg_stream *stream, const char *group, const seg_group_snapshot *snapshot,
		     int64_t deadline, seg_letters *letters, seg_error *error);

/* Leaves none. */
void seg_letters_free(seg_letters *letters);

#endif
