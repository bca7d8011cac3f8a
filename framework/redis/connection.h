/*
 * connection.h - one non-blocking connection to one Redis server, with pipelining.
 *
 * A command is formatted into an output buffer and sent with the next flush. Its callback runs when its reply
 * has been parsed; callbacks run in the order of the commands. When the connection is lost, every waiting
 * callback runs with NULL (Redis may or may not have executed the command), and the connection reconnects by
 * itself, with backoff and jitter.
 *
 * After each connect, the connection logs in, selects the database, names the client and loads the scripts.
 * It accepts commands only when that is done ("ready"). Where there may be another server that is the master, it
 * refuses a replica.
 *
 * A server that is the master no more says so in its answers, such as READONLY. The callbacks get these, and then the
 * connection breaks and looks for the master.
 *
 * A connection belongs to one thread, which makes all calls. Callbacks may issue commands; they must not
 * destroy the connection.
 */
#ifndef SEG_REDIS_CONNECTION_H
#define SEG_REDIS_CONNECTION_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "redis/address.h"
#include "redis/denial.h"
#include "redis/master.h"
#include "redis/reply.h"
#include "redis/script.h"
#include "redis/slot.h"

typedef struct seg_connection seg_connection;
struct seg_waiting_command;

/*
 * up: the connection is ready. Otherwise it was lost, `why` (valid during the call) says the reason, and all
 * waiting callbacks have run with NULL.
 */
typedef void (*seg_connection_state_fn)(void *arg, bool up, const seg_error *why);

/*
 * Redis answered a command with an error. True: the function has issued the command again elsewhere. bytes: of the
 * command, for seg_connection_again; NULL if it may not be moved.
 */
typedef bool (*seg_connection_error_fn)(void *arg, const seg_reply *error,
					const struct seg_waiting_command *command, const char *bytes);

typedef struct seg_connection_options {
	const seg_address *address; /* borrowed: outlives the connection */
	/* The one node to connect to, borrowed; NULL: the address's endpoints, one after the other. */
	const seg_endpoint *endpoint;
	/* Where the master is, borrowed, if the address names one. NULL: connects to the address's endpoints. */
	seg_master *master;
	/* The address is that of a Sentinel: only logs in. */
	bool is_sentinel;
	const char *client_name; /* copied; CLIENT SETNAME */
	seg_denials *denials;    /* borrowed; NULL: each denied command is told once for this connection */
	bool login_only; /* log in and select the database, but send nothing else: no name, no scripts */
	int64_t connect_timeout; /* ns, for looking up the host, connecting and preparing together */
	/*
	 * The connection breaks after so many ns without progress while an answer is due; 0: never. Progress is a
	 * byte that comes, or a part of the waiting commands that the peer takes.
	 */
	int64_t answer_timeout;
	seg_logger logger;
	bool without_scripts; /* for a connection that runs none: they are not loaded */
	/* For one of many connections that run few of them: each is loaded with its first use, unless `early`. */
	bool scripts_at_use;
	/* Takes commands while it is down or connects, too. They wait, and are lost if the attempt fails. */
	bool early;
	seg_connection_state_fn on_state; /* or NULL */
	seg_connection_error_fn on_error; /* or NULL */
	seg_reply_fn on_slots; /* or NULL; gets the answer to CLUSTER SLOTS before each connect is done */
	/*
	 * For a connection that subscribes to channels, and else issues no command that is answered with an array:
	 * receives each message that Redis pushes, an array "message" or "pmessage", ..., channel, payload. NULL: a
	 * reply to no command breaks the connection. SUBSCRIBE itself has an answer as other commands have.
	 */
	seg_reply_fn on_message;
	void *arg; /* of all */
} seg_connection_options;

/* Allocates; connects at the first seg_connection_tick. NULL if out of memory. */
seg_connection *seg_connection_create(const seg_connection_options *options);

/* Runs the waiting callbacks with NULL, closes, frees. NULL is allowed. */
void seg_connection_destroy(seg_connection *connection);

/* Whether it accepts commands. */
bool seg_connection_ready(const seg_connection *connection);

/* The newest error, which says why the connection is not ready; status 0 if there was none. */
const seg_error *seg_connection_error(const seg_connection *connection);

/*
 * Whether it is down, and further connects fail in the same way: another protocol, no such master or database, a
 * refused login. But a login that was accepted once may be changing: it counts as refused after a minute. And a
 * server that was accepted once sends no other protocol: it does not count as refused when a reply is damaged.
 */
bool seg_connection_is_refused(const seg_connection *connection);

/* Whether every connect of the last minute was refused for the login. */
bool seg_connection_login_is_lost(const seg_connection *connection, int64_t now);

/* Differs between any two links of the process, old and new ones; 0: it has not connected yet. */
uint64_t seg_connection_incarnation(const seg_connection *connection);

/*
 * Issues a command. argv is copied; lengths NULL: all are NUL-terminated. False if the connection is not
 * ready or memory is out; the callback is then not called.
 */
bool seg_connection_command(seg_connection *connection, seg_reply_fn fn, void *arg, int argc,
			    const char *const *argv, const size_t *lengths);

/* The same for up to 16 NUL-terminated words, ended by (char *)NULL. */
__attribute__((sentinel)) bool seg_connection_words(seg_connection *connection, seg_reply_fn fn, void *arg,
						    ...);

/*
 * The same for XREAD, whose entries go to the sink. The callback gets an empty array after the entries, or
 * whatever Redis sends instead of them: a nil, an error.
 */
bool seg_connection_entries(seg_connection *connection, seg_entry_sink *sink, seg_reply_fn fn, void *arg,
			    int argc, const char *const *argv, const size_t *lengths);

/*
 * Runs a script (EVALSHA, or EVAL where Redis denies SCRIPT LOAD). argv has `keys` keys, then the arguments. If Redis has forgotten the script, the
 * connection loads it again, and the callback gets the error NOSCRIPT, which is transient: issue the script
 * again.
 */
bool seg_connection_script(seg_connection *connection, seg_script script, seg_reply_fn fn, void *arg,
			   int keys, int argc, const char *const *argv, const size_t *lengths);

/*
 * Which redirections the commands follow that are issued from now on: their bytes are kept until they are answered. At first none.
 * Never for the commands of a transaction.
 */
void seg_connection_follow(seg_connection *connection, seg_follow follow);

/* Issues a command of another connection again; asking: with ASKING before it. False as for a command. */
bool seg_connection_again(seg_connection *connection, const struct seg_waiting_command *command,
			  const char *bytes, bool asking);

/* For connection_command.c: where a new command goes; NULL: nowhere. */
struct seg_pipeline *seg_connection_pipeline(seg_connection *connection);

/* The same: whether the next call of the script carries its text, as seg_preparation_takes_text. */
bool seg_connection_takes_text(seg_connection *connection, seg_script script);

/* A call of the script will follow soon: see seg_preparation_expect. */
void seg_connection_expect(seg_connection *connection, seg_script script);

/* Redis's number of this link (CLIENT ID), for CLIENT UNBLOCK from another link; -1 if unknown. */
int64_t seg_connection_client_id(const seg_connection *connection);

/* The endpoint that it is or was connected to; NULL before the first attempt. Valid until the next attempt. */
const seg_endpoint *seg_connection_endpoint(const seg_connection *connection);

/* Where the server listens that it is or was connected to, for messages. Valid until the next attempt. */
const char *seg_connection_where(const seg_connection *connection);

/* Whether the callback that runs now belongs to a command of this connection. */
bool seg_connection_is_answering(const seg_connection *connection);

/*
 * In a callback with NULL: whether its command was never written, and so was not executed. Commands that are never written wait for
 * the connection (options.early); seg_connection_lose_unwritten gives up all that wait now, not in a callback.
 */
bool seg_connection_lost_unwritten(const seg_connection *connection);
void seg_connection_lose_unwritten(seg_connection *connection);

/* The number of commands without an answer. */
size_t seg_connection_waiting(const seg_connection *connection);

/*
 * The round-trip time to the server in ns, with the time of the fastest commands: the shortest time that this link
 * took to answer a command that did not wait behind another. 0: unknown.
 */
int64_t seg_connection_round_trip(const seg_connection *connection);

/* Bytes in the output buffer that the kernel has not taken yet. */
size_t seg_connection_unsent(const seg_connection *connection);

/* --- for the owner's event loop --- */

/*
 * What to poll. The descriptor is -1 while there is none; it changes while connecting and at reconnects: ask
 * each time.
 */
struct pollfd seg_connection_polled(const seg_connection *connection);

/*
 * Does everything that is possible without blocking: connects, writes, reads up to 2 MiB, runs callbacks,
 * checks timeouts. Pass readable = false only if the socket has no data: it saves a system call. Returns the
 * time (seg_now) of the next call if no event comes before.
 */
int64_t seg_connection_tick(seg_connection *connection, int64_t now, bool readable);

/* Writes the output buffer, as far as the kernel accepts it. seg_connection_tick does the same. */
void seg_connection_flush(seg_connection *connection);

/*
 * The same, and nothing else: runs no callback, and leaves an error of the socket to the next tick. So a thread that the owner
 * lends the connection to may write its commands. Returns when the next tick is due: `now` if at once.
 */
int64_t seg_connection_write(seg_connection *connection, int64_t now);

/* Breaks the connection, with a reason, as if the peer had closed it. It then reconnects. */
__attribute__((format(printf, 3, 4))) void seg_connection_break(seg_connection *connection, int status,
								const char *format, ...);

/* --- for callers that wait --- */

/*
 * Blocks until a callback sets *done: 0; or until the deadline (seg_now): SEG_ETIMEOUT. Returns SEG_EAUTH or
 * SEG_EPROTOCOL at once if every further connect would fail in the same way.
 */
int seg_connection_wait(seg_connection *connection, const bool *done, int64_t deadline);

/* The same, until the connection is ready. */
int seg_connection_wait_ready(seg_connection *connection, int64_t deadline);

#endif
