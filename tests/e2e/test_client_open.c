/* test_client_open.c - servers that a client refuses, and the errors it gives. */
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/server.h"

static char logged[8192];

static void note(void *arg, const seg_log_event *event)
{
	(void)arg;
	size_t n = strlen(logged);
	snprintf(logged + n, sizeof(logged) - n, "%d:%s\n", event->level, event->text);
}

static seg_client_options options_for(const char *address)
{
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = address;
	options.timeout_ms = 1000;
	options.connect_timeout_ms = 500;
	options.log = note;
	logged[0] = '\0';
	return options;
}

/* Tries to open a client, and checks that the error contains `part`. */
static int try_open(const seg_client_options *options, const char *part)
{
	seg_client *client;
	seg_error error = {0};
	int status = seg_client_open(options, &client, &error);
	if (status == 0) {
		seg_client_close(client);
		return 0;
	}
	assert_null(client);
	assert_int_equal(error.status, status);
	if (!strstr(error.text, part))
		fail_msg("\"%s\" does not say \"%s\"", error.text, part);
	return status;
}

static void a_plain_redis_is_opened_and_missing_persistence_warned_of(void **state)
{
	(void)state;
	test_server *server = test_server_start(NULL);
	seg_client_options options = options_for(server->address);
	assert_int_equal(try_open(&options, ""), 0);
	assert_non_null(strstr(logged, "keeps nothing on disk"));
	test_server_stop(server);
}

static void a_redis_with_an_append_only_file_is_opened_without_a_warning(void **state)
{
	(void)state;
	test_server *server = test_server_start("--appendonly yes --appendfsync always");
	seg_client_options options = options_for(server->address);
	assert_int_equal(try_open(&options, ""), 0);
	assert_string_equal(logged, "");
	test_server_stop(server);
}

static void options_out_of_range_are_refused(void **state)
{
	(void)state;
	seg_client_options options = options_for("redis://127.0.0.1:1");
	options.timeout_ms = 0;
	assert_int_equal(try_open(&options, "timeout_ms"), SEG_EINVAL);
	options = options_for("redis://127.0.0.1:1");
	options.connect_timeout_ms = 600001;
	assert_int_equal(try_open(&options, "connect_timeout_ms"), SEG_EINVAL);
	options = options_for("redis://127.0.0.1:1");
	options.max_message_bytes = ((uint64_t)512 << 20) + 1;
	assert_int_equal(try_open(&options, "max_message_bytes"), SEG_EINVAL);
	options = options_for("redis://127.0.0.1:1");
	options.ack_replicas = 17;
	assert_int_equal(try_open(&options, "ack_replicas"), SEG_EINVAL);
	options = options_for("redis://127.0.0.1:1");
	options.name_space = "a:b";
	assert_int_equal(try_open(&options, "namespace"), SEG_EINVAL);
	options = options_for("redis://127.0.0.1:1");
	options.packing_level = 23;
	assert_int_equal(try_open(&options, "packing_level is 23; it must be 0 to 22"), SEG_EINVAL);
	options = options_for("redis://127.0.0.1:1");
	options.tls_verify = 2;
	assert_int_equal(try_open(&options, "tls_verify is 2; it must be 0 to 1"), SEG_EINVAL);
	options = options_for("redis://127.0.0.1:1");
	options.allow_eviction = 2;
	assert_int_equal(try_open(&options, "allow_eviction is 2; it must be 0 to 1"), SEG_EINVAL);
}

static void bad_addresses_are_refused(void **state)
{
	(void)state;
	const char *bad[] =
		{"", "http://x", "redis://", "redis://h:0", "redis://h:65536", "redis://h:x", "unix://"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seg_client_options options = options_for(bad[i]);
		assert_int_equal(try_open(&options, ""), SEG_EINVAL);
	}
}

static void nobody_there_is_unreachable_within_the_timeout(void **state)
{
	(void)state;
	seg_client_options options = options_for("unix:///nonexistent/redis.sock");
	long long before = test_now_ms();
	assert_int_equal(try_open(&options, "/nonexistent/redis.sock"), SEG_EUNREACHABLE);
	assert_in_range(test_now_ms() - before, 900, 3000);
	options = options_for("redis://127.0.0.1:1");
	assert_int_equal(try_open(&options, "127.0.0.1:1"), SEG_EUNREACHABLE);
	options = options_for("redis://host.invalid");
	assert_int_equal(try_open(&options, "host.invalid"), SEG_EUNREACHABLE);
}

static void a_wrong_password_is_reported_at_once(void **state)
{
	(void)state;
	test_server *server = test_server_start("--requirepass secret");
	char address[256];
	seg_client_options options = options_for(server->address);
	options.timeout_ms = 60000;
	long long before = test_now_ms();
	assert_int_equal(try_open(&options, "requires a password"), SEG_EAUTH);
	snprintf(address, sizeof(address), "unix://:wrong-canary@%s", server->socket);
	options.address = address;
	assert_int_equal(try_open(&options, "refuses this user or password"), SEG_EAUTH);
	assert_true(test_now_ms() - before < 10000);
	snprintf(address, sizeof(address), "unix://:secret@%s", server->socket);
	assert_int_equal(try_open(&options, ""), 0);
	assert_null(strstr(logged, "canary"));
	test_server_stop(server);
}

static void a_read_only_replica_is_refused_and_its_master_named(void **state)
{
	(void)state;
	test_server *master = test_server_start_tcp(NULL);
	char arguments[64], text[128];
	snprintf(arguments, sizeof(arguments), "--replicaof 127.0.0.1 %d", master->port);
	test_server *replica = test_server_start(arguments);
	snprintf(text, sizeof(text), "read-only replica of 127.0.0.1:%d; connect to the master",
		 master->port);
	seg_client_options options = options_for(replica->address);
	options.timeout_ms = 20000;
	assert_int_equal(try_open(&options, text), SEG_ESERVER);
	test_server_stop(replica);
	test_server_stop(master);
}

static void a_server_that_evicts_is_refused_unless_allowed(void **state)
{
	(void)state;
	test_server *server = test_server_start("--maxmemory 100mb --maxmemory-policy allkeys-lru");
	seg_client_options options = options_for(server->address);
	assert_int_equal(try_open(&options, "CONFIG SET maxmemory-policy noeviction"), SEG_ESERVER);
	options.allow_eviction = 1;
	assert_int_equal(try_open(&options, ""), 0);
	assert_non_null(strstr(logged, "allkeys-lru"));
	test_server_stop(server);
}

static void a_user_without_info_is_warned_and_served(void **state)
{
	(void)state;
	test_server *server = test_server_start(NULL);
	redisContext *context = test_server_connect(server);
	freeReplyObject(test_server_command(context, "ACL SETUSER app on >pw ~* +@all -info -config"));
	redisFree(context);
	char address[256];
	snprintf(address, sizeof(address), "unix://app:pw@%s", server->socket);
	seg_client_options options = options_for(address);
	assert_int_equal(try_open(&options, ""), 0);
	assert_non_null(strstr(logged, "+info"));
	test_server_stop(server);
}

/* --- servers that are no Redis ------------------------------------------------------------ */

typedef struct {
	int listener;
	const char *greeting; /* sent to each client that connects; NULL: silence */
} impostor;

/* Accepts connections until the listener is shut down. */
static void *pretend(void *arg)
{
	impostor *i = arg;
	int held[64];
	size_t n = 0;
	for (int fd; n < 64 && (fd = accept(i->listener, NULL, NULL)) >= 0;) {
		if (i->greeting)
			(void)!send(fd, i->greeting, strlen(i->greeting), MSG_NOSIGNAL);
		held[n++] = fd;
	}
	while (n > 0)
		close(held[--n]);
	return NULL;
}

static int open_at_impostor(const char *greeting, const char *part)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(name);
	impostor i = {.listener = socket(AF_INET, SOCK_STREAM, 0), .greeting = greeting};
	assert_int_equal(bind(i.listener, (struct sockaddr *)&name, length), 0);
	assert_int_equal(getsockname(i.listener, (struct sockaddr *)&name, &length), 0);
	assert_int_equal(listen(i.listener, 8), 0);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, pretend, &i), 0);
	char address[64];
	snprintf(address, sizeof(address), "redis://127.0.0.1:%d", ntohs(name.sin_port));
	seg_client_options options = options_for(address);
	int status = try_open(&options, part);
	shutdown(i.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(i.listener);
	return status;
}

static void a_server_of_another_protocol_is_no_redis(void **state)
{
	(void)state;
	assert_int_equal(open_at_impostor("HTTP/1.1 400 Bad Request\r\n\r\n",
					  "does not speak the Redis protocol"),
			 SEG_EPROTOCOL);
	assert_int_equal(open_at_impostor("SSH-2.0-OpenSSH_9.2\r\n", "check the address"), SEG_EPROTOCOL);
}

static void a_server_that_says_nothing_is_unreachable(void **state)
{
	(void)state;
	assert_int_equal(open_at_impostor(NULL, "no answer from"), SEG_EUNREACHABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_redis_is_opened_and_missing_persistence_warned_of),
		cmocka_unit_test(a_redis_with_an_append_only_file_is_opened_without_a_warning),
		cmocka_unit_test(options_out_of_range_are_refused),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(nobody_there_is_unreachable_within_the_timeout),
		cmocka_unit_test(a_wrong_password_is_reported_at_once),
		cmocka_unit_test(a_read_only_replica_is_refused_and_its_master_named),
		cmocka_unit_test(a_server_that_evicts_is_refused_unless_allowed),
		cmocka_unit_test(a_user_without_info_is_warned_and_served),
		cmocka_unit_test(a_server_of_another_protocol_is_no_redis),
		cmocka_unit_test(a_server_that_says_nothing_is_unreachable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
