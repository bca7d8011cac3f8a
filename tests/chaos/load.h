/* load.h - a producer that never stops: bursts of records of many keys, and what became of each. Has a thread of its own. */
#ifndef CHAOS_LOAD_H
#define CHAOS_LOAD_H

#include "chaos/history.h"

typedef struct chaos_load chaos_load;

/*
 * Registers the stream "chaos" through the proxy at `port` and begins to send `burst` records each pause_ms. NULL, with a
 * message, if it cannot.
 */
chaos_load *chaos_load_start(int port, uint32_t partitions, int burst, int pause_ms);

/*
 * Stops sending and waits until the fate of every record is known; adds them to the history. NULL is allowed. Returns 1,
 * with a message, if any was given up: Redis is never away for as long as that takes.
 */
int chaos_load_stop(chaos_load *load, chaos_history *history);

#endif
