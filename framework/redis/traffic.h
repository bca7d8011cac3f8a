/*
 * traffic.h - what goes over a connection while it is open: the commands that wait, the bytes both ways, and each answer to the
 * callback of its command. It neither connects nor logs in: the connection opens it with a transport, and closes it.
 *
 * Callbacks run inside seg_traffic_read and seg_traffic_close. One that wants the connection to break only notes so
 * (break_wanted); the read then ends after that callback. One thread.
 */
#ifndef SEG_REDIS_TRAFFIC_H
#define SEG_REDIS_TRAFFIC_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis/pipeline.h"
#include "redis/progress.h"
#include "redis/reader.h"
#include "redis/transport.h"

typedef struct seg_traffic {
	/* Set by the connection, constant: */
	int64_t answer_timeout; /* ns without progress while an answer is due; 0: no limit */
	/* A command was answered with an error. True: it was issued again elsewhere, and its callback does not run. */
	bool (*on_error)(void *arg, const seg_reply *error, const seg_waiting_command *command,
			 const char *bytes);
	/* Gets what Redis pushes to a subscriber, once the traffic is ready; or NULL. */
	seg_reply_fn on_message;
	/* After each answer until the traffic is ready. */
	void (*on_answer)(void *arg);
	void *arg; /* of these */

	/* Set by the connection: */
	bool break_wanted; /* by a callback */

	/* Read by the connection: */
	seg_transport *transport; /* NULL: closed */
	bool ready;               /* the preparation is done: the parked commands were issued */
	bool in_callbacks;
	bool losing_parked; /* the callback that runs has NULL for a command that was never written */
	bool is_no_master;  /* the server has said so: it breaks after the answers that have come */
	seg_pipeline pipeline;
	seg_pipeline parked; /* the commands that wait for the next time that the traffic is ready */

	/* Its own: */
	const char *where; /* the server, for messages */
	seg_reader reader;
	seg_progress progress;
	int64_t heard_at; /* when the last byte came */
} seg_traffic;

/* False if out of memory; seg_traffic_fini is then still needed. Close it before seg_traffic_fini. */
bool seg_traffic_init(seg_traffic *traffic);
void seg_traffic_fini(seg_traffic *traffic);

/* Takes the transport over. `where` is borrowed until the close. False if out of memory: then close it. */
bool seg_traffic_open(seg_traffic *traffic, seg_transport *transport, const char *where);

/* The preparation is done: issues the parked commands. False if out of memory: then break the connection. */
bool seg_traffic_become_ready(seg_traffic *traffic);

/* Closes the transport, and runs the callbacks of all commands, or of the parked ones, with NULL. */
void seg_traffic_close(seg_traffic *traffic);
void seg_traffic_lose_parked(seg_traffic *traffic);

/* Writes as far as the kernel accepts it. False with an error if the transport broke. */
bool seg_traffic_flush(seg_traffic *traffic, seg_error *error);

/*
 * Reads up to 2 MiB, and runs the callbacks of all whole answers. False if the connection must break: with the error, or the
 * callback that set break_wanted has given the reason.
 */
bool seg_traffic_read(seg_traffic *traffic, int64_t now, seg_error *error);

/* Whether there may be something to read although no poll says so. */
bool seg_traffic_pending(const seg_traffic *traffic);

/* Bytes that the kernel has not taken yet. */
size_t seg_traffic_unsent(const seg_traffic *traffic);

/* What to poll; the descriptor is -1 while it is closed. */
struct pollfd seg_traffic_polled(const seg_traffic *traffic);

/* Whether an answer is overdue. Looks at the socket for progress if it is time. */
bool seg_traffic_is_late(seg_traffic *traffic, int64_t now);

/* When to ask seg_traffic_is_late next; SEG_NEVER: no answer is due, or there is no limit. */
int64_t seg_traffic_timer(const seg_traffic *traffic);

#endif
