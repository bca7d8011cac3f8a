/* test_route.c - a route to a cluster: redirections, nodes that are away, and how often it asks for the map. */
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
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_route();
	nodes_stop();
	return 0;
}

static void get_ready(void)
{
	open_route();
	until(is_ready, "the route is ready");
}

/* Every node is connected, and was asked for nothing else. */
static void connect_all(void)
{
	get_ready();
	for (int n = 0; n < NODES; n++)
		assert_true(get(n, "first"));
	until_told("first:0");
	until_told("first:1");
	until_told("first:2");
	told[0] = '\0';
}

static int maps_asked(void)
{
	return heard(0, "CLUSTER SLOTS") + heard(1, "CLUSTER SLOTS") + heard(2, "CLUSTER SLOTS");
}

/* --- one server ------------------------------------------------------------------------------- */

static void a_single_server_is_node_0(void **state)
{
	(void)state;
	alone = true;
	get_ready();
	assert_false(seg_route_is_cluster(route));
	assert_true(get(2, "a"));
	until_told("a:0");
	assert_non_null(strstr(told, "up0 "));
	assert_int_equal(seg_route_node(route, 77), 0);
}

/* --- nodes -------------------------------------------------------------------------------------- */

static void a_command_waits_for_its_node_and_goes_there(void **state)
{
	(void)state;
	get_ready();
	assert_true(seg_route_is_cluster(route));
	assert_false(seg_route_ready_for(route, seg_slot_of(keys[2])));
	assert_true(get(2, "a"));
	assert_true(get(1, "b"));
	until_told("a:2");
	until_told("b:1");
	assert_true(seg_route_ready_for(route, seg_slot_of(keys[2])));
	/* The first connection only served to learn the nodes. */
	assert_null(strstr(told, "up0"));
}

static void each_node_that_has_slots_is_named(void **state)
{
	(void)state;
	thirds[2] = 1;
	get_ready();
	seg_node first = seg_route_next(route, 0), second = seg_route_next(route, first);
	assert_int_not_equal(first, 0);
	assert_int_not_equal(second, 0);
	assert_int_equal(seg_route_next(route, second), 0);
	char where[64];
	snprintf(where, sizeof(where), "127.0.0.1:%d", fakes[1].port);
	assert_string_equal(seg_route_where(route, seg_route_node(route, seg_slot_of(keys[1]))), where);
}

static void a_command_without_a_key_does_not_wait_for_a_node_that_hangs(void **state)
{
	(void)state;
	/* The first node of the map hangs, and the address is another one. */
	thirds[0] = 1;
	thirds[1] = 0;
	fakes[1].silent = true;
	get_ready();
	turns_for(50);
	assert_true(seg_route_words(route, on_reply, "ping", "PING", (char *)NULL));
	until_told("ping:");
	assert_null(strstr(told, "ping:lost"));
	assert_int_equal(heard(0, "PING"), 1);
}

static void a_command_to_a_dead_node_is_lost_and_the_others_go_on(void **state)
{
	(void)state;
	get_ready();
	node_kill(2);
	assert_true(get(2, "a"));
	assert_true(get(1, "b"));
	until_told("a:unwritten");
	until_told("b:1");
}

static void a_node_that_comes_back_is_used_again(void **state)
{
	(void)state;
	connect_all();
	node_kill(1);
	until_told("down2");
	node_listen(&fakes[1], fakes[1].port);
	until_told("up2");
	assert_true(get(1, "a"));
	until_told("a:1");
}

static void a_replaced_node_is_found_in_the_map(void **state)
{
	(void)state;
	connect_all();
	thirds[1] = 2;
	node_kill(1);
	until_told("down2");
	long long began = test_now_ms();
	while (!strstr(told, "a:2") && test_now_ms() - began < PATIENCE_MS) {
		if (!strstr(told, "a:unwritten") || seg_route_node(route, seg_slot_of(keys[1])) != 2) {
			told[0] = '\0';
			get(1, "a");
		}
		turns_for(50);
	}
	until_told("a:2");
}

static void a_break_ends_the_commands_that_wait_for_a_dead_node(void **state)
{
	(void)state;
	get_ready();
	node_kill(2);
	assert_true(get(2, "a"));
	until_told("a:unwritten");
	/* The node is down, and its next attempt is not due yet. */
	assert_true(get(2, "b"));
	seg_route_break(route, SEG_EUNREACHABLE, "enough");
	assert_non_null(strstr(told, "b:unwritten"));
}

static void a_command_that_was_written_is_told_from_one_that_was_not(void **state)
{
	(void)state;
	connect_all();
	fakes[2].silent = true;
	assert_true(get(2, "a"));
	turns_for(20);
	node_kill(2);
	until_told("a:lost");
	assert_true(get(2, "b"));
	seg_route_lose_unwritten(route);
	assert_non_null(strstr(told, "b:unwritten"));
	/* Nothing is left of it when the node is back. */
	fakes[2].silent = false;
	int before = heard(2, "GET");
	node_listen(&fakes[2], fakes[2].port);
	until_told("up3");
	assert_true(get(2, "c"));
	until_told("c:2");
	assert_int_equal(heard(2, "GET"), before + 1);
}

/* --- redirections ----------------------------------------------------------------------------------- */

static void moved_is_followed_and_remembered(void **state)
{
	(void)state;
	char text[64];
	connect_all();
	unsigned changes = seg_route_changes(route);
	thirds[0] = 2;
	answers(0, "GET", redirection(text, "MOVED", 0, 2), 1);
	assert_true(get(0, "a"));
	until_told("a:2");
	assert_int_not_equal(seg_route_changes(route), changes);
	assert_true(get(0, "b"));
	until_told("b:2");
	assert_int_equal(heard(0, "GET"), 2);
}

static void moved_to_a_node_that_is_not_connected_waits_for_it(void **state)
{
	(void)state;
	char text[64];
	thirds[2] = 0;
	get_ready();
	thirds[2] = 2;
	answers(0, "GET", redirection(text, "MOVED", 2, 2), 1);
	assert_true(get(2, "a"));
	until_told("a:2");
}

static void moved_to_a_dead_node_loses_the_command(void **state)
{
	(void)state;
	char text[64];
	get_ready();
	node_kill(2);
	answers(0, "GET", redirection(text, "MOVED", 0, 2), 1);
	assert_true(get(0, "a"));
	until_told("a:unwritten");
}

static void ask_is_followed_once_with_asking(void **state)
{
	(void)state;
	char text[64];
	connect_all();
	unsigned changes = seg_route_changes(route);
	int asked = heard(1, "ASKING");
	answers(0, "GET", redirection(text, "ASK", 0, 1), 1);
	assert_true(get(0, "a"));
	until_told("a:1");
	assert_int_equal(heard(1, "ASKING"), asked + 1);
	assert_int_equal(seg_route_changes(route), changes);
	assert_true(get(0, "b"));
	until_told("b:0");
	assert_int_equal(heard(1, "ASKING"), asked + 1);
}

/* As a commit of the partition of node n's key. */
static bool commit(int n, const char *name)
{
	const char *argv[] = {keys[n], "state"};
	return seg_route_staying_script(route, SEG_SCRIPT_COMMIT, on_reply, (void *)(uintptr_t)name, 2, 2,
					argv, NULL);
}

static void a_script_that_stays_hears_of_moved_and_goes_to_no_other_master(void **state)
{
	(void)state;
	char text[64];
	connect_all();
	unsigned changes = seg_route_changes(route);
	thirds[0] = 2;
	answers(0, "EVALSHA", redirection(text, "MOVED", 0, 2), 1);
	assert_true(commit(0, "a"));
	until_told("a:MOVED");
	/* The route has learnt where the slot is, for those who look there before they commit. */
	assert_int_not_equal(seg_route_changes(route), changes);
	assert_int_equal(heard(2, "EVALSHA"), 0);
	assert_true(commit(0, "b"));
	until_told("b:ok");
	assert_int_equal(heard(2, "EVALSHA"), 1);
}

static void a_script_that_stays_follows_a_key_that_migrates(void **state)
{
	(void)state;
	char text[64];
	connect_all();
	int asked = heard(1, "ASKING");
	answers(0, "EVALSHA", redirection(text, "ASK", 0, 1), 1);
	assert_true(commit(0, "a"));
	until_told("a:ok");
	assert_int_equal(heard(1, "ASKING"), asked + 1);
	assert_int_equal(heard(1, "EVALSHA"), 1);
}

static void a_circle_of_redirections_ends_with_the_error(void **state)
{
	(void)state;
	char to_1[64], to_0[64];
	connect_all();
	redirection(to_1, "MOVED", 0, 1);
	redirection(to_0, "MOVED", 0, 0);
	answers(0, "GET", to_1, 1000);
	answers(1, "GET", to_0, 1000);
	assert_true(get(0, "a"));
	until_told("a:MOVED");
	assert_true(heard(0, "GET") + heard(1, "GET") < 12);
}

static void what_passes_reaches_the_caller(void **state)
{
	(void)state;
	connect_all();
	answers(0, "GET", "-TRYAGAIN x\r\n", 1);
	assert_true(get(0, "a"));
	until_told("a:TRYAGAIN");
	answers(0, "GET", "-CLUSTERDOWN x\r\n", 1);
	assert_true(get(0, "b"));
	until_told("b:CLUSTERDO");
}

static void a_transaction_is_not_split(void **state)
{
	(void)state;
	char text[64];
	connect_all();
	answers(0, "GET", redirection(text, "MOVED", 0, 1), 1);
	seg_connection *connection = seg_route_connection(route, keys[0]);
	assert_true(seg_connection_words(connection, on_reply, (char[]){"multi"}, "MULTI", (char *)NULL));
	assert_true(seg_connection_words(connection, on_reply, (char[]){"a"}, "GET", keys[0], (char *)NULL));
	assert_true(seg_connection_words(connection, on_reply, (char[]){"exec"}, "EXEC", (char *)NULL));
	until_told("exec:ok");
	assert_non_null(strstr(told, "a:MOVED"));
	/* But the next one goes to the right node. */
	assert_ptr_not_equal(seg_route_connection(route, keys[0]), connection);
}

/* --- the map ------------------------------------------------------------------------------------------ */

static void the_map_is_asked_for_at_most_once_a_second(void **state)
{
	(void)state;
	char to_1[64], to_0[64];
	connect_all();
	redirection(to_1, "MOVED", 0, 1);
	redirection(to_0, "MOVED", 0, 0);
	answers(0, "GET", to_1, 100000);
	answers(1, "GET", to_0, 100000);
	int before = maps_asked();
	for (long long end = test_now_ms() + 1500; test_now_ms() < end;) {
		get(0, "a");
		turns_for(10);
		told[0] = '\0';
	}
	assert_in_range(maps_asked() - before, 1, 3);
}

static void the_node_that_redirected_is_asked_for_the_map(void **state)
{
	(void)state;
	char text[64];
	connect_all();
	thirds[2] = 0;
	int before = heard(2, "CLUSTER SLOTS");
	answers(2, "GET", redirection(text, "MOVED", 2, 0), 1);
	assert_true(get(2, "a"));
	until_told("a:0");
	for (long long end = test_now_ms() + PATIENCE_MS; test_now_ms() < end;) {
		if (heard(2, "CLUSTER SLOTS") > before)
			return;
		turn();
	}
	fail_msg("node 2 was not asked");
}

/* The first node that could be asked hangs; the next one tells where the slots are. */
static void a_node_that_hangs_does_not_stop_the_map(void **state)
{
	(void)state;
	connect_all();
	fakes[0].silent = true;
	thirds[2] = 1;
	node_kill(2);
	const uint16_t slot = seg_slot_of(keys[2]);
	char where[64];
	snprintf(where, sizeof(where), "127.0.0.1:%d", fakes[1].port);
	long long began = test_now_ms();
	while (strcmp(seg_route_where(route, seg_route_node(route, slot)), where) != 0) {
		/* Before the hanging connection's answer is overdue. */
		if (test_now_ms() - began > 2900)
			fail_msg("the map was not read");
		turn();
	}
}

static void one_route_learns_from_another(void **state)
{
	(void)state;
	char text[64];
	connect_all();
	seg_route *other = route;
	seg_address kept = address;
	get_ready();
	const uint16_t slot = seg_slot_of(keys[0]);
	answers(0, "GET", redirection(text, "MOVED", 0, 1), 1);
	assert_true(get(0, "a"));
	until_told("a:1");
	assert_string_not_equal(seg_route_where(route, seg_route_node(route, slot)),
				seg_route_where(other, seg_route_node(other, slot)));
	unsigned changes = seg_route_changes(other);
	seg_route_learn(other, slot, route);
	assert_string_equal(seg_route_where(route, seg_route_node(route, slot)),
			    seg_route_where(other, seg_route_node(other, slot)));
	assert_int_equal(seg_route_changes(other), changes + 1);
	seg_route_learn(other, slot, route);
	assert_int_equal(seg_route_changes(other), changes + 1);
	seg_route_destroy(other);
	seg_address_fini(&kept);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_single_server_is_node_0),
		TEST(a_command_waits_for_its_node_and_goes_there),
		TEST(each_node_that_has_slots_is_named),
		TEST(a_command_without_a_key_does_not_wait_for_a_node_that_hangs),
		TEST(a_command_to_a_dead_node_is_lost_and_the_others_go_on),
		TEST(a_node_that_comes_back_is_used_again),
		TEST(a_replaced_node_is_found_in_the_map),
		TEST(a_command_that_was_written_is_told_from_one_that_was_not),
		TEST(a_break_ends_the_commands_that_wait_for_a_dead_node),
		TEST(moved_is_followed_and_remembered),
		TEST(moved_to_a_node_that_is_not_connected_waits_for_it),
		TEST(moved_to_a_dead_node_loses_the_command),
		TEST(ask_is_followed_once_with_asking),
		TEST(a_script_that_stays_hears_of_moved_and_goes_to_no_other_master),
		TEST(a_script_that_stays_follows_a_key_that_migrates),
		TEST(a_circle_of_redirections_ends_with_the_error),
		TEST(what_passes_reaches_the_caller),
		TEST(a_transaction_is_not_split),
		TEST(the_map_is_asked_for_at_most_once_a_second),
		TEST(the_node_that_redirected_is_asked_for_the_map),
		TEST(a_node_that_hangs_does_not_stop_the_map),
		TEST(one_route_learns_from_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
