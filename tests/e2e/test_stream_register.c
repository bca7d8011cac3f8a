/*
 * test_stream_register.c - a stream is registered once, with one shape, even if several processes register it
 * at once.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/rig.h"

static void a_registered_stream_is_opened_with_its_shape(void **state)
{
	(void)state;
	seg_client *client = test_rig_client(NULL);
	seg_stream_shape shape = {12, 3456, SEG_OVERFLOW_DROP_OLDEST};
	seg_stream *made, *found;
	assert_int_equal(seg_stream_register(client, "orders", &shape, &made, NULL), 0);
	assert_int_equal(seg_stream_open(client, "orders", &found, NULL), 0);
	assert_string_equal(seg_stream_name(found), "orders");
	assert_int_equal(seg_stream_get_shape(found)->partitions, 12);
	assert_int_equal(seg_stream_get_shape(found)->partition_size, 3456);
	assert_int_equal(seg_stream_get_shape(found)->overflow, SEG_OVERFLOW_DROP_OLDEST);
	seg_stream_close(made);
	seg_stream_close(found);
	/* Registers once more with the same shape. */
	assert_int_equal(seg_stream_register(client, "orders", &shape, &made, NULL), 0);
	seg_stream_close(made);
	seg_client_close(client);
}

static void another_shape_is_refused_and_both_are_named(void **state)
{
	(void)state;
	seg_client *client = test_rig_client(NULL);
	seg_stream_shape first = {8, 1000, SEG_OVERFLOW_REJECT};
	const seg_stream_shape others[] = {{9, 1000, SEG_OVERFLOW_REJECT},
					   {8, 1001, SEG_OVERFLOW_REJECT},
					   {8, 1000, SEG_OVERFLOW_DROP_OLDEST}};
	seg_stream *stream;
	assert_int_equal(seg_stream_register(client, "shaped", &first, &stream, NULL), 0);
	seg_stream_close(stream);
	for (size_t i = 0; i < 3; i++) {
		seg_error error = {0};
		assert_int_equal(seg_stream_register(client, "shaped", &others[i], &stream, &error),
				 SEG_ESHAPE);
		assert_null(stream);
		assert_non_null(strstr(error.text, "8 partitions of 1000 messages, overflow reject"));
		char asked[64];
		snprintf(asked, sizeof(asked), "not with %u of %llu, overflow %s", others[i].partitions,
			 (unsigned long long)others[i].partition_size,
			 others[i].overflow == SEG_OVERFLOW_REJECT ? "reject" : "drop-oldest");
		assert_non_null(strstr(error.text, asked));
	}
	seg_client_close(client);
}

static void a_stream_nobody_registered_is_not_found(void **state)
{
	(void)state;
	seg_client *client = test_rig_client(NULL);
	seg_stream *stream;
	seg_error error = {0};
	assert_int_equal(seg_stream_open(client, "nowhere", &stream, &error), SEG_ENOTFOUND);
	assert_non_null(strstr(error.text, "register it first"));
	seg_client_close(client);
}

static void names_and_shapes_out_of_range_are_refused(void **state)
{
	(void)state;
	seg_client *client = test_rig_client(NULL);
	const seg_stream_shape bad[] = {{0, 1, SEG_OVERFLOW_REJECT},
					{65537, 1, SEG_OVERFLOW_REJECT},
					{1, 0, SEG_OVERFLOW_REJECT},
					{1, ((uint64_t)1 << 40) + 1, SEG_OVERFLOW_REJECT},
					{1, 1, (seg_overflow)2}};
	const char *names[] = {"", "a b", "a:b", "{a}", "\xff", NULL};
	seg_stream *stream;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(seg_stream_register(client, "s", &bad[i], &stream, NULL), SEG_EINVAL);
	assert_int_equal(seg_stream_register(client, "s", NULL, &stream, NULL), SEG_EINVAL);
	seg_stream_shape good = {1, 1, SEG_OVERFLOW_REJECT};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(seg_stream_register(client, names[i], &good, &stream, NULL), SEG_EINVAL);
	seg_client_close(client);
}

static void a_key_of_another_type_is_reported(void **state)
{
	(void)state;
	redisContext *context = test_server_connect(rig.server);
	freeReplyObject(test_server_command(context, "HSET {__default:odd}:info partitions many"));
	freeReplyObject(test_server_command(context, "SET {__default:text}:info x"));
	redisFree(context);
	seg_client *client = test_rig_client(NULL);
	seg_stream *stream;
	seg_error error = {0};
	assert_int_equal(seg_stream_open(client, "odd", &stream, &error), SEG_EPROTOCOL);
	assert_non_null(strstr(error.text, "{__default:odd}:info"));
	assert_int_equal(seg_stream_open(client, "text", &stream, &error), SEG_EPROTOCOL);
	assert_non_null(strstr(error.text, "{__default:text}:info"));
	seg_client_close(client);
}

/* --- many at once --------------------------------------------------------------- */

enum { THREADS = 16, PROCESSES = 6 };

typedef struct {
	pthread_barrier_t *barrier;
	seg_client *client;
	seg_stream_shape shape;
	const char *name;
	int status;
} registration;

static void *register_at_once(void *arg)
{
	registration *r = arg;
	seg_stream *stream = NULL;
	pthread_barrier_wait(r->barrier);
	r->status = seg_stream_register(r->client, r->name, &r->shape, &stream, NULL);
	seg_stream_close(stream);
	return NULL;
}

static void first_registrations_at_once_agree_on_one_shape(void **state)
{
	(void)state;
	for (int round = 0; round < 10; round++) {
		char name[16];
		snprintf(name, sizeof(name), "race%d", round);
		pthread_barrier_t barrier;
		pthread_t threads[THREADS];
		registration registrations[THREADS];
		pthread_barrier_init(&barrier, NULL, THREADS);
		for (int i = 0; i < THREADS; i++) {
			/* Half of the processes want one shape, half another. */
			registrations[i] = (registration){&barrier,
							  test_rig_client(NULL),
							  {4 + (uint32_t)i % 2, 100, SEG_OVERFLOW_REJECT},
							  name,
							  1};
			assert_int_equal(pthread_create(&threads[i], NULL, register_at_once,
							&registrations[i]),
					 0);
		}
		int agreed[2] = {0};
		for (int i = 0; i < THREADS; i++) {
			pthread_join(threads[i], NULL);
			assert_true(registrations[i].status == 0 || registrations[i].status == SEG_ESHAPE);
			agreed[i % 2] += registrations[i].status == 0;
			seg_client_close(registrations[i].client);
		}
		assert_true(agreed[0] == 0 || agreed[1] == 0);
		assert_int_equal(agreed[0] + agreed[1], THREADS / 2);
		pthread_barrier_destroy(&barrier);
	}
}

static void threads_may_share_one_client(void **state)
{
	(void)state;
	seg_client *client = test_rig_client(NULL);
	pthread_barrier_t barrier;
	pthread_t threads[THREADS];
	registration registrations[THREADS];
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		registrations[i] =
			(registration){&barrier, client, {4, 100, SEG_OVERFLOW_REJECT}, "shared", 1};
		assert_int_equal(pthread_create(&threads[i], NULL, register_at_once, &registrations[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(registrations[i].status, 0);
	}
	pthread_barrier_destroy(&barrier);
	seg_client_close(client);
}

static int register_in_a_process(uint32_t partitions)
{
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = rig.server->address;
	seg_client *client;
	seg_stream *stream;
	seg_stream_shape shape = {partitions, 100, SEG_OVERFLOW_REJECT};
	if (seg_client_open(&options, &client, NULL))
		return 2;
	int status = seg_stream_register(client, "processes", &shape, &stream, NULL);
	seg_stream_close(stream);
	seg_client_close(client);
	return status == 0 ? 0 : status == SEG_ESHAPE ? 1 : 2;
}

static void processes_that_register_at_once_agree(void **state)
{
	(void)state;
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(register_in_a_process(7 + (uint32_t)i % 2));
	}
	int agreed[2] = {0};
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		agreed[i % 2] += WEXITSTATUS(status) == 0;
	}
	assert_true(agreed[0] == 0 || agreed[1] == 0);
	assert_int_equal(agreed[0] + agreed[1], PROCESSES / 2);
}

/* --- fork -------------------------------------------------------------------------- */

typedef struct {
	seg_client *client;
	seg_stream *stream;
	seg_producer *producer;
	seg_consumer *consumer;
	const seg_batch *batch; /* that the parent holds */
} opened;

static opened open_all(void)
{
	opened o = {0};
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = rig.server->address;
	seg_stream_shape shape = {1, 1000, SEG_OVERFLOW_REJECT};
	seg_record record = {.key = "k", .key_length = 1, .data = "first", .data_length = 5};
	seg_consumer_options joining;
	seg_consumer_options_init(&joining);
	joining.group = "g";
	assert_int_equal(seg_client_open(&options, &o.client, NULL), 0);
	assert_int_equal(seg_stream_register(o.client, "forked", &shape, &o.stream, NULL), 0);
	assert_int_equal(seg_producer_open(o.stream, NULL, &o.producer, NULL), 0);
	assert_int_equal(seg_producer_send(o.producer, &record, NULL, NULL), 0);
	assert_int_equal(seg_producer_flush(o.producer, 10000, NULL), 0);
	assert_int_equal(seg_consumer_open(o.client, "forked", &joining, &o.consumer, NULL), 0);
	assert_int_equal(seg_consumer_poll(o.consumer, 20000, &o.batch, NULL), 1);
	return o;
}

/* What the child finds: 0, or the number of the call that did not fail with SEG_EFORKED. */
static int try_all(const opened *o)
{
	seg_stream_shape shape = {1, 1000, SEG_OVERFLOW_REJECT};
	seg_record record = {.key = "k", .key_length = 1, .data = "child", .data_length = 5};
	seg_send_result result = {0};
	seg_stream *stream;
	seg_producer *producer;
	seg_consumer *consumer;
	const seg_batch *batch;
	seg_group_info *info;
	seg_consumer_options joining;
	seg_consumer_options_init(&joining);
	joining.group = "g";
	const int statuses[] = {
		seg_stream_register(o->client, "other", &shape, &stream, NULL),
		seg_stream_open(o->client, "forked", &stream, NULL),
		seg_stream_send(o->stream, &record, NULL, NULL),
		seg_stream_send_batch(o->stream, &record, 1, &result, NULL),
		result.status,
		seg_group_describe(o->stream, "g", &info, NULL),
		seg_producer_open(o->stream, NULL, &producer, NULL),
		seg_producer_send(o->producer, &record, NULL, NULL),
		seg_producer_flush(o->producer, 1000, NULL),
		seg_producer_close(o->producer, 1000, NULL),
		seg_consumer_open(o->client, "forked", &joining, &consumer, NULL),
		seg_consumer_poll(o->consumer, 0, &batch, NULL),
		seg_consumer_commit(o->consumer, o->batch, 1, NULL),
		seg_consumer_dead_letter(o->consumer, o->batch, 0, "no", NULL),
		seg_consumer_sync(o->consumer, 0, NULL),
		seg_consumer_close(o->consumer, 1000, NULL),
	};
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i] != SEG_EFORKED)
			return (int)i + 1;
	seg_consumer_release(o->consumer, o->batch);
	seg_client_close(o->client);
	return 0;
}

/* In the child: what is the parent's fails at once, and a client of its own works. */
static int live_as_child(const opened *o)
{
	alarm(20);
	int failed = try_all(o);
	if (failed)
		return failed;
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = rig.server->address;
	seg_client *client;
	seg_stream *stream;
	seg_record record = {.key = "k", .key_length = 1, .data = "own", .data_length = 3};
	if (seg_client_open(&options, &client, NULL) || seg_stream_open(client, "forked", &stream, NULL) ||
	    seg_stream_send(stream, &record, NULL, NULL))
		return 100;
	seg_stream_close(stream);
	seg_client_close(client);
	return 0;
}

static void a_child_of_fork_cannot_use_what_its_parent_opened_and_harms_nothing(void **state)
{
	(void)state;
	opened o = open_all();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(live_as_child(&o));
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);

	seg_record record = {.key = "k", .key_length = 1, .data = "parent", .data_length = 6};
	assert_int_equal(seg_stream_send(o.stream, &record, NULL, NULL), 0);
	assert_int_equal(seg_producer_send(o.producer, &record, NULL, NULL), 0);
	assert_int_equal(seg_producer_close(o.producer, 10000, NULL), 0);
	assert_int_equal(seg_consumer_commit(o.consumer, o.batch, 1, NULL), 0);
	seg_consumer_release(o.consumer, o.batch);
	assert_int_equal(seg_consumer_close(o.consumer, 10000, NULL), 0);
	seg_group_info *info;
	assert_int_equal(seg_group_describe(o.stream, "g", &info, NULL), 0);
	assert_int_equal(info->partitions[0].length, 4);
	assert_int_equal(info->partitions[0].lag, 3);
	seg_group_info_free(info);
	seg_stream_close(o.stream);
	seg_client_close(o.client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registered_stream_is_opened_with_its_shape),
		cmocka_unit_test(another_shape_is_refused_and_both_are_named),
		cmocka_unit_test(a_stream_nobody_registered_is_not_found),
		cmocka_unit_test(names_and_shapes_out_of_range_are_refused),
		cmocka_unit_test(a_key_of_another_type_is_reported),
		cmocka_unit_test(first_registrations_at_once_agree_on_one_shape),
		cmocka_unit_test(threads_may_share_one_client),
		cmocka_unit_test(processes_that_register_at_once_agree),
		cmocka_unit_test(a_child_of_fork_cannot_use_what_its_parent_opened_and_harms_nothing),
	};
	return cmocka_run_group_tests(tests, test_rig_set_up, test_rig_tear_down);
}
