/*
 * recall.h - what this member remembers of where the group was in a partition, for the case that Redis forgets it. I/O thread.
 *
 * It is only a hint, and Redis's word counts where Redis has one (lua/parts/open.lua). The newest owner knows best. The others wait
 * for half a session before they insist: within a third of it, each member has noticed that Redis has forgotten the group.
 */
#ifndef SEG_GROUP_RECALL_H
#define SEG_GROUP_RECALL_H

#include "group/state.h"

/* Arguments of the scripts open_group and claim. */
typedef struct seg_recall_texts {
	char hint[SEG_ID_TEXT_MAX];
	const char *sure;
} seg_recall_texts;

void seg_recall_write(seg_recall_texts *texts, const seg_partition *partition, int64_t now);

/* The group exists there; its position is not known. */
void seg_recall_seen(seg_partition *partition);

/* The group exists there, at this position. told: it was made again there, and the log says so. */
void seg_recall_position(seg_partition *partition, seg_id position, bool told);

/* This member owns the partition: from now on, the ledger has the position. */
void seg_recall_owned(seg_partition *partition);

/* Another member may have owned the partition since. */
void seg_recall_passed_on(seg_partition *partition);

/* Redis waits for a member that is sure. */
void seg_recall_unsure(seg_partition *partition, int64_t now);

#endif
