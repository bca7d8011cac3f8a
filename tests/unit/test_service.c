/* test_service.c - the status line of a runner for the service manager. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "host/service.h"

#define START (1000 * SEG_SECOND)

static seg_section section;
static seg_section *const sections[] = {&section};
static seg_service service;

static int set_up(void **state)
{
	(void)state;
	section = (seg_section){0};
	service = (seg_service){0};
	unsetenv("NOTIFY_SOCKET");
	return 0;
}

/* Looks this long after the start, with this many messages handled in all. */
static const char *status(int64_t after, unsigned handled)
{
	atomic_store(&section.counters.handled, handled);
	seg_service_look(&service, sections, 1, START + after);
	return service.status;
}

static void the_first_rate_is_of_the_first_second(void **state)
{
	(void)state;
	assert_string_equal(status(0, 0), "");
	assert_string_equal(status(SEG_SECOND, 1000),
			    "0 partitions owned, 0 retrying; 1000 messages a second");
}

static void messages_handled_before_the_first_look_do_not_count(void **state)
{
	(void)state;
	status(0, 5000);
	assert_string_equal(status(SEG_SECOND, 5010), "0 partitions owned, 0 retrying; 10 messages a second");
}

static void each_rate_is_of_the_time_since_the_line_before(void **state)
{
	(void)state;
	status(0, 0);
	status(SEG_SECOND, 1000);
	/* The main thread was late. */
	assert_string_equal(status(11 * SEG_SECOND, 3000),
			    "0 partitions owned, 0 retrying; 200 messages a second");
}

static void a_reload_does_not_change_what_the_rate_is_of(void **state)
{
	(void)state;
	status(0, 0);
	status(SEG_SECOND, 1000);
	seg_service_reloading(&service);
	status(2 * SEG_SECOND, 2000);
	assert_string_equal(status(3 * SEG_SECOND, 5000),
			    "0 partitions owned, 0 retrying; 2000 messages a second");
}

static void a_section_that_begins_at_zero_again_gives_no_negative_rate(void **state)
{
	(void)state;
	status(0, 0);
	status(SEG_SECOND, 1000);
	assert_string_equal(status(6 * SEG_SECOND, 0), "0 partitions owned, 0 retrying; 0 messages a second");
	assert_string_equal(status(11 * SEG_SECOND, 50),
			    "0 partitions owned, 0 retrying; 10 messages a second");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_rate_is_of_the_first_second, set_up),
		cmocka_unit_test_setup(messages_handled_before_the_first_look_do_not_count, set_up),
		cmocka_unit_test_setup(each_rate_is_of_the_time_since_the_line_before, set_up),
		cmocka_unit_test_setup(a_reload_does_not_change_what_the_rate_is_of, set_up),
		cmocka_unit_test_setup(a_section_that_begins_at_zero_again_gives_no_negative_rate, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
