#include "stream/flight.h"

#include "base/clock.h"
#include "base/error.h"
#include "stream/outcome.h"
#include "stream/record.h"

/* A connection that has so many bytes unsent gets no more: they would only fill memory. */
#define UNSENT_MAX ((size_t)1 << 20)

static seg_append append_of(const seg_producer *p, const seg_producer_batch *batch)
{
	return (seg_append){
		.partition = batch->partition,
		.producer = p->id,
		.sequence = batch->sequence + batch->done,
		.oldest = batch->oldest,
		.ttl_ms = p->ttl_ms,
		.records = batch->count - batch->done,
		.headers = batch->headers,
	};
}

/* --- answers ------------------------------------------------------------------ */

/* Sends the batch again, for the replicas' sake: the answer is DUP, and a WAIT follows. */
static void ask_again(seg_producer *p, seg_producer_batch *batch)
{
	seg_confirmation_leave(batch);
	batch->may_be_added = true;
	seg_outcome_release(p, batch, SEG_RELEASE_REST);
}

/* WAIT was answered for the batch. */
static void got_confirmation(void *arg, seg_producer_batch *batch, int64_t replicas, const char *why)
{
	seg_producer *p = arg;
	if (!batch->answered)
		return; /* its answer comes from another connection: then confirm_there */
	if (replicas < 0 && !why) {
		ask_again(p, batch);
		return;
	}
	seg_error error = {0};
	uint32_t wanted = p->stream->client->ack_replicas;
	bool confirmed = replicas >= (int64_t)wanted;
	if (!confirmed)
		seg_confirmation_explain(replicas, wanted, p->sender.confirm_timeout, why, &error);
	seg_append_answer answer = {.outcome = SEG_APPEND_ADDED,
				    .first = batch->first,
				    .added = batch->added};
	seg_outcome_added(p, batch, &answer, confirmed ? NULL : error.text);
}

/*
 * A cluster has redirected the append, or its WAIT could not be issued: only a WAIT behind the append confirms it, on the
 * connection that has answered. It is issued at once: later that connection may be another link.
 */
static void confirm_there(seg_producer *p, seg_producer_batch *batch)
{
	seg_confirmation *confirmation = NULL;
	seg_confirmation_leave(batch);
	seg_confirmation_add(&confirmation, seg_route_answering(p->sender.route), batch, got_confirmation, p);
	if (!confirmation ||
	    !seg_confirmation_ask(confirmation, p->stream->client->ack_replicas, p->sender.confirm_timeout))
		ask_again(p, batch);
}

/* The batch, or its first records, were added; with ack_replicas they count when WAIT was answered. */
static void hear_added(seg_producer *p, seg_producer_batch *batch, const seg_append_answer *answer)
{
	if (p->stream->client->ack_replicas == 0 || answer->added == 0) {
		seg_confirmation_leave(batch);
		seg_outcome_added(p, batch, answer, NULL);
		return;
	}
	batch->answered = true;
	batch->first = answer->first;
	batch->added = answer->added;
	if (!batch->confirmation || !seg_connection_is_answering(batch->confirmation->connection))
		confirm_there(p, batch);
}

static const char *log_of(const seg_producer *p, uint32_t partition, char key[SEG_KEY_MAX])
{
	seg_key_log(key, p->stream->client->name_space, p->stream->name, partition);
	return key;
}

static uint16_t slot_of(const seg_producer *p, uint32_t partition)
{
	char key[SEG_KEY_MAX];
	return seg_slot_of(log_of(p, partition, key));
}

/* A command that was never written has added nothing. */
static void note_loss(seg_producer *p, seg_producer_batch *batch)
{
	const seg_error *trouble = seg_route_error_for(p->sender.route, slot_of(p, batch->partition));
	p->sender.registration.at = 0; /* Redis may come back without data */
	bool unwritten = seg_route_lost_unwritten(p->sender.route);
	batch->may_be_added |= !unwritten;
	if (trouble->status && (unwritten || trouble->status == SEG_ENOMEM))
		batch->refusal = *trouble;
	else if (batch->refusal.status == SEG_ENOMEM)
		batch->refusal.status = 0;
}

static void got_answer(void *arg, const seg_reply *reply)
{
	seg_producer_batch *batch = arg;
	seg_producer *p = batch->owner;
	batch->waiting = false;
	if (batch->abandoned) {
		seg_outcome_release(p, batch, SEG_RELEASE_RECYCLE);
		return;
	}
	seg_error error;
	seg_append append = append_of(p, batch);
	seg_append_answer answer = seg_append_read(&append, reply, &error);
	if (answer.outcome != SEG_APPEND_ADDED)
		seg_confirmation_leave(batch);
	switch (answer.outcome) {
	case SEG_APPEND_ADDED:
		hear_added(p, batch, &answer);
		break;
	case SEG_APPEND_LOST:
		note_loss(p, batch);
		if (!batch->given_up)
			seg_outcome_release(p, batch, SEG_RELEASE_LOST);
		break;
	case SEG_APPEND_GAP:
		seg_outcome_release(p, batch, SEG_RELEASE_PUT_BACK);
		break;
	case SEG_APPEND_REFUSED:
		batch->refusal = error;
		seg_outcome_release(p, batch, SEG_RELEASE_REST);
		break;
	case SEG_APPEND_UNCLEAR:
	case SEG_APPEND_FAILED:
		batch->may_be_added |= answer.outcome == SEG_APPEND_UNCLEAR;
		seg_outcome_failed(p, batch, &error);
		break;
	}
}

/* --- sending ------------------------------------------------------------------ */

/* A batch keeps its number for all tries. */
static void number(seg_producer *p, seg_producer_batch *batch)
{
	uint64_t *next = &p->sender.sequences[batch->partition];
	if (batch->sequence == 0) {
		batch->sequence = *next + 1;
		*next += batch->count;
	}
	const seg_producer_batch *oldest = seg_accumulator_oldest(&p->shared.accumulator, batch->partition);
	batch->oldest = oldest->sequence + oldest->done;
}

static seg_connection *connection_of(seg_producer *p, const seg_producer_batch *batch)
{
	char key[SEG_KEY_MAX];
	return seg_route_connection(p->sender.route, log_of(p, batch->partition, key));
}

/* One WAIT for all batches that were issued since the last one. */
static void ask_replicas(seg_producer *p)
{
	seg_confirmation *asking = p->sender.asking;
	p->sender.asking = NULL;
	if (asking)
		seg_confirmation_ask(asking, p->stream->client->ack_replicas, p->sender.confirm_timeout);
}

/* The batch was issued on the connection; the next WAIT there is to confirm it. Else its answer asks again. */
static void await_replicas(seg_producer *p, seg_producer_batch *batch, seg_connection *connection)
{
	if (p->sender.asking && p->sender.asking->connection != connection)
		ask_replicas(p);
	batch->answered = false;
	seg_confirmation_add(&p->sender.asking, connection, batch, got_confirmation, p);
}

/* The call with the batch's records. False: out of memory. */
static bool build(seg_producer *p, seg_producer_batch *batch)
{
	seg_append_builder *builder = &p->sender.builder;
	seg_append append = append_of(p, batch);
	if (!seg_append_begin(builder, &append, p->stream))
		return false;
	for (size_t i = batch->done; i < batch->count; i++) {
		seg_record record = seg_producer_batch_record(batch, i);
		if (!seg_append_add(builder, &record))
			return false;
	}
	return true;
}

static bool issue(seg_producer *p, seg_producer_batch *batch)
{
	if (seg_route_is_cluster(p->sender.route) &&
	    !seg_route_ready_for(p->sender.route, slot_of(p, batch->partition))) {
		batch->refusal = *seg_route_error_for(p->sender.route, slot_of(p, batch->partition));
		return false;
	}
	number(p, batch);
	batch->owner = p;
	bool built = build(p, batch);
	batch->waiting = built ? seg_append_issue(&p->sender.builder, p->sender.route, got_answer, batch) : 0;
	if (!batch->waiting) {
		/* While the connection is there, nothing else keeps a batch from being issued. */
		if (!built || seg_route_ready(p->sender.route))
			seg_fail(&batch->refusal, SEG_ENOMEM, "out of memory for sending %zu records",
				 batch->count - batch->done);
		return false;
	}
	if (p->stream->client->ack_replicas > 0)
		await_replicas(p, batch, connection_of(p, batch));
	return true;
}

/* Whether the connection of the batch's partition cannot write as fast as batches come. */
static bool is_backed_up(seg_producer *p, const seg_producer_batch *batch)
{
	const seg_connection *connection = connection_of(p, batch);
	return connection && seg_connection_unsent(connection) >= UNSENT_MAX;
}

static seg_producer_batch *take_ready(seg_producer *p)
{
	pthread_mutex_lock(&p->shared.lock);
	seg_producer_batch *batch = seg_accumulator_take(&p->shared.accumulator, seg_now());
	pthread_mutex_unlock(&p->shared.lock);
	return batch;
}

static void got_registration(void *arg, const seg_reply *reply)
{
	seg_registration_answer(arg, reply);
}

/* Before the batch that comes next. */
static void ask_for_registration(seg_producer *p)
{
	seg_registration *r = &p->sender.registration;
	if (seg_registration_is_due(r))
		(void)seg_registration_ask(r, p->sender.route, got_registration, r);
}

/* The stream has another shape: the partition that the batch is for may not exist. */
static void refuse(seg_producer *p, seg_producer_batch *batch)
{
	seg_error error = p->sender.registration.refusal;
	seg_outcome_failed(p, batch, &error);
}

void seg_flight_send(seg_producer *p)
{
	seg_producer_batch *batch;
	while (seg_route_ready(p->sender.route) && (batch = take_ready(p))) {
		ask_for_registration(p);
		if (p->sender.registration.refusal.status)
			refuse(p, batch);
		else if (is_backed_up(p, batch))
			seg_outcome_release(p, batch, SEG_RELEASE_WAIT);
		else if (!issue(p, batch))
			seg_outcome_release(p, batch, SEG_RELEASE_REST);
	}
	ask_replicas(p);
}
