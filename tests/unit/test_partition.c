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

#include "group/member.h"

enum { BATCH = 4, BATCHES = 3, BYTES = 3000 };

static seg_client client;
static seg_stream stream;
static seg_member member;
static seg_partition p;
static const seg_resume resume = {.position = {10, 0}};

static int setup(void **state)
{
	(void)state;
	snprintf(client.name_space, sizeof(client.name_space), "ns");
	snprintf(stream.name, sizeof(stream.name), "orders");
	stream.client = &client;
	snprintf(member.group, sizeof(member.group), "billing");
	member.stream = &stream;
	member.lease_until = SEG_NEVER;
	member.options = (seg_member_options){.batch_size = BATCH,
					      .in_flight_batches = BATCHES,
					      .in_flight_bytes = BYTES};
	if (seg_waker_init(&member.waker) || seg_partition_init(&p, &member, 7))
		return -1;
	seg_partition_begin(&p, &resume, 100);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	seg_partition_end(&p);
	seg_partition_fini(&p);
	seg_waker_fini(&member.waker);
	return 0;
}

/* --- the three that meet at a partition: Redis, the worker, and who commits ------------------ */

/* An entry of that id arrives in the target, its data so long; -1: it was deleted. */
static void arrives(uint64_t ms, int length)
{
	static char data[2 * BYTES];
	char id[32];
	int n = snprintf(id, sizeof(id), "%llu-0", (unsigned long long)ms);
	assert_true(seg_buffer_entry(p.target, id, (size_t)n, length < 0 ? -1 : 4));
	if (length < 0)
		return;
	assert_true(seg_buffer_text(p.target, "partitionKey", 12));
	assert_true(seg_buffer_text(p.target, "", 0));
	assert_true(seg_buffer_text(p.target, "data", 4));
	assert_true(seg_buffer_text(p.target, data, (size_t)length));
}

/* Reads `count` messages of that size whose ids go on from `ms`, and hands them over. */
static void reads(uint64_t ms, int count, int length)
{
	assert_true(seg_partition_ready_target(&p));
	for (int i = 0; i < count; i++)
		arrives(ms + (uint64_t)i, length);
	assert_int_equal(seg_partition_deliver(&p), count);
}

/* The worker is through with so many messages of the ownership, and gives one buffer back. */
static void handles(uint64_t total, bool give_back)
{
	seg_handoff_handled(&p.handoff, total);
	if (give_back)
		seg_handoff_give_back(&p.handoff, seg_handoff_take(&p.handoff));
}

static void commits(void)
{
	p.committed = p.handled;
	atomic_store(&p.handoff.io.committed, p.handled_count);
}

/* --- positions --------------------------------------------------------------------------------- */

static void the_keys_beside_the_log_lie_in_its_slot(void **state)
{
	(void)state;
	assert_string_equal(p.log_key, "__ns:orders:partition_7");
	assert_int_equal(p.log_key_length, strlen(p.log_key));
	assert_string_equal(p.state_key, "{__ns:orders:partition_7}:billing:state");
	assert_string_equal(p.dead_key, "{__ns:orders:partition_7}:billing:dead");
}

static void a_new_ownership_begins_at_its_position_whatever_the_last_one_did(void **state)
{
	(void)state;
	reads(11, 3, 1);
	handles(2, false);
	seg_partition_collect(&p);
	commits();
	seg_partition_end(&p);
	seg_partition_begin(&p, &(seg_resume){.position = {5, 1}}, -1);
	assert_int_equal(p.fetched.ms, 5);
	assert_int_equal(p.handled.seq, 1);
	assert_false(seg_partition_collect(&p));
	assert_int_equal(seg_partition_uncommitted(&p), 0);
	reads(6, 1, 1);
	assert_int_equal(seg_handoff_take(&p.handoff)->sequence, 0);
}

static void batches_carry_partition_epoch_and_a_number_that_goes_on(void **state)
{
	(void)state;
	p.own.epoch = 77;
	reads(11, 3, 1);
	reads(14, 2, 1);
	const seg_buffer *first = seg_handoff_take(&p.handoff), *second = seg_handoff_take(&p.handoff);
	assert_int_equal(first->sequence, 0);
	assert_int_equal(second->sequence, 3);
	assert_int_equal(second->batch.partition, 7);
	assert_int_equal(second->batch.epoch, 77);
	assert_int_equal(p.fetched.ms, 15);
}

static void deleted_entries_are_passed_over_but_hand_nothing_on(void **state)
{
	(void)state;
	assert_true(seg_partition_ready_target(&p));
	seg_buffer *target = p.target;
	arrives(11, -1);
	arrives(12, -1);
	assert_int_equal(seg_partition_deliver(&p), 0);
	assert_int_equal(p.fetched.ms, 12);
	assert_ptr_equal(p.target, target);
	assert_null(seg_handoff_take(&p.handoff));
	/* Should Redis have lost its newest writes, ids may begin lower than what was seen. */
	reads(11, 1, 1);
	assert_int_equal(p.fetched.ms, 12);
}

static void the_position_is_the_last_handled_message_also_in_the_middle_of_a_batch(void **state)
{
	(void)state;
	reads(11, 4, 1);
	reads(21, 4, 1);
	assert_false(seg_partition_collect(&p));
	handles(2, false);
	assert_true(seg_partition_collect(&p));
	assert_int_equal(p.handled.ms, 12);
	handles(4, true);
	assert_true(seg_partition_collect(&p));
	assert_int_equal(p.handled.ms, 14);
	handles(7, false);
	assert_true(seg_partition_collect(&p));
	assert_int_equal(p.handled.ms, 23);
	assert_int_equal(p.handled_count, 7);
	assert_int_equal(p.committed.ms, 10);
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
	assert_true(seg_partition_collect(&p));
	assert_int_equal(p.handled.ms, 32);
	assert_int_equal(p.outstanding_count, 1);
	assert_int_equal(p.outstanding_bytes, 3);
}

static void what_is_committed_is_not_committed_again(void **state)
{
	(void)state;
	reads(11, 4, 1);
	handles(3, false);
	assert_true(seg_partition_collect(&p));
	assert_int_equal(seg_partition_uncommitted(&p), 3);
	commits();
	assert_int_equal(seg_partition_uncommitted(&p), 0);
	assert_false(seg_partition_collect(&p));
	handles(4, true);
	assert_true(seg_partition_collect(&p));
	assert_int_equal(seg_partition_uncommitted(&p), 1);
}

static void a_buffer_that_came_back_is_kept_until_its_last_message_counts(void **state)
{
	(void)state;
	reads(11, 4, 1);
	handles(3, true);
	seg_partition_collect(&p);
	assert_int_equal(p.outstanding_count, 1);
	assert_int_equal(p.handled.ms, 13);
	handles(4, false);
	seg_partition_collect(&p);
	assert_int_equal(p.outstanding_count, 0);
	assert_int_equal(p.handled.ms, 14);
}

static void entries_read_go_on_from_the_groups_count_or_stay_unknown(void **state)
{
	(void)state;
	assert_int_equal(seg_partition_entries_read(&p, 5), 105);
	seg_partition_begin(&p, &resume, -1);
	assert_int_equal(seg_partition_entries_read(&p, 5), -1);
	seg_partition_begin(&p, &resume, 0);
	assert_int_equal(seg_partition_entries_read(&p, 5), 5);
}

static void one_crash_is_no_suspicion_but_two_or_a_mark_are(void **state)
{
	(void)state;
	const seg_resume one = {.crashes = 1}, two = {.crashes = 2}, marked = {.attempts = 1};
	seg_partition_begin(&p, &one, -1);
	assert_false(seg_partition_is_suspicious(&p));
	seg_partition_begin(&p, &two, -1);
	assert_true(seg_partition_is_suspicious(&p));
	seg_partition_begin(&p, &marked, -1);
	assert_true(seg_partition_is_suspicious(&p));
}

/* --- how much is on its way -------------------------------------------------------------------- */

static void reading_stops_when_every_batch_is_on_its_way_and_goes_on_when_one_is_committed(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < BATCHES; i++)
		reads(11 + 10 * i, BATCH, 1);
	assert_false(seg_partition_ready_target(&p));
	assert_true(p.handoff.io.starved);
	handles(4, true);
	seg_partition_collect(&p);
	commits();
	assert_true(seg_partition_ready_target(&p));
	assert_false(p.handoff.io.starved);
}

static void what_is_handled_but_not_committed_keeps_its_place_in_the_window(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < BATCHES; i++) {
		reads(11 + 10 * i, BATCH, 1);
		handles(BATCH * (i + 1), true);
		seg_partition_collect(&p);
	}
	assert_int_equal(p.outstanding_count, 0);
	assert_false(seg_partition_ready_target(&p));
	commits();
	assert_true(seg_partition_ready_target(&p));
}

static void the_bound_on_bytes_stops_reading_but_never_the_only_message(void **state)
{
	(void)state;
	reads(11, 1, BYTES + 1);
	assert_false(seg_partition_ready_target(&p));
	handles(1, true);
	seg_partition_collect(&p);
	assert_int_equal(p.outstanding_bytes, 0);
	assert_true(seg_partition_ready_target(&p));
	assert_int_equal(seg_partition_read_count(&p), 1);
}

static void a_read_asks_for_what_fits_the_bound_on_bytes(void **state)
{
	(void)state;
	member.options.batch_size = 512;
	assert_int_equal(seg_partition_read_count(&p), 64);
	reads(11, 1, 99);
	assert_int_equal(seg_partition_read_count(&p), BYTES / BATCHES / 100);
	member.options.batch_size = 5;
	assert_int_equal(seg_partition_read_count(&p), 5);
}

static void large_messages_are_believed_at_once_and_small_ones_slowly(void **state)
{
	(void)state;
	member.options.batch_size = 64;
	reads(11, 1, 0);
	assert_int_equal(seg_partition_read_count(&p), 64);
	handles(1, true);
	seg_partition_collect(&p);
	reads(12, 1, 999);
	assert_int_equal(seg_partition_read_count(&p), 1);
	size_t rounds = 0, last = 1;
	for (uint64_t done = 2; seg_partition_read_count(&p) < 64; done++, rounds++) {
		handles(done, true);
		seg_partition_collect(&p);
		commits();
		reads(13 + rounds, 1, 0);
		assert_true(seg_partition_read_count(&p) >= last);
		last = seg_partition_read_count(&p);
		assert_true(rounds < 100);
	}
	assert_true(rounds > 10);
}

static void buffers_are_used_again_and_no_more_are_made_than_allowed(void **state)
{
	(void)state;
	seg_buffer *seen[BATCHES] = {NULL};
	uint64_t done = 0;
	for (uint64_t round = 0; round < 50; round++) {
		reads(11 + round * 2, 2, 1);
		seg_buffer *buffer = seg_handoff_take(&p.handoff);
		size_t i = 0;
		while (i < BATCHES && seen[i] && seen[i] != buffer)
			i++;
		assert_true(i < BATCHES);
		seen[i] = buffer;
		seg_handoff_handled(&p.handoff, done += 2);
		seg_handoff_give_back(&p.handoff, buffer);
		seg_partition_collect(&p);
		commits();
	}
	assert_true(p.buffer_count <= BATCHES);
}

/* --- the end ------------------------------------------------------------------------------------- */

static void at_the_end_every_buffer_is_back_wherever_it_was(void **state)
{
	(void)state;
	reads(11, 2, 1);
	reads(21, 2, 1);
	handles(2, true);
	seg_handoff_take(&p.handoff);
	assert_true(seg_partition_ready_target(&p));
	seg_partition_end(&p);
	assert_int_equal(p.outstanding_count, 0);
	assert_int_equal(p.outstanding_bytes, 0);
	assert_int_equal(p.spare_count, 0);
	assert_int_equal(p.buffer_count, 1); /* the target: a read may be under way */
	assert_non_null(p.target);
}

static void a_batch_that_a_caller_still_holds_at_the_end_is_left_to_it(void **state)
{
	(void)state;
	reads(11, 1, 1);
	seg_buffer *held = seg_handoff_take(&p.handoff);
	atomic_store(&held->holders, 2);
	seg_partition_end(&p);
	assert_int_equal(p.buffer_count, 0);
	assert_int_equal(held->batch.messages[0].id.ms, 11);
	seg_buffer_let_go(held);
}

/* --- all of it at random ------------------------------------------------------------------------- */

enum { STEPS = 60000 };
static uint64_t id_of_message[STEPS * BATCH];

/* The worker's side of the walk: batches it has not given back. */
static seg_buffer *in_hand;
static uint64_t done;

static void walk_read(uint64_t *next_id)
{
	if (!seg_partition_ready_target(&p))
		return;
	size_t asked = seg_partition_read_count(&p);
	size_t got = (size_t)rand() % (asked + 1);
	for (size_t i = 0; i < got; i++) {
		bool deleted = rand() % 10 == 0;
		if (!deleted)
			id_of_message[p.fetched_count + p.target->batch.count] = *next_id;
		arrives((*next_id)++, deleted ? -1 : rand() % 50 == 0 ? rand() % BYTES : rand() % 100);
	}
	seg_partition_deliver(&p);
}

static void walk_work(void)
{
	if (!in_hand && !(in_hand = seg_handoff_take(&p.handoff)))
		return;
	uint64_t end = in_hand->sequence + in_hand->batch.count;
	done += (uint64_t)rand() % (end - done + 1);
	seg_handoff_handled(&p.handoff, done);
	if (done < end)
		return;
	seg_handoff_give_back(&p.handoff, in_hand);
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
			seg_partition_collect(&p);
			assert_int_equal(p.handled_count, done);
			assert_int_equal(p.handled.ms, done ? id_of_message[done - 1] : 10);
			break;
		default:
			commits();
		}
		assert_true(p.fetched_count - atomic_load(&p.handoff.io.committed) <=
			    seg_partition_window(&p));
		assert_true(p.buffer_count <= BATCHES);
	}
	/* It got somewhere. */
	assert_true(done > STEPS / 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_keys_beside_the_log_lie_in_its_slot),
		TEST(a_new_ownership_begins_at_its_position_whatever_the_last_one_did),
		TEST(batches_carry_partition_epoch_and_a_number_that_goes_on),
		TEST(deleted_entries_are_passed_over_but_hand_nothing_on),
		TEST(the_position_is_the_last_handled_message_also_in_the_middle_of_a_batch),
		TEST(several_batches_handled_between_two_looks_are_counted_at_once),
		TEST(what_is_committed_is_not_committed_again),
		TEST(a_buffer_that_came_back_is_kept_until_its_last_message_counts),
		TEST(entries_read_go_on_from_the_groups_count_or_stay_unknown),
		TEST(one_crash_is_no_suspicion_but_two_or_a_mark_are),
		TEST(reading_stops_when_every_batch_is_on_its_way_and_goes_on_when_one_is_committed),
		TEST(what_is_handled_but_not_committed_keeps_its_place_in_the_window),
		TEST(the_bound_on_bytes_stops_reading_but_never_the_only_message),
		TEST(a_read_asks_for_what_fits_the_bound_on_bytes),
		TEST(large_messages_are_believed_at_once_and_small_ones_slowly),
		TEST(buffers_are_used_again_and_no_more_are_made_than_allowed),
		TEST(at_the_end_every_buffer_is_back_wherever_it_was),
		TEST(a_batch_that_a_caller_still_holds_at_the_end_is_left_to_it),
		TEST(whatever_happens_the_window_holds_and_the_position_is_that_of_the_last_handled_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
