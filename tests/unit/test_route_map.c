/* test_route_map.c - the slots of keys, what a cluster says about its slots, and the map that is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redis/command_key.h"
#include "redis/route_map.h"

/* --- replies ---------------------------------------------------------------------------------- */

static seg_reply text_of(const char *text)
{
	return (seg_reply){.type = SEG_REPLY_TEXT, .text = text, .length = strlen(text)};
}

static seg_reply number_of(int64_t number)
{
	return (seg_reply){.type = SEG_REPLY_INTEGER, .integer = number};
}

/* An answer to CLUSTER SLOTS with up to two ranges. */
typedef struct {
	seg_reply range[2], first[2], last[2], host[2], port[2], master[2], slots;
	seg_reply *in_master[2][2], *in_range[2][3], *in_slots[2];
} answer;

static void put(answer *a, int i, int first, int last, seg_reply host, int port)
{
	a->first[i] = number_of(first);
	a->last[i] = number_of(last);
	a->host[i] = host;
	a->port[i] = number_of(port);
	a->in_master[i][0] = &a->host[i];
	a->in_master[i][1] = &a->port[i];
	a->master[i] = (seg_reply){.type = SEG_REPLY_ARRAY, .elements = a->in_master[i], .count = 2};
	a->in_range[i][0] = &a->first[i];
	a->in_range[i][1] = &a->last[i];
	a->in_range[i][2] = &a->master[i];
	a->range[i] = (seg_reply){.type = SEG_REPLY_ARRAY, .elements = a->in_range[i], .count = 3};
	a->in_slots[i] = &a->range[i];
	a->slots = (seg_reply){.type = SEG_REPLY_ARRAY,
			       .elements = a->in_slots,
			       .count = a->slots.count + (i == (int)a->slots.count)};
}

/* --- slots -------------------------------------------------------------------------------------- */

static void a_slot_is_the_crc_of_the_key(void **state)
{
	(void)state;
	assert_int_equal(seg_slot_of("123456789"), 0x31C3 % SEG_SLOT_COUNT);
	assert_int_equal(seg_slot_of("foo"), 12182);
	assert_int_equal(seg_slot_of(""), 0);
}

static void a_hash_tag_stands_for_the_key(void **state)
{
	(void)state;
	assert_int_equal(seg_slot_of("{user1000}.following"), seg_slot_of("user1000"));
	assert_int_equal(seg_slot_of("a{user1000}b{c}"), seg_slot_of("user1000"));
	assert_int_equal(seg_slot_of("foo{{bar}}zap"), 4015);
}

static void an_empty_or_open_tag_is_none(void **state)
{
	(void)state;
	assert_int_equal(seg_slot_of("foo{}{bar}"), 8363);
	assert_int_equal(seg_slot_of("{}x"), 10595);
	assert_int_not_equal(seg_slot_of("foo{bar"), seg_slot_of("bar"));
	assert_int_equal(seg_slot_of("}foo{bar}"), seg_slot_of("bar"));
}

/* --- ranges --------------------------------------------------------------------------------------- */

static void a_range_names_its_master(void **state)
{
	(void)state;
	answer a = {0};
	seg_slot_range range;
	put(&a, 0, 10, 20, text_of("redis.example"), 7000);
	assert_true(seg_slot_range_read(&a.slots, 0, &range));
	assert_int_equal(range.first, 10);
	assert_int_equal(range.last, 20);
	assert_string_equal(range.host, "redis.example");
	assert_int_equal(range.port, 7000);
	assert_false(seg_slot_range_read(&a.slots, 1, &range));
}

static void a_host_that_is_not_told_is_the_host_that_was_asked(void **state)
{
	(void)state;
	const seg_reply hosts[] = {{.type = SEG_REPLY_NIL}, text_of(""), text_of("?")};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		answer a = {0};
		seg_slot_range range;
		put(&a, 0, 0, 16383, hosts[i], 7000);
		assert_true(seg_slot_range_read(&a.slots, 0, &range));
		assert_string_equal(range.host, "");
	}
}

static void nonsense_is_no_range(void **state)
{
	(void)state;
	const struct {
		int first, last, port;
		seg_reply host;
	} wrong[] = {{-1, 5, 7000, text_of("h")},
		     {5, 4, 7000, text_of("h")},
		     {0, 16384, 7000, text_of("h")},
		     {0, 5, 0, text_of("h")},
		     {0, 5, 65536, text_of("h")},
		     {0, 5, 7000, number_of(3)},
		     {0, 5, 7000, {.type = SEG_REPLY_TEXT, .text = "a\0b", .length = 3}}};
	seg_slot_range range;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		answer a = {0};
		put(&a, 0, wrong[i].first, wrong[i].last, wrong[i].host, wrong[i].port);
		assert_false(seg_slot_range_read(&a.slots, 0, &range));
	}
	const seg_reply text = text_of("x");
	assert_false(seg_slot_range_read(&text, 0, &range));
	assert_false(seg_slot_range_read(NULL, 0, &range));
	char host[300];
	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	answer a = {0};
	put(&a, 0, 0, 5, text_of(host), 7000);
	assert_false(seg_slot_range_read(&a.slots, 0, &range));
}

/* --- redirections ----------------------------------------------------------------------------------- */

static seg_redirection_kind read(const char *text, seg_slot_range *range)
{
	const seg_reply error = {.type = SEG_REPLY_ERROR, .text = text, .length = strlen(text)};
	return seg_redirection_read(&error, range);
}

static void a_redirection_names_the_slot_and_its_node(void **state)
{
	(void)state;
	seg_slot_range range;
	assert_int_equal(read("MOVED 3999 127.0.0.1:6381", &range), SEG_REDIRECT_MOVED);
	assert_int_equal(range.first, 3999);
	assert_int_equal(range.last, 3999);
	assert_string_equal(range.host, "127.0.0.1");
	assert_int_equal(range.port, 6381);
	assert_int_equal(read("ASK 0 ::1:7000", &range), SEG_REDIRECT_ASK);
	assert_string_equal(range.host, "::1");
	assert_int_equal(read("MOVED 16383 node.example:1", &range), SEG_REDIRECT_MOVED);
	assert_string_equal(range.host, "node.example");
	assert_int_equal(read("MOVED 1 :7000", &range), SEG_REDIRECT_MOVED);
	assert_string_equal(range.host, "");
	assert_int_equal(read("MOVED 1 ?:7000", &range), SEG_REDIRECT_MOVED);
	assert_string_equal(range.host, "");
}

static void other_errors_are_no_redirections(void **state)
{
	(void)state;
	const char *others[] = {"MOVED",
				"MOVED ",
				"MOVED x 127.0.0.1:1",
				"MOVED -1 127.0.0.1:1",
				"MOVED 16384 127.0.0.1:1",
				"MOVED 1",
				"MOVED 1 127.0.0.1",
				"MOVED 1 127.0.0.1:",
				"MOVED 1 127.0.0.1:0",
				"MOVED 1 127.0.0.1:65536",
				"MOVED 1 127.0.0.1:1x",
				"MOVEDX 1 127.0.0.1:1",
				"ASKING 1 127.0.0.1:1",
				"TRYAGAIN x",
				"ERR"};
	seg_slot_range range;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(read(others[i], &range), SEG_REDIRECT_NOT);
	const seg_reply text = text_of("MOVED 1 127.0.0.1:1");
	assert_int_equal(seg_redirection_read(&text, &range), SEG_REDIRECT_NOT);
	assert_int_equal(seg_redirection_read(NULL, &range), SEG_REDIRECT_NOT);
}

/* --- the map ------------------------------------------------------------------------------------------ */

static void a_node_keeps_its_number(void **state)
{
	(void)state;
	seg_route_map map = {0};
	answer a = {0}, b = {0};
	put(&a, 0, 0, 8191, text_of("h"), 7000);
	put(&a, 1, 8192, 16383, text_of("h"), 7001);
	assert_true(seg_route_map_take(&map, &a.slots, "x"));
	uint32_t first = map.owners[0], second = map.owners[16383];
	assert_int_not_equal(first, second);
	unsigned changes = map.changes;
	assert_true(seg_route_map_take(&map, &a.slots, "x"));
	assert_int_equal(map.changes, changes);
	put(&b, 0, 0, 16383, text_of("H"), 7001);
	assert_true(seg_route_map_take(&map, &b.slots, "x"));
	assert_int_equal(map.owners[0], second);
	assert_int_equal(map.count, 2);
	assert_int_not_equal(map.changes, changes);
	assert_false(map.nodes[first - 1]->has_slots);
	/* It leaves, and comes back. */
	assert_true(seg_route_map_take(&map, &a.slots, "x"));
	assert_int_equal(map.owners[0], first);
	assert_true(map.nodes[first - 1]->has_slots);
	seg_route_map_fini(&map);
}

static void a_slot_that_moves_takes_no_other_along(void **state)
{
	(void)state;
	seg_route_map map = {0};
	answer a = {0};
	put(&a, 0, 0, 16383, text_of(""), 7000);
	assert_true(seg_route_map_take(&map, &a.slots, "asked"));
	assert_string_equal(map.nodes[0]->text, "asked:7000");
	seg_slot_range to = {.first = 5, .last = 5, .host = "other", .port = 7001};
	unsigned changes = map.changes;
	assert_true(map.whole);
	assert_int_equal(seg_route_map_moved(&map, &to, "asked"), 2);
	assert_false(map.whole);
	assert_int_equal(map.owners[5], 2);
	assert_int_equal(map.owners[4], 1);
	assert_int_equal(map.owners[6], 1);
	assert_int_equal(map.changes, changes + 1);
	assert_int_equal(seg_route_map_moved(&map, &to, "asked"), 2);
	assert_int_equal(map.changes, changes + 1);
	assert_true(seg_route_map_take(&map, &a.slots, "asked"));
	assert_true(map.whole);
	seg_route_map_fini(&map);
}

static void a_slot_that_nobody_has_has_no_node(void **state)
{
	(void)state;
	seg_route_map map = {0};
	answer a = {0};
	put(&a, 0, 0, 99, text_of("h"), 7000);
	assert_true(seg_route_map_take(&map, &a.slots, "x"));
	assert_int_equal(map.owners[100], 0);
	seg_route_map_fini(&map);
}

static void what_is_no_map_changes_nothing(void **state)
{
	(void)state;
	seg_route_map map = {0};
	answer a = {0};
	const seg_reply empty = {.type = SEG_REPLY_ARRAY}, text = text_of("OK");
	put(&a, 0, 0, 16383, text_of("h"), 7000);
	assert_true(seg_route_map_take(&map, &a.slots, "x"));
	assert_false(seg_route_map_take(&map, &empty, "x"));
	assert_false(seg_route_map_take(&map, &text, "x"));
	assert_false(seg_route_map_take(&map, NULL, "x"));
	assert_int_equal(map.owners[7], 1);
	seg_route_map_fini(&map);
}

/* --- the key of a command ------------------------------------------------------------------------------- */

static void a_command_goes_by_its_first_key(void **state)
{
	(void)state;
	const char *const read[] = {"XREAD", "COUNT", "5", "STREAMS", "log", "0"};
	const char *const info[] = {"XINFO", "STREAM", "log"};
	const char *const add[] = {"XADD", "log", "*"};
	const char *const time[] = {"TIME"}, *const scan[] = {"SCAN", "0"},
			  *const cut[] = {"XREAD", "STREAMS"};
	assert_string_equal(seg_command_key(6, read), "log");
	assert_string_equal(seg_command_key(3, info), "log");
	assert_string_equal(seg_command_key(3, add), "log");
	assert_null(seg_command_key(1, time));
	assert_null(seg_command_key(2, scan));
	assert_null(seg_command_key(2, cut));
	assert_null(seg_command_key(2, info));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slot_is_the_crc_of_the_key),
		cmocka_unit_test(a_hash_tag_stands_for_the_key),
		cmocka_unit_test(an_empty_or_open_tag_is_none),
		cmocka_unit_test(a_range_names_its_master),
		cmocka_unit_test(a_host_that_is_not_told_is_the_host_that_was_asked),
		cmocka_unit_test(nonsense_is_no_range),
		cmocka_unit_test(a_redirection_names_the_slot_and_its_node),
		cmocka_unit_test(other_errors_are_no_redirections),
		cmocka_unit_test(a_node_keeps_its_number),
		cmocka_unit_test(a_slot_that_moves_takes_no_other_along),
		cmocka_unit_test(a_slot_that_nobody_has_has_no_node),
		cmocka_unit_test(what_is_no_map_changes_nothing),
		cmocka_unit_test(a_command_goes_by_its_first_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
