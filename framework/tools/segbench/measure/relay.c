/*
 * relay.c - one thread polls all connections. Bytes that were read at once form a chunk with the time at which
 * they are due at the other side. Each direction of a connection is a queue of chunks.
 */
#include "measure/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "measure/tally.h"

enum { CHUNK_BYTES = 256 << 10, RELAY_PAIRS = 256 };

/* The most bytes on the way in one direction: what 1 GB/s brings in 128 ms. */
enum { HELD_MOST = 128 << 20 };

/* Bytes that are due so soon after a chunk join the chunk. */
enum { SAME_TIME_NS = 20000 };

typedef struct chunk {
	struct chunk *next;
	int64_t due; /* tally_now() at which the bytes arrive */
	size_t begin, end;
	char bytes[CHUNK_BYTES];
} chunk;

typedef struct {
	int from, to;
	chunk *first, *last;
	size_t held;
	bool ended;   /* `from` sends no more */
	bool blocked; /* `to` takes no more now */
} direction;

/* A client's connection and the relay's own connection to the server. */
typedef struct {
	direction up, down;
	bool broken;
} pair;

static struct {
	const bench_relay *setup;
	pair pairs[RELAY_PAIRS];
	size_t count;
	chunk *spare;
	struct pollfd polled[1 + 2 * RELAY_PAIRS];
} relay;

/* --- chunks ----------------------------------------------------------------------- */

static chunk *new_chunk(void)
{
	chunk *c = relay.spare;
	if (c)
		relay.spare = c->next;
	else
		c = malloc(sizeof(*c));
	if (!c)
		_exit(EX_OSERR);
	c->next = NULL;
	c->begin = c->end = 0;
	return c;
}

static void drop_first(direction *d)
{
	chunk *c = d->first;
	d->first = c->next;
	if (!d->first)
		d->last = NULL;
	c->next = relay.spare;
	relay.spare = c;
}

/* The chunk that the next bytes, due at that time, go into. */
static chunk *chunk_for(direction *d, int64_t due)
{
	if (d->last && due - d->last->due < SAME_TIME_NS && d->last->end < CHUNK_BYTES)
		return d->last;
	chunk *c = new_chunk();
	c->due = due;
	if (d->last)
		d->last->next = c;
	else
		d->first = c;
	d->last = c;
	return c;
}

/* --- one direction ------------------------------------------------------------------- */

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* False: the connection broke. */
static bool take_in(direction *d, int64_t now)
{
	chunk *c = chunk_for(d, now + atomic_load(relay.setup->delay));
	ssize_t n = read(d->from, c->bytes + c->end, CHUNK_BYTES - c->end);
	if (n > 0) {
		c->end += (size_t)n;
		d->held += (size_t)n;
	}
	d->ended = n == 0;
	return n >= 0 || would_block();
}

static bool give_out(direction *d, int64_t now)
{
	d->blocked = false;
	while (d->first && d->first->due <= now && !d->blocked) {
		chunk *c = d->first;
		ssize_t n = c->end > c->begin ? write(d->to, c->bytes + c->begin, c->end - c->begin) : 0;
		if (n < 0 && !would_block())
			return false;
		if (n > 0) {
			c->begin += (size_t)n;
			d->held -= (size_t)n;
		}
		if (c->begin == c->end)
			drop_first(d);
		else
			d->blocked = true;
	}
	return !(d->ended && !d->first);
}

/* --- connections ---------------------------------------------------------------------- */

static void accept_client(void)
{
	int client = accept4(relay.setup->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (client < 0)
		return;
	const struct sockaddr *address = (const struct sockaddr *)&relay.setup->server;
	int server = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server < 0 || relay.count == RELAY_PAIRS ||
	    (connect(server, address, relay.setup->server_length) && errno != EINPROGRESS)) {
		close(client);
		if (server >= 0)
			close(server);
		return;
	}
	relay.pairs[relay.count++] = (pair){
		.up = {.from = client, .to = server},
		.down = {.from = server, .to = client},
	};
}

static void close_pair(pair *p)
{
	close(p->up.from);
	close(p->up.to);
	while (p->up.first)
		drop_first(&p->up);
	while (p->down.first)
		drop_first(&p->down);
	*p = relay.pairs[--relay.count];
}

/* --- the loop -------------------------------------------------------------------------- */

/* What to poll a descriptor for: `in` reads from it, and `out` writes to it. */
static struct pollfd polled(const direction *in, const direction *out)
{
	bool reads = !in->ended && in->held < HELD_MOST;
	short events = (short)((reads ? POLLIN : 0) | (out->blocked ? POLLOUT : 0));
	return (struct pollfd){.fd = events ? in->from : -1, .events = events};
}

static void earliest(const direction *d, int64_t *next)
{
	if (d->first && !d->blocked && d->first->due < *next)
		*next = d->first->due;
}

/* Sleeps until a connection is ready or bytes are due. */
static void wait_for_events(void)
{
	int64_t next = INT64_MAX;
	relay.polled[0] = (struct pollfd){.fd = relay.setup->listener, .events = POLLIN};
	for (size_t i = 0; i < relay.count; i++) {
		const pair *p = &relay.pairs[i];
		relay.polled[1 + 2 * i] = polled(&p->up, &p->down);
		relay.polled[2 + 2 * i] = polled(&p->down, &p->up);
		earliest(&p->up, &next);
		earliest(&p->down, &next);
	}
	int64_t left = next - tally_now();
	if (left < 0)
		left = 0;
	struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
	ppoll(relay.polled, 1 + 2 * relay.count, next == INT64_MAX ? NULL : &t, NULL);
}

static bool serve_direction(direction *d, const struct pollfd *from, int64_t now)
{
	bool readable = (from->revents & (POLLIN | POLLHUP | POLLERR)) && !d->ended && d->held < HELD_MOST;
	return (!readable || take_in(d, now)) && give_out(d, now);
}

int bench_relay_run(void *arg)
{
	relay.setup = arg;
	prctl(PR_SET_TIMERSLACK, 1000);
	for (;;) {
		wait_for_events();
		int64_t now = tally_now();
		for (size_t i = 0; i < relay.count; i++) {
			pair *p = &relay.pairs[i];
			bool up = serve_direction(&p->up, &relay.polled[1 + 2 * i], now);
			bool down = serve_direction(&p->down, &relay.polled[2 + 2 * i], now);
			p->broken = !up || !down;
		}
		for (size_t i = relay.count; i > 0; i--)
			if (relay.pairs[i - 1].broken)
				close_pair(&relay.pairs[i - 1]);
		if (relay.polled[0].revents)
			accept_client();
	}
}
