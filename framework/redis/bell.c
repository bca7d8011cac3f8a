#include "redis/bell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"

/*
 * Between two questions whether the subscribed connection is alive. They serve for what TCP does not see, such as a proxy that no longer
 * passes anything on. A dead path is noticed by TCP within 15 s (transport.c).
 */
#define PING_INTERVAL (30 * SEG_SECOND)

#define RETRY_PAUSE SEG_SECOND

struct seg_bell {
	seg_connection *connection; /* subscribed; NULL once it is denied */
	seg_connection *data;
	seg_ring_fn ring;
	void *arg;
	seg_logger logger;
	const seg_address *address;
	seg_denials *denials;
	seg_denials own_denials; /* if the owner gives none */
	bool subscribed;
	bool asked; /* CLIENT TRACKING is under way */
	bool rings;
	bool denied;
	uint64_t data_incarnation; /* on which tracking was turned on, for this subscriber: */
	uint64_t own_incarnation;
	int64_t ping_at, again_at;
	const seg_poll_set *set;
	nfds_t place;
};

static void stop_ringing(seg_bell *bell)
{
	bool did = bell->rings;
	bell->rings = false;
	if (did)
		bell->ring(bell->arg, NULL, 0);
}

static void deny(seg_bell *bell, seg_nicety nicety, const seg_reply *reply)
{
	bell->denied = true;
	seg_denials_tell(bell->denials, nicety, reply, bell->address, seg_connection_where(bell->data),
			 &bell->logger);
	stop_ringing(bell);
}

static void got_subscribed(void *arg, const seg_reply *reply)
{
	seg_bell *bell = arg;
	if (reply && reply->type == SEG_REPLY_ERROR)
		deny(bell, SEG_NICETY_SUBSCRIBE, reply);
	else
		bell->subscribed = reply;
}

static void got_state(void *arg, bool up, const seg_error *why)
{
	seg_bell *bell = arg;
	(void)why;
	bell->subscribed = false;
	stop_ringing(bell);
	if (up && !bell->denied &&
	    !seg_connection_words(bell->connection, got_subscribed, bell, "SUBSCRIBE", "__redis__:invalidate",
				  (char *)NULL))
		seg_connection_break(bell->connection, SEG_ENOMEM, "out of memory");
}

/* "message", the channel, and the keys; no keys: the database was emptied. */
static void got_message(void *arg, const seg_reply *reply)
{
	seg_bell *bell = arg;
	const seg_reply *keys = seg_reply_at(reply, 2);
	if (!keys || keys->type != SEG_REPLY_ARRAY) {
		bell->ring(bell->arg, NULL, 0);
		return;
	}
	for (size_t i = 0; i < keys->count; i++)
		if (keys->elements[i]->type == SEG_REPLY_TEXT)
			bell->ring(bell->arg, keys->elements[i]->text, keys->elements[i]->length);
}

seg_bell *seg_bell_create(const seg_connection_options *options, seg_connection *data, seg_ring_fn ring,
			  void *arg)
{
	char name[SEG_NAME_MAX + 1];
	seg_bell *bell = calloc(1, sizeof(*bell));
	if (!bell)
		return NULL;
	snprintf(name, sizeof(name), "%.120s.bell", options->client_name ? options->client_name : "");
	bell->data = data;
	bell->ring = ring;
	bell->arg = arg;
	bell->logger = options->logger;
	bell->address = options->address;
	bell->denials = options->denials ? options->denials : &bell->own_denials;
	seg_connection_options own = *options;
	own.client_name = name;
	own.early = false;
	own.without_scripts = true;
	own.on_state = got_state;
	own.on_message = got_message;
	own.on_error = NULL;
	own.on_slots = NULL;
	own.arg = bell;
	bell->connection = seg_connection_create(&own);
	if (bell->connection)
		return bell;
	free(bell);
	return NULL;
}

void seg_bell_destroy(seg_bell *bell)
{
	if (!bell)
		return;
	bell->rings = false;
	seg_connection_destroy(bell->connection);
	free(bell);
}

seg_bell_state seg_bell_look(const seg_bell *bell)
{
	return bell->denied ? SEG_BELL_DENIED : bell->rings ? SEG_BELL_RINGS : SEG_BELL_DUE;
}

void seg_bell_data_changed(seg_bell *bell)
{
	bell->again_at = 0;
	stop_ringing(bell);
}

/* --- tracking ------------------------------------------------------------------------ */

/* Either of the two may have been replaced since the question. */
static bool is_for_these_connections(const seg_bell *bell)
{
	return bell->subscribed && bell->own_incarnation == seg_connection_incarnation(bell->connection) &&
	       bell->data_incarnation == seg_connection_incarnation(bell->data);
}

static void got_tracking(void *arg, const seg_reply *reply)
{
	seg_bell *bell = arg;
	bell->asked = false;
	if (!reply)
		return;
	if (reply->type != SEG_REPLY_ERROR) {
		bell->rings = is_for_these_connections(bell);
		/* What was read before does not ring. */
		if (bell->rings)
			bell->ring(bell->arg, NULL, 0);
	} else if (seg_reply_status(reply) == SEG_EAUTH || strstr(reply->text, "unknown")) {
		deny(bell, SEG_NICETY_CLIENT_TRACKING, reply);
	} else {
		/* The bell's connection is gone in the meantime. */
		bell->again_at = seg_now() + RETRY_PAUSE;
	}
}

static void turn_on(seg_bell *bell)
{
	char id[24];
	int64_t client = seg_connection_client_id(bell->connection);
	/* The connection has told that Redis denies CLIENT ID. */
	if (client < 0) {
		bell->denied = true;
		return;
	}
	snprintf(id, sizeof(id), "%" PRId64, client);
	bell->data_incarnation = seg_connection_incarnation(bell->data);
	bell->own_incarnation = seg_connection_incarnation(bell->connection);
	bell->asked = seg_connection_words(bell->data, got_tracking, bell, "CLIENT", "TRACKING", "ON",
					   "REDIRECT", id, (char *)NULL);
}

static void got_pong(void *arg, const seg_reply *reply)
{
	(void)arg;
	(void)reply;
}

void seg_bell_poll(seg_bell *bell, seg_poll_set *set)
{
	struct pollfd wanted = {.fd = -1};
	if (bell->connection)
		wanted = seg_connection_polled(bell->connection);
	bell->set = set;
	bell->place = seg_poll_set_add(set, wanted.fd, wanted.events);
}

int64_t seg_bell_tick(seg_bell *bell, int64_t now, bool polled)
{
	if (bell->denied) {
		/* Nobody would read from it any more. */
		seg_connection_destroy(bell->connection);
		bell->connection = NULL;
		return SEG_NEVER;
	}
	bool readable = polled && bell->set && seg_poll_set_found(bell->set, bell->place);
	int64_t next = seg_connection_tick(bell->connection, now, readable);
	if (!bell->subscribed || bell->denied)
		return next;
	if (!bell->rings && !bell->asked && now >= bell->again_at && seg_connection_ready(bell->data))
		turn_on(bell);
	if (now >= bell->ping_at) {
		bell->ping_at = now + PING_INTERVAL;
		seg_connection_words(bell->connection, got_pong, NULL, "PING", (char *)NULL);
		seg_connection_flush(bell->connection);
	}
	return next < bell->ping_at ? next : bell->ping_at;
}
