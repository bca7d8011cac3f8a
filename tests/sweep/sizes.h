/* sizes.h - how much the scenarios of the sweep send and consume, and what the sweep shares with a run. */
#ifndef TEST_SWEEP_SIZES_H
#define TEST_SWEEP_SIZES_H

#include <stdatomic.h>

enum { SWEEP_PARTITIONS = 2, SWEEP_BATCHES = 10, SWEEP_BATCH = 5 };

#define SWEEP_GROUP "g"

/* A file that a run maps. */
typedef struct {
	_Atomic char open; /* while it is 0, no call counts and none fails */
	atomic_long calls; /* about how many calls have counted */
} sweep_board;

#endif
