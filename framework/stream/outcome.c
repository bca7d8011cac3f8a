#include "stream/outcome.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

/* The pause before a refused batch is sent again, as seg_backoff draws it. */
#define REST_BASE (5 * SEG_MS)
#define REST_CAP (250 * SEG_MS)

/* A batch for a connection that is backed up looks again after the pause. */
#define UNSENT_PAUSE (2 * SEG_MS)

/* Gives the next n records of the batch their outcome. */
static void deliver(seg_producer *p, seg_producer_batch *batch, size_t n, int status, seg_id first,
		    const char *text)
{
	seg_delivery delivery = {.status = status, .partition = batch->partition, .text = text};
	for (size_t i = 0; i < n && p->options.delivery; i++) {
		delivery.opaque = batch->records[batch->done + i].opaque;
		if (status == SEG_OK)
			delivery.id = (seg_id){first.ms, first.seq + i};
		p->options.delivery(p->options.delivery_arg, &delivery);
	}
	batch->done += n;
}

/* Without a delivery callback, failures are logged: at the 1st, 2nd, 4th, 8th ... failed batch. */
static void log_failure(seg_producer *p, size_t records, const char *text)
{
	uint64_t n = ++p->sender.failures;
	if (!p->options.delivery && (n & (n - 1)) == 0)
		seg_log(&p->stream->logger, SEG_LOG_WARNING,
			"%zu records failed (failed batch %" PRIu64 "): %s", records, n, text);
}

void seg_outcome_deliver_failure(seg_producer *p, seg_producer_batch *batch, const seg_error *error)
{
	log_failure(p, batch->count - batch->done, error->text);
	deliver(p, batch, batch->count - batch->done, error->status, (seg_id){0, 0}, error->text);
}

void seg_outcome_release(seg_producer *p, seg_producer_batch *batch, seg_release_kind kind)
{
	seg_accumulator *a = &p->shared.accumulator;
	pthread_mutex_lock(&p->shared.lock);
	switch (kind) {
	case SEG_RELEASE_PUT_BACK:
		seg_accumulator_put_back(a, batch);
		break;
	case SEG_RELEASE_LOST:
		seg_accumulator_lost(a, batch);
		break;
	case SEG_RELEASE_WAIT:
		seg_accumulator_rest(a, batch, seg_now() + UNSENT_PAUSE);
		break;
	case SEG_RELEASE_REST:
		seg_accumulator_rest(a, batch,
				     seg_now() + seg_backoff(REST_BASE, REST_CAP, ++batch->refusals));
		break;
	case SEG_RELEASE_FINISH:
		seg_accumulator_finish(a, batch);
		break;
	case SEG_RELEASE_ABANDON:
		batch->abandoned = true;
		seg_accumulator_abandon(a, batch);
		break;
	case SEG_RELEASE_RECYCLE:
		seg_accumulator_recycle(a, batch);
		break;
	}
	if (p->shared.waiting > 0 &&
	    (kind == SEG_RELEASE_FINISH || kind == SEG_RELEASE_ABANDON || kind == SEG_RELEASE_RECYCLE))
		pthread_cond_broadcast(&p->shared.changed);
	pthread_mutex_unlock(&p->shared.lock);
}

void seg_outcome_added(seg_producer *p, seg_producer_batch *batch, const seg_append_answer *answer,
		       const char *unconfirmed)
{
	if (unconfirmed && answer->added > 0)
		log_failure(p, answer->added, unconfirmed);
	deliver(p, batch, answer->added, unconfirmed ? SEG_EUNKNOWN : SEG_OK, answer->first, unconfirmed);
	if (batch->done == batch->count) {
		seg_outcome_release(p, batch, SEG_RELEASE_FINISH);
		return;
	}
	if (answer->added > 0)
		batch->refusals = 0;
	batch->may_be_added = false;
	seg_append_full(p->stream, batch->partition, &batch->refusal);
	if (p->options.wait_when_full) {
		seg_outcome_release(p, batch, SEG_RELEASE_REST);
	} else {
		seg_outcome_deliver_failure(p, batch, &batch->refusal);
		seg_outcome_release(p, batch, SEG_RELEASE_FINISH);
	}
}

void seg_outcome_failed(seg_producer *p, seg_producer_batch *batch, seg_error *error)
{
	if (batch->may_be_added)
		error->status = SEG_EUNKNOWN;
	seg_outcome_deliver_failure(p, batch, error);
	seg_outcome_release(p, batch, SEG_RELEASE_FINISH);
}
