/*
 * proxy.h - a proxy between clients and a Redis server that misbehaves as a network does, when told to.
 *
 * It listens on a TCP port of 127.0.0.1 and passes each connection (a link) on to a server's Unix socket, in a thread
 * of its own. All functions may be called from any thread. `which` is a link's number, taken modulo how many there
 * are, or CHAOS_ALL_LINKS; what is set for all holds for links that come later, too, until chaos_proxy_heal.
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

/* Starts one in front of the Unix socket at `path`. NULL, with errno, if the system refuses. */
chaos_proxy *chaos_proxy_start(const char *path);

/* Cuts all links, ends the thread, frees. NULL is allowed. */
void chaos_proxy_stop(chaos_proxy *proxy);

int chaos_proxy_port(const chaos_proxy *proxy);

/* How many links there are now. */
size_t chaos_proxy_links(chaos_proxy *proxy);

/* Links that come from now on go to the Unix socket at `path`. */
void chaos_proxy_point(chaos_proxy *proxy, const char *path);

/* Ends links at once: the client gets a reset. */
void chaos_proxy_cut(chaos_proxy *proxy, int which);

/* Ends links when so many further bytes have gone to the client: in the middle of a reply, say. */
void chaos_proxy_cut_after(chaos_proxy *proxy, int which, size_t bytes);

/* Half-open: what comes is read, and thrown away. A link that lost bytes so is cut when it is healed. */
void chaos_proxy_swallow(chaos_proxy *proxy, int which, chaos_direction direction);

/* Nothing moves on these links, and nothing gets lost, until they are released. */
void chaos_proxy_hold(chaos_proxy *proxy, int which);
void chaos_proxy_release(chaos_proxy *proxy, int which);

/* Both ways, each piece arrives so much later, and no faster than that. 0: at once, as fast as it goes. */
void chaos_proxy_delay(chaos_proxy *proxy, unsigned ms, unsigned bytes_per_second);

/* The first byte of what the server says next, on one link, is another one. */
void chaos_proxy_corrupt(chaos_proxy *proxy, int which);

/* Ends all that is wrong, for the links there are and those to come. Cuts links that have lost bytes. */
void chaos_proxy_heal(chaos_proxy *proxy);

#endif
