/*
 * test_group_info.c - a group as framework/look reads it. The tests write the keys in Redis by hand, as
 * lua/README.md describes them.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "base/clock.h"
#include "harness/rig.h"
#include "look/snapshot.h"

static int start(void **state)
{
	test_rig_set_up(state);
	test_rig_register("s", &(seg_stream_shape){.partitions = 600, .partition_size = 1000});
	return 0;
}

static void a_group_nobody_opened_is_not_found(void **state)
{
	(void)state;
	seg_group_info *info;
	seg_error error = {0};
	assert_int_equal(seg_group_describe(rig.stream, "nobody", &info, &error), SEG_ENOTFOUND);
	assert_non_null(strstr(error.text, "group \"nobody\" of stream \"s\""));
	assert_null(info);
	assert_int_equal(seg_group_describe(rig.stream, "a:b", &info, &error), SEG_EINVAL);
	seg_group_info_free(NULL);
}

static void a_group_is_described_with_every_partition(void **state)
{
	(void)state;
	test_rig_tell("SADD {__default:s}:groups g");
	test_rig_tell("ZADD {__default:s}:g:leases 99999999999999 m1 99999999999999 m2 1000 dead");
	test_rig_tell("HSET {__default:s}:g:partitions generation 17 0 %s 1 %s 2 %s", "1700000000005 m1 m1",
		      "1700000000006 m1 m2", "1700000000007 - m2");
	test_rig_tell("XADD __default:s:partition_0 10-1 partitionKey k data d");
	test_rig_tell("XADD __default:s:partition_0 10-2 partitionKey k data d");
	test_rig_tell("XADD __default:s:partition_0 11-0 partitionKey k data d");
	test_rig_tell("XGROUP CREATE __default:s:partition_0 other 0");
	test_rig_tell("XGROUP CREATE __default:s:partition_0 g 10-1 ENTRIESREAD 1");
	test_rig_tell("XADD __default:s:partition_1 5-0 partitionKey k data d");
	test_rig_tell("XADD {__default:s:partition_0}:g:dead * id 1-1");
	test_rig_tell("HSET {__default:s:partition_0}:counters dropped 4");

	seg_group_info *info;
	seg_error error = {0};
	if (seg_group_describe(rig.stream, "g", &info, &error))
		fail_msg("%s", error.text);
	assert_int_equal(info->generation, 17);
	assert_int_equal(info->members, 2);
	assert_int_equal(info->partition_count, 600);
	const seg_partition_info *p = info->partitions;
	assert_string_equal(p[0].owner, "m1");
	assert_string_equal(p[0].target, "m1");
	assert_int_equal(p[0].epoch, 1700000000005);
	assert_int_equal(seg_id_compare(p[0].position, (seg_id){10, 1}), 0);
	assert_int_equal(seg_id_compare(p[0].last, (seg_id){11, 0}), 0);
	assert_int_equal(p[0].length, 3);
	assert_int_equal(p[0].lag, 2);
	assert_int_equal(p[0].dead_letters, 1);
	assert_int_equal(p[0].dropped, 4);
	assert_string_equal(p[1].owner, "m1");
	assert_string_equal(p[1].target, "m2");
	/*
	 * The partition has messages, but no member has claimed it for the group, so Redis cannot know the
	 * lag.
	 */
	assert_int_equal(p[1].length, 1);
	assert_int_equal(p[1].lag, -1);
	assert_string_equal(p[2].owner, "");
	assert_string_equal(p[2].target, "m2");
	/* The last partition is read in a later round of questions, and is empty. */
	assert_int_equal(p[599].partition, 599);
	assert_int_equal(p[599].length, 0);
	assert_int_equal(p[599].lag, 0);
	seg_group_info_free(info);
}

/* --- the whole snapshot, as segctl and the admin server take it --------------------------------------- */

static void take(const char *group, seg_group_snapshot *snapshot)
{
	seg_error error = {0};
	if (seg_group_snapshot_take(rig.stream, group, &(seg_look){.oldest = true}, snapshot, &error))
		fail_msg("%s", error.text);
}

static void the_members_are_listed_by_name_with_those_whose_lease_has_ended(void **state)
{
	(void)state;
	seg_group_snapshot snapshot;
	test_rig_tell("SADD {__default:s}:groups members");
	test_rig_tell("ZADD {__default:s}:members:leases 99999999999999 b 1000 a");
	test_rig_tell("HSET {__default:s}:members:members b %s a %s", "incarnation 4", "incarnation 0");
	take("members", &snapshot);
	assert_int_equal(snapshot.roster.count, 2);
	assert_int_equal(snapshot.roster.live, 1);
	assert_string_equal(snapshot.roster.members[0].name, "a");
	assert_int_equal(snapshot.roster.members[0].capacity, 0);
	assert_true(snapshot.roster.members[0].lease_left < 0);
	assert_true(seg_roster_find(&snapshot.roster, "b")->lease_left > 0);
	assert_int_equal(seg_roster_find(&snapshot.roster, "b")->capacity, 4);
	assert_null(seg_roster_find(&snapshot.roster, "c"));
	seg_group_snapshot_free(&snapshot);
}

/* Only what a browser may open without harm: anyone who can write to Redis can write there. */
static void a_member_tells_the_url_of_its_page(void **state)
{
	(void)state;
	seg_group_snapshot snapshot;
	test_rig_tell("SADD {__default:s}:groups pages");
	test_rig_tell("ZADD {__default:s}:pages:leases 99999999999999 a 99999999999999 b 99999999999999 c");
	test_rig_tell("HSET {__default:s}:pages:members a %s b %s c %s",
		      "incarnation page=http://one:9464/ 4", "incarnation 20:threads page=https://two/x 5",
		      "incarnation page=javascript:alert(1) 6");
	take("pages", &snapshot);
	const seg_roster_member *members = snapshot.roster.members;
	assert_string_equal(members[0].page, "http://one:9464/");
	assert_int_equal(members[0].capacity, 4);
	assert_int_equal(members[0].limit, -1);
	assert_string_equal(members[1].page, "https://two/x");
	assert_int_equal(members[1].capacity, 5);
	assert_int_equal(members[1].limit, 20);
	assert_string_equal(members[2].page, "");
	assert_int_equal(members[2].capacity, 6);
	seg_group_snapshot_free(&snapshot);
}

static void each_partition_tells_its_oldest_message_and_its_last_claim(void **state)
{
	(void)state;
	seg_group_snapshot snapshot;
	test_rig_tell("SADD {__default:s}:groups h");
	test_rig_tell("XADD __default:s:partition_300 10-0 partitionKey k data d");
	test_rig_tell("XADD __default:s:partition_300 12-0 partitionKey k data d");
	test_rig_tell("XADD __default:s:partition_300 13-0 partitionKey k data d");
	test_rig_tell("XGROUP CREATE __default:s:partition_300 h 10-0 ENTRIESREAD 1");
	test_rig_tell(
		"HSET {__default:s:partition_300}:h:state count 1 owner m1 claimed 10-0 clean 0 crashes 2 suspect 12-0 "
		"attempts 3 lost 7");
	/* The newest message was deleted: nothing waits, although the position is not the log's last id. */
	test_rig_tell("XADD __default:s:partition_301 10-0 partitionKey k data d");
	test_rig_tell("XADD __default:s:partition_301 11-0 partitionKey k data d");
	test_rig_tell("XGROUP CREATE __default:s:partition_301 h 10-0");
	test_rig_tell("XDEL __default:s:partition_301 11-0");
	take("h", &snapshot);
	const seg_partition_snapshot *p = &snapshot.partitions[300];
	assert_true(p->waiting);
	assert_int_equal(seg_id_compare(p->oldest, (seg_id){12, 0}), 0);
	assert_true(p->behind > 1e9);
	assert_int_equal(p->info.lag, 2);
	assert_int_equal(p->handled, 1);
	assert_string_equal(p->claimed_by, "m1");
	assert_int_equal(seg_id_compare(p->claimed, (seg_id){10, 0}), 0);
	assert_true(p->crashed);
	assert_int_equal(p->crashes, 2);
	assert_int_equal(seg_id_compare(p->suspect, (seg_id){12, 0}), 0);
	assert_int_equal(p->attempts, 3);
	assert_int_equal(p->info.lost, 7);
	assert_false(snapshot.partitions[301].waiting);
	assert_int_equal(snapshot.partitions[301].info.lag, 0);
	assert_true(snapshot.partitions[301].behind == 0);
	assert_false(snapshot.partitions[599].waiting);
	seg_group_snapshot_free(&snapshot);
}

static void crashes_are_no_news_once_their_place_is_passed(void **state)
{
	(void)state;
	seg_group_snapshot snapshot;
	test_rig_tell("SADD {__default:s}:groups h");
	test_rig_tell("XADD __default:s:partition_302 10-0 partitionKey k data d");
	test_rig_tell("XGROUP CREATE __default:s:partition_302 h 10-0");
	test_rig_tell(
		"HSET {__default:s:partition_302}:h:state owner m1 claimed 9-0 clean 0 crashes 2 suspect 10-0 attempts 3");
	take("h", &snapshot);
	const seg_partition_snapshot *p = &snapshot.partitions[302];
	assert_int_equal(p->crashes, 0);
	assert_int_equal(p->attempts, 0);
	assert_int_equal(seg_id_compare(p->suspect, (seg_id){0, 0}), 0);
	seg_group_snapshot_free(&snapshot);
}

static void two_snapshots_make_rates(void **state)
{
	(void)state;
	seg_partition_snapshot was[2] = {{.info.lag = 30, .handled = 100}, {.info.lag = 10, .handled = -1}};
	seg_partition_snapshot is[2] = {{.info.lag = 10, .handled = 140, .rate = -1, .catch_up = -1},
					{.info.lag = 20, .handled = 140, .rate = -1, .catch_up = -1}};
	seg_group_snapshot before = {.partitions = was, .partition_count = 2, .taken = 1000000000};
	seg_group_snapshot now = {.partitions = is, .partition_count = 2, .taken = 3000000000};
	seg_group_snapshot_compare(&before, &now);
	assert_true(is[0].rate == 20);
	assert_true(is[0].catch_up == 1);
	assert_true(is[1].rate == -1);
	assert_true(is[1].catch_up == -1);
}

static void a_deadline_bounds_the_whole_reading(void **state)
{
	(void)state;
	seg_group_snapshot snapshot;
	seg_error error = {0};
	long long before = test_now_ms();
	assert_int_equal(kill(rig.server->pid, SIGSTOP), 0);
	int status =
		seg_group_snapshot_take(rig.stream, "g",
					&(seg_look){.oldest = true, .deadline = seg_now() + 200 * SEG_MS},
					&snapshot, &error);
	assert_int_equal(kill(rig.server->pid, SIGCONT), 0);
	assert_int_equal(status, SEG_EUNREACHABLE);
	assert_true(test_now_ms() - before < 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_nobody_opened_is_not_found),
		cmocka_unit_test(a_group_is_described_with_every_partition),
		cmocka_unit_test(the_members_are_listed_by_name_with_those_whose_lease_has_ended),
		cmocka_unit_test(a_member_tells_the_url_of_its_page),
		cmocka_unit_test(each_partition_tells_its_oldest_message_and_its_last_claim),
		cmocka_unit_test(crashes_are_no_news_once_their_place_is_passed),
		cmocka_unit_test(two_snapshots_make_rates),
		cmocka_unit_test(a_deadline_bounds_the_whole_reading),
	};
	return cmocka_run_group_tests(tests, start, test_rig_tear_down);
}
