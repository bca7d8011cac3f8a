/*
 * refusal.h - what Redis refuses to a member: a right is missing, a key has another type, there is no memory. I/O thread, but for
 * seg_refusal_look.
 *
 * The log tells of refusals that are alike once in a while: a missing right refuses every partition's calls, again and again. What
 * is refused at this moment, and since when, is shown to /readyz and to the metrics, also where it passes by itself.
 */
#ifndef SEG_GROUP_REFUSAL_H
#define SEG_GROUP_REFUSAL_H

#include "group/state.h"

void seg_refusal_init(seg_member *member);
void seg_refusal_fini(seg_member *member);

/*
 * Logs "Redis refused <what>: <why>", with the right to grant if one is missing; or only counts it, if the same was logged a
 * short time ago. what: a constant text. reply: an error, or an answer that nobody expects.
 */
void seg_refusal_tell(seg_member *member, const seg_logger *logger, const char *what, const seg_reply *reply);

/*
 * Whether the answer says something of all partitions. What passes by itself, such as READONLY or OOM, is the state of a server, and
 * a cluster has several. Users are set up alike on all of them.
 */
bool seg_refusal_concerns_all(const seg_member *member, const seg_reply *reply);

/* Counts and shows that Redis refuses the member's heartbeat, or what comes before it, until one is accepted or has no answer. */
void seg_refusal_note_member(seg_member *member, const char *what, const seg_reply *reply);
void seg_refusal_member_over(seg_member *member);

/* The same for a partition's call: until a call of that name succeeds (over) or has no answer (unknown), or the ownership ends. */
void seg_refusal_note(seg_partition *partition, seg_refused kind, const char *what, const seg_reply *reply);
void seg_refusal_over(seg_partition *partition, seg_refused kind, const char *what);
void seg_refusal_unknown(seg_partition *partition, const char *what);

/* A new ownership begins. */
void seg_refusal_begin(seg_partition *partition);

/* Shows what has changed. For each full round, before partitions leave the list of active ones. */
void seg_refusal_step(seg_member *member);

/* Any thread: whether Redis refuses something of that kind. Copies what. */
bool seg_refusal_look(seg_member *member, seg_refused kind, seg_refusing *refusing);

/*
 * Any thread: whether all of that kind that a member asks for has been refused for a session_timeout; it owns `owned` partitions.
 * Such a member handles nothing that lasts. What Redis answers about one key says nothing about partitions that have asked for nothing.
 */
bool seg_refusal_is_all(seg_member *member, seg_refused kind, const seg_refusing *refusing, unsigned owned);

enum { SEG_REFUSAL_WHERE_MAX = 64 };

/* Any thread: what a sentence about it begins with, such as "partition 3: " or "2 partitions, such as 3: "; "" for heartbeats. Returns text. */
const char *seg_refusal_where(seg_refused kind, const seg_refusing *refusing,
			      char text[SEG_REFUSAL_WHERE_MAX]);

#endif
