/*
 * audit.h - what Redis executes, in its own order, overheard with MONITOR: each claim, commit, dead letter and release
 * that took effect, with the epoch of its caller. So nothing needs to be added to the scripts that are tested. A thread of
 * its own; when its connection breaks it notes a gap and goes on.
 */
#ifndef CHAOS_AUDIT_H
#define CHAOS_AUDIT_H

#include "chaos/history.h"

typedef struct chaos_audit_listener chaos_audit_listener;

/* Listens at the Unix socket at `path`. NULL if the system refuses a thread. */
chaos_audit_listener *chaos_audit_start(const char *path);

/* Listens there from now on. What is rolled back, is between what was heard before and what will be. */
void chaos_audit_point(chaos_audit_listener *listener, const char *path, const chaos_rollback *rollbacks,
		       size_t count);

/* Whether it is listening now: what is executed from now on is heard. */
bool chaos_audit_listens(chaos_audit_listener *listener);

/* The client id of its connection, which CLIENT KILL must spare; -1 if it has none. */
long long chaos_audit_client_id(chaos_audit_listener *listener);

/* Ends it, and adds what it has heard to the history. NULL is allowed. */
void chaos_audit_stop(chaos_audit_listener *listener, chaos_history *history);

/* --- the parser, for its tests --- */

/* What a line of MONITOR depends on: the script that Redis is executing. */
typedef struct chaos_audit_parser {
	char sha[3][41]; /* of claim, commit and dead_letter */
	int script;      /* one of these, or -1 */
	uint64_t epoch;
	uint32_t partition;
} chaos_audit_parser;

/* Takes one line; true if it tells of an event, whose time is left 0. */
bool chaos_audit_parse(chaos_audit_parser *parser, const char *line, chaos_audit *event);

#endif
