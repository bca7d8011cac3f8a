#include "redis/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <poll.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/resolver.h"

struct seg_dial {
	const seg_address *address;
	const seg_endpoint *only; /* or NULL */
	unsigned attempts;        /* of all endpoints together */
	const seg_endpoint *endpoint;
	seg_lookup
		*lookup; /* also between attempts: a lookup that is slower than an attempt serves the next */
	seg_transport *transport;
	char where[SEG_NODE_TEXT_MAX]; /* of the only endpoint */
};

seg_dial *seg_dial_create(const seg_address *address, const seg_endpoint *only)
{
	seg_dial *dial = calloc(1, sizeof(*dial));
	if (!dial)
		return NULL;
	dial->address = address;
	dial->only = only;
	if (only)
		seg_endpoint_print(only, dial->where, sizeof(dial->where));
	return dial;
}

void seg_dial_destroy(seg_dial *dial)
{
	if (!dial)
		return;
	seg_transport_close(dial->transport);
	seg_lookup_end(dial->lookup);
	free(dial);
}

void seg_dial_begin(seg_dial *dial)
{
	seg_transport_close(dial->transport);
	dial->transport = NULL;
	if (dial->lookup)
		return;
	unsigned count = dial->only ? 1 : dial->address->endpoint_count;
	dial->endpoint = dial->only ? dial->only : &dial->address->endpoints[dial->attempts % count];
	dial->attempts++;
}

/* Successive attempts at one endpoint go round the addresses of its host. */
static const struct addrinfo *choose(const seg_dial *dial, const struct addrinfo *list)
{
	unsigned endpoints = dial->only ? 1 : dial->address->endpoint_count;
	const struct addrinfo *chosen = list;
	for (unsigned i = (dial->attempts - 1) / endpoints; i > 0; i--)
		chosen = chosen->ai_next ? chosen->ai_next : list;
	return chosen;
}

static void finish_lookup(seg_dial *dial, seg_error *error)
{
	int failure;
	const struct addrinfo *list = seg_lookup_result(dial->lookup, &failure);
	if (list)
		dial->transport = seg_transport_open_tcp(choose(dial, list), seg_dial_where(dial), error);
	else
		seg_fail(error, SEG_EUNREACHABLE, "cannot find the host of %s: %s", seg_dial_where(dial),
			 gai_strerror(failure));
	seg_lookup_end(dial->lookup);
	dial->lookup = NULL;
}

/* Starts to look the host up, or to connect. */
static void start(seg_dial *dial, seg_error *error)
{
	const seg_endpoint *endpoint = dial->endpoint;
	if (endpoint->path)
		dial->transport = seg_transport_open_unix(endpoint->path, seg_dial_where(dial), error);
	else
		dial->lookup = seg_lookup_start(endpoint->host, endpoint->port, error);
}

seg_dial_outcome seg_dial_step(seg_dial *dial, seg_error *error)
{
	if (!dial->lookup && !dial->transport) {
		start(dial, error);
		if (!dial->lookup && !dial->transport)
			return SEG_DIAL_FAILED;
	}
	if (dial->lookup) {
		if (!seg_lookup_done(dial->lookup))
			return SEG_DIAL_DUE;
		finish_lookup(dial, error);
		if (!dial->transport)
			return SEG_DIAL_FAILED;
	}
	int opened = seg_transport_opened(dial->transport, error);
	if (opened > 0)
		return SEG_DIAL_OPEN;
	if (opened == 0)
		return SEG_DIAL_DUE;
	seg_transport_close(dial->transport);
	dial->transport = NULL;
	return SEG_DIAL_FAILED;
}

seg_transport *seg_dial_take(seg_dial *dial)
{
	seg_transport *transport = dial->transport;
	dial->transport = NULL;
	return transport;
}

void seg_dial_give_up(seg_dial *dial, int64_t timeout, seg_error *error)
{
	long long ms = (long long)(timeout / SEG_MS);
	if (dial->lookup)
		seg_fail(error, SEG_EUNREACHABLE, "the host of %s was not found within %lld ms",
			 seg_dial_where(dial), ms);
	else
		seg_fail(error, SEG_EUNREACHABLE, "no answer from %s within %lld ms", seg_dial_where(dial),
			 ms);
	seg_transport_close(dial->transport);
	dial->transport = NULL;
}

const seg_endpoint *seg_dial_endpoint(const seg_dial *dial)
{
	return dial->endpoint;
}

const char *seg_dial_where(const seg_dial *dial)
{
	return dial->only ? dial->where : dial->address->text;
}

int seg_dial_fd(const seg_dial *dial)
{
	if (dial->transport)
		return seg_transport_fd(dial->transport);
	return dial->lookup ? seg_lookup_fd(dial->lookup) : -1;
}

short seg_dial_events(const seg_dial *dial)
{
	return dial->transport ? seg_transport_events(dial->transport) : POLLIN;
}
