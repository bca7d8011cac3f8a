#include "work/permission.h"

#include "base/clock.h"

/*
 * Between two looks at a lease that is over. A renewal wakes the workers of leases that are over; if the lease ends just as
 * it is renewed, nobody may be waiting yet.
 */
#define LEASE_LOOK (100 * SEG_MS)

bool seg_permission_stops(const seg_task *task)
{
	seg_dispatch dispatch = seg_handoff_may_dispatch(task->handoff);
	return dispatch == SEG_DISPATCH_DRAIN || dispatch == SEG_DISPATCH_ABANDON;
}

bool seg_permission_given(const seg_task *task)
{
	return seg_handoff_may_dispatch(task->handoff) == SEG_DISPATCH_GO;
}

static void tell_lapsed(const seg_task *task)
{
	seg_handoff *handoff = task->handoff;
	int64_t until = atomic_load_explicit(handoff->lease_until, memory_order_relaxed);
	if (atomic_exchange_explicit(&handoff->worker.lapsed, until, memory_order_relaxed) != until)
		seg_log(&task->logger, SEG_LOG_WARNING,
			"the lease has expired; handling nothing until Redis answers a heartbeat");
}

seg_step seg_permission_await(const seg_task *task)
{
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(task->handoff);
		switch (seg_handoff_may_dispatch(task->handoff)) {
		case SEG_DISPATCH_GO:
			return SEG_STEP_DONE;
		case SEG_DISPATCH_DRAIN:
		case SEG_DISPATCH_ABANDON:
			return SEG_STEP_STOP;
		case SEG_DISPATCH_WAIT:
			break;
		}
		tell_lapsed(task);
		seg_handoff_wait(task->handoff, ticket, seg_now() + LEASE_LOOK, SEG_IDLE_PARK);
	}
}

seg_step seg_permission_await_room(const seg_task *task)
{
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(task->handoff);
		if (seg_handoff_has_room(task->handoff, task->setup->pending_bytes))
			return SEG_STEP_DONE;
		if (seg_permission_stops(task))
			return SEG_STEP_STOP;
		seg_handoff_wait(task->handoff, ticket, SEG_NEVER, task->setup->idle);
	}
}

void seg_permission_await_abandon(const seg_task *task)
{
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(task->handoff);
		if (seg_handoff_may_dispatch(task->handoff) == SEG_DISPATCH_ABANDON)
			return;
		seg_handoff_wait(task->handoff, ticket, SEG_NEVER, SEG_IDLE_PARK);
	}
}

seg_close_reason seg_permission_await_close(const seg_task *task)
{
	const seg_handoff *handoff = task->handoff;
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		if (seg_handoff_may_dispatch(handoff) == SEG_DISPATCH_ABANDON)
			return SEG_CLOSE_LOST;
		if (seg_now() < atomic_load_explicit(handoff->lease_until, memory_order_acquire))
			return SEG_CLOSE_RELEASED;
		seg_handoff_wait(task->handoff, ticket, seg_now() + LEASE_LOOK, SEG_IDLE_PARK);
	}
}

seg_step seg_permission_pause(const seg_task *task, int64_t until)
{
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(task->handoff);
		if (seg_permission_stops(task))
			return SEG_STEP_STOP;
		if (seg_now() >= until)
			return SEG_STEP_DONE;
		seg_handoff_wait(task->handoff, ticket, until, task->setup->idle);
	}
}

int64_t seg_permission_look_at(const seg_task *task, int64_t due)
{
	int64_t look = seg_now() + LEASE_LOOK;
	return seg_permission_given(task) || due > look ? due : look;
}
