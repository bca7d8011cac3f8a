/* rolling.h - clean restarts, one runner after the other, as in a deployment. Main thread only. */
#ifndef CHAOS_ROLLING_H
#define CHAOS_ROLLING_H

#include "chaos/faults.h"

/*
 * Stops the runners in turn with SIGTERM and starts each one again, `count` times in all. The next restart
 * begins when each steady slot owns its share of the partitions. Notes in the history when each restart
 * began. Returns how many restarts failed, with a message; gives up after the first failure.
 */
int chaos_rolling(chaos_world *world, size_t count, uint32_t partitions);

/* Waits until each steady slot owns its share; false after 10 s. */
bool chaos_rolling_settle(chaos_world *world, uint32_t partitions);

#endif
