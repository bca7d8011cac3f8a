/*
 * test_segctl_why_waits.c - `segctl why` names what a partition waits for: an output, although a message has failed before it; and
 * replicas that do not confirm commits.
 */
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

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/http.h"
#include "harness/rig.h"
#include "harness/segctl.h"

enum { PATIENCE_MS = 30000, MESSAGES = 10, ROOM = 5 };

/* The time of the last id that there can be. */
#define LAST "18446744073709551615"

static test_server *replica;

/* The target has room for ROOM records, since a group has read none of them. */
static int set_up(void **state)
{
	test_rig_set_up_directory(state);
	test_rig_start_with(&(test_server_options){.arguments = "--repl-diskless-sync-delay 0", .tcp = true});
	test_segctl_good(rig.server->address, "stream create s -p 1");
	test_segctl_good(rig.server->address, "stream create out -p 1 --partition-size %d", ROOM);
	test_server_tell(rig.server, "XGROUP CREATE __default:out:partition_0 reader 0 MKSTREAM");
	return 0;
}

static int tear_down(void **state)
{
	if (replica)
		test_server_stop(replica);
	replica = NULL;
	return test_rig_tear_down(state);
}

static void add(const char *key, int from, int to)
{
	for (int number = from; number < to; number++)
		test_rig_tell("XADD __default:s:partition_0 * partitionKey %s data %d", key, number);
}

static void run(int ack_replicas, const char *options)
{
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\nack_replicas = %d\n[runner]\nname = only\nadmin = 127.0.0.1:0\n"
		"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/counts.so\n"
		"max_attempts = 0\nretry_backoff_max = 1h\n%s\n",
		rig.server->address, ack_replicas, test_build_directory(), options);
}

static bool why_says(void *text)
{
	return strstr(test_segctl_do(rig.server->address, "why s g 0 --sample 0")->output, text);
}

static void await(const char *text)
{
	test_wait_until(why_says, (void *)(uintptr_t)text, PATIENCE_MS, text);
}

static void make_room(void)
{
	test_server_tell(rig.server, "XGROUP SETID __default:out:partition_0 reader %s-0",
			 "18446744073709551615");
}

static void end(void)
{
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* Each second message fails once; the last two of these attempts are made when the target is full. */
static void an_output_that_waits_is_named_although_messages_have_failed_before(void **state)
{
	(void)state;
	add("k", 0, MESSAGES);
	run(0, "outputs = out\noption.retries = 2\nretry_backoff = 1ms\nbatch_size = 2");
	await("Cause: the output of message");
	test_expect_text(test_segctl_do(rig.server->address, "why s g 0 --sample 0")->output,
			 "partition 0 of stream \"out\" is full: 5 messages");
	test_runner_says(rig.runner, "outputs wait, and the partition with them: ");
	make_room();
	end();
	assert_int_equal(test_runner_times_said(rig.runner, "outputs wait, and the partition with them: "),
			 1);
	assert_int_equal(test_runner_times_said(rig.runner, "the outputs go on"), 1);
}

static void a_message_that_fails_is_named_again_when_the_outputs_before_it_go_on(void **state)
{
	(void)state;
	add("k", 0, MESSAGES);
	run(0, "outputs = out\nbatch_size = 2\noption.fail = 8\nretry_backoff = 1h");
	await("Cause: the output of message");
	make_room();
	await("fails: it is to fail; attempt 2 in");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static bool admin_says_so(void *arg)
{
	(void)arg;
	test_http_answer answer = test_http_get(test_http_port(rig.runner), "/readyz");
	bool so = strstr(answer.body, "0 of 1 replicas (ack_replicas) confirmed a commit") != NULL;
	test_http_free(&answer);
	return so;
}

static void follow(void)
{
	replica = test_server_start_tcp(NULL);
	test_server_follow(replica, rig.server);
}

/* Whether all was handled or not: commits do not count, and `why` must not blame the handler. */
static void missing_replicas(int messages)
{
	add("k", 0, messages);
	run(1,
	    "option.retries = 2\nretry_backoff = 1ms\nbatch_size = 10\nin_flight_batches = 2\nsession_timeout = 2s");
	await("Cause: commits do not count, for");
	const char *text = test_segctl_good(rig.server->address, "why s g 0");
	test_expect_text(text, "0 of 1 replicas (ack_replicas) confirmed a commit within");
	test_expect_text(text, "Next:  start the replicas of Redis, or lower ack_replicas of only");
	test_expect_text(test_segctl_good(rig.server->address, "why s g 0 -o json"), "\"replicas-missing\"");
	test_wait_until(admin_says_so, NULL, PATIENCE_MS, "/readyz says it, too");
	assert_int_equal(test_runner_times_said(rig.runner, "commits do not count and are repeated"), 1);
	follow();
	await("Cause: nothing is wrong");
	end();
	test_runner_says(rig.runner, "the replicas confirm commits again");
}

static void replicas_that_do_not_confirm_commits_are_named(void **state)
{
	(void)state;
	missing_replicas(MESSAGES);
}

static void so_they_are_when_nothing_more_may_be_in_flight(void **state)
{
	(void)state;
	missing_replicas(100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_output_that_waits_is_named_although_messages_have_failed_before),
		TEST(a_message_that_fails_is_named_again_when_the_outputs_before_it_go_on),
		TEST(replicas_that_do_not_confirm_commits_are_named),
		TEST(so_they_are_when_nothing_more_may_be_in_flight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
