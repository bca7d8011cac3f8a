/*
 * test_scripts_restore.c - the script coordinate: keys that Redis has lost, a clock that was put back, and a stream whose shape has
 * changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "test_scripts_coordinate.h"

/* --- lost keys are restored ---------------------------------------------------------------------- */

static void a_lost_assignment_is_made_anew(void **state)
{
	(void)state;
	answer a = join("a", "a1"), b = join("b", "b1");
	command("DEL " PARTITIONS);
	answer first = knowing(a.generation, "a", "a1");
	assert_int_equal(first.count, 2);
	assert_true(first.generation > b.generation);
	answer second = knowing(b.generation, "b", "b1");
	assert_int_equal(second.count, 2);
}

static void a_member_hears_that_a_new_assignment_has_nothing_for_it(void **state)
{
	(void)state;
	capacity = "1";
	join("a", "a1");
	answer a = heartbeat("a", "a1", NULL);
	capacity = "1000";
	join("b", "b1");
	command("DEL " PARTITIONS);
	answer b = heartbeat("b", "b1", NULL);
	assert_int_equal(b.count, 4);
	capacity = "1";
	assert_int_equal(knowing(a.generation, "a", "a1").count, 0);
}

static void members_without_leases_get_some_and_the_dead_among_them_go(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	command("DEL " LEASES);
	set_session("100");
	heartbeat("a", "a1", NULL);
	assert_int_equal(command_number("ZCARD " LEASES), 2);
	long long deadline = test_now_ms() + 5000;
	while (command_number("HLEN " MEMBERS) > 1) {
		if (test_now_ms() > deadline)
			fail_msg("the dead member stays");
		heartbeat("a", "a1", NULL);
	}
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(a.count, 4);
	assert_int_equal(revoked_count(&a), 0);
}

static void after_the_list_of_members_was_lost_a_lease_still_protects(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	heartbeat("a", "a1", revoked(&a));
	command("DEL " MEMBERS);
	assert_string_equal(heartbeat("b", "b1", NULL).status, "UNKNOWN");
	/*
	 * a may still be working. b's former partitions wait for b's lease, too, because Redis cannot know
	 * whether this is the same b.
	 */
	assert_int_equal(join("b", "b1").count, 0);
	expire("a");
	assert_int_equal(heartbeat("b", "b1", NULL).count, 2);
}

static void a_partition_without_an_entry_is_assigned(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	await_next_millisecond();
	command("HDEL " PARTITIONS " 2");
	assert_int_equal(heartbeat("a", "a1", NULL).count, 4);
	assert_true(heartbeat("a", "a1", NULL).owned[2].epoch > a.owned[2].epoch);
}

/* Whether the member's list of owned partitions has this text: "p p", for the newest change of its share. */
static bool list_is(const char *name, const char *numbers)
{
	char expected[64];
	snprintf(expected, sizeof(expected), "%lld %s", command_number("HGET " PARTITIONS " @%s", name),
		 numbers);
	return strcmp(command("HGET " PARTITIONS " #%s", name), expected) == 0;
}

static void a_share_that_a_writer_without_lists_changed_is_answered_in_full(void **state)
{
	(void)state;
	static const char *const lists[] = {"stays", "DEL", "1 0 1 2 3", "rubbish"};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		command("FLUSHALL");
		join("a", "1");
		answer a = join("b", "2");
		a = heartbeat("a", "1", NULL);
		heartbeat("a", "1", revoked(&a));
		assert_true(list_is("a", "0 1") && list_is("b", "2 3"));
		/* Does what older releases of the product, without lists, do when b leaves. */
		unsigned long long before =
			(unsigned long long)command_number("HGET " PARTITIONS " generation");
		command("HDEL " MEMBERS " b");
		command("ZREM " LEASES " b");
		redisReply *reply =
			redisCommand(rig.redis, "HSET " PARTITIONS " 2 %s 3 %s @a %llu generation %llu",
				     "9999999999999 a a", "9999999999999 a a", before + 1, before + 1);
		freeReplyObject(reply);
		if (strcmp(lists[i], "DEL") == 0)
			command("HDEL " PARTITIONS " #a");
		else if (strcmp(lists[i], "stays") != 0)
			freeReplyObject(redisCommand(rig.redis, "HSET " PARTITIONS " #a %s", lists[i]));
		assert_int_equal(knowing(before, "a", "1").count, 4);
		assert_true(list_is("a", "0 1 2 3"));
		assert_int_equal(heartbeat("a", "1", NULL).count, 4);
	}
}

static void a_target_that_a_writer_without_counts_changed_is_noticed(void **state)
{
	(void)state;
	join("a", "1");
	answer a = join("b", "2");
	a = heartbeat("a", "1", NULL);
	heartbeat("a", "1", revoked(&a));
	/* Does what older releases of the product do when c joins: it is the target of what a owns. */
	unsigned long long later = (unsigned long long)command_number("HGET " PARTITIONS " generation") + 1;
	freeReplyObject(redisCommand(rig.redis, "HSET " MEMBERS " c %s", "3 100"));
	command("ZADD " LEASES " 99999999999999 c");
	char epoch[24], value[64], list[32];
	snprintf(list, sizeof(list), "%llu ", later);
	snprintf(epoch, sizeof(epoch), "%.13s", command("HGET " PARTITIONS " 1"));
	snprintf(value, sizeof(value), "%s a c", epoch);
	freeReplyObject(redisCommand(rig.redis,
				     "HSET " PARTITIONS " 1 %s @a %llu @c %llu #c %s generation %llu", value,
				     later, later, list, later));
	leave("c", "3");
	snprintf(value, sizeof(value), "%s a a", epoch);
	assert_string_equal(command("HGET " PARTITIONS " 1"), value);
}

static void renewed_epochs_leave_the_lists_as_they_are(void **state)
{
	(void)state;
	join("a", "1");
	answer before = heartbeat("a", "1", NULL);
	const char *words[] = {PARTITIONS, CONTROL, "1", "2"};
	assert_string_equal(reply_text(script_reply(SEG_SCRIPT_RENEW, 2, words, 4)), "OK 2");
	assert_true(list_is("a", "0 1 2 3"));
	answer after = knowing(before.generation, "a", "1");
	assert_int_equal(after.count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(after.owned[i].epoch > before.owned[i].epoch, i == 1 || i == 2);
	/* RENEW must not make an invalid list look valid. */
	command("HSET " PARTITIONS " #a 1");
	reply_text(script_reply(SEG_SCRIPT_RENEW, 2, words, 4));
	assert_int_equal(heartbeat("a", "1", NULL).count, 4);
	assert_true(list_is("a", "0 1 2 3"));
}

static void a_member_that_joins_without_a_share_has_a_list_after_its_first_heartbeat(void **state)
{
	(void)state;
	join("a", "1");
	capacity = "0";
	join("b", "2");
	capacity = "100";
	assert_true(list_is("b", ""));
}

static void without_memory_members_come_and_go(void **state)
{
	(void)state;
	command("CONFIG SET maxmemory 1");
	assert_int_equal(join("a", "a1").count, 4);
	join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	heartbeat("a", "a1", revoked(&a));
	assert_int_equal(heartbeat("b", "b1", NULL).count, 2);
	leave("a", "a1");
	assert_int_equal(heartbeat("b", "b1", NULL).count, 4);
}

/* --- a clock that was put back ------------------------------------------------------------------------ */

#define AHEAD "600000"

/* What members wrote while the clock was ahead. */
static void write_ahead(void)
{
	command("EVAL %s 2 " LEASES " " PARTITIONS " " AHEAD,
		"for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do\n"
		"redis.call('ZINCRBY', KEYS[1], ARGV[1], name) end\n"
		"for _, field in ipairs({'clock', 'holds_end'}) do\n"
		"redis.call('HINCRBY', KEYS[2], field, ARGV[1]) end\n"
		"for p = 0, 3 do\n"
		"local head, till, by = string.match(redis.call('HGET', KEYS[2], p), '^(%S+ %S+ %S+) (%d+) (%S+)$')\n"
		"if head then redis.call('HSET', KEYS[2], p, head .. ' ' .. till + ARGV[1] .. ' ' .. by) end end");
}

static void leases_keep_what_was_left_of_them_when_the_clock_is_put_back(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	write_ahead();
	answer c = join("c", "c1");
	assert_in_range(c.next_expiry, 1, 60000);
	assert_int_equal(heartbeat("a", "a1", NULL).count >= 0, 1);
	long long left = command_number("ZSCORE " LEASES " b") - (long long)c.now;
	assert_in_range(left, 58000, 61000);
}

static void holds_keep_what_was_left_of_them_when_the_clock_is_put_back(void **state)
{
	(void)state;
	session = "300";
	join("a", "a1");
	assert_int_equal(join("a", "a2").count, 0);
	write_ahead();
	assert_int_equal(heartbeat("a", "a2", NULL).count, 0);
	usleep(500000);
	assert_int_equal(heartbeat("a", "a2", NULL).count, 4);
	session = "60000";
}

static const char *heartbeat_as(const char *seen_epoch, const char *partitions, const char *size)
{
	return run(COORDINATE, 6, MEMBERS, LEASES, PARTITIONS, CONTROL, GROUPS, INFO, "g", "join", "a", "a1",
		   "60000", "100", partitions, "0", seen_epoch, size, "reject", "1", "off");
}

static void epochs_are_later_than_those_that_only_the_members_remember(void **state)
{
	(void)state;
	heartbeat_as("4000000000000", "4", "100");
	/* Later by a session at least: others may have seen later ones. */
	assert_in_range(heartbeat("a", "a1", NULL).owned[0].epoch, 4000000060001, 4000000120001);
}

static void a_generation_tells_every_member_how_late_an_epoch_can_be(void **state)
{
	(void)state;
	/* Redis's clock was far ahead before it was put back. */
	heartbeat_as("4000000000000", "4", "100");
	answer a = heartbeat("a", "a1", NULL);
	assert_true(a.generation >= a.owned[0].epoch * 1000);
	answer b = heartbeat("b", "b1", NULL);
	assert_true(b.generation >= a.generation);
}

/* --- the stream's registration ------------------------------------------------------------------------- */

static void a_registration_that_redis_has_lost_is_made_again_by_a_heartbeat(void **state)
{
	(void)state;
	join("a", "a1");
	assert_string_equal(command("HMGET " INFO " partitions partition_size overflow version packing"),
			    "4 100 reject 1 off");
	command("DEL " INFO);
	heartbeat("a", "a1", NULL);
	assert_string_equal(command("HGET " INFO " partitions"), "4");
	command("DEL " INFO);
	leave("a", "a1");
	assert_int_equal(command_number("EXISTS " INFO), 0);
}

static void a_stream_of_another_shape_is_no_stream_of_this_member(void **state)
{
	(void)state;
	join("a", "a1");
	assert_non_null(strstr(heartbeat_as("0", "5", "100"), " 4 100 reject off"));
	assert_int_equal(strncmp(heartbeat_as("0", "4", "99"), "RESHAPED ", strlen("RESHAPED ")), 0);
	assert_int_equal(strncmp(heartbeat_as("0", "4", "100"), "OK ", 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lost_assignment_is_made_anew),
		TEST(a_member_hears_that_a_new_assignment_has_nothing_for_it),
		TEST(members_without_leases_get_some_and_the_dead_among_them_go),
		TEST(after_the_list_of_members_was_lost_a_lease_still_protects),
		TEST(a_partition_without_an_entry_is_assigned),
		TEST(a_share_that_a_writer_without_lists_changed_is_answered_in_full),
		TEST(a_target_that_a_writer_without_counts_changed_is_noticed),
		TEST(renewed_epochs_leave_the_lists_as_they_are),
		TEST(a_member_that_joins_without_a_share_has_a_list_after_its_first_heartbeat),
		TEST(without_memory_members_come_and_go),
		TEST(leases_keep_what_was_left_of_them_when_the_clock_is_put_back),
		TEST(holds_keep_what_was_left_of_them_when_the_clock_is_put_back),
		TEST(epochs_are_later_than_those_that_only_the_members_remember),
		TEST(a_generation_tells_every_member_how_late_an_epoch_can_be),
		TEST(a_registration_that_redis_has_lost_is_made_again_by_a_heartbeat),
		TEST(a_stream_of_another_shape_is_no_stream_of_this_member),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
