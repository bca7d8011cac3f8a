/*
 * test_consumer.c - the pull consumer's bounds: no call waits longer than it was told to, no poller waits for another's
 * decoding, and one log that cannot be read stops no other.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <time.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "base/arena.h"
#include "harness/consumer.h"
#include "harness/group.h"

/* CLIENT_MS: the client's timeout, which bounds the opening, too. On a busy machine, that takes longer than the short calls. */
enum { PATIENCE_MS = 10000, CALL_MS = 200, CLIENT_MS = 2000 };

static atomic_int refusals_logged; /* of partition 1 */
static atomic_int taken_back;      /* batches, as logged */
static atomic_bool is_decoding, may_end;
static uint32_t session_timeout_ms;

static void see_log(void *arg, const seg_log_event *event)
{
	(void)arg;
	if (event->partition == 1 && strstr(event->text, "Redis refused to read"))
		atomic_fetch_add(&refusals_logged, 1);
	if (strstr(event->text, "held a batch for longer"))
		atomic_fetch_add(&taken_back, 1);
}

static int set_up(void **state)
{
	(void)state;
	seg_client_options options;
	seg_client_options_init(&options);
	options.timeout_ms = CLIENT_MS;
	options.log = see_log;
	atomic_store(&refusals_logged, 0);
	atomic_store(&taken_back, 0);
	session_timeout_ms = 10000;
	atomic_store(&is_decoding, false);
	atomic_store(&may_end, false);
	test_consumed_start(2, &options);
	return 0;
}

static seg_consumer *join(seg_codec codec)
{
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.codec = codec;
	options.session_timeout_ms = session_timeout_ms;
	return test_consumer_open(rig.client, "s", &options);
}

static void add(int partition, const char *fields)
{
	char text[256];
	snprintf(text, sizeof(text), "XADD __default:s:partition_%d * %s", partition, fields);
	test_rig_tell(text);
}

static bool is_dead_lettered(void *arg)
{
	(void)arg;
	return test_consumed_letters() == 1;
}

/* --- calls that must not outlast their bound, on a thread that can be given up ------------- */

typedef struct {
	seg_consumer *consumer;
	const seg_batch *batch;
	int status;
} call;

static void *run_poll(void *arg)
{
	call *c = arg;
	c->status = seg_consumer_poll(c->consumer, CALL_MS, &c->batch, NULL);
	return NULL;
}

static void *run_dead_letter(void *arg)
{
	call *c = arg;
	c->status = seg_consumer_dead_letter(c->consumer, c->batch, 0, "no good", NULL);
	return NULL;
}

static void *run_close(void *arg)
{
	call *c = arg;
	c->status = seg_consumer_close(c->consumer, CALL_MS, NULL);
	return NULL;
}

/* Far longer than any call's own bound. */
static int bounded(void *(*run)(void *), call *c)
{
	pthread_t thread;
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += PATIENCE_MS / 1000;
	assert_int_equal(pthread_create(&thread, NULL, run, c), 0);
	if (pthread_timedjoin_np(thread, NULL, &deadline))
		fail_msg("a call bounded to %d ms or less took more than %d ms", CLIENT_MS, PATIENCE_MS);
	return c->status;
}

/* A consumer whose next message is unreadable, and Redis does not answer any more. */
static seg_consumer *before_an_unreadable_message(void)
{
	add(0, "partitionKey k data good");
	add(0, "partitionKey k");
	add(0, "partitionKey k data next");
	seg_consumer *consumer = join(SEG_CODEC_RAW);
	const seg_batch *batch = test_consumer_poll(consumer);
	test_rig_tell("CLIENT PAUSE 60000 WRITE");
	test_consumer_finish(consumer, batch);
	return consumer;
}

static void a_poll_keeps_its_timeout_while_a_message_cannot_be_dead_lettered(void **state)
{
	(void)state;
	call c = {.consumer = before_an_unreadable_message()};
	assert_int_equal(bounded(run_poll, &c), 0);
	assert_int_equal(bounded(run_poll, &c), 0);
	test_rig_tell("CLIENT UNPAUSE");
	const seg_batch *batch = test_consumer_poll(c.consumer);
	assert_memory_equal(batch->messages[0].data, "next", 4);
	assert_int_equal(test_consumed_letters(), 1);
	test_consumer_finish(c.consumer, batch);
	assert_int_equal(seg_consumer_close(c.consumer, PATIENCE_MS, NULL), 0);
}

static void a_close_keeps_its_timeout_while_a_message_cannot_be_dead_lettered(void **state)
{
	(void)state;
	call c = {.consumer = before_an_unreadable_message()};
	assert_int_equal(bounded(run_poll, &c), 0);
	assert_int_equal(bounded(run_close, &c), SEG_ETIMEOUT);
	test_rig_tell("CLIENT UNPAUSE");
}

static void a_dead_letter_waits_as_long_as_the_clients_calls_and_can_be_waited_for_again(void **state)
{
	(void)state;
	add(0, "partitionKey k data bad");
	seg_consumer *consumer = join(SEG_CODEC_RAW);
	call c = {.consumer = consumer, .batch = test_consumer_poll(consumer)};
	test_rig_tell("CLIENT PAUSE 60000 WRITE");
	assert_int_equal(bounded(run_dead_letter, &c), SEG_ETIMEOUT);
	test_rig_tell("CLIENT UNPAUSE");
	/* The answer comes while no call waits for it. */
	test_wait_until(is_dead_lettered, NULL, PATIENCE_MS, "the message is dead-lettered");
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	assert_int_equal(bounded(run_dead_letter, &c), 0);
	assert_int_equal(test_consumed_letters(), 1);
	seg_consumer_release(consumer, c.batch);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

/* A poll takes what is ready, though an unreadable message comes first. */
static void a_poll_without_a_timeout_looks_past_an_unreadable_message(void **state)
{
	(void)state;
	const seg_batch *held[2] = {NULL}, *batch = NULL;
	seg_consumer *consumer = join(SEG_CODEC_RAW);
	for (int i = 0; i < 2; i++) {
		test_rig_tell("MULTI");
		add(i, "partitionKey k data good");
		add(i, i == 0 ? "partitionKey k" : "partitionKey k data next");
		test_rig_tell("EXEC");
		batch = test_consumer_poll(consumer);
		held[batch->partition] = batch;
		assert_int_equal(batch->count, i == 0 ? 1 : 2);
	}
	assert_int_equal(held[0]->count, 1);
	/* Partition 0 has its turn, and the unreadable message next; partition 1 has a good one. */
	assert_int_equal(seg_consumer_commit(consumer, held[0], 1, NULL), 0);
	assert_int_equal(seg_consumer_commit(consumer, held[1], 1, NULL), 0);
	seg_consumer_release(consumer, held[0]);
	seg_consumer_release(consumer, held[1]);
	assert_int_equal(seg_consumer_poll(consumer, 0, &batch, NULL), 1);
	assert_int_equal(batch->partition, 1);
	test_consumer_finish(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

/* --- the end of an ownership ------------------------------------------------------------- */

static seg_consumer *join_as(const char *member, uint32_t max_processing_ms)
{
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.member = member;
	options.max_processing_ms = max_processing_ms;
	return test_consumer_open(rig.client, "s", &options);
}

static bool is_taken_back(void *arg)
{
	call *c = arg;
	return seg_consumer_commit(c->consumer, c->batch, 1, NULL) == SEG_EFENCED;
}

static bool has_failed(void *arg)
{
	call *c = arg;
	return seg_consumer_poll(c->consumer, 0, &c->batch, NULL) == SEG_EFENCED;
}

static void a_sync_does_not_wait_for_a_partition_that_was_lost_while_it_was_released(void **state)
{
	(void)state;
	add(0, "partitionKey k data good");
	seg_consumer *consumer = join_as("m", 100);
	call c = {.consumer = consumer, .batch = test_consumer_poll(consumer)};
	/* Neither a commit nor a release succeeds. */
	test_rig_tell("SET {__default:s:partition_0}:g:state x");
	assert_int_equal(seg_consumer_commit(consumer, c.batch, 1, NULL), 0);
	test_wait_until(is_taken_back, &c, PATIENCE_MS, "the batch is taken back");
	seg_consumer_release(consumer, c.batch);
	assert_int_equal(seg_consumer_sync(consumer, CALL_MS, NULL), SEG_ETIMEOUT);
	test_rig_tell("HSET {__default:s}:g:members m other");
	test_wait_until(has_failed, &c, PATIENCE_MS, "another process has taken the name over");
	assert_int_equal(seg_consumer_sync(consumer, CALL_MS, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

/* --- decoding ---------------------------------------------------------------------------- */

int __real_seg_codec_decode(seg_codec codec, seg_message *message, seg_arena *arena, seg_error *error);
int __wrap_seg_codec_decode(seg_codec codec, seg_message *message, seg_arena *arena, seg_error *error);

/* In place of the codec's: what takes long to decode takes as long as the test wants. */
int __wrap_seg_codec_decode(seg_codec codec, seg_message *message, seg_arena *arena, seg_error *error)
{
	if (message->key_length == 4 && memcmp(message->key, "slow", 4) == 0) {
		long long until = test_now_ms() + PATIENCE_MS;
		atomic_store(&is_decoding, true);
		while (!atomic_load(&may_end) && test_now_ms() < until)
			sched_yield();
	}
	return __real_seg_codec_decode(codec, message, arena, error);
}

static void *poll_slow(void *arg)
{
	call *c = arg;
	c->status = seg_consumer_poll(c->consumer, 2 * PATIENCE_MS, &c->batch, NULL);
	return NULL;
}

static const char slow_message[] = "partitionKey slow data {\"data\":\"\",\"partitionKey\":\"slow\"}";

static bool decodes(void *arg)
{
	(void)arg;
	return atomic_load(&is_decoding);
}

static void a_poller_does_not_wait_for_what_another_one_decodes(void **state)
{
	(void)state;
	pthread_t thread;
	add(0, slow_message);
	seg_consumer *consumer = join(SEG_CODEC_SEGMENTER_GO);
	call c = {.consumer = consumer};
	assert_int_equal(pthread_create(&thread, NULL, poll_slow, &c), 0);
	test_wait_until(decodes, NULL, PATIENCE_MS, "the slow message is being decoded");
	add(1, "partitionKey fast data {\"data\":\"\",\"partitionKey\":\"fast\"}");
	const seg_batch *batch = test_consumer_poll(consumer);
	assert_memory_equal(batch->messages[0].key, "fast", 4);
	atomic_store(&may_end, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(c.status, 1);
	test_consumer_finish(consumer, batch);
	test_consumer_finish(consumer, c.batch);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

static void the_time_to_decode_is_none_of_the_callers_processing_time(void **state)
{
	(void)state;
	pthread_t thread;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.codec = SEG_CODEC_SEGMENTER_GO;
	options.max_processing_ms = 50;
	add(0, slow_message);
	call c = {.consumer = test_consumer_open(rig.client, "s", &options)};
	assert_int_equal(pthread_create(&thread, NULL, poll_slow, &c), 0);
	test_wait_until(decodes, NULL, PATIENCE_MS, "the slow message is being decoded");
	/* Many times as long, and nothing else comes. */
	const seg_batch *none;
	assert_int_equal(seg_consumer_poll(c.consumer, 500, &none, NULL), 0);
	atomic_store(&may_end, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(c.status, 1);
	assert_int_equal(atomic_load(&taken_back), 0);
	seg_consumer_release(c.consumer, c.batch);
	assert_int_equal(seg_consumer_close(c.consumer, PATIENCE_MS, NULL), 0);
}

/* --- reading ----------------------------------------------------------------------------- */

static void a_log_that_redis_refuses_to_read_stops_no_other_and_is_named(void **state)
{
	(void)state;
	seg_consumer *consumer = join(SEG_CODEC_RAW);
	for (int partition = 0; partition < 2; partition++) {
		add(partition, "partitionKey k data first");
		test_consumer_finish(consumer, test_consumer_poll(consumer));
	}
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	test_rig_tell("DEL __default:s:partition_1");
	test_rig_tell("SET __default:s:partition_1 x");
	for (int i = 0; i < 20; i++) {
		add(0, "partitionKey k data more");
		const seg_batch *batch = test_consumer_poll(consumer);
		assert_int_equal(batch->partition, 0);
		test_consumer_finish(consumer, batch);
	}
	assert_true(atomic_load(&refusals_logged) > 0);
	(void)seg_consumer_close(consumer, CALL_MS, NULL); /* it cannot be released */
}

static bool was_refused(void *arg)
{
	(void)arg;
	return atomic_load(&refusals_logged) > 0;
}

static void a_log_that_redis_refused_to_read_is_read_again_once_it_is_a_stream(void **state)
{
	(void)state;
	seg_consumer *consumer = join(SEG_CODEC_RAW);
	add(1, "partitionKey k data first");
	test_consumer_finish(consumer, test_consumer_poll(consumer));
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	test_rig_tell("RENAME __default:s:partition_1 {__default:s:partition_1}:away");
	test_rig_tell("SET __default:s:partition_1 x");
	test_wait_until(was_refused, NULL, PATIENCE_MS, "Redis refused a read of partition 1");
	test_rig_tell("RENAME {__default:s:partition_1}:away __default:s:partition_1");
	add(1, "partitionKey k data second");
	const seg_batch *batch = test_consumer_poll(consumer);
	assert_memory_equal(batch->messages[0].data, "second", 6);
	test_consumer_finish(consumer, batch);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

/* --- what Redis refuses ------------------------------------------------------------------ */

/* So long after the refusals have begun, they have lasted for a session. */
enum { SESSION_MS = 1000, LONGER_MS = 2 * SESSION_MS };

static seg_consumer *join_and_take_one(void)
{
	session_timeout_ms = SESSION_MS;
	seg_consumer *consumer = join(SEG_CODEC_RAW);
	for (int partition = 0; partition < 2; partition++) {
		add(partition, "partitionKey k data first");
		test_consumer_finish(consumer, test_consumer_poll(consumer));
	}
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	return consumer;
}

typedef struct {
	seg_consumer *consumer;
	const char *words;
	int status;
} told;

static bool poll_tells(void *arg)
{
	told *t = arg;
	const seg_batch *batch;
	seg_error error = {0};
	t->status = seg_consumer_poll(t->consumer, 20, &batch, &error);
	assert_int_not_equal(t->status, 1);
	return t->status < 0 && strstr(error.text, t->words);
}

/* Once the right is granted, the messages come. */
static void goes_on_with(seg_consumer *consumer, const char *grant)
{
	const seg_batch *batch;
	long long until = test_now_ms() + PATIENCE_MS;
	int got;
	test_rig_tell(grant);
	add(0, "partitionKey k data second");
	do {
		got = seg_consumer_poll(consumer, 100, &batch, NULL);
	} while (got != 1 && test_now_ms() < until);
	assert_int_equal(got, 1);
	test_consumer_finish(consumer, batch);
	assert_int_equal(seg_consumer_poll(consumer, LONGER_MS, &batch, NULL), 0);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

/* Returns its consumer, which is told `words` while the right is missing. */
static seg_consumer *hear_of(const char *words, const char *take)
{
	told t = {.consumer = join_and_take_one(), .words = words};
	test_rig_tell(take);
	test_rig_tell("CLIENT KILL TYPE normal"); /* and a read that has begun before */
	test_wait_until(poll_tells, &t, PATIENCE_MS, words);
	assert_int_equal(t.status, SEG_EAUTH);
	return t.consumer;
}

static void a_poll_names_the_right_to_read_that_is_missing_for_a_session(void **state)
{
	(void)state;
	seg_consumer *consumer = hear_of("s now, Redis refuses a read: ", "ACL SETUSER default -xread");
	assert_true(poll_tells(&(told){.consumer = consumer, .words = "grant +xread"}));
	goes_on_with(consumer, "ACL SETUSER default +xread");
}

static void a_poll_names_the_right_to_heartbeats_that_is_missing_for_a_session(void **state)
{
	(void)state;
	goes_on_with(hear_of("s now, Redis refuses the heartbeat: ", "ACL SETUSER default -evalsha"),
		     "ACL SETUSER default +evalsha");
}

static void polls_are_empty_while_one_of_two_partitions_cannot_be_read(void **state)
{
	(void)state;
	const seg_batch *batch;
	seg_consumer *consumer = join_and_take_one();
	test_rig_tell("DEL __default:s:partition_1");
	test_rig_tell("SET __default:s:partition_1 x");
	test_rig_tell("CLIENT KILL TYPE normal");
	test_wait_until(was_refused, NULL, PATIENCE_MS, "Redis refused a read of partition 1");
	assert_int_equal(seg_consumer_poll(consumer, LONGER_MS, &batch, NULL), 0);
	(void)seg_consumer_close(consumer, CALL_MS, NULL); /* nor can it be released */
}

static bool redis_has_refused(void *arg)
{
	redisReply *errors = test_server_command(rig.redis, "INFO errorstats");
	bool has = strstr(errors->str, arg) != NULL;
	freeReplyObject(errors);
	return has;
}

/* The other partition has nothing to commit. */
static void and_while_one_of_them_cannot_be_committed(void **state)
{
	(void)state;
	const seg_batch *batch;
	seg_consumer *consumer = join_and_take_one();
	test_rig_tell("SET {__default:s:partition_0}:g:state x");
	add(0, "partitionKey k data second");
	test_consumer_finish(consumer, test_consumer_poll(consumer));
	test_wait_until(redis_has_refused, "errorstat_WRONGTYPE", PATIENCE_MS,
			"Redis refused a commit of partition 0");
	assert_int_equal(seg_consumer_poll(consumer, LONGER_MS, &batch, NULL), 0);
	(void)seg_consumer_close(consumer, CALL_MS, NULL); /* nor can it be released */
}

/* A right that is missing concerns the other partition, too, which has nothing to commit. */
static void a_poll_names_the_right_that_one_commit_has_lacked_for_a_session(void **state)
{
	(void)state;
	told t = {.consumer = join_and_take_one(), .words = "partition 0: for "};
	test_rig_tell("ACL SETUSER default -xgroup");
	add(0, "partitionKey k data second");
	test_consumer_finish(t.consumer, test_consumer_poll(t.consumer));
	test_wait_until(poll_tells, &t, PATIENCE_MS, "the poll tells of the refused commit");
	assert_int_equal(t.status, SEG_EAUTH);
	goes_on_with(t.consumer, "ACL SETUSER default +xgroup");
}

static void a_poll_names_the_commits_that_are_refused_for_a_session(void **state)
{
	(void)state;
	told t = {.consumer = join_and_take_one(), .words = "2 partitions, such as "};
	test_rig_tell("ACL SETUSER default -xgroup");
	for (int partition = 0; partition < 2; partition++) {
		add(partition, "partitionKey k data second");
		test_consumer_finish(t.consumer, test_consumer_poll(t.consumer));
	}
	test_wait_until(poll_tells, &t, PATIENCE_MS, "the poll tells of the refused commits");
	assert_int_equal(t.status, SEG_EAUTH);
	t.words = "s now, Redis refuses a commit: ";
	assert_true(poll_tells(&t));
	goes_on_with(t.consumer, "ACL SETUSER default +xgroup");
}

static void polls_are_empty_while_redis_refuses_what_may_pass_by_itself(void **state)
{
	(void)state;
	const seg_batch *batch;
	seg_consumer *consumer = join_and_take_one();
	test_rig_tell("CONFIG SET min-replicas-to-write 1");
	test_wait_until(redis_has_refused, "errorstat_NOREPLICAS", PATIENCE_MS, "Redis refused a heartbeat");
	assert_int_equal(seg_consumer_poll(consumer, LONGER_MS, &batch, NULL), 0);
	test_rig_tell("CONFIG SET min-replicas-to-write 0");
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

/* A machine may be too busy for it now and then, but not each time. */
static void a_close_without_a_timeout_still_commits_where_redis_answers(void **state)
{
	(void)state;
	enum { TRIES = 50 };
	int tries = 0, status = SEG_ETIMEOUT;
	session_timeout_ms = 1000; /* after a close that gave up, the next consumer waits so long */
	while (status && ++tries <= TRIES) {
		add(0, "partitionKey k data good");
		seg_consumer *consumer = join(SEG_CODEC_RAW);
		const seg_batch *batch = test_consumer_poll(consumer);
		assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, NULL), 0);
		seg_consumer_release(consumer, batch);
		status = seg_consumer_close(consumer, 0, NULL);
	}
	assert_int_equal(status, 0);
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	assert_non_null(info);
	assert_int_equal(info->partitions[0].lag, 0);
	seg_group_info_free(info);
}

static void what_is_null_is_an_error_and_no_crash(void **state)
{
	(void)state;
	const seg_batch *batch;
	seg_consumer *consumer = join(SEG_CODEC_RAW);
	seg_consumer_release(consumer, NULL);
	seg_consumer_release(NULL, NULL);
	assert_int_equal(seg_consumer_poll(consumer, 0, NULL, NULL), SEG_EINVAL);
	assert_int_equal(seg_consumer_poll(NULL, 0, &batch, NULL), SEG_EINVAL);
	assert_int_equal(seg_consumer_commit(consumer, NULL, 0, NULL), SEG_EINVAL);
	assert_int_equal(seg_consumer_commit(NULL, NULL, 0, NULL), SEG_EINVAL);
	assert_int_equal(seg_consumer_dead_letter(consumer, NULL, 0, "bad", NULL), SEG_EINVAL);
	assert_int_equal(seg_consumer_dead_letter(NULL, NULL, 0, "bad", NULL), SEG_EINVAL);
	assert_int_equal(seg_consumer_emit(consumer, NULL, 0, NULL, NULL), SEG_EINVAL);
	assert_int_equal(seg_consumer_emit(NULL, NULL, 0, NULL, NULL), SEG_EINVAL);
	assert_int_equal(seg_consumer_sync(NULL, 0, NULL), SEG_EINVAL);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
	consumer = (seg_consumer *)&batch;
	assert_int_equal(seg_consumer_open(rig.client, "s", NULL, &consumer, NULL), SEG_EINVAL);
	assert_null(consumer);
}

static void refuses(const seg_consumer_options *options, const char *words)
{
	seg_error error;
	seg_consumer *consumer;
	assert_int_equal(seg_consumer_open(rig.client, "s", options, &consumer, &error), SEG_EINVAL);
	assert_null(consumer);
	if (!strstr(error.text, words))
		fail_msg("\"%s\" lacks \"%s\"", error.text, words);
}

static seg_consumer_options options_of_g(void)
{
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	return options;
}

static void options_out_of_range_are_refused_with_their_value(void **state)
{
	(void)state;
	seg_consumer_options options = options_of_g();
	options.codec = (seg_codec)2;
	refuses(&options, "codec is 2; it must be SEG_CODEC_RAW or");
	options = options_of_g();
	options.dead_letters = (seg_dead_letters)2;
	refuses(&options, "dead_letters is 2; it must be SEG_DEAD_LETTERS_DROP_OLDEST or");
	options = options_of_g();
	options.start.kind = (seg_start_kind)4;
	refuses(&options, "start.kind is 4; it must be SEG_START_EARLIEST,");
	options = options_of_g();
	options.parallel = 257;
	refuses(&options, "parallel is 257; it must be 1 to 256");
	options = options_of_g();
	options.in_flight_batches = 1;
	refuses(&options, "in_flight_batches is 1; it must be 2 to 64");
}

/* --- no descriptors ----------------------------------------------------------------------- */

static void what_needs_a_descriptor_names_the_limit_that_is_reached(void **state)
{
	(void)state;
	struct rlimit before, none;
	seg_consumer_options options = options_of_g();
	seg_consumer *consumer;
	seg_producer *producer;
	seg_error of_consumer, of_producer;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int next = dup(STDERR_FILENO);
	assert_int_equal(close(next), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int consumed = seg_consumer_open(rig.client, "s", &options, &consumer, &of_consumer);
	int produced = seg_producer_open(rig.stream, NULL, &producer, &of_producer);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(consumed, SEG_ESYSTEM);
	assert_non_null(strstr(of_consumer.text, "raise the limit of open files (ulimit -n, LimitNOFILE)"));
	assert_int_equal(produced, SEG_ESYSTEM);
	assert_non_null(strstr(of_producer.text, "raise the limit of open files (ulimit -n, LimitNOFILE)"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_poll_keeps_its_timeout_while_a_message_cannot_be_dead_lettered),
		TEST(a_close_keeps_its_timeout_while_a_message_cannot_be_dead_lettered),
		TEST(a_dead_letter_waits_as_long_as_the_clients_calls_and_can_be_waited_for_again),
		TEST(a_poll_without_a_timeout_looks_past_an_unreadable_message),
		TEST(a_sync_does_not_wait_for_a_partition_that_was_lost_while_it_was_released),
		TEST(a_poller_does_not_wait_for_what_another_one_decodes),
		TEST(the_time_to_decode_is_none_of_the_callers_processing_time),
		TEST(a_log_that_redis_refuses_to_read_stops_no_other_and_is_named),
		TEST(a_log_that_redis_refused_to_read_is_read_again_once_it_is_a_stream),
		TEST(a_close_without_a_timeout_still_commits_where_redis_answers),
		TEST(a_poll_names_the_right_to_read_that_is_missing_for_a_session),
		TEST(a_poll_names_the_right_to_heartbeats_that_is_missing_for_a_session),
		TEST(polls_are_empty_while_one_of_two_partitions_cannot_be_read),
		TEST(and_while_one_of_them_cannot_be_committed),
		TEST(a_poll_names_the_right_that_one_commit_has_lacked_for_a_session),
		TEST(a_poll_names_the_commits_that_are_refused_for_a_session),
		TEST(polls_are_empty_while_redis_refuses_what_may_pass_by_itself),
		TEST(what_is_null_is_an_error_and_no_crash),
		TEST(options_out_of_range_are_refused_with_their_value),
		TEST(what_needs_a_descriptor_names_the_limit_that_is_reached),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
