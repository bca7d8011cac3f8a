/*
 * A holding of the pull consumer, without a member: what it hands out and gives back while a dead letter is asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "consumer/holding.h"

static seg_partition partition;
static seg_waker waker;
static atomic_llong lease;
static seg_holding holding;
static seg_fetched *fetched;

/* A holding of whose two messages a caller holds both. */
static int set_up(void **state)
{
	(void)state;
	lease = SEG_NEVER;
	partition = (seg_partition){0};
	seg_handoff_init(&partition.handoff, &waker, &lease, NULL);
	fetched = seg_fetched_create(2, NULL);
	if (!fetched || seg_waker_init(&waker) || !seg_fetched_reserve(fetched, 2))
		return -1;
	for (size_t i = 0; i < 2; i++) {
		fetched->room.messages[i] = (seg_message){.id = {1, i + 1}, .key = "k", .data = "d"};
		fetched->room.faults[i] = SEG_FAULT_NONE;
	}
	fetched->batch = (seg_batch){.messages = fetched->room.messages, .count = 2};
	if (!seg_handoff_push(&partition.handoff, fetched) || seg_holding_open(&holding, &partition, 0))
		return -1;
	return seg_holding_take(&holding) && seg_holding_make_view(&holding, seg_now()) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	seg_holding_end(&holding, SEG_HOLDING_END);
	seg_fetched_release(fetched);
	seg_waker_fini(&waker);
	return 0;
}

static void a_batch_is_not_given_back_while_a_dead_letter_of_it_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(seg_holding_ask(&holding, holding.polled, 1, "no good", "handler"), 0);
	seg_holding_let_go(&holding, holding.polled);
	/* The request points into the batch: the I/O thread must not read into the batch again. */
	assert_null(seg_handoff_pop_free(&partition.handoff));
	seg_handoff_answer(&partition.handoff, 0, 0);
	seg_holding_collect(&holding);
	assert_ptr_equal(seg_handoff_pop_free(&partition.handoff), fetched);
}

static void a_holding_that_is_asking_for_a_dead_letter_ends_with_the_answer(void **state)
{
	(void)state;
	assert_int_equal(seg_holding_ask(&holding, holding.polled, 1, "no good", "handler"), 0);
	seg_holding_end(&holding, SEG_HOLDING_END);
	assert_int_equal(holding.state, SEG_HOLDING_HELD);
	seg_polled *polled = holding.polled;
	seg_handoff_answer(&partition.handoff, SEG_EFENCED, 0);
	seg_holding_collect(&holding);
	assert_int_equal(holding.state, SEG_HOLDING_SETTLING);
	assert_false(seg_holding_has(&holding, polled));
	assert_int_equal(polled->status, SEG_EFENCED);
	seg_polled_destroy(polled);
}

static void a_draining_holding_ends_once_the_caller_lets_go(void **state)
{
	(void)state;
	seg_holding_end(&holding, SEG_HOLDING_DRAIN);
	assert_int_equal(holding.state, SEG_HOLDING_HELD);
	assert_true(seg_holding_commit(&holding, holding.polled, 1));
	seg_holding_let_go(&holding, holding.polled);
	assert_int_equal(holding.state, SEG_HOLDING_SETTLING);
	assert_true(atomic_load(&partition.handoff.worker.stopped));
	assert_int_equal(atomic_load(&partition.handoff.worker.handled), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_batch_is_not_given_back_while_a_dead_letter_of_it_is_asked_for),
		TEST(a_holding_that_is_asking_for_a_dead_letter_ends_with_the_answer),
		TEST(a_draining_holding_ends_once_the_caller_lets_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
