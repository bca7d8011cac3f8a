/*
 * ownership.h - the life of one partition in one member, as a state machine without I/O, clock or memory.
 *
 *     NONE --assigned--> ACQUIRED --claim--> CLAIMING --claimed--> ACTIVE
 *                           ^                    |                    |
 *                           +---- no answer -----+                 revoked
 *                                                                     v
 *     NONE <--reported-- RELEASED <--committed-- RELEASING <--worker stopped-- DRAINING
 *
 *     from every state, when the epoch is over: LOST, and NONE once the worker has stopped
 *
 * The functions below are the events. seg_ownership_next returns the next action, and returns it again until the event says
 * that it was done. So a caller that is interrupted (a connection breaks) just asks again.
 */
#ifndef SEG_PARTITION_OWNERSHIP_H
#define SEG_PARTITION_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>

typedef enum seg_ownership_state {
	SEG_OWN_NONE = 0,
	SEG_OWN_ACQUIRED,
	SEG_OWN_CLAIMING,
	SEG_OWN_ACTIVE,
	SEG_OWN_DRAINING,
	SEG_OWN_RELEASING, /* the worker has stopped; the last commit is under way */
	SEG_OWN_RELEASED,  /* the fence is lowered in Redis; the coordinator does not know yet */
	SEG_OWN_LOST,      /* the epoch is over; the worker may not know yet */
} seg_ownership_state;

typedef enum seg_ownership_action {
	SEG_DO_NOTHING = 0,
	SEG_DO_CLAIM,          /* raise the fence; then _claim_sent, and _claimed or _claim_failed */
	SEG_DO_START_WORKER,   /* then _worker_started */
	SEG_DO_DRAIN_WORKER,   /* demand a drain; then _demanded, and later _worker_stopped */
	SEG_DO_ABANDON_WORKER, /* demand that the worker abandons; then as above */
	SEG_DO_RELEASE, /* commit the last position and lower the fence; then _release_sent, and _released or _release_failed */
	SEG_DO_REPORT, /* tell the coordinator; then _reported, when it has answered */
} seg_ownership_action;

typedef struct seg_ownership {
	seg_ownership_state state;
	uint64_t epoch;
	uint64_t next_epoch; /* assigned while the worker of the previous epoch was still stopping; 0: none */
	bool worker;         /* a worker runs, or is stopping */
	bool demanded;       /* the worker was told to stop */
	bool release_sent;
	bool revoke; /* revoked before the partition became active, or before the next epoch began */
} seg_ownership;

/* The coordinator's share lists the partition with this epoch, maybe not for the first time. A new epoch ends the old one. */
void seg_ownership_assigned(seg_ownership *o, uint64_t epoch);

/* The coordinator wants the partition back, or the member is stopping: drain. */
void seg_ownership_revoked(seg_ownership *o);

/* The epoch is over: it was fenced, it expired, or the coordinator's share no longer lists it. */
void seg_ownership_lost(seg_ownership *o);

void seg_ownership_claim_sent(seg_ownership *o);
void seg_ownership_claimed(seg_ownership *o);
void seg_ownership_claim_failed(seg_ownership *o); /* no answer, or an error: claim again */
void seg_ownership_claim_refused(
	seg_ownership *o); /* the epoch is too old: give it back and get a newer one */

void seg_ownership_worker_started(seg_ownership *o);
void seg_ownership_demanded(seg_ownership *o);
void seg_ownership_worker_stopped(
	seg_ownership *o); /* a worker that stopped without a demand counts as drained */

void seg_ownership_release_sent(seg_ownership *o);
void seg_ownership_released(seg_ownership *o);
void seg_ownership_release_failed(seg_ownership *o);

void seg_ownership_reported(seg_ownership *o);

seg_ownership_action seg_ownership_next(const seg_ownership *o);

/* Whether messages may be fetched and positions committed. */
static inline bool seg_ownership_fetches(const seg_ownership *o)
{
	return o->state == SEG_OWN_ACTIVE && o->worker && !o->revoke;
}

static inline bool seg_ownership_commits(const seg_ownership *o)
{
	return o->state == SEG_OWN_ACTIVE || o->state == SEG_OWN_DRAINING;
}

const char *seg_ownership_state_name(seg_ownership_state state);

#endif
