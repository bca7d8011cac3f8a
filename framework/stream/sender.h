/*
 * sender.h - the asynchronous producer inside: what it shares between the threads that call it and its own
 * thread, the sender, which sends and receives.
 *
 * A partition has at most one batch in flight, so retries cannot reorder. A batch is resent under its
 * sequence as it was; given up, it is never resent, and the next batch of the partition has a higher
 * sequence, behind which Redis refuses the older one should it still be on its way.
 */
#ifndef SEG_STREAM_SENDER_H
#define SEG_STREAM_SENDER_H

#include <pthread.h>

#include "stream/accumulator.h"
#include "stream/append.h"
#include "stream/client.h"

/* For sleeping_until: the sender is not asleep. */
#define SEG_SENDER_AWAKE INT64_MIN

struct seg_producer {
	/* Constant after seg_producer_open. */
	seg_stream *stream;
	seg_producer_options options;
	char id[SEG_PRODUCER_ID_LENGTH + 1];
	int64_t ttl_ms;
	pthread_t thread;
	int wake_fd; /* an eventfd, written by whoever finds the sender asleep */

	/* Any thread's, under the lock. */
	struct {
		pthread_mutex_t lock;
		pthread_cond_t
			changed; /* there is more room, or a batch has met its fate; on CLOCK_MONOTONIC */
		seg_accumulator accumulator;
		int64_t sleeping_until; /* seg_now(), or SEG_SENDER_AWAKE */
		bool can_send;          /* the connection was ready when the sender went to sleep */
		bool closing;           /* takes no more records */
		bool stopping;          /* the sender gives up what is left, and ends */
		unsigned waiting;       /* threads in a wait for `changed` */
	} shared;

	/* The sender's own. */
	struct {
		seg_connection *connection;
		uint64_t sequence; /* of the newest batch */
		seg_append_builder builder;
		uint64_t failures; /* batches given up, for the log */
		bool left_some;    /* something had to be given up at the end; read after the join */
	} sender;
};

/* Starts the thread: 0, SEG_ENOMEM or SEG_ESYSTEM. */
int seg_sender_start(seg_producer *producer, seg_error *error);

/* Has it give up what is left, and waits for its end. */
void seg_sender_stop(seg_producer *producer);

/*
 * Whether the sender must be woken for what is there now; then seg_sender_wake is to be called. Under the
 * lock.
 */
bool seg_sender_oversleeps(seg_producer *producer, int64_t now);
void seg_sender_wake(seg_producer *producer);

#endif
