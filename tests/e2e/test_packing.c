/*
 * test_packing.c - streams whose entries hold many messages: handlers, producers and operators see the same
 * as without packing, even if a process dies in the middle of an entry.
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

enum { PARTITIONS = 4, KEYS = 40, PER_SECOND = 400, BATCH = 16, BATCHES = 2 };

static void register_stream(uint32_t partitions, uint64_t size, seg_overflow overflow, seg_packing packing)
{
	test_rig_register("s", &(seg_stream_shape){partitions, size, overflow, packing});
}

static void run(int i, const char *more)
{
	test_runner_free(rig.runners[i]);
	rig.runners[i] =
		test_runner_run("[redis]\naddress = %s\n[runner]\nname = runner-%d\n"
				"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
				"batch_size = %d\nin_flight_batches = %d\n"
				"retry_backoff = 1ms\noption.path = %s\n%s\n",
				rig.server->address, i, test_build_directory(), BATCH, BATCHES,
				rig.deliveries, more);
}

/*
 * Sends "0" to "count-1" in one batch under one key, beginning with the message `first`; all must be added.
 */
static void send(int first, int count)
{
	static char data[512][8];
	seg_record records[512];
	seg_send_result results[512];
	seg_error error = {0};
	for (int i = 0; i < count; i++) {
		int length = snprintf(data[i], sizeof(data[i]), "%d", first + i);
		records[i] = (seg_record){.key = "k0",
					  .key_length = 2,
					  .data = data[i],
					  .data_length = (size_t)length};
	}
	if (seg_stream_send_batch(rig.stream, records, (size_t)count, results, &error))
		fail_msg("%s", error.text);
	for (int i = 1; i < count; i++)
		assert_true(seg_id_compare(results[i - 1].id, results[i].id) < 0);
}

static void wait_drained(void)
{
	test_group_wait_drained(rig.server->address, "s", "g");
}

static long long number(const char *command)
{
	redisReply *reply = test_server_command(rig.redis, command);
	long long n = reply->type == REDIS_REPLY_STRING ? atoll(reply->str) : reply->integer;
	freeReplyObject(reply);
	return n;
}

static int64_t lag(void)
{
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	int64_t all = 0;
	for (uint32_t p = 0; info && p < info->partition_count; p++)
		all += info->partitions[p].lag;
	seg_group_info_free(info);
	return all;
}

/* --- sending and handling --------------------------------------------------------------------- */

static void a_batch_is_one_entry_and_every_message_has_its_id(void **state)
{
	(void)state;
	register_stream(1, 1000, SEG_OVERFLOW_REJECT, SEG_PACKING_ON);
	send(0, 100);
	assert_int_equal(number("XLEN __default:s:partition_0"), 1);
	run(0, "");
	wait_drained();
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	assert_int_equal(deliveries.count, 100);
	assert_int_equal(test_deliveries_check(&deliveries, 1, 100, 0), 0);
	test_deliveries_free(&deliveries);
	assert_int_equal(lag(), 0);
}

static void comings_and_goings(seg_packing packing)
{
	register_stream(PARTITIONS, 1000000, SEG_OVERFLOW_REJECT, packing);
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, "");
	run(1, "");
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	test_load_go_on(load, 50);
	run(2, "");
	test_group_wait_balanced(rig.server->address, "s", "g", 3);
	test_load_go_on(load, 50);
	assert_int_equal(test_runner_stop(rig.runners[0], SIGTERM), EX_OK);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	test_load_go_on(load, 50);
	int numbers = test_load_end(load);
	wait_drained();
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	/* Handoffs in the middle of an entry repeat no message. */
	assert_int_equal(test_deliveries_check(&deliveries, KEYS, numbers, 0), 0);
	test_deliveries_free(&deliveries);
	/* The entries were packed. */
	assert_true(number("XLEN __default:s:partition_0") < numbers * KEYS / PARTITIONS / 4);
}

static void runners_that_come_and_go_repeat_nothing(void **state)
{
	(void)state;
	comings_and_goings(SEG_PACKING_ON);
}

static void runners_that_come_and_go_repeat_nothing_of_what_is_compressed(void **state)
{
	(void)state;
	comings_and_goings(SEG_PACKING_LZ4);
}

static void runners_that_come_and_go_repeat_nothing_of_what_zstd_compressed(void **state)
{
	(void)state;
	comings_and_goings(SEG_PACKING_ZSTD);
}

/* Copies the newest entry of another stream, which has `count` records, into "s", under an id with this ms. */
static void copy_entry_from(const char *name, int ms, int count)
{
	char command[96];
	snprintf(command, sizeof(command), "XREVRANGE __default:%s:partition_0 + - COUNT 1", name);
	redisReply *reply = test_server_command(rig.redis, command);
	assert_int_equal(reply->elements, 1);
	const redisReply *fields = reply->element[0]->element[1];
	redisReply *added = redisCommand(rig.redis, "XADD __default:s:partition_0 %d-%d %s %b", ms, count - 1,
					 fields->element[0]->str, fields->element[1]->str,
					 (size_t)fields->element[1]->len);
	assert_non_null(added);
	assert_int_equal(added->type, REDIS_REPLY_STRING);
	freeReplyObject(added);
	freeReplyObject(reply);
}

/* Sends `count` messages, from message `first` on, to a new stream with that packing. */
static void send_packed(const char *name, seg_packing packing, int first, int count)
{
	seg_stream *plain = rig.stream;
	seg_stream_shape shape = {1, 1000, SEG_OVERFLOW_REJECT, packing};
	seg_error error = {0};
	if (seg_stream_register(rig.client, name, &shape, &rig.stream, &error))
		fail_msg("%s", error.text);
	send(first, count);
	seg_stream_close(rig.stream);
	rig.stream = plain;
}

static void entries_of_every_packing_in_one_stream_are_handled_in_order(void **state)
{
	(void)state;
	enum { EACH = 40 };
	register_stream(1, 1000, SEG_OVERFLOW_REJECT, SEG_PACKING_ZSTD);
	send_packed("plain", SEG_PACKING_ON, 0, EACH);
	copy_entry_from("plain", 1, EACH);
	send_packed("fast", SEG_PACKING_LZ4, EACH, EACH);
	copy_entry_from("fast", 2, EACH);
	freeReplyObject(
		redisCommand(rig.redis, "XADD __default:s:partition_0 * partitionKey k0 data %d", 2 * EACH));
	send(2 * EACH + 1, EACH);
	run(0, "");
	wait_drained();
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	assert_int_equal(test_deliveries_check(&deliveries, 1, 3 * EACH + 1, 0), 0);
	test_deliveries_free(&deliveries);
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
}

static void killed_runners_lose_nothing_and_what_is_repeated_is_bounded(void **state)
{
	(void)state;
	/* Where a lease ends on a busy machine, messages are handled again. So it is short only where its end is waited for. */
	static const char options[] = TEST_MORTAL "commit_interval = 20ms";
	register_stream(PARTITIONS, 1000000, SEG_OVERFLOW_REJECT, SEG_PACKING_ON);
	test_load *load = test_load_start(rig.server->address, "s", PARTITIONS, KEYS, PER_SECOND);
	run(0, options);
	run(1, options);
	test_group_wait_balanced(rig.server->address, "s", "g", 2);
	for (int round = 0; round < 3; round++) {
		test_load_go_on(load, 50);
		assert_int_equal(test_runner_stop(rig.runners[round % 2], SIGKILL), -SIGKILL);
		test_group_wait_balanced(rig.server->address, "s", "g", 1);
		run(round % 2, options);
		test_group_wait_balanced(rig.server->address, "s", "g", 2);
	}
	int numbers = test_load_end(load);
	wait_drained();
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	size_t repeated = test_deliveries_check(&deliveries, KEYS, numbers, 0);
	test_deliveries_free(&deliveries);
	/* The window, and an entry that extends beyond its end. */
	if (repeated > (size_t)3 * PARTITIONS * (BATCH * BATCHES + 256))
		fail_msg("%zu messages were handled again", repeated);
}

static void handling_resumes_at_a_position_within_an_entry(void **state)
{
	(void)state;
	register_stream(1, 1000, SEG_OVERFLOW_REJECT, SEG_PACKING_ON);
	send(0, 100);
	run(0, "option.stop = 42");
	assert_int_equal(test_runner_wait(rig.runners[0]), EX_UNAVAILABLE);
	assert_int_equal(lag(), 100 - 42);
	run(0, "");
	wait_drained();
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	/* 42 came once, and stopped the runner; it came again later. */
	assert_int_equal(test_deliveries_check(&deliveries, 1, 100, 0), 1);
	assert_int_equal(deliveries.count, 101);
	assert_string_equal(deliveries.list[43].data, "42");
	test_deliveries_free(&deliveries);
	assert_int_equal(lag(), 0);
}

/* --- failing messages and foreign entries ------------------------------------------------------------ */

static void one_message_of_an_entry_can_be_a_dead_letter(void **state)
{
	(void)state;
	register_stream(1, 1000, SEG_OVERFLOW_REJECT, SEG_PACKING_LZ4);
	send(0, 50);
	run(0, "option.dead_letter = 17");
	wait_drained();
	redisReply *letters = test_server_command(rig.redis, "XRANGE {__default:s:partition_0}:g:dead - +");
	assert_int_equal(letters->elements, 1);
	const redisReply *fields = letters->element[0]->element[1];
	assert_string_equal(fields->element[3]->str, "told to dead-letter");
	assert_string_equal(fields->element[12]->str, "partitionKey");
	assert_string_equal(fields->element[13]->str, "k0");
	assert_string_equal(fields->element[14]->str, "data");
	assert_string_equal(fields->element[15]->str, "17");
	freeReplyObject(letters);
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	assert_int_equal(deliveries.count, 50);
	test_deliveries_free(&deliveries);
}

static void an_entry_whose_records_cannot_be_read_is_one_dead_letter(void **state)
{
	(void)state;
	register_stream(1, 1000, SEG_OVERFLOW_REJECT, SEG_PACKING_ON);
	send(0, 3);
	test_rig_tell("XADD __default:s:partition_0 * packed nonsense from 3");
	test_rig_tell("XADD __default:s:partition_0 * partitionKey k0 data 3");
	send(4, 3);
	run(0, "");
	wait_drained();
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 1);
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	assert_int_equal(test_deliveries_check(&deliveries, 1, 7, 0), 0);
	test_deliveries_free(&deliveries);
}

/* --- bounds ------------------------------------------------------------------------------------------------ */

static int try_to_send(int count)
{
	static seg_record records[512];
	seg_send_result results[512];
	for (int i = 0; i < count; i++)
		records[i] = (seg_record){.key = "k0", .key_length = 2, .data = "0", .data_length = 1};
	return seg_stream_send_batch(rig.stream, records, (size_t)count, results, NULL);
}

static void the_partition_size_counts_messages_and_what_is_committed_makes_room(void **state)
{
	(void)state;
	register_stream(1, 100, SEG_OVERFLOW_REJECT, SEG_PACKING_ON);
	assert_int_equal(try_to_send(60), 0);
	assert_int_equal(try_to_send(41), SEG_EFULL);
	assert_int_equal(try_to_send(40), 0);
	assert_int_equal(try_to_send(1), SEG_EFULL);
	run(0, "");
	wait_drained();
	assert_int_equal(try_to_send(100), 0);
	assert_int_equal(number("XLEN __default:s:partition_0"), 1);
}

static bool forty_are_stored_as_lost(void *arg)
{
	(void)arg;
	return number("HGET {__default:s:partition_0}:g:state lost") == 40;
}

static void the_oldest_are_dropped_by_the_entry_and_counted_as_messages(void **state)
{
	(void)state;
	register_stream(1, 100, SEG_OVERFLOW_DROP_OLDEST, SEG_PACKING_ON);
	assert_int_equal(try_to_send(40), 0);
	assert_int_equal(try_to_send(40), 0);
	assert_int_equal(try_to_send(40), 0);
	assert_int_equal(number("XLEN __default:s:partition_0"), 2);
	assert_int_equal(number("HGET {__default:s:partition_0}:counters dropped"), 40);
	run(0, "");
	wait_drained();
	test_runner_says(rig.runners[0], "40 messages were removed before this group had read them");
	test_wait_until(forty_are_stored_as_lost, NULL, 10000, "the loss in the group's state");
}

static void another_packing_is_another_shape(void **state)
{
	(void)state;
	register_stream(1, 100, SEG_OVERFLOW_REJECT, SEG_PACKING_ON);
	seg_stream_shape shape = {1, 100, SEG_OVERFLOW_REJECT, SEG_PACKING_OFF};
	seg_stream *other;
	seg_error error = {0};
	assert_int_equal(seg_stream_register(rig.client, "s", &shape, &other, &error), SEG_ESHAPE);
	assert_non_null(strstr(error.text, "packing on, not with"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_batch_is_one_entry_and_every_message_has_its_id),
		TEST(runners_that_come_and_go_repeat_nothing),
		TEST(runners_that_come_and_go_repeat_nothing_of_what_is_compressed),
		TEST(runners_that_come_and_go_repeat_nothing_of_what_zstd_compressed),
		TEST(entries_of_every_packing_in_one_stream_are_handled_in_order),
		TEST(killed_runners_lose_nothing_and_what_is_repeated_is_bounded),
		TEST(handling_resumes_at_a_position_within_an_entry),
		TEST(one_message_of_an_entry_can_be_a_dead_letter),
		TEST(an_entry_whose_records_cannot_be_read_is_one_dead_letter),
		TEST(the_partition_size_counts_messages_and_what_is_committed_makes_room),
		TEST(the_oldest_are_dropped_by_the_entry_and_counted_as_messages),
		TEST(another_packing_is_another_shape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
