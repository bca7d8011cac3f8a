/*
 * pollers.h - a pull consumer that several threads poll, each of which takes a while for each message, counts it and commits it.
 */
#ifndef SEGBENCH_WAYS_POLLERS_H
#define SEGBENCH_WAYS_POLLERS_H

#include "ways/workload.h"

typedef struct bench_pollers {
	const bench_workload *workload;
	const char *group;
	uint32_t parallel; /* see seg_consumer_options */
	uint32_t threads;
	int64_t delay; /* ns a message takes */
} bench_pollers;

/* Polls in a child process, until the caller kills the process. */
pid_t bench_pollers_start(bench_pollers *pollers);

#endif
