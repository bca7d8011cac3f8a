/*
 * route.h - the connections to one Redis, and which of them a command takes.
 *
 * A single server is a route of one node. On a cluster there is one connection for each master, and a command
 * goes to the node that has the slot of its key: of the first key, for a script. All keys of one command must
 * have the same slot.
 *
 * A route belongs to one thread, which makes all calls. Callbacks may issue commands; they must not destroy the
 * route.
 */
#ifndef SEG_REDIS_ROUTE_H
#define SEG_REDIS_ROUTE_H

#include "redis/connection.h"
#include "redis/poll_set.h"

typedef struct seg_route seg_route;

/*
 * The key by which a command is routed: NULL if it has none. It knows the commands of this project: the key is
 * the first argument, or the second of XINFO and XGROUP, or the first after STREAMS of XREAD.
 */
const char *seg_command_key(int argc, const char *const *argv);

/*
 * Allocates; connects at the first seg_route_tick. Each node's connection gets the options, with an endpoint of
 * its own. NULL if out of memory.
 */
seg_route *seg_route_create(const seg_connection_options *options);

/* Runs the waiting callbacks with NULL, closes, frees. NULL is allowed. */
void seg_route_destroy(seg_route *route);

/* Whether it accepts commands: for this key; for every key. */
bool seg_route_ready_for(const seg_route *route, const char *key);
bool seg_route_ready(const seg_route *route);

/* The newest error, which says why the route is not ready; status 0 if there was none. */
const seg_error *seg_route_error(const seg_route *route);

/* Whether further connects fail in the same way, as seg_connection_is_refused. */
bool seg_route_is_refused(const seg_route *route);

/* Whether every connect of the last minute was refused for the login. */
bool seg_route_login_is_lost(const seg_route *route, int64_t now);

/* The connection that has the key: for a transaction, which must not be split. Never NULL; maybe not ready. */
seg_connection *seg_route_connection(seg_route *route, const char *key);

/*
 * As the functions of seg_connection, on the node that has the command's key (seg_command_key); a command
 * without a key goes to any node.
 */
bool seg_route_command(seg_route *route, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
		       const size_t *lengths);
__attribute__((sentinel)) bool seg_route_words(seg_route *route, seg_reply_fn fn, void *arg, ...);
bool seg_route_entries(seg_route *route, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
		       const char *const *argv, const size_t *lengths);
bool seg_route_script(seg_route *route, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
		      const char *const *argv, const size_t *lengths);

/* Breaks the connections, with a reason, as if the peers had closed them. They then reconnect. */
__attribute__((format(printf, 3, 4))) void seg_route_break(seg_route *route, int status, const char *format,
							   ...);

/* Bytes of commands that the kernel has not taken yet. */
size_t seg_route_unsent(const seg_route *route);

/* --- for the owner's event loop --- */

/* Adds the route's descriptors to the set. The set outlives the next seg_route_tick. */
void seg_route_poll(seg_route *route, seg_poll_set *set);

/*
 * Does everything that is possible without blocking: connects, writes, reads, runs callbacks, checks timeouts.
 * polled: the set has been polled since seg_route_poll: reads where it has found something. Else nothing is
 * read. Returns the time (seg_now) of the next call if no event comes before.
 */
int64_t seg_route_tick(seg_route *route, int64_t now, bool polled);

/* --- for callers that wait --- */

/* A set of the route's own, for a caller that polls nothing else. */
seg_poll_set *seg_route_waiting_set(seg_route *route);

/*
 * Blocks until a callback sets *done: 0; or until the deadline (seg_now): SEG_ETIMEOUT. Returns SEG_EAUTH or
 * SEG_EPROTOCOL at once if every further connect would fail in the same way.
 */
int seg_route_wait(seg_route *route, const bool *done, int64_t deadline);

/* The same, until the route is ready for every key. */
int seg_route_wait_ready(seg_route *route, int64_t deadline);

#endif
