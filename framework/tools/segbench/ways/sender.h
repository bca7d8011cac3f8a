/*
 * sender.h - sends messages at a fixed rate, in an open loop: the sender does not wait for the receiver. The
 * first bytes of each message hold a time.
 *
 * This time is when the sender woke up for the message. If an earlier send delayed the sender, this time is
 * when the message was due. So a stall counts for every message that was due during the stall, and a late
 * wake-up of the sender does not count.
 */
#ifndef SEGBENCH_WAYS_SENDER_H
#define SEGBENCH_WAYS_SENDER_H

#include "ways/workload.h"

typedef enum {
	SENDER_XADD,     /* XADD on a bench_pipe */
	SENDER_SEND,     /* seg_stream_send */
	SENDER_PRODUCER, /* seg_producer_send, linger_us = 0 */
} bench_sender_kind;

typedef struct bench_sender {
	bench_workload *workload;
	bench_sender_kind kind;
	uint32_t rate;     /* messages/s; the messages go to the partitions in turn */
	uint64_t warm_up;  /* the number of first messages, which hold no time */
	uint64_t messages; /* the number of messages after the warm-up */
} bench_sender;

/* Sends in a child process, which ends when Redis has added all messages. */
pid_t bench_sender_start(bench_sender *sender);

/* The time in a message's data, on the clock of tally_now(); 0 for none. */
int64_t bench_sender_stamp(const void *data, size_t length);

#endif
