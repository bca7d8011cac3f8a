/*
 * test_refused.c - what an operator sees while Redis answers and refuses what a runner asks: rights are taken from the user of a
 * runner that works, and given back.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/http.h"
#include "harness/rig.h"
#include "harness/segctl.h"
#include "admin/server.h"

enum { PATIENCE_MS = 30000, PARTITIONS = 2 };

static int port;

/* The user of the runner may do everything but this. */
static void deny(const char *rights)
{
	test_server_tell(rig.server, "ACL SETUSER app on >pw resetkeys ~* &* +@all");
	if (*rights) {
		char command[256];
		snprintf(command, sizeof(command), "ACL SETUSER app %s", rights);
		test_server_tell(rig.server, command);
	}
}

static void add(int partition)
{
	test_rig_tell("XADD __default:s:partition_%d * partitionKey k data d", partition);
}

static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create s -p %d", PARTITIONS);
	deny("");
	return 0;
}

static void start_with(const char *more)
{
	rig.runner = test_runner_run(
		"[redis]\naddress = unix://app:pw@%s\n[runner]\nname = only\nadmin = 127.0.0.1:0\n"
		"[consumer c]\nstream = s\ngroup = g\n" TEST_MORTAL
		"plugin = %s/tests/plugins/record.so\noption.path = %s\n%s",
		rig.server->socket, test_build_directory(), rig.deliveries, more);
	port = test_http_port(rig.runner);
}

static void start(void)
{
	start_with("");
}

static void start_ready(void)
{
	start();
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
}

/* --- what is seen ------------------------------------------------------------------------ */

static void wait_for(const char *path, int status, const char *text)
{
	test_http_wait(port, path, status, text);
}

static bool is_ready(void *arg)
{
	test_http_answer answer = test_http_get(port, "/readyz");
	bool holds = answer.status == 200 && strcmp(answer.body, "ready\n") == 0;
	(void)arg;
	test_http_free(&answer);
	return holds;
}

static void wait_ready(void)
{
	test_wait_until(is_ready, NULL, PATIENCE_MS, "ready, and nothing hinders it");
}

static double metric(const char *name, const char *more)
{
	char sample[128];
	snprintf(sample, sizeof(sample), "segmenter_%s{stream=\"s\",group=\"g\"%s}", name, more);
	test_http_answer answer = test_http_get(port, "/metrics");
	test_metrics_check(answer.body);
	double value = test_metrics_value(answer.body, sample);
	test_http_free(&answer);
	return value;
}

static bool why_says(void *text)
{
	return strstr(test_segctl_do(rig.server->address, "why s g 0 --sample 20ms")->output, text);
}

static void wait_for_why(const char *text)
{
	test_wait_until(why_says, (void *)(uintptr_t)text, PATIENCE_MS, text);
}

/* The process lives, works on as soon as it may, and ends well. */
static void goes_on(void)
{
	assert_int_equal(test_http_status(port, "/livez"), 200);
	deny("");
	wait_ready();
	add(0);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* --- commits ------------------------------------------------------------------------------- */

static void refused_commits_are_named_and_the_runner_is_not_ready_until_they_succeed(void **state)
{
	(void)state;
	start_ready();
	wait_ready();
	assert_true(metric("commits_refused_total", "") == 0);
	deny("-xgroup");
	add(0);
	wait_for("/readyz", 503, "s now, Redis refuses a commit: ");
	wait_for("/readyz", 503, "grant ");
	wait_for("/api/v1/status", 200, "\"causes\":[{\"kind\":\"refusal\",\"consumer\":\"c\",");
	wait_for("/api/v1/groups/s/g", 200, "\"hindrance\":{\"kind\":\"refused\",");
	assert_true(metric("commits_refused_total", "") > 0);
	assert_true(metric("heartbeats_refused_total", "") == 0);
	goes_on();
}

static void why_tells_what_redis_answers_and_how_to_find_the_right_that_is_missing(void **state)
{
	(void)state;
	start_ready();
	add(0);
	/* Else the claim is refused, which needs the right, too, and there is no commit. */
	test_group_wait_drained(rig.server->address, "s", "g");
	deny("-xgroup");
	add(0);
	wait_for_why("Redis refuses a commit: ");
	const char *text = test_segctl_good(rig.server->address, "why s g 0 --sample 0");
	test_expect_text(text, "Next:  give the user of only what it lacks");
	test_expect_text(text, "segctl doctor --for runner");
	test_expect_text(test_segctl_good(rig.server->address, "why s g 0 -o json"), "\"refused\"");
	deny("");
	wait_for_why("nothing is wrong");
	goes_on();
}

/* Redis refuses it first, and accepts it then, but there is no room. */
static void a_dead_letter_that_waits_for_room_is_not_refused_any_more(void **state)
{
	(void)state;
	start_with("dead_letter_limit = 1\ndead_letter_overflow = stop\noption.dead_letter = d*\n");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	wait_ready();
	test_rig_tell("XADD {__default:s:partition_0}:g:dead * a b");
	deny("-xgroup");
	add(0);
	wait_for("/readyz", 503, "s now, Redis refuses a dead letter: ");
	deny("");
	wait_for("/readyz", 200, "waits for room");
	test_rig_tell("DEL {__default:s:partition_0}:g:dead");
	wait_ready();
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* As of a key of another type: the partition waits, and what another runner could do better is nothing. */
static bool is_degraded(void *text)
{
	add(0);
	return test_http_answers(port, "/readyz", 200, text);
}

static void a_runner_that_is_refused_one_partition_only_stays_ready(void **state)
{
	static char degraded[] = "ready, but degraded\n[consumer c] partition 1: for ";
	(void)state;
	start_ready();
	wait_ready();
	deny("resetkeys ~__default:s:partition_0 ~{__default:s:partition_0}* ~{__default:s}* %%R~*");
	add(1);
	/* Also while nothing else is committed. */
	wait_for("/readyz", 200, "Redis refuses a commit: ");
	test_wait_until(is_degraded, degraded, PATIENCE_MS, degraded);
	goes_on();
}

/* --- heartbeats, claims and reads ----------------------------------------------------------- */

static void heartbeats_are_refused_without(const char *right)
{
	start_ready();
	wait_ready();
	deny(right);
	add(0);
	wait_for("/readyz", 503, "[consumer c] has lost its lease: for ");
	wait_for("/readyz", 503, "s now, Redis refuses the heartbeat: ");
	assert_true(metric("heartbeats_refused_total", "") > 0);
	wait_for_why("Redis refuses its heartbeats");
	wait_for_why("segctl doctor --for runner");
	goes_on();
}

static void refused_heartbeats_are_not_called_unanswered(void **state)
{
	(void)state;
	heartbeats_are_refused_without("-zadd");
}

/* Its owner can note nothing in Redis, either. */
static void nor_are_those_of_a_runner_that_may_write_nothing(void **state)
{
	(void)state;
	heartbeats_are_refused_without("-hset");
}

/* What passes by itself is told of, too, if it does not pass. */
static void a_redis_that_accepts_no_writes_is_quoted(void **state)
{
	(void)state;
	start_ready();
	wait_ready();
	test_server_tell(rig.server, "CONFIG SET min-replicas-to-write 1");
	wait_for("/readyz", 503, "s now, Redis refuses the heartbeat: NOREPLICAS");
	test_server_tell(rig.server, "CONFIG SET min-replicas-to-write 0");
	goes_on();
}

static void a_runner_whose_claims_are_refused_is_not_ready(void **state)
{
	(void)state;
	start_ready();
	wait_ready();
	deny("-xinfo -info");
	/* It cannot know whether the Redis that it reaches again has lost writes: it claims all anew. */
	test_server_tell(rig.server, "CLIENT KILL USER app");
	wait_for("/readyz", 503, "s now, Redis refuses a claim: ");
	assert_true(metric("claims_refused_total", "") > 0);
	add(0);
	wait_for_why("segctl doctor --for runner");
	goes_on();
}

static void a_runner_that_may_not_read_is_not_ready(void **state)
{
	(void)state;
	start_ready();
	wait_ready();
	deny("-xread");
	add(0);
	add(1);
	wait_for("/readyz", 503, "s now, Redis refuses a read: ");
	assert_true(metric("reads_refused_total", "") > 0);
	goes_on();
}

static void a_section_that_has_not_started_because_of_another_names_that_one(void **state)
{
	(void)state;
	test_server_tell(rig.server, "CLIENT PAUSE 60000 WRITE");
	rig.runner = test_runner_run(
		"[redis]\naddress = unix://app:pw@%s\ntimeout = 500ms\n[runner]\nname = only\nadmin = 127.0.0.1:0\n"
		"[consumer c]\nstream = u\npartitions = 1\npartition_size = 10\ngroup = g\nplugin = %s/tests/plugins/record.so\noption.path = %s\n"
		"[consumer d]\nstream = t\npartitions = 1\npartition_size = 10\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\noption.path = %s\n",
		rig.server->socket, test_build_directory(), rig.deliveries, test_build_directory(),
		rig.deliveries);
	port = test_http_port(rig.runner);
	wait_for("/readyz", 503, "[consumer c] has not started: cannot ");
	wait_for("/readyz", 503, "[consumer d] has not started: it waits for [consumer c]");
	test_server_tell(rig.server, "CLIENT UNPAUSE");
	wait_ready();
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* A Redis that answers with a refusal, which passes, is not silent. */
static void a_section_that_has_not_started_quotes_the_refusal(void **state)
{
	int done = 0;
	(void)state;
	test_server_tell(rig.server, "CONFIG SET busy-reply-threshold 1");
	redisContext *busy = test_server_connect(rig.server);
	assert_int_equal(redisAppendCommand(busy, "EVAL %s 0", "while true do end"), REDIS_OK);
	while (!done)
		assert_int_equal(redisBufferWrite(busy, &done), REDIS_OK);
	start();
	wait_for("/readyz", 503, "[consumer c] has not started: ");
	wait_for("/readyz", 503, "BUSY Redis is busy running a script");
	test_server_tell(rig.server, "SCRIPT KILL");
	redisFree(busy);
	wait_ready();
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void a_runner_that_may_not_open_the_group_says_so(void **state)
{
	(void)state;
	deny("-xgroup");
	start();
	wait_for("/readyz", 503, "[consumer c] has not joined its group yet: for ");
	wait_for("/readyz", 503, "s now, Redis refuses to open the group: ");
	goes_on();
}

/* --- metrics ---------------------------------------------------------------------------------- */

static bool is_lag_known(void *arg)
{
	return (metric("partition_lag_seconds", ",partition=\"0\"") >= 0) == *(bool *)arg;
}

static void a_lag_that_cannot_be_read_is_left_out(void **state)
{
	bool yes = true, no = false;
	(void)state;
	start_ready();
	test_wait_until(is_lag_known, &yes, PATIENCE_MS, "the lag is known");
	deny("-evalsha -evalsha_ro");
	test_wait_until(is_lag_known, &no, PATIENCE_MS, "the lag is left out");
	assert_true(metric("group_members", "") < 0);
	assert_true(metric("group_read_timestamp_seconds", "") > 0);
	deny("");
	test_wait_until(is_lag_known, &yes, PATIENCE_MS, "the lag is known again");
	goes_on();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refused_commits_are_named_and_the_runner_is_not_ready_until_they_succeed),
		TEST(why_tells_what_redis_answers_and_how_to_find_the_right_that_is_missing),
		TEST(a_dead_letter_that_waits_for_room_is_not_refused_any_more),
		TEST(a_runner_that_is_refused_one_partition_only_stays_ready),
		TEST(refused_heartbeats_are_not_called_unanswered),
		TEST(nor_are_those_of_a_runner_that_may_write_nothing),
		TEST(a_redis_that_accepts_no_writes_is_quoted),
		TEST(a_runner_whose_claims_are_refused_is_not_ready),
		TEST(a_runner_that_may_not_read_is_not_ready),
		TEST(a_section_that_has_not_started_because_of_another_names_that_one),
		TEST(a_section_that_has_not_started_quotes_the_refusal),
		TEST(a_runner_that_may_not_open_the_group_says_so),
		TEST(a_lag_that_cannot_be_read_is_left_out),
	};
	if (!seg_server_is_built()) {
		print_message("built without libmicrohttpd: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
