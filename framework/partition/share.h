/*
 * share.h - how many of the messages that wait one lane takes: a fair share, so that each lane finds something, but neither so few that it
 * costs more to hand them over than to handle them, nor so many that other lanes wait for work, and a stop for their end. Pure.
 */
#ifndef SEG_PARTITION_SHARE_H
#define SEG_PARTITION_SHARE_H

#include <stddef.h>
#include <stdint.h>

/* What is known about the cost of messages. Zeroed: nothing. */
typedef struct seg_share {
	double cost; /* ns a message */
} seg_share;

/* So many messages took so long, in ns. `count` is at least 1. */
void seg_share_note(seg_share *share, int64_t took, size_t count);

/* How many of `ready` messages the next of `lanes` lanes takes: 1 to `most`. */
size_t seg_share_of(const seg_share *share, uint64_t ready, unsigned lanes, size_t most);

/* Few keys are shared as well: of so many slots, one lane takes at most these. */
size_t seg_share_of_slots(size_t ready, unsigned lanes);

#endif
