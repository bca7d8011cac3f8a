/* test_segctl_why.c - `segctl why`: a real problem of each kind, and the cause that segctl names. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>
#include <jansson.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/runner.h"
#include "harness/segctl.h"
#include "harness/server.h"

static test_server *server;
static redisContext *redis;
static test_runner *runner;

static int set_up(void **state)
{
	(void)state;
	server = test_server_start(NULL);
	redis = test_server_connect(server);
	test_segctl_good(server->address, "stream create s -p 1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_runner_free(runner);
	runner = NULL;
	redisFree(redis);
	test_server_stop(server);
	return 0;
}

static void add(const char *data)
{
	freeReplyObject(
		test_server_command(redis, "XADD __default:s:partition_0 * partitionKey k data %s", data));
}

static void start_runner(const char *options)
{
	test_runner_free(runner);
	runner = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = only\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\noption.path = /dev/null\nsession_timeout = 500ms\n%s",
		server->address, test_build_directory(), options);
}

typedef struct {
	const char *verdict, *cause;
} expected;

static bool is_verdict(void *arg)
{
	const expected *e = arg;
	const test_segctl *answer = test_segctl_do(server->address, "why s g 0 -o json --sample 100ms");
	json_t *object = json_loads(answer->output, 0, NULL);
	bool is = object && strcmp(json_string_value(json_object_get(object, "verdict")), e->verdict) == 0 &&
		  strstr(json_string_value(json_object_get(object, "cause")), e->cause);
	json_decref(object);
	return is;
}

static void expect_verdict(const char *verdict, const char *text)
{
	expected e = {verdict, text};
	test_wait_until(is_verdict, &e, 20000, verdict);
}

static void a_group_that_handles_all_is_healthy_and_one_without_members_is_not(void **state)
{
	(void)state;
	add("1");
	start_runner("");
	expect_verdict("healthy", "all messages are handled");
	const char *text = test_segctl_good(server->address, "why s g 0 --sample 0");
	test_expect_text(text, "Owner         only; its lease lasts for another");
	test_expect_text(text, "Cause: nothing is wrong: all messages are handled.\nNext:  none.\n");
	assert_int_equal(test_runner_stop(runner, SIGTERM), EX_OK);
	add("2");
	expect_verdict("no-members", "no member of group g is alive, so nothing is handled");
	test_expect_text(test_segctl_good(server->address, "why s g 0 --sample 0"),
			 "Next:  start a segrunner");
}

static void a_message_that_is_retried_is_named_with_its_reason_and_attempt(void **state)
{
	(void)state;
	add("bad");
	start_runner("option.fail = bad\nmax_attempts = 0\nretry_backoff = 1s\n");
	test_group_wait_balanced(server->address, "s", "g", 1);
	expect_verdict("retrying", "; attempt 3 ");
	test_expect_text(test_segctl_good(server->address, "why s g 0 --sample 0"), "Hindered      message ");
	test_expect_text(test_segctl_good(server->address, "lag s g --sample 0"), "Partition 0: message ");
	test_expect_text(test_segctl_good(server->address, "lag s g --sample 0 -o json"),
			 "\"retry_reason\": \"");
}

static void an_owner_that_was_killed_is_silent(void **state)
{
	(void)state;
	add("1");
	start_runner("");
	expect_verdict("healthy", "");
	add("2");
	assert_int_equal(test_runner_stop(runner, SIGKILL), -SIGKILL);
	/* No other member lives, so that is the cause. */
	expect_verdict("no-members", "");
	/* Another member joins just before the silence is noticed. */
	freeReplyObject(test_server_command(redis, "HSET {__default:s}:g:members other %s", "x 100"));
	freeReplyObject(test_server_command(redis, "ZADD {__default:s}:g:leases 99999999999999 other"));
	expect_verdict("owner-silent", "the lease of its owner only ended");
	/* The last heartbeat came ten minutes ahead of the present time. */
	redisReply *time = test_server_command(redis, "TIME");
	freeReplyObject(test_server_command(redis, "HSET {__default:s}:g:partitions clock %lld",
					    (atoll(time->element[0]->str) + 600) * 1000));
	freeReplyObject(time);
	expect_verdict("clock-put-back", "Redis's clock was put back by");
}

static bool has_claimed(void *arg)
{
	(void)arg;
	return test_runner_times_said(runner, "now has 1 of 1 partitions") > 0;
}

static void a_message_that_kills_its_owners_is_named(void **state)
{
	(void)state;
	add("killer");
	/* Three owners die of the message. The fourth, which it would not kill, is slow. */
	for (int i = 0; i < 3; i++) {
		start_runner("option.crash = killer\nmax_attempts = 10\n");
		assert_int_not_equal(test_runner_wait(runner), 0);
	}
	start_runner("option.delay = 60s\nmax_attempts = 10\n");
	/* It waits for the end of the lease of the one that died. */
	test_wait_until(has_claimed, NULL, 20000, "the fourth owner has claimed the partition");
	expect_verdict("killer", "owners when they crashed: it may be what kills them");
	const char *text = test_segctl_good(server->address, "why s g 0 --sample 0");
	test_expect_text(text, "show it: segctl tail s -p 0 --from ");
	test_expect_text(text, "suspect: message ");
}

static void an_invalid_partition_is_refused(void **state)
{
	(void)state;
	assert_int_equal(test_segctl_do(server->address, "why s g 1")->exit_code, EX_NOINPUT);
	assert_int_equal(test_segctl_do(server->address, "why s g x")->exit_code, EX_USAGE);
	assert_int_equal(test_segctl_do(server->address, "why s g 0")->exit_code, EX_NOINPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_group_that_handles_all_is_healthy_and_one_without_members_is_not, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_message_that_is_retried_is_named_with_its_reason_and_attempt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_owner_that_was_killed_is_silent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_message_that_kills_its_owners_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_invalid_partition_is_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
