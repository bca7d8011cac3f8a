/*
 * value_load.h - reads the values that handlers have kept for a partition from Redis, before the first message of an ownership
 * (lua/values.lua). I/O thread.
 *
 * The claim has raised the fence before, so nobody else changes them meanwhile. They are read in steps of about 1 MiB, on the data link.
 */
#ifndef SEG_GROUP_VALUE_LOAD_H
#define SEG_GROUP_VALUE_LOAD_H

#include "group/state.h"

/* A new ownership begins; partition->claim.values says whether there are values. */
void seg_value_load_begin(seg_partition *partition);

/*
 * Whether partition->values.store holds all values, so that a worker may start. If not, reads on; call it again after the next answer, or
 * STEP_PAUSE of agent.c. A partition whose values belong to another kind of `parallel` is not served; nor one
 * that has values, by a member that keeps none.
 */
bool seg_value_load_step(seg_partition *partition, int64_t now);

/* A commit has succeeded: shows to other threads how much there is. */
void seg_value_load_show(seg_partition *partition);

/* How much this member keeps for a partition of its own. False: it has no such partition, or keeps nothing. Any thread. */
bool seg_value_load_look(const seg_member *member, uint32_t partition, uint64_t *bytes, uint64_t *count);

/* The worker has stopped: the values are void. */
void seg_value_load_end(seg_partition *partition);

#endif
