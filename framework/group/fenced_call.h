/*
 * fenced_call.h - what commits, dead letters and marks have in common: they bear the owner's epoch, and Redis refuses them
 * once a later owner has raised the fence. I/O thread.
 */
#ifndef SEG_GROUP_FENCED_CALL_H
#define SEG_GROUP_FENCED_CALL_H

#include "group/state.h"

/* The texts of a call's arguments. */
typedef struct seg_fenced_texts {
	char epoch[24];
	char id[SEG_ID_TEXT_MAX];
	char count[24]; /* what the group has read then; of packed streams with an r before it; -1: unknown */
} seg_fenced_texts;

/* For the position `id`, which is `count` messages of this ownership. */
void seg_fenced_write(seg_fenced_texts *texts, const seg_partition *partition, seg_id id, uint64_t count);

/* Whether a call may be sent: Redis is there, and no pause after a refusal is under way. */
bool seg_fenced_may_send(const seg_partition *partition, int64_t now);

/*
 * Judges the answer to a call of this ownership: true if Redis did it. Else the ownership is over (seg_note_fenced), or the
 * call is to be sent again from fenced_call.retry_at on. `what` names the call in the log.
 */
bool seg_fenced_succeeded(seg_partition *partition, const seg_reply *reply, const char *what);

/* A new ownership, or a release that need not wait. */
void seg_fenced_begin(seg_partition *partition);

#endif
