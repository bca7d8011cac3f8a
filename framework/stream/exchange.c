#include "stream/exchange.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "redis/peer.h"
#include "base/random.h"
#include "redis/denial.h"
#include "stream/client.h"

#define PAUSE_BASE (5 * SEG_MS)
#define PAUSE_CAP (200 * SEG_MS)
/* A node that does not answer is asked three times: then two fifths of the time are left for the others. */
enum { PARTIAL_ROUNDS = 4 };

#define CANCEL_INTERVAL (20 * SEG_MS) /* between two checks of client->cancel */

void seg_exchange_counted(seg_exchange *exchange)
{
	exchange->waiting--;
	exchange->done = exchange->waiting == 0;
}

bool seg_exchange_answer(seg_exchange *exchange, const seg_reply *reply)
{
	seg_exchange_counted(exchange);
	if (!reply) {
		exchange->again = true;
		return false;
	}
	if (reply->type != SEG_REPLY_ERROR)
		return true;
	/* Redis discards a transaction after an error, which has been judged already. */
	if (exchange->failure.status && strncmp(reply->text, "EXECABORT", 9) == 0)
		return false;
	char text[SEG_EXPLANATION_MAX];
	seg_fail(&exchange->failure, seg_reply_status(reply), "Redis answered: %s",
		 seg_reply_explain(reply, text));
	if (seg_reply_is_transient(reply))
		exchange->again = true;
	return false;
}

/*
 * Waits until this call may use the connection. On CLOCK_MONOTONIC: pthread does not support CLOCK_BOOTTIME.
 */
static bool acquire(seg_client *client, int64_t deadline)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t end = (int64_t)t.tv_sec * SEG_SECOND + t.tv_nsec + (deadline - seg_now());
	t = (struct timespec){.tv_sec = end / SEG_SECOND, .tv_nsec = end % SEG_SECOND};
	int failure = 0;
	pthread_mutex_lock(&client->lock);
	while (client->busy && failure == 0)
		failure = pthread_cond_timedwait(&client->idle, &client->lock, &t);
	bool acquired = !client->busy;
	client->busy = true;
	pthread_mutex_unlock(&client->lock);
	return acquired;
}

int seg_exchange_hold(seg_client *client, int64_t deadline, seg_error *error)
{
	if (seg_fork_is_parents(client->forks))
		return seg_fork_fail("client", error);
	if (acquire(client, deadline))
		return 0;
	return seg_fail(error, SEG_EUNREACHABLE, "other calls kept the client's connection busy for %lld ms",
			(long long)(client->timeout / SEG_MS));
}

void seg_exchange_release(seg_client *client)
{
	pthread_mutex_lock(&client->lock);
	client->busy = false;
	pthread_cond_signal(&client->idle);
	pthread_mutex_unlock(&client->lock);
}

static bool is_cancelled(const seg_client *client)
{
	return client->cancel && atomic_load(client->cancel);
}

/* Waits until `*done`; if done is NULL, until the connection is ready. */
static int wait_for(const seg_client *client, const bool *done, int64_t deadline)
{
	seg_route *route = client->route;
	for (;;) {
		int64_t look = seg_now() + CANCEL_INTERVAL;
		int64_t until = client->cancel && look < deadline ? look : deadline;
		if (is_cancelled(client))
			return SEG_ECLOSED;
		int status = done ? seg_route_wait(route, done, until) : seg_route_wait_ready(route, until);
		if (status != SEG_ETIMEOUT || until == deadline)
			return status;
	}
}

/* Pauses before the next round, during which the connection goes on reading and writing. */
static void pause_between(const seg_client *client, unsigned round, int64_t deadline)
{
	const bool never = false;
	int64_t until = seg_now() + seg_backoff(PAUSE_BASE, PAUSE_CAP, round);
	(void)wait_for(client, &never, until < deadline ? until : deadline);
}

/* The deadline came before the answers did, or Redis refuses the connection. */
static void give_up(seg_exchange *exchange, seg_client *client)
{
	size_t left = seg_route_unsent(client->route);
	long long ms = (long long)(client->timeout / SEG_MS);
	const seg_connection *awaited =
		seg_route_is_cluster(client->route) ? seg_route_awaited(client->route) : NULL;
	bool away = awaited && !seg_connection_ready(awaited) && seg_connection_error(awaited)->status;
	if (left > 0 && !away)
		seg_route_break(
			client->route, SEG_EUNREACHABLE,
			"the link to Redis at %s is too slow for the call: %zu bytes were left to send after %lld ms; raise timeout_ms",
			client->address.text, left, ms);
	else
		seg_route_break_silent(client->route, ms);
	/* Another node may be away, too, that this call did not need. */
	if (awaited)
		exchange->failure = *seg_connection_error(awaited);
}

/*
 * With `partial`, each round gets a part of the time that is left, and ends for the nodes that have not answered then, or that refuse the
 * connection.
 */
static int wait_for_answers(seg_exchange *exchange, const seg_client *client, int64_t deadline)
{
	int64_t now = seg_now(), part = (deadline - now) / PARTIAL_ROUNDS;
	if (!exchange->partial || !seg_route_is_cluster(client->route) || part <= 0)
		return wait_for(client, &exchange->done, deadline);
	int status = wait_for(client, &exchange->done, now + part);
	if (status == 0 || status == SEG_ECLOSED)
		return status;
	seg_route_break_silent(client->route, part / SEG_MS);
	return 0;
}

/* One round: 0 if every command was answered or lost before the deadline. */
static int run_round(seg_exchange *exchange, seg_client *client, int64_t deadline)
{
	seg_route *route = client->route;
	int status = wait_for(client, NULL, deadline);
	if (status)
		return status;
	exchange->again = false;
	exchange->waiting = 0;
	exchange->failure.status = 0;
	if (!exchange->issue(exchange, route)) {
		exchange->again = true;
		/* A part of the round is useless, and could be half a transaction. */
		seg_route_break(route, SEG_ENOMEM, "out of memory for a command");
		seg_fail(&exchange->failure, SEG_ENOMEM, "out of memory for a command");
	}
	exchange->done = exchange->waiting == 0;
	status = wait_for_answers(exchange, client, deadline);
	bool others_again = exchange->again;
	if (!exchange->done && is_cancelled(client))
		seg_route_break(route, SEG_ECLOSED, "the call was cancelled");
	else if (!exchange->done)
		give_up(exchange, client);
	/* A node of a cluster refuses the connection, and others have refused only for now. */
	bool refused = status && status != SEG_ECLOSED && status != SEG_ETIMEOUT;
	return refused && others_again ? 0 : status;
}

/* Why the call did not finish: the connection's error if it is down, else Redis's last refusal. */
static const seg_error *reason_of(const seg_exchange *exchange, const seg_client *client, seg_error *made)
{
	const seg_error *error = seg_route_error(client->route);
	if (is_cancelled(client)) {
		seg_fail(made, SEG_ECLOSED, "the call was cancelled");
		return made;
	}
	if (!seg_route_ready(client->route) && error->status)
		return error;
	if (exchange->failure.status)
		return &exchange->failure;
	if (seg_route_is_cluster(client->route) && error->status)
		return error; /* of the node that is away */
	/* A Redis without TLS waits for the rest of what it takes for a command. */
	bool silent = client->address.tls && !seg_route_ready(client->route);
	seg_fail(made, SEG_EUNREACHABLE, "no answer from Redis at %s within %lld ms%s", client->address.text,
		 (long long)(client->timeout / SEG_MS),
		 silent ? seg_peer_of(&client->address, false).not_tls : "");
	return made;
}

static int run_rounds(seg_exchange *exchange, seg_client *client, int64_t deadline)
{
	for (unsigned round = 1;; round++) {
		int status = run_round(exchange, client, deadline);
		if (status)
			return status;
		if (!exchange->again)
			return exchange->failure.status;
		if (exchange->failure.status)
			pause_between(client, round, deadline);
		/* Redis could not answer another round before the deadline. */
		if (seg_now() >= deadline)
			return SEG_ETIMEOUT;
	}
}

int seg_exchange_run(seg_exchange *exchange, seg_client *client, seg_error *error)
{
	int64_t deadline = seg_now() + client->timeout;
	if (exchange->deadline && exchange->deadline < deadline)
		deadline = exchange->deadline;
	exchange->failure.status = 0;
	int status = exchange->held ? 0 : seg_exchange_hold(client, deadline, error);
	if (status)
		return status;
	status = run_rounds(exchange, client, deadline);
	if (status) {
		seg_error made;
		*error = *reason_of(exchange, client, &made);
		status = error->status;
	}
	if (!exchange->held)
		seg_exchange_release(client);
	return status;
}
