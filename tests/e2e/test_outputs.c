/*
 * test_outputs.c - what a handler emits to other streams: each record once and in the order of its key, whatever is killed; none of a
 * message that failed; the position after the outputs; and a target that is full. test_outputs_pull.c tries the same with pull consumers.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/load.h"
#include "harness/outputs.h"

static test_runner *run(const char *outputs, const char *more)
{
	return test_runner_run("[redis]\naddress = %s\n[consumer e]\nstream = in\ngroup = g\nplugin = "
			       "%s/tests/plugins/emits.so\n" TEST_MORTAL "outputs = %s\n%s\n",
			       rig.server->address, test_build_directory(), outputs, more);
}

/* Kills a runner again and again, with a target that is too small for what its reader leaves in it. */
static void kill_runners(seg_packing in, seg_packing out, const char *more)
{
	test_reader r;
	test_runner *runners[2];
	test_outputs_make_stream("in", 100000, in);
	test_outputs_make_stream("out", 100, out);
	test_reader_open(&r, "out");
	test_load *load =
		test_load_start(rig.server->address, "in", TEST_OUTPUTS_PARTITIONS, TEST_OUTPUTS_KEYS, 100);
	for (int i = 0; i < 2; i++)
		runners[i] = run("out", more);
	for (int round = 0; round < 5; round++) {
		test_load_go_on(load, 30);
		test_runner *killed = runners[round % 2];
		test_runner_stop(killed, SIGKILL);
		test_runner_free(killed);
		runners[round % 2] = run("out", more);
		test_reader_read(&r, 50);
	}
	test_reader_read_all(&r, test_load_end(load));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(test_runner_stop(runners[i], SIGTERM), 0);
		test_runner_free(runners[i]);
	}
	test_reader_close(&r);
}

static void whatever_is_killed_each_output_is_there_once_and_in_order(void **state)
{
	(void)state;
	kill_runners(SEG_PACKING_OFF, SEG_PACKING_OFF, "");
}

static void so_it_is_with_packed_streams(void **state)
{
	(void)state;
	kill_runners(SEG_PACKING_ON, SEG_PACKING_ON, "");
}

static void a_full_target_holds_up_the_position_and_is_named(void **state)
{
	(void)state;
	char key[128];
	int p = test_outputs_partition("k0");
	test_reader r;
	test_outputs_send_too_much(&r);
	test_runner *runner = run("out", "");
	snprintf(key, sizeof(key), "{__default:in:partition_%d}:g:state", p);
	test_outputs_await_hindrance(key, "target");
	if (!strstr(test_outputs_hash_field(key, "hindrance"), "of stream \"out\" is full"))
		fail_msg("%s", test_outputs_hash_field(key, "hindrance"));
	assert_int_equal(test_outputs_length("out", p), 5);
	/* One call had all twelve, so none of them is done. */
	assert_string_equal(test_outputs_hash_field(key, "position"), "0-0");
	for (int waited = 0; r.records < 12 && waited < TEST_OUTPUTS_PATIENCE_MS; waited += 100)
		test_reader_read(&r, 100);
	assert_int_equal(r.records, 12);
	for (int waited = 0; *test_outputs_hash_field(key, "hindrance") ||
			     strcmp(test_outputs_hash_field(key, "position"), "0-0") == 0;
	     waited += 20) {
		if (waited > TEST_OUTPUTS_PATIENCE_MS)
			fail_msg("still: %s", test_outputs_hash_field(key, "hindrance"));
		test_outputs_pause(20);
	}
	test_reader_close(&r);
	assert_int_equal(test_runner_stop(runner, SIGTERM), 0);
	test_runner_free(runner);
}

/* An owner that does not know what was done beyond the position handles it again; what that emits must not be added again. */
static void what_lanes_have_added_is_not_added_again_without_them(void **state)
{
	(void)state;
	enum { OTHERS = 20 };
	int p = test_outputs_partition("k");
	char other[16];
	test_outputs_make_stream("in", 1000, SEG_PACKING_OFF);
	test_outputs_make_stream("out", 1000, SEG_PACKING_OFF);
	test_outputs_send("in", "k", "fail");
	for (int i = 0, found = 0; found < OTHERS; i++) {
		snprintf(other, sizeof(other), "other%d", i);
		if (test_outputs_partition(other) != p)
			continue;
		test_outputs_send("in", other, "x");
		found++;
	}
	test_runner *runner = run("out", "parallel = 8\nmax_attempts = 0\nretry_backoff = 10ms");
	test_outputs_await_length("out", p, OTHERS);
	assert_int_equal(test_runner_stop(runner, SIGTERM), 0);
	test_runner_free(runner);
	test_rig_tell("HDEL {__default:in:partition_%d}:g:state beyond", p);
	runner = run("out", "max_attempts = 1");
	test_outputs_send("in", "k", "last");
	test_outputs_await_length("out", p, OTHERS + 1);
	assert_int_equal(test_runner_stop(runner, SIGTERM), 0);
	test_runner_free(runner);
	assert_int_equal(test_outputs_length("out", p), OTHERS + 1);
}

static void a_message_that_fails_leaves_no_output(void **state)
{
	(void)state;
	int p = test_outputs_partition("k");
	test_outputs_make_stream("in", 1000, SEG_PACKING_OFF);
	test_outputs_send("in", "k", "0");
	test_outputs_send("in", "k", "fail");
	test_outputs_send("in", "k", "1");
	test_runner *runner =
		run("out, keys",
		    "output.out.partitions = 4\noutput.keys.partitions = 4\noutput.keys.partition_size = 7\n"
		    "max_attempts = 2\nretry_backoff = 10ms");
	for (int waited = 0; test_outputs_length("out", p) < 2; waited += 20) {
		if (waited > TEST_OUTPUTS_PATIENCE_MS)
			fail_msg("%lld outputs", test_outputs_length("out", p));
		test_outputs_pause(20);
	}
	assert_int_equal(test_runner_stop(runner, SIGTERM), 0);
	test_runner_free(runner);
	assert_int_equal(test_outputs_length("out", p), 2);
	assert_int_equal(test_outputs_length("keys", p), 2);
	assert_string_equal(test_outputs_hash_field("{__default:keys}:info", "partition_size"), "7");
	redisReply *reply = test_server_command(rig.redis, "SMEMBERS {__default:out}:sources");
	assert_int_equal(reply->elements, 1);
	assert_string_equal(reply->element[0]->str, "g:in");
	freeReplyObject(reply);
}

static void streams_that_feed_each_other_are_refused(void **state)
{
	(void)state;
	test_outputs_make_stream("in", 1000, SEG_PACKING_OFF);
	test_outputs_make_stream("out", 1000, SEG_PACKING_OFF);
	test_server_tell(rig.server, "SADD {__default:in}:sources other:middle");
	test_server_tell(rig.server, "SADD {__default:middle}:sources another:out");
	test_runner *runner = run("out", "");
	assert_int_not_equal(test_runner_wait(runner), 0);
	test_runner_says(runner, "what goes to \"out\" comes back to \"in\", for ever");
	test_runner_free(runner);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_outputs_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_that_fails_leaves_no_output),
		TEST(a_full_target_holds_up_the_position_and_is_named),
		TEST(what_lanes_have_added_is_not_added_again_without_them),
		TEST(streams_that_feed_each_other_are_refused),
		TEST(whatever_is_killed_each_output_is_there_once_and_in_order),
		TEST(so_it_is_with_packed_streams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
