#include "stream/replicas.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/names.h"
#include "stream/confirmation.h"
#include "stream/exchange.h"

typedef struct {
	seg_exchange exchange; /* the first member: issue gets its address */
	seg_stream *stream;
	seg_replica_check *checks;
	size_t count;
	seg_append_builder builder;
} question;

int64_t seg_replicas_timeout(const seg_client *client)
{
	/* The connection breaks after half the client's timeout without an answer. */
	int64_t timeout = client->timeout / 4;
	return timeout > SEG_MS ? timeout : SEG_MS;
}

/* How many replicas WAIT has counted; -1: nobody knows. */
static int64_t read_count(question *q, const seg_reply *reply)
{
	seg_exchange_counted(&q->exchange);
	if (reply && reply->type == SEG_REPLY_INTEGER)
		return reply->integer;
	if (reply && !seg_reply_is_transient(reply))
		seg_confirmation_refused(reply->text, &q->exchange.failure);
	else
		q->exchange.again = true;
	return -1;
}

/* For all checks on one connection: one that was redirected is not on it. */
static void got_count(void *arg, const seg_reply *reply)
{
	const seg_replica_check *check = arg;
	question *q = check->owner;
	int64_t replicas = read_count(q, reply);
	for (size_t i = 0; i < q->count; i++)
		if (q->checks[i].on == check->on && q->checks[i].touched)
			q->checks[i].replicas = replicas;
}

static void got_own_count(void *arg, const seg_reply *reply)
{
	seg_replica_check *check = arg;
	check->replicas = read_count(check->owner, reply);
}

static bool ask(question *q, seg_replica_check *check, seg_connection *on, seg_reply_fn fn)
{
	char replicas[12], ms[24];
	const seg_client *client = q->stream->client;
	snprintf(replicas, sizeof(replicas), "%" PRIu32, client->ack_replicas);
	snprintf(ms, sizeof(ms), "%" PRId64, seg_replicas_timeout(client) / SEG_MS);
	bool issued = on && seg_connection_words(on, fn, check, "WAIT", replicas, ms, (char *)NULL);
	q->exchange.waiting += issued;
	return issued;
}

static void got_touch(void *arg, const seg_reply *reply)
{
	seg_replica_check *check = arg;
	question *q = check->owner;
	bool touched = seg_reply_is(seg_reply_at(reply, 0), "DUP");
	check->touched = touched && seg_connection_is_answering(check->on);
	/* A cluster has redirected it: only a WAIT behind it, on the connection that has answered, covers it. */
	if (touched && !check->touched &&
	    !ask(q, check, seg_route_answering(q->stream->client->route), got_own_count))
		q->exchange.again = true;
	/* At the end, so that the exchange has not finished before the WAIT is counted. */
	(void)seg_exchange_answer(&q->exchange, reply);
}

/* The sequence again, without records: Redis answers DUP, and writes the producer's key. */
static bool touch(question *q, seg_replica_check *check, seg_route *route)
{
	seg_append again = check->append;
	again.records = 0;
	if (!seg_append_begin(&q->builder, &again, q->stream))
		return false;
	check->on = seg_route_connection(route, q->builder.argv[0]);
	check->touched = false;
	check->replicas = -1;
	bool issued = check->on &&
		      seg_route_script(route, SEG_SCRIPT_APPEND, got_touch, check, seg_append_keys(q->stream),
				       (int)q->builder.argc, q->builder.argv, q->builder.lengths);
	q->exchange.waiting += issued;
	return issued;
}

static bool was_asked(const question *q, size_t i)
{
	for (size_t before = 0; before < i; before++)
		if (q->checks[before].on == q->checks[i].on)
			return true;
	return false;
}

static bool issue(seg_exchange *exchange, seg_route *route)
{
	question *q = (question *)exchange;
	for (size_t i = 0; i < q->count; i++)
		if (!touch(q, &q->checks[i], route))
			return false;
	for (size_t i = 0; i < q->count; i++)
		if (!was_asked(q, i) && !ask(q, &q->checks[i], q->checks[i].on, got_count))
			return false;
	return true;
}

int seg_replicas_ask(seg_stream *stream, seg_replica_check *checks, size_t count, int64_t deadline,
		     seg_error *error)
{
	question q = {.exchange = {.issue = issue, .held = true, .deadline = deadline},
		      .stream = stream,
		      .checks = checks,
		      .count = count};
	for (size_t i = 0; i < count; i++) {
		checks[i].owner = &q;
		checks[i].replicas = -1;
	}
	int status = seg_exchange_run(&q.exchange, stream->client, error);
	seg_append_builder_fini(&q.builder);
	return status;
}
