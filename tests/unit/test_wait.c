/* test_wait.c - the one function in which the main thread waits: for time, signals and errands. */
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "host/wait.h"

enum { LOOK_MS = 5, LONG_MS = 20000 };

static seg_wait waiting;
static sem_t gate;
static int looks, ends_after; /* looks until a section asks for the end; 0: never */

static int look(void *arg)
{
	(void)arg;
	if (++looks == ends_after)
		seg_ending_request(&waiting.ending, 70);
	return LOOK_MS;
}

static int set_up(void **state)
{
	(void)state;
	waiting = (seg_wait){.signals = {.fd = -1},
			     .ending = {.fd = -1, .exit_code = -1},
			     .logger = seg_logger_make(NULL, NULL),
			     .look = look};
	looks = ends_after = 0;
	sem_init(&gate, 0, 0);
	return seg_wait_open(&waiting);
}

static int tear_down(void **state)
{
	(void)state;
	seg_wait_close(&waiting);
	sem_destroy(&gate);
	return 0;
}

static void pass_gate(void *arg)
{
	int *passed = arg;
	while (sem_wait(&gate))
		;
	*passed = 1;
}

/* Never returns. */
static void block(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

static void a_wait_lasts_for_its_timeout_and_looks_meanwhile(void **state)
{
	(void)state;
	int64_t start = seg_now();
	assert_false(seg_wait_ms(&waiting, 10 * LOOK_MS));
	assert_true(seg_now() - start >= 10 * LOOK_MS * SEG_MS);
	assert_true(looks >= 2);
}

static void a_wait_for_no_time_looks_once(void **state)
{
	(void)state;
	assert_false(seg_wait_ms(&waiting, 0));
	assert_int_equal(looks, 1);
}

static void a_signal_ends_a_wait_and_is_noted(void **state)
{
	(void)state;
	raise(SIGHUP);
	assert_false(seg_wait_ms(&waiting, LONG_MS));
	assert_true(waiting.signals.reload);
	raise(SIGTERM);
	assert_true(seg_wait_ms(&waiting, LONG_MS));
	assert_int_equal(waiting.signals.stops, 1);
}

/* The kernel's poll() is interrupted then, and says nothing of the descriptor. */
static void a_signal_that_comes_during_a_wait_ends_it_at_once(void **state)
{
	(void)state;
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	struct itimerspec soon = {.it_value.tv_nsec = 4 * LOOK_MS * SEG_MS};
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &soon, NULL), 0);
	int64_t start = seg_now();
	assert_false(seg_wait_ms(&waiting, LONG_MS));
	assert_true(seg_now() - start < LONG_MS / 2 * SEG_MS);
	assert_true(waiting.signals.report);
	timer_delete(timer);
}

static void a_section_that_asks_to_end_ends_a_wait(void **state)
{
	(void)state;
	ends_after = 3;
	assert_true(seg_wait_ms(&waiting, LONG_MS));
}

static void a_wait_for_an_errand_looks_until_its_call_returns(void **state)
{
	(void)state;
	seg_errand errand;
	int passed = 0;
	seg_errand_start(&errand, pass_gate, &passed);
	assert_false(seg_errand_finish(&errand));
	sem_post(&gate);
	assert_true(seg_wait_errand(&waiting, &errand));
	assert_int_equal(passed, 1);
	assert_false(waiting.left_errand);
}

static void an_errand_is_abandoned_if_the_runner_must_end(void **state)
{
	(void)state;
	static seg_errand endless;
	seg_errand_start(&endless, block, NULL);
	ends_after = 3;
	assert_false(seg_wait_errand(&waiting, &endless));
	assert_true(waiting.left_errand);
}

static void the_last_errand_is_left_only_by_a_second_signal(void **state)
{
	(void)state;
	static seg_errand endless;
	seg_errand_start(&endless, block, NULL);
	raise(SIGTERM);
	assert_true(seg_wait_ms(&waiting, 0));
	raise(SIGINT);
	assert_false(seg_wait_last_errand(&waiting, &endless));
	assert_int_equal(waiting.signals.stops, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_wait_lasts_for_its_timeout_and_looks_meanwhile),
		TEST(a_wait_for_no_time_looks_once),
		TEST(a_signal_ends_a_wait_and_is_noted),
		TEST(a_signal_that_comes_during_a_wait_ends_it_at_once),
		TEST(a_section_that_asks_to_end_ends_a_wait),
		TEST(a_wait_for_an_errand_looks_until_its_call_returns),
		TEST(an_errand_is_abandoned_if_the_runner_must_end),
		TEST(the_last_errand_is_left_only_by_a_second_signal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
