/*
 * The blocking sends. A call sorts its records into lanes, one for each partition. All lanes send at the same
 * time; each sends chunk after chunk, the next one when the previous one is answered. If an answer is lost,
 * the lane sends the chunk again under the same sequence, so Redis never adds it twice.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "stream/append.h"
#include "stream/client.h"
#include "stream/exchange.h"
#include "stream/record.h"

#define CHUNK_RECORDS 256
#define CHUNK_BYTES ((size_t)1 << 20)

typedef struct seg_sending seg_sending;

/* The records of one partition: order[begin..end). */
typedef struct {
	seg_sending *sending;
	size_t end;
	size_t next;       /* the first record without an outcome */
	seg_append append; /* of the chunk that begins there; sequence 0: none yet */
	bool waiting;      /* the chunk is sent, its answer is due */
	bool may_be_added; /* an answer to the chunk was lost */
} lane;

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
				    .next = i,
				    .append.partition = sending->order[i].partition};
		l->end = i + 1;
	}
	return true;
}

/* --- issuing ----------------------------------------------------------------- */

static const seg_record *record_at(const seg_sending *sending, size_t i)
{
	return &sending->records[sending->order[i].index];
}

/* Chooses the next chunk: as many records as fit, at least one, under a new sequence. */
static void begin_chunk(lane *l)
{
	seg_sending *sending = l->sending;
	seg_client *client = sending->stream->client;
	size_t most = CHUNK_RECORDS, bytes = 0, n = 0;
	if (most > sending->stream->shape.partition_size)
		most = (size_t)sending->stream->shape.partition_size;
	l->append.headers = 0;
	while (n < most && l->next + n < l->end) {
		const seg_record *record = record_at(sending, l->next + n);
		bytes += seg_record_bytes(record);
		if (n > 0 && bytes > CHUNK_BYTES)
			break;
		l->append.headers += record->header_count;
		n++;
	}
	l->append.producer = client->producer_id;
	l->append.sequence = seg_client_next_sequence(client);
	l->append.ttl_ms = seg_append_ttl_ms(client->timeout);
	l->append.records = n;
	l->may_be_added = false;
}

static void got_answer(void *arg, const seg_reply *reply);

static bool issue_chunk(lane *l, seg_route *route)
{
	seg_sending *sending = l->sending;
	seg_append_builder *builder = &sending->builder;
	if (l->append.sequence == 0)
		begin_chunk(l);
	if (!seg_append_begin(builder, &l->append, sending->stream))
		return false;
	for (size_t i = 0; i < l->append.records; i++)
		if (!seg_append_add(builder, record_at(sending, l->next + i)))
			return false;
	if (!seg_append_issue(builder, route, got_answer, l))
		return false;
	l->waiting = true;
	sending->exchange.waiting++;
	return true;
}

static bool issue_lanes(seg_exchange *exchange, seg_route *route)
{
	seg_sending *sending = (seg_sending *)exchange;
	for (size_t i = 0; i < sending->lane_count; i++) {
		lane *l = &sending->lanes[i];
		if (l->next < l->end && !l->waiting && !issue_chunk(l, route))
			return false;
	}
	return true;
}

/* --- answers ----------------------------------------------------------------- */

static seg_send_result *result_at(const seg_sending *sending, size_t i)
{
	return &sending->results[sending->order[i].index];
}

/*
 * Ends the lane: its remaining records get `status`. Records of a chunk that may have been added get
 * SEG_EUNKNOWN.
 */
static void end_lane(lane *l, int status)
{
	size_t sent = l->append.sequence ? l->next + l->append.records : l->next;
	for (; l->next < l->end; l->next++) {
		bool unknown = l->may_be_added && l->next < sent;
		result_at(l->sending, l->next)->status = unknown ? SEG_EUNKNOWN : status;
	}
}

static void take_added(lane *l, const seg_append_answer *answer)
{
	seg_sending *sending = l->sending;
	for (size_t i = 0; i < answer->added; i++) {
		seg_send_result *result = result_at(sending, l->next++);
		result->status = SEG_OK;
		result->id = (seg_id){answer->first.ms, answer->first.seq + i};
	}
	bool full = answer->added < l->append.records;
	l->append.sequence = 0;
	l->may_be_added = false;
	if (full) {
		seg_append_full(sending->stream, l->append.partition, &sending->failure);
		end_lane(l, SEG_EFULL);
	} else if (l->next < l->end && !issue_chunk(l, sending->stream->client->route)) {
		sending->exchange.again = true;
	}
}

static void got_answer(void *arg, const seg_reply *reply)
{
	lane *l = arg;
	seg_sending *sending = l->sending;
	seg_error error;
	seg_append_answer answer = seg_append_read(&l->append, reply, &error);
	l->waiting = false;
	switch (answer.outcome) {
	case SEG_APPEND_ADDED:
		take_added(l, &answer);
		break;
	case SEG_APPEND_LOST:
		l->may_be_added = true;
		sending->exchange.again = true;
		break;
	case SEG_APPEND_REFUSED:
		sending->exchange.failure = error;
		sending->exchange.again = true;
		break;
	case SEG_APPEND_UNCLEAR:
		l->may_be_added = true;
		sending->failure = error;
		end_lane(l, SEG_EPROTOCOL);
		break;
	case SEG_APPEND_FAILED:
		sending->failure = error;
		end_lane(l, error.status);
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
				status == SEG_EUNKNOWN ? "; it may have been added" : "");
	}
	return 0;
}

static void set_all(seg_send_result *results, size_t count, int status)
{
	for (size_t i = 0; i < count; i++)
		results[i] = (seg_send_result){.status = status};
}

static int send_all(seg_stream *stream, const seg_record *records, size_t count, seg_send_result *results,
		    seg_error *error)
{
	seg_sending sending = {.exchange.issue = issue_lanes,
			       .stream = stream,
			       .records = records,
			       .results = results};
	int status;
	if (make_lanes(&sending, count)) {
		seg_error outcome = {0};
		status = seg_exchange_run(&sending.exchange, stream->client, &outcome);
		for (size_t i = 0; i < sending.lane_count; i++)
			end_lane(&sending.lanes[i], status);
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
