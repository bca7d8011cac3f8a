/* test_group_info.c - a group described from what lies in Redis, written here by hand as the keys' page says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/server.h"

static test_server *server;
static redisContext *context;
static seg_client *client;
static seg_stream *stream;

static int start(void **state)
{
	(void)state;
	server = test_server_start(NULL);
	context = test_server_connect(server);
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = server->address;
	seg_stream_shape shape = {600, 1000, SEG_OVERFLOW_REJECT};
	seg_error error = {0};
	if (seg_client_open(&options, &client, &error) ||
	    seg_stream_register(client, "s", &shape, &stream, &error))
		fail_msg("%s", error.text);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	seg_stream_close(stream);
	seg_client_close(client);
	redisFree(context);
	test_server_stop(server);
	return 0;
}

static void run(const char *command)
{
	redisReply *reply = test_server_command(context, command);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", command, reply->str);
	freeReplyObject(reply);
}

static void a_group_nobody_opened_is_not_found(void **state)
{
	(void)state;
	seg_group_info *info;
	seg_error error = {0};
	assert_int_equal(seg_group_describe(stream, "nobody", &info, &error), SEG_ENOTFOUND);
	assert_non_null(strstr(error.text, "group \"nobody\" of stream \"s\""));
	assert_null(info);
	assert_int_equal(seg_group_describe(stream, "a:b", &info, &error), SEG_EINVAL);
	seg_group_info_free(NULL);
}

static void a_group_is_described_with_every_partition(void **state)
{
	(void)state;
	run("SADD {__default:s}:groups g");
	run("ZADD {__default:s}:g:leases 99999999999999 m1 99999999999999 m2 1000 dead");
	freeReplyObject(
		test_server_command(context, "HSET {__default:s}:g:partitions generation 17 0 %s 1 %s 2 %s",
				    "1700000000005 m1 m1", "1700000000006 m1 m2", "1700000000007 - m2"));
	run("XADD __default:s:partition_0 10-1 partitionKey k data d");
	run("XADD __default:s:partition_0 10-2 partitionKey k data d");
	run("XADD __default:s:partition_0 11-0 partitionKey k data d");
	run("XGROUP CREATE __default:s:partition_0 other 0");
	run("XGROUP CREATE __default:s:partition_0 g 10-1 ENTRIESREAD 1");
	run("XADD __default:s:partition_1 5-0 partitionKey k data d");
	run("XADD {__default:s:partition_0}:g:dead * id 1-1");
	run("HSET {__default:s:partition_0}:counters dropped 4");

	seg_group_info *info;
	seg_error error = {0};
	if (seg_group_describe(stream, "g", &info, &error))
		fail_msg("%s", error.text);
	assert_int_equal(info->generation, 17);
	assert_int_equal(info->members, 2);
	assert_int_equal(info->partition_count, 600);
	const seg_partition_info *p = info->partitions;
	assert_string_equal(p[0].owner, "m1");
	assert_string_equal(p[0].target, "m1");
	assert_int_equal(p[0].epoch, 1700000000005);
	assert_int_equal(seg_id_compare(p[0].position, (seg_id){10, 1}), 0);
	assert_int_equal(seg_id_compare(p[0].last, (seg_id){11, 0}), 0);
	assert_int_equal(p[0].length, 3);
	assert_int_equal(p[0].lag, 2);
	assert_int_equal(p[0].dead_letters, 1);
	assert_int_equal(p[0].dropped, 4);
	assert_string_equal(p[1].owner, "m1");
	assert_string_equal(p[1].target, "m2");
	/* It has messages, but nobody has claimed it for the group: Redis cannot tell. */
	assert_int_equal(p[1].length, 1);
	assert_int_equal(p[1].lag, -1);
	assert_string_equal(p[2].owner, "");
	assert_string_equal(p[2].target, "m2");
	/* The last one, of another round of questions, and empty. */
	assert_int_equal(p[599].partition, 599);
	assert_int_equal(p[599].length, 0);
	assert_int_equal(p[599].lag, 0);
	seg_group_info_free(info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_nobody_opened_is_not_found),
		cmocka_unit_test(a_group_is_described_with_every_partition),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
