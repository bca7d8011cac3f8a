/* rolling.h - clean restarts, one runner after the other, as in a deployment. The main thread's. */
#ifndef CHAOS_ROLLING_H
#define CHAOS_ROLLING_H

#include "chaos/faults.h"

/*
 * Stops the runners in turn with SIGTERM and starts each again, `count` times in all, the next when each steady slot owns its
 * share of the partitions. Notes in the history when each began. Returns how many did not get there, with a message;
 * gives up after the first.
 */
int chaos_rolling(chaos_world *world, size_t count, uint32_t partitions);

/* Waits until each steady slot owns its share; false if that takes longer than 10 s. */
bool chaos_rolling_settle(chaos_world *world, uint32_t partitions);

#endif
