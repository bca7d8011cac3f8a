/*
 * test_segctl_reset.c - `segctl reset` of a stopped group and of a running one: handling continues at the
 * position that was given.
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
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/load.h"
#include "harness/rig.h"
#include "harness/segctl.h"

enum { MESSAGES = 10 };

static void add(int from, int to)
{
	for (int i = from; i < to; i++)
		test_rig_tell("XADD __default:s:partition_0 %d-0 partitionKey k data %d", 1000 + i, i);
}

static void start_runner(void)
{
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = only\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\noption.path = %s\n",
		rig.server->address, test_build_directory(), rig.deliveries);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
}

static void stop_runner(void)
{
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	test_runner_free(rig.runner);
	rig.runner = NULL;
}

/* One partition, ids 1000-0 to 1009-0 with data 0 to 9, all handled, no runner. */
static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create s -p 1");
	add(0, MESSAGES);
	start_runner();
	stop_runner();
	return 0;
}

typedef struct {
	size_t skip;
	const char *data;
} expected;

/* The delivered data after the first `skip`, as "0 1 2". */
static const char *delivered(size_t skip)
{
	static char text[4096];
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	text[0] = '\0';
	for (size_t i = skip; i < deliveries.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "",
			 deliveries.list[i].data);
	test_deliveries_free(&deliveries);
	return text;
}

static size_t count_deliveries(void)
{
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t count = deliveries.count;
	test_deliveries_free(&deliveries);
	return count;
}

static bool was_delivered(void *arg)
{
	const expected *e = arg;
	return strcmp(delivered(e->skip), e->data) == 0;
}

static void expect_delivered(size_t skip, const char *data)
{
	expected e = {skip, data};
	test_wait_until(was_delivered, &e, 20000, data);
}

static void reset_and_run(const char *options, const char *row, const char *handled)
{
	size_t before = count_deliveries();
	test_expect_text(test_segctl_good(rig.server->address, "reset s g --yes -o csv %s", options), row);
	start_runner();
	expect_delivered(before, handled);
	stop_runner();
}

static void a_stopped_group_continues_at_the_position_that_was_set(void **state)
{
	(void)state;
	reset_and_run("--to earliest", "0,1009-0,0-0,10\r\n", "0 1 2 3 4 5 6 7 8 9");
	reset_and_run("--to 1006-0", "0,1009-0,1006-0,3\r\n", "7 8 9");
	reset_and_run("--shift -2", "0,1009-0,1007-18446744073709551615,2\r\n", "8 9");
	reset_and_run("--shift -99", "0,1009-0,0-0,10\r\n", "0 1 2 3 4 5 6 7 8 9");
	reset_and_run("--to 1970-01-01T00:00:01.004Z", "0,1009-0,1003-18446744073709551615,6\r\n",
		      "4 5 6 7 8 9");
	reset_and_run("--to latest", "0,1009-0,1009-0,0\r\n", "");
	reset_and_run("--to 2099-01-01T00:00:00Z", "0,1009-0,1009-0,0\r\n", "");
	reset_and_run("--to 10min", "0,1009-0,1009-0,0\r\n", "");
	test_segctl_good(rig.server->address, "reset s g --yes --to earliest");
	reset_and_run("--shift 7", "0,0-0,1006-0,3\r\n", "7 8 9");
}

static void the_lag_after_a_reset_is_exact(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "reset s g --yes --to 1003-0");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "6 messages wait");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g -o csv --sample 0"),
			 "1003-0,1009-0,6,");
}

static void a_dry_run_changes_nothing(void **state)
{
	(void)state;
	test_expect_text(test_segctl_good(rig.server->address, "reset s g --to earliest --dry-run"),
			 "1009-0  0-0");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "0 messages wait");
	const test_segctl *answer = test_segctl_do(rig.server->address, "reset s g --to earliest");
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "add --yes");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "0 messages wait");
	assert_int_equal(test_segctl_do(rig.server->address, "reset s g --yes")->exit_code, EX_USAGE);
	assert_int_equal(test_segctl_do(rig.server->address, "reset s g --yes --to latest --shift 1")
				 ->exit_code,
			 EX_USAGE);
	assert_int_equal(test_segctl_do(rig.server->address, "reset s g --yes --to latest -p 1")->exit_code,
			 EX_NOINPUT);
}

static void a_running_group_is_refused_and_with_force_begins_again_at_once(void **state)
{
	(void)state;
	start_runner();
	const test_segctl *answer = test_segctl_do(rig.server->address, "reset s g --to 1006-0 --yes");
	assert_int_equal(answer->exit_code, 1);
	test_expect_text(answer->errors,
			 "has live members (only); stop them, make them stand by (SIGUSR1), or use --force");
	size_t before = count_deliveries();
	assert_int_equal(before, MESSAGES);
	/* The runner is idle and has nothing to commit; it starts again all the same. */
	test_segctl_good(rig.server->address, "reset s g --to 1006-0 --yes --force");
	expect_delivered(before, "7 8 9");
	add(MESSAGES, MESSAGES + 2);
	expect_delivered(before, "7 8 9 10 11");
	stop_runner();
	assert_int_equal(count_deliveries(), MESSAGES + 5);
}

static long long count_values(void)
{
	redisReply *reply = test_server_command(rig.redis, "HLEN {__default:s:partition_0}:g:values");
	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	long long count = reply->integer;
	freeReplyObject(reply);
	return count;
}

static void a_group_with_state_is_reset_only_with_a_word_on_the_state(void **state)
{
	(void)state;
	test_rig_tell("HSET {__default:s:partition_0}:g:values p:a 1 p:b 2");
	const test_segctl *answer = test_segctl_do(rig.server->address, "reset s g --to earliest --yes");
	assert_int_equal(answer->exit_code, 1);
	test_expect_text(answer->errors, "keeps 2 values in state; use --drop-state to delete them");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "0 messages wait");
	assert_int_equal(test_segctl_do(rig.server->address, "reset s g --to earliest --yes --keep-state "
							     "--drop-state")
				 ->exit_code,
			 EX_USAGE);
	answer = test_segctl_do(rig.server->address, "reset s g --to earliest --dry-run");
	assert_int_equal(answer->exit_code, EX_OK);
	test_expect_text(answer->output, "1009-0  0-0");
	test_expect_text(answer->errors, "keeps 2 values in state; use --drop-state to delete them");
	test_expect_text(answer->errors, "so without --dry-run, nothing would be set");
	test_segctl_good(rig.server->address, "reset s g --to 1006-0 --yes --keep-state");
	assert_int_equal(count_values(), 2);
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "3 messages wait");
	test_segctl_good(rig.server->address, "reset s g --to 1003-0 --yes --drop-state");
	assert_int_equal(count_values(), 0);
	test_expect_text(test_segctl_good(rig.server->address, "lag s g"), "6 messages wait");
	test_segctl_good(rig.server->address, "reset s g --to 1004-0 --yes");
}

/* The fence: Redis refuses the owner's commit under its former epoch. */
static void an_owner_cannot_commit_over_a_reset(void **state)
{
	(void)state;
	seg_consumer_options consumer_options;
	seg_consumer *consumer;
	const seg_batch *batch = NULL;
	seg_error error = {0};
	seg_consumer_options_init(&consumer_options);
	consumer_options.group = "g";
	add(MESSAGES, MESSAGES + 3);
	rig.client = test_rig_client(NULL);
	assert_int_equal(seg_consumer_open(rig.client, "s", &consumer_options, &consumer, &error), 0);
	assert_int_equal(seg_consumer_poll(consumer, 20000, &batch, &error), 1);
	assert_memory_equal(batch->messages[0].data, "10", 2);
	/* The consumer holds messages 10 to 12 when the group is reset to before 9. */
	test_segctl_good(rig.server->address, "reset s g --to 1008-0 --yes --force");
	(void)seg_consumer_commit(consumer, batch, batch->count, &error);
	(void)seg_consumer_sync(consumer, 5000, &error);
	seg_consumer_release(consumer, batch);
	char seen[64] = "";
	for (int got = 0; strlen(seen) < strlen("9 10 11 12 ") && got >= 0;) {
		got = seg_consumer_poll(consumer, 20000, &batch, &error);
		assert_int_equal(got, 1);
		for (size_t i = 0; i < batch->count; i++)
			snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s ",
				 (int)batch->messages[i].data_length, (const char *)batch->messages[i].data);
		assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, &error), 0);
		seg_consumer_release(consumer, batch);
	}
	assert_string_equal(seen, "9 10 11 12 ");
	assert_int_equal(seg_consumer_close(consumer, 10000, &error), 0);
}

static bool so_many_are_delivered(void *count)
{
	return count_deliveries() >= *(size_t *)count;
}

/*
 * Two runners under load are reset to the beginning, twice: all messages are handled, in order, by one owner
 * at a time.
 */
static void a_group_under_load_is_set_back_in_order_and_loses_nothing(void **state)
{
	(void)state;
	enum { KEYS = 8, HANDLED = 50 * KEYS };
	test_runner *runners[2];
	assert_int_equal(unlink(rig.deliveries), 0); /* those of the set-up */
	test_load *load = test_load_start(rig.server->address, "loaded", 4, KEYS, 200);
	for (int i = 0; i < 2; i++)
		runners[i] =
			test_runner_run("[redis]\naddress = %s\n[consumer c]\nstream = loaded\ngroup = g\n"
					"plugin = %s/tests/plugins/record.so\noption.path = %s\n",
					rig.server->address, test_build_directory(), rig.deliveries);
	test_group_wait_balanced(rig.server->address, "loaded", "g", 2);
	for (int reset = 1; reset <= 2; reset++) {
		/* The load may be far ahead of the runners. */
		size_t enough = count_deliveries() + HANDLED;
		test_wait_until(so_many_are_delivered, &enough, 20000, "the runners go on");
		test_segctl_good(rig.server->address, "reset loaded g --to earliest --force --yes");
	}
	test_load_reach(load, 300);
	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "loaded", "g");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(test_runner_stop(runners[i], SIGTERM), EX_OK);
		test_runner_free(runners[i]);
	}
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t repeated = test_deliveries_check(&deliveries, KEYS, numbers, 0);
	/* Each reset repeats at least the messages that had been handled by then. */
	assert_true(repeated >= 2 * HANDLED);
	test_deliveries_free(&deliveries);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_stopped_group_continues_at_the_position_that_was_set),
		TEST(the_lag_after_a_reset_is_exact),
		TEST(a_dry_run_changes_nothing),
		TEST(a_running_group_is_refused_and_with_force_begins_again_at_once),
		TEST(a_group_with_state_is_reset_only_with_a_word_on_the_state),
		TEST(an_owner_cannot_commit_over_a_reset),
		TEST(a_group_under_load_is_set_back_in_order_and_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
