/*
 * test_rest.c - which partitions rest, and what wakes them: on a member made by hand. No thread, no Redis.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "group/output_queue.h"
#include "group/rest.h"
#include "harness/member.h"

enum { PARTITIONS = 3 };

#define NOW (1000 * SEG_SECOND)
#define NEXT_READ (NOW + 60 * SEG_SECOND)

static seg_member *member;
static seg_partition *first;

/* Owned and served, without a message, and read once. */
static void make_idle(seg_partition *p)
{
	p->may_rest = true;
	p->ledger.handoff = &p->handoff;
	p->own = (seg_ownership){.state = SEG_OWN_ACTIVE, .epoch = 1, .worker = true};
	p->agent.active = p->agent.running = true;
	p->shortage.served = true;
	p->hindrance.told = true;
	p->doorbell.listens = true;
	p->doorbell.at = NEXT_READ;
}

static int set_up(void **state)
{
	(void)state;
	member = test_member_make(PARTITIONS);
	first = member->partitions;
	member->phase = SEG_PHASE_MEMBER;
	for (uint32_t i = 0; i < PARTITIONS; i++)
		make_idle(&first[i]);
	if (seg_rest_init(member))
		return -1;
	seg_rest_wake_all(member);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	seg_rest_fini(member);
	test_member_free(member);
	return 0;
}

static void partitions_without_messages_rest_until_their_next_read(void **state)
{
	(void)state;
	assert_true(seg_rest_end(member, true, NOW) == NEXT_READ);
	assert_int_equal(member->awake_count, 0);
	/* Rounds in between, for something else, do not forget it. */
	seg_rest_begin(member, true, NOW + 1);
	assert_int_equal(member->awake_count, 0);
	assert_true(seg_rest_end(member, true, NOW + 1) == NEXT_READ);
}

static void a_member_without_partitions_needs_no_step(void **state)
{
	(void)state;
	member->active_count = 0;
	seg_rest_wake_all(member);
	assert_true(seg_rest_end(member, true, NOW) == SEG_NEVER);
}

static void a_ring_wakes_one_partition_once(void **state)
{
	(void)state;
	seg_rest_end(member, true, NOW);
	seg_rest_wake(&first[1]);
	seg_rest_wake(&first[1]);
	assert_int_equal(member->awake_count, 1);
	assert_ptr_equal(member->awake[0], &first[1]);
}

/* How many are awake once they have had the chance to rest. */
static uint32_t count_awake(void)
{
	seg_rest_wake_all(member);
	seg_rest_end(member, true, NOW);
	return member->awake_count;
}

static void make_idle_anew(seg_partition *p)
{
	*p = (seg_partition){.member = member};
	make_idle(p);
}

/* Makes the first partition `p` such that it would rest; after the change, it alone stays awake. */
#define STAYS_AWAKE(make, change)                      \
	do {                                           \
		seg_partition *p = first;              \
		make(p);                               \
		change;                                \
		assert_int_equal(count_awake(), 1);    \
		assert_ptr_equal(member->awake[0], p); \
	} while (0)

/* Its only message is handled and committed. */
static void make_done(seg_partition *p)
{
	make_idle_anew(p);
	p->ledger.fetched_count = p->ledger.handled_count = 1;
	atomic_store(&p->handoff.io.committed, 1);
}

static void a_partition_rests_again_when_its_messages_are_committed(void **state)
{
	(void)state;
	make_done(first);
	assert_int_equal(count_awake(), 0);
}

static void a_partition_rests_until_it_looks_for_removed_messages(void **state)
{
	(void)state;
	make_done(first);
	first->gap.look_at = NOW + SEG_SECOND;
	assert_true(seg_rest_end(member, true, NOW) == NOW + SEG_SECOND);
	assert_int_equal(member->awake_count, 0);
}

static void a_partition_whose_messages_need_something_more_stays_awake(void **state)
{
	(void)state;
	seg_output_queue output;
	STAYS_AWAKE(make_done, p->may_rest = false);
	STAYS_AWAKE(make_done, p->ledger.fetched_count = 2);
	STAYS_AWAKE(make_done, atomic_store(&p->handoff.io.committed, 0));
	STAYS_AWAKE(make_done, p->ledger.outstanding_count = 1);
	STAYS_AWAKE(make_done, p->ledger.completions.count = 1);
	STAYS_AWAKE(make_done, p->ledger.changed.count = 1);
	STAYS_AWAKE(make_done, p->ledger.beyond_stored = true);
	STAYS_AWAKE(make_done, p->outputs.active = &output);
	STAYS_AWAKE(make_done, p->commit.busy = true);
	STAYS_AWAKE(make_done, p->gap.look_at = NOW);
}

static void a_partition_to_which_something_happens_stays_awake(void **state)
{
	(void)state;
	STAYS_AWAKE(make_idle_anew, p->may_rest = false);
	STAYS_AWAKE(make_idle_anew, p->ledger.fetched_count = 1);
	STAYS_AWAKE(make_idle_anew, p->doorbell.rang = true);
	STAYS_AWAKE(make_idle_anew, p->doorbell.listens = false);
	STAYS_AWAKE(make_idle_anew, p->doorbell.at = NOW);
	STAYS_AWAKE(make_idle_anew, p->read.reading = SEG_READING_NOW);
	STAYS_AWAKE(make_idle_anew, p->read.reading = SEG_READING_BLOCKING);
	STAYS_AWAKE(make_idle_anew, p->read.backlogged = true);
	STAYS_AWAKE(make_idle_anew, p->read.refusals = 1);
	STAYS_AWAKE(make_idle_anew, p->read.at = NOW + 1);
	STAYS_AWAKE(make_idle_anew, p->careful_read.on = true);
	STAYS_AWAKE(make_idle_anew, p->own.state = SEG_OWN_DRAINING);
	STAYS_AWAKE(make_idle_anew, p->own.revoke = true);
	STAYS_AWAKE(make_idle_anew, p->own.demanded = true);
	STAYS_AWAKE(make_idle_anew, p->notes = 1);
	STAYS_AWAKE(make_idle_anew, p->agent.running = false);
	STAYS_AWAKE(make_idle_anew, p->shortage.served = false);
	STAYS_AWAKE(make_idle_anew, p->shortage.given_back = true);
	STAYS_AWAKE(make_idle_anew, p->commit.busy = true);
	STAYS_AWAKE(make_idle_anew, p->request.busy = true);
	STAYS_AWAKE(make_idle_anew, p->gap.busy = true);
	STAYS_AWAKE(make_idle_anew, p->presence.busy = true);
	STAYS_AWAKE(make_idle_anew, p->presence.rings = 1);
	STAYS_AWAKE(make_idle_anew, p->hindrance.busy = true);
	STAYS_AWAKE(make_idle_anew, p->hindrance.changed = true);
	STAYS_AWAKE(make_idle_anew, p->resume.lettered_count = 1);
}

static void all_wake_once_a_second_so_that_no_oversight_lasts(void **state)
{
	(void)state;
	seg_rest_end(member, true, NOW);
	seg_rest_begin(member, true, NOW + SEG_SECOND);
	assert_int_equal(member->awake_count, PARTITIONS);
}

static void a_read_that_is_due_sooner_waits_for_that_second_and_the_thread_sleeps(void **state)
{
	(void)state;
	first[1].doorbell.at = NOW + 1;
	assert_true(seg_rest_end(member, true, NOW) == NOW + SEG_SECOND);
	seg_rest_begin(member, true, NOW + 1);
	assert_int_equal(member->awake_count, 0);
}

static void all_wake_when_none_may_rest_any_more(void **state)
{
	(void)state;
	seg_rest_end(member, true, NOW);
	seg_rest_begin(member, false, NOW + 1);
	assert_int_equal(member->awake_count, PARTITIONS);
	assert_true(seg_rest_end(member, false, NOW + 1) == SEG_NEVER);
	assert_int_equal(member->awake_count, PARTITIONS);
}

static void a_partition_that_rang_and_rests_again_does_not_put_off_the_reads_of_others(void **state)
{
	(void)state;
	first[2].doorbell.at = NOW + 5 * SEG_SECOND;
	assert_true(seg_rest_end(member, true, NOW) == NOW + 5 * SEG_SECOND);
	seg_rest_wake(&first[0]);
	assert_true(seg_rest_end(member, true, NOW + 1) == NOW + 5 * SEG_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(partitions_without_messages_rest_until_their_next_read),
		TEST(a_member_without_partitions_needs_no_step),
		TEST(a_ring_wakes_one_partition_once),
		TEST(a_partition_rests_again_when_its_messages_are_committed),
		TEST(a_partition_rests_until_it_looks_for_removed_messages),
		TEST(a_partition_whose_messages_need_something_more_stays_awake),
		TEST(a_partition_to_which_something_happens_stays_awake),
		TEST(all_wake_once_a_second_so_that_no_oversight_lasts),
		TEST(a_read_that_is_due_sooner_waits_for_that_second_and_the_thread_sleeps),
		TEST(all_wake_when_none_may_rest_any_more),
		TEST(a_partition_that_rang_and_rests_again_does_not_put_off_the_reads_of_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
