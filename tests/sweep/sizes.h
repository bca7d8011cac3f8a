/* sizes.h - how much the scenarios of the sweep send and consume. */
#ifndef TEST_SWEEP_SIZES_H
#define TEST_SWEEP_SIZES_H

enum { SWEEP_PARTITIONS = 2, SWEEP_BATCHES = 10, SWEEP_BATCH = 5 };

#define SWEEP_GROUP "g"

#endif
