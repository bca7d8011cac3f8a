#include "redis/dial.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/resolver.h"

/* The time for one of several addresses; each attempt that fails doubles it, ROUNDS_MAX times. */
#define SLICE (250 * SEG_MS)
enum { ROUNDS_MAX = 4 };

/* Between two looks for a master that is not known yet. */
#define LOOK_PAUSE (10 * SEG_MS)

typedef struct {
	const seg_endpoint *endpoint;
	/* Stays after an attempt that did not wait for its end. */
	seg_lookup *lookup;
	unsigned connects; /* begun ever; go round the addresses of the host */
} dial_server;

typedef enum {
	FIND_MASTER,
	LOOK_UP, /* the lookup begins, or is under way */
	CHOOSE,  /* the host is known: connect to its next address */
	CONNECT  /* the transport opens */
} dial_stage;

struct seg_dial {
	const seg_address *address;
	seg_peer peer;
	const seg_endpoint *only; /* or NULL */
	seg_master *master;       /* or NULL */
	seg_endpoint found;       /* of the master; host NULL: not known */
	unsigned generation;      /* of `found` */
	dial_server *servers;     /* one, or all of the address */
	unsigned count, next;     /* the server to begin the next attempt with */
	unsigned rounds;          /* attempts that failed since a transport was open */

	/* Of the attempt: */
	dial_stage stage;
	dial_server *server;     /* NULL: where the master is, is not known */
	unsigned servers_left;   /* after this one */
	unsigned addresses_left; /* of this one's host, after this one */
	seg_transport *transport;
	int64_t slice;
	int64_t slice_end; /* seg_now(), or SEG_NEVER */
	char where[512];
};

seg_dial *seg_dial_create(const seg_address *address, const seg_endpoint *only, seg_master *master)
{
	seg_dial *dial = calloc(1, sizeof(*dial));
	if (!dial)
		return NULL;
	dial->address = address;
	/* The servers of such an address are the Sentinels themselves. */
	dial->peer = seg_peer_of(address, address->master && !only && !master);
	dial->only = only;
	dial->master = only ? NULL : master;
	dial->count = only || dial->master ? 1 : address->endpoint_count;
	dial->slice_end = SEG_NEVER;
	snprintf(dial->where, sizeof(dial->where), "%s", address->text);
	dial->servers = calloc(dial->count, sizeof(*dial->servers));
	if (!dial->servers) {
		seg_dial_destroy(dial);
		return NULL;
	}
	for (unsigned i = 0; i < dial->count; i++)
		dial->servers[i].endpoint = only           ? only
					    : dial->master ? &dial->found
							   : &address->endpoints[i];
	return dial;
}

void seg_dial_destroy(seg_dial *dial)
{
	if (!dial)
		return;
	seg_transport_close(dial->transport);
	for (unsigned i = 0; i < dial->count && dial->servers; i++)
		seg_lookup_end(dial->servers[i].lookup);
	free(dial->servers);
	free(dial->found.host);
	free(dial);
}

/* --- choosing ------------------------------------------------------------------- */

static void name_server(seg_dial *dial)
{
	char text[300];
	seg_endpoint_print(dial->server->endpoint, text, sizeof(text));
	if (dial->master)
		snprintf(dial->where, sizeof(dial->where), "%s (%s)", text, dial->address->master);
	else
		snprintf(dial->where, sizeof(dial->where), "%s",
			 dial->only || dial->count > 1 ? text : dial->address->text);
}

static void begin_slice(seg_dial *dial, bool alone)
{
	dial->slice = SLICE << (dial->rounds < ROUNDS_MAX ? dial->rounds : ROUNDS_MAX);
	dial->slice_end = alone ? SEG_NEVER : seg_now() + dial->slice;
}

static void choose_server(seg_dial *dial)
{
	dial->server = &dial->servers[dial->next];
	dial->next = (dial->next + 1) % dial->count;
	dial->stage = LOOK_UP;
	name_server(dial);
	begin_slice(dial, dial->count == 1);
}

/* A lookup whose addresses were used is of no use for the next attempt. */
static void leave_server(seg_dial *dial)
{
	seg_transport_close(dial->transport);
	dial->transport = NULL;
	if (dial->stage < CHOOSE)
		return;
	seg_lookup_end(dial->server->lookup);
	dial->server->lookup = NULL;
}

void seg_dial_begin(seg_dial *dial)
{
	leave_server(dial);
	dial->servers_left = dial->count - 1;
	dial->slice_end = SEG_NEVER;
	if (!dial->master) {
		choose_server(dial);
		return;
	}
	dial->stage = FIND_MASTER;
	snprintf(dial->where, sizeof(dial->where), "%s", dial->address->text);
}

/* Whether another server has become the master. */
static bool is_another(const seg_dial *dial, const seg_endpoint *endpoint)
{
	return !dial->found.host || strcmp(dial->found.host, endpoint->host) != 0 ||
	       dial->found.port != endpoint->port;
}

static void take_master(seg_dial *dial, const seg_endpoint *endpoint)
{
	if (is_another(dial, endpoint)) {
		seg_lookup_end(dial->servers->lookup);
		dial->servers->lookup = NULL;
		free(dial->found.host);
		dial->found = *endpoint;
	} else {
		free(endpoint->host);
	}
	choose_server(dial);
}

static seg_dial_outcome look_for_master(seg_dial *dial, seg_error *error)
{
	seg_endpoint endpoint;
	int found = seg_master_look(dial->master, &endpoint, &dial->generation, error);
	if (found < 0)
		return SEG_DIAL_FAILED;
	if (found > 0)
		take_master(dial, &endpoint);
	return SEG_DIAL_DUE;
}

/* --- one server --------------------------------------------------------------------- */

/* Starts to look the host up, or to connect. */
static seg_dial_outcome look_up(seg_dial *dial, seg_error *error)
{
	dial_server *server = dial->server;
	if (server->endpoint->path) {
		dial->transport =
			seg_transport_open_unix(server->endpoint->path, &dial->peer, dial->where, error);
		dial->stage = CONNECT;
		dial->addresses_left = 0;
		return dial->transport ? SEG_DIAL_DUE : SEG_DIAL_FAILED;
	}
	if (!server->lookup)
		server->lookup = seg_lookup_start(server->endpoint->host, server->endpoint->port, error);
	if (server->lookup && seg_lookup_done(server->lookup))
		dial->stage = CHOOSE;
	return server->lookup ? SEG_DIAL_DUE : SEG_DIAL_FAILED;
}

static unsigned length_of(const struct addrinfo *list)
{
	unsigned length = 0;
	for (; list; list = list->ai_next)
		length++;
	return length;
}

static void fail_lookup(const seg_dial *dial, int failure, seg_error *error)
{
	const char *hint =
		dial->server->endpoint->hidden
			? "; if that is a password, write redis://:password@host (rediss:// for TLS)"
			: "";
	seg_fail(error, SEG_EUNREACHABLE, "cannot find the host of %s: %s%s", dial->where,
		 gai_strerror(failure), hint);
}

/* Connects to the next address. `first`: none was tried in this attempt. */
static seg_dial_outcome connect_next(seg_dial *dial, bool first, seg_error *error)
{
	int failure;
	const struct addrinfo *list = seg_lookup_result(dial->server->lookup, &failure);
	if (!list) {
		fail_lookup(dial, failure, error);
		return SEG_DIAL_FAILED;
	}
	unsigned length = length_of(list);
	dial->addresses_left = (first ? length : dial->addresses_left) - 1;
	dial->stage = CONNECT;
	begin_slice(dial, length == 1 && dial->count == 1);
	for (unsigned i = dial->server->connects++ % length; i > 0; i--)
		list = list->ai_next;
	dial->transport = seg_transport_open_tcp(list, dial->server->endpoint,
						 dial->address->tls ? &dial->address->tls_settings : NULL,
						 &dial->peer, dial->where, error);
	return dial->transport ? SEG_DIAL_DUE : SEG_DIAL_FAILED;
}

static seg_dial_outcome open_transport(seg_dial *dial, seg_error *error)
{
	int opened = seg_transport_opened(dial->transport, error);
	if (opened == 0)
		return SEG_DIAL_DUE;
	dial->rounds = opened > 0 ? 0 : dial->rounds;
	return opened > 0 ? SEG_DIAL_OPEN : SEG_DIAL_FAILED;
}

static void explain_wait(const seg_dial *dial, int64_t timeout, seg_error *error)
{
	long long ms = (long long)(timeout / SEG_MS);
	if (dial->stage == FIND_MASTER)
		seg_fail(error, SEG_EUNREACHABLE, "the Sentinels of %s named no master within %lld ms",
			 dial->where, ms);
	else if (dial->stage == LOOK_UP)
		seg_fail(error, SEG_EUNREACHABLE, "the host of %s was not found within %lld ms", dial->where,
			 ms);
	else
		seg_fail(error, SEG_EUNREACHABLE, "no answer from %s within %lld ms%s", dial->where, ms,
			 dial->transport ? seg_transport_hint(dial->transport) : "");
}

/* One step at the server; SEG_DIAL_FAILED: at this address of it. */
static seg_dial_outcome step_server(seg_dial *dial, seg_error *error)
{
	seg_dial_outcome outcome = SEG_DIAL_DUE;
	if (dial->stage == FIND_MASTER)
		outcome = look_for_master(dial, error);
	if (dial->stage == LOOK_UP && outcome == SEG_DIAL_DUE)
		outcome = look_up(dial, error);
	if (dial->stage == CHOOSE)
		outcome = connect_next(dial, true, error);
	if (dial->stage == CONNECT && dial->transport)
		outcome = open_transport(dial, error);
	if (outcome != SEG_DIAL_DUE || dial->slice_end == SEG_NEVER || seg_now() < dial->slice_end)
		return outcome;
	explain_wait(dial, dial->slice, error);
	return SEG_DIAL_FAILED;
}

/* Turns to the next address, or to the next server. False: there is none, and the attempt has failed. */
static bool turn_to_next(seg_dial *dial, seg_error *error)
{
	seg_transport_close(dial->transport);
	dial->transport = NULL;
	while (dial->stage == CONNECT && dial->addresses_left > 0)
		if (connect_next(dial, false, error) == SEG_DIAL_DUE)
			return true;
	leave_server(dial);
	if (dial->stage == FIND_MASTER || dial->servers_left == 0)
		return false;
	dial->servers_left--;
	choose_server(dial);
	return true;
}

seg_dial_outcome seg_dial_step(seg_dial *dial, seg_error *error)
{
	for (;;) {
		seg_dial_outcome outcome = step_server(dial, error);
		if (outcome != SEG_DIAL_FAILED)
			return outcome;
		if (!turn_to_next(dial, error)) {
			dial->rounds++;
			return SEG_DIAL_FAILED;
		}
	}
}

int64_t seg_dial_timer(const seg_dial *dial)
{
	return dial->stage == FIND_MASTER ? seg_now() + LOOK_PAUSE : dial->slice_end;
}

seg_transport *seg_dial_take(seg_dial *dial)
{
	seg_transport *transport = dial->transport;
	dial->transport = NULL;
	leave_server(dial);
	return transport;
}

void seg_dial_give_up(seg_dial *dial, int64_t timeout, seg_error *error)
{
	explain_wait(dial, timeout, error);
	leave_server(dial);
	dial->rounds++;
}

bool seg_dial_is_stale(const seg_dial *dial)
{
	return dial->master && dial->generation && dial->generation != seg_master_generation(dial->master);
}

void seg_dial_doubt(seg_dial *dial)
{
	if (dial->master && dial->generation)
		seg_master_doubt(dial->master, dial->generation);
}

const seg_endpoint *seg_dial_endpoint(const seg_dial *dial)
{
	return dial->server ? dial->server->endpoint : NULL;
}

const char *seg_dial_where(const seg_dial *dial)
{
	return dial->where;
}

int seg_dial_fd(const seg_dial *dial)
{
	if (dial->transport)
		return seg_transport_fd(dial->transport);
	return dial->stage == LOOK_UP && dial->server && dial->server->lookup
		       ? seg_lookup_fd(dial->server->lookup)
		       : -1;
}

short seg_dial_events(const seg_dial *dial)
{
	return dial->transport ? seg_transport_events(dial->transport, false) : POLLIN;
}
