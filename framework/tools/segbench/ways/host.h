/*
 * host.h - real segrunner processes with the no-op plugin, on a workload's stream.
 */
#ifndef SEGBENCH_WAYS_HOST_H
#define SEGBENCH_WAYS_HOST_H

#include "ways/way.h"

typedef struct bench_host_options {
	const char *group;
	const char *runner;   /* further lines of the section [runner], "" for none */
	const char *consumer; /* of the section [consumer] */
	const char *preload;  /* LD_PRELOAD, or NULL */
} bench_host_options;

/* Starts one; it dies with segbench. */
pid_t bench_host_start(const bench_workload *workload, const bench_host_options *options);

/* Asks it to stop, and waits until it has; returns its highest resident memory in bytes. */
uint64_t bench_host_stop(pid_t pid);

/* Waits until the group has committed every message that was ever added. */
void bench_host_wait_committed(const bench_workload *workload, const char *group);

/* Waits until every partition has an owner in the group. */
void bench_host_wait_claimed(const bench_workload *workload, const char *group);

/* Waits until so many members own an even share each. */
void bench_host_wait_shared(const bench_workload *workload, const char *group, uint32_t members);

/* Waits until so many messages have arrived. */
void bench_host_wait_arrived(const bench_workload *workload, uint64_t messages);

#endif
