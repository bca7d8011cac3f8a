/*
 * test_ownership.c - the life of a partition in a member (partition/ownership.h), without I/O or a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "partition/ownership.h"

/* Does each next action with success, until there is no action or `until` is reached. */
static void follow(seg_ownership *o, seg_ownership_state until)
{
	for (int i = 0; i < 20 && o->state != until; i++) {
		switch (seg_ownership_next(o)) {
		case SEG_DO_NOTHING:
			return;
		case SEG_DO_CLAIM:
			seg_ownership_claim_sent(o);
			seg_ownership_claimed(o);
			break;
		case SEG_DO_START_WORKER:
			seg_ownership_worker_started(o);
			break;
		case SEG_DO_DRAIN_WORKER:
		case SEG_DO_ABANDON_WORKER:
			seg_ownership_demanded(o);
			seg_ownership_worker_stopped(o);
			break;
		case SEG_DO_RELEASE:
			seg_ownership_release_sent(o);
			seg_ownership_released(o);
			break;
		case SEG_DO_REPORT:
			seg_ownership_reported(o);
			break;
		}
	}
}

static seg_ownership active(uint64_t epoch)
{
	seg_ownership o = {0};
	seg_ownership_assigned(&o, epoch);
	follow(&o, SEG_OWN_NONE);
	assert_int_equal(o.state, SEG_OWN_ACTIVE);
	assert_true(o.worker);
	return o;
}

static void an_assigned_partition_is_claimed_before_a_worker_starts(void **state)
{
	(void)state;
	seg_ownership o = {0};
	assert_int_equal(seg_ownership_next(&o), SEG_DO_NOTHING);
	seg_ownership_assigned(&o, 5);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_CLAIM);
	seg_ownership_claim_sent(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_NOTHING);
	assert_false(seg_ownership_fetches(&o));
	seg_ownership_claimed(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_START_WORKER);
	assert_false(seg_ownership_fetches(&o));
	seg_ownership_worker_started(&o);
	assert_true(seg_ownership_fetches(&o));
}

static void a_claim_without_an_answer_is_sent_again(void **state)
{
	(void)state;
	seg_ownership o = {0};
	seg_ownership_assigned(&o, 5);
	seg_ownership_claim_sent(&o);
	seg_ownership_claim_failed(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_CLAIM);
}

static void a_claim_that_is_too_old_is_given_back_for_a_newer_one(void **state)
{
	(void)state;
	seg_ownership o = {0};
	seg_ownership_assigned(&o, 5);
	seg_ownership_claim_sent(&o);
	seg_ownership_claim_refused(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_REPORT);
}

static void a_revoked_partition_is_drained_then_released_then_reported(void **state)
{
	(void)state;
	seg_ownership o = active(5);
	seg_ownership_revoked(&o);
	assert_false(seg_ownership_fetches(&o));
	assert_true(seg_ownership_commits(&o));
	assert_int_equal(seg_ownership_next(&o), SEG_DO_DRAIN_WORKER);
	seg_ownership_demanded(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_NOTHING);
	seg_ownership_worker_stopped(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_RELEASE);
	seg_ownership_release_sent(&o);
	seg_ownership_release_failed(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_RELEASE);
	seg_ownership_release_sent(&o);
	seg_ownership_released(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_REPORT);
	seg_ownership_reported(&o);
	assert_int_equal(o.state, SEG_OWN_NONE);
}

static void a_lost_partition_is_abandoned_and_commits_nothing(void **state)
{
	(void)state;
	seg_ownership o = active(5);
	seg_ownership_lost(&o);
	assert_false(seg_ownership_fetches(&o));
	assert_false(seg_ownership_commits(&o));
	assert_int_equal(seg_ownership_next(&o), SEG_DO_ABANDON_WORKER);
	seg_ownership_demanded(&o);
	seg_ownership_worker_stopped(&o);
	assert_int_equal(o.state, SEG_OWN_NONE);
}

static void a_drain_that_is_overtaken_by_a_loss_becomes_an_abandonment(void **state)
{
	(void)state;
	seg_ownership o = active(5);
	seg_ownership_revoked(&o);
	seg_ownership_demanded(&o);
	seg_ownership_lost(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_ABANDON_WORKER);
}

static void a_new_epoch_waits_for_the_worker_of_the_old_one(void **state)
{
	(void)state;
	seg_ownership o = active(5);
	seg_ownership_assigned(&o, 9);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_ABANDON_WORKER);
	seg_ownership_demanded(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_NOTHING);
	seg_ownership_worker_stopped(&o);
	assert_int_equal(o.epoch, 9);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_CLAIM);
}

static void an_epoch_that_was_taken_away_while_waiting_is_not_claimed(void **state)
{
	(void)state;
	seg_ownership o = active(5);
	seg_ownership_assigned(&o, 9);
	seg_ownership_lost(&o);
	seg_ownership_demanded(&o);
	seg_ownership_worker_stopped(&o);
	assert_int_equal(o.state, SEG_OWN_NONE);
}

static void a_next_epoch_that_is_revoked_while_the_worker_stops_is_reported(void **state)
{
	(void)state;
	seg_ownership o = active(5);
	seg_ownership_lost(&o);
	seg_ownership_assigned(&o, 5);
	seg_ownership_revoked(&o);
	seg_ownership_demanded(&o);
	seg_ownership_worker_stopped(&o);
	assert_int_equal(o.epoch, 5);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_REPORT);
}

static void a_next_epoch_that_is_revoked_and_lost_is_not_reported(void **state)
{
	(void)state;
	seg_ownership o = active(5);
	seg_ownership_assigned(&o, 9);
	seg_ownership_revoked(&o);
	seg_ownership_lost(&o);
	seg_ownership_demanded(&o);
	seg_ownership_worker_stopped(&o);
	assert_int_equal(o.state, SEG_OWN_NONE);
}

static void the_same_epoch_again_changes_nothing(void **state)
{
	(void)state;
	seg_ownership o = active(5), before = o;
	seg_ownership_assigned(&o, 5);
	assert_memory_equal(&o, &before, sizeof(o));
}

static void a_partition_revoked_before_its_claim_is_reported_at_once(void **state)
{
	(void)state;
	seg_ownership o = {0};
	seg_ownership_assigned(&o, 5);
	seg_ownership_revoked(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_REPORT);
}

static void a_partition_revoked_during_its_claim_is_released_without_a_worker(void **state)
{
	(void)state;
	seg_ownership o = {0};
	seg_ownership_assigned(&o, 5);
	seg_ownership_claim_sent(&o);
	seg_ownership_revoked(&o);
	seg_ownership_claimed(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_RELEASE);
}

static void a_worker_that_stops_of_its_own_has_its_partition_released(void **state)
{
	(void)state;
	seg_ownership o = active(5);
	seg_ownership_worker_stopped(&o);
	assert_int_equal(seg_ownership_next(&o), SEG_DO_RELEASE);
}

/*
 * Random events in any order, many times: checks what must hold in every state, and that every ownership ends
 * when it may.
 */
static void whatever_happens_one_worker_runs_at_a_time_and_a_revoked_partition_ends(void **state)
{
	(void)state;
	unsigned seed = 20240717;
	for (int run = 0; run < 2000; run++) {
		seg_ownership o = {0};
		uint64_t epoch = 1, worker_epoch = 0;
		for (int step = 0; step < 40; step++) {
			seg_ownership_action action = seg_ownership_next(&o);
			switch (rand_r(&seed) % 12) {
			case 0:
				seg_ownership_assigned(&o, ++epoch);
				break;
			case 1:
				seg_ownership_revoked(&o);
				break;
			case 2:
				seg_ownership_lost(&o);
				break;
			case 3:
				seg_ownership_claim_failed(&o);
				break;
			case 4:
				seg_ownership_claimed(&o);
				break;
			case 5:
				if (o.worker)
					seg_ownership_worker_stopped(&o);
				break;
			case 6:
				seg_ownership_release_failed(&o);
				break;
			default:
				if (action == SEG_DO_CLAIM) {
					/* No worker of an earlier epoch runs when the fence is raised. */
					assert_false(o.worker);
					seg_ownership_claim_sent(&o);
				} else if (action == SEG_DO_START_WORKER) {
					assert_false(o.worker);
					seg_ownership_worker_started(&o);
					worker_epoch = o.epoch;
				} else if (action == SEG_DO_DRAIN_WORKER || action == SEG_DO_ABANDON_WORKER) {
					assert_true(o.worker);
					seg_ownership_demanded(&o);
				} else if (action == SEG_DO_RELEASE) {
					assert_false(o.worker);
					seg_ownership_release_sent(&o);
					seg_ownership_released(&o);
				} else if (action == SEG_DO_REPORT) {
					assert_false(o.worker);
					seg_ownership_reported(&o);
				}
			}
			if (seg_ownership_fetches(&o) || (seg_ownership_commits(&o) && o.worker)) {
				assert_true(o.worker);
				assert_int_equal(o.epoch, worker_epoch);
			}
		}
		seg_ownership_revoked(&o);
		if (o.state == SEG_OWN_CLAIMING)
			seg_ownership_claimed(&o);
		if (o.worker && o.demanded)
			seg_ownership_worker_stopped(&o);
		follow(&o, SEG_OWN_NONE);
		assert_int_equal(o.state, SEG_OWN_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_assigned_partition_is_claimed_before_a_worker_starts),
		cmocka_unit_test(a_claim_without_an_answer_is_sent_again),
		cmocka_unit_test(a_claim_that_is_too_old_is_given_back_for_a_newer_one),
		cmocka_unit_test(a_revoked_partition_is_drained_then_released_then_reported),
		cmocka_unit_test(a_lost_partition_is_abandoned_and_commits_nothing),
		cmocka_unit_test(a_drain_that_is_overtaken_by_a_loss_becomes_an_abandonment),
		cmocka_unit_test(a_new_epoch_waits_for_the_worker_of_the_old_one),
		cmocka_unit_test(an_epoch_that_was_taken_away_while_waiting_is_not_claimed),
		cmocka_unit_test(a_next_epoch_that_is_revoked_while_the_worker_stops_is_reported),
		cmocka_unit_test(a_next_epoch_that_is_revoked_and_lost_is_not_reported),
		cmocka_unit_test(the_same_epoch_again_changes_nothing),
		cmocka_unit_test(a_partition_revoked_before_its_claim_is_reported_at_once),
		cmocka_unit_test(a_partition_revoked_during_its_claim_is_released_without_a_worker),
		cmocka_unit_test(a_worker_that_stops_of_its_own_has_its_partition_released),
		cmocka_unit_test(whatever_happens_one_worker_runs_at_a_time_and_a_revoked_partition_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
