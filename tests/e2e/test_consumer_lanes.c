/*
 * test_consumer_lanes.c - a pull consumer with `parallel` above 1: several batches of one partition at once, no two with messages of the
 * same slot; each is committed and released in any order, and what is done beyond the position is not delivered to the next owner.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "base/clock.h"
#include "harness/consumer.h"
#include "partition/completion.h"
#include "partition/key_slot.h"

enum { PATIENCE_MS = 20000, KEYS = 60, THREADS = 4, NUMBERS = 40 };

static int set_up(void **state)
{
	(void)state;
	test_consumed_start(1, NULL);
	return 0;
}

static void send(int key, int number)
{
	char key_text[16], data[16];
	seg_error error;
	snprintf(key_text, sizeof(key_text), "k%d", key);
	snprintf(data, sizeof(data), "%d", number);
	const seg_record record = {.key = key_text,
				   .key_length = strlen(key_text),
				   .data = data,
				   .data_length = strlen(data)};
	if (seg_stream_send(rig.stream, &record, NULL, &error))
		fail_msg("%s", error.text);
}

/* Messages 0, 1, ... of each of so many keys, in turn. */
static void send_all(int keys, int numbers)
{
	char key[KEYS][16], data[16];
	seg_record records[KEYS];
	seg_send_result results[KEYS];
	seg_error error;
	for (int number = 0; number < numbers; number++) {
		snprintf(data, sizeof(data), "%d", number);
		for (int k = 0; k < keys; k++) {
			snprintf(key[k], sizeof(key[k]), "k%d", k);
			records[k] = (seg_record){.key = key[k],
						  .key_length = strlen(key[k]),
						  .data = data,
						  .data_length = strlen(data)};
		}
		if (seg_stream_send_batch(rig.stream, records, (size_t)keys, results, &error))
			fail_msg("%s", error.text);
	}
}

static seg_consumer *join(uint32_t parallel, uint32_t batch_size, uint32_t max_processing_ms)
{
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.parallel = parallel;
	options.batch_size = batch_size;
	options.max_processing_ms = max_processing_ms;
	return test_consumer_open(rig.client, "s", &options);
}

static int number_in(const void *text, size_t length)
{
	char copy[16] = "";
	memcpy(copy, text, length < 15 ? length : 15);
	return (int)strtol(copy, NULL, 10);
}

static int key_of(const seg_message *m)
{
	return number_in((const char *)m->key + 1, m->key_length - 1);
}

static char *state_field(const char *field)
{
	static char text[512];
	redisReply *reply =
		test_server_command(rig.redis, "HGET {__default:s:partition_0}:g:state %s", field);
	snprintf(text, sizeof(text), "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");
	freeReplyObject(reply);
	return text;
}

/* --- many callers ---------------------------------------------------------------------------------- */

static atomic_int busy[SEG_SLOTS]; /* callers that hold messages of the slot */
static atomic_int next[KEYS];      /* the number that the key gets next */
static atomic_int met, disordered, refused, left;

static void enter(const seg_batch *batch, int by)
{
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *m = &batch->messages[i];
		int before = atomic_fetch_add(&busy[seg_key_slot(m->key, m->key_length)], by);
		if (by > 0 && before > 0 && i == 0)
			atomic_fetch_add(&met, 1);
	}
}

/* Whether another batch has messages of the slots of this one: each slot counts only this one's. And the ids rise. */
static void look_for_others(const seg_batch *batch)
{
	int own[SEG_SLOTS] = {0};
	for (size_t i = 0; i < batch->count; i++)
		own[seg_key_slot(batch->messages[i].key, batch->messages[i].key_length)]++;
	for (size_t i = 0; i < batch->count; i++) {
		uint16_t slot = seg_key_slot(batch->messages[i].key, batch->messages[i].key_length);
		if (atomic_load(&busy[slot]) != own[slot])
			atomic_fetch_add(&met, 1);
		if (i > 0 && seg_id_compare(batch->messages[i - 1].id, batch->messages[i].id) >= 0)
			atomic_fetch_add(&disordered, 1);
	}
}

/* Commits a part of the batch, of which each key must get its next number; now and then a dead letter. */
static void handle_part(seg_consumer *consumer, const seg_batch *batch, unsigned *seed)
{
	size_t count = rand_r(seed) % 4 ? batch->count : (size_t)rand_r(seed) % (batch->count + 1);
	for (size_t i = 0; i < count; i++) {
		int expected = atomic_fetch_add(&next[key_of(&batch->messages[i])], 1);
		if (number_in(batch->messages[i].data, batch->messages[i].data_length) != expected)
			atomic_fetch_add(&disordered, 1);
	}
	seg_error error;
	int status = 0;
	if (count > 0 && rand_r(seed) % 16 == 0)
		status = seg_consumer_dead_letter(consumer, batch, count - 1, "by chance", &error);
	else
		status = seg_consumer_commit(consumer, batch, count, &error);
	if (status)
		atomic_fetch_add(&refused, 1);
	atomic_fetch_sub(&left, (int)count);
}

static void *caller(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)&arg;
	for (int64_t until = seg_now() + PATIENCE_MS * SEG_MS; atomic_load(&left) > 0 && seg_now() < until;) {
		const seg_batch *batch;
		if (seg_consumer_poll(arg, 50, &batch, NULL) != 1)
			continue;
		enter(batch, 1);
		look_for_others(batch);
		handle_part(arg, batch, &seed);
		enter(batch, -1);
		seg_consumer_release(arg, batch);
	}
	return NULL;
}

static void callers_at_once_never_share_a_slot_and_keep_the_order_of_each_key(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	for (int k = 0; k < KEYS; k++)
		atomic_store(&next[k], 0);
	atomic_store(&left, KEYS * NUMBERS);
	send_all(KEYS, NUMBERS);
	seg_consumer *consumer = join(THREADS, 64, 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, caller, consumer), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&left), 0);
	assert_int_equal(atomic_load(&met), 0);
	assert_int_equal(atomic_load(&disordered), 0);
	assert_int_equal(atomic_load(&refused), 0);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
	assert_string_equal(state_field("beyond"), "");
	redisReply *last = test_server_command(rig.redis, "XREVRANGE __default:s:partition_0 + - COUNT 1");
	if (last->elements == 1)
		assert_string_equal(state_field("position"), last->element[0]->element[0]->str);
	freeReplyObject(last);
}

/* --- one caller with several batches ------------------------------------------------------------------ */

/* Three batches at once, of which the newest is committed, and a part of another; returns how many messages these are. */
static size_t commit_the_third(void)
{
	const seg_batch *held[3], *none;
	size_t sum = 0, third;
	send_all(30, 1);
	seg_consumer *consumer = join(3, 10, 0);
	for (int i = 0; i < 3; i++) {
		held[i] = test_consumer_poll(consumer);
		for (int k = 0; k < i; k++)
			for (size_t a = 0; a < held[i]->count; a++)
				for (size_t b = 0; b < held[k]->count; b++)
					assert_int_not_equal(key_of(&held[i]->messages[a]),
							     key_of(&held[k]->messages[b]));
		sum += held[i]->count;
	}
	assert_true(sum <= 30);
	assert_int_equal(seg_consumer_poll(consumer, 50, &none, NULL), 0);
	third = held[2]->count;
	assert_int_equal(seg_consumer_commit(consumer, held[2], third, NULL), 0);
	seg_consumer_release(consumer, held[2]);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_string_equal(state_field("position"), "0-0");
	assert_string_not_equal(state_field("beyond"), "");
	/* And one message of the second. */
	assert_int_equal(seg_consumer_commit(consumer, held[1], 1, NULL), 0);
	seg_consumer_release(consumer, held[0]);
	seg_consumer_release(consumer, held[1]);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
	return third + 1;
}

static void hand_on_to(uint32_t parallel)
{
	const seg_batch *none;
	size_t done = commit_the_third();
	seg_consumer *consumer = join(parallel, 10, 0);
	assert_int_equal(test_consumer_handle(consumer, 30 - done), 30 - done);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(seg_consumer_poll(consumer, 100, &none, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

static void what_is_done_beyond_the_position_is_not_delivered_to_the_next_owner(void **state)
{
	(void)state;
	hand_on_to(3);
	assert_string_equal(state_field("beyond"), "");
}

static void nor_to_one_without_parallel(void **state)
{
	(void)state;
	hand_on_to(1);
}

static void what_was_released_comes_again_first_and_alone_and_is_counted(void **state)
{
	(void)state;
	send(1, 0);
	send(1, 1);
	send(2, 0);
	seg_consumer *consumer = join(2, 10, 0);
	for (uint32_t attempt = 1; attempt <= 3; attempt++) {
		const seg_batch *batch = test_consumer_poll(consumer), *other = NULL;
		if (key_of(&batch->messages[0]) != 1) {
			other = batch;
			batch = test_consumer_poll(consumer);
		}
		assert_int_equal(key_of(&batch->messages[0]), 1);
		assert_int_equal(number_in(batch->messages[0].data, batch->messages[0].data_length), 0);
		assert_int_equal(batch->attempt, attempt);
		if (attempt > 1)
			assert_int_equal(batch->count, 1);
		if (attempt == 3)
			assert_int_equal(seg_consumer_commit(consumer, batch, 1, NULL), 0);
		seg_consumer_release(consumer, batch);
		if (other)
			seg_consumer_release(consumer, other);
	}
	assert_int_equal(test_consumer_handle(consumer, 2), 2);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

/* Of callers that take long, the one that comes first again must not take all that waits: the others would find nothing. */
static void a_caller_that_comes_again_leaves_the_others_their_share(void **state)
{
	(void)state;
	enum { BATCH = 20 };
	const seg_batch *held[4];
	send_all(KEYS, NUMBERS);
	seg_consumer *consumer = join(4, BATCH, 0);
	for (int i = 0; i < 4; i++)
		held[i] = test_consumer_poll(consumer);
	/* What the messages cost. */
	nanosleep(&(struct timespec){.tv_nsec = 20 * SEG_MS}, NULL);
	test_consumer_finish(consumer, held[0]);
	held[0] = test_consumer_poll(consumer);
	assert_in_range(held[0]->count, 1, BATCH / 2);
	for (int i = 0; i < 4; i++)
		test_consumer_finish(consumer, held[i]);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

/* One thread polls, and the failing message is the oldest. */
static void a_message_that_is_never_committed_holds_up_only_its_slot(void **state)
{
	(void)state;
	uint32_t attempts = 0;
	int others = 0;
	send(0, 0);
	send_all(KEYS, NUMBERS);
	int slot = seg_key_slot("k0", 2), behind = 0;
	for (int k = 0; k < KEYS; k++) {
		char key[16];
		behind += seg_key_slot(key, (size_t)snprintf(key, sizeof(key), "k%d", k)) == slot;
	}
	seg_consumer *consumer = join(4, 64, 0);
	while (others < (KEYS - behind) * NUMBERS || attempts < 3) {
		const seg_batch *batch = test_consumer_poll(consumer);
		size_t count = 0;
		while (count < batch->count && key_of(&batch->messages[count]) != 0)
			count++;
		if (count < batch->count)
			attempts = batch->attempt;
		others += (int)count;
		assert_int_equal(seg_consumer_commit(consumer, batch, count, NULL), 0);
		seg_consumer_release(consumer, batch);
	}
	assert_int_equal(others, (KEYS - behind) * NUMBERS);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_string_equal(state_field("position"), "0-0");
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

static void a_dead_letter_and_an_unreadable_message_hold_up_no_other_batch(void **state)
{
	(void)state;
	send_all(8, 1);
	test_server_tell(rig.server, "XADD __default:s:partition_0 * data unreadable");
	send(9, 0);
	seg_consumer *consumer = join(4, 10, 0);
	const seg_batch *first = test_consumer_poll(consumer), *second = test_consumer_poll(consumer);
	size_t handled = first->count;
	assert_int_equal(seg_consumer_dead_letter(consumer, second, second->count - 1, "bad", NULL), 0);
	assert_int_equal(seg_consumer_dead_letter(consumer, second, second->count - 1, "bad", NULL), 0);
	assert_int_equal(seg_consumer_commit(consumer, second, second->count - 1, NULL), SEG_EINVAL);
	handled += second->count;
	seg_consumer_release(consumer, second);
	assert_int_equal(test_consumer_handle(consumer, 9 - handled), 9 - handled);
	for (int waited = 0; test_consumed_letters() < 2; waited += 10) {
		const seg_batch *none;
		if (waited > PATIENCE_MS)
			fail_msg("%lld dead letters", test_consumed_letters());
		assert_int_equal(seg_consumer_poll(consumer, 10, &none, NULL), 0);
	}
	assert_int_equal(seg_consumer_commit(consumer, first, first->count, NULL), 0);
	seg_consumer_release(consumer, first);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
	assert_string_equal(state_field("beyond"), "");
	assert_int_equal(test_consumed_letters(), 2);
}

static void a_batch_that_was_taken_back_stays_readable_and_commits_nothing(void **state)
{
	(void)state;
	char text[32];
	send_all(10, 1);
	seg_consumer *consumer = join(3, 5, 100);
	const seg_batch *stale = test_consumer_poll(consumer), *batch;
	for (;;) {
		batch = test_consumer_poll(consumer);
		if (batch->epoch > stale->epoch)
			break;
		seg_consumer_release(consumer, batch);
	}
	for (size_t i = 0; i < stale->count; i++) {
		snprintf(text, sizeof(text), "k%d", key_of(&stale->messages[i]));
		assert_memory_equal(stale->messages[i].key, text, stale->messages[i].key_length);
	}
	assert_int_equal(seg_consumer_commit(consumer, stale, 1, NULL), SEG_EFENCED);
	assert_int_equal(seg_consumer_dead_letter(consumer, stale, 0, "late", NULL), SEG_EFENCED);
	seg_consumer_release(consumer, stale);
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
	/* One stays held: the close frees it. */
	consumer = join(3, 5, 0);
	test_consumer_poll(consumer);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
	consumer = join(1, 5, 0);
	assert_int_equal(test_consumer_handle(consumer, 10), 10);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

static void parallel_has_bounds(void **state)
{
	(void)state;
	seg_error error;
	seg_consumer *consumer;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.parallel = 257;
	assert_int_equal(seg_consumer_open(rig.client, "s", &options, &consumer, &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "parallel"));
	options.parallel = 2;
	options.beyond_limit = 999;
	assert_int_equal(seg_consumer_open(rig.client, "s", &options, &consumer, &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "beyond_limit"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(callers_at_once_never_share_a_slot_and_keep_the_order_of_each_key),
		TEST(what_is_done_beyond_the_position_is_not_delivered_to_the_next_owner),
		TEST(nor_to_one_without_parallel),
		TEST(what_was_released_comes_again_first_and_alone_and_is_counted),
		TEST(a_caller_that_comes_again_leaves_the_others_their_share),
		TEST(a_message_that_is_never_committed_holds_up_only_its_slot),
		TEST(a_dead_letter_and_an_unreadable_message_hold_up_no_other_batch),
		TEST(a_batch_that_was_taken_back_stays_readable_and_commits_nothing),
		TEST(parallel_has_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
