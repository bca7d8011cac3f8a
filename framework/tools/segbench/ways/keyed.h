/*
 * keyed.h - messages of many keys, and the rate at which they are handled. Without the time in which members start, and without the last
 * messages of single keys: the rate is that of the middle of a round.
 */
#ifndef SEGBENCH_WAYS_KEYED_H
#define SEGBENCH_WAYS_KEYED_H

#include "ways/workload.h"

/*
 * Fills each partition with the same number of messages: its own `keys` keys in turn, "key-0" and so on in the first one; but so many
 * percent of the messages have the key "hot".
 */
void bench_keyed_fill(bench_workload *workload, uint32_t keys, uint32_t hot);

/* Waits until so many messages have arrived, but for the last 15 %. Returns messages/s, without those of the first 10 %. */
double bench_keyed_rate(const bench_workload *workload, uint64_t messages);

#endif
