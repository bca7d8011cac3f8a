/* claim.h - raises the fence of a partition that was assigned, and learns where to go on (lua/claim.lua). I/O thread. */
#ifndef SEG_GROUP_CLAIM_H
#define SEG_GROUP_CLAIM_H

#include "group/state.h"

/* Raises the fence under the ownership's epoch, if it is time; SEG_NOTE_CLAIMED comes with the answer. */
void seg_claim_step(seg_partition *partition, int64_t now);

#endif
