/*
 * The books of a partition: what was fetched, handled and committed, and how much may be on its way at
 * once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "partition/ledger.h"

enum { BATCH = 4, BATCHES = 3, BYTES = 3000 };

static seg_waker waker;
static atomic_llong lease;
static seg_handoff handoff;
static seg_ledger_limits limits;
static seg_ledger ledger;
static uint64_t epoch;

/* A new ownership. */
static void begin(seg_id position, int64_t entries_read)
{
	seg_handoff_init(&handoff, &waker, &lease, NULL);
	seg_ledger_begin(&ledger, position, entries_read);
}

static int setup(void **state)
{
	(void)state;
	limits = (seg_ledger_limits){.batch_size = BATCH,
				     .in_flight_batches = BATCHES,
				     .in_flight_bytes = BYTES};
	lease = SEG_NEVER;
	if (seg_waker_init(&waker))
		return -1;
	seg_ledger_init(&ledger, &limits, &handoff);
	begin((seg_id){10, 0}, 100);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	seg_ledger_end(&ledger);
	seg_ledger_fini(&ledger);
	seg_waker_fini(&waker);
	return 0;
}

/* --- the three that meet at a partition: Redis, the worker, and who commits ------------------ */

static bool read_begins(void)
{
	if (!seg_ledger_ready_target(&ledger))
		return false;
	seg_ledger_read_begun(&ledger, seg_ledger_read_count(&ledger));
	return true;
}

/* An entry of that id arrives in the target, its data so long; -1: it was deleted. */
static void arrives(uint64_t ms, int length)
{
	static char data[2 * BYTES];
	char id[32];
	int n = snprintf(id, sizeof(id), "%llu-0", (unsigned long long)ms);
	assert_true(seg_parser_entry(&ledger.parser, id, (size_t)n, length < 0 ? -1 : 4));
	if (length < 0)
		return;
	assert_true(seg_parser_text(&ledger.parser, "partitionKey", 12));
	assert_true(seg_parser_text(&ledger.parser, "", 0));
	assert_true(seg_parser_text(&ledger.parser, "data", 4));
	assert_true(seg_parser_text(&ledger.parser, data, (size_t)length));
}

/* Reads `count` messages of that size whose ids go on from `ms`, and hands them over. */
static void reads(uint64_t ms, int count, int length)
{
	assert_true(read_begins());
	for (int i = 0; i < count; i++)
		arrives(ms + (uint64_t)i, length);
	assert_int_equal(seg_ledger_deliver(&ledger, 7, epoch).messages, count);
}

/* The worker is through with so many messages of the ownership, and gives one batch back. */
static void handles(uint64_t total, bool give_back)
{
	seg_handoff_handled(&handoff, total);
	if (give_back)
		seg_handoff_give_back(&handoff, seg_handoff_take(&handoff));
}

static void commits(void)
{
	seg_ledger_committed(&ledger, ledger.handled, ledger.handled_count);
}

/* --- positions --------------------------------------------------------------------------------- */

static void a_new_ownership_begins_at_its_position_whatever_the_last_one_did(void **state)
{
	(void)state;
	reads(11, 3, 1);
	handles(2, false);
	seg_ledger_collect(&ledger);
	commits();
	seg_ledger_end(&ledger);
	begin((seg_id){5, 1}, -1);
	assert_int_equal(ledger.fetched.ms, 5);
	assert_int_equal(ledger.handled.seq, 1);
	assert_false(seg_ledger_collect(&ledger));
	assert_int_equal(seg_ledger_uncommitted(&ledger), 0);
	reads(6, 1, 1);
	assert_int_equal(seg_handoff_take(&handoff)->sequence, 0);
}

static void batches_carry_partition_epoch_and_a_number_that_goes_on(void **state)
{
	(void)state;
	epoch = 77;
	reads(11, 3, 1);
	reads(14, 2, 1);
	const seg_fetched *first = seg_handoff_take(&handoff), *second = seg_handoff_take(&handoff);
	assert_int_equal(first->sequence, 0);
	assert_int_equal(second->sequence, 3);
	assert_int_equal(second->batch.partition, 7);
	assert_int_equal(second->batch.epoch, 77);
	assert_int_equal(ledger.fetched.ms, 15);
}

static void deleted_entries_are_passed_over_but_hand_nothing_on(void **state)
{
	(void)state;
	assert_true(read_begins());
	seg_fetched *target = ledger.target;
	arrives(11, -1);
	arrives(12, -1);
	assert_int_equal(seg_ledger_deliver(&ledger, 7, epoch).messages, 0);
	assert_int_equal(ledger.fetched.ms, 12);
	assert_ptr_equal(ledger.target, target);
	assert_null(seg_handoff_take(&handoff));
	/* Should Redis have lost its newest writes, ids may begin lower than what was seen. */
	reads(11, 1, 1);
	assert_int_equal(ledger.fetched.ms, 12);
}

static void the_position_is_the_last_handled_message_also_in_the_middle_of_a_batch(void **state)
{
	(void)state;
	reads(11, 4, 1);
	reads(21, 4, 1);
	assert_false(seg_ledger_collect(&ledger));
	handles(2, false);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.handled.ms, 12);
	handles(4, true);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.handled.ms, 14);
	handles(7, false);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.handled.ms, 23);
	assert_int_equal(ledger.handled_count, 7);
	assert_int_equal(ledger.committed.ms, 10);
}

static void several_batches_handled_between_two_looks_are_counted_at_once(void **state)
{
	(void)state;
	reads(11, 4, 1);
	reads(21, 2, 1);
	reads(31, 3, 1);
	handles(4, true);
	handles(6, true);
	handles(8, false);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.handled.ms, 32);
	assert_int_equal(ledger.outstanding_count, 1);
	assert_int_equal(ledger.outstanding_bytes, 3);
}

static void what_is_committed_is_not_committed_again(void **state)
{
	(void)state;
	reads(11, 4, 1);
	handles(3, false);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(seg_ledger_uncommitted(&ledger), 3);
	commits();
	assert_int_equal(seg_ledger_uncommitted(&ledger), 0);
	assert_false(seg_ledger_collect(&ledger));
	handles(4, true);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(seg_ledger_uncommitted(&ledger), 1);
}

static void a_batch_that_came_back_is_kept_until_its_last_message_counts(void **state)
{
	(void)state;
	reads(11, 4, 1);
	handles(3, true);
	seg_ledger_collect(&ledger);
	assert_int_equal(ledger.outstanding_count, 1);
	assert_int_equal(ledger.handled.ms, 13);
	handles(4, false);
	seg_ledger_collect(&ledger);
	assert_int_equal(ledger.outstanding_count, 0);
	assert_int_equal(ledger.handled.ms, 14);
}

static void entries_read_go_on_from_the_groups_count_or_stay_unknown(void **state)
{
	(void)state;
	assert_int_equal(seg_ledger_entries_read(&ledger, (seg_id){20, 0}, 5), 105);
	begin((seg_id){10, 0}, -1);
	assert_int_equal(seg_ledger_entries_read(&ledger, (seg_id){20, 0}, 5), -1);
	begin((seg_id){10, 0}, 0);
	assert_int_equal(seg_ledger_entries_read(&ledger, (seg_id){20, 0}, 5), 5);
}

static void removed_messages_count_as_read_once_the_position_is_past_them(void **state)
{
	(void)state;
	assert_int_equal(seg_ledger_look(&ledger), 0);
	seg_ledger_removed(&ledger, (seg_id){14, 0}, 3);
	assert_int_equal(seg_ledger_entries_read(&ledger, (seg_id){13, 9}, 5), 105);
	assert_int_equal(seg_ledger_entries_read(&ledger, (seg_id){14, 0}, 5), 108);
	/* Nothing up to there is handled yet when Redis is asked again. */
	assert_int_equal(seg_ledger_look(&ledger), 0);
	assert_int_equal(seg_ledger_entries_read(&ledger, (seg_id){14, 0}, 5), 105);
	seg_ledger_removed(&ledger, (seg_id){15, 0}, 4);
	ledger.handled = (seg_id){15, 0};
	assert_int_equal(seg_ledger_look(&ledger), 4);
	assert_int_equal(seg_ledger_entries_read(&ledger, (seg_id){15, 0}, 5), 109);
}

/* --- how much is on its way -------------------------------------------------------------------- */

static void reading_stops_when_every_batch_is_on_its_way_and_goes_on_when_one_is_committed(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < BATCHES; i++)
		reads(11 + 10 * i, BATCH, 1);
	assert_false(seg_ledger_ready_target(&ledger));
	assert_true(handoff.io.starved);
	handles(4, true);
	seg_ledger_collect(&ledger);
	commits();
	assert_true(seg_ledger_ready_target(&ledger));
	assert_false(handoff.io.starved);
}

static void what_is_handled_but_not_committed_keeps_its_place_in_the_window(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < BATCHES; i++) {
		reads(11 + 10 * i, BATCH, 1);
		handles(BATCH * (i + 1), true);
		seg_ledger_collect(&ledger);
	}
	assert_int_equal(ledger.outstanding_count, 0);
	assert_false(seg_ledger_ready_target(&ledger));
	commits();
	assert_true(seg_ledger_ready_target(&ledger));
}

static void the_bound_on_bytes_stops_reading_but_never_the_only_message(void **state)
{
	(void)state;
	reads(11, 1, BYTES + 1);
	assert_false(seg_ledger_ready_target(&ledger));
	handles(1, true);
	seg_ledger_collect(&ledger);
	assert_int_equal(ledger.outstanding_bytes, 0);
	assert_true(seg_ledger_ready_target(&ledger));
	assert_int_equal(seg_ledger_read_count(&ledger), 1);
}

static void a_read_asks_for_what_fits_the_bound_on_bytes(void **state)
{
	(void)state;
	limits.batch_size = 512;
	begin((seg_id){10, 0}, 100);
	assert_int_equal(seg_ledger_read_count(&ledger), 64);
	reads(11, 1, 99);
	assert_int_equal(seg_ledger_read_count(&ledger), BYTES / BATCHES / 100);
	limits.batch_size = 5;
	begin((seg_id){10, 0}, 100);
	assert_int_equal(seg_ledger_read_count(&ledger), 5);
}

static void the_first_read_asks_for_what_fits_if_the_size_is_known(void **state)
{
	(void)state;
	limits.batch_size = 512;
	begin((seg_id){10, 0}, 100);
	seg_ledger_expect(&ledger, 0, 0);
	assert_int_equal(seg_ledger_read_count(&ledger), 64);
	seg_ledger_expect(&ledger, 10, 0);
	assert_int_equal(seg_ledger_read_count(&ledger), BYTES / BATCHES / 10);
	seg_ledger_expect(&ledger, BYTES, 0);
	assert_int_equal(seg_ledger_read_count(&ledger), 1);
	/* What was read before may come again. */
	begin((seg_id){20, 0}, 200);
	seg_ledger_expect(&ledger, 10, 0);
	assert_int_equal(seg_ledger_read_count(&ledger), 1);
}

static void large_messages_are_believed_at_once_and_small_ones_slowly(void **state)
{
	(void)state;
	limits.batch_size = 64;
	begin((seg_id){10, 0}, 100);
	reads(11, 1, 0);
	assert_int_equal(seg_ledger_read_count(&ledger), 64);
	handles(1, true);
	seg_ledger_collect(&ledger);
	reads(12, 1, 999);
	assert_int_equal(seg_ledger_read_count(&ledger), 1);
	size_t rounds = 0, last = 1;
	for (uint64_t done = 2; seg_ledger_read_count(&ledger) < 64; done++, rounds++) {
		handles(done, true);
		seg_ledger_collect(&ledger);
		commits();
		reads(13 + rounds, 1, 0);
		assert_true(seg_ledger_read_count(&ledger) >= last);
		last = seg_ledger_read_count(&ledger);
		assert_true(rounds < 100);
	}
	assert_true(rounds > 10);
}

static void batches_are_used_again_and_no_more_are_made_than_allowed(void **state)
{
	(void)state;
	seg_fetched *seen[BATCHES] = {NULL};
	uint64_t done = 0;
	for (uint64_t round = 0; round < 50; round++) {
		reads(11 + round * 2, 2, 1);
		seg_fetched *fetched = seg_handoff_take(&handoff);
		size_t i = 0;
		while (i < BATCHES && seen[i] && seen[i] != fetched)
			i++;
		assert_true(i < BATCHES);
		seen[i] = fetched;
		seg_handoff_handled(&handoff, done += 2);
		seg_handoff_give_back(&handoff, fetched);
		seg_ledger_collect(&ledger);
		commits();
	}
	assert_true(ledger.batch_count <= BATCHES);
}

/* --- over a distance ----------------------------------------------------------------------------- */

#define RTT (50 * SEG_MS)

/* A full read ends after `took`, for which the worker had waited. */
static void a_far_read(int64_t took)
{
	seg_ledger_adapt(&ledger, RTT, took, 0);
}

static void reads_grow_while_the_worker_waits_for_round_trips(void **state)
{
	(void)state;
	limits.in_flight_batches = 0;
	limits.in_flight_bytes = 4 << 20;
	reads(11, 1, 0);
	a_far_read(RTT);
	assert_int_equal(ledger.read_size, 4 * BATCH);
	/* One message is in flight, and the window is four reads. */
	assert_int_equal(seg_ledger_read_count(&ledger), 4 * BATCH);
	a_far_read(2 * RTT);
	assert_int_equal(ledger.read_size, 8 * BATCH);
	a_far_read(4 * RTT);
	assert_int_equal(ledger.read_size, 8 * BATCH);
	for (int i = 0; i < 20; i++)
		a_far_read(RTT);
	assert_int_equal(ledger.read_size, SEG_LEDGER_READ_MAX);
	assert_int_equal(seg_ledger_window(&ledger), 4 * SEG_LEDGER_READ_MAX);
}

static void reads_shrink_when_replies_queue_or_the_worker_is_busy_or_redis_is_near(void **state)
{
	(void)state;
	limits.in_flight_batches = 0;
	a_far_read(RTT);
	a_far_read(RTT);
	assert_int_equal(ledger.read_size, 16 * BATCH);
	a_far_read(9 * RTT);
	assert_int_equal(ledger.read_size, 8 * BATCH);
	seg_ledger_adapt(&ledger, RTT, RTT, 8 * BATCH);
	assert_int_equal(ledger.read_size, 4 * BATCH);
	seg_ledger_adapt(&ledger, RTT, RTT, 1);
	assert_int_equal(ledger.read_size, 4 * BATCH);
	seg_ledger_adapt(&ledger, SEG_MS / 2, SEG_MS, 0);
	assert_int_equal(ledger.read_size, BATCH);
	begin((seg_id){10, 0}, 100);
	assert_int_equal(ledger.read_size, BATCH);
}

static void the_first_read_may_be_large_if_the_size_is_known(void **state)
{
	(void)state;
	limits.in_flight_batches = 0;
	limits.in_flight_bytes = 64 << 20;
	begin((seg_id){10, 0}, 100);
	seg_ledger_expect(&ledger, 100, 5 * BATCH * 100);
	assert_int_equal(seg_ledger_read_count(&ledger), 5 * BATCH);
	/* Of large messages it asks for no more than a batch, and of small ones for no more than any read. */
	seg_ledger_expect(&ledger, 1000, BATCH * 1000 / 2);
	assert_int_equal(seg_ledger_read_count(&ledger), BATCH);
	seg_ledger_expect(&ledger, 1000, UINT64_MAX);
	assert_int_equal(seg_ledger_read_count(&ledger), SEG_LEDGER_READ_MAX);
	/* What may be in flight bounds it, too. */
	limits.in_flight_bytes = 2 * 3 * BATCH * 1000;
	assert_int_equal(seg_ledger_read_count(&ledger), 3 * BATCH);
}

static void without_a_size_the_first_read_is_small_whatever_it_may_bring(void **state)
{
	(void)state;
	limits.in_flight_batches = 0;
	limits.batch_size = 512;
	begin((seg_id){10, 0}, 100);
	seg_ledger_expect(&ledger, 0, UINT64_MAX);
	assert_int_equal(seg_ledger_read_count(&ledger), 64);
	assert_int_equal(ledger.read_size, 512);
}

static void a_number_of_batches_in_flight_is_kept_over_a_distance_too(void **state)
{
	(void)state;
	limits.in_flight_batches = 6;
	for (int i = 0; i < 5; i++)
		a_far_read(RTT);
	assert_int_equal(ledger.read_size, 3 * BATCH);
	assert_int_equal(seg_ledger_window(&ledger), 6 * BATCH);
	begin((seg_id){10, 0}, 100);
	seg_ledger_expect(&ledger, 1, UINT64_MAX);
	assert_int_equal(ledger.read_size, 3 * BATCH);
}

static void after_a_lost_read_the_next_is_small_and_each_that_comes_lets_the_next_double(void **state)
{
	(void)state;
	uint64_t id = 11;
	limits = (seg_ledger_limits){.batch_size = 64, .in_flight_bytes = 1 << 20};
	seg_ledger_fini(&ledger);
	seg_ledger_init(&ledger, &limits, &handoff);
	begin((seg_id){10, 0}, 100);
	static const size_t lost[] = {64, 8, 1, 1};
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		assert_true(seg_ledger_ready_target(&ledger));
		assert_int_equal(seg_ledger_read_count(&ledger), lost[i]);
		assert_true(read_begins());
		arrives(id, 10);
		seg_ledger_read_lost(&ledger);
	}
	static const size_t comes[] = {1, 2, 4, 8, 16, 32, 64, 64};
	for (size_t i = 0; i < sizeof(comes) / sizeof(comes[0]); i++) {
		assert_true(seg_ledger_ready_target(&ledger));
		assert_int_equal(seg_ledger_read_count(&ledger), comes[i]);
		assert_true(read_begins());
		arrives(id, 10);
		assert_int_equal(seg_ledger_deliver(&ledger, 0, 1).messages, 1);
		id++;
		handles(i + 1, true);
		seg_ledger_collect(&ledger);
		commits();
	}
}

static void a_large_read_has_half_of_the_bytes_in_flight(void **state)
{
	(void)state;
	limits.in_flight_batches = 0;
	limits.in_flight_bytes = 1000;
	reads(11, 1, 99);
	for (int i = 0; i < 5; i++)
		a_far_read(RTT);
	assert_int_equal(seg_ledger_read_count(&ledger), 5);
	handles(1, true);
	seg_ledger_collect(&ledger);
	reads(21, 5, 99);
	assert_true(seg_ledger_ready_target(&ledger));
	reads(31, 2, 99);
	assert_false(seg_ledger_ready_target(&ledger));
}

static void a_reply_that_is_larger_than_the_limit_is_cut_and_read_on_from_there(void **state)
{
	(void)state;
	assert_true(read_begins());
	for (uint64_t i = 0; i < BATCH; i++)
		arrives(11 + i, BYTES / 2);
	seg_read_result result = seg_ledger_deliver(&ledger, 7, epoch);
	assert_int_equal(result.messages, 2);
	assert_true(ledger.filled);
	assert_int_equal(ledger.fetched.ms, 12);
}

static void after_messages_that_become_large_within_a_read_the_next_asks_for_few(void **state)
{
	(void)state;
	limits.batch_size = 64;
	begin((seg_id){10, 0}, 100);
	reads(11, 1, 0);
	handles(1, true);
	seg_ledger_collect(&ledger);
	commits();
	assert_true(read_begins());
	for (uint64_t i = 0; i < 60; i++)
		arrives(12 + i, 0);
	for (uint64_t i = 0; i < 4; i++)
		arrives(72 + i, BYTES / 2);
	assert_int_equal(seg_ledger_deliver(&ledger, 7, epoch).messages, 62);
	handles(63, true);
	seg_ledger_collect(&ledger);
	commits();
	assert_int_equal(seg_ledger_read_count(&ledger), 1);
}

/* --- the end ------------------------------------------------------------------------------------- */

static void at_the_end_every_batch_is_back_wherever_it_was(void **state)
{
	(void)state;
	reads(11, 2, 1);
	reads(21, 2, 1);
	handles(2, true);
	seg_handoff_take(&handoff);
	assert_true(seg_ledger_ready_target(&ledger));
	seg_ledger_end(&ledger);
	assert_int_equal(ledger.outstanding_count, 0);
	assert_int_equal(ledger.outstanding_bytes, 0);
	assert_int_equal(ledger.spare_count, 0);
	assert_int_equal(ledger.batch_count, 1); /* the target: a read may be under way */
	assert_non_null(ledger.target);
}

static void a_batch_that_a_caller_still_holds_at_the_end_is_left_to_it(void **state)
{
	(void)state;
	reads(11, 1, 1);
	seg_fetched *held = seg_handoff_take(&handoff);
	seg_fetched_retain(held);
	seg_ledger_end(&ledger);
	assert_int_equal(ledger.batch_count, 0);
	assert_int_equal(held->batch.messages[0].id.ms, 11);
	seg_fetched_release(held);
}

/* --- all of it at random ------------------------------------------------------------------------- */

enum { STEPS = 60000 };
static uint64_t id_of_message[STEPS * BATCH];

/* The worker's side of the walk: batches it has not given back. */
static seg_fetched *in_hand;
static uint64_t done;

static void walk_read(uint64_t *next_id)
{
	if (!read_begins())
		return;
	size_t asked = seg_ledger_read_count(&ledger);
	size_t got = (size_t)rand() % (asked + 1);
	for (size_t i = 0; i < got; i++) {
		bool deleted = rand() % 10 == 0;
		if (!deleted)
			id_of_message[ledger.fetched_count + ledger.target->batch.count] = *next_id;
		arrives((*next_id)++, deleted ? -1 : rand() % 50 == 0 ? rand() % BYTES : rand() % 100);
	}
	seg_ledger_deliver(&ledger, 7, epoch);
}

static void walk_work(void)
{
	if (!in_hand && !(in_hand = seg_handoff_take(&handoff)))
		return;
	uint64_t end = in_hand->sequence + in_hand->batch.count;
	done += (uint64_t)rand() % (end - done + 1);
	seg_handoff_handled(&handoff, done);
	if (done < end)
		return;
	seg_handoff_give_back(&handoff, in_hand);
	in_hand = NULL;
}

static void whatever_happens_the_window_holds_and_the_position_is_that_of_the_last_handled_message(
	void **state)
{
	(void)state;
	uint64_t next_id = 11;
	srand(1);
	for (int step = 0; step < STEPS; step++) {
		switch (rand() % 4) {
		case 0:
			walk_read(&next_id);
			break;
		case 1:
			walk_work();
			break;
		case 2:
			seg_ledger_collect(&ledger);
			assert_int_equal(ledger.handled_count, done);
			assert_int_equal(ledger.handled.ms, done ? id_of_message[done - 1] : 10);
			break;
		default:
			commits();
		}
		assert_true(ledger.fetched_count - atomic_load(&handoff.io.committed) <=
			    seg_ledger_window(&ledger));
		assert_true(ledger.batch_count <= BATCHES);
	}
	/* It got somewhere. */
	assert_true(done > STEPS / 10);
}

/* --- completions --------------------------------------------------------------------------------- */

/* The messages [begin, end) are done, with so many changes of `bytes` each; `unadded` outputs are missing. */
static seg_completion *completes(uint64_t begin, uint64_t end, size_t changes, size_t bytes, size_t unadded)
{
	seg_completion *c = seg_completion_create();
	assert_non_null(c);
	c->begin = begin;
	c->end = end;
	for (size_t i = 0; i < changes; i++) {
		seg_change *change = seg_completion_add_change(c);
		assert_non_null(change);
		change->value = seg_completion_alloc(c, bytes);
		change->value_length = bytes;
	}
	for (size_t i = 0; i < unadded; i++)
		assert_non_null(seg_completion_add_emission(c));
	seg_handoff_complete(&handoff, c);
	return c;
}

static void the_position_waits_for_outputs_and_changes_wait_with_it(void **state)
{
	(void)state;
	reads(11, 4, 1);
	seg_completion *first = completes(0, 2, 1, 1, 1);
	completes(2, 3, 1, 1, 0);
	handles(4, false);
	assert_false(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.handled.ms, 10);
	assert_int_equal(ledger.changed.count, 0);
	assert_ptr_equal(seg_ledger_take_outputs(&ledger), first);
	assert_null(seg_ledger_take_outputs(&ledger));
	first->unadded = 0;
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.handled.ms, 14);
	assert_int_equal(ledger.changed.count, 2);
	assert_false(seg_ledger_is_settled(&ledger));
	seg_ledger_changes_committed(&ledger, 2);
	assert_true(seg_ledger_is_settled(&ledger));
}

static void no_change_counts_before_the_worker_has_counted_its_message(void **state)
{
	(void)state;
	reads(11, 3, 1);
	completes(1, 2, 1, 1, 0);
	handles(1, false);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.handled.ms, 11);
	assert_int_equal(ledger.changed.count, 0);
	handles(2, false);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.handled.ms, 12);
	assert_int_equal(ledger.changed.count, 1);
}

static void the_changes_of_a_commit_are_bounded_and_the_position_ends_before_the_rest(void **state)
{
	(void)state;
	enum { HALF = 2 << 20 };
	reads(11, 4, 1);
	for (uint64_t i = 0; i < 4; i++)
		completes(i, i + 1, 1, HALF, 0);
	handles(4, false);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.changed.count, 2);
	assert_int_equal(ledger.handled.ms, 12);
	assert_true(seg_ledger_is_full_of_changes(&ledger));
	commits();
	seg_ledger_changes_committed(&ledger, 2);
	assert_false(seg_ledger_is_full_of_changes(&ledger));
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.handled.ms, 14);
}

static void a_drain_takes_all_changes_at_once(void **state)
{
	(void)state;
	enum { HALF = 2 << 20 };
	reads(11, 4, 1);
	for (uint64_t i = 0; i < 4; i++)
		completes(i, i + 1, 1, HALF, 0);
	handles(4, false);
	seg_ledger_drain(&ledger);
	assert_true(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.changed.count, 4);
	assert_int_equal(ledger.handled.ms, 14);
}

static void the_next_ownership_has_no_changes_of_the_last_one(void **state)
{
	(void)state;
	reads(11, 3, 1);
	completes(0, 1, 1, 1, 0);
	completes(1, 2, 1, 1, 1);
	handles(2, false);
	assert_true(seg_ledger_collect(&ledger));
	seg_ledger_end(&ledger);
	begin((seg_id){11, 0}, -1);
	assert_false(seg_ledger_collect(&ledger));
	assert_int_equal(ledger.changed.count, 0);
	assert_int_equal(ledger.completions.count, 0);
	assert_null(seg_ledger_take_outputs(&ledger));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_ownership_begins_at_its_position_whatever_the_last_one_did),
		TEST(batches_carry_partition_epoch_and_a_number_that_goes_on),
		TEST(deleted_entries_are_passed_over_but_hand_nothing_on),
		TEST(the_position_is_the_last_handled_message_also_in_the_middle_of_a_batch),
		TEST(several_batches_handled_between_two_looks_are_counted_at_once),
		TEST(what_is_committed_is_not_committed_again),
		TEST(a_batch_that_came_back_is_kept_until_its_last_message_counts),
		TEST(entries_read_go_on_from_the_groups_count_or_stay_unknown),
		TEST(removed_messages_count_as_read_once_the_position_is_past_them),
		TEST(reading_stops_when_every_batch_is_on_its_way_and_goes_on_when_one_is_committed),
		TEST(what_is_handled_but_not_committed_keeps_its_place_in_the_window),
		TEST(the_bound_on_bytes_stops_reading_but_never_the_only_message),
		TEST(a_read_asks_for_what_fits_the_bound_on_bytes),
		TEST(the_first_read_asks_for_what_fits_if_the_size_is_known),
		TEST(large_messages_are_believed_at_once_and_small_ones_slowly),
		TEST(batches_are_used_again_and_no_more_are_made_than_allowed),
		TEST(reads_grow_while_the_worker_waits_for_round_trips),
		TEST(reads_shrink_when_replies_queue_or_the_worker_is_busy_or_redis_is_near),
		TEST(the_first_read_may_be_large_if_the_size_is_known),
		TEST(without_a_size_the_first_read_is_small_whatever_it_may_bring),
		TEST(a_number_of_batches_in_flight_is_kept_over_a_distance_too),
		TEST(after_a_lost_read_the_next_is_small_and_each_that_comes_lets_the_next_double),
		TEST(a_large_read_has_half_of_the_bytes_in_flight),
		TEST(a_reply_that_is_larger_than_the_limit_is_cut_and_read_on_from_there),
		TEST(after_messages_that_become_large_within_a_read_the_next_asks_for_few),
		TEST(at_the_end_every_batch_is_back_wherever_it_was),
		TEST(a_batch_that_a_caller_still_holds_at_the_end_is_left_to_it),
		TEST(the_position_waits_for_outputs_and_changes_wait_with_it),
		TEST(no_change_counts_before_the_worker_has_counted_its_message),
		TEST(the_changes_of_a_commit_are_bounded_and_the_position_ends_before_the_rest),
		TEST(a_drain_takes_all_changes_at_once),
		TEST(the_next_ownership_has_no_changes_of_the_last_one),
		TEST(whatever_happens_the_window_holds_and_the_position_is_that_of_the_last_handled_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
