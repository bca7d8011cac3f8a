/*
 * test_two_servers.c - after a failover, the connections of a member may reach different servers: what is read on one of them is
 * never committed on the other, and the member follows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "chaos/proxy.h"
#include "harness/server.h"

enum { PATIENCE_MS = 15000, SESSION_MS = 9000 };

#define LOG "__default:s:partition_0"

/* The proxy's links in the order of their connects: the client's own, then those of the member. */
enum { CLIENT_LINK, FIRST_LINK };

static test_server *old_server, *new_server;
static redisContext *at_old, *at_new;
static chaos_proxy *proxy;
static seg_client *client;
static seg_consumer *consumer;

static void register_stream(const test_server *server)
{
	seg_error error;
	seg_client *registrar = NULL;
	seg_stream *stream = NULL;
	seg_client_options options;
	const seg_stream_shape shape = {.partitions = 1, .partition_size = 1000};
	seg_client_options_init(&options);
	options.address = server->address;
	if (seg_client_open(&options, &registrar, &error) ||
	    seg_stream_register(registrar, "s", &shape, &stream, &error))
		fail_msg("%s", error.text);
	seg_stream_close(stream);
	seg_client_close(registrar);
}

static int set_up(void **state)
{
	(void)state;
	char address[64];
	seg_error error;
	seg_client_options options;
	old_server = test_server_start(NULL);
	new_server = test_server_start(NULL);
	at_old = test_server_connect(old_server);
	at_new = test_server_connect(new_server);
	register_stream(old_server);
	register_stream(new_server);
	proxy = chaos_proxy_start(old_server->socket);
	assert_non_null(proxy);
	snprintf(address, sizeof(address), "redis://127.0.0.1:%d", chaos_proxy_port(proxy));
	seg_client_options_init(&options);
	options.address = address;
	if (seg_client_open(&options, &client, &error))
		fail_msg("%s", error.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	seg_client_close(client);
	chaos_proxy_stop(proxy);
	redisFree(at_old);
	redisFree(at_new);
	test_server_stop(old_server);
	test_server_stop(new_server);
	return 0;
}

static void join(void)
{
	seg_error error;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.session_timeout_ms = SESSION_MS;
	if (seg_consumer_open(client, "s", &options, &consumer, &error))
		fail_msg("%s", error.text);
}

/* Its id in `id`. */
static void add(redisContext *to, const char *data, char id[64])
{
	redisReply *reply = test_server_command(to, "XADD " LOG " * partitionKey k data %s", data);
	snprintf(id, 64, "%s", reply->str);
	freeReplyObject(reply);
}

static void handle(const char *data)
{
	const seg_batch *batch;
	seg_error error = {0};
	if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, &error) != 1)
		fail_msg("%s did not come; %s", data, error.text);
	assert_int_equal(batch->count, 1);
	assert_memory_equal(batch->messages[0].data, data, strlen(data));
	assert_int_equal(seg_consumer_commit(consumer, batch, 1, NULL), 0);
	seg_consumer_release(consumer, batch);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
}

static void assert_position(redisContext *at, const char *id)
{
	redisReply *reply = test_server_command(at, "HGET {" LOG "}:g:state position");
	if (reply->type != REDIS_REPLY_STRING || strcmp(reply->str, id) != 0)
		fail_msg("the position is %s, not %s", reply->str ? reply->str : "missing", id);
	freeReplyObject(reply);
}

/* One of the member's connections reaches the new server; the others are still well. */
static void follow_from_link(int which)
{
	char before[64], after[64];
	add(at_old, "before", before);
	join();
	handle("before");
	chaos_proxy_point(proxy, new_server->socket);
	chaos_proxy_cut(proxy, which);
	add(at_new, "after", after);
	handle("after");
	assert_position(at_new, after);
	assert_position(at_old, before);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

static void a_member_follows_when_its_control_connection_meets_another_server(void **state)
{
	(void)state;
	follow_from_link(FIRST_LINK);
}

static void a_member_follows_when_its_data_connection_meets_another_server(void **state)
{
	(void)state;
	follow_from_link(FIRST_LINK + 1);
}

static void a_member_follows_when_its_blocking_connection_meets_another_server(void **state)
{
	(void)state;
	follow_from_link(FIRST_LINK + 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_member_follows_when_its_control_connection_meets_another_server),
		TEST(a_member_follows_when_its_data_connection_meets_another_server),
		TEST(a_member_follows_when_its_blocking_connection_meets_another_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
