/*
 * route.h - the connections to one Redis, and which of them a command takes.
 *
 * A single server is a route of one node. On a cluster there is one connection for each master that is used, and a
 * command goes to the node that has the slot of its key: of the first key, for a script. All keys of one command
 * must have the same slot.
 *
 * On a cluster a command is accepted before its node is connected, and waits. An answer MOVED or ASK does not reach
 * the caller: the command is issued again at the node that the answer names. This is safe for what the project
 * sends, because each of its scripts and commands bears repetition, and because what must be in order is checked by
 * the scripts. Answers of different nodes come in any order. A new master may lack writes that the caller builds on: a script for
 * which that matters follows ASK only (seg_route_staying_script).
 *
 * A route belongs to one thread, which makes all calls. Callbacks may issue commands; they must not destroy the
 * route.
 */
#ifndef SEG_REDIS_ROUTE_H
#define SEG_REDIS_ROUTE_H

#include "redis/bell.h"
#include "redis/connection.h"
#include "redis/poll_set.h"
#include "redis/slot.h"

typedef struct seg_route seg_route;

/*
 * A node of the route. 0: the server of the address, as long as it is not known to be a cluster's. The nodes of a
 * cluster are numbered from 1; a node keeps its number.
 */
typedef uint32_t seg_node;

/* What a route tells its owner, while it ticks. Each function may be NULL. */
typedef struct seg_route_hooks {
	void *arg;
	/* A node's connection is ready, or was lost: as seg_connection_state_fn. */
	void (*state)(void *arg, seg_node node, bool up, const seg_error *why);
	/* A key that was read has changed; key NULL: any of the node's keys may have. See seg_route_bell. */
	void (*ring)(void *arg, seg_node node, const char *key, size_t length);
} seg_route_hooks;

/*
 * Allocates; connects at the first seg_route_tick. Each node's connection gets the options; endpoint and the
 * functions of the options are the route's. hooks: copied, or NULL. NULL if out of memory.
 */
seg_route *seg_route_create(const seg_connection_options *options, const seg_route_hooks *hooks);

/* Runs the waiting callbacks with NULL, closes, frees. NULL is allowed. */
void seg_route_destroy(seg_route *route);

/* Whether it accepts commands, at least for some keys. On a cluster: whether it knows the nodes. */
bool seg_route_ready(const seg_route *route);

/* The same for the keys of a slot (seg_slot_of). The first question lets the route connect to the slot's node. */
bool seg_route_ready_for(seg_route *route, uint16_t slot);

/* Whether it has met a cluster. */
bool seg_route_is_cluster(const seg_route *route);

/* On a cluster: takes over where a slot is, from another route to the same cluster that has learnt it; and asks for the map. */
void seg_route_learn(seg_route *route, uint16_t slot, const seg_route *from);

/* The node of a slot; 0 on a cluster: none is known. Its server: "host:port". */
seg_node seg_route_node(const seg_route *route, uint16_t slot);
const char *seg_route_where(const seg_route *route, seg_node node);

/* Rises whenever a slot gets another node. */
unsigned seg_route_changes(const seg_route *route);

/*
 * On a cluster: whether one node's map tells all that is known of the slots, and no slot has moved since. Only then it is known
 * whether a node that has lost a slot has kept others.
 */
bool seg_route_is_whole(const seg_route *route);
bool seg_route_has_slots(const seg_route *route, seg_node node);

/* The nodes that have slots, one after the other: pass 0, then the last one; 0 after the last. On a single server: 0. */
seg_node seg_route_next(const seg_route *route, seg_node node);

/*
 * Whether reads of keys in the slot ring: whether hooks.ring hears when such a key changes after a read. The first
 * question makes the bell of the slot's node. While a slot moves, its reads may be answered by a node without a bell:
 * ask again after the answer.
 */
seg_bell_state seg_route_bell(seg_route *route, uint16_t slot);

/*
 * The newest error, which says why the route is not ready; status 0 if there was none. On a cluster: that of a node that cannot be
 * reached, first of one that commands wait for.
 */
const seg_error *seg_route_error(const seg_route *route);

/* On a cluster: that of the node that has the slot. */
const seg_error *seg_route_error_for(const seg_route *route, uint16_t slot);

/*
 * Whether further connects fail in the same way, as seg_connection_is_refused. On a cluster: to all nodes that commands wait for, and
 * there are such commands; the other nodes answer.
 */
bool seg_route_is_refused(const seg_route *route);

/* A connection that commands wait for, first one that is not ready; NULL: none. */
const seg_connection *seg_route_awaited(const seg_route *route);

/*
 * Whether every connect of the last minute was refused for the login; on a cluster: to the node that has the slot. Users are made on each
 * node by itself, and the others may know this one.
 */
bool seg_route_login_is_lost(const seg_route *route, uint16_t slot, int64_t now);

/*
 * The connection that has the key (NULL: any), or of a node: for a transaction, which must not be split, and for
 * questions about a node. Never NULL unless out of memory; maybe not ready.
 */
seg_connection *seg_route_connection(seg_route *route, const char *key);
seg_connection *seg_route_node_connection(seg_route *route, seg_node node);

/*
 * In a callback: the connection that its answer came from, which is another one than the command was issued on if Redis has
 * redirected the command. NULL outside of callbacks. What a callback issues there follows the command on the same link.
 */
seg_connection *seg_route_answering(const seg_route *route);

/*
 * In a callback with NULL, before it breaks a connection: whether its command was never written to any node, and so was not
 * executed. Such commands wait for their node to connect; seg_route_lose_unwritten gives up all that wait now, not in a callback.
 */
bool seg_route_lost_unwritten(const seg_route *route);
void seg_route_lose_unwritten(seg_route *route);

/* The shortest round trip to the node that has the key, in ns; 0: unknown. */
int64_t seg_route_round_trip(seg_route *route, const char *key);

/* Whether the newest error of the connection to that node is that memory ran out. */
bool seg_route_lacks_memory(seg_route *route, const char *key);

/* As seg_connection_expect, on that node. Does nothing without memory for a connection. */
void seg_route_expect(seg_route *route, const char *key, seg_script script);

/* As seg_connection_flush, on that node. Does nothing without memory for a connection. */
void seg_route_flush(seg_route *route, const char *key);

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

/*
 * The same for a script that must not reach a master whose state the caller has not looked at. Its callback gets the error MOVED;
 * by then the route knows the new master.
 */
bool seg_route_staying_script(seg_route *route, seg_script script, seg_reply_fn fn, void *arg, int keys,
			      int argc, const char *const *argv, const size_t *lengths);

/* Breaks the connections with waiting commands, with a reason, as if the peers had closed them. They then reconnect. */
__attribute__((format(printf, 3, 4))) void seg_route_break(seg_route *route, int status, const char *format,
							   ...);

/* The same, because their servers have not answered within so many ms: each error names its server. */
void seg_route_break_silent(seg_route *route, int64_t ms);

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

/* As seg_connection_write, on all connections. */
int64_t seg_route_write(seg_route *route, int64_t now);

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
