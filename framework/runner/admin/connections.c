#include "admin/connections.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

struct seg_connection {
	int fd;
	bool ended;     /* shut down; its owner does not know yet */
	bool answering; /* its request has come */
	int64_t since;  /* the connect, the last request, or the last answer */
	struct in6_addr peer;
	seg_connection *next;
};

struct seg_connections {
	size_t most;
	pthread_t watcher;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the first connection came, or the end */

	/* Under the lock. */
	seg_connection *first; /* the newest */
	size_t open;           /* those that have not ended */
	bool ending;
};

/* --- the list, under the lock -------------------------------------------------------- */

/* IPv4 addresses as IPv6 writes them; a Unix socket has none. */
static struct in6_addr address_of(const struct sockaddr *peer)
{
	struct in6_addr address = IN6ADDR_ANY_INIT;
	if (peer && peer->sa_family == AF_INET6)
		address = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
	if (peer && peer->sa_family == AF_INET) {
		address.s6_addr[10] = address.s6_addr[11] = 0xff;
		memcpy(&address.s6_addr[12], &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
	}
	return address;
}

static void end(seg_connections *c, seg_connection *connection)
{
	if (connection->ended)
		return;
	shutdown(connection->fd, SHUT_RDWR);
	connection->ended = true;
	c->open--;
}

static size_t count_of(const seg_connections *c, const struct in6_addr *peer)
{
	size_t count = 0;
	for (const seg_connection *i = c->first; i; i = i->next)
		count += !i->ended && IN6_ARE_ADDR_EQUAL(&i->peer, peer);
	return count;
}

/* Of the address that holds the most, the one that has been waiting longest. */
static seg_connection *find_victim(const seg_connections *c)
{
	seg_connection *victim = NULL;
	size_t most = 0;
	for (seg_connection *i = c->first; i; i = i->next) {
		size_t count = i->ended ? 0 : count_of(c, &i->peer);
		if (count < most || count == 0 || (count == most && i->since > victim->since))
			continue;
		victim = i;
		most = count;
	}
	return victim;
}

static void expire(seg_connections *c, int64_t now)
{
	for (seg_connection *i = c->first; i; i = i->next)
		if (now - i->since >
		    (i->answering ? SEG_CONNECTION_ANSWER_TIMEOUT : SEG_CONNECTION_ASK_TIMEOUT))
			end(c, i);
}

/* --- the watcher's thread ---------------------------------------------------------------- */

static void *watch(void *arg)
{
	seg_connections *c = arg;
	pthread_mutex_lock(&c->lock);
	while (!c->ending) {
		struct timespec soon;
		if (!c->first) {
			pthread_cond_wait(&c->changed, &c->lock);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &soon);
		soon.tv_sec++;
		pthread_cond_timedwait(&c->changed, &c->lock, &soon);
		expire(c, seg_now());
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* --- its life: the main thread ----------------------------------------------------------- */

seg_connections *seg_connections_create(size_t most)
{
	pthread_condattr_t monotonic;
	seg_connections *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->most = most;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int failure = seg_thread_start(&c->watcher, "seg-admin-wait", watch, c);
	if (failure == 0)
		return c;
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
	errno = failure;
	return NULL;
}

void seg_connections_destroy(seg_connections *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->ending = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->watcher, NULL);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* --- the server's threads ------------------------------------------------------------------ */

seg_connection *seg_connections_add(seg_connections *c, int fd, const struct sockaddr *peer)
{
	seg_connection *connection = calloc(1, sizeof(*connection));
	if (!connection)
		return NULL;
	connection->fd = fd;
	connection->since = seg_now();
	connection->peer = address_of(peer);
	pthread_mutex_lock(&c->lock);
	while (c->open >= c->most)
		end(c, find_victim(c));
	if (!c->first)
		pthread_cond_signal(&c->changed);
	connection->next = c->first;
	c->first = connection;
	c->open++;
	pthread_mutex_unlock(&c->lock);
	return connection;
}

void seg_connections_remove(seg_connections *c, seg_connection *connection)
{
	if (!connection)
		return;
	pthread_mutex_lock(&c->lock);
	seg_connection **link = &c->first;
	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	c->open -= !connection->ended;
	pthread_mutex_unlock(&c->lock);
	free(connection);
}

static void turn(seg_connections *c, seg_connection *connection, bool answering)
{
	if (!connection)
		return;
	pthread_mutex_lock(&c->lock);
	connection->answering = answering;
	connection->since = seg_now();
	pthread_mutex_unlock(&c->lock);
}

void seg_connections_asked(seg_connections *c, seg_connection *connection)
{
	turn(c, connection, true);
}

void seg_connections_answered(seg_connections *c, seg_connection *connection)
{
	turn(c, connection, false);
}

void seg_connections_expire(seg_connections *c, int64_t now)
{
	pthread_mutex_lock(&c->lock);
	expire(c, now);
	pthread_mutex_unlock(&c->lock);
}
