/*
 * test_scripts_members.c - the script coordinate: members that can serve only so many partitions, and two processes under one name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts_coordinate.h"

/* --- capacity --------------------------------------------------------------------------------------- */

static void shares_follow_capacity(void **state)
{
	(void)state;
	capacity = "300";
	join("a", "a1");
	capacity = "100";
	join("b", "b1");
	capacity = "300";
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(revoked_count(&a), 1);
}

static void capacity_0_drains(void **state)
{
	(void)state;
	join("a", "a1");
	capacity = "0";
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(a.count, 4);
	assert_int_equal(revoked_count(&a), 4);
	a = heartbeat("a", "a1", revoked(&a));
	assert_string_equal(a.status, "OK");
	assert_int_equal(a.count, 0);
	capacity = "100";
	assert_int_equal(join("b", "b1").count, 4);
}

static void a_limit_sends_what_a_member_cannot_serve_to_the_others(void **state)
{
	(void)state;
	join("a", "a1");
	answer b = join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	heartbeat("a", "a1", revoked(&a));
	b = heartbeat("b", "b1", NULL);
	assert_int_equal(b.count, 2);
	a = heartbeat("a", "a1", NULL);
	/* The release and the limit come together, so that the partition does not come back. */
	capacity = "1:threads page=http://host:9464/ 100";
	char released[64];
	snprintf(released, sizeof(released), "%s", released_of(a.owned[0]));
	a = heartbeat("a", "a1", released);
	assert_int_equal(a.count, 1);
	capacity = "100";
	assert_int_equal(heartbeat("b", "b1", NULL).count, 3);
	/* Another member that comes and goes changes nothing of that. */
	join("c", "c1");
	leave("c", "c1");
	capacity = "1:threads 100";
	assert_int_equal(heartbeat("a", "a1", NULL).count, 1);
	capacity = "100";
	a = heartbeat("a", "a1", NULL);
	assert_int_equal(revoked_count(&a), 0);
	b = heartbeat("b", "b1", NULL);
	assert_int_equal(revoked_count(&b), 1);
}

static void what_nobody_can_serve_has_no_owner_until_a_member_can(void **state)
{
	(void)state;
	join("a", "a1");
	capacity = "2:open 100";
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(revoked_count(&a), 2);
	a = heartbeat("a", "a1", revoked(&a));
	assert_int_equal(a.count, 2);
	capacity = "0:open 100";
	a = heartbeat("a", "a1", NULL);
	assert_int_equal(heartbeat("a", "a1", revoked(&a)).count, 0);
	capacity = "3:open 100";
	assert_int_equal(heartbeat("a", "a1", NULL).count, 3);
	capacity = "100";
	assert_int_equal(join("b", "b1").count, 1);
}

/* --- one name, two processes ------------------------------------------------------------------------ */

static void who_arrives_does_not_replace_a_process_whose_lease_is_valid(void **state)
{
	(void)state;
	set_session("300");
	join("a", "a1");
	answer a = call("arrive", "a", "a2", NULL);
	assert_string_equal(a.status, "TAKEN");
	assert_true(a.next_expiry > 0 && a.next_expiry <= 300);
	assert_string_equal(heartbeat("a", "a1", NULL).status, "OK");
	assert_string_equal(call("arrive", "a", "a1", NULL).status, "OK");
	expire("a");
	assert_string_equal(call("arrive", "a", "a2", NULL).status, "OK");
	assert_string_equal(call("arrive", "b", "b1", NULL).status, "OK");
	set_session("60000");
}

static void a_process_that_takes_a_name_waits_until_the_former_lease_has_ended(void **state)
{
	(void)state;
	set_session("300");
	answer before = join("a", "a1");
	set_session("60000");
	answer a = join("a", "a2");
	assert_string_equal(a.status, "OK");
	assert_int_equal(a.count, 0);
	assert_true(a.next_expiry >= 0 && a.next_expiry <= 300);
	assert_string_equal(heartbeat("a", "a1", NULL).status, "REPLACED");
	long long deadline = test_now_ms() + 5000;
	while (a.count < 4) {
		if (test_now_ms() > deadline)
			fail_msg("the former lease does not end");
		a = heartbeat("a", "a2", NULL);
		if (a.count > 0)
			assert_true(a.now >= before.now + 300);
	}
	assert_true(a.owned[0].epoch > before.owned[0].epoch);
	assert_int_equal(a.next_expiry, -1);
}

static void a_replaced_process_that_leaves_frees_its_partitions_at_once(void **state)
{
	(void)state;
	join("a", "a1");
	join("a", "a2");
	assert_string_equal(leave("a", "a1").status, "REPLACED");
	answer a = heartbeat("a", "a2", NULL);
	assert_int_equal(a.count, 4);
	assert_int_equal(a.next_expiry, -1);
}

static void a_replaced_process_may_hand_back_one_by_one(void **state)
{
	(void)state;
	answer former = join("a", "a1");
	join("a", "a2");
	answer again = heartbeat("a", "a1", released_of(former.owned[1]));
	assert_string_equal(again.status, "REPLACED");
	answer a = heartbeat("a", "a2", NULL);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.owned[0].p, 1);
	assert_true(a.owned[0].epoch > former.owned[1].epoch);
}

static void nobody_hands_back_for_another_process_of_its_name(void **state)
{
	(void)state;
	answer former = join("a", "a1");
	assert_int_equal(call("join", "a", "a2", released_of(former.owned[0])).count, 0);
	assert_int_equal(heartbeat("a", "a2", released_of(former.owned[1])).count, 0);
	leave("a", "a1");
	answer a = heartbeat("a", "a2", NULL);
	assert_string_equal(heartbeat("a", "a1", released_of(a.owned[2])).status, "REPLACED");
	assert_true(heartbeat("a", "a2", NULL).owned[2].epoch == a.owned[2].epoch);
}

static void of_three_processes_each_frees_only_its_own(void **state)
{
	(void)state;
	join("a", "a1");
	join("a", "a2");
	join("a", "a3");
	leave("a", "a2"); /* a2 never owned any partition */
	assert_int_equal(heartbeat("a", "a3", NULL).count, 0);
	leave("a", "a1");
	assert_int_equal(heartbeat("a", "a3", NULL).count, 4);
}

static void a_replaced_process_takes_nothing_from_its_successor(void **state)
{
	(void)state;
	answer former = join("a", "a1");
	join("a", "a2");
	leave("a", "a1");
	leave("a", "a1");
	heartbeat("a", "a1", released_of(former.owned[0]));
	assert_int_equal(heartbeat("a", "a2", NULL).count, 4);
}

static void a_held_partition_may_get_another_target(void **state)
{
	(void)state;
	join("a", "a1");
	join("a", "a2");
	assert_int_equal(join("b", "b1").count, 0);
	leave("a", "a1");
	assert_int_equal(heartbeat("a", "a2", NULL).count, 2);
	assert_int_equal(heartbeat("b", "b1", NULL).count, 2);
}

static void a_name_whose_lease_has_ended_is_taken_at_once(void **state)
{
	(void)state;
	answer former = join("a", "a1");
	expire("a");
	answer a = join("a", "a2");
	assert_int_equal(a.count, 4);
	assert_true(a.owned[0].epoch > former.owned[0].epoch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shares_follow_capacity),
		TEST(capacity_0_drains),
		TEST(a_limit_sends_what_a_member_cannot_serve_to_the_others),
		TEST(what_nobody_can_serve_has_no_owner_until_a_member_can),
		TEST(who_arrives_does_not_replace_a_process_whose_lease_is_valid),
		TEST(a_process_that_takes_a_name_waits_until_the_former_lease_has_ended),
		TEST(a_replaced_process_that_leaves_frees_its_partitions_at_once),
		TEST(a_replaced_process_may_hand_back_one_by_one),
		TEST(nobody_hands_back_for_another_process_of_its_name),
		TEST(of_three_processes_each_frees_only_its_own),
		TEST(a_replaced_process_takes_nothing_from_its_successor),
		TEST(a_held_partition_may_get_another_target),
		TEST(a_name_whose_lease_has_ended_is_taken_at_once),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
