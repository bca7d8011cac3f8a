/*
 * test_scripts_gather.c - the script coordinate: members that start together, in a group without members, share the
 * partitions once no more members come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "test_scripts.h"
#include "test_scripts_keys.h"

#define COUNT "300"

enum { ALL = 300, HALF = ALL / 2 };

/* Below 0: no gathering. */
static long long gathering_left(void)
{
	return command_number("EVAL %s 1 " PARTITIONS,
			      "local t = redis.call('TIME') return tonumber(redis.call('HGET', KEYS[1], "
			      "'gather_end') or '0') - t[1] * 1000 - math.floor(t[2] / 1000)");
}

static void wait_until_gathered(void)
{
	while (gathering_left() >= 0)
		usleep(1000);
}

/* The member's incarnation is its name. */
static redisReply *call(const char *word, const char *name)
{
	return script_reply(SEG_SCRIPT_COORDINATE, 6,
			    WORDS("{__n:s}:g:members", "{__n:s}:g:leases", PARTITIONS, "{__n:s}:g:control",
				  "{__n:s}:groups", "{__n:s}:info", "g", word, name, name, "60000", "100",
				  COUNT, "0", SHAPE_WORDS),
			    19);
}

/* How many partitions the member owns; all of them: without a request to release some. */
static size_t owned_after(const char *word, const char *name)
{
	redisReply *reply = call(word, name);
	assert_string_equal(reply->element[0]->str, "OK");
	size_t count = reply->element[4]->elements / 3;
	for (size_t i = 0; i < count; i++)
		assert_string_equal(reply->element[4]->element[3 * i + 2]->str, "0");
	freeReplyObject(reply);
	return count;
}

static void members_that_come_together_get_their_shares_at_once_and_move_nothing(void **state)
{
	(void)state;
	assert_int_equal(owned_after("arrive", "a"), 0);
	assert_int_equal(owned_after("arrive", "b"), 0);
	assert_int_equal(owned_after("heartbeat", "a"), 0);
	wait_until_gathered();
	assert_int_equal(owned_after("heartbeat", "b"), HALF);
	assert_int_equal(owned_after("heartbeat", "a"), HALF);
	assert_int_equal(command_number("HEXISTS " PARTITIONS " gather_end"), 0);
	assert_int_equal(command_number("XLEN {__n:s}:g:control"), 1);
}

static void a_member_hears_when_the_gathering_ends(void **state)
{
	(void)state;
	redisReply *reply = call("arrive", "a");
	long long next = atoll(reply->element[3]->str);
	assert_true(next > 0 && next <= 300);
	freeReplyObject(reply);
}

static void each_member_that_comes_makes_the_others_wait_but_not_without_end(void **state)
{
	(void)state;
	freeReplyObject(call("arrive", "a"));
	command("HINCRBY " PARTITIONS " gather_end -200");
	freeReplyObject(call("arrive", "b"));
	assert_in_range(gathering_left(), 200, 300);
	command("HINCRBY " PARTITIONS " gather_by -2950");
	freeReplyObject(call("arrive", "c"));
	assert_true(gathering_left() <= 50);
}

static void a_join_that_is_sent_again_makes_nobody_wait(void **state)
{
	(void)state;
	freeReplyObject(call("arrive", "a"));
	command("HINCRBY " PARTITIONS " gather_end -200");
	freeReplyObject(call("arrive", "a"));
	assert_true(gathering_left() <= 100);
}

static void a_group_with_a_member_does_not_gather(void **state)
{
	(void)state;
	assert_int_equal(owned_after("join", "a"), ALL);
	freeReplyObject(call("arrive", "b"));
	assert_true(gathering_left() < 0);
	redisReply *reply = call("heartbeat", "a");
	assert_string_equal(reply->element[4]->element[3 * (ALL - 1) + 2]->str, "1");
	freeReplyObject(reply);
}

static void a_group_whose_members_died_gathers_and_new_members_get_a_share(void **state)
{
	(void)state;
	assert_int_equal(owned_after("join", "a"), ALL);
	long long before = command_number("HGET " PARTITIONS " generation");
	command("ZADD {__n:s}:g:leases 1 a");
	freeReplyObject(call("arrive", "b"));
	assert_int_equal(owned_after("arrive", "a"), 0);
	assert_int_equal(owned_after("heartbeat", "b"), 0);
	wait_until_gathered();
	assert_int_equal(owned_after("heartbeat", "a"), HALF);
	assert_int_equal(owned_after("heartbeat", "b"), HALF);
	assert_true(command_number("HGET " PARTITIONS " generation") > before);
}

static void after_a_gathering_of_the_former_members_a_new_one_has_a_share(void **state)
{
	(void)state;
	assert_int_equal(owned_after("join", "a"), ALL);
	command("ZADD {__n:s}:g:leases 1 a");
	command("HDEL {__n:s}:g:members a");
	command("ZREM {__n:s}:g:leases a");
	/* The target of all partitions is still `a`. */
	assert_int_equal(owned_after("arrive", "a"), 0);
	assert_int_equal(owned_after("arrive", "b"), 0);
	wait_until_gathered();
	assert_int_equal(owned_after("heartbeat", "a"), HALF);
	assert_int_equal(owned_after("heartbeat", "b"), HALF);
}

static void a_partition_gets_a_later_epoch_by_a_gathering(void **state)
{
	(void)state;
	command("HSET " PARTITIONS " 0 %s generation 5", "9999999999999 a a");
	freeReplyObject(call("arrive", "a"));
	assert_string_equal(command("HGET " PARTITIONS " 0"), "9999999999999 - a");
	wait_until_gathered();
	freeReplyObject(call("heartbeat", "a"));
	assert_string_equal(command("HGET " PARTITIONS " 0"), "10000000000000 a a");
}

static void the_last_member_may_leave_while_the_group_gathers(void **state)
{
	(void)state;
	freeReplyObject(call("arrive", "a"));
	freeReplyObject(call("leave", "a"));
	assert_int_equal(owned_after("arrive", "b"), 0);
	wait_until_gathered();
	assert_int_equal(owned_after("heartbeat", "b"), ALL);
}

static void a_clock_that_goes_back_ends_the_gathering(void **state)
{
	(void)state;
	freeReplyObject(call("arrive", "a"));
	command("HINCRBY " PARTITIONS " gather_end 3600000");
	assert_int_equal(owned_after("heartbeat", "a"), ALL);
	assert_true(gathering_left() < 0);
}

#define TEST(function) cmocka_unit_test_setup(function, empty_redis)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_that_come_together_get_their_shares_at_once_and_move_nothing),
		TEST(a_member_hears_when_the_gathering_ends),
		TEST(each_member_that_comes_makes_the_others_wait_but_not_without_end),
		TEST(a_join_that_is_sent_again_makes_nobody_wait),
		TEST(a_group_with_a_member_does_not_gather),
		TEST(a_group_whose_members_died_gathers_and_new_members_get_a_share),
		TEST(after_a_gathering_of_the_former_members_a_new_one_has_a_share),
		TEST(a_partition_gets_a_later_epoch_by_a_gathering),
		TEST(the_last_member_may_leave_while_the_group_gathers),
		TEST(a_clock_that_goes_back_ends_the_gathering),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
