/* The chaos proxy, between a client and a server that the test plays. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "chaos/proxy.h"
#include "harness/server.h"

enum { PATIENCE_MS = 5000, QUIET_MS = 100 };

static char directory[64];
static char path[96];
static int listener;
static chaos_proxy *proxy;
static int client, server; /* the ends of the link in most tests */

/* --- sockets -------------------------------------------------------------------------- */

static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static int connect_client(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)chaos_proxy_port(proxy)),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool readable(int fd, int timeout_ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	return poll(&poller, 1, timeout_ms) == 1;
}

static int accept_server(int fd)
{
	assert_true(readable(fd, PATIENCE_MS));
	return accept(fd, NULL, NULL);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
}

static void assert_hears(int fd, const char *text)
{
	char heard[256] = "";
	size_t used = 0;
	while (used < strlen(text)) {
		assert_true(readable(fd, PATIENCE_MS));
		ssize_t n = recv(fd, heard + used, strlen(text) - used, 0);
		assert_true(n > 0);
		used += (size_t)n;
	}
	assert_string_equal(heard, text);
}

static void assert_hears_nothing(int fd)
{
	assert_false(readable(fd, QUIET_MS));
}

/* The connection must end, with a reset or without. */
static void assert_ended(int fd)
{
	char byte;
	assert_true(readable(fd, PATIENCE_MS));
	assert_true(recv(fd, &byte, 1, 0) <= 0);
}

static int setup(void **state)
{
	(void)state;
	test_directory_make(directory);
	snprintf(path, sizeof(path), "%s/socket", directory);
	listener = listen_at(path);
	proxy = chaos_proxy_start(path);
	assert_non_null(proxy);
	client = connect_client();
	server = accept_server(listener);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(client);
	close(server);
	chaos_proxy_stop(proxy);
	close(listener);
	test_directory_remove(directory);
	return 0;
}

/* --- tests ----------------------------------------------------------------------------- */

static void bytes_pass_both_ways(void **state)
{
	(void)state;
	say(client, "PING");
	assert_hears(server, "PING");
	say(server, "+PONG");
	assert_hears(client, "+PONG");
	assert_int_equal(chaos_proxy_links(proxy), 1);
}

static void one_side_ends_after_all_bytes_of_the_other_side_have_arrived(void **state)
{
	(void)state;
	say(server, "last words");
	shutdown(server, SHUT_RDWR);
	assert_hears(client, "last words");
	assert_ended(client);
}

static void a_cut_ends_both_sides_with_a_reset(void **state)
{
	(void)state;
	char byte;
	chaos_proxy_cut(proxy, CHAOS_ALL_LINKS);
	assert_true(readable(client, PATIENCE_MS));
	assert_int_equal(recv(client, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_ended(server);
}

static void a_cut_of_one_link_leaves_the_others(void **state)
{
	(void)state;
	int second = connect_client(), second_server = accept_server(listener);
	chaos_proxy_cut(proxy, 2); /* the first of two links */
	assert_ended(client);
	say(second, "still here");
	assert_hears(second_server, "still here");
	close(second);
	close(second_server);
}

static void a_link_is_cut_after_so_many_bytes(void **state)
{
	(void)state;
	chaos_proxy_cut_after(proxy, CHAOS_ALL_LINKS, 4);
	say(server, "+OK\r\n+OK\r\n");
	assert_hears(client, "+OK\r");
	assert_ended(client);
}

static void a_half_open_link_swallows_one_direction(void **state)
{
	(void)state;
	chaos_proxy_swallow(proxy, CHAOS_ALL_LINKS, CHAOS_TO_CLIENT);
	say(server, "lost");
	assert_hears_nothing(client);
	say(client, "heard");
	assert_hears(server, "heard");
}

static void a_link_that_lost_bytes_is_cut_when_it_is_healed(void **state)
{
	(void)state;
	chaos_proxy_swallow(proxy, CHAOS_ALL_LINKS, CHAOS_TO_SERVER);
	say(client, "lost");
	assert_hears_nothing(server);
	chaos_proxy_heal(proxy);
	assert_ended(client);
}

static void settings_for_all_links_hold_for_later_links_until_healed(void **state)
{
	(void)state;
	chaos_proxy_swallow(proxy, CHAOS_ALL_LINKS, CHAOS_TO_SERVER);
	int later = connect_client(), later_server = accept_server(listener);
	say(later, "lost");
	assert_hears_nothing(later_server);
	chaos_proxy_heal(proxy);
	assert_ended(later);
	int last = connect_client(), last_server = accept_server(listener);
	say(last, "heard");
	assert_hears(last_server, "heard");
	close(later);
	close(later_server);
	close(last);
	close(last_server);
}

static void a_held_link_loses_nothing(void **state)
{
	(void)state;
	chaos_proxy_hold(proxy, 0);
	say(client, "late");
	assert_hears_nothing(server);
	chaos_proxy_release(proxy, 0);
	assert_hears(server, "late");
}

static void a_delayed_byte_arrives_later(void **state)
{
	(void)state;
	chaos_proxy_delay(proxy, 200, 0);
	long long before = test_now_ms();
	say(client, "x");
	assert_hears(server, "x");
	assert_true(test_now_ms() - before >= 199);
}

static void a_throttled_link_is_no_faster_than_that(void **state)
{
	(void)state;
	chaos_proxy_delay(proxy, 0, 100);
	long long before = test_now_ms();
	say(client, "twenty bytes of text");
	assert_hears(server, "twenty bytes of text");
	assert_true(test_now_ms() - before >= 199);
}

static void a_corrupt_byte_is_another_one(void **state)
{
	(void)state;
	char heard[4] = "";
	chaos_proxy_corrupt(proxy, 0);
	say(server, "+OK");
	assert_true(readable(client, PATIENCE_MS));
	assert_int_equal(recv(client, heard, 3, 0), 3);
	assert_int_not_equal(heard[0], '+');
	assert_string_equal(heard + 1, "OK");
	say(server, "+OK");
	assert_hears(client, "+OK");
}

static void later_links_go_where_it_points(void **state)
{
	(void)state;
	char other[100];
	snprintf(other, sizeof(other), "%s2", path);
	int other_listener = listen_at(other);
	chaos_proxy_point(proxy, other);
	int later = connect_client(), later_server = accept_server(other_listener);
	say(later, "hello");
	assert_hears(later_server, "hello");
	say(client, "the old one stays");
	assert_hears(server, "the old one stays");
	close(later);
	close(later_server);
	close(other_listener);
}

static void a_client_of_a_server_that_is_away_is_reset(void **state)
{
	(void)state;
	chaos_proxy_point(proxy, "/nowhere/at/all");
	int later = connect_client();
	assert_ended(later);
	close(later);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(bytes_pass_both_ways),
		test(one_side_ends_after_all_bytes_of_the_other_side_have_arrived),
		test(a_cut_ends_both_sides_with_a_reset),
		test(a_cut_of_one_link_leaves_the_others),
		test(a_link_is_cut_after_so_many_bytes),
		test(a_half_open_link_swallows_one_direction),
		test(a_link_that_lost_bytes_is_cut_when_it_is_healed),
		test(settings_for_all_links_hold_for_later_links_until_healed),
		test(a_held_link_loses_nothing),
		test(a_delayed_byte_arrives_later),
		test(a_throttled_link_is_no_faster_than_that),
		test(a_corrupt_byte_is_another_one),
		test(later_links_go_where_it_points),
		test(a_client_of_a_server_that_is_away_is_reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
