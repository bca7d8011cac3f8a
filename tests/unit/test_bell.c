/* test_bell.c - the bell of a route's node: when it rings, when it is denied, and when its connection is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_nodes.h"

static int set_up(void **state)
{
	(void)state;
	nodes_start();
	open_route();
	until(is_ready, "the route is ready");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_route();
	nodes_stop();
	return 0;
}

static seg_bell_state look(int n)
{
	return seg_route_bell(route, seg_slot_of(keys[n]));
}

static bool first_rings(void)
{
	return look(0) == SEG_BELL_RINGS;
}

static bool first_is_denied(void)
{
	return look(0) == SEG_BELL_DENIED;
}

static bool second_is_denied(void)
{
	return look(1) == SEG_BELL_DENIED;
}

static fake_client *subscriber(int n)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (fakes[n].clients[i].fd >= 0 && fakes[n].clients[i].subscribed)
			return &fakes[n].clients[i];
	fail_msg("nobody subscribed to node %d", n);
	return NULL;
}

static void a_key_that_changes_rings_once_tracking_is_on(void **state)
{
	(void)state;
	assert_int_equal(look(0), SEG_BELL_DUE);
	until(first_rings, "it rings");
	assert_int_equal(heard(0, "CLIENT TRACKING ON REDIRECT 7"), 1);
	/* What was read before does not ring. */
	assert_non_null(strstr(told, "ring1:all "));
	say(subscriber(0),
	    "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*2\r\n$2\r\nk2\r\n$1\r\nx\r\n");
	until_told("ring1:k2 ring1:x ");
	told[0] = '\0';
	/* FLUSHALL names no keys. */
	say(subscriber(0), "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n");
	until_told("ring1:all ");
	assert_int_equal(heard(1, "SUBSCRIBE") + heard(2, "SUBSCRIBE"), 0);
}

static void a_denied_subscription_is_told_once_and_its_connection_ends(void **state)
{
	(void)state;
	for (int n = 0; n < NODES; n++)
		answers(n, "SUBSCRIBE", "-NOPERM no channel\r\n", 1000);
	until(first_is_denied, "it is denied");
	for (int n = 1; n < NODES; n++)
		(void)look(n);
	until(second_is_denied, "the second is denied, too");
	assert_non_null(strstr(logged, "+subscribe"));
	assert_int_equal(heard(0, "CLIENT TRACKING"), 0);
	/* Nothing is left to poll for ever. */
	seg_poll_set *set = seg_route_waiting_set(route);
	node_kill(0);
	turns_for(100);
	seg_poll_set_clear(set);
	seg_route_poll(route, set);
	assert_false(seg_poll_set_wait(set, 0));
}

static void denied_tracking_is_told_and_named(void **state)
{
	(void)state;
	answers(0, "CLIENT TRACKING",
		"-NOPERM this user has no permissions to run the 'client|tracking' command\r\n", 1000);
	until(first_is_denied, "it is denied");
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(logged, "client|tracking"));
	turns_for(200);
	assert_int_equal(warnings, 1);
	assert_int_equal(heard(0, "CLIENT TRACKING"), 1);
}

static void an_unknown_redirection_is_tried_again(void **state)
{
	(void)state;
	answers(0, "CLIENT TRACKING", "-ERR The client ID you want redirect to does not exist\r\n", 1);
	until(first_rings, "it rings");
	assert_int_equal(heard(0, "CLIENT TRACKING"), 2);
	assert_int_equal(warnings, 0);
}

static void a_lost_bell_rings_and_comes_back(void **state)
{
	(void)state;
	until(first_rings, "it rings");
	told[0] = '\0';
	client_hang_up(subscriber(0));
	until_told("ring1:all ");
	assert_int_not_equal(look(0), SEG_BELL_RINGS);
	until(first_rings, "it rings again");
	assert_int_equal(heard(0, "CLIENT TRACKING"), 2);
}

static void a_lost_data_connection_rings_and_is_tracked_again(void **state)
{
	(void)state;
	until(first_rings, "it rings");
	told[0] = '\0';
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (!fakes[0].clients[i].subscribed)
			client_hang_up(&fakes[0].clients[i]);
	until_told("ring1:all ");
	until(first_rings, "it rings again");
	assert_int_equal(heard(0, "CLIENT TRACKING"), 2);
}

/* The other node's bell may not be there: the caller must not wait for a ring. */
static void reads_of_a_slot_that_answers_ask_do_not_ring(void **state)
{
	(void)state;
	char text[64];
	until(first_rings, "it rings");
	answers(0, "GET", redirection(text, "ASK", 0, 1), 1);
	assert_true(get(0, "a"));
	until_told("a:1");
	assert_int_equal(look(0), SEG_BELL_DUE);
	/* Once the slot has answered no ASK for a while, its node is trusted again. */
	until(first_rings, "it rings");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_that_changes_rings_once_tracking_is_on),
		TEST(a_denied_subscription_is_told_once_and_its_connection_ends),
		TEST(denied_tracking_is_told_and_named),
		TEST(an_unknown_redirection_is_tried_again),
		TEST(a_lost_bell_rings_and_comes_back),
		TEST(a_lost_data_connection_rings_and_is_tracked_again),
		TEST(reads_of_a_slot_that_answers_ask_do_not_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
