/* What stops a worker: a demand, or a lease that has run out; and that it is never late to notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_handoff.h"

/*
 * --- demands and leases
 * -----------------------------------------------------------------------------------
 */

static void a_demand_goes_before_any_lease(void **state)
{
	(void)state;
	const long long leases[] = {SEG_NEVER, 0};
	for (size_t i = 0; i < COUNT(leases); i++) {
		lease = leases[i];
		seg_handoff_demand(&handoff, SEG_DEMAND_DRAIN);
		assert_int_equal(seg_handoff_may_dispatch(&handoff), SEG_DISPATCH_DRAIN);
		seg_handoff_demand(&handoff, SEG_DEMAND_ABANDON);
		assert_int_equal(seg_handoff_may_dispatch(&handoff), SEG_DISPATCH_ABANDON);
	}
}

static void nothing_is_dispatched_from_the_instant_the_lease_ends(void **state)
{
	(void)state;
	assert_int_equal(seg_handoff_may_dispatch(&handoff), SEG_DISPATCH_GO);
	lease = 0;
	assert_int_equal(seg_handoff_may_dispatch(&handoff), SEG_DISPATCH_WAIT);
	lease = seg_now();
	assert_int_equal(seg_handoff_may_dispatch(&handoff), SEG_DISPATCH_WAIT);
	/* It runs out while nobody tells the worker. */
	lease = seg_now() + 20 * SEG_MS;
	seg_dispatch last;
	int64_t before;
	do {
		before = seg_now();
		last = seg_handoff_may_dispatch(&handoff);
	} while (last == SEG_DISPATCH_GO && before < lease + PATIENCE);
	assert_int_equal(last, SEG_DISPATCH_WAIT);
	assert_true(seg_now() >= lease);
	lease = seg_now() + PATIENCE;
	assert_int_equal(seg_handoff_may_dispatch(&handoff), SEG_DISPATCH_GO);
}

static void *wait_for_the_lease(void *arg)
{
	(void)arg;
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(&handoff);
		if (seg_handoff_may_dispatch(&handoff) == SEG_DISPATCH_GO)
			return NULL;
		worker_waits(ticket, SEG_IDLE_PARK);
	}
}

static void a_renewed_lease_wakes_a_worker_that_waits_for_it(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		lease = 0;
		pthread_t worker = start(wait_for_the_lease, NULL);
		for (int i = 0; i < round; i++)
			ck_pr_stall();
		lease = SEG_NEVER;
		seg_handoff_wake(&handoff);
		join(worker);
	}
}

/* It sleeps without an end, as a worker does that has nothing to do. */
static void *work_until_told(void *arg)
{
	seg_handoff *h = arg;
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(h);
		if (seg_handoff_may_dispatch(h) != SEG_DISPATCH_GO)
			break;
		seg_handoff_wait(h, ticket, SEG_NEVER, SEG_IDLE_PARK);
	}
	seg_handoff_stopped(h);
	return NULL;
}

static bool not_stopped(const seg_handoff *h)
{
	return !atomic_load_explicit(&h->worker.stopped, memory_order_acquire);
}

/*
 * The handoff goes as soon as the flag is seen: a worker that touched it later would be told of by
 * AddressSanitizer.
 */
static void a_demand_wakes_the_worker_and_its_stop_the_io_thread(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		seg_handoff *h = aligned_alloc(_Alignof(seg_handoff), sizeof(*h));
		assert_non_null(h);
		seg_handoff_init(h, &waker, &lease, NULL);
		pthread_t worker = start(work_until_told, h);
		for (int i = 0; i < round * 10; i++)
			ck_pr_stall();
		seg_handoff_demand(h, round % 2 ? SEG_DEMAND_DRAIN : SEG_DEMAND_ABANDON);
		while (not_stopped(h) && !overslept)
			io_waits(not_stopped, h);
		assert_int_equal(overslept, 0);
		free(h);
		join(worker);
	}
}

static void a_new_ownership_finds_nothing_of_the_last_one(void **state)
{
	(void)state;
	seg_request request;
	seg_handoff_push(&handoff, &buffers[0]);
	seg_handoff_give_back(&handoff, &buffers[1]);
	seg_handoff_demand(&handoff, SEG_DEMAND_ABANDON);
	seg_handoff_answer(&handoff, SEG_EFENCED, 1);
	seg_handoff_handled(&handoff, 9);
	seg_handoff_stopped(&handoff);
	seg_handoff_init(&handoff, &waker, &lease, NULL);
	assert_null(seg_handoff_take(&handoff));
	assert_null(seg_handoff_pop_free(&handoff));
	assert_int_equal(seg_handoff_may_dispatch(&handoff), SEG_DISPATCH_GO);
	assert_false(seg_handoff_pending(&handoff, &request));
	assert_int_equal(handoff.worker.handled, 0);
	assert_true(not_stopped(&handoff));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_demand_goes_before_any_lease),
		TEST(nothing_is_dispatched_from_the_instant_the_lease_ends),
		TEST(a_renewed_lease_wakes_a_worker_that_waits_for_it),
		TEST(a_demand_wakes_the_worker_and_its_stop_the_io_thread),
		TEST(a_new_ownership_finds_nothing_of_the_last_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
