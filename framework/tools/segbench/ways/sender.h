/*
 * sender.h - sends messages at a fixed rate whatever becomes of them (an open loop), each with the time it
 * was sent at in its first bytes.
 *
 * That time is when the sender woke up for the message; or, where it was late because what is measured held
 * it up, when the message was due. So a stall counts for every message that was due in it, and a late wake-up
 * of the sender itself does not count.
 */
#ifndef SEGBENCH_WAYS_SENDER_H
#define SEGBENCH_WAYS_SENDER_H

#include "ways/workload.h"

typedef enum {
	SENDER_XADD,     /* XADD on a plain connection */
	SENDER_SEND,     /* seg_stream_send */
	SENDER_PRODUCER, /* seg_producer_send, without lingering */
} bench_sender_kind;

typedef struct bench_sender {
	bench_workload *workload;
	bench_sender_kind kind;
	uint32_t rate;     /* messages a second, over the partitions in turn */
	uint64_t warm_up;  /* so many first ones without a time: their latency is not noted */
	uint64_t messages; /* and so many after them */
} bench_sender;

/* Sends in a process of its own, which ends when all have been added. */
pid_t bench_sender_start(bench_sender *sender);

/* The time in a message's data, 0 for none. */
int64_t bench_sender_stamp(const void *data, size_t length);

#endif
