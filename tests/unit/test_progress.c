#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "redis/progress.h"

enum { TIMEOUT = 1000, SINCE = 5000 };

static seg_progress progress;

static int set_up(void **state)
{
	(void)state;
	progress = (seg_progress){.written = 300};
	return 0;
}

static void look(int64_t now, uint64_t unwritten, uint64_t unacknowledged)
{
	assert_true(now >= seg_progress_look_at(&progress, SINCE, TIMEOUT));
	seg_progress_look(&progress, SINCE, now, unwritten, unacknowledged);
}

static int64_t deadline(void)
{
	return seg_progress_deadline(&progress, SINCE, TIMEOUT);
}

static void an_answer_that_comes_soon_costs_no_look(void **state)
{
	(void)state;
	assert_int_equal(seg_progress_look_at(&progress, SINCE, TIMEOUT), SINCE + 750);
	assert_int_equal(deadline(), SINCE + TIMEOUT);
}

static void the_clock_starts_anew_while_the_peer_takes_the_command(void **state)
{
	(void)state;
	look(5750, 1000, 200);
	progress.written += 400;
	look(6000, 600, 200);
	assert_int_equal(deadline(), 7000);
	progress.written += 600;
	look(6250, 0, 200);
	assert_int_equal(deadline(), 7250);
	/* The last bytes are in the kernel. */
	look(6500, 0, 0);
	assert_int_equal(deadline(), 7500);
	assert_true(seg_progress_look_at(&progress, SINCE, TIMEOUT) == SEG_NEVER);
}

static void a_late_look_is_followed_by_one_before_the_end(void **state)
{
	(void)state;
	look(5760, 1000, 200);
	assert_int_equal(seg_progress_look_at(&progress, SINCE, TIMEOUT), deadline());
	progress.written += 400;
	look(6000, 600, 200);
	assert_int_equal(deadline(), 7000);
}

static void a_link_that_stands_still_is_given_up(void **state)
{
	(void)state;
	look(5750, 1000, 200);
	look(6000, 1000, 200);
	assert_int_equal(deadline(), SINCE + TIMEOUT);
}

/* The kernel of a server that hangs still takes small commands. */
static void commands_that_follow_are_no_progress(void **state)
{
	(void)state;
	look(5750, 0, 0);
	progress.written += 50;
	assert_true(seg_progress_look_at(&progress, SINCE, TIMEOUT) == SEG_NEVER);
	assert_int_equal(deadline(), SINCE + TIMEOUT);
}

static void a_look_of_an_earlier_wait_is_no_measure(void **state)
{
	(void)state;
	seg_progress_look(&progress, SINCE - 4000, SINCE - 3000, 1000, 200);
	progress.written += 1000;
	look(5750, 0, 0);
	assert_int_equal(deadline(), SINCE + TIMEOUT);
}

static void a_socket_may_count_more_than_was_written(void **state)
{
	(void)state;
	look(5750, 0, 1000);
	assert_int_equal(progress.delivered, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_that_comes_soon_costs_no_look),
		TEST(the_clock_starts_anew_while_the_peer_takes_the_command),
		TEST(a_late_look_is_followed_by_one_before_the_end),
		TEST(a_link_that_stands_still_is_given_up),
		TEST(commands_that_follow_are_no_progress),
		TEST(a_look_of_an_earlier_wait_is_no_measure),
		TEST(a_socket_may_count_more_than_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
