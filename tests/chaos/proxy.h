/*
 * proxy.h - a proxy between clients and a Redis server that behaves like a bad network on request.
 *
 * The proxy listens on a TCP port of 127.0.0.1 and connects each client (a link) to a server's Unix socket,
 * in a thread of its own. Any thread may call these functions. `which` is a link's number, taken modulo the
 * number of links, or CHAOS_ALL_LINKS. A setting for all links also holds for later links, until
 * chaos_proxy_heal.
 */
#ifndef CHAOS_PROXY_H
#define CHAOS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct chaos_proxy chaos_proxy;

enum { CHAOS_ALL_LINKS = -1 };

typedef enum chaos_direction {
	CHAOS_TO_SERVER = 1,
	CHAOS_TO_CLIENT = 2,
	CHAOS_BOTH_WAYS = 3,
} chaos_direction;

/*
 * Starts a proxy for the Unix socket at `path`, or for a TCP port of 127.0.0.1 ("6380"). NULL, with errno, if the system
 * refuses.
 */
chaos_proxy *chaos_proxy_start(const char *path);

/* Cuts all links, ends the thread, frees the proxy. NULL is allowed. */
void chaos_proxy_stop(chaos_proxy *proxy);

int chaos_proxy_port(const chaos_proxy *proxy);

/* The number of links now. */
size_t chaos_proxy_links(chaos_proxy *proxy);

/* New links go to the Unix socket at `path` from now on. */
void chaos_proxy_point(chaos_proxy *proxy, const char *path);

/* Cuts links at once: the client gets a reset. */
void chaos_proxy_cut(chaos_proxy *proxy, int which);

/* Cuts links after so many more bytes to the client, for example in the middle of a reply. */
void chaos_proxy_cut_after(chaos_proxy *proxy, int which, size_t bytes);

/* Half-open: the proxy reads and discards bytes in this direction. Healing cuts a link that lost bytes. */
void chaos_proxy_swallow(chaos_proxy *proxy, int which, chaos_direction direction);

/* Holds these links: no byte moves, and none is lost, until they are released. */
void chaos_proxy_hold(chaos_proxy *proxy, int which);
void chaos_proxy_release(chaos_proxy *proxy, int which);

/* Delays each piece by so much in both directions, and limits the speed. 0: no delay, full speed. */
void chaos_proxy_delay(chaos_proxy *proxy, unsigned ms, unsigned bytes_per_second);

/* Changes the first byte of the server's next data on one link. */
void chaos_proxy_corrupt(chaos_proxy *proxy, int which);

/* Ends all faults, for present and future links. Cuts links that have lost bytes. */
void chaos_proxy_heal(chaos_proxy *proxy);

#endif
