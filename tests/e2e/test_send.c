/* test_send.c - the blocking sends: records are added once and in order, or the status says why not. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/log.h"
#include "harness/rig.h"
#include "harness/storm.h"

static seg_client *open_client(uint32_t timeout_ms)
{
	seg_client_options options;
	seg_client_options_init(&options);
	options.timeout_ms = timeout_ms;
	return test_rig_client(&options);
}

static int start_with(void **state, const char *arguments, uint32_t timeout_ms)
{
	test_rig_set_up_directory(state);
	test_rig_start(arguments);
	rig.client = open_client(timeout_ms);
	return 0;
}

static int start(void **state)
{
	return start_with(state, NULL, 10000);
}

static int start_impatient(void **state)
{
	return start_with(state, NULL, 1000);
}

static int start_durable(void **state)
{
	return start_with(state, "--appendonly yes --appendfsync always", 30000);
}

static seg_stream *make_stream(const char *name, uint32_t partitions, uint64_t size, seg_overflow overflow)
{
	seg_stream_shape shape = {partitions, size, overflow};
	seg_stream *stream;
	seg_error error = {0};
	if (seg_stream_register(rig.client, name, &shape, &stream, &error))
		fail_msg("%s", error.text);
	return stream;
}

static redisReply *ask(const char *command)
{
	redisContext *context = test_server_connect(rig.server);
	redisReply *reply = test_server_command(context, command);
	redisFree(context);
	return reply;
}

static long long ask_number(const char *command)
{
	redisReply *reply = ask(command);
	long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer
			   : reply->str                       ? atoll(reply->str)
							      : -1;
	freeReplyObject(reply);
	return number;
}

static seg_record text_record(const char *key, const char *data)
{
	return (seg_record){.key = key, .key_length = strlen(key), .data = data, .data_length = strlen(data)};
}

static int send_text(seg_stream *stream, const char *key, const char *data, seg_error *error)
{
	seg_record record = text_record(key, data);
	return seg_stream_send(stream, &record, NULL, error);
}

/* --- one record -------------------------------------------------------------------- */

static void a_record_lies_in_its_keys_partition_with_all_its_fields(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 20, 100, SEG_OVERFLOW_REJECT);
	seg_header headers[] = {{"tenant", 6, "a\0b", 3}, {"empty", 5, NULL, 0}};
	seg_record record = {"hextech", 7, "\0\xff\r\n$5", 6, headers, 2};
	seg_id id;
	char text[SEG_ID_TEXT_MAX];
	assert_int_equal(seg_stream_send(stream, &record, &id, NULL), 0);

	redisReply *reply = ask("XRANGE __default:s:partition_14 - +");
	assert_int_equal(reply->elements, 1);
	assert_string_equal(reply->element[0]->element[0]->str, seg_id_format(id, text));
	const redisReply *fields = reply->element[0]->element[1];
	const struct {
		const char *bytes;
		size_t length;
	} expected[] = {{"partitionKey", 12}, {"hextech", 7}, {"data", 4},  {"\0\xff\r\n$5", 6},
			{"tenant", 6},        {"a\0b", 3},    {"empty", 5}, {"", 0}};
	assert_int_equal(fields->elements, 8);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(fields->element[i]->len, expected[i].length);
		assert_memory_equal(fields->element[i]->str, expected[i].bytes, expected[i].length);
	}
	freeReplyObject(reply);
	seg_stream_close(stream);
}

static void key_and_data_may_be_empty(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 100, SEG_OVERFLOW_REJECT);
	seg_record record = {0};
	assert_int_equal(seg_stream_send(stream, &record, NULL, NULL), 0);
	assert_int_equal(test_log_count(rig.server, "s", 1), 1);
	seg_stream_close(stream);
}

static void a_record_over_the_limit_is_refused_before_it_is_sent(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 100, SEG_OVERFLOW_REJECT);
	size_t size = ((size_t)16 << 20) + 1;
	char *data = calloc(1, size);
	seg_record record = {.data = data, .data_length = size};
	seg_error error = {0};
	assert_int_equal(seg_stream_send(stream, &record, NULL, &error), SEG_ETOOBIG);
	assert_non_null(strstr(error.text, "max_message_bytes"));
	record.data_length--;
	assert_int_equal(seg_stream_send(stream, &record, NULL, &error), 0);
	free(data);
	seg_stream_close(stream);
}

static void an_invalid_record_is_refused(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 100, SEG_OVERFLOW_REJECT);
	seg_record record = {.data_length = 1};
	assert_int_equal(seg_stream_send(stream, &record, NULL, NULL), SEG_EINVAL);
	assert_int_equal(seg_stream_send(stream, NULL, NULL, NULL), SEG_EINVAL);
	assert_int_equal(test_log_count(rig.server, "s", 1), 0);
	seg_stream_close(stream);
}

/* --- a full partition ----------------------------------------------------------------- */

static void a_full_partition_refuses_and_loses_nothing(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 5, SEG_OVERFLOW_REJECT);
	/* A group that has read nothing: nothing may be trimmed. */
	freeReplyObject(ask("XGROUP CREATE __default:s:partition_0 g 0 MKSTREAM"));
	char data[16];
	for (int i = 0; i < 5; i++) {
		snprintf(data, sizeof(data), "k0:%d", i);
		assert_int_equal(send_text(stream, "k0", data, NULL), 0);
	}
	seg_error error = {0};
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_text(stream, "k0", "k0:5", &error), SEG_EFULL);
	assert_non_null(strstr(error.text, "partition 0 of stream \"s\" is full: 5 messages"));
	long count = 5;
	assert_int_equal(test_log_check(rig.server, "s", 1, 1, &count, false), 5);
	seg_stream_close(stream);
}

static void messages_that_every_group_committed_make_room(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 5, SEG_OVERFLOW_REJECT);
	freeReplyObject(ask("XGROUP CREATE __default:s:partition_0 g 0 MKSTREAM"));
	seg_id third = {0, 0};
	for (int i = 0; i < 5; i++) {
		seg_record record = text_record("k", "d");
		assert_int_equal(seg_stream_send(stream, &record, i <= 2 ? &third : NULL, NULL), 0);
	}
	assert_int_equal(send_text(stream, "k", "d", NULL), SEG_EFULL);
	char command[128], text[SEG_ID_TEXT_MAX];
	snprintf(command, sizeof(command), "XGROUP SETID __default:s:partition_0 g %s",
		 seg_id_format(third, text));
	freeReplyObject(ask(command));
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_text(stream, "k", "d", NULL), 0);
	assert_int_equal(send_text(stream, "k", "d", NULL), SEG_EFULL);
	seg_stream_close(stream);
}

static void a_batch_fills_a_partition_to_the_brim_and_the_rest_is_refused(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 300, SEG_OVERFLOW_REJECT);
	freeReplyObject(ask("XGROUP CREATE __default:s:partition_0 g 0 MKSTREAM"));
	enum { COUNT = 700 };
	static char data[COUNT][16];
	static seg_record records[COUNT];
	static seg_send_result results[COUNT];
	for (int i = 0; i < COUNT; i++) {
		snprintf(data[i], sizeof(data[i]), "k0:%d", i);
		records[i] = text_record("k0", data[i]);
	}
	seg_error error = {0};
	assert_int_equal(seg_stream_send_batch(stream, records, COUNT, results, &error), SEG_EFULL);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(results[i].status, i < 300 ? SEG_OK : SEG_EFULL);
	long count = 300;
	assert_int_equal(test_log_check(rig.server, "s", 1, 1, &count, false), 300);
	seg_stream_close(stream);
}

static void dropping_the_oldest_must_be_asked_for_and_is_counted(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 5, SEG_OVERFLOW_DROP_OLDEST);
	freeReplyObject(ask("XGROUP CREATE __default:s:partition_0 g 0 MKSTREAM"));
	char data[16];
	for (int i = 0; i < 12; i++) {
		snprintf(data, sizeof(data), "k0:%d", i);
		assert_int_equal(send_text(stream, "k0", data, NULL), 0);
	}
	long count = 12;
	assert_int_equal(test_log_check(rig.server, "s", 1, 1, &count, true), 5);
	assert_int_equal(ask_number("HGET {__default:s:partition_0}:counters dropped"), 7);
	seg_stream_close(stream);
}

/* --- batches --------------------------------------------------------------------------- */

enum { BATCH = 5000, BATCH_KEYS = 40 };

static char batch_data[BATCH][24];
static char batch_keys[BATCH_KEYS][8];
static seg_record batch[BATCH];
static seg_send_result batch_results[BATCH];
static long batch_counts[BATCH_KEYS];

/* Sends BATCH more records, over all keys. */
static void fill_batch(bool anew)
{
	if (anew)
		memset(batch_counts, 0, sizeof(batch_counts));
	for (int i = 0; i < BATCH; i++) {
		int k = (i * 7) % BATCH_KEYS;
		snprintf(batch_keys[k], sizeof(batch_keys[k]), "k%d", k);
		snprintf(batch_data[i], sizeof(batch_data[i]), "k%d:%ld", k, batch_counts[k]++);
		batch[i] = text_record(batch_keys[k], batch_data[i]);
	}
}

static void a_batch_is_added_in_order_over_all_partitions(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 8, 100000, SEG_OVERFLOW_REJECT);
	fill_batch(true);
	assert_int_equal(seg_stream_send_batch(stream, batch, BATCH, batch_results, NULL), 0);
	seg_id last[8] = {{0, 0}};
	for (int i = 0; i < BATCH; i++) {
		uint32_t p = batch_results[i].partition;
		assert_int_equal(batch_results[i].status, SEG_OK);
		assert_int_equal(p, seg_partition_of(batch[i].key, batch[i].key_length, 8));
		assert_int_equal(seg_id_compare(last[p], batch_results[i].id), -1);
		last[p] = batch_results[i].id;
	}
	assert_int_equal(test_log_check(rig.server, "s", 8, BATCH_KEYS, batch_counts, false), BATCH);
	seg_stream_close(stream);
}

static void large_records_are_sent_in_several_steps(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 2, 1000, SEG_OVERFLOW_REJECT);
	enum { COUNT = 20 };
	size_t size = 300000;
	char *data = calloc(1, size);
	seg_record records[COUNT];
	seg_send_result results[COUNT];
	for (int i = 0; i < COUNT; i++)
		records[i] = (seg_record){.key = i % 2 ? "a" : "b",
					  .key_length = 1,
					  .data = data,
					  .data_length = size};
	assert_int_equal(seg_stream_send_batch(stream, records, COUNT, results, NULL), 0);
	assert_int_equal(test_log_count(rig.server, "s", 2), COUNT);
	free(data);
	seg_stream_close(stream);
}

static void an_empty_batch_is_sent_and_a_bad_record_stops_all(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 100, SEG_OVERFLOW_REJECT);
	assert_int_equal(seg_stream_send_batch(stream, NULL, 0, NULL, NULL), 0);
	seg_record records[2] = {text_record("k", "d"), {.data_length = 1}};
	seg_send_result results[2];
	seg_error error = {0};
	assert_int_equal(seg_stream_send_batch(stream, records, 2, results, &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "record 2 of 2"));
	assert_int_equal(results[0].status, SEG_EINVAL);
	assert_int_equal(test_log_count(rig.server, "s", 1), 0);
	seg_stream_close(stream);
}

static void a_partition_that_fails_does_not_stop_the_others(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 8, 100000, SEG_OVERFLOW_REJECT);
	freeReplyObject(ask("SET __default:s:partition_3 x"));
	fill_batch(true);
	seg_error error = {0};
	assert_int_equal(seg_stream_send_batch(stream, batch, BATCH, batch_results, &error), SEG_ESERVER);
	assert_non_null(strstr(error.text, "WRONGTYPE"));
	long added = 0;
	for (int i = 0; i < BATCH; i++) {
		assert_int_equal(batch_results[i].status,
				 batch_results[i].partition == 3 ? SEG_ESERVER : SEG_OK);
		added += batch_results[i].status == SEG_OK;
	}
	assert_in_range(added, 1, BATCH - 1);
	freeReplyObject(ask("DEL __default:s:partition_3"));
	assert_int_equal(test_log_count(rig.server, "s", 8), added);
	seg_stream_close(stream);
}

/* --- faults ------------------------------------------------------------------------------ */

static void a_storm_of_killed_connections_adds_nothing_twice(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 8, 10000000, SEG_OVERFLOW_REJECT);
	test_storm storm;
	test_storm_start(&storm, rig.server, 60);
	long sent = 0;
	long long until = test_now_ms() + 4000;
	seg_error error = {0};
	memset(batch_counts, 0, sizeof(batch_counts));
	while (test_now_ms() < until) {
		fill_batch(false);
		if (seg_stream_send_batch(stream, batch, BATCH, batch_results, &error))
			fail_msg("%s", error.text);
		sent += BATCH;
	}
	int strikes = test_storm_end(&storm);
	print_message("%ld records, %d strikes\n", sent, strikes);
	assert_true(strikes > 0);
	assert_int_equal(test_log_check(rig.server, "s", 8, BATCH_KEYS, batch_counts, false), sent);
	seg_stream_close(stream);
}

typedef struct {
	seg_stream *stream;
	long sent;
	seg_error error;
	atomic_bool over;
} batch_sender;

static void *send_batches(void *arg)
{
	batch_sender *s = arg;
	while (!atomic_load(&s->over)) {
		fill_batch(false);
		if (seg_stream_send_batch(s->stream, batch, BATCH, batch_results, &s->error))
			break;
		s->sent += BATCH;
	}
	return NULL;
}

static void a_redis_killed_and_restarted_adds_nothing_twice_and_loses_nothing(void **state)
{
	(void)state;
	batch_sender sender = {.stream = make_stream("s", 8, 10000000, SEG_OVERFLOW_REJECT)};
	memset(batch_counts, 0, sizeof(batch_counts));
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, send_batches, &sender), 0);
	for (int i = 0; i < 10; i++) {
		struct timespec pause = {.tv_nsec = 200 * 1000000L};
		nanosleep(&pause, NULL);
		test_server_kill(rig.server);
		test_server_restart(rig.server);
	}
	atomic_store(&sender.over, true);
	pthread_join(thread, NULL);
	if (sender.error.status)
		fail_msg("%s", sender.error.text);
	assert_int_equal(test_log_check(rig.server, "s", 8, BATCH_KEYS, batch_counts, false), sender.sent);
	print_message("%ld records over 10 restarts\n", sender.sent);
	seg_stream_close(sender.stream);
}

static void scripts_that_redis_forgot_are_handed_over_again(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 1000, SEG_OVERFLOW_REJECT);
	for (int i = 0; i < 20; i++) {
		freeReplyObject(ask("SCRIPT FLUSH"));
		assert_int_equal(send_text(stream, "k", "d", NULL), 0);
	}
	assert_int_equal(test_log_count(rig.server, "s", 1), 20);
	seg_stream_close(stream);
}

static bool is_sent_and_registered(void *stream)
{
	assert_int_equal(send_text(stream, "k", "d", NULL), 0);
	redisReply *reply = ask("HGET {__default:s}:info partitions");
	bool registered = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "1") == 0;
	freeReplyObject(reply);
	return registered;
}

static bool is_refused(void *stream)
{
	return send_text(stream, "k", "d", NULL) == SEG_ESHAPE;
}

static void a_registration_that_redis_lost_is_made_again_and_another_shape_is_refused(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 1000000, SEG_OVERFLOW_REJECT);
	freeReplyObject(ask("FLUSHALL"));
	test_wait_until(is_sent_and_registered, stream, 20000, "the stream is registered again");
	freeReplyObject(ask("HSET {__default:s}:info partitions 4"));
	test_wait_until(is_refused, stream, 20000, "records are refused");
	int before = (int)test_log_count(rig.server, "s", 1);
	assert_true(is_refused(stream));
	assert_int_equal(test_log_count(rig.server, "s", 1), before);
	freeReplyObject(ask("HSET {__default:s}:info partitions 1"));
	assert_int_equal(send_text(stream, "k", "d", NULL), 0);
	seg_stream_close(stream);
}

static void a_redis_that_is_gone_is_unreachable_and_nothing_was_added(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 1000, SEG_OVERFLOW_REJECT);
	test_server_kill(rig.server);
	/* The first send may notice the dead connection only after it has written the command. */
	seg_error error = {0};
	int status = send_text(stream, "k", "d", &error);
	assert_true(status == SEG_EUNREACHABLE || status == SEG_EUNKNOWN);
	long long before = test_now_ms();
	assert_int_equal(send_text(stream, "k", "d", &error), SEG_EUNREACHABLE);
	assert_in_range(test_now_ms() - before, 900, 3000);
	assert_non_null(strstr(error.text, rig.server->socket));
	test_server_restart(rig.server);
	seg_stream_close(stream);
}

static void a_redis_that_stops_before_it_answers_leaves_the_fate_unknown(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 1000, SEG_OVERFLOW_REJECT);
	kill(rig.server->pid, SIGSTOP);
	seg_error error = {0};
	long long before = test_now_ms();
	int status = send_text(stream, "k", "d", &error);
	long long took = test_now_ms() - before;
	kill(rig.server->pid, SIGCONT);
	assert_int_equal(status, SEG_EUNKNOWN);
	assert_non_null(strstr(error.text, "may have been added"));
	assert_in_range(took, 900, 3000);
	/* The client still works. */
	assert_int_equal(send_text(stream, "k", "d", NULL), 0);
	seg_stream_close(stream);
}

static void a_redis_out_of_memory_says_so_and_adds_nothing(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 1, 1000, SEG_OVERFLOW_REJECT);
	freeReplyObject(ask("CONFIG SET maxmemory 1"));
	seg_error error = {0};
	assert_int_equal(send_text(stream, "k", "d", &error), SEG_ESERVER);
	assert_non_null(strstr(error.text, "OOM"));
	freeReplyObject(ask("CONFIG SET maxmemory 0"));
	assert_int_equal(test_log_count(rig.server, "s", 1), 0);
	assert_int_equal(send_text(stream, "k", "d", NULL), 0);
	seg_stream_close(stream);
}

static void a_missing_right_is_named(void **state)
{
	(void)state;
	freeReplyObject(ask("ACL SETUSER app on >pw ~* +@all"));
	seg_client_options options;
	seg_client_options_init(&options);
	char address[256];
	snprintf(address, sizeof(address), "unix://app:pw@%s", rig.server->socket);
	options.address = address;
	seg_client *app;
	seg_stream *stream;
	seg_stream_shape shape = {1, 10, SEG_OVERFLOW_REJECT};
	assert_int_equal(seg_client_open(&options, &app, NULL), 0);
	assert_int_equal(seg_stream_register(app, "s", &shape, &stream, NULL), 0);
	freeReplyObject(ask("ACL SETUSER app -evalsha"));
	seg_error error = {0};
	assert_int_equal(send_text(stream, "k", "d", &error), SEG_EAUTH);
	assert_non_null(strstr(error.text, "evalsha"));
	seg_stream_close(stream);
	seg_client_close(app);
}

/* --- threads ------------------------------------------------------------------------------- */

typedef struct {
	seg_stream *stream;
	int key;
} sender_thread;

enum { THREADS = 8, EACH = 300 };

static void *send_many(void *arg)
{
	sender_thread *s = arg;
	char key[8], data[24];
	snprintf(key, sizeof(key), "k%d", s->key);
	for (int i = 0; i < EACH; i++) {
		snprintf(data, sizeof(data), "%s:%d", key, i);
		if (send_text(s->stream, key, data, NULL))
			return s;
	}
	return NULL;
}

static void threads_may_send_through_one_client(void **state)
{
	(void)state;
	seg_stream *stream = make_stream("s", 4, 100000, SEG_OVERFLOW_REJECT);
	pthread_t threads[THREADS];
	sender_thread senders[THREADS];
	long counts[THREADS];
	for (int i = 0; i < THREADS; i++) {
		senders[i] = (sender_thread){stream, i};
		counts[i] = EACH;
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(test_log_check(rig.server, "s", 4, THREADS, counts, false), THREADS * EACH);
	seg_stream_close(stream);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_lies_in_its_keys_partition_with_all_its_fields),
		TEST(key_and_data_may_be_empty),
		TEST(a_record_over_the_limit_is_refused_before_it_is_sent),
		TEST(an_invalid_record_is_refused),
		TEST(a_full_partition_refuses_and_loses_nothing),
		TEST(messages_that_every_group_committed_make_room),
		TEST(a_batch_fills_a_partition_to_the_brim_and_the_rest_is_refused),
		TEST(dropping_the_oldest_must_be_asked_for_and_is_counted),
		TEST(a_batch_is_added_in_order_over_all_partitions),
		TEST(large_records_are_sent_in_several_steps),
		TEST(an_empty_batch_is_sent_and_a_bad_record_stops_all),
		TEST(a_partition_that_fails_does_not_stop_the_others),
		TEST(a_storm_of_killed_connections_adds_nothing_twice),
		cmocka_unit_test_setup_teardown(
			a_redis_killed_and_restarted_adds_nothing_twice_and_loses_nothing, start_durable,
			test_rig_tear_down),
		TEST(scripts_that_redis_forgot_are_handed_over_again),
		TEST(a_registration_that_redis_lost_is_made_again_and_another_shape_is_refused),
		cmocka_unit_test_setup_teardown(a_redis_that_is_gone_is_unreachable_and_nothing_was_added,
						start_impatient, test_rig_tear_down),
		cmocka_unit_test_setup_teardown(a_redis_that_stops_before_it_answers_leaves_the_fate_unknown,
						start_impatient, test_rig_tear_down),
		cmocka_unit_test_setup_teardown(a_redis_out_of_memory_says_so_and_adds_nothing,
						start_impatient, test_rig_tear_down),
		TEST(a_missing_right_is_named),
		TEST(threads_may_send_through_one_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
