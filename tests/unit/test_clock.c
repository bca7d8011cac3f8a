/*
 * The clock never goes backwards, and the timeouts for poll(2) neither end before their timer nor last for
 * ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static int64_t read_clock(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void time_never_goes_back(void **state)
{
	(void)state;
	int64_t last = seg_now();
	for (int i = 0; i < 100000; i++) {
		int64_t now = seg_now();
		assert_true(now >= last);
		last = now;
	}
}

static void leases_go_by_the_clock_that_goes_on_while_the_machine_is_suspended(void **state)
{
	(void)state;
	int64_t before = read_clock(CLOCK_BOOTTIME), now = seg_now(), after = read_clock(CLOCK_BOOTTIME);
	assert_true(before <= now && now <= after);
}

static void the_wall_clock_counts_from_1970(void **state)
{
	(void)state;
	int64_t before = read_clock(CLOCK_REALTIME), now = seg_wall_clock(),
		after = read_clock(CLOCK_REALTIME);
	/* The system's clock may be set meanwhile, by a second or so. */
	assert_true(before - SEG_SECOND <= now && now <= after + SEG_SECOND);
}

/* A timeout that was rounded down would wake the caller again and again just before the timer is due. */
static void a_poll_wakes_when_its_timer_is_due_and_not_a_moment_before(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 10000; i++) {
		int64_t now = (int64_t)rand() * 1000 + rand() % 1000, wait = 1 + rand() % (5 * SEG_MS);
		int64_t timeout = seg_poll_timeout(now + wait, now) * SEG_MS;
		assert_true(timeout >= wait && timeout < wait + SEG_MS);
	}
	assert_int_equal(seg_poll_timeout(1, 0), 1);
	assert_int_equal(seg_poll_timeout(SEG_MS, 0), 1);
	assert_int_equal(seg_poll_timeout(SEG_MS + 1, 0), 2);
}

static void a_timer_that_is_due_causes_no_wait(void **state)
{
	(void)state;
	assert_int_equal(seg_poll_timeout(5, 5), 0);
	assert_int_equal(seg_poll_timeout(4, 5), 0);
	assert_int_equal(seg_poll_timeout(0, INT64_MAX - 1), 0);
	assert_int_equal(seg_poll_timeout(INT64_MIN, 5), 0);
}

static void only_never_waits_without_an_end(void **state)
{
	(void)state;
	assert_int_equal(seg_poll_timeout(SEG_NEVER, 0), -1);
	assert_int_equal(seg_poll_timeout(SEG_NEVER, seg_now()), -1);
	/* poll(2) takes an int: a distant time must not become negative. */
	const int64_t far[] = {INT_MAX * SEG_MS, (INT_MAX + 1ll) * SEG_MS, 400 * 86400 * SEG_SECOND};
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		int timeout = seg_poll_timeout(seg_now() + far[i], seg_now());
		assert_true(timeout >= 60000);
	}
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(time_never_goes_back),
		TEST(leases_go_by_the_clock_that_goes_on_while_the_machine_is_suspended),
		TEST(the_wall_clock_counts_from_1970),
		TEST(a_poll_wakes_when_its_timer_is_due_and_not_a_moment_before),
		TEST(a_timer_that_is_due_causes_no_wait),
		TEST(only_never_waits_without_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
