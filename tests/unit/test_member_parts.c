/*
 * The parts of a member, on a member made by hand: no thread, no Redis.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "group/gap.h"
#include "group/notes.h"
#include "group/request.h"
#include "group/shortage.h"
#include "group/stop.h"
#include "harness/member.h"

static seg_member *member;

/* A member of one partition, which is not its own yet. */
static int set_up(void **state)
{
	(void)state;
	member = test_member_make(1);
	test_member_give_routes(member);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_member_free(member);
	return 0;
}

static void another_history_ends_an_epoch_that_was_assigned_in_the_same_tick(void **state)
{
	(void)state;
	/* The share came right before: the agent has not put the partition on its list yet. */
	seg_ownership_assigned(&member->partitions[0].own, 5);
	member->active_count = 0;
	seg_note_another_history(member, 0);
	assert_int_equal(member->partitions[0].own.state, SEG_OWN_NONE);
}

static void a_member_that_failed_does_not_spin_while_its_workers_end(void **state)
{
	(void)state;
	seg_partition *p = member->partitions;
	member->active_count = 1;
	member->phase = SEG_PHASE_GONE;
	member->agent.fatal = true;
	p->agent.running = true;
	atomic_store(&member->stop, SEG_STOP_DRAIN);
	assert_false(seg_stop_step(member));
	assert_false(seg_stop_is_news(member));
	p->agent.running = false;
	assert_true(seg_stop_is_news(member));
	assert_true(seg_stop_step(member));
}

static void a_refused_request_is_due_again_though_the_next_commit_is_far_off(void **state)
{
	(void)state;
	seg_partition *p = member->partitions;
	int64_t now = seg_now();
	const seg_request mark = {.kind = SEG_REQUEST_MARK, .id = {1, 1}};
	atomic_store(&member->lease_until, SEG_NEVER);
	seg_handoff_init(&p->handoff, &member->waker, &member->lease_until, NULL);
	p->own = (seg_ownership){.state = SEG_OWN_ACTIVE, .epoch = 1, .worker = true};
	p->agent.running = true;
	p->commit.at = now + 60 * SEG_SECOND;
	p->fenced_call.retry_at = now + 50 * SEG_MS;
	assert_true(seg_request_step(p, now) == SEG_NEVER);
	(void)seg_handoff_request(&p->handoff, &mark);
	assert_true(seg_request_step(p, now) == now + 50 * SEG_MS);
}

/* The look holds the next read up until the commit's answer comes, which takes a round trip. */
static void a_commit_looks_for_removed_messages_only_where_no_read_is_wanted(void **state)
{
	(void)state;
	seg_partition *p = member->partitions;
	int64_t now = seg_now();
	p->own = (seg_ownership){.state = SEG_OWN_ACTIVE, .epoch = 1, .worker = true};
	p->ledger.fetched_count = p->ledger.handled_count = 5;
	assert_true(seg_gap_joins_commit(p, now));
	p->read.reading = SEG_READING_NOW;
	assert_false(seg_gap_joins_commit(p, now));
	p->read.reading = SEG_READING_NOT;
	p->read.backlogged = true;
	assert_false(seg_gap_joins_commit(p, now));
}

static void what_lacks_memory_gets_what_is_kept_for_reads(void **state)
{
	(void)state;
	static const seg_shortage of_memory[] = {SEG_SHORTAGE_MEMORY, SEG_SHORTAGE_THREADS,
						 SEG_SHORTAGE_OPEN};
	for (size_t i = 0; i < sizeof(of_memory) / sizeof(of_memory[0]); i++) {
		seg_room room;
		seg_room_init(&room);
		assert_true(seg_room_grow(&room, 16));
		seg_stock_give(&member->stock, &room);
		seg_shortage_tell(member->partitions, SEG_SHORTAGE_VALUES, 0, "denied");
		assert_int_equal(member->stock.count, 1);
		seg_shortage_tell(member->partitions, of_memory[i], 0, "no memory");
		assert_int_equal(member->stock.count, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_history_ends_an_epoch_that_was_assigned_in_the_same_tick),
		TEST(a_refused_request_is_due_again_though_the_next_commit_is_far_off),
		TEST(a_commit_looks_for_removed_messages_only_where_no_read_is_wanted),
		TEST(a_member_that_failed_does_not_spin_while_its_workers_end),
		TEST(what_lacks_memory_gets_what_is_kept_for_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
