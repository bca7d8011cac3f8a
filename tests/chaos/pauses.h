/*
 * pauses.h - for how long partitions were not handled while runners were restarted one after the other. Pure.
 *
 * A pause is the time between the return of one call of a handler and the start of the next, in whatever process. Records
 * come all the time, so between calls there is little else; where a handler asked to be given a message again it is
 * left out, since that wait is wanted.
 */
#ifndef CHAOS_PAUSES_H
#define CHAOS_PAUSES_H

#include "chaos/history.h"

/* Of each restart and partition the longest pause, in us. */
typedef struct chaos_pauses {
	size_t moved, stayed; /* how many: partitions that were opened anew, and the others */
	long moved_p50, moved_p99, moved_max;
	long stayed_p50, stayed_p99, stayed_max;
} chaos_pauses;

/* All 0 without restarts. */
void chaos_pauses_measure(const chaos_history *history, chaos_pauses *pauses);

#endif
