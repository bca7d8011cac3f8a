/*
 * poller.h - libsegmenter's pull consumer as the receiver of an open loop, with the way to wait for messages that the
 * caller chooses. The poller notes the latency of each message (see sender.h).
 */
#ifndef SEGBENCH_WAYS_POLLER_H
#define SEGBENCH_WAYS_POLLER_H

#include "ways/workload.h"

typedef struct bench_poller {
	bench_workload *workload;
	const char *group;
	uint32_t block_most; /* see seg_doorbell_set_block_most */
} bench_poller;

/* Receives in a child process, until the caller kills the process. */
pid_t bench_poller_start(bench_poller *poller);

#endif
