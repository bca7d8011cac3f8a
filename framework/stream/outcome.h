/*
 * outcome.h - what became of the records of a batch: tells the application, and hands the batch back to the accumulator. Of the
 * sender's thread.
 */
#ifndef SEG_STREAM_OUTCOME_H
#define SEG_STREAM_OUTCOME_H

#include "stream/producer_state.h"

typedef enum seg_release_kind {
	SEG_RELEASE_PUT_BACK, /* it goes again at once */
	SEG_RELEASE_LOST,     /* the connection was lost: it goes again, alone */
	SEG_RELEASE_WAIT,     /* its connection is backed up: it goes after a moment */
	SEG_RELEASE_REST,     /* it was refused: it goes again after a pause, longer each time */
	SEG_RELEASE_FINISH,   /* all its records have an outcome */
	SEG_RELEASE_ABANDON,  /* the same, but its answer is still due */
	SEG_RELEASE_RECYCLE   /* the answer of an abandoned batch has come */
} seg_release_kind;

/* Hands a held batch back to the accumulator. Takes the lock. */
void seg_outcome_release(seg_producer *producer, seg_producer_batch *batch, seg_release_kind kind);

/*
 * The first answer->added of the records that are left are in the log. unconfirmed: the reason why they do not count as
 * acknowledged, or NULL. The rest of the batch did not fit: it waits or fails, as wait_when_full says. Releases the batch.
 */
void seg_outcome_added(seg_producer *producer, seg_producer_batch *batch, const seg_append_answer *answer,
		       const char *unconfirmed);

/* The records that are left fail with the error; SEG_EUNKNOWN if an earlier try may have added them. Releases the batch. */
void seg_outcome_failed(seg_producer *producer, seg_producer_batch *batch, seg_error *error);

/* Only tells the application that the records that are left have failed. The caller releases the batch. */
void seg_outcome_deliver_failure(seg_producer *producer, seg_producer_batch *batch, const seg_error *error);

#endif
