/*
 * receiver.h - the bare receiver of the latency experiment: one connection, blocked in XREAD of all
 * partitions. The receiver notes the latency of each message, from the time in the message (see sender.h) to
 * the message's arrival.
 */
#ifndef SEGBENCH_WAYS_RECEIVER_H
#define SEGBENCH_WAYS_RECEIVER_H

#include "ways/workload.h"

/* Receives in a child process, until the caller kills the process. */
pid_t bench_receiver_start(bench_workload *workload);

#endif
