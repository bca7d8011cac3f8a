/*
 * test_gaps.c - entries that are removed unread are counted exactly and logged. If Redis loses data, the
 * group notices, and handles all messages sent from then on.
 *
 * Where the machine is slow, a lease may end at any time. Then the next epoch handles again what was not committed: so the tests
 * count messages, not deliveries.
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/rig.h"
#include "redis/script.h"

/* On a slow machine, one of so many tries must show what a command more would hide. */
enum { ROUNDS = 8 };

static test_runner *run_as(const char *name, int partitions, const char *more)
{
	return test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = %s\n[consumer c]\nstream = s\ngroup = g\n"
		"partitions = %d\nbatch_size = 2\nin_flight_batches = 2\n" TEST_MORTAL
		"plugin = %s/tests/plugins/record.so\noption.path = %s\noption.block_file = %s\n%s\n",
		rig.server->address, name, partitions, test_build_directory(), rig.deliveries, rig.block,
		more);
}

static void run(const char *more)
{
	test_runner_free(rig.runner);
	rig.runner = run_as("only", 1, more);
}

/* The connection to the old process is over. */
static void restart_redis(void)
{
	test_server_kill(rig.server);
	test_server_restart(rig.server);
	redisFree(rig.redis);
	rig.redis = test_server_connect(rig.server);
}

static void add(int first, int last)
{
	for (int i = first; i <= last; i++)
		test_rig_tell("XADD __default:s:partition_0 1-%d partitionKey k data x", i);
}

static void wait_drained(void)
{
	test_group_wait_drained(rig.server->address, "s", "g");
}

/* How many messages were handled. Each of them at most once in an epoch. */
static size_t handled(void)
{
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t count = 0;
	for (size_t i = 0; i < deliveries.count; i++) {
		const test_delivery *d = &deliveries.list[i];
		bool again = false;
		for (size_t k = 0; k < i; k++) {
			const test_delivery *e = &deliveries.list[k];
			if (e->partition != d->partition || e->ms != d->ms || e->seq != d->seq)
				continue;
			again = true;
			assert_int_not_equal(e->epoch, d->epoch);
		}
		count += !again;
	}
	test_deliveries_free(&deliveries);
	return count;
}

static bool so_many_were_handled(void *arg)
{
	return handled() >= *(const size_t *)arg;
}

static void wait_handled(size_t messages)
{
	test_wait_until(so_many_were_handled, &messages, 20000, "the messages are handled");
}

static uint64_t lost(void)
{
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	assert_non_null(info);
	uint64_t count = info->partitions[0].lost;
	seg_group_info_free(info);
	return count;
}

static bool so_many_are_lost(void *arg)
{
	return lost() == *(const uint64_t *)arg;
}

/* How many removed messages the runner's log tells of. A slow owner may find some of them first, and the others later. */
static uint64_t told(void)
{
	FILE *output = fopen(rig.runner->output, "r");
	assert_non_null(output);
	char line[1024];
	uint64_t messages = 0;
	while (fgets(line, sizeof(line), output)) {
		const char *end = strstr(line, " messages were removed before this group had read them"),
			   *start = end;
		while (start && start > line && start[-1] >= '0' && start[-1] <= '9')
			start--;
		if (start)
			messages += strtoull(start, NULL, 10);
	}
	fclose(output);
	return messages;
}

static bool so_many_are_told(void *arg)
{
	return told() == *(const uint64_t *)arg;
}

/* Since the group began, and by this runner. */
static void wait_counted_and_told(uint64_t all, uint64_t by_this_runner)
{
	test_wait_until(so_many_are_lost, &all, 20000, "the loss is counted");
	test_wait_until(so_many_are_told, &by_this_runner, 20000, "the loss is logged");
}

static void wait_counted(uint64_t messages)
{
	wait_counted_and_told(messages, messages);
}

static void entries_that_are_deleted_before_they_are_read_are_counted_and_the_rest_is_handled(void **state)
{
	(void)state;
	/* Blocks the handler, so that at most four messages are read. */
	fclose(fopen(rig.block, "w"));
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	add(1, 20);
	wait_handled(1);
	test_rig_tell("XDEL __default:s:partition_0 1-11 1-12 1-17");
	unlink(rig.block);
	wait_drained();
	wait_counted(3);
	assert_int_equal(handled(), 17);
}

static void log_all_calls(void)
{
	test_rig_tell("CONFIG SET slowlog-log-slower-than 0");
	test_rig_tell("CONFIG SET slowlog-max-len 100000");
}

static size_t times_that_a_script_ran(seg_script script)
{
	redisReply *log = test_server_command(rig.redis, "SLOWLOG GET -1");
	size_t count = 0;
	for (size_t i = 0; i < log->elements; i++) {
		const redisReply *words = log->element[i]->element[3];
		count += words->elements > 1 &&
			 strcmp(words->element[1]->str, seg_script_sources[script].sha1) == 0;
	}
	freeReplyObject(log);
	return count;
}

static bool is_claimed(void *arg)
{
	(void)arg;
	redisReply *clean = test_server_command(rig.redis, "HGET {__default:s:partition_0}:g:state clean");
	bool claimed = clean->type == REDIS_REPLY_STRING && strcmp(clean->str, "0") == 0;
	freeReplyObject(clean);
	return claimed;
}

/* With so many partitions, the runner hears of messages by a doorbell, and no read is under way. */
static void run_with_many_partitions(const char *session_timeout)
{
	test_runner_free(rig.runner);
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\nsession_timeout = %s\n"
		"partitions = 70\nplugin = %s/tests/plugins/record.so\noption.path = %s\n",
		rig.server->address, session_timeout, test_build_directory(), rig.deliveries);
}

static bool is_counted_without_a_command(uint64_t round)
{
	int first = (int)round * 4 - 3;
	/* The first commit of an epoch may look, and the next ones only later. */
	run_with_many_partitions("10s");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_wait_until(is_claimed, NULL, 20000, "the partition is claimed");
	test_rig_tell("SLOWLOG RESET");
	test_rig_tell("MULTI");
	add(first, first + 3);
	for (int i = first; i < first + 3; i++)
		test_rig_tell("XDEL __default:s:partition_0 1-%d", i);
	test_rig_tell("EXEC");
	wait_counted_and_told(3 * round, 3);
	wait_drained();
	assert_int_equal(handled(), round);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	return times_that_a_script_ran(SEG_SCRIPT_GAP) == 0;
}

/* Where the commit cannot look, as while a read is under way on a slow machine, a command does so later. */
static void under_thin_traffic_what_was_deleted_unread_is_counted_without_a_command_of_its_own(void **state)
{
	(void)state;
	uint64_t round = 1;
	log_all_calls();
	while (!is_counted_without_a_command(round)) {
		round++;
		assert_true(round <= ROUNDS);
	}
}

static void entries_that_are_trimmed_while_nobody_reads_are_counted_by_the_next_owner(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	add(1, 5);
	wait_drained();
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	add(6, 20);
	test_rig_tell("XTRIM __default:s:partition_0 MINID 1-9");
	run("");
	wait_drained();
	wait_counted(3);
	assert_int_equal(handled(), 17);
}

static void trimming_messages_that_every_group_handled_is_no_loss(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	add(1, 5);
	wait_drained();
	test_rig_tell("XTRIM __default:s:partition_0 MAXLEN 0");
	add(6, 10);
	wait_drained();
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	assert_int_equal(lost(), 0);
}

/* --- a Redis that forgets ------------------------------------------------------------------------- */

static void after_redis_was_emptied_every_new_message_is_handled(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	add(1, 10);
	wait_drained();
	test_rig_tell("FLUSHALL");
	add(11, 16);
	wait_handled(16);
	assert_int_equal(handled(), 16);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void after_redis_restarts_empty_the_group_continues_and_logs_it(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	add(1, 10);
	wait_drained();
	restart_redis();
	add(11, 16);
	wait_handled(16);
	assert_int_equal(handled(), 16);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void a_position_that_went_back_is_logged_and_handling_resumes_there(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	add(1, 4);
	wait_drained();
	/* The state after a failover to a replica that lagged: an older position, and another fence. */
	test_rig_tell("MULTI");
	test_rig_tell("XGROUP SETID __default:s:partition_0 g 1-2");
	test_rig_tell("HSET {__default:s:partition_0}:g:state epoch 1 nonce other position 1-2 count 2");
	test_rig_tell("EXEC");
	add(5, 6);
	wait_drained();
	test_runner_says(rig.runner, "position went back from 1-4 to 1-2");
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	assert_true(deliveries.count >= 8);
	assert_int_equal(deliveries.list[deliveries.count - 1].seq, 6);
	test_deliveries_free(&deliveries);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static uint64_t epoch(void)
{
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	assert_non_null(info);
	uint64_t current = info->partitions[0].epoch;
	seg_group_info_free(info);
	return current;
}

/* Restarts Redis with the data it has now. To the runner, this new process may have lost any later data. */
static void restart_as_it_is(void)
{
	test_rig_tell("SAVE");
	restart_redis();
}

static void after_another_history_owners_take_a_later_epoch(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	add(1, 4);
	wait_drained();
	uint64_t before = epoch();
	restart_as_it_is();
	add(5, 6);
	wait_handled(6);
	assert_true(epoch() > before);
	assert_int_equal(handled(), 6);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void a_runner_whose_joining_redis_has_forgotten_joins_again_under_its_name(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	add(1, 4);
	wait_drained();
	/* The previous process of this name; its lease says that it lives. */
	test_rig_tell("MULTI");
	test_rig_tell("HSET {__default:s}:g:members only %s", "other 100");
	test_rig_tell("ZADD {__default:s}:g:leases %lld only", ((long long)time(NULL) + 4) * 1000);
	/* No heartbeat may come before the restart: in this history, another process would have taken the name. */
	test_rig_tell("CLIENT PAUSE 600000 WRITE");
	test_rig_tell("EXEC");
	restart_as_it_is();
	add(5, 6);
	wait_handled(6);
	assert_int_equal(handled(), 6);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* Messages come before any member has noticed, so that `latest` would begin after them. */
static void of_a_group_that_begins_at_latest_redis_may_forget_all_and_no_new_message_is_lost(void **state)
{
	(void)state;
	rig.runner = run_as("a", 4, "start = latest");
	rig.other = run_as("b", 4, "start = latest");
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	test_rig_tell("MULTI");
	test_rig_tell("FLUSHALL");
	for (int i = 0; i < 8; i++)
		test_rig_tell("XADD __default:s:partition_%d 1-%d partitionKey k data x", i % 4, i + 1);
	test_rig_tell("EXEC");
	wait_handled(8);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	assert_int_equal(handled(), 8);
	/* The members have registered the stream again, so that programs can send to it. */
	redisReply *partitions = test_server_command(rig.redis, "HGET {__default:s}:info partitions");
	assert_string_equal(partitions->str, "4");
	freeReplyObject(partitions);
}

static const char anew[] = "the log was deleted or lost, and begins anew";

static void a_log_that_was_deleted_and_has_lower_ids_now_is_read_from_its_start(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_rig_tell("XADD __default:s:partition_0 9-9 partitionKey k data x");
	wait_drained();
	test_rig_tell("DEL __default:s:partition_0");
	add(1, 7);
	wait_handled(8);
	assert_int_equal(handled(), 8);
	test_runner_says(rig.runner, anew);
	assert_int_equal(test_runner_times_said(rig.runner, anew), 1);
}

/* Longer than the interval at which partitions without a doorbell ask. */
static bool nobody_asks(void *arg)
{
	(void)arg;
	test_rig_tell("SLOWLOG RESET");
	nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 200000000}, NULL);
	return times_that_a_script_ran(SEG_SCRIPT_PRESENCE) == 0;
}

/* Makes the log anew, and tells whether only the partition that rang has asked. */
static bool is_noticed_by_the_doorbell(int round)
{
	test_wait_until(nobody_asks, NULL, 20000, "no partition asks any more");
	test_rig_tell("DEL __default:s:partition_0");
	for (int i = 1; i <= 7; i++)
		test_rig_tell("XADD __default:s:partition_0 %d-%d partitionKey k data x", 10 - round, i);
	wait_handled((size_t)round * 7 + 1);
	test_runner_says_times(rig.runner, anew, round);
	assert_int_equal(test_runner_times_said(rig.runner, anew), round);
	size_t questions = times_that_a_script_ran(SEG_SCRIPT_PRESENCE);
	assert_true(questions > 0);
	return questions <= 20;
}

/* Where the lease ends on a slow machine, all partitions ask until their doorbells hear again. */
static void the_same_is_noticed_by_the_doorbell_and_what_is_quiet_is_not_asked(void **state)
{
	(void)state;
	int round = 1;
	run_with_many_partitions("1s");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_rig_tell("XADD __default:s:partition_0 10-9 partitionKey k data x");
	wait_drained();
	log_all_calls();
	while (!is_noticed_by_the_doorbell(round)) {
		round++;
		assert_true(round <= ROUNDS);
	}
}

static bool the_claimed_epoch_is_the_assigned_one(void *arg)
{
	(void)arg;
	redisReply *claimed = test_server_command(rig.redis, "HGET {__default:s:partition_0}:g:state epoch");
	bool same = claimed->type == REDIS_REPLY_STRING && strtoull(claimed->str, NULL, 10) == epoch();
	freeReplyObject(claimed);
	return same;
}

static void an_operator_s_deletion_of_the_state_repeats_no_epoch(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	add(1, 1);
	wait_drained();
	uint64_t before = epoch();
	test_rig_tell("DEL {__default:s:partition_0}:g:state");
	add(2, 2);
	wait_handled(2);
	wait_drained();
	assert_true(epoch() > before);
	test_wait_until(the_claimed_epoch_is_the_assigned_one, NULL, 20000, "the epoch is claimed");
}

static void a_runner_whose_stream_was_made_anew_with_another_shape_says_so_and_ends(void **state)
{
	(void)state;
	run("");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	test_rig_tell("HSET {__default:s}:info partitions 7");
	assert_int_equal(test_runner_wait(rig.runner), EX_CONFIG);
	test_runner_says(rig.runner, "was deleted and made anew with another shape");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entries_that_are_deleted_before_they_are_read_are_counted_and_the_rest_is_handled),
		TEST(under_thin_traffic_what_was_deleted_unread_is_counted_without_a_command_of_its_own),
		TEST(entries_that_are_trimmed_while_nobody_reads_are_counted_by_the_next_owner),
		TEST(trimming_messages_that_every_group_handled_is_no_loss),
		TEST(after_redis_was_emptied_every_new_message_is_handled),
		TEST(after_redis_restarts_empty_the_group_continues_and_logs_it),
		TEST(a_position_that_went_back_is_logged_and_handling_resumes_there),
		TEST(after_another_history_owners_take_a_later_epoch),
		TEST(a_runner_whose_joining_redis_has_forgotten_joins_again_under_its_name),
		TEST(of_a_group_that_begins_at_latest_redis_may_forget_all_and_no_new_message_is_lost),
		TEST(a_log_that_was_deleted_and_has_lower_ids_now_is_read_from_its_start),
		TEST(the_same_is_noticed_by_the_doorbell_and_what_is_quiet_is_not_asked),
		TEST(an_operator_s_deletion_of_the_state_repeats_no_epoch),
		TEST(a_runner_whose_stream_was_made_anew_with_another_shape_says_so_and_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
