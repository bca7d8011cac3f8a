#include "partition/ownership.h"

const char *seg_ownership_state_name(seg_ownership_state state)
{
	switch (state) {
	case SEG_OWN_NONE:
		return "none";
	case SEG_OWN_ACQUIRED:
		return "acquired";
	case SEG_OWN_CLAIMING:
		return "claiming";
	case SEG_OWN_ACTIVE:
		return "active";
	case SEG_OWN_DRAINING:
		return "draining";
	case SEG_OWN_RELEASING:
		return "releasing";
	case SEG_OWN_RELEASED:
		return "released";
	case SEG_OWN_LOST:
		return "lost";
	}
	return "?";
}

static void begin(seg_ownership *o, uint64_t epoch)
{
	*o = (seg_ownership){.state = SEG_OWN_ACQUIRED, .epoch = epoch};
}

/* LOST ends once no worker runs. */
static void settle(seg_ownership *o)
{
	if (o->state != SEG_OWN_LOST || o->worker)
		return;
	bool revoked = o->revoke;
	if (o->next_epoch)
		begin(o, o->next_epoch);
	else
		*o = (seg_ownership){.state = SEG_OWN_NONE};
	if (revoked)
		seg_ownership_revoked(o);
}

void seg_ownership_assigned(seg_ownership *o, uint64_t epoch)
{
	if (o->state == SEG_OWN_NONE) {
		begin(o, epoch);
	} else if (o->state == SEG_OWN_LOST) {
		o->next_epoch = epoch;
		o->revoke = false;
	} else if (epoch != o->epoch) {
		seg_ownership_lost(o);
		seg_ownership_assigned(o, epoch);
	}
}

void seg_ownership_revoked(seg_ownership *o)
{
	switch (o->state) {
	case SEG_OWN_ACQUIRED:
		/* This epoch claimed nothing: the release of the previous owner still holds. */
		o->state = SEG_OWN_RELEASED;
		break;
	case SEG_OWN_CLAIMING:
		o->revoke = true;
		break;
	case SEG_OWN_ACTIVE:
		o->state = o->worker ? SEG_OWN_DRAINING : SEG_OWN_RELEASING;
		break;
	case SEG_OWN_LOST:
		/* The next epoch is revoked once the worker has stopped: until we report it, the coordinator counts it as ours. */
		o->revoke = o->next_epoch != 0;
		break;
	case SEG_OWN_NONE:
	case SEG_OWN_DRAINING:
	case SEG_OWN_RELEASING:
	case SEG_OWN_RELEASED:
		break;
	}
}

void seg_ownership_lost(seg_ownership *o)
{
	if (o->state == SEG_OWN_NONE)
		return;
	if (o->state != SEG_OWN_LOST)
		o->demanded = false;
	o->state = SEG_OWN_LOST;
	o->next_epoch = 0;
	o->revoke = false;
	settle(o);
}

void seg_ownership_claim_sent(seg_ownership *o)
{
	if (o->state == SEG_OWN_ACQUIRED)
		o->state = SEG_OWN_CLAIMING;
}

void seg_ownership_claimed(seg_ownership *o)
{
	if (o->state != SEG_OWN_CLAIMING)
		return;
	o->state = o->revoke ? SEG_OWN_RELEASING : SEG_OWN_ACTIVE;
}

void seg_ownership_claim_failed(seg_ownership *o)
{
	if (o->state != SEG_OWN_CLAIMING)
		return;
	o->state = SEG_OWN_ACQUIRED;
}

void seg_ownership_claim_refused(seg_ownership *o)
{
	if (o->state == SEG_OWN_CLAIMING)
		o->state = SEG_OWN_RELEASED;
}

void seg_ownership_worker_started(seg_ownership *o)
{
	o->worker = true;
	o->demanded = false;
}

void seg_ownership_demanded(seg_ownership *o)
{
	o->demanded = true;
}

void seg_ownership_worker_stopped(seg_ownership *o)
{
	o->worker = false;
	if (o->state == SEG_OWN_ACTIVE || o->state == SEG_OWN_DRAINING)
		o->state = SEG_OWN_RELEASING;
	settle(o);
}

void seg_ownership_release_sent(seg_ownership *o)
{
	o->release_sent = true;
}

void seg_ownership_released(seg_ownership *o)
{
	o->release_sent = false;
	if (o->state == SEG_OWN_RELEASING)
		o->state = SEG_OWN_RELEASED;
}

void seg_ownership_release_failed(seg_ownership *o)
{
	o->release_sent = false;
}

void seg_ownership_reported(seg_ownership *o)
{
	if (o->state == SEG_OWN_RELEASED)
		*o = (seg_ownership){.state = SEG_OWN_NONE};
}

seg_ownership_action seg_ownership_next(const seg_ownership *o)
{
	switch (o->state) {
	case SEG_OWN_NONE:
	case SEG_OWN_CLAIMING:
		return SEG_DO_NOTHING;
	case SEG_OWN_ACQUIRED:
		return SEG_DO_CLAIM;
	case SEG_OWN_ACTIVE:
		return o->worker ? SEG_DO_NOTHING : SEG_DO_START_WORKER;
	case SEG_OWN_DRAINING:
		return o->demanded ? SEG_DO_NOTHING : SEG_DO_DRAIN_WORKER;
	case SEG_OWN_RELEASING:
		return o->release_sent ? SEG_DO_NOTHING : SEG_DO_RELEASE;
	case SEG_OWN_RELEASED:
		return SEG_DO_REPORT;
	case SEG_OWN_LOST:
		return o->demanded || !o->worker ? SEG_DO_NOTHING : SEG_DO_ABANDON_WORKER;
	}
	return SEG_DO_NOTHING;
}
