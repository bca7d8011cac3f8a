/* test_segctl_top.c - `segctl top` on a terminal of 80x24, driven by keys; and without a terminal. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/rig.h"
#include "harness/segctl.h"

static pid_t top;
static int terminal;

/* Two streams with a group each: one group runs, the other's messages are unhandled. */
static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create orders -p 2");
	test_segctl_good(rig.server->address, "stream create visits -p 1");
	test_rig_tell("SADD {__default:visits}:groups counting");
	test_rig_tell("XGROUP CREATE __default:visits:partition_0 counting 0 MKSTREAM");
	test_rig_tell("XADD __default:visits:partition_0 * partitionKey k data d");
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = worker-one\n[consumer c]\nstream = orders\n"
		"group = billing\nplugin = %s/tests/plugins/record.so\noption.path = /dev/null\n",
		rig.server->address, test_build_directory());
	test_group_wait_balanced(rig.server->address, "orders", "billing", 1);
	return 0;
}

static int tear_down(void **state)
{
	if (top > 0) {
		kill(top, SIGKILL);
		waitpid(top, NULL, 0);
		close(terminal);
		top = 0;
	}
	return test_rig_tear_down(state);
}

static void skip_where_it_is_left_out(void)
{
	if (test_segctl_do(rig.server->address, "top --help")->exit_code != 0)
		skip();
}

static void press(const char *keys)
{
	assert_int_equal(write(terminal, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static void groups_lead_to_their_partitions_and_these_to_the_cause(void **state)
{
	(void)state;
	skip_where_it_is_left_out();
	top = test_segctl_start_on_terminal(rig.server->address, "top -i 200ms", &terminal);
	test_terminal_shows(terminal, "segctl top - 2 groups");
	press("?");
	test_terminal_shows(terminal, "reverse the order");
	press(" j\n");
	test_terminal_shows(terminal, "group counting of visits - 0 live, 1 message waits");
	press("\n");
	test_terminal_shows(terminal, "Cause: no member of group counting is alive, so nothing is handled.");
	press("\033");
	test_terminal_shows(terminal, "open  Esc back");
	press("q");
	int status;
	assert_int_equal(waitpid(top, &status, 0), top);
	top = 0;
	close(terminal);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_filter_leaves_only_what_matches(void **state)
{
	(void)state;
	skip_where_it_is_left_out();
	top = test_segctl_start_on_terminal(rig.server->address, "top -i 200ms", &terminal);
	test_terminal_shows(terminal, "segctl top - 2 groups");
	press("/nosuch");
	test_terminal_shows(terminal, "Nothing matches the filter.");
	press("\033/bill\n\n");
	test_terminal_shows(terminal, "group billing of orders - 1 live");
}

static void a_redis_that_goes_away_is_reported_and_waited_for(void **state)
{
	(void)state;
	skip_where_it_is_left_out();
	top = test_segctl_start_on_terminal(rig.server->address,
					    "--timeout 300ms top orders billing -i 200ms", &terminal);
	test_terminal_shows(terminal, "worker-one");
	test_server_kill(rig.server);
	test_terminal_shows(terminal, "cannot ");
	press("q");
	int status;
	assert_int_equal(waitpid(top, &status, 0), top);
	top = 0;
	close(terminal);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void without_a_terminal_it_is_printed_once(void **state)
{
	(void)state;
	skip_where_it_is_left_out();
	const char *text = test_segctl_good(rig.server->address, "top");
	test_expect_text(text, "billing of orders\n\nPARTITION");
	test_expect_text(text, "counting of visits\n\nPARTITION");
	test_expect_text(text, "Live members: 1, owning 2 of 2 partitions");
}

static void a_stream_that_does_not_exist_is_an_error(void **state)
{
	(void)state;
	skip_where_it_is_left_out();
	const test_segctl *answer = test_segctl_do(rig.server->address, "top nowhere");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "stream \"nowhere\" does not exist");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(groups_lead_to_their_partitions_and_these_to_the_cause),
		TEST(a_filter_leaves_only_what_matches),
		TEST(a_redis_that_goes_away_is_reported_and_waited_for),
		TEST(without_a_terminal_it_is_printed_once),
		TEST(a_stream_that_does_not_exist_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
