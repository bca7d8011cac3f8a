/*
 * checker_parts.h - what the parts of the checker share; checker.h says what they look for. checker.c runs
 * the parts in the order of this file; each uses the results of those before it.
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
	uint64_t rank;      /* a later owner's is higher: by the era, then the epoch */
	int64_t start, end; /* end: when the call had surely ended, with its process if need be */
	size_t ownership;
	int64_t forgiven; /* the end of the freeze for which it was forgiven; 0: it was not */
} chaos_call;

/* From partition_open to partition_close; of all lanes, if the partition has some. */
typedef struct chaos_ownership {
	uint32_t partition;
	int process;
	uint64_t epoch;
	size_t era; /* how often Redis had lost everything when it claimed the partition */
	int64_t claimed; /* when Redis made it the owner, which may be long before it opened; as far as it was heard */
	int64_t opened;
	bool closed; /* the handler's partition_close was called */
	bool released;
	bool untold;           /* a pull consumer's: nobody told when it opened and closed */
	bool begun;            /* a message was handed over */
	size_t again;          /* messages that an earlier ownership had, too */
	size_t first;          /* the entry it began with */
	size_t done;           /* the index after the last entry it finished */
	size_t furthest;       /* the index after the last entry it was ever given */
	bool wants_letter;     /* the last of those counts only once its dead letter is written */
	int64_t forgiven;      /* the end of the freeze for which calls were forgiven; 0: none was */
	size_t forgiven_calls; /* how many were */
} chaos_ownership;

/* The data of one run of the checker. */
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

/* Counts one violation more, and prints it unless too many were printed already. */
void chaos_violation(chaos_checker *c, size_t *counter, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * checker_walk.c: each ownership's messages must follow the log's order without gaps. Makes the lists of
 * ownerships and calls.
 */
void chaos_check_walk(chaos_checker *c);

/* checker_lanes.c: the same where partitions have lanes. */
void chaos_check_lanes(chaos_checker *c);

/* When the process had surely ended, or CHAOS_NEVER. */
int64_t chaos_end_of_process(const chaos_history *history, int process);

/* Whether Redis executed the owner's release before `until`, and nothing hindered the owner from committing all that it had done. */
bool chaos_was_released(const chaos_checker *c, const chaos_ownership *ownership, int64_t until);

/*
 * Whether the owner could not know that the log of the entry `to` is a new one, which follows a lost one with lower ids: it went on
 * behind the ids that it had read, and so passed the entries from `from` on. It learns that at its next commit, and these
 * messages come again, in order.
 */
bool chaos_is_astray(const chaos_checker *c, const chaos_ownership *ownership, size_t from, size_t to);

/*
 * checker_owners.c: where each ownership began, what it repeated, and what two owners did at the same time.
 */
void chaos_check_owners(chaos_checker *c);

/*
 * checker_deaths.c: how many deaths may at most count against an entry: of owners that had begun and not finished it, and up
 * to two of owners that died where it was the next one. Call it after chaos_check_walk.
 */
unsigned chaos_deaths_most(const chaos_checker *c, const chaos_entry *entry);

/* checker_takeovers.c: how long partitions of killed processes had no owner. */
void chaos_check_takeovers(chaos_checker *c);

/* checker_redis.c: claims, commits and releases, in the order in which Redis executed them. */
void chaos_check_redis(chaos_checker *c);

#endif
