/*
 * test_outputs.c - what a handler, or a caller of a pull consumer, emits to other streams: each record once and in the order of its key,
 * whatever is killed; none of a message that failed; the position after the outputs; and a target that is full.
 *
 * `test_outputs pull ADDRESS PARALLEL` is a process with a pull consumer that copies "in" to "out", on two threads, until it is killed.
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "base/clock.h"
#include "harness/load.h"
#include "harness/runner.h"
#include "harness/server.h"

enum { PARTITIONS = 4, KEYS = 12, PATIENCE_MS = 20000 };

static test_server *server;
static redisContext *redis;
static seg_client *client;

static int set_up(void **state)
{
	(void)state;
	seg_client_options options;
	seg_client_options_init(&options);
	server = test_server_start(NULL);
	redis = test_server_connect(server);
	options.address = server->address;
	assert_int_equal(seg_client_open(&options, &client, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	seg_client_close(client);
	redisFree(redis);
	test_server_stop(server);
	return 0;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void make_stream(const char *name, uint64_t size, seg_packing packing)
{
	seg_stream *stream;
	const seg_stream_shape shape = {.partitions = PARTITIONS, .partition_size = size, .packing = packing};
	assert_int_equal(seg_stream_register(client, name, &shape, &stream, NULL), 0);
	seg_stream_close(stream);
}

static void send(const char *stream_name, const char *key, const char *data)
{
	seg_stream *stream;
	seg_error error;
	assert_int_equal(seg_stream_open(client, stream_name, &stream, NULL), 0);
	const seg_record record = {.key = key,
				   .key_length = strlen(key),
				   .data = data,
				   .data_length = strlen(data)};
	if (seg_stream_send(stream, &record, NULL, &error))
		fail_msg("%s", error.text);
	seg_stream_close(stream);
}

static test_runner *run(const char *outputs, const char *more)
{
	return test_runner_run("[redis]\naddress = %s\n[consumer e]\nstream = in\ngroup = g\nplugin = "
			       "%s/tests/plugins/emits.so\nsession_timeout = 1s\noutputs = %s\n%s\n",
			       server->address, test_build_directory(), outputs, more);
}

/* --- the reader of a target ------------------------------------------------------------------ */

typedef struct {
	seg_consumer *consumer;
	int next[KEYS]; /* the number that each key gets next */
	int records;
} reader;

static void open_reader(reader *r, const char *name)
{
	seg_consumer_options options;
	seg_error error;
	memset(r, 0, sizeof(*r));
	seg_consumer_options_init(&options);
	options.group = "reader";
	if (seg_consumer_open(client, name, &options, &r->consumer, &error))
		fail_msg("%s", error.text);
}

static void close_reader(reader *r)
{
	assert_int_equal(seg_consumer_close(r->consumer, 5000, NULL), 0);
}

/* Reads what comes within `ms`, or until nothing came for so long; each key must get its next number. */
static void read_on(reader *r, int ms)
{
	const seg_batch *batch;
	int64_t until = seg_now() + ms * SEG_MS;
	while (seg_now() < until && seg_consumer_poll(r->consumer, (uint32_t)ms, &batch, NULL) == 1) {
		for (size_t i = 0; i < batch->count; i++) {
			const seg_message *m = &batch->messages[i];
			char key[32], data[32];
			snprintf(key, sizeof(key), "%.*s", (int)m->key_length, (const char *)m->key);
			snprintf(data, sizeof(data), "%.*s", (int)m->data_length, (const char *)m->data);
			int k = atoi(key + 1);
			assert_in_range(k, 0, KEYS - 1);
			if (atoi(data) != r->next[k])
				fail_msg("key %s got %s, and %d was to come", key, data, r->next[k]);
			r->next[k]++;
			r->records++;
		}
		seg_consumer_commit(r->consumer, batch, batch->count, NULL);
		seg_consumer_release(r->consumer, batch);
	}
}

/* Patience counts from the newest record on: how long all of them take is the machine's business. */
static void read_all(reader *r, int numbers)
{
	int before = r->records;
	for (int waited = 0; r->records < KEYS * numbers; waited += 100) {
		if (r->records > before)
			waited = 0;
		before = r->records;
		if (waited > PATIENCE_MS)
			fail_msg("%d of %d records have come", r->records, KEYS * numbers);
		read_on(r, 100);
	}
	read_on(r, 300);
	assert_int_equal(r->records, KEYS * numbers);
}

/* --- tests ----------------------------------------------------------------------------------- */

/* Kills a runner again and again, with a target that is too small for what its reader leaves in it. */
static void kill_runners(seg_packing in, seg_packing out, const char *more)
{
	reader r;
	test_runner *runners[2];
	make_stream("in", 100000, in);
	make_stream("out", 100, out);
	open_reader(&r, "out");
	test_load *load = test_load_start(server->address, "in", PARTITIONS, KEYS, 100);
	for (int i = 0; i < 2; i++)
		runners[i] = run("out", more);
	for (int round = 0; round < 5; round++) {
		test_load_go_on(load, 30);
		test_runner *killed = runners[round % 2];
		test_runner_stop(killed, SIGKILL);
		test_runner_free(killed);
		runners[round % 2] = run("out", more);
		read_on(&r, 50);
	}
	read_all(&r, test_load_end(load));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(test_runner_stop(runners[i], SIGTERM), 0);
		test_runner_free(runners[i]);
	}
	close_reader(&r);
}

static void whatever_is_killed_each_output_is_there_once_and_in_order(void **state)
{
	(void)state;
	kill_runners(SEG_PACKING_OFF, SEG_PACKING_OFF, "");
}

static void so_it_is_with_packed_streams(void **state)
{
	(void)state;
	kill_runners(SEG_PACKING_ON, SEG_PACKING_ON, "");
}

static char *hash_field(const char *key, const char *field)
{
	static char text[1024];
	redisReply *reply = test_server_command(redis, "HGET %s %s", key, field);
	snprintf(text, sizeof(text), "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");
	freeReplyObject(reply);
	return text;
}

static long long length(const char *stream, int partition)
{
	redisReply *reply = test_server_command(redis, "XLEN __default:%s:partition_%d", stream, partition);
	long long count = reply->integer;
	freeReplyObject(reply);
	return count;
}

static int partition_of(const char *key)
{
	return (int)seg_partition_of(key, strlen(key), PARTITIONS);
}

static void a_full_target_holds_up_the_position_and_is_named(void **state)
{
	(void)state;
	char key[128], data[16];
	int p = partition_of("k0");
	make_stream("in", 1000, SEG_PACKING_OFF);
	make_stream("out", 5, SEG_PACKING_OFF);
	for (int i = 0; i < 12; i++) {
		snprintf(data, sizeof(data), "%d", i);
		send("in", "k0", data);
	}
	reader r;
	open_reader(&r, "out"); /* its group keeps what it has not read */
	test_runner *runner = run("out", "");
	snprintf(key, sizeof(key), "{__default:in:partition_%d}:g:state", p);
	for (int waited = 0; !strstr(hash_field(key, "hindrance"), "target"); waited += 20) {
		if (waited > PATIENCE_MS)
			fail_msg("nothing hinders the partition: %s", hash_field(key, "hindrance"));
		pause_ms(20);
	}
	if (!strstr(hash_field(key, "hindrance"), "of stream \"out\" is full"))
		fail_msg("%s", hash_field(key, "hindrance"));
	assert_int_equal(length("out", p), 5);
	/* One call had all twelve, so none of them is done. */
	assert_string_equal(hash_field(key, "position"), "0-0");
	for (int waited = 0; r.records < 12 && waited < PATIENCE_MS; waited += 100)
		read_on(&r, 100);
	assert_int_equal(r.records, 12);
	for (int waited = 0; *hash_field(key, "hindrance") || strcmp(hash_field(key, "position"), "0-0") == 0;
	     waited += 20) {
		if (waited > PATIENCE_MS)
			fail_msg("still: %s", hash_field(key, "hindrance"));
		pause_ms(20);
	}
	close_reader(&r);
	assert_int_equal(test_runner_stop(runner, SIGTERM), 0);
	test_runner_free(runner);
}

static void await_length(const char *stream, int partition, long long count)
{
	for (int waited = 0; length(stream, partition) < count; waited += 20) {
		if (waited > PATIENCE_MS)
			fail_msg("%lld records in \"%s\"", length(stream, partition), stream);
		pause_ms(20);
	}
}

/* An owner that does not know what was done beyond the position handles it again; what that emits must not be added again. */
static void what_lanes_have_added_is_not_added_again_without_them(void **state)
{
	(void)state;
	enum { OTHERS = 20 };
	int p = partition_of("k");
	char other[16];
	make_stream("in", 1000, SEG_PACKING_OFF);
	make_stream("out", 1000, SEG_PACKING_OFF);
	send("in", "k", "fail");
	for (int i = 0, found = 0; found < OTHERS; i++) {
		snprintf(other, sizeof(other), "other%d", i);
		if (partition_of(other) != p)
			continue;
		send("in", other, "x");
		found++;
	}
	test_runner *runner = run("out", "parallel = 8\nmax_attempts = 0\nretry_backoff = 10ms");
	await_length("out", p, OTHERS);
	assert_int_equal(test_runner_stop(runner, SIGTERM), 0);
	test_runner_free(runner);
	freeReplyObject(test_server_command(redis, "HDEL {__default:in:partition_%d}:g:state beyond", p));
	runner = run("out", "max_attempts = 1");
	send("in", "k", "last");
	await_length("out", p, OTHERS + 1);
	assert_int_equal(test_runner_stop(runner, SIGTERM), 0);
	test_runner_free(runner);
	assert_int_equal(length("out", p), OTHERS + 1);
}

static void a_message_that_fails_leaves_no_output(void **state)
{
	(void)state;
	int p = partition_of("k");
	make_stream("in", 1000, SEG_PACKING_OFF);
	send("in", "k", "0");
	send("in", "k", "fail");
	send("in", "k", "1");
	test_runner *runner =
		run("out, keys",
		    "output.out.partitions = 4\noutput.keys.partitions = 4\noutput.keys.partition_size = 7\n"
		    "max_attempts = 2\nretry_backoff = 10ms");
	for (int waited = 0; length("out", p) < 2; waited += 20) {
		if (waited > PATIENCE_MS)
			fail_msg("%lld outputs", length("out", p));
		pause_ms(20);
	}
	assert_int_equal(test_runner_stop(runner, SIGTERM), 0);
	test_runner_free(runner);
	assert_int_equal(length("out", p), 2);
	assert_int_equal(length("keys", p), 2);
	assert_string_equal(hash_field("{__default:keys}:info", "partition_size"), "7");
	redisReply *reply = test_server_command(redis, "SMEMBERS {__default:out}:sources");
	assert_int_equal(reply->elements, 1);
	assert_string_equal(reply->element[0]->str, "g:in");
	freeReplyObject(reply);
}

static void streams_that_feed_each_other_are_refused(void **state)
{
	(void)state;
	make_stream("in", 1000, SEG_PACKING_OFF);
	make_stream("out", 1000, SEG_PACKING_OFF);
	test_server_tell(server, "SADD {__default:in}:sources other:middle");
	test_server_tell(server, "SADD {__default:middle}:sources another:out");
	test_runner *runner = run("out", "");
	assert_int_not_equal(test_runner_wait(runner), 0);
	test_runner_says(runner, "what goes to \"out\" comes back to \"in\", for ever");
	test_runner_free(runner);
}

/* --- pull consumers ------------------------------------------------------------------------------ */

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
	if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
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
	char *argv[] = {program, mode, server->address, lanes, NULL};
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
	reader r;
	pid_t pullers[2];
	make_stream("in", 100000, SEG_PACKING_OFF);
	make_stream("out", 100, SEG_PACKING_OFF);
	open_reader(&r, "out");
	test_load *load = test_load_start(server->address, "in", PARTITIONS, KEYS, 100);
	for (int i = 0; i < 2; i++)
		pullers[i] = start_puller(parallel);
	for (int round = 0; round < 4; round++) {
		pid_t *puller = &pullers[round % 2];
		test_load_go_on(load, 30);
		if (round % 2 == 1) {
			kill(*puller, SIGSTOP);
			read_on(&r, 1500);
			kill(*puller, SIGCONT);
		} else {
			kill_puller(*puller);
			*puller = start_puller(parallel);
		}
		read_on(&r, 50);
	}
	read_all(&r, test_load_end(load));
	for (int i = 0; i < 2; i++)
		kill_puller(pullers[i]);
	close_reader(&r);
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
	char key[128], data[16];
	seg_error error;
	int p = partition_of("k0");
	make_stream("in", 1000, SEG_PACKING_OFF);
	make_stream("out", 5, SEG_PACKING_OFF);
	for (int i = 0; i < 12; i++) {
		snprintf(data, sizeof(data), "%d", i);
		send("in", "k0", data);
	}
	reader r;
	open_reader(&r, "out");
	seg_consumer *consumer = pull_with(client, to_out, 0, 0, 1);
	for (size_t pulled = 0; pulled < 12;) {
		const seg_batch *batch = pull_batch(consumer);
		pulled += batch->count;
		copy_batch(consumer, batch);
	}
	snprintf(key, sizeof(key), "{__default:in:partition_%d}:g:state", p);
	for (int waited = 0; !strstr(hash_field(key, "hindrance"), "of stream \"out\" is full");
	     waited += 20) {
		if (waited > PATIENCE_MS)
			fail_msg("nothing hinders the partition: %s", hash_field(key, "hindrance"));
		pause_ms(20);
	}
	assert_int_equal(seg_consumer_sync(consumer, 10, &error), SEG_ETIMEOUT);
	assert_non_null(strstr(error.text, "all commits and their outputs"));
	assert_int_equal(length("out", p), 5);
	for (int waited = 0; r.records < 12 && waited < PATIENCE_MS; waited += 100)
		read_on(&r, 100);
	assert_int_equal(r.records, 12);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_string_not_equal(hash_field(key, "position"), "0-0");
	close_reader(&r);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

/* The reader's group has read nothing of a target with one place: the second record never fits. */
static void what_waits_for_a_full_target_is_bounded_and_a_close_says_that_it_was_not_added(void **state)
{
	(void)state;
	static char large[5000];
	seg_error error;
	seg_client_options options;
	seg_client *hasty;
	reader r;
	make_stream("in", 1000, SEG_PACKING_OFF);
	make_stream("out", 1, SEG_PACKING_OFF);
	memset(large, 'x', sizeof(large) - 1);
	open_reader(&r, "out");
	seg_client_options_init(&options);
	options.address = server->address;
	options.timeout_ms = 300;
	assert_int_equal(seg_client_open(&options, &hasty, NULL), 0);
	for (int i = 0; i < 4; i++)
		send("in", "k", "x");
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
	assert_non_null(strstr(error.text, "still wait for Redis after 300 ms"));
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_poll(consumer, 200, &batch, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, 20000, &error), SEG_ETIMEOUT);
	assert_non_null(strstr(error.text, "not all outputs could be added in time"));
	assert_int_equal(length("out", partition_of("k")), 1);
	seg_client_close(hasty);
	close_reader(&r);
}

/* The messages that have come of a stream that got three. */
static const seg_batch *pull_three(seg_consumer *consumer)
{
	for (int tries = 0; tries < PATIENCE_MS; tries++) {
		const seg_batch *batch = pull_batch(consumer);
		if (batch->count == 3)
			return batch;
		seg_consumer_release(consumer, batch);
		pause_ms(1);
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
	int p = partition_of("k");
	seg_error error = {0};
	make_stream("in", 1000, SEG_PACKING_OFF);
	make_stream("out", 1000, SEG_PACKING_OFF);
	for (int i = 0; i < 3; i++)
		send("in", "k", "x");
	seg_consumer *consumer = pull_with(client, to_out, 0, 0, 1);
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

	redisReply *reply = test_server_command(redis, "XRANGE __default:out:partition_%d - +", p);
	assert_int_equal(reply->elements, 3);
	for (size_t i = 0; i < 3; i++) {
		const redisReply *fields = reply->element[i]->element[1];
		assert_int_equal(fields->element[3]->str[0], "123"[i]);
	}
	freeReplyObject(reply);
	redisReply *sources = test_server_command(redis, "SISMEMBER {__default:out}:sources g:in");
	assert_int_equal(sources->integer, 1);
	freeReplyObject(sources);
}

static void a_batch_that_was_taken_back_emits_nothing(void **state)
{
	(void)state;
	seg_error error = {0};
	make_stream("in", 1000, SEG_PACKING_OFF);
	make_stream("out", 1000, SEG_PACKING_OFF);
	send("in", "k", "x");
	seg_consumer *consumer = pull_with(client, to_out, 0, 100, 1);
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
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(length("out", partition_of("k")), 1);
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
	make_stream("in", 1000, SEG_PACKING_OFF);
	make_stream("out", 1000, SEG_PACKING_OFF);
	seg_consumer_options_init(&options);
	options.group = "g";
	options.outputs = own;
	refused(seg_consumer_open(client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"would come back for ever");
	options.outputs = twice;
	refused(seg_consumer_open(client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"outputs: \"out\" is named twice");
	options.outputs = empty;
	refused(seg_consumer_open(client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"outputs: the output is empty");
	options.outputs = blank;
	refused(seg_consumer_open(client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"outputs: the output \"a b\" contains ' '");
	options.outputs = missing;
	refused(seg_consumer_open(client, "in", &options, &consumer, &error), SEG_ENOTFOUND, &error,
		"outputs: ");
	options.outputs = to_out;
	test_server_tell(server, "SADD {__default:in}:sources other:out");
	refused(seg_consumer_open(client, "in", &options, &consumer, &error), SEG_EINVAL, &error,
		"comes back to \"in\", for ever");
	assert_null(consumer);
	test_server_tell(server, "DEL {__default:in}:sources");
	consumer = pull_with(client, NULL, 0, 0, 1);
	send("in", "k", "x");
	const seg_batch *batch = pull_batch(consumer);
	refused(emit(consumer, batch, 0, "out", "a", &error), SEG_EINVAL, &error,
		"not among the consumer's outputs");
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, 5000, NULL), 0);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "pull") == 0)
		return run_puller(argv[2], (uint32_t)atoi(argv[3]));
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_that_fails_leaves_no_output, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_target_holds_up_the_position_and_is_named, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_lanes_have_added_is_not_added_again_without_them, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(streams_that_feed_each_other_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whatever_is_killed_each_output_is_there_once_and_in_order,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(so_it_is_with_packed_streams, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_what_belongs_to_committed_messages_is_added, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_batch_that_was_taken_back_emits_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_consumer_with_impossible_outputs_is_not_opened, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_full_target_makes_what_was_pulled_wait_and_is_named, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			what_waits_for_a_full_target_is_bounded_and_a_close_says_that_it_was_not_added,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_pulled_and_emitted_is_there_once_and_in_order, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(so_it_is_with_several_batches_of_a_partition_at_once, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
