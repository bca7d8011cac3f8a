/*
 * brief.h - brief rounds: where a member has many partitions awake, most rounds only read on.
 *
 * A full round looks at each partition, for whatever may have happened to it: about 250 ns each. When messages stream in, a round comes
 * with each reply, so with 256 partitions the looks took a third of the thread's time. Then rounds between two full ones only go on
 * with reads: of the partitions whose read has ended, or whose log has rung, since the round before. All else waits for the next
 * full round, which comes soon enough that this is not felt, and rarely enough that its looks take a sixteenth of the time.
 *
 * Rounds that do not follow each other so fast are all full ones; so are those after a kick of the waker, with notes to act on, and with few
 * partitions. The agent only.
 */
#ifndef SEG_GROUP_BRIEF_H
#define SEG_GROUP_BRIEF_H

#include "group/state.h"

/* 0 or SEG_ENOMEM. */
int seg_brief_init(seg_member *member);
void seg_brief_fini(seg_member *member);

/* The partition's read has ended, or its log has rung. */
void seg_brief_heard(seg_partition *partition);

/* Whether a brief round will do. kicked: the waker was kicked. */
bool seg_brief_suffices(const seg_member *member, bool kicked, int64_t now);

/* When the next round must be a full one. */
int64_t seg_brief_ends(const seg_member *member);

/* A full round begins. */
void seg_brief_end(seg_member *member, int64_t now);

/* The round has gone on with the partitions that were heard. */
void seg_brief_forget(seg_member *member);

#endif
