/*
 * test_doorbell.c - a member with many partitions on one server hears of messages by the bell: CLIENT TRACKING with REDIRECT. On the
 * server that all tests use, and on Valkey where that is installed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sysexits.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/consumer.h"
#include "harness/group.h"
#include "harness/rig.h"

/* More than a member reads with a blocking read. */
enum { PARTITIONS = 80, PATIENCE_MS = 20000 };

/* Whether a connection is tracked, and another one hears of it. */
static bool is_tracked(void *arg)
{
	(void)arg;
	redisReply *list = test_server_ask(rig.server, "CLIENT LIST");
	bool found = false;
	for (const char *at = list->str; (at = strstr(at, " redir=")); at++)
		found = found || atoll(at + strlen(" redir=")) > 0;
	freeReplyObject(list);
	return found;
}

/* How many reads the server has done so far. */
static long long reads(void)
{
	redisReply *info = test_server_ask(rig.server, "INFO commandstats");
	const char name[] = "cmdstat_xread:calls=", *found = strstr(info->str, name);
	long long count = found ? atoll(found + strlen(name)) : 0;
	freeReplyObject(info);
	return count;
}

static void hears_by_the_bell(void)
{
	test_rig_register("s", &(seg_stream_shape){.partitions = PARTITIONS, .partition_size = 1000});
	seg_consumer *consumer = test_consumer_join(rig.client, "s", 0);
	test_wait_until(is_tracked, NULL, PATIENCE_MS, "a connection is tracked");
	/* Each message rings for its partition, and costs no look at the others. */
	for (int i = 0; i < 20; i++) {
		char key[16];
		snprintf(key, sizeof(key), "key-%d", i);
		test_rig_send(key, "x");
		long long began = test_now_ms();
		test_consumer_handle(consumer, 1);
		assert_true(test_now_ms() - began < 2000);
	}
	assert_true(is_tracked(NULL));
	assert_true(reads() < 20 * PARTITIONS);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

static void messages_ring_on_one_server(void **state)
{
	(void)state;
	test_rig_start(NULL);
	hears_by_the_bell();
}

static void messages_ring_on_a_valkey(void **state)
{
	(void)state;
	const char *usual = getenv("SEG_TEST_REDIS_SERVER");
	char before[512];
	snprintf(before, sizeof(before), "%s", usual ? usual : "");
	if (system("valkey-server --version >/dev/null 2>&1") != 0) {
		print_message("skipped: valkey-server is not on the path\n");
		skip();
	}
	setenv("SEG_TEST_REDIS_SERVER", "valkey-server", 1);
	test_rig_start(NULL);
	if (usual)
		setenv("SEG_TEST_REDIS_SERVER", before, 1);
	else
		unsetenv("SEG_TEST_REDIS_SERVER");
	assert_true(test_server_says(rig.server, "INFO server", "valkey_version:"));
	hears_by_the_bell();
}

/* --- partitions that rest ----------------------------------------------------------------------- */

static test_runner *run(int number)
{
	return test_runner_run("[redis]\naddress = %s\n[runner]\nname = runner-%d\n"
			       "[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/counts.so\n"
			       "partitions = %d\n" TEST_MORTAL,
			       rig.server->address, number, test_build_directory(), PARTITIONS);
}

/* Messages for partitions here and there, and after them for all others. */
static void send_and_drain(int messages)
{
	char key[16];
	for (int i = 0; i < messages; i++) {
		snprintf(key, sizeof(key), "key-%d", i * 37 % messages);
		test_rig_send(key, "x");
		if (i == 2)
			test_group_wait_drained(rig.server->address, "s", "g");
	}
	test_group_wait_drained(rig.server->address, "s", "g");
}

/* Most partitions have no message when the bell breaks, when another member comes, and when one dies. */
static void partitions_that_rest_miss_nothing(void **state)
{
	(void)state;
	seg_error error = {0};
	test_rig_start(NULL);
	test_runner *first = run(1);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_wait_until(is_tracked, NULL, PATIENCE_MS, "a connection is tracked");
	rig.client = test_rig_client(NULL);
	if (seg_stream_open(rig.client, "s", &rig.stream, &error))
		fail_msg("%s", error.text);
	send_and_drain(7);
	freeReplyObject(test_server_ask(rig.server, "CLIENT KILL TYPE normal SKIPME yes"));
	send_and_drain(20);
	test_runner *second = run(2);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	send_and_drain(40);
	assert_int_equal(test_runner_stop(first, SIGKILL), -SIGKILL);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	send_and_drain(400);
	assert_int_equal(test_runner_stop(second, SIGTERM), EX_OK);
	test_runner_free(first);
	test_runner_free(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up_directory, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_ring_on_one_server),
		TEST(messages_ring_on_a_valkey),
		TEST(partitions_that_rest_miss_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
