/*
 * producer_state.h - the state of an asynchronous producer, and who may touch which part of it.
 *
 * producer.c takes the records of the application's threads. The sender (sender.h) is the thread that sends them: flight.h issues
 * batches and reads the answers, outcome.h tells what became of each record. While it sleeps, another thread may do a part of its
 * work (loan.h).
 */
#ifndef SEG_STREAM_PRODUCER_STATE_H
#define SEG_STREAM_PRODUCER_STATE_H

#include <pthread.h>

#include "stream/accumulator.h"
#include "stream/append.h"
#include "stream/client.h"
#include "stream/confirmation.h"

/* sleeping_until while the sender is awake. */
#define SEG_SENDER_AWAKE INT64_MIN

struct seg_producer {
	/* Constant after seg_producer_open. */
	seg_stream *stream;
	seg_producer_options options;
	char id[SEG_PRODUCER_ID_LENGTH + 1];
	int64_t ttl_ms;
	pthread_t thread;
	int wake_fd; /* an eventfd; a thread that finds the sender asleep writes it */

	/* Of all threads, under the lock. */
	struct {
		pthread_mutex_t lock;
		pthread_cond_t changed; /* more room, or a batch with its outcome; on CLOCK_MONOTONIC */
		seg_accumulator accumulator;
		int64_t sleeping_until; /* seg_now() at which the sender wakes up, or SEG_SENDER_AWAKE */
		bool can_send;          /* the connection was ready when the sender went to sleep */
		bool lent;              /* another thread acts as the sender, until it signals `returned` */
		int64_t lent_until;     /* while lent: when the sender's thread wakes up by itself */
		pthread_cond_t returned;
		bool closing;     /* seg_producer_close has begun: no more records */
		bool stopping;    /* the sender gives up the remaining records and ends */
		unsigned waiting; /* threads in a wait for `changed` */
	} shared;

	/* Of the sender's thread alone. */
	struct {
		seg_poll_set polled;
		bool was_woken; /* its newest sleep ended with an event */
	} thread_own;

	/* Of the sender: its thread while it is awake, or the borrower of loan.h. */
	struct {
		seg_route *route;
		uint64_t *sequences; /* for each partition: of its newest record */
		seg_append_builder builder;
		seg_registration registration;
		seg_confirmation *asking; /* of the batches issued since the newest WAIT, or NULL */
		int64_t confirm_timeout;  /* ns that a WAIT may take */
		uint64_t failures;        /* batches given up, for the log */
		bool left_some; /* records were given up at the end; others read this after the join */
	} sender;
};

#endif
