/*
 * connection.h - one non-blocking connection to one Redis, with pipelining.
 *
 * Commands are formatted into an output buffer and leave with the next flush; each has a
 * callback, which runs when its reply has been parsed, in the order of the commands. A lost connection runs every
 * waiting callback with NULL ("no answer: it may or may not have been executed"), and then
 * reconnects on its own with backoff and jitter.
 *
 * At every connect it authenticates, selects the database, names the client and loads the scripts, so
 * a command that is issued while the connection is `ready` runs on a prepared connection.
 *
 * A connection belongs to one thread, which calls all of these. Callbacks may issue commands; they must not destroy
 * the connection.
 */
#ifndef SEG_REDIS_CONNECTION_H
#define SEG_REDIS_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "redis/address.h"
#include "redis/reply.h"
#include "redis/script.h"

typedef struct seg_connection seg_connection;

/* up: ready for commands; else lost, with `why` (borrowed), after all callbacks have run with NULL. */
typedef void (*seg_connection_state_fn)(void *arg, bool up, const seg_error *why);

typedef struct seg_connection_options {
	const seg_address *address; /* borrowed: outlives the connection */
	const char *client_name;    /* copied; CLIENT SETNAME */
	int64_t connect_timeout;    /* ns, for looking up the host, connecting and preparing together */
	int64_t answer_timeout; /* ns without a byte while an answer is due: the connection is broken; 0: never */
	seg_logger logger;
	seg_connection_state_fn on_state; /* or NULL */
	void *arg;
} seg_connection_options;

/* Allocates; connects at the first seg_connection_tick. NULL if out of memory. */
seg_connection *seg_connection_create(const seg_connection_options *options);

/* Runs waiting callbacks with NULL, closes, frees. NULL is allowed. */
void seg_connection_destroy(seg_connection *connection);

/* Whether commands can be issued. */
bool seg_connection_ready(const seg_connection *connection);

/* Why it is not ready: the newest error; status 0 if there was none. */
const seg_error *seg_connection_error(const seg_connection *connection);

/* Counts successful connects: tells an old link from a new one. */
uint64_t seg_connection_incarnation(const seg_connection *connection);

/*
 * Issues a command; false if the connection is not ready or memory is out (the callback is then not called).
 * Arguments are copied.
 */
bool seg_connection_command(seg_connection *connection, seg_reply_fn fn, void *arg, int argc,
			    const char *const *argv, const size_t *lengths);

/* The same for words without NULs, ended by (char *)NULL. */
__attribute__((sentinel)) bool seg_connection_words(seg_connection *connection, seg_reply_fn fn, void *arg,
						    ...);

/* The same for XREAD: entries go to the sink; the callback gets a nil, an error, or an empty array. */
bool seg_connection_entries(seg_connection *connection, seg_entry_sink *sink, seg_reply_fn fn, void *arg,
			    int argc, const char *const *argv, const size_t *lengths);

/*
 * EVALSHA of a script: argv holds `keys` keys, then arguments. Should Redis have forgotten the
 * script (NOSCRIPT), it is loaded again and the callback gets the error: try again
 * (seg_reply_is_transient says so).
 */
bool seg_connection_script(seg_connection *connection, seg_script script, seg_reply_fn fn, void *arg,
			   int keys, int argc, const char *const *argv, const size_t *lengths);

/* Redis's number for this link (CLIENT ID), for CLIENT UNBLOCK from another one; -1 if unknown. */
int64_t seg_connection_client_id(const seg_connection *connection);

/* Commands whose answer has not come. */
size_t seg_connection_waiting(const seg_connection *connection);

/* Bytes in the output buffer that the kernel has not taken yet. */
size_t seg_connection_unsent(const seg_connection *connection);

/* --- for the owner's event loop --- */

/* The descriptor to poll, or -1 while there is none. It changes while connecting, and at reconnects: ask each time. */
int seg_connection_fd(const seg_connection *connection);

/* EPOLLIN, and EPOLLOUT while there is something to write (or a connect to finish). */
uint32_t seg_connection_events(const seg_connection *connection);

/*
 * Does all that can be done without blocking: connects, writes, reads at most a bounded amount, runs
 * callbacks, notices timeouts. `readable` says that the socket may hold data (true is never wrong, only a
 * system call dearer). Returns the time (seg_now) by which it wants to be called again without an event.
 */
int64_t seg_connection_tick(seg_connection *connection, int64_t now, bool readable);

/* Writes what is in the output buffer, as far as the kernel takes it. tick does it too. */
void seg_connection_flush(seg_connection *connection);

/* Breaks the connection as if the peer had, with a reason; it reconnects. */
__attribute__((format(printf, 3, 4))) void seg_connection_break(seg_connection *connection, int status,
								const char *format, ...);

/* --- for callers that wait --- */

/*
 * Polls and ticks until `*done` is true (a callback sets it) or until the deadline. 0, or SEG_ETIMEOUT.
 * Returns SEG_EAUTH or SEG_ESERVER at once when the server refuses for good.
 */
int seg_connection_wait(seg_connection *connection, const bool *done, int64_t deadline);

/* The same until it is ready. */
int seg_connection_wait_ready(seg_connection *connection, int64_t deadline);

#endif
