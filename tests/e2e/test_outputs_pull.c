/*
 * test_outputs_pull.c - what a caller of a pull consumer emits to other streams: each record once and in the order of its key, whatever is
 * killed or sleeps; only what belongs to committed messages; and a target that is full.
 *
 * `test_outputs_pull pull ADDRESS PARALLEL` is a process with a pull consumer that copies "in" to "out", on two threads, until it is
 * killed.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "harness/load.h"
#include "harness/outputs.h"

static seg_consumer *pull_with(seg_client *from, const char *const *outputs, uint64_t in_flight_bytes,
			       uint32_t max_processing_ms, uint32_t parallel)
{
	seg_consumer *consumer;
	seg_error error;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.session_timeout_ms = 1000;
	options.outputs = outputs;
	options.max_processing_ms = max_processing_ms;
	options.parallel = parallel;
	if (in_flight_bytes)
		options.in_flight_bytes = in_flight_bytes;
	if (seg_consumer_open(from, "in", &options, &consumer, &error))
		fail_msg("%s", error.text);
	return consumer;
}

static const char *const to_out[] = {"out", NULL};

static const seg_batch *pull_batch(seg_consumer *consumer)
{
	seg_error error = {0};
	const seg_batch *batch;
	if (seg_consumer_poll(consumer, TEST_OUTPUTS_PATIENCE_MS, &batch, &error) != 1)
		fail_msg("no batch; %s", error.text);
	return batch;
}

static int emit(seg_consumer *consumer, const seg_batch *batch, size_t index, const char *stream,
		const char *data, seg_error *error)
{
	const seg_output output = {.stream = stream,
				   .key = batch->messages[index].key,
				   .key_length = batch->messages[index].key_length,
				   .data = data,
				   .data_length = strlen(data)};
	return seg_consumer_emit(consumer, batch, index, &output, error);
}

static int emit_copy(seg_consumer *consumer, const seg_batch *batch, size_t index)
{
	const seg_message *m = &batch->messages[index];
	const seg_output output = {.stream = "out",
				   .key = m->key,
				   .key_length = m->key_length,
				   .data = m->data,
				   .data_length = m->data_length};
	return seg_consumer_emit(consumer, batch, index, &output, NULL);
}

/* Emits all, then commits one half, and then the other. */
static void copy_batch(seg_consumer *consumer, const seg_batch *batch)
{
	bool emitted = true;
	for (size_t i = 0; i < batch->count && emitted; i++)
		emitted = emit_copy(consumer, batch, i) == 0;
	if (emitted && seg_consumer_commit(consumer, batch, batch->count / 2, NULL) == 0)
		seg_consumer_commit(consumer, batch, batch->count, NULL);
	seg_consumer_release(consumer, batch);
}

static void *copy_batches(void *consumer)
{
	for (;;) {
		const seg_batch *batch;
		if (seg_consumer_poll(consumer, 1000, &batch, NULL) == 1)
			copy_batch(consumer, batch);
	}
	return NULL;
}

static int run_puller(const char *address, uint32_t parallel)
{
	seg_client_options options;
	seg_client *own;
	pthread_t other;
	seg_client_options_init(&options);
	options.address = address;
	if (seg_client_open(&options, &own, NULL))
		return 1;
	seg_consumer *consumer = pull_with(own, to_out, 0, 0, parallel);
	if (pthread_create(&other, NULL, copy_batches, consumer) == 0)
		copy_batches(consumer);
	return 1;
}

static pid_t start_puller(const char *parallel)
{
	extern char **environ;
	pid_t pid;
	char program[] = "/proc/self/exe", mode[] = "pull", lanes[8];
	snprintf(lanes, sizeof(lanes), "%s", parallel);
	char *argv[] = {program, mode, rig.server->address, lanes, NULL};
	assert_int_equal(posix_spawn(&pid, program, NULL, NULL, argv, environ), 0);
	return pid;
}

static void kill_puller(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* One of two is killed, or sleeps until its lease has ended, and then wakes up with what it has emitted. */
static void kill_pullers(const char *parallel)
{
	test_reader r;
	pid_t pullers[2];
	test_outputs_make_stream("in", 100000, SEG_PACKING_OFF);
	test_outputs_make_stream("out", 100, SEG_PACKING_OFF);
	test_reader_open(&r, "out");
	test_load *load =
		test_load_start(rig.server->address, "in", TEST_OUTPUTS_PARTITIONS, TEST_OUTPUTS_KEYS, 100);
	for (int i = 0; i < 2; i++)
		pullers[i] = start_puller(parallel);
	for (int round = 0; round < 4; round++) {
		pid_t *puller = &pullers[round % 2];
		test_load_go_on(load, 30);
		if (round % 2 == 1) {
			kill(*puller, SIGSTOP);
			test_reader_read(&r, 1500);
			kill(*puller, SIGCONT);
		} else {
			kill_puller(*puller);
			*puller = start_puller(parallel);
		}
		test_reader_read(&r, 50);
	}
	test_reader_read_all(&r, test_load_end(load));
	for (int i = 0; i < 2; i++)
		kill_puller(pullers[i]);
	test_reader_close(&r);
}

static void what_is_pulled_and_emitted_is_there_once_and_in_order(void **state)
{
	(void)state;
	kill_pullers("1");
}

static void so_it_is_with_several_batches_of_a_partition_at_once(void **state)
{
	(void)state;
	kill_pullers("4");
}

static void a_full_target_makes_what_was_pulled_wait_and_is_named(void **state)
{
	(void)state;
	char key[128];
	seg_error error;
	int p = test_outputs_partition("k0");
	test_reader r;
	test_outputs_send_too_much(&r);
	seg_consumer *consumer = pull_with(rig.client, to_out, 0, 0, 1);
	for (size_t pulled = 0; pulled < 12;) {
		const seg_batch *batch = pull_batch(consumer);
		pulled += batch->count;
		copy_batch(consumer, batch);
	}
	snprintf(key, sizeof(key), "{__default:in:partition_%d}:g:state", p);
	test_outputs_await_hindrance(key, "of stream \"out\" is full");
	assert_int_equal(seg_consumer_sync(consumer, 10, &error), SEG_ETIMEOUT);
	assert_non_null(strstr(error.text, "all commits and their outputs"));
	assert_int_equal(test_outputs_length("out", p), 5);
	for (int waited = 0; r.records < 12 && waited < TEST_OUTPUTS_PATIENCE_MS; waited += 100)
		test_reader_read(&r, 100);
	assert_int_equal(r.records, 12);
	assert_int_equal(seg_consumer_sync(consumer, TEST_OUTPUTS_PATIENCE_MS, NULL), 0);
	assert_string_not_equal(test_outputs_hash_field(key, "position"), "0-0");
	test_reader_close(&r);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

/* The reader's group has read nothing of a target with one place: the second record never fits. */
static void what_waits_for_a_full_target_is_bounded_and_a_close_says_that_it_was_not_added(void **state)
{
	(void)state;
	enum { CALL_MS = 2000 }; /* bounds the opening, too: short, but long enough for a busy machine */
	static char large[5000];
	char words[64];
	seg_error error;
	seg_client_options options;
	seg_client *hasty;
	test_reader r;
	test_outputs_make_stream("in", 1000, SEG_PACKING_OFF);
	test_outputs_make_stream("out", 1, SEG_PACKING_OFF);
	memset(large, 'x', sizeof(large) - 1);
	test_reader_open(&r, "out");
	seg_client_options_init(&options);
	options.address = rig.server->address;
	options.timeout_ms = CALL_MS;
	assert_int_equal(seg_client_open(&options, &hasty, NULL), 0);
	for (int i = 0; i < 4; i++)
		test_outputs_send("in", "k", "x");
	seg_consumer *consumer = pull_with(hasty, to_out, 4096, 0, 1);
	const seg_batch *batch = pull_batch(consumer);
	for (size_t taken = batch->count; taken < 3; taken += batch->count) {
		seg_consumer_release(consumer, batch);
		batch = pull_batch(consumer);
	}
	assert_int_equal(emit(consumer, batch, 0, "out", "first", NULL), 0);
	assert_int_equal(emit(consumer, batch, 1, "out", large, NULL), 0);
	assert_int_equal(seg_consumer_commit(consumer, batch, 2, NULL), 0);
	assert_int_equal(emit(consumer, batch, 2, "out", "third", &error), SEG_ETIMEOUT);
	snprintf(words, sizeof(words), "still wait for Redis after %d ms", CALL_MS);
	assert_non_null(strstr(error.text, words));
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_poll(consumer, 200, &batch, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, 20000, &error), SEG_ETIMEOUT);
	assert_non_null(strstr(error.text, "not all outputs could be added in time"));
	assert_int_equal(test_outputs_length("out", test_outputs_partition("k")), 1);
	seg_client_close(hasty);
	test_reader_close(&r);
}

/* The messages that have come of a stream that got three. */
static const seg_batch *pull_three(seg_consumer *consumer)
{
	for (int tries = 0; tries < TEST_OUTPUTS_PATIENCE_MS; tries++) {
		const seg_batch *batch = pull_batch(consumer);
		if (batch->count == 3)
			return batch;
		seg_consumer_release(consumer, batch);
		test_outputs_pause(1);
	}
	fail_msg("the three messages do not come together");
	return NULL;
}

static void refused(int status, int expected, const seg_error *error, const char *text)
{
	if (status != expected || !strstr(error->text, text))
		fail_msg("status %d, \"%s\" and not \"%s\"", status, error->text, text);
}

static void only_what_belongs_to_committed_messages_is_added(void **state)
{
	(void)state;
	int p = test_outputs_partition("k");
	seg_error error = {0};
	test_outputs_make_stream("in", 1000, SEG_PACKING_OFF);
	test_outputs_make_stream("out", 1000, SEG_PACKING_OFF);
	for (int i = 0; i < 3; i++)
		test_outputs_send("in", "k", "x");
	seg_consumer *consumer = pull_with(rig.client, to_out, 0, 0, 1);
	const seg_batch *batch = pull_three(consumer);
	refused(emit(consumer, batch, 3, "out", "a", &error), SEG_EINVAL, &error, "the batch has 3 messages");
	refused(emit(consumer, batch, 0, "nowhere", "a", &error), SEG_EINVAL, &error,
		"\"nowhere\" is not among the consumer's outputs");
	refused(seg_consumer_emit(consumer, batch, 0, NULL, &error), SEG_EINVAL, &error, "must not be NULL");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(emit(consumer, batch, i, "out", "dropped", NULL), 0);
	seg_consumer_release(consumer, batch);

	batch = pull_three(consumer);
	assert_int_equal(emit(consumer, batch, 0, "out", "1", NULL), 0);
	assert_int_equal(emit(consumer, batch, 0, "out", "2", NULL), 0);
	assert_int_equal(emit(consumer, batch, 1, "out", "of the letter", NULL), 0);
	refused(emit(consumer, batch, 0, "out", "3", &error), SEG_EINVAL, &error, "after a later one");
	assert_int_equal(emit(consumer, batch, 2, "out", "3", NULL), 0);
	assert_int_equal(seg_consumer_dead_letter(consumer, batch, 1, "bad", NULL), 0);
	refused(emit(consumer, batch, 0, "out", "4", &error), SEG_EINVAL, &error, "committed already");
	assert_int_equal(seg_consumer_commit(consumer, batch, 3, NULL), 0);
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);

	redisReply *reply = test_server_command(rig.redis, "XRANGE __default:out:partition_%d - +", p);
	assert_int_equal(reply->elements, 3);
	for (size_t i = 0; i < 3; i++) {
		const redisReply *fields = reply->element[i]->element[1];
		assert_int_equal(fields->element[3]->str[0], "123"[i]);
	}
	freeReplyObject(reply);
	redisReply *sources = test_server_command(rig.redis, "SISMEMBER {__default:out}:sources g:in");
	assert_int_equal(sources->integer, 1);
	freeReplyObject(sources);
}

static void a_batch_that_was_taken_back_emits_nothing(void **state)
{
	(void)state;
	seg_error error = {0};
	test_outputs_make_stream("in", 1000, SEG_PACKING_OFF);
	test_outputs_make_stream("out", 1000, SEG_PACKING_OFF);
	test_outputs_send("in", "k", "x");
	seg_consumer *consumer = pull_with(rig.client, to_out, 0, 100, 1);
	const seg_batch *stale = pull_batch(consumer);
	assert_int_equal(emit(consumer, stale, 0, "out", "stale", NULL), 0);
	const seg_batch *batch = pull_batch(consumer);
	refused(emit(consumer, stale, 0, "out", "late", &error), SEG_EFENCED, &error, "no longer owns");
	assert_int_equal(seg_consumer_commit(consumer, stale, 1, NULL), SEG_EFENCED);
	int status = emit(consumer, batch, 0, "out", "once", NULL);
	for (; status || seg_consumer_commit(consumer, batch, 1, NULL);
	     status = emit(consumer, batch, 0, "out", "once", NULL)) {
		/* Under load, this one can be taken back, too. */
		seg_consumer_release(consumer, batch);
		batch = pull_batch(consumer);
	}
	seg_consumer_release(consumer, stale);
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_sync(consumer, TEST_OUTPUTS_PATIENCE_MS, NULL), 0);
	assert_int_equal(test_outputs_length("out", test_outputs_partition("k")), 1);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

static void a_consumer_with_impossible_outputs_is_not_opened(void **state)
{
	(void)state;
	seg_error error = {0};
	seg_consumer *consumer = NULL;
	seg_consumer_options options;
	const char *const own[] = {"in", NULL}, *const twice[] = {"out", "out", NULL},
			  *const missing[] = {"none", NULL}, *const empty[] = {"out", "", NULL},
			  *const blank[] = {"a b", NULL};
	test_outputs_make_stream("in", 1000, SEG_PACKING_OFF);
	test_outputs_make_stream("out", 1000, SEG_PACKING_OFF);
	seg_consumer_options_init(&options);
	options.group = "g";
	options.outputs = own;
	refused(seg_consumer_open(rig.client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"would come back for ever");
	options.outputs = twice;
	refused(seg_consumer_open(rig.client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"outputs: \"out\" is named twice");
	options.outputs = empty;
	refused(seg_consumer_open(rig.client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"outputs: the output is empty");
	options.outputs = blank;
	refused(seg_consumer_open(rig.client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"outputs: the output \"a b\" contains ' '");
	options.outputs = missing;
	refused(seg_consumer_open(rig.client, "in", &options, &consumer, &error), SEG_ENOTFOUND, &error,
		"outputs: ");
	options.outputs = to_out;
	test_server_tell(rig.server, "SADD {__default:in}:sources other:out");
	refused(seg_consumer_open(rig.client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"comes back to \"in\", for ever");
	assert_null(consumer);
	test_server_tell(rig.server, "DEL {__default:in}:sources");
	consumer = pull_with(rig.client, NULL, 0, 0, 1);
	test_outputs_send("in", "k", "x");
	const seg_batch *batch = pull_batch(consumer);
	refused(emit(consumer, batch, 0, "out", "a", &error), SEG_EINVAL, &error,
		"not among the consumer's outputs");
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_outputs_set_up, test_rig_tear_down)

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "pull") == 0)
		return run_puller(argv[2], (uint32_t)atoi(argv[3]));
	const struct CMUnitTest tests[] = {
		TEST(only_what_belongs_to_committed_messages_is_added),
		TEST(a_batch_that_was_taken_back_emits_nothing),
		TEST(a_consumer_with_impossible_outputs_is_not_opened),
		TEST(a_full_target_makes_what_was_pulled_wait_and_is_named),
		TEST(what_waits_for_a_full_target_is_bounded_and_a_close_says_that_it_was_not_added),
		TEST(what_is_pulled_and_emitted_is_there_once_and_in_order),
		TEST(so_it_is_with_several_batches_of_a_partition_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
