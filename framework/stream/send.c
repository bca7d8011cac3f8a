/*
 * The blocking sends. A call sorts its records into lanes, one for each partition. All lanes send at the same
 * time; each has several chunks in flight, and Redis adds a chunk only right after the one before it. If an
 * answer is lost, the lane sends the chunk again under the same sequence, so Redis never adds it twice.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "stream/append.h"
#include "stream/client.h"
#include "stream/confirmation.h"
#include "stream/exchange.h"
#include "stream/record.h"
#include "stream/replicas.h"

#define CHUNK_RECORDS 256
#define CHUNK_BYTES ((size_t)1 << 20)

/* A lane has so many chunks in flight, and, unless it is only one, CHUNK_BYTES. */
enum { LANE_CHUNKS = 8 };

typedef struct seg_sending seg_sending;
typedef struct lane lane;

typedef struct {
	lane *lane;
	size_t begin; /* of its records in `order` */
	size_t bytes;
	seg_append append;
	bool waiting;      /* it is sent, its answer is due */
	bool may_be_added; /* an answer to it was lost or unclear */
	bool done;         /* its records have their outcomes */
} chunk;

/* The records of one partition: order[begin..end). */
struct lane {
	seg_sending *sending;
	uint32_t partition;
	size_t begin, end;
	size_t next;               /* the first record in no chunk yet */
	uint64_t sequence;         /* of the lane's first record; 0: not taken yet */
	int status;                /* why the lane sends no more; 0: it does */
	seg_append added;          /* the newest chunk that was added; no records: none */
	chunk chunks[LANE_CHUNKS]; /* a ring, oldest first */
	unsigned oldest, count;
};

typedef struct {
	uint32_t partition;
	size_t index; /* in the caller's array */
} place;

struct seg_sending {
	seg_exchange exchange; /* the first member: issue gets its address */
	seg_stream *stream;
	const seg_record *records;
	seg_send_result *results;
	place *order; /* by partition, then as given */
	lane *lanes;
	size_t lane_count;
	seg_append_builder builder;
	seg_error failure; /* the first error that ended a lane */
	seg_error refusal; /* another shape is registered; status 0: none is, or it is not known */
	bool heard;        /* Redis has answered what is registered */
};

/* --- sorting into lanes ------------------------------------------------------ */

static int compare_places(const void *a, const void *b)
{
	const place *x = a, *y = b;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static bool make_lanes(seg_sending *sending, size_t count)
{
	uint32_t partitions = sending->stream->shape.partitions;
	sending->order = calloc(count, sizeof(*sending->order));
	if (!sending->order)
		return false;
	for (size_t i = 0; i < count; i++) {
		const seg_record *record = &sending->records[i];
		uint32_t partition = seg_partition_of(record->key, record->key_length, partitions);
		sending->order[i] = (place){partition, i};
		sending->results[i] = (seg_send_result){.status = SEG_EUNREACHABLE, .partition = partition};
	}
	qsort(sending->order, count, sizeof(*sending->order), compare_places);
	for (size_t i = 0; i < count; i++)
		sending->lane_count +=
			i == 0 || sending->order[i].partition != sending->order[i - 1].partition;
	sending->lanes = calloc(sending->lane_count, sizeof(*sending->lanes));
	if (!sending->lanes)
		return false;
	lane *l = sending->lanes;
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && sending->order[i].partition != sending->order[i - 1].partition)
			l++;
		if (!l->sending)
			*l = (lane){.sending = sending,
				    .begin = i,
				    .next = i,
				    .partition = sending->order[i].partition};
		l->end = i + 1;
	}
	return true;
}

/* --- issuing ----------------------------------------------------------------- */

static const seg_record *record_at(const seg_sending *sending, size_t i)
{
	return &sending->records[sending->order[i].index];
}

static chunk *chunk_at(lane *l, unsigned i)
{
	return &l->chunks[(l->oldest + i) % LANE_CHUNKS];
}

static size_t bytes_in_flight(lane *l)
{
	size_t bytes = 0;
	for (unsigned i = 0; i < l->count; i++)
		bytes += chunk_at(l, i)->bytes;
	return bytes;
}

/* Fills the chunk with as many records as fit, at least one. */
static void gather(lane *l, chunk *c)
{
	const seg_sending *sending = l->sending;
	size_t most = CHUNK_RECORDS;
	if (most > sending->stream->shape.partition_size)
		most = (size_t)sending->stream->shape.partition_size;
	while (c->append.records < most && l->next < l->end) {
		const seg_record *record = record_at(sending, l->next);
		size_t bytes = seg_record_bytes(record);
		if (c->append.records > 0 && c->bytes + bytes > CHUNK_BYTES)
			break;
		c->bytes += bytes;
		c->append.headers += record->header_count;
		c->append.records++;
		l->next++;
	}
}

/* The lane's next chunk, or NULL: nothing is left, or enough is in flight. */
static chunk *next_chunk(lane *l)
{
	seg_client *client = l->sending->stream->client;
	if (l->next == l->end || l->count == LANE_CHUNKS ||
	    (l->count > 0 && bytes_in_flight(l) >= CHUNK_BYTES))
		return NULL;
	if (l->sequence == 0)
		l->sequence = seg_client_take_sequences(client, l->end - l->begin);
	chunk *c = chunk_at(l, l->count++);
	*c = (chunk){.lane = l,
		     .begin = l->next,
		     .append = {.partition = l->partition,
				.producer = client->producer_id,
				.sequence = l->sequence + (l->next - l->begin),
				.ttl_ms = seg_append_ttl_ms(client->timeout)}};
	gather(l, c);
	return c;
}

static void got_answer(void *arg, const seg_reply *reply);

/*
 * The sequence that Redis shall still know. With ack_replicas, also the last record of the chunk before: only then the newest
 * chunk, which the replicas are asked for, shows that no failover has lost an earlier one.
 */
static uint64_t oldest_of(const chunk *c)
{
	lane *l = c->lane;
	uint64_t oldest = chunk_at(l, 0)->append.sequence;
	bool follows = l->sending->stream->client->ack_replicas > 0 && l->added.records > 0;
	return follows && oldest == c->append.sequence ? oldest - 1 : oldest;
}

static bool issue_chunk(chunk *c, seg_route *route)
{
	seg_sending *sending = c->lane->sending;
	seg_append_builder *builder = &sending->builder;
	c->append.oldest = oldest_of(c);
	if (!seg_append_begin(builder, &c->append, sending->stream))
		return false;
	for (size_t i = 0; i < c->append.records; i++)
		if (!seg_append_add(builder, record_at(sending, c->begin + i)))
			return false;
	if (!seg_append_issue(builder, route, got_answer, c))
		return false;
	c->waiting = true;
	sending->exchange.waiting++;
	return true;
}

/* Issues new chunks, as far as the lane may have them in flight. */
static bool fill_lane(lane *l, seg_route *route)
{
	for (chunk *c; (c = next_chunk(l));)
		if (!issue_chunk(c, route))
			return false;
	return true;
}

static void got_registration(void *arg, const seg_reply *reply)
{
	seg_sending *sending = arg;
	seg_registration *r = &sending->stream->registration;
	seg_exchange_counted(&sending->exchange);
	seg_registration_answer(r, reply);
	sending->heard |= reply != NULL;
	sending->refusal = r->refusal;
	atomic_store_explicit(&sending->stream->refused, r->refusal.status != 0, memory_order_relaxed);
}

static void ask_for_registration(seg_sending *sending, seg_route *route)
{
	seg_registration *r = &sending->stream->registration;
	sending->exchange.waiting += seg_registration_ask(r, route, got_registration, sending);
}

/* Asks for nothing else: another shape was registered when this was asked last. */
static bool issue_registration(seg_exchange *exchange, seg_route *route)
{
	seg_sending *sending = (seg_sending *)exchange;
	ask_for_registration(sending, route);
	return true;
}

static bool issue_lanes(seg_exchange *exchange, seg_route *route)
{
	seg_sending *sending = (seg_sending *)exchange;
	const seg_registration *r = &sending->stream->registration;
	if (seg_registration_is_due(r) && seg_registration_is_reached(r, route))
		ask_for_registration(sending, route);
	for (size_t i = 0; i < sending->lane_count; i++) {
		lane *l = &sending->lanes[i];
		if (l->status)
			continue;
		for (unsigned at = 0; at < l->count; at++)
			if (!chunk_at(l, at)->waiting && !issue_chunk(chunk_at(l, at), route))
				return false;
		if (!fill_lane(l, route))
			return false;
	}
	return true;
}

/* --- answers ----------------------------------------------------------------- */

static void set_statuses(const seg_sending *sending, size_t begin, size_t end, int status)
{
	for (size_t i = begin; i < end; i++)
		sending->results[sending->order[i].index].status = status;
}

/* Gives all records without an outcome theirs. */
static void end_lane(lane *l, int status)
{
	if (l->status)
		status = l->status;
	for (unsigned i = 0; i < l->count; i++) {
		const chunk *c = chunk_at(l, i);
		if (!c->done)
			set_statuses(l->sending, c->begin, c->begin + c->append.records,
				     c->may_be_added ? SEG_EUNKNOWN : status);
	}
	set_statuses(l->sending, l->next, l->end, status);
}

/* The lane sends no more. Chunks in flight still get their outcomes. */
static void stop_lane(lane *l, int status)
{
	if (l->status == 0)
		l->status = status;
}

static void forget_done_chunks(lane *l)
{
	while (l->count > 0 && chunk_at(l, 0)->done) {
		l->oldest = (l->oldest + 1) % LANE_CHUNKS;
		l->count--;
	}
}

static void take_added(chunk *c, const seg_append_answer *answer)
{
	lane *l = c->lane;
	seg_sending *sending = l->sending;
	for (size_t i = 0; i < answer->added; i++)
		sending->results[sending->order[c->begin + i].index] =
			(seg_send_result){.status = SEG_OK,
					  .partition = l->partition,
					  .id = {answer->first.ms, answer->first.seq + i}};
	c->done = true;
	if (answer->added > 0)
		l->added = c->append;
	if (answer->added < c->append.records) {
		seg_append_full(sending->stream, l->partition, &sending->failure);
		set_statuses(sending, c->begin + answer->added, c->begin + c->append.records, SEG_EFULL);
		stop_lane(l, SEG_EFULL);
	}
	forget_done_chunks(l);
	if (l->status == 0 && !fill_lane(l, sending->stream->client->route))
		sending->exchange.again = true;
}

static void got_answer(void *arg, const seg_reply *reply)
{
	chunk *c = arg;
	seg_sending *sending = c->lane->sending;
	seg_error error;
	seg_append_answer answer = seg_append_read(&c->append, reply, &error);
	c->waiting = false;
	switch (answer.outcome) {
	case SEG_APPEND_ADDED:
		take_added(c, &answer);
		break;
	case SEG_APPEND_LOST:
		if (!seg_route_lost_unwritten(sending->stream->client->route))
			c->may_be_added = true;
		sending->exchange.again = true;
		break;
	case SEG_APPEND_GAP:
		if (c == chunk_at(c->lane, 0)) {
			seg_fail(
				&sending->failure, SEG_EUNKNOWN,
				"Redis has lost records of this call that it had added: a failover, probably");
			stop_lane(c->lane, SEG_EUNKNOWN);
		} else {
			sending->exchange.again = true;
		}
		break;
	case SEG_APPEND_REFUSED:
		sending->exchange.failure = error;
		sending->exchange.again = true;
		break;
	case SEG_APPEND_UNCLEAR:
		c->may_be_added = true;
		sending->failure = error;
		stop_lane(c->lane, SEG_EPROTOCOL);
		break;
	case SEG_APPEND_FAILED:
		sending->failure = error;
		stop_lane(c->lane, error.status);
		break;
	}
	/* At the end, so that the exchange has not finished before a chunk issued above is counted. */
	seg_exchange_counted(&sending->exchange);
}

/* --- the calls --------------------------------------------------------------- */

/* Returns the status of the first record that was not added, with a sentence. */
static int sum_up(const seg_sending *sending, size_t count, const seg_error *outcome, seg_error *error)
{
	for (size_t i = 0; i < count; i++) {
		int status = sending->results[i].status;
		if (status == 0)
			continue;
		bool is_lanes = outcome->status == 0 || status == sending->failure.status;
		const char *reason = is_lanes ? sending->failure.text : outcome->text;
		return seg_fail(error, status, "cannot send to stream \"%s\": %.380s%s",
				sending->stream->name, reason,
				status == SEG_EUNKNOWN && sending->stream->client->ack_replicas == 0
					? "; it may have been added"
					: "");
	}
	return 0;
}

/* --- waiting for replicas ------------------------------------------------------ */

/* What was added in the lane is not confirmed. */
static void doubt_lane(const lane *l)
{
	for (size_t i = l->begin; i < l->end; i++) {
		seg_send_result *result = &l->sending->results[l->sending->order[i].index];
		if (result->status == SEG_OK)
			result->status = SEG_EUNKNOWN;
	}
}

static size_t count_added(const seg_sending *sending)
{
	size_t count = 0;
	for (size_t i = 0; i < sending->lane_count; i++)
		count += sending->lanes[i].added.records > 0;
	return count;
}

/* One check for each lane that has added something. */
static void list_checks(const seg_sending *sending, seg_replica_check *checks)
{
	for (size_t i = 0; i < sending->lane_count; i++)
		if (sending->lanes[i].added.records > 0)
			*checks++ = (seg_replica_check){.append = sending->lanes[i].added, .replicas = -1};
}

static void judge(seg_sending *sending, const seg_replica_check *checks, const seg_error *trouble)
{
	const seg_client *client = sending->stream->client;
	size_t at = 0;
	for (size_t i = 0; i < sending->lane_count; i++) {
		const lane *l = &sending->lanes[i];
		if (l->added.records == 0)
			continue;
		int64_t replicas = checks[at++].replicas;
		if (replicas >= (int64_t)client->ack_replicas)
			continue;
		doubt_lane(l);
		if (trouble->status == SEG_EUNKNOWN)
			sending->failure = *trouble;
		else if (trouble->status == SEG_EAUTH || trouble->status == SEG_ESERVER)
			seg_fail(&sending->failure, SEG_EUNKNOWN,
				 "the record was added, but whether replicas have it could not be asked: %s",
				 trouble->text);
		else
			seg_confirmation_explain(replicas < 0 ? 0 : replicas, client->ack_replicas,
						 seg_replicas_timeout(client), NULL, &sending->failure);
	}
}

/* With ack_replicas, what was added counts only if so many replicas have it. */
static void ask_replicas(seg_sending *sending, int64_t deadline)
{
	seg_error trouble = {0};
	size_t count = count_added(sending);
	if (sending->stream->client->ack_replicas == 0 || count == 0)
		return;
	seg_replica_check *checks = calloc(count, sizeof(*checks));
	if (checks) {
		list_checks(sending, checks);
		seg_replicas_ask(sending->stream, checks, count, deadline, &trouble);
		judge(sending, checks, &trouble);
	}
	for (size_t i = 0; !checks && i < sending->lane_count; i++)
		doubt_lane(&sending->lanes[i]);
	free(checks);
}

static void set_all(seg_send_result *results, size_t count, int status)
{
	for (size_t i = 0; i < count; i++)
		results[i] = (seg_send_result){.status = status};
}

/* SEG_ESHAPE while the stream has another shape. As long as that is not known, nothing may be sent, either. */
static int check_registration(seg_stream *stream, seg_error *error)
{
	seg_sending asking = {.exchange.issue = issue_registration, .stream = stream};
	if (!atomic_load_explicit(&stream->refused, memory_order_relaxed))
		return 0;
	int status = seg_exchange_run(&asking.exchange, stream->client, error);
	if (asking.refusal.status)
		return seg_fail(error, SEG_ESHAPE, "%s", asking.refusal.text);
	return asking.heard ? 0 : status;
}

static int send_all(seg_stream *stream, const seg_record *records, size_t count, seg_send_result *results,
		    seg_error *error)
{
	seg_sending sending = {.exchange = {.issue = issue_lanes, .held = true},
			       .stream = stream,
			       .records = records,
			       .results = results};
	int status = check_registration(stream, error);
	if (status) {
		set_all(results, count, status);
		return status;
	}
	/* Of all: of waiting for other calls, of adding, and of the replicas. */
	int64_t deadline = seg_now() + stream->client->timeout;
	sending.exchange.deadline = deadline;
	if (make_lanes(&sending, count)) {
		seg_error outcome = {0};
		status = seg_exchange_hold(stream->client, deadline, &outcome);
		bool held = status == 0;
		if (held)
			status = seg_exchange_run(&sending.exchange, stream->client, &outcome);
		for (size_t i = 0; i < sending.lane_count; i++)
			end_lane(&sending.lanes[i], status);
		ask_replicas(&sending, deadline);
		if (held)
			seg_exchange_release(stream->client);
		status = sum_up(&sending, count, &outcome, error);
	} else {
		set_all(results, count, SEG_ENOMEM);
		status = seg_fail(error, SEG_ENOMEM, "out of memory for sending %zu records", count);
	}
	free(sending.order);
	free(sending.lanes);
	seg_append_builder_fini(&sending.builder);
	return status;
}

int seg_stream_send_batch(seg_stream *stream, const seg_record *records, size_t count,
			  seg_send_result *results, seg_error *error)
{
	if (!stream || ((!records || !results) && count > 0))
		return seg_fail(error, SEG_EINVAL, "%s NULL",
				!stream ? "the stream is" : "the records or the results are");
	for (size_t i = 0; i < count; i++) {
		seg_error reason;
		int status = seg_record_check(&records[i], stream->client->max_message_bytes, &reason);
		if (status) {
			set_all(results, count, status);
			return seg_fail(error, status, "nothing was sent; record %zu of %zu: %s", i + 1,
					count, reason.text);
		}
	}
	return count > 0 ? send_all(stream, records, count, results, error) : 0;
}

int seg_stream_send(seg_stream *stream, const seg_record *record, seg_id *id, seg_error *error)
{
	if (!stream)
		return seg_fail(error, SEG_EINVAL, "the stream is NULL");
	int status = seg_record_check(record, stream->client->max_message_bytes, error);
	if (status)
		return status;
	seg_send_result result;
	status = send_all(stream, record, 1, &result, error);
	if (status == 0 && id)
		*id = result.id;
	return status;
}
