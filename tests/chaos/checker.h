/*
 * checker.h - judges a history. Pure: it reads only its arguments.
 *
 * lost        An acknowledged record was neither handled nor made a dead letter; or a message that a handler
 *             wanted dead-lettered has no dead letter, or several.
 * reordered   Within one ownership messages do not follow each other as in the log; an ownership began after
 *             unhandled messages; a key's records are in the log out of order, or twice; or the log has a
 *             message that nobody sent.
 * stale       Redis executed a commit that is not the newest owner's, is before the newest position, or
 *             covers messages that its owner had not handled; an epoch did not rise; two owners handled
 *             messages of a partition at the same time; or an older owner began a call after a newer one had.
 *             Each ownership whose process was stopped is forgiven one call of its handler, because nobody
 *             can take back a call in progress.
 * excessive   A takeover repeated more messages than may be in flight, or a clean handoff repeated any.
 * miscounted  The group did not count exactly the entries that were deleted unread.
 *
 * Entries that a new primary never had are not lost messages: Redis itself lost them. Only entries after the
 * end of the new primary's log, at the moment of the failover, and not after the end of the old primary's log
 * count so. What the new primary has is handled again, from its position on. An owner from the lost history
 * trusts its lease until the lease ends; the checker forgives that until then, and no longer.
 *
 * A history with the whole log says exactly what Redis lost: an entry that was acknowledged or handled, and is not in the
 * log at the end. That is a lost message, too, unless a failover of its partition explains it; and each entry of the log
 * must have been handled. Where a failover may not lose anything (`durable`), an acknowledged entry that vanished is a lost
 * message.
 *
 * When Redis's clock jumps forward, the leases of that moment end for Redis, and not for their owners: the checker forgives
 * these, too, until then. After a jump of 10 minutes, Redis may add a batch again whose answer was lost.
 *
 * When a log is lost, the history has all that was in it. What came after the group's position is not lost by the group; what
 * came before must have been handled. The next log is another generation, whose ids may be lower, or the same. An owner begins it
 * with its first entry. Only an owner from before, which has read higher ids of the lost log, may pass lower ones: for at most
 * the messages in flight, and without a commit. When everything is lost, leases are, too: see above. The epochs still rise, unless
 * the clock was put back; and never does one come twice.
 *
 * Entries that were deleted on purpose are not lost. An owner may skip them once they are deleted, not
 * earlier.
 */
#ifndef CHAOS_CHECKER_H
#define CHAOS_CHECKER_H

#include <stdio.h>

#include "chaos/history.h"

typedef struct chaos_verdict {
	size_t sent;    /* acknowledged */
	size_t handled; /* entries that a handler finished */
	size_t lost, reordered, stale, excessive, miscounted;
	size_t gaps;           /* entries that were deleted before they were handed over */
	size_t late_deletions; /* entries that were deleted after that */
	size_t outlived; /* simultaneous calls, allowed by a lease of a lost history, or of before a jump */
	size_t vanished; /* lost with a primary before a handler finished them */
	size_t vanished_handled; /* the same, after a handler had finished them */
	size_t forgotten;        /* acknowledged, and lost with a primary, handled or not */
	size_t duplicates; /* handed over again by a later ownership without being asked for: allowed, within bounds */
	size_t most_again; /* the most messages that one owner repeated of what earlier ones had */
	size_t takeovers;  /* partitions taken over from killed processes while nothing else was wrong */
	long takeover_p99_ms;
} chaos_verdict;

/* Writes a line to `out` (which may be NULL) for each of the first violations. Sorts the history. */
void chaos_check(chaos_history *history, chaos_verdict *verdict, FILE *out);

/* Whether the verdict has no violations. */
bool chaos_verdict_good(const chaos_verdict *verdict);

#endif
