/*
 * audit.h - records with MONITOR what Redis executes, in Redis's own order: each claim, commit, dead letter
 * and release that took effect, with its caller's epoch, and each loss of a log or of a state. So the scripts under
 * test need no extra code.
 *
 * The listener has a thread of its own. If its connection breaks, it notes a gap and continues. With several servers, the
 * events are in the order of the servers' clocks, which must be one clock: only a master executes the scripts, so a
 * partition's events come from one server at a time.
 */
#ifndef CHAOS_AUDIT_H
#define CHAOS_AUDIT_H

#include "chaos/history.h"

typedef struct chaos_audit_listener chaos_audit_listener;

/*
 * Listens at the Unix socket at `path`; or, with NULL, to several servers that chaos_audit_add names. NULL if the system
 * refuses a thread.
 */
chaos_audit_listener *chaos_audit_start(const char *path);

/* Listens to one server more, up to 64 in all; or no longer, to a server that is gone for good. */
void chaos_audit_add(chaos_audit_listener *listener, const char *path);
void chaos_audit_remove(chaos_audit_listener *listener, const char *path);

/*
 * Listens to the socket at `path` from now on. The rollbacks are placed between the events heard so far and
 * all later ones.
 */
void chaos_audit_point(chaos_audit_listener *listener, const char *path, const chaos_rollback *rollbacks,
		       size_t count);

/* The server was killed, and the next one at its path will be empty. That is placed between the events of the two. */
void chaos_audit_emptied(chaos_audit_listener *listener);

/* Whether the listener is connected to all servers: if so, it hears every command from now on. */
bool chaos_audit_listens(chaos_audit_listener *listener);

/* The client id of the listener's connection, which CLIENT KILL must spare; -1 without a connection. */
long long chaos_audit_client_id(chaos_audit_listener *listener);

/* Stops the listener, and adds the events it has heard to the history. NULL is allowed. */
void chaos_audit_stop(chaos_audit_listener *listener, chaos_history *history);

/* --- the parser, for its tests --- */

/* How to read the next line of MONITOR: it depends on the script that Redis is executing. */
typedef struct chaos_audit_parser {
	char sha[3][41]; /* of claim, commit and dead_letter */
	int script;      /* one of these, or -1 */
	uint64_t epoch;
	uint32_t partition;
	bool of_output;
} chaos_audit_parser;

/* Takes one line. True if the line is an event; the caller sets the event's time, which is left 0. */
bool chaos_audit_parse(chaos_audit_parser *parser, const char *line, chaos_audit *event);

#endif
