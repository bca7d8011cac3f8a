/*
 * group.h - waits for a state of a consumer group, as the group's keys in Redis show the state.
 *
 * Each wait ends the program if the state is not reached within HOST_PATIENCE_NS.
 */
#ifndef SEGBENCH_WAYS_GROUP_H
#define SEGBENCH_WAYS_GROUP_H

#include "ways/workload.h"

/* Waits until every partition has an owner. */
void bench_group_wait_claimed(const bench_workload *workload, const char *group);

/* The same for thousands of partitions of one server. */
void bench_group_wait_all_claimed(const bench_workload *workload, const char *group);

/* Waits until `members` members own the same number of partitions each. */
void bench_group_wait_shared(const bench_workload *workload, const char *group, uint32_t members);

/* Waits until the group has committed the last message of every partition. */
void bench_group_wait_committed(const bench_workload *workload, const char *group);

#endif
