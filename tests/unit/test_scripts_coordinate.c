/*
 * test_scripts_coordinate.c - the script coordinate: members join and leave, leases, releases, and how members hear of changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts_coordinate.h"

/* --- joining and leaving ---------------------------------------------------------------------------- */

static void the_first_member_owns_everything(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	assert_string_equal(a.status, "OK");
	assert_int_equal(a.count, 4);
	assert_int_equal(revoked_count(&a), 0);
	assert_int_equal(a.next_expiry, -1);
	for (int i = 0; i < 4; i++)
		assert_true(a.owned[i].epoch >= a.now);
	assert_string_equal(command("SMEMBERS " GROUPS), "g");
	assert_string_equal(command("HGET " MEMBERS " a"), "a1 100");
}

static void a_second_member_waits_for_what_the_first_releases(void **state)
{
	(void)state;
	join("a", "a1");
	answer b = join("b", "b1");
	assert_int_equal(b.count, 0);
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(a.count, 4);
	assert_int_equal(revoked_count(&a), 2);
	a = heartbeat("a", "a1", revoked(&a));
	assert_int_equal(a.count, 2);
	assert_int_equal(revoked_count(&a), 0);
	b = heartbeat("b", "b1", NULL);
	assert_int_equal(b.count, 2);
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++)
			assert_int_not_equal(a.owned[i].p, b.owned[j].p);
}

static void a_partition_that_did_not_move_keeps_its_epoch(void **state)
{
	(void)state;
	answer before = join("a", "a1");
	join("b", "b1");
	answer after = heartbeat("a", "a1", NULL);
	for (int i = 0; i < 4; i++)
		assert_true(before.owned[i].epoch == after.owned[i].epoch);
}

static void a_partition_that_moved_has_a_later_epoch(void **state)
{
	(void)state;
	/* The state if Redis's clock was far ahead when the partition got its first epoch. */
	command("HSET " PARTITIONS " 0 %s", "9999999999999 - -");
	answer a = join("a", "a1");
	assert_true(a.owned[0].epoch == 10000000000000);
	leave("a", "a1");
	answer b = join("b", "b1");
	assert_true(b.owned[0].epoch == 10000000000001);
	assert_true(b.owned[1].epoch > a.owned[1].epoch);
}

static void a_member_that_leaves_frees_all_it_owned_at_once(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	answer left = leave("a", "a1");
	assert_string_equal(left.status, "OK");
	assert_int_equal(left.count, 0);
	assert_int_equal(heartbeat("b", "b1", NULL).count, 4);
	assert_string_equal(heartbeat("a", "a1", NULL).status, "UNKNOWN");
	assert_string_equal(leave("a", "a1").status, "UNKNOWN");
	assert_int_equal(command_number("HEXISTS " MEMBERS " a"), 0);
	assert_int_equal(command_number("HEXISTS " PARTITIONS " @a"), 0);
}

static void the_last_member_leaves_nothing_owned(void **state)
{
	(void)state;
	join("a", "a1");
	leave("a", "a1");
	for (int p = 0; p < 4; p++)
		assert_non_null(strstr(command("HGET " PARTITIONS " %d", p), " - -"));
	assert_int_equal(join("b", "b1").count, 4);
}

static void a_join_whose_answer_was_lost_joins_once(void **state)
{
	(void)state;
	answer first = join("a", "a1");
	char text[24];
	snprintf(text, sizeof(text), "%llu", first.generation);
	known = text;
	answer again = join("a", "a1");
	known = "0";
	assert_int_equal(again.count, 4);
	assert_true(again.generation == first.generation);
	assert_true(again.owned[0].epoch == first.owned[0].epoch);
}

static void a_member_cannot_have_the_name_that_says_nobody(void **state)
{
	(void)state;
	const char *words[] = {MEMBERS, LEASES, PARTITIONS, CONTROL, GROUPS, INFO, "g",        "join",
			       "-",     "a1",   "1000",     "100",   "4",    "0",  SHAPE_WORDS};
	redisReply *reply = script_reply(SEG_SCRIPT_COORDINATE, 6, words, 19);
	assert_int_equal(reply->type, REDIS_REPLY_ERROR);
	freeReplyObject(reply);
	assert_int_equal(command_number("DBSIZE"), 0);
}

/* --- leases ----------------------------------------------------------------------------------------- */

static void a_member_whose_lease_ended_loses_everything(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	expire("a");
	assert_int_equal(heartbeat("b", "b1", NULL).count, 4);
	assert_string_equal(heartbeat("a", "a1", NULL).status, "UNKNOWN");
	answer a = join("a", "a1");
	assert_string_equal(a.status, "OK");
	assert_int_equal(a.count, 0);
}

static void a_late_heartbeat_renews_what_nobody_took(void **state)
{
	(void)state;
	answer before = join("a", "a1");
	expire("a");
	answer after = heartbeat("a", "a1", NULL);
	assert_string_equal(after.status, "OK");
	assert_int_equal(after.count, 4);
	assert_true(after.owned[0].epoch == before.owned[0].epoch);
	assert_true(command_number("ZSCORE " LEASES " a") >= (long long)after.now + 60000);
}

static void the_next_expiry_is_that_of_the_first_other_member(void **state)
{
	(void)state;
	join("a", "a1");
	set_session("5000");
	answer b = join("b", "b1");
	assert_true(b.next_expiry > 55000 && b.next_expiry <= 60000);
	set_session("60000");
	answer a = heartbeat("a", "a1", NULL);
	assert_true(a.next_expiry > 0 && a.next_expiry <= 5000);
}

static void a_stranger_is_unknown(void **state)
{
	(void)state;
	answer x = heartbeat("x", "x1", "0 1");
	assert_string_equal(x.status, "UNKNOWN");
	assert_int_equal(x.count, -1);
	assert_int_equal(command_number("EXISTS " MEMBERS " " LEASES), 0);
}

/* --- releasing -------------------------------------------------------------------------------------- */

static void a_release_under_another_epoch_is_ignored(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	owned stale = a.owned[0];
	stale.epoch--;
	a = heartbeat("a", "a1", released_of(stale));
	assert_int_equal(a.count, 4);
	assert_true(a.owned[0].epoch == stale.epoch + 1);
}

static void nobody_releases_what_another_owns(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	join("b", "b1");
	for (int i = 0; i < 4; i++)
		assert_int_equal(heartbeat("b", "b1", released_of(a.owned[i])).count, 0);
	answer after = heartbeat("a", "a1", NULL);
	assert_int_equal(after.count, 4);
	for (int i = 0; i < 4; i++)
		assert_true(after.owned[i].epoch == a.owned[i].epoch);
}

static void a_partition_released_without_request_comes_back_with_a_new_epoch(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	answer after = heartbeat("a", "a1", released_of(a.owned[2]));
	assert_int_equal(after.count, 4);
	assert_true(after.owned[2].epoch > a.owned[2].epoch);
	assert_true(after.owned[1].epoch == a.owned[1].epoch);
}

static void a_release_that_is_sent_twice_is_one(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	char text[512];
	snprintf(text, sizeof(text), "%s", revoked(&a));
	answer once = heartbeat("a", "a1", text), twice = heartbeat("a", "a1", text);
	assert_int_equal(twice.count, 2);
	assert_true(once.generation == twice.generation);
}

/* --- shares that change while partitions are on their way ------------------------------------------ */

static int target_of(int p)
{
	char target[16];
	if (sscanf(command("HGET " PARTITIONS " %d", p), "%*s %*s %15s", target) != 1)
		fail_msg("partition %d: %s", p, said);
	return target[0];
}

static void moves_under_way_continue_if_the_shares_stay(void **state)
{
	(void)state;
	join("a", "a1");
	join("c", "c1");
	join("b", "b1");
	int before[4];
	for (int p = 0; p < 4; p++)
		before[p] = target_of(p);
	capacity = "0";
	join("d", "d1");
	for (int p = 0; p < 4; p++)
		assert_int_equal(target_of(p), before[p]);
}

static void a_member_whose_share_shrinks_keeps_what_it_owns_rather_than_what_is_under_way(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	int second = -1, seen = 0;
	for (int i = 0; i < 4; i++)
		if (a.owned[i].revoked && ++seen == 2)
			second = i;
	/*
	 * b owns the later partition and waits for the earlier one. When b may have only one, it keeps the later.
	 */
	heartbeat("a", "a1", released_of(a.owned[second]));
	join("c", "c1");
	assert_int_equal(target_of(second), 'b');
	assert_int_equal(heartbeat("b", "b1", NULL).count, 1);
}

static void a_move_that_was_not_done_yet_is_undone_when_its_cause_is_gone(void **state)
{
	(void)state;
	const char *names[] = {"d", "b", "a"};
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 3; i++) {
			capacity = i == 0 ? "200" : "100";
			answer a =
				round == 0 ? join(names[i], names[i]) : heartbeat(names[i], names[i], NULL);
			heartbeat(names[i], names[i], revoked(&a));
		}
	int before[4];
	for (int p = 0; p < 4; p++)
		before[p] = target_of(p);
	capacity = "400";
	join("c", "c1");
	int moving = 0;
	for (int p = 0; p < 4; p++)
		moving += target_of(p) == 'c';
	assert_int_equal(moving, 2);
	leave("c", "c1");
	for (int p = 0; p < 4; p++)
		assert_int_equal(target_of(p), before[p]);
}

/* --- generations, and how members hear of them --------------------------------------------------------------- */

static void the_share_is_told_only_to_those_whose_share_has_changed(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	assert_int_equal(knowing(a.generation, "a", "a1").count, -1);
	answer b = join("b", "b1");
	assert_true(b.generation > a.generation);
	assert_int_equal(knowing(a.generation, "a", "a1").count, 4);
	/* c came and went: for b, nothing has changed. */
	expire("a");
	b = heartbeat("b", "b1", NULL);
	assert_int_equal(b.count, 4);
	capacity = "0";
	answer c = join("c", "c1");
	capacity = "100";
	assert_int_equal(c.count, 0);
	assert_int_equal(knowing(b.generation, "b", "b1").count, -1);
}

static void a_member_that_knows_nothing_hears_even_that_it_owns_nothing(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	capacity = "0";
	answer b = join("b", "b1");
	assert_int_equal(b.count, 0);
	assert_int_equal(heartbeat("b", "b1", NULL).count, 0);
	assert_int_equal(join("b", "b1").count, 0);
	assert_int_equal(knowing(b.generation, "b", "b1").count, -1);
	assert_int_equal(knowing(a.generation - 1, "b", "b1").count, -1);
	assert_int_equal(knowing(b.generation + 1, "b", "b1").count, 0);
}

static void every_change_is_one_entry_in_control(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	assert_int_equal(command_number("XLEN " CONTROL), 1);
	knowing(a.generation, "a", "a1");
	heartbeat("a", "a1", NULL);
	assert_int_equal(command_number("XLEN " CONTROL), 1);
	answer b = join("b", "b1");
	char text[64];
	snprintf(text, sizeof(text), "[generation %llu]", b.generation);
	assert_non_null(strstr(command("XREVRANGE " CONTROL " + - COUNT 1"), text));
	for (int i = 0; i < 70; i++) {
		join("c", "c1");
		leave("c", "c1");
	}
	assert_true(command_number("XLEN " CONTROL) <= 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_member_owns_everything),
		TEST(a_second_member_waits_for_what_the_first_releases),
		TEST(a_partition_that_did_not_move_keeps_its_epoch),
		TEST(a_partition_that_moved_has_a_later_epoch),
		TEST(a_member_that_leaves_frees_all_it_owned_at_once),
		TEST(the_last_member_leaves_nothing_owned),
		TEST(a_join_whose_answer_was_lost_joins_once),
		TEST(a_member_cannot_have_the_name_that_says_nobody),
		TEST(a_member_whose_lease_ended_loses_everything),
		TEST(a_late_heartbeat_renews_what_nobody_took),
		TEST(the_next_expiry_is_that_of_the_first_other_member),
		TEST(a_stranger_is_unknown),
		TEST(a_release_under_another_epoch_is_ignored),
		TEST(nobody_releases_what_another_owns),
		TEST(a_partition_released_without_request_comes_back_with_a_new_epoch),
		TEST(a_release_that_is_sent_twice_is_one),
		TEST(moves_under_way_continue_if_the_shares_stay),
		TEST(a_member_whose_share_shrinks_keeps_what_it_owns_rather_than_what_is_under_way),
		TEST(a_move_that_was_not_done_yet_is_undone_when_its_cause_is_gone),
		TEST(the_share_is_told_only_to_those_whose_share_has_changed),
		TEST(a_member_that_knows_nothing_hears_even_that_it_owns_nothing),
		TEST(every_change_is_one_entry_in_control),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
