/*
 * confirmation.h - batches that wait for replicas (ack_replicas): one WAIT after their appends, on the same
 * connection, confirms them all. One thread.
 */
#ifndef SEG_STREAM_CONFIRMATION_H
#define SEG_STREAM_CONFIRMATION_H

#include "redis/connection.h"
#include "stream/accumulator.h"

/*
 * Gets each batch that is still in the confirmation, after it was taken out: so many replicas have it, or
 * -1: the question got no answer, with `why` if Redis refused it.
 */
typedef void (*seg_settle_fn)(void *arg, seg_producer_batch *batch, int64_t replicas, const char *why);

struct seg_confirmation {
	seg_connection *connection; /* of the appends, and of the WAIT */
	struct seg_batch_list batches;
	seg_settle_fn settle;
	void *arg;
};

/*
 * Adds a batch whose append was just issued on the connection, or has just been answered there, to *open, which is for
 * this connection, and allocated if NULL. Without memory it does nothing.
 */
void seg_confirmation_add(seg_confirmation **open, seg_connection *connection, seg_producer_batch *batch,
			  seg_settle_fn settle, void *arg);

/* Takes the batch out of its confirmation, if it is in one. */
void seg_confirmation_leave(seg_producer_batch *batch);

/*
 * Issues WAIT. The confirmation frees itself after the answer. False if the connection does not take the command;
 * then all batches have left it, and it is freed.
 */
bool seg_confirmation_ask(seg_confirmation *confirmation, uint32_t replicas, int64_t timeout);

/* That a record was added, and that Redis refused WAIT with `why`; returns SEG_EUNKNOWN. */
int seg_confirmation_refused(const char *why, seg_error *error);

/* Why records that were added count as SEG_EUNKNOWN: too few replicas, or WAIT was refused with `why`. */
int seg_confirmation_explain(int64_t replicas, uint32_t wanted, int64_t timeout, const char *why,
			     seg_error *error);

#endif
