/*
 * test_handoff.h - a handoff and its two sides, with bounded waits. For test_handoff*.c; include it behind
 * cmocka.h.
 */
#ifndef TEST_HANDOFF_H
#define TEST_HANDOFF_H

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "partition/handoff.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* No wait here is ever this long unless a wakeup was lost. */
#define PATIENCE (10 * SEG_SECOND)

static seg_handoff handoff;
static seg_waker waker;
static atomic_llong lease;
static seg_fetched buffers[SEG_HANDOFF_RING];

/* The other thread's findings; cmocka's assertions are for the first thread. */
static atomic_int overslept, disordered;

static int setup(void **state)
{
	(void)state;
	overslept = disordered = 0;
	lease = SEG_NEVER;
	seg_handoff_init(&handoff, &waker, &lease, NULL);
	return seg_waker_init(&waker);
}

static int teardown(void **state)
{
	(void)state;
	seg_waker_fini(&waker);
	return 0;
}

static pthread_t start(void *(*run)(void *), void *arg)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, run, arg), 0);
	return thread;
}

static void join(pthread_t thread)
{
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 60;
	if (pthread_timedjoin_np(thread, NULL, &deadline))
		fail_msg("the other thread does not end");
	assert_int_equal(overslept, 0);
	assert_int_equal(disordered, 0);
}

/* --- sleeping, on either side -------------------------------------------------------------- */

static void worker_waits(uint32_t ticket, seg_idle idle)
{
	int64_t until = seg_now() + PATIENCE;
	seg_handoff_wait(&handoff, ticket, until, idle);
	overslept += seg_now() >= until;
}

/* As the I/O thread does it: says that it sleeps, looks once more, sleeps. */
static void io_waits(bool (*nothing)(const seg_handoff *h), const seg_handoff *h)
{
	struct pollfd poller = {.fd = waker.fd, .events = POLLIN};
	atomic_store_explicit(&waker.asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (nothing(h) && poll(&poller, 1, (int)(PATIENCE / SEG_MS)) == 0)
		overslept++;
	atomic_store_explicit(&waker.asleep, 0, memory_order_relaxed);
	seg_waker_drain(&waker);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
