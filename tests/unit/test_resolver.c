/* test_resolver.c - a resolver that hangs: no caller waits for it longer than the caller's own timeout. */
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness/rig.h"
#include "redis/connection.h"
#include "redis/resolver.h"

/* --- a resolver that hangs on request ------------------------------------------ */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool hangs;
	int calls, hanging; /* of host names */
} resolver = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0};

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list)
{
	static int (*system_resolver)(const char *, const char *, const struct addrinfo *,
				      struct addrinfo **);
	bool is_numeric = hints->ai_flags & AI_NUMERICHOST;
	pthread_mutex_lock(&resolver.lock);
	if (!system_resolver) {
		void *found = dlsym(RTLD_NEXT, "getaddrinfo");
		memcpy(&system_resolver, &found, sizeof(found));
	}
	resolver.calls += !is_numeric;
	resolver.hanging += !is_numeric;
	pthread_cond_broadcast(&resolver.changed);
	while (!is_numeric && resolver.hangs)
		pthread_cond_wait(&resolver.changed, &resolver.lock);
	resolver.hanging -= !is_numeric;
	pthread_cond_broadcast(&resolver.changed);
	pthread_mutex_unlock(&resolver.lock);
	return system_resolver(host, port, hints, list);
}

static void let_resolver_hang(bool hangs)
{
	pthread_mutex_lock(&resolver.lock);
	resolver.hangs = hangs;
	resolver.calls = 0;
	pthread_cond_broadcast(&resolver.changed);
	/* Abandoned lookups end with the hang. */
	while (!hangs && resolver.hanging > 0)
		pthread_cond_wait(&resolver.changed, &resolver.lock);
	pthread_mutex_unlock(&resolver.lock);
}

static int resolver_calls(void)
{
	pthread_mutex_lock(&resolver.lock);
	int calls = resolver.calls;
	pthread_mutex_unlock(&resolver.lock);
	return calls;
}

/* Waits until the resolver is being asked. */
static void await_resolver_call(void)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	int failure = 0;
	pthread_mutex_lock(&resolver.lock);
	while (resolver.calls == 0 && failure == 0)
		failure = pthread_cond_timedwait(&resolver.changed, &resolver.lock, &until);
	pthread_mutex_unlock(&resolver.lock);
	assert_int_equal(failure, 0);
}

/* --- fixtures ----------------------------------------------------------------------------- */

enum { SLACK_MS = 4000 };

static char by_name[64]; /* the server's address, with a host name instead of a number */

static int start(void **state)
{
	test_rig_set_up_directory(state);
	test_rig_start_with(&(test_server_options){.tcp = true});
	snprintf(by_name, sizeof(by_name), "redis://localhost:%d", rig.server->port);
	return 0;
}

static int unhang(void **state)
{
	(void)state;
	let_resolver_hang(false);
	return 0;
}

static int open_client(uint32_t timeout_ms, seg_client **client, seg_error *error)
{
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = by_name;
	options.timeout_ms = timeout_ms;
	options.connect_timeout_ms = 100;
	return seg_client_open(&options, client, error);
}

/* --- lookups ------------------------------------------------------------------------------- */

static void a_numeric_address_is_looked_up_at_once_and_without_the_resolver(void **state)
{
	(void)state;
	let_resolver_hang(true);
	const char *const hosts[] = {"127.0.0.1", "::1"};
	for (size_t i = 0; i < 2; i++) {
		int failure;
		seg_lookup *lookup = seg_lookup_start(hosts[i], 6379, NULL);
		assert_non_null(lookup);
		assert_true(seg_lookup_done(lookup));
		assert_non_null(seg_lookup_result(lookup, &failure));
		seg_lookup_end(lookup);
	}
	assert_int_equal(resolver_calls(), 0);
}

static void a_lookup_is_done_when_its_descriptor_says_so(void **state)
{
	(void)state;
	int failure;
	seg_lookup *lookup = seg_lookup_start("localhost", 6379, NULL);
	assert_non_null(lookup);
	struct pollfd poller = {.fd = seg_lookup_fd(lookup), .events = POLLIN};
	assert_int_equal(poll(&poller, 1, 10000), 1);
	assert_true(seg_lookup_done(lookup));
	assert_non_null(seg_lookup_result(lookup, &failure));
	seg_lookup_end(lookup);
}

static void a_lookup_that_hangs_can_be_given_up(void **state)
{
	(void)state;
	let_resolver_hang(true);
	seg_lookup *lookup = seg_lookup_start("localhost", 6379, NULL);
	assert_non_null(lookup);
	await_resolver_call();
	assert_false(seg_lookup_done(lookup));
	seg_lookup_end(lookup);
}

/* --- callers --------------------------------------------------------------------------------- */

static void a_client_opens_or_fails_within_its_timeout(void **state)
{
	(void)state;
	let_resolver_hang(true);
	seg_client *client;
	seg_error error = {0};
	long long began = test_now_ms();
	assert_int_equal(open_client(500, &client, &error), SEG_EUNREACHABLE);
	assert_in_range(test_now_ms() - began, 400, 500 + SLACK_MS);
	assert_non_null(strstr(error.text, "was not found within 100 ms"));
	/* Every attempt waits for the same lookup, so threads do not pile up. */
	assert_int_equal(resolver_calls(), 1);
}

static void a_name_that_is_found_after_all_is_connected_to(void **state)
{
	(void)state;
	let_resolver_hang(true);
	seg_address address;
	assert_int_equal(seg_address_parse(by_name, &address, NULL), 0);
	seg_connection_options options = {.address = &address, .connect_timeout = SEG_SECOND};
	seg_connection *connection = seg_connection_create(&options);
	assert_int_equal(seg_connection_wait_ready(connection, seg_now() + 100 * SEG_MS), SEG_ETIMEOUT);
	let_resolver_hang(false);
	assert_int_equal(seg_connection_wait_ready(connection, seg_now() + 10 * SEG_SECOND), 0);
	seg_connection_destroy(connection);
	seg_address_fini(&address);
}

static void a_producer_closes_within_its_timeout_and_tells_each_records_fate(void **state)
{
	(void)state;
	seg_client *client;
	seg_stream *stream = NULL;
	seg_producer *producer;
	seg_producer_options options;
	seg_error error = {0};
	seg_stream_shape shape = {1, 100, SEG_OVERFLOW_REJECT, SEG_PACKING_OFF};
	if (open_client(10000, &client, &error) || seg_stream_register(client, "s", &shape, &stream, &error))
		fail_msg("%s", error.text);
	let_resolver_hang(true);
	seg_producer_options_init(&options);
	if (seg_producer_open(stream, &options, &producer, &error))
		fail_msg("%s", error.text);
	seg_record record = {"k", 1, "d", 1, NULL, 0};
	assert_int_equal(seg_producer_send(producer, &record, NULL, &error), 0);
	long long began = test_now_ms();
	assert_int_equal(seg_producer_flush(producer, 100, &error), SEG_ETIMEOUT);
	assert_int_equal(seg_producer_close(producer, 100, &error), SEG_ETIMEOUT);
	assert_true(test_now_ms() - began < 200 + SLACK_MS);
	seg_stream_close(stream);
	seg_client_close(client);
}

#define TEST(name) cmocka_unit_test_teardown(name, unhang)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_numeric_address_is_looked_up_at_once_and_without_the_resolver),
		TEST(a_lookup_is_done_when_its_descriptor_says_so),
		TEST(a_lookup_that_hangs_can_be_given_up),
		TEST(a_client_opens_or_fails_within_its_timeout),
		TEST(a_name_that_is_found_after_all_is_connected_to),
		TEST(a_producer_closes_within_its_timeout_and_tells_each_records_fate),
	};
	return cmocka_run_group_tests(tests, start, test_rig_tear_down);
}
