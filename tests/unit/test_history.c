/* test_history.c - what a member makes of a control slot that gets another node: on a route to fake nodes, without a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "group/claim.h"
#include "group/history.h"
#include "group/notes.h"
#include "harness/member.h"
#include "test_nodes.h"

static seg_member *member;
static seg_partition *partition;
static seg_link_node first; /* the node of the control slot at first: control is connected there */

/* The control slot is in the first third of the slots, and the member's only partition in the second one. */
static int set_up(void **state)
{
	(void)state;
	nodes_start();
	open_route();
	until(is_ready, "the route is ready");
	member = test_member_make(1);
	partition = member->partitions;
	partition->slot = seg_slot_of(keys[1]);
	seg_ownership_assigned(&partition->own, 5);
	member->control = route;
	member->control_slot = seg_slot_of(keys[0]);
	seg_member_link *control = &member->links[SEG_LINK_CONTROL];
	*control = (seg_member_link){.member = member, .route = route};
	seg_node node = seg_route_node(route, member->control_slot);
	first = (seg_link_node){.link = control, .node = node, .told = true};
	control->nodes = calloc(node + 1, sizeof(*control->nodes));
	if (!control->nodes)
		return -1;
	control->nodes[node] = &first;
	control->count = node + 1;
	seg_history_follow_slots(member);
	assert_int_equal(seg_notes_take(member), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_route();
	free(member->links[SEG_LINK_CONTROL].nodes);
	test_member_free(member);
	nodes_stop();
	return 0;
}

/* The first node says that the second one has the control slot; a map then gives the thirds to these nodes. */
static void move_to_second(int third_0, int third_1, int third_2)
{
	char text[64];
	thirds[0] = third_0;
	thirds[1] = third_1;
	thirds[2] = third_2;
	answers(0, "GET", redirection(text, "MOVED", 0, 1), 1);
	assert_true(get(0, "a"));
	until_told("a:1");
}

static bool is_clear(void)
{
	seg_history_follow_slots(member);
	return !seg_history_is_unclear(member);
}

static void expect_doubt(void)
{
	assert_true(seg_notes_take(member) & SEG_NOTE_ANOTHER_HISTORY);
	assert_int_equal(member->history.changes, 1);
	assert_int_equal(partition->own.state, SEG_OWN_NONE);
}

static void a_migrated_control_slot_only_asks_for_the_share(void **state)
{
	(void)state;
	move_to_second(1, 1, 0);
	until(is_clear, "the map is there");
	assert_int_equal(seg_notes_take(member), SEG_NOTE_SHARE_IN_DOUBT | SEG_NOTE_HEARTBEAT);
	assert_int_equal(member->history.changes, 0);
	assert_int_equal(partition->own.epoch, 5);
	assert_int_equal(partition->own.state, SEG_OWN_ACQUIRED);
}

static void a_node_that_has_lost_all_slots_has_failed_over(void **state)
{
	(void)state;
	move_to_second(1, 1, 2);
	until(is_clear, "the map is there");
	expect_doubt();
}

static void a_node_that_is_not_connected_is_doubted(void **state)
{
	(void)state;
	first.told = false;
	move_to_second(1, 1, 0);
	until(is_clear, "the map is there");
	expect_doubt();
}

static void without_a_map_a_moved_control_slot_is_doubted_in_the_end(void **state)
{
	(void)state;
	move_to_second(-1, -1, -1);
	assert_false(is_clear());
	assert_int_equal(seg_notes_take(member), 0);
	assert_int_equal(partition->own.epoch, 5);
	member->history.clear_by = seg_now();
	assert_true(is_clear());
	expect_doubt();
}

static void a_restart_of_the_node_that_had_the_control_slot_is_doubted(void **state)
{
	(void)state;
	move_to_second(-1, -1, -1);
	assert_false(is_clear());
	seg_note_another_history(member, first.node);
	assert_true(is_clear());
	expect_doubt();
}

static bool holds_partition(void)
{
	return seg_history_holds(&member->links[SEG_LINK_CONTROL], partition->slot);
}

static bool is_lost(void)
{
	return partition->claim.in_flight == 0;
}

/* The old master may answer after the new one, with a position of the old history. */
static void a_claim_waits_until_the_claim_before_it_has_an_answer(void **state)
{
	(void)state;
	seg_member_link *control = &member->links[SEG_LINK_CONTROL];
	seg_node node = seg_route_node(route, partition->slot);
	seg_link_node second = {.link = control, .node = node, .told = true};
	seg_link_node **nodes = calloc(node + first.node + 1, sizeof(*nodes));
	assert_non_null(nodes);
	free(control->nodes);
	control->nodes = nodes;
	control->count = node + first.node + 1;
	member->commits = control;
	nodes[first.node] = &first;
	nodes[node] = &second;
	partition->log_key = partition->state_key = partition->values_key = (char *)(uintptr_t)keys[1];
	until(holds_partition, "the partition's node is connected");
	fakes[1].silent = true;
	seg_claim_step(partition, seg_now());
	assert_int_equal(partition->own.state, SEG_OWN_CLAIMING);
	seg_ownership_lost(&partition->own);
	seg_ownership_assigned(&partition->own, 6);
	seg_claim_step(partition, seg_now());
	assert_int_equal(partition->own.state, SEG_OWN_ACQUIRED);
	node_kill(1);
	until(is_lost, "the claim is lost");
	assert_int_equal(partition->own.state, SEG_OWN_ACQUIRED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_migrated_control_slot_only_asks_for_the_share),
		TEST(a_node_that_has_lost_all_slots_has_failed_over),
		TEST(a_node_that_is_not_connected_is_doubted),
		TEST(without_a_map_a_moved_control_slot_is_doubted_in_the_end),
		TEST(a_restart_of_the_node_that_had_the_control_slot_is_doubted),
		TEST(a_claim_waits_until_the_claim_before_it_has_an_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
