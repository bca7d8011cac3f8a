#include "consumer/hooks.h"

#include <inttypes.h>

#include "base/clock.h"
#include "group/shortage.h"

static int on_start(void *arg, seg_partition *p)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	int status = c->closing ? SEG_ECLOSED
				: seg_holding_open(&c->holdings[p->number], p,
						   c->output_names ? c->pending_bytes : 0);
	pthread_mutex_unlock(&c->lock);
	if (status == 0)
		seg_shortage_served(p);
	return status;
}

static void on_demand(void *arg, seg_partition *p, seg_demand demand)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	/* A drain waits for the batch that a caller handles; a lost partition does not. */
	bool at_once = demand == SEG_DEMAND_ABANDON || c->closing;
	seg_holding_end(&c->holdings[p->number], at_once ? SEG_HOLDING_END : SEG_HOLDING_DRAIN);
	pthread_mutex_unlock(&c->lock);
}

static void on_answered(void *arg, seg_partition *p)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	seg_holding_collect(&c->holdings[p->number]);
	pthread_mutex_unlock(&c->lock);
}

static void on_finish(void *arg, seg_partition *p)
{
	(void)arg;
	(void)p;
}

static void on_settled(void *arg, seg_partition *p)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	if (c->holdings[p->number].state == SEG_HOLDING_SETTLING)
		c->holdings[p->number].state = SEG_HOLDING_CLOSED;
	if (c->closing && c->output_names && !seg_holding_is_confirmed(&c->holdings[p->number]))
		c->unadded = true;
	pthread_mutex_unlock(&c->lock);
	seg_event_signal(&c->event);
}

/* Ends the holding if its batch was held for too long at `now`. Else *next is when that will be. Under the lock. */
static bool end_overdue(const seg_consumer *c, seg_holding *holding, int64_t now, int64_t *next)
{
	int64_t since = seg_holding_held_since(holding);
	if (since == 0 || holding->wish == SEG_HOLDING_END)
		return false;
	int64_t due = since + c->max_processing;
	if (now < due) {
		*next = due;
		return false;
	}
	seg_holding_end(holding, SEG_HOLDING_END);
	return true;
}

/* Takes back a batch that a caller holds for too long: the caller may never return. */
static int64_t on_check(void *arg, seg_partition *p, int64_t now)
{
	seg_consumer *c = arg;
	int64_t next = SEG_NEVER;
	if (c->max_processing == 0)
		return next;
	pthread_mutex_lock(&c->lock);
	bool taken_back = end_overdue(c, &c->holdings[p->number], now, &next);
	pthread_mutex_unlock(&c->lock);
	if (taken_back)
		seg_log(&p->logger, SEG_LOG_WARNING,
			"a caller held a batch for longer than %" PRId64 " ms; delivering its messages again",
			c->max_processing / SEG_MS);
	return next;
}

static void on_fatal(void *arg, const seg_error *error)
{
	seg_consumer *c = arg;
	pthread_mutex_lock(&c->lock);
	c->failed = true;
	c->failure = *error;
	pthread_mutex_unlock(&c->lock);
	seg_event_signal(&c->event);
}

seg_member_hooks seg_consumer_hooks(seg_consumer *c)
{
	return (seg_member_hooks){
		.arg = c,
		.start = on_start,
		.demand = on_demand,
		.answered = on_answered,
		.finish = on_finish,
		.settled = on_settled,
		.check = on_check,
		.fatal = on_fatal,
	};
}
