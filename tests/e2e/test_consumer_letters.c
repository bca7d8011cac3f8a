/*
 * test_consumer_letters.c - dead letters of a pull consumer, without and with `parallel`: what they say, and what a caller may do with the batch
 * until Redis has answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/consumer.h"

/* CALL_MS: the client's timeout, which bounds the opening, too: short, but long enough for a busy machine. */
enum { PATIENCE_MS = 20000, CALL_MS = 2000, MESSAGES = 8 };

static const uint32_t parallels[] = {1, 2};

static int set_up(void **state)
{
	(void)state;
	seg_client_options options;
	seg_client_options_init(&options);
	options.timeout_ms = CALL_MS;
	test_consumed_start(1, &options);
	return 0;
}

static void send_messages(void)
{
	char key[16];
	for (int i = 0; i < MESSAGES; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		test_rig_send(key, "d");
	}
}

/* Partitions keep one letter of the group. */
static seg_consumer *join(uint32_t parallel)
{
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.member = "m";
	options.parallel = parallel;
	options.dead_letter_limit = 1;
	options.dead_letters = SEG_DEAD_LETTERS_STOP;
	return test_consumer_open(rig.client, "s", &options);
}

static void assert_answer(int status, int expected, const seg_error *error, const char *words)
{
	assert_int_equal(status, expected);
	if (!strstr(error->text, words))
		fail_msg("\"%s\" lacks \"%s\"", error->text, words);
}

/* A busy machine may need longer than the client's limit. */
static void letter(seg_consumer *consumer, const seg_batch *batch, size_t index)
{
	int status = SEG_ETIMEOUT;
	for (int tries = 0; status == SEG_ETIMEOUT && tries < PATIENCE_MS / CALL_MS; tries++)
		status = seg_consumer_dead_letter(consumer, batch, index, "bad", NULL);
	assert_int_equal(status, 0);
}

/* Message 1 becomes a letter, and message 2 one that has no room. */
static const seg_batch *letter_without_room(seg_consumer *consumer)
{
	const seg_batch *batch = test_consumer_poll(consumer);
	assert_true(batch->count > 3);
	letter(consumer, batch, 1);
	assert_int_equal(seg_consumer_dead_letter(consumer, batch, 2, "bad", NULL), SEG_ETIMEOUT);
	return batch;
}

static void no_commit_goes_beyond_a_letter_that_has_no_answer_yet(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parallels) / sizeof(parallels[0]); i++) {
		seg_error error;
		test_rig_tell("DEL {__default:s:partition_0}:g:dead");
		send_messages();
		seg_consumer *consumer = join(parallels[i]);
		const seg_batch *batch = letter_without_room(consumer);
		const char *words = "the dead letter of message 2 of the batch has no answer yet";
		assert_answer(seg_consumer_commit(consumer, batch, batch->count, &error), SEG_EINVAL, &error,
			      words);
		assert_answer(seg_consumer_commit(consumer, batch, 3, &error), SEG_EINVAL, &error, words);
		assert_answer(seg_consumer_dead_letter(consumer, batch, 3, "bad", &error), SEG_EINVAL, &error,
			      words);
		assert_int_equal(seg_consumer_commit(consumer, batch, 2, NULL), 0);
		test_rig_tell("DEL {__default:s:partition_0}:g:dead");
		letter(consumer, batch, 2);
		/* All of the others are done, each once. */
		size_t first = batch->count;
		test_consumer_finish(consumer, batch);
		if (first < MESSAGES)
			assert_int_equal(test_consumer_handle(consumer, MESSAGES - first), MESSAGES - first);
		assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
		assert_int_equal(seg_consumer_poll(consumer, 0, &batch, NULL), 0);
		assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
	}
}

static bool has_failed(void *consumer)
{
	const seg_batch *batch;
	int got = seg_consumer_poll(consumer, 0, &batch, NULL);
	if (got == 1)
		seg_consumer_release(consumer, batch);
	return got == SEG_EFENCED;
}

static void a_letter_without_an_answer_is_fenced_once_the_ownership_is_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parallels) / sizeof(parallels[0]); i++) {
		seg_error error;
		test_rig_tell("DEL {__default:s:partition_0}:g:dead");
		send_messages();
		seg_consumer *consumer = join(parallels[i]);
		const seg_batch *batch = letter_without_room(consumer);
		test_rig_tell("HSET {__default:s}:g:members m other");
		test_wait_until(has_failed, consumer, PATIENCE_MS, "another process has taken the name over");
		const char *words = "no longer owns partition 0";
		for (size_t index = 2; index < 4; index++)
			assert_answer(seg_consumer_dead_letter(consumer, batch, index, "bad", &error),
				      SEG_EFENCED, &error, words);
		assert_answer(seg_consumer_commit(consumer, batch, 4, &error), SEG_EFENCED, &error, words);
		seg_consumer_release(consumer, batch);
		assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
		test_rig_tell("DEL {__default:s}:g:members");
	}
}

static void assert_attempts(const char *attempts)
{
	redisReply *letters =
		test_server_command(rig.redis, "XREVRANGE {__default:s:partition_0}:g:dead + - COUNT 1");
	assert_int_equal(letters->elements, 1);
	const redisReply *fields = letters->element[0]->element[1];
	for (size_t i = 0; i < fields->elements; i += 2)
		if (strcmp(fields->element[i]->str, "attempts") == 0)
			assert_string_equal(fields->element[i + 1]->str, attempts);
	freeReplyObject(letters);
	test_rig_tell("DEL {__default:s:partition_0}:g:dead");
}

static void a_letter_says_how_often_its_batch_was_handed_out(void **state)
{
	(void)state;
	send_messages();
	seg_consumer *consumer = join(1);
	const seg_batch *batch = test_consumer_poll(consumer);
	assert_int_equal(batch->attempt, 1);
	assert_int_equal(seg_consumer_commit(consumer, batch, 1, NULL), 0);
	letter(consumer, batch, 1);
	assert_attempts("1");
	seg_consumer_release(consumer, batch);
	seg_consumer_release(consumer, test_consumer_poll(consumer));
	batch = test_consumer_poll(consumer);
	assert_int_equal(batch->attempt, 2);
	for (size_t index = 0; index < 2; index++) {
		letter(consumer, batch, index);
		assert_attempts("2");
	}
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_commit_goes_beyond_a_letter_that_has_no_answer_yet),
		TEST(a_letter_without_an_answer_is_fenced_once_the_ownership_is_over),
		TEST(a_letter_says_how_often_its_batch_was_handed_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
