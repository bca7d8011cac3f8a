#include "harness/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct test_rig rig;

int test_rig_set_up_directory(void **state)
{
	(void)state;
	rig = (struct test_rig){0};
	test_directory_make(rig.directory);
	snprintf(rig.deliveries, sizeof(rig.deliveries), "%s/deliveries", rig.directory);
	snprintf(rig.block, sizeof(rig.block), "%s/block", rig.directory);
	return 0;
}

int test_rig_set_up(void **state)
{
	test_rig_set_up_directory(state);
	test_rig_start(NULL);
	return 0;
}

static void stop_server(void)
{
	redisFree(rig.redis);
	rig.redis = NULL;
	if (rig.server)
		test_server_stop(rig.server);
	rig.server = NULL;
}

int test_rig_tear_down(void **state)
{
	(void)state;
	test_rig_close_client();
	test_runner_free(rig.runner);
	test_runner_free(rig.other);
	for (int i = 0; i < TEST_RIG_RUNNERS; i++)
		test_runner_free(rig.runners[i]);
	stop_server();
	if (rig.directory[0])
		test_directory_remove(rig.directory);
	rig = (struct test_rig){0};
	return 0;
}

void test_rig_start_with(const test_server_options *options)
{
	stop_server();
	rig.server = test_server_start_with(options);
	rig.redis = test_server_connect(rig.server);
}

void test_rig_start(const char *arguments)
{
	test_rig_start_with(&(test_server_options){.arguments = arguments});
}

void test_rig_tell(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = redisvCommand(rig.redis, format, args);
	va_end(args);
	if (!reply)
		fail_msg("no reply to %s: %s", format, rig.redis->errstr);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", format, reply->str);
	freeReplyObject(reply);
}

const char *test_rig_path(const char *name)
{
	static char paths[8][128];
	static int turn;
	char *path = paths[turn++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", rig.directory, name);
	return path;
}

const char *test_rig_write(const char *name, const char *format, ...)
{
	const char *path = test_rig_path(name);
	va_list args;
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	va_start(args, format);
	assert_true(vfprintf(file, format, args) >= 0);
	va_end(args);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

seg_client *test_rig_client(const seg_client_options *options)
{
	seg_client_options all;
	seg_client *client;
	seg_error error = {0};
	seg_client_options_init(&all);
	if (options)
		all = *options;
	all.address = rig.server->address;
	if (seg_client_open(&all, &client, &error))
		fail_msg("%s", error.text);
	return client;
}

static void close_stream(void)
{
	if (rig.stream)
		seg_stream_close(rig.stream);
	rig.stream = NULL;
}

void test_rig_close_client(void)
{
	close_stream();
	seg_client_close(rig.client);
	rig.client = NULL;
}

void test_rig_register(const char *name, const seg_stream_shape *shape)
{
	seg_error error = {0};
	if (!rig.client)
		rig.client = test_rig_client(NULL);
	close_stream();
	if (seg_stream_register(rig.client, name, shape, &rig.stream, &error))
		fail_msg("%s", error.text);
}

seg_id test_rig_send(const char *key, const char *data)
{
	const seg_record record = {.key = key,
				   .key_length = strlen(key),
				   .data = data,
				   .data_length = strlen(data)};
	seg_id id;
	seg_error error = {0};
	if (seg_stream_send(rig.stream, &record, &id, &error))
		fail_msg("%s", error.text);
	return id;
}

const char *test_rig_key(uint32_t partition, uint32_t partitions)
{
	static char key[16];
	int length;
	for (int i = 0;; i++) {
		length = snprintf(key, sizeof(key), "key-%d", i);
		if (seg_partition_of(key, (size_t)length, partitions) == partition)
			return key;
	}
}
