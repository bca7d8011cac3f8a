/*
 * pauses.h - how long partitions paused while runners were restarted one after the other. Pure.
 *
 * A pause is the time from the return of one call of a handler to the start of the next call, in any process.
 * Records arrive all the time, so little else lies between two calls. The wait before a retry does not count,
 * because the handler asked for it.
 */
#ifndef CHAOS_PAUSES_H
#define CHAOS_PAUSES_H

#include "chaos/history.h"

/* For each restart and partition the longest pause, in us. */
typedef struct chaos_pauses {
	size_t moved, stayed; /* how many: partitions that a new owner opened, and all others */
	long moved_p50, moved_p99, moved_max;
	long stayed_p50, stayed_p99, stayed_max;
} chaos_pauses;

/* All 0 if there were no restarts. */
void chaos_pauses_measure(const chaos_history *history, chaos_pauses *pauses);

#endif
