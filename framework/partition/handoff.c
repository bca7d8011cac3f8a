#include "partition/handoff.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tsan.h"

/* --- the waker ------------------------------------------------------------- */

int seg_waker_init(seg_waker *waker)
{
	atomic_init(&waker->asleep, 0);
	waker->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return waker->fd < 0 ? SEG_ESYSTEM : 0;
}

void seg_waker_fini(seg_waker *waker)
{
	if (waker->fd >= 0)
		close(waker->fd);
	waker->fd = -1;
}

void seg_waker_kick(seg_waker *waker)
{
	/* Full order: the sleeper sets `asleep` and then looks; we have stored and then look at `asleep`. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_exchange_explicit(&waker->asleep, 0, memory_order_relaxed))
		return;
	uint64_t one = 1;
	/* Fails only when the counter is full, and then a kick is waiting already. */
	ssize_t n = write(waker->fd, &one, sizeof(one));
	(void)n;
}

void seg_waker_drain(seg_waker *waker)
{
	uint64_t count;
	ssize_t n = read(waker->fd, &count, sizeof(count));
	(void)n;
}

/* --- the event count's way to sleep ------------------------------------------ */

static int ec_now(const struct ck_ec_ops *ops, struct timespec *out)
{
	(void)ops;
	return clock_gettime(CLOCK_MONOTONIC, out);
}

static void ec_wait32(const struct ck_ec_wait_state *state, const uint32_t *address, uint32_t expected,
		      const struct timespec *deadline)
{
	(void)state;
	syscall(SYS_futex, address, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, deadline, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

static void ec_wake32(const struct ck_ec_ops *ops, const uint32_t *address)
{
	(void)ops;
	syscall(SYS_futex, address, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL, NULL, 0);
}

static const struct ck_ec_ops ec_ops = {
	.gettime = ec_now,
	.wait32 = ec_wait32,
	.wake32 = ec_wake32,
	/* Spinning before sleeping would take the processor from Redis on a small machine. */
	.busy_loop_iter = 1,
	/* ck looks again in steps that grow, for the sake of predicates that we do not have. */
	.initial_wait_ns = 1000000000,
};

/* ck's first step may end behind the deadline of the wait: it ends there instead. */
static int step_to_deadline(const struct ck_ec_wait_state *state, struct timespec *step)
{
	*step = *(const struct timespec *)state->data;
	return 0;
}

/* Any thread may count up: I/O thread, and for a shared event every thread that polls. */
static const struct ck_ec_mode ec_mode = {.ops = &ec_ops, .single_producer = false};

uint32_t seg_event_ticket(const ck_ec32_t *event)
{
	return ck_ec32_value(event);
}

static void park(ck_ec32_t *event, uint32_t ticket, int64_t until)
{
	struct timespec deadline;
	if (until == SEG_NEVER) {
		ck_ec32_wait(event, &ec_mode, ticket, NULL);
		return;
	}
	int64_t left = until - seg_now();
	if (left <= 0)
		return;
	/* futex(2) knows CLOCK_MONOTONIC only. */
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	int64_t end = (int64_t)deadline.tv_sec * SEG_SECOND + deadline.tv_nsec + left;
	deadline = (struct timespec){.tv_sec = end / SEG_SECOND, .tv_nsec = end % SEG_SECOND};
	ck_ec32_wait_pred(event, &ec_mode, ticket, step_to_deadline, &deadline, &deadline);
}

void seg_event_wait(ck_ec32_t *event, uint32_t ticket, int64_t until, seg_idle idle)
{
	if (idle == SEG_IDLE_PARK) {
		park(event, ticket, until);
		return;
	}
	while (ck_ec32_value(event) == ticket && seg_now() < until) {
		if (idle == SEG_IDLE_YIELD)
			sched_yield();
		else
			ck_pr_stall();
	}
}

/* --- both sides -------------------------------------------------------------- */

void seg_handoff_init(seg_handoff *handoff, seg_waker *waker, const atomic_llong *lease_until,
		      ck_ec32_t *event)
{
	memset(handoff, 0, sizeof(*handoff));
	ck_ring_init(&handoff->ready, SEG_HANDOFF_RING);
	ck_ring_init(&handoff->free, SEG_HANDOFF_RING);
	ck_ec32_init(&handoff->io.event, 0);
	handoff->waker = waker;
	handoff->lease_until = lease_until;
	handoff->event = event ? event : &handoff->io.event;
}

static seg_buffer *dequeue(ck_ring_t *ring, ck_ring_buffer_t *slots)
{
	void *buffer;
	if (!ck_ring_dequeue_spsc(ring, slots, &buffer))
		return NULL;
	SEG_TSAN_ACQUIRE(ring);
	return buffer;
}

/* --- I/O thread ---------------------------------------------------------------- */

bool seg_handoff_push(seg_handoff *handoff, seg_buffer *buffer)
{
	SEG_TSAN_RELEASE(&handoff->ready);
	if (!ck_ring_enqueue_spsc(&handoff->ready, handoff->ready_slots, buffer))
		return false;
	ck_ec32_inc(handoff->event, &ec_mode);
	return true;
}

seg_buffer *seg_handoff_pop_free(seg_handoff *handoff)
{
	return dequeue(&handoff->free, handoff->free_slots);
}

void seg_handoff_wake(seg_handoff *handoff)
{
	ck_ec32_inc(handoff->event, &ec_mode);
}

void seg_handoff_demand(seg_handoff *handoff, seg_demand demand)
{
	atomic_store_explicit(&handoff->io.demand, (int)demand, memory_order_release);
	seg_handoff_wake(handoff);
}

bool seg_handoff_pending(const seg_handoff *handoff, seg_request *request)
{
	unsigned requested = atomic_load_explicit(&handoff->worker.requested, memory_order_acquire);
	if (requested == atomic_load_explicit(&handoff->io.answered, memory_order_relaxed))
		return false;
	*request = handoff->worker.request;
	return true;
}

void seg_handoff_answer(seg_handoff *handoff, int status, int64_t value)
{
	handoff->io.answer = status;
	handoff->io.answer_value = value;
	atomic_fetch_add_explicit(&handoff->io.answered, 1, memory_order_release);
	seg_handoff_wake(handoff);
}

/* --- worker ---------------------------------------------------------------------- */

seg_buffer *seg_handoff_take(seg_handoff *handoff)
{
	return dequeue(&handoff->ready, handoff->ready_slots);
}

void seg_handoff_give_back(seg_handoff *handoff, seg_buffer *buffer)
{
	SEG_TSAN_RELEASE(&handoff->free);
	/* Never full: the ring is larger than the number of buffers. */
	ck_ring_enqueue_spsc(&handoff->free, handoff->free_slots, buffer);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&handoff->io.starved, memory_order_relaxed))
		seg_waker_kick(handoff->waker);
}

void seg_handoff_handled(seg_handoff *handoff, uint64_t total)
{
	atomic_store_explicit(&handoff->worker.handled, total, memory_order_release);
}

void seg_handoff_stopped(seg_handoff *handoff)
{
	/* Once the flag is seen, the handoff may be gone. */
	seg_waker *waker = handoff->waker;
	atomic_store_explicit(&handoff->worker.stopped, true, memory_order_release);
	seg_waker_kick(waker);
}

uint32_t seg_handoff_ticket(const seg_handoff *handoff)
{
	return seg_event_ticket(handoff->event);
}

void seg_handoff_wait(seg_handoff *handoff, uint32_t ticket, int64_t until, seg_idle idle)
{
	seg_event_wait(handoff->event, ticket, until, idle);
}

seg_dispatch seg_handoff_may_dispatch(const seg_handoff *handoff)
{
	switch ((seg_demand)atomic_load_explicit(&handoff->io.demand, memory_order_acquire)) {
	case SEG_DEMAND_DRAIN:
		return SEG_DISPATCH_DRAIN;
	case SEG_DEMAND_ABANDON:
		return SEG_DISPATCH_ABANDON;
	case SEG_DEMAND_RUN:
		break;
	}
	int64_t until = atomic_load_explicit(handoff->lease_until, memory_order_acquire);
	return seg_now() < until ? SEG_DISPATCH_GO : SEG_DISPATCH_WAIT;
}

int seg_handoff_ask(seg_handoff *handoff, const seg_request *request, int64_t *value, seg_idle idle)
{
	handoff->worker.request = *request;
	unsigned number = 1 + atomic_fetch_add_explicit(&handoff->worker.requested, 1, memory_order_release);
	seg_waker_kick(handoff->waker);
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		if (atomic_load_explicit(&handoff->io.answered, memory_order_acquire) == number) {
			if (value)
				*value = handoff->io.answer_value;
			return handoff->io.answer;
		}
		seg_handoff_wait(handoff, ticket, SEG_NEVER, idle);
	}
}
