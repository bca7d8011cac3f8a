#include "chaos/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	LINKS_MAX = 512,
	PIECE_SIZE = 64 * 1024,
	QUEUE_MAX = 256 * 1024, /* bytes queued in one direction; with more, the proxy stops reading */
	NO_CUT = -1,
};

/* Bytes on their way, and when they are due to arrive. */
typedef struct piece {
	STAILQ_ENTRY(piece) next;
	int64_t due;
	size_t length, sent;
	char bytes[];
} piece;

/* One direction of a link. */
typedef struct {
	int from, to;
	STAILQ_HEAD(, piece) queue;
	size_t queued;
	int64_t last_due;
	bool ended; /* `from` has sent its end */
	bool swallow, swallowed;
	bool corrupt;
	int64_t cut_after;
} flow;

typedef struct {
	int client, server;
	flow to_server, to_client;
	bool held;
	bool dead;
} proxy_link;

struct chaos_proxy {
	int listener, wake;
	int port;
	pthread_t thread;
	struct pollfd poller[2 + 2 * LINKS_MAX]; /* the thread's own */
	pthread_mutex_t lock;                    /* guards all fields below */
	bool stopping;
	char path[108];
	proxy_link *links[LINKS_MAX];
	size_t count;
	/* The settings for new links. */
	int swallow; /* a chaos_direction, or 0 */
	bool held;
	unsigned delay_ms, bytes_per_second;
};

/* --- links ----------------------------------------------------------------------- */

static void init_flow(flow *f, int from, int to, bool swallow)
{
	*f = (flow){.from = from, .to = to, .swallow = swallow, .cut_after = NO_CUT};
	STAILQ_INIT(&f->queue);
}

static void clear_flow(flow *f)
{
	piece *p;
	while ((p = STAILQ_FIRST(&f->queue))) {
		STAILQ_REMOVE_HEAD(&f->queue, next);
		free(p);
	}
}

static void reset(int fd)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void destroy_link(proxy_link *l)
{
	reset(l->client);
	close(l->server);
	clear_flow(&l->to_server);
	clear_flow(&l->to_client);
	free(l);
}

/* To a server of this machine, so it does not block for long. */
static int connect_port(const char *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)atoi(port)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int connect_server(const char *path)
{
	if (*path != '/')
		return connect_port(path);
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	memcpy(name.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void accept_link(chaos_proxy *proxy)
{
	int client = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (client < 0)
		return;
	int server = proxy->count < LINKS_MAX ? connect_server(proxy->path) : -1;
	proxy_link *l = server >= 0 ? calloc(1, sizeof(*l)) : NULL;
	if (!l) {
		reset(client);
		if (server >= 0)
			close(server);
		return;
	}
	int one = 1;
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	l->client = client;
	l->server = server;
	l->held = proxy->held;
	init_flow(&l->to_server, client, server, proxy->swallow & CHAOS_TO_SERVER);
	init_flow(&l->to_client, server, client, proxy->swallow & CHAOS_TO_CLIENT);
	proxy->links[proxy->count++] = l;
}

static void bury_dead(chaos_proxy *proxy)
{
	size_t kept = 0;
	for (size_t i = 0; i < proxy->count; i++) {
		if (proxy->links[i]->dead)
			destroy_link(proxy->links[i]);
		else
			proxy->links[kept++] = proxy->links[i];
	}
	proxy->count = kept;
}

/* --- moving bytes ------------------------------------------------------------------ */

static bool wants_read(const proxy_link *l, const flow *f)
{
	return !l->held && !f->ended && f->queued < QUEUE_MAX;
}

static bool wants_write(const proxy_link *l, const flow *f, int64_t now)
{
	const piece *p = STAILQ_FIRST(&f->queue);
	return !l->held && p && p->due <= now;
}

static int64_t due_time(const chaos_proxy *proxy, flow *f, size_t length, int64_t now)
{
	int64_t due = now + proxy->delay_ms * SEG_MS;
	if (proxy->bytes_per_second) {
		int64_t start = f->last_due > now ? f->last_due : now;
		due = start + (int64_t)length * SEG_SECOND / proxy->bytes_per_second;
	}
	/* A delay that was lowered must not let later bytes overtake earlier ones. */
	f->last_due = due > f->last_due ? due : f->last_due;
	return f->last_due;
}

static void read_some(const chaos_proxy *proxy, proxy_link *l, flow *f, int64_t now)
{
	char bytes[PIECE_SIZE];
	ssize_t n = recv(f->from, bytes, sizeof(bytes), 0);
	if (n < 0) {
		l->dead = l->dead || (errno != EAGAIN && errno != EINTR);
		return;
	}
	if (n == 0) {
		f->ended = true;
		return;
	}
	if (f->swallow) {
		f->swallowed = true;
		return;
	}
	piece *p = malloc(sizeof(*p) + (size_t)n);
	if (!p) {
		l->dead = true;
		return;
	}
	if (f->corrupt)
		bytes[0] = (char)~bytes[0];
	f->corrupt = false;
	memcpy(p->bytes, bytes, (size_t)n);
	p->length = (size_t)n;
	p->sent = 0;
	p->due = due_time(proxy, f, p->length, now);
	STAILQ_INSERT_TAIL(&f->queue, p, next);
	f->queued += p->length;
}

static void write_some(proxy_link *l, flow *f, int64_t now)
{
	while (!l->dead && wants_write(l, f, now)) {
		piece *p = STAILQ_FIRST(&f->queue);
		size_t length = p->length - p->sent;
		if (f->cut_after != NO_CUT && (int64_t)length > f->cut_after)
			length = (size_t)f->cut_after;
		ssize_t n = length ? send(f->to, p->bytes + p->sent, length, MSG_NOSIGNAL) : 0;
		if (n < 0) {
			l->dead = errno != EAGAIN && errno != EINTR;
			return;
		}
		p->sent += (size_t)n;
		f->queued -= (size_t)n;
		if (f->cut_after != NO_CUT && (f->cut_after -= n) <= 0)
			l->dead = true;
		if (p->sent == p->length) {
			STAILQ_REMOVE_HEAD(&f->queue, next);
			free(p);
		}
	}
}

/*
 * Passes an end on once all bytes before it have arrived. A half-closed link is closed as a whole, as Redis
 * does.
 */
static void end_drained(proxy_link *l)
{
	if ((l->to_server.ended && STAILQ_EMPTY(&l->to_server.queue)) ||
	    (l->to_client.ended && STAILQ_EMPTY(&l->to_client.queue)))
		l->dead = true;
}

/* --- the thread -------------------------------------------------------------------- */

static void earliest(const flow *f, int64_t now, int64_t *next)
{
	const piece *p = STAILQ_FIRST(&f->queue);
	if (p && p->due > now && p->due < *next)
		*next = p->due;
}

static struct pollfd interest(const proxy_link *l, const flow *in, const flow *out, int fd, int64_t now)
{
	short events = (short)((wants_read(l, in) ? POLLIN : 0) | (wants_write(l, out, now) ? POLLOUT : 0));
	/* Without events of interest, poll would report a hang-up for ever. */
	return (struct pollfd){.fd = events ? fd : -1, .events = events};
}

static int prepare(chaos_proxy *proxy, struct pollfd *poller, int64_t now, int64_t *next)
{
	int n = 0;
	poller[n++] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
	poller[n++] = (struct pollfd){.fd = proxy->wake, .events = POLLIN};
	for (size_t i = 0; i < proxy->count; i++) {
		proxy_link *l = proxy->links[i];
		poller[n++] = interest(l, &l->to_server, &l->to_client, l->client, now);
		poller[n++] = interest(l, &l->to_client, &l->to_server, l->server, now);
		earliest(&l->to_server, now, next);
		earliest(&l->to_client, now, next);
	}
	return n;
}

static void serve(chaos_proxy *proxy, int64_t now)
{
	for (size_t i = 0; i < proxy->count; i++) {
		proxy_link *l = proxy->links[i];
		if (l->held)
			continue;
		if (wants_read(l, &l->to_server))
			read_some(proxy, l, &l->to_server, now);
		if (wants_read(l, &l->to_client))
			read_some(proxy, l, &l->to_client, now);
		write_some(l, &l->to_server, now);
		write_some(l, &l->to_client, now);
		end_drained(l);
	}
	bury_dead(proxy);
}

static void *run(void *arg)
{
	chaos_proxy *proxy = arg;
	struct pollfd *poller = proxy->poller;
	for (;;) {
		int64_t now = seg_now(), next = SEG_NEVER;
		pthread_mutex_lock(&proxy->lock);
		bury_dead(proxy);
		int n = prepare(proxy, poller, now, &next);
		bool stopping = proxy->stopping;
		pthread_mutex_unlock(&proxy->lock);
		if (stopping)
			return NULL;
		poll(poller, (nfds_t)n, seg_poll_timeout(next, now));
		eventfd_t value;
		if (poller[1].revents)
			(void)eventfd_read(proxy->wake, &value);
		pthread_mutex_lock(&proxy->lock);
		if (poller[0].revents)
			accept_link(proxy);
		serve(proxy, seg_now());
		pthread_mutex_unlock(&proxy->lock);
	}
}

/* --- starting and stopping ----------------------------------------------------------- */

static int listen_somewhere(int *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&name, length) || listen(fd, 128) ||
	    getsockname(fd, (struct sockaddr *)&name, &length))
		return -1;
	*port = ntohs(name.sin_port);
	return fd;
}

static int start_thread(chaos_proxy *proxy)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&proxy->thread, NULL, run, proxy);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failure;
}

chaos_proxy *chaos_proxy_start(const char *path)
{
	chaos_proxy *proxy = calloc(1, sizeof(*proxy));
	if (!proxy)
		return NULL;
	pthread_mutex_init(&proxy->lock, NULL);
	snprintf(proxy->path, sizeof(proxy->path), "%s", path);
	proxy->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	proxy->listener = listen_somewhere(&proxy->port);
	if (proxy->wake >= 0 && proxy->listener >= 0 && start_thread(proxy) == 0)
		return proxy;
	if (proxy->wake >= 0)
		close(proxy->wake);
	if (proxy->listener >= 0)
		close(proxy->listener);
	free(proxy);
	return NULL;
}

static void change(chaos_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
}

static void changed(chaos_proxy *proxy)
{
	pthread_mutex_unlock(&proxy->lock);
	(void)eventfd_write(proxy->wake, 1);
}

void chaos_proxy_stop(chaos_proxy *proxy)
{
	if (!proxy)
		return;
	change(proxy);
	proxy->stopping = true;
	changed(proxy);
	pthread_join(proxy->thread, NULL);
	for (size_t i = 0; i < proxy->count; i++)
		destroy_link(proxy->links[i]);
	close(proxy->listener);
	close(proxy->wake);
	pthread_mutex_destroy(&proxy->lock);
	free(proxy);
}

/* --- settings ------------------------------------------------------------------ */

int chaos_proxy_port(const chaos_proxy *proxy)
{
	return proxy->port;
}

size_t chaos_proxy_links(chaos_proxy *proxy)
{
	change(proxy);
	size_t count = proxy->count;
	pthread_mutex_unlock(&proxy->lock);
	return count;
}

void chaos_proxy_point(chaos_proxy *proxy, const char *path)
{
	change(proxy);
	snprintf(proxy->path, sizeof(proxy->path), "%s", path);
	changed(proxy);
}

static bool meant(const chaos_proxy *proxy, size_t i, int which)
{
	return which == CHAOS_ALL_LINKS || (size_t)which % proxy->count == i;
}

void chaos_proxy_cut(chaos_proxy *proxy, int which)
{
	change(proxy);
	for (size_t i = 0; i < proxy->count; i++)
		if (meant(proxy, i, which))
			proxy->links[i]->dead = true;
	changed(proxy);
}

void chaos_proxy_cut_after(chaos_proxy *proxy, int which, size_t bytes)
{
	change(proxy);
	for (size_t i = 0; i < proxy->count; i++)
		if (meant(proxy, i, which))
			proxy->links[i]->to_client.cut_after = (int64_t)bytes;
	changed(proxy);
}

void chaos_proxy_swallow(chaos_proxy *proxy, int which, chaos_direction direction)
{
	change(proxy);
	for (size_t i = 0; i < proxy->count; i++) {
		if (!meant(proxy, i, which))
			continue;
		proxy->links[i]->to_server.swallow |= (direction & CHAOS_TO_SERVER) != 0;
		proxy->links[i]->to_client.swallow |= (direction & CHAOS_TO_CLIENT) != 0;
	}
	if (which == CHAOS_ALL_LINKS)
		proxy->swallow |= (int)direction;
	changed(proxy);
}

static void set_held(chaos_proxy *proxy, int which, bool held)
{
	change(proxy);
	for (size_t i = 0; i < proxy->count; i++)
		if (meant(proxy, i, which))
			proxy->links[i]->held = held;
	if (which == CHAOS_ALL_LINKS)
		proxy->held = held;
	changed(proxy);
}

void chaos_proxy_hold(chaos_proxy *proxy, int which)
{
	set_held(proxy, which, true);
}

void chaos_proxy_release(chaos_proxy *proxy, int which)
{
	set_held(proxy, which, false);
}

void chaos_proxy_delay(chaos_proxy *proxy, unsigned ms, unsigned bytes_per_second)
{
	change(proxy);
	proxy->delay_ms = ms;
	proxy->bytes_per_second = bytes_per_second;
	changed(proxy);
}

void chaos_proxy_corrupt(chaos_proxy *proxy, int which)
{
	change(proxy);
	for (size_t i = 0; i < proxy->count; i++)
		if (meant(proxy, i, which))
			proxy->links[i]->to_client.corrupt = true;
	changed(proxy);
}

static void heal_flow(proxy_link *l, flow *f)
{
	l->dead |= f->swallowed;
	f->swallow = false;
	f->corrupt = false;
	f->cut_after = NO_CUT;
}

void chaos_proxy_heal(chaos_proxy *proxy)
{
	change(proxy);
	proxy->swallow = 0;
	proxy->held = false;
	proxy->delay_ms = proxy->bytes_per_second = 0;
	for (size_t i = 0; i < proxy->count; i++) {
		proxy_link *l = proxy->links[i];
		l->held = false;
		heal_flow(l, &l->to_server);
		heal_flow(l, &l->to_client);
	}
	changed(proxy);
}
