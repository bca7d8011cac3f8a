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
 * STEP_PAUSE of agent.c. A partition whose values belong to another kind of `parallel` is not served.
 */
bool seg_value_load_step(seg_partition *partition, int64_t now);

/* The worker has stopped: the values are void. */
void seg_value_load_end(seg_partition *partition);

#endif
