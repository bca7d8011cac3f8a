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

#include "harness/server.h"

static test_server *server;

static int start(void **state)
{
	(void)state;
	server = test_server_start(NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	test_server_stop(server);
	return 0;
}

static seg_client *open_client(void)
{
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = server->address;
	seg_client *client;
	seg_error error = {0};
	if (seg_client_open(&options, &client, &error))
		fail_msg("%s", error.text);
	return client;
}

static void a_registered_stream_is_opened_with_its_shape(void **state)
{
	(void)state;
	seg_client *client = open_client();
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
	seg_client *client = open_client();
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
	seg_client *client = open_client();
	seg_stream *stream;
	seg_error error = {0};
	assert_int_equal(seg_stream_open(client, "nowhere", &stream, &error), SEG_ENOTFOUND);
	assert_non_null(strstr(error.text, "register it first"));
	seg_client_close(client);
}

static void names_and_shapes_out_of_range_are_refused(void **state)
{
	(void)state;
	seg_client *client = open_client();
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
	redisContext *context = test_server_connect(server);
	freeReplyObject(test_server_command(context, "HSET {__default:odd}:info partitions many"));
	freeReplyObject(test_server_command(context, "SET {__default:text}:info x"));
	redisFree(context);
	seg_client *client = open_client();
	seg_stream *stream;
	seg_error error = {0};
	assert_int_equal(seg_stream_open(client, "odd", &stream, &error), SEG_EPROTOCOL);
	assert_non_null(strstr(error.text, "{__default:odd}:info"));
	assert_int_equal(seg_stream_open(client, "text", &stream, &error), SEG_ESERVER);
	assert_non_null(strstr(error.text, "WRONGTYPE"));
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
							  open_client(),
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
	seg_client *client = open_client();
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
	options.address = server->address;
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
	};
	return cmocka_run_group_tests(tests, start, stop);
}
