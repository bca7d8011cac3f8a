/* claim.h - raises the fence of an assigned partition, and reads the position to resume from (lua/claim.lua). I/O thread. */
#ifndef SEG_GROUP_CLAIM_H
#define SEG_GROUP_CLAIM_H

#include "group/state.h"

/* Sends the claim under the ownership's epoch if no pause is under way. The answer takes SEG_NOTE_CLAIMED. */
void seg_claim_step(seg_partition *partition, int64_t now);

#endif
