#include "base/event.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <segmenter/segmenter.h>

#include "base/clock.h"
#include "base/spare_cpus.h"
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

static void wait_on(const uint32_t *address, uint32_t expected, const struct timespec *deadline)
{
	syscall(SYS_futex, address, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, deadline, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

/* seg_now() + left, on the clock that futex(2) knows. */
static struct timespec deadline_in(int64_t left)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t end = (int64_t)now.tv_sec * SEG_SECOND + now.tv_nsec + left;
	return (struct timespec){.tv_sec = end / SEG_SECOND, .tv_nsec = end % SEG_SECOND};
}

#ifdef SEG_TSAN
/*
 * ThreadSanitizer keeps a signal that arrives in this thread until the thread calls a function that ThreadSanitizer knows, and the kernel
 * continues with the wait after a signal. So a wait is short, and such a call follows. Waits may end early.
 */
static void ec_wait32(const struct ck_ec_wait_state *state, const uint32_t *address, uint32_t expected,
		      const struct timespec *deadline)
{
	struct timespec soon = deadline_in(100 * SEG_MS);
	(void)state;
	bool is_sooner = deadline && (deadline->tv_sec < soon.tv_sec ||
				      (deadline->tv_sec == soon.tv_sec && deadline->tv_nsec < soon.tv_nsec));
	wait_on(address, expected, is_sooner ? deadline : &soon);
	nanosleep(&(struct timespec){0}, NULL);
}
#else
static void ec_wait32(const struct ck_ec_wait_state *state, const uint32_t *address, uint32_t expected,
		      const struct timespec *deadline)
{
	(void)state;
	wait_on(address, expected, deadline);
}
#endif

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

void seg_event_signal(ck_ec32_t *event)
{
	ck_ec32_inc(event, &ec_mode);
}

static void park(ck_ec32_t *event, uint32_t ticket, int64_t until)
{
	if (until == SEG_NEVER) {
		ck_ec32_wait(event, &ec_mode, ticket, NULL);
		return;
	}
	int64_t left = until - seg_now();
	if (left <= 0)
		return;
	struct timespec deadline = deadline_in(left);
	ck_ec32_wait_pred(event, &ec_mode, ticket, step_to_deadline, &deadline, &deadline);
}

static bool is_due(const ck_ec32_t *event, uint32_t ticket, int64_t until)
{
	return ck_ec32_value(event) != ticket || seg_now() >= until;
}

static void spin(ck_ec32_t *event, uint32_t ticket, int64_t until)
{
	if (!seg_spare_cpu_take()) {
		park(event, ticket, until);
		return;
	}
	while (!is_due(event, ticket, until))
		ck_pr_stall();
	seg_spare_cpu_give_back();
}

void seg_event_wait(ck_ec32_t *event, uint32_t ticket, int64_t until, seg_idle idle)
{
	switch (idle) {
	case SEG_IDLE_PARK:
		park(event, ticket, until);
		break;
	case SEG_IDLE_YIELD:
		while (!is_due(event, ticket, until))
			sched_yield();
		break;
	case SEG_IDLE_SPIN:
		spin(event, ticket, until);
		break;
	}
}
