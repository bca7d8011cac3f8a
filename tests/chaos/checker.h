/*
 * checker.h - judges a history. Pure: it reads nothing but its arguments.
 *
 * lost        an acknowledged record that no handler was done with and that is no dead letter; or what a handler
 *             wanted dead-lettered is not there, or more than once
 * reordered   within one ownership messages do not follow each other as in the log; an ownership began behind
 *             messages that nobody had handled; a key's records lie in the log out of order, or twice; a message that
 *             nobody sent
 * stale       Redis executed a commit of another than the newest owner, behind the newest position, or of what its
 *             owner had not handled; an epoch did not rise; two owners handled messages of a partition at the same
 *             time, or an older one began to after a newer one had. One call of a handler is forgiven to each
 *             ownership whose process was stopped, as nobody can take back a call that was under way.
 * excessive   more repetition after a takeover than what may be in flight, or any after a clean handoff
 * miscounted  the group has not noticed as many entries that were deleted unread as there were
 *
 * What a new primary never had is not lost, as Redis had lost it: only what is behind the end of its log when it becomes the
 * primary, and not behind the end of the old one's. What it has again is handled again, from its position on. Whoever was an owner
 * in the history that was lost trusts its lease until that ends; that is forgiven for as long, and no longer.
 *
 * What was deleted on purpose is not lost, and may be passed over; before it was deleted it may not.
 */
#ifndef CHAOS_CHECKER_H
#define CHAOS_CHECKER_H

#include <stdio.h>

#include "chaos/history.h"

typedef struct chaos_verdict {
	size_t sent;    /* acknowledged */
	size_t handled; /* entries that a handler was done with */
	size_t lost, reordered, stale, excessive, miscounted;
	size_t gaps;           /* entries that were deleted before anybody was given them */
	size_t late_deletions; /* and after somebody was */
	size_t outlived;       /* calls at the same time that a lease of a lost history allowed */
	size_t vanished;       /* lost with a primary, before anybody was done with them */
	size_t duplicates; /* handed over again by a later ownership, not asked for: allowed, within bounds */
	size_t takeovers; /* partitions taken over from killed processes, with nothing else wrong meanwhile */
	long takeover_p99_ms;
} chaos_verdict;

/* Writes a line for each of the first violations to `out`, which may be NULL. The history is sorted on the way. */
void chaos_check(chaos_history *history, chaos_verdict *verdict, FILE *out);

/* Whether nothing is wrong. */
bool chaos_verdict_good(const chaos_verdict *verdict);

#endif
