/*
 * test_pace_reads.c - which reads of a member's partitions take turns, and which reads of others count for them: a member made by hand, far from
 * Redis.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "group/pace.h"
#include "harness/member.h"

enum { PARTITIONS = 3, MANY = 257, LARGE = 10000, SMALL = 1000 };

#define NOW (100 * SEG_SECOND)
#define ROUND_TRIP (50 * SEG_MS)
#define EACH (SEG_MS / 1000)                     /* Redis's time for a message */
#define APART (LARGE * EACH + LARGE * EACH / 10) /* of two turns of large reads */

static seg_member *member;
static seg_ledger_limits limits;
static seg_handoff handoff; /* of all of them: nothing is handled */

/* --- the routes, which do not connect, cannot know this ----------------------------------------- */

static int64_t round_trip;
static seg_node node_of_slot[MANY];
static bool has_slots[SEG_PACE_NODES + 1];

int64_t __wrap_seg_route_round_trip(seg_route *route, const char *key);
seg_node __wrap_seg_route_node(const seg_route *route, uint16_t slot);
bool __wrap_seg_route_has_slots(const seg_route *route, seg_node node);

int64_t __wrap_seg_route_round_trip(seg_route *route, const char *key)
{
	(void)route;
	(void)key;
	return round_trip;
}

seg_node __wrap_seg_route_node(const seg_route *route, uint16_t slot)
{
	(void)route;
	return node_of_slot[slot];
}

bool __wrap_seg_route_has_slots(const seg_route *route, seg_node node)
{
	(void)route;
	return has_slots[node];
}

/* --- the member --------------------------------------------------------------------------------------- */

static seg_partition *partition(uint32_t number)
{
	return &member->partitions[number];
}

/* The next read of it would bring so many messages. */
static void has_backlog(seg_partition *p, size_t messages)
{
	p->own.state = SEG_OWN_ACTIVE;
	p->own.worker = true;
	p->ledger.limits = &limits;
	p->ledger.handoff = &handoff;
	p->ledger.filled = true;
	p->ledger.average_bytes = 1;
	p->ledger.messages_per_entry = 1;
	p->ledger.read_size = messages;
}

/* It was issued then. */
static void is_read(seg_partition *p, size_t messages, int64_t issued_at)
{
	p->read.reading = SEG_READING_NOW;
	p->read.issued_at = issued_at;
	p->ledger.entries_requested = messages;
}

static void make_member(uint32_t partitions)
{
	member = test_member_make(partitions);
	for (uint32_t i = 0; i < partitions; i++) {
		partition(i)->slot = (uint16_t)i;
		has_backlog(partition(i), LARGE);
	}
}

/* All partitions are on node 0, and Redis's time for a message is known. */
static int set_up(void **state)
{
	(void)state;
	round_trip = ROUND_TRIP;
	memset(node_of_slot, 0, sizeof(node_of_slot));
	memset(has_slots, true, sizeof(has_slots));
	limits = (seg_ledger_limits){.batch_size = LARGE,
				     .in_flight_batches = 4,
				     .in_flight_bytes = SIZE_MAX / 2};
	make_member(PARTITIONS);
	for (int i = 0; i < SEG_PACE_TIMES; i++)
		seg_pace_ended(&member->paces[0], LARGE, 0, LARGE * EACH, (i + 1) * SEG_SECOND);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_member_free(member);
	return 0;
}

/* Of so many partitions, with the times that were measured. */
static void grow(uint32_t partitions)
{
	const seg_pace known = member->paces[0];
	test_member_free(member);
	make_member(partitions);
	member->paces[0] = known;
}

/* How long the read waits. */
static int64_t wait_of(seg_partition *p)
{
	return seg_pace_read_turn(p, NOW) - NOW;
}

/* The first read leaves at once, and has made the next one wait for APART. */
static void one_is_read(void)
{
	is_read(partition(1), LARGE, NOW);
	assert_int_equal(wait_of(partition(0)), 0);
	is_read(partition(0), LARGE, NOW);
	partition(1)->read.reading = SEG_READING_NOT;
}

/* --- which reads take turns ----------------------------------------------------------------------------- */

static void far_large_reads_leave_one_after_the_other(void **state)
{
	(void)state;
	one_is_read();
	assert_int_equal(wait_of(partition(1)), APART);
	assert_int_equal(wait_of(partition(2)), 2 * APART);
}

static void a_read_that_has_waited_leaves_and_reserves_no_other_turn(void **state)
{
	(void)state;
	one_is_read();
	assert_int_equal(wait_of(partition(1)), APART);
	assert_int_equal(wait_of(partition(1)), 0);
	assert_int_equal(wait_of(partition(2)), 2 * APART);
}

static void near_redis_none_waits(void **state)
{
	(void)state;
	round_trip = SEG_LEDGER_FAR;
	one_is_read();
	assert_true(wait_of(partition(1)) > 0);
	round_trip = SEG_LEDGER_FAR - 1;
	assert_int_equal(wait_of(partition(2)), 0);
}

static void small_careful_and_first_reads_do_not_wait(void **state)
{
	(void)state;
	one_is_read();
	partition(1)->ledger.read_size = SMALL;
	assert_int_equal(wait_of(partition(1)), 0);
	partition(1)->ledger.read_size = LARGE;
	partition(1)->careful_read.on = true;
	assert_int_equal(wait_of(partition(1)), 0);
	partition(1)->careful_read.on = false;
	partition(1)->ledger.filled = false;
	assert_int_equal(wait_of(partition(1)), 0);
	partition(1)->ledger.filled = true;
	assert_int_equal(wait_of(partition(1)), APART);
}

static void of_packed_entries_all_messages_count(void **state)
{
	(void)state;
	one_is_read();
	partition(1)->ledger.messages_per_entry = 100;
	assert_int_equal(wait_of(partition(1)), APART);
}

static void with_more_than_256_partitions_none_waits(void **state)
{
	(void)state;
	grow(MANY - 1);
	one_is_read();
	assert_int_equal(wait_of(partition(1)), APART);
	grow(MANY);
	one_is_read();
	assert_int_equal(wait_of(partition(1)), 0);
}

static void where_64_others_are_read_none_waits(void **state)
{
	(void)state;
	grow(SEG_PACE_READS + 2);
	one_is_read();
	for (uint32_t i = 2; i <= SEG_PACE_READS; i++)
		is_read(partition(i), 1, NOW);
	assert_int_equal(wait_of(partition(1)), 0);
	partition(2)->read.reading = SEG_READING_NOT;
	assert_int_equal(wait_of(partition(1)), APART);
}

/* --- which others count ----------------------------------------------------------------------------------- */

static void a_lone_read_does_not_wait_for_what_has_ended(void **state)
{
	(void)state;
	one_is_read();
	partition(0)->read.reading = SEG_READING_NOT;
	assert_int_equal(wait_of(partition(1)), 0);
}

static void one_that_waits_counts_as_long_as_it_fetches(void **state)
{
	(void)state;
	one_is_read();
	assert_int_equal(wait_of(partition(1)), APART);
	partition(0)->read.reading = SEG_READING_NOT;
	assert_int_equal(wait_of(partition(2)), 2 * APART);
	partition(2)->pace.has_turn = false;
	partition(1)->own.revoke = true;
	assert_int_equal(wait_of(partition(2)), 0);
}

static void each_node_has_turns_of_its_own(void **state)
{
	(void)state;
	node_of_slot[2] = 1;
	one_is_read();
	assert_int_equal(wait_of(partition(2)), 0);
	assert_int_equal(wait_of(partition(1)), APART);
}

static void a_node_without_a_place_takes_that_of_one_that_has_lost_its_slots(void **state)
{
	(void)state;
	one_is_read();
	node_of_slot[1] = node_of_slot[2] = SEG_PACE_NODES; /* its place is node 0's */
	is_read(partition(2), LARGE, NOW);
	assert_int_equal(wait_of(partition(1)), 0);
	assert_int_equal(member->paces[0].node, 0);
	has_slots[0] = false;
	assert_int_equal(wait_of(partition(1)), 0);
	assert_int_equal(member->paces[0].node, SEG_PACE_NODES);
	assert_int_equal(member->paces[0].count, 0);
}

/* --- what is measured ---------------------------------------------------------------------------------------- */

/* Redis's time for a message, as the newest read tells it. */
static int64_t measured(void)
{
	const seg_pace *pace = &member->paces[0];
	return pace->times[(pace->count - 1) % SEG_PACE_TIMES];
}

static void the_time_beyond_the_round_trip_is_shared_by_all_reads_that_redis_had(void **state)
{
	(void)state;
	const int64_t beyond = 40 * SEG_MS, issued = NOW - ROUND_TRIP - beyond;
	is_read(partition(0), LARGE, issued);
	is_read(partition(1), LARGE, issued);
	/* Redis cannot have worked on this one: its reply could not be here yet. */
	is_read(partition(2), LARGE, NOW - ROUND_TRIP + 1);
	partition(0)->read.reading = SEG_READING_NOT;
	seg_pace_read_ended(partition(0), LARGE, NOW);
	assert_int_equal(measured(), beyond / (2 * LARGE));
	/* The one before ended within its time, and Redis has the other one by now. */
	partition(1)->read.reading = SEG_READING_NOT;
	seg_pace_read_ended(partition(1), LARGE, NOW + 2);
	assert_int_equal(measured(), (beyond + 2) / (3 * LARGE));
}

static void small_and_near_reads_measure_nothing(void **state)
{
	(void)state;
	const unsigned count = member->paces[0].count;
	seg_pace_read_ended(partition(0), SMALL, NOW);
	round_trip = SEG_LEDGER_FAR - 1;
	seg_pace_read_ended(partition(0), LARGE, NOW);
	assert_int_equal(member->paces[0].count, count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(far_large_reads_leave_one_after_the_other),
		TEST(a_read_that_has_waited_leaves_and_reserves_no_other_turn),
		TEST(near_redis_none_waits),
		TEST(small_careful_and_first_reads_do_not_wait),
		TEST(of_packed_entries_all_messages_count),
		TEST(with_more_than_256_partitions_none_waits),
		TEST(where_64_others_are_read_none_waits),
		TEST(a_lone_read_does_not_wait_for_what_has_ended),
		TEST(one_that_waits_counts_as_long_as_it_fetches),
		TEST(each_node_has_turns_of_its_own),
		TEST(a_node_without_a_place_takes_that_of_one_that_has_lost_its_slots),
		TEST(the_time_beyond_the_round_trip_is_shared_by_all_reads_that_redis_had),
		TEST(small_and_near_reads_measure_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
