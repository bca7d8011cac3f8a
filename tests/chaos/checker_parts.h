/*
 * checker_parts.h - what the parts of the checker share; see checker.h for what they look for. checker.c runs them in the
 * order in which they stand here, each with what those before it found out.
 */
#ifndef CHAOS_CHECKER_PARTS_H
#define CHAOS_CHECKER_PARTS_H

#include <inttypes.h>
#include <stdio.h>

#include "chaos/checker.h"
#include "chaos/ledger.h"

#define CHAOS_NS_PER_MS 1000000

/* One call of a handler. */
typedef struct chaos_call {
	uint32_t partition;
	int process;
	uint64_t epoch;
	int64_t start, end; /* end: when it had surely ended, also with its process */
	size_t ownership;
} chaos_call;

/* From partition_open to partition_close. */
typedef struct chaos_ownership {
	uint32_t partition;
	int process;
	uint64_t epoch;
	int64_t opened;
	bool closed; /* the handler was told */
	bool released;
	bool begun;            /* a message was handed over */
	size_t again;          /* messages that an earlier ownership had been given */
	size_t first;          /* the entry it began with, */
	size_t done;           /* and one behind the last that it was done with; */
	bool wants_letter;     /* with that only once its dead letter is written */
	int64_t forgiven;      /* the end of the freeze for which a call was forgiven; 0: none */
	int64_t forgiven_call; /* when that call began */
} chaos_ownership;

/* What one run of the checker knows. */
typedef struct chaos_checker {
	chaos_history *history;
	chaos_ledger ledger;
	CHAOS_LIST(chaos_call) calls;
	CHAOS_LIST(chaos_ownership) ownerships;
	size_t *owner_of; /* the ownership that each record belongs to */
	chaos_verdict *verdict;
	FILE *out;
	size_t shown;
} chaos_checker;

#define ID "%" PRIu64 "-%" PRIu64
#define ID_OF(id) (id).ms, (id).seq

/* Counts one more of `counter`, and says so, if not too many were told already. */
void chaos_violation(chaos_checker *c, size_t *counter, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* checker_walk.c: what each ownership was given, in the log's order and without gaps; makes ownerships and calls. */
void chaos_check_walk(chaos_checker *c);

/* checker_owners.c: where each ownership began, what it repeated, and what two did at the same time. */
void chaos_check_owners(chaos_checker *c);

/* checker_takeovers.c: how long partitions of killed processes were nobody's. */
void chaos_check_takeovers(chaos_checker *c);

/* checker_redis.c: claims, commits and releases, in the order in which Redis executed them. */
void chaos_check_redis(chaos_checker *c);

#endif
