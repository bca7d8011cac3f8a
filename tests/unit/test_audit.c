/*
 * test_audit.c - what the lines of MONITOR tell of the scripts that chaos watches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chaos/audit.h"

#define CALL "1795932255.945123 [0 unix:/r.sock] \"EVALSHA\" "
#define LUA "1795932255.945130 [0 lua] "
#define KEYS "\"2\" \"__default:chaos:partition_3\" \"{__default:chaos:partition_3}:workers:state\" "
#define STATE "\"HSET\" \"{__default:chaos:partition_3}:workers:state\" "

static chaos_audit_parser parser;
static chaos_audit event;

static int set_up(void **state)
{
	(void)state;
	parser = (chaos_audit_parser){.sha = {"c1a", "c0", "d1"}, .script = -1};
	event = (chaos_audit){0};
	return 0;
}

static bool take(const char *line)
{
	return chaos_audit_parse(&parser, line, &event);
}

static void call_commit(void)
{
	assert_false(take(CALL "\"c0\" " KEYS
			       "\"workers\" \"17\" \"nonce\" \"1700-5\" \"9\" \"0\" \"\" \"\" \"\""));
}

static void a_commit_is_told_by_the_position_and_the_count_that_it_writes(void **state)
{
	(void)state;
	call_commit();
	assert_false(take(LUA "\"XGROUP\" \"SETID\" \"__default:chaos:partition_3\" \"workers\" \"1700-5\""));
	assert_true(take(LUA STATE "\"position\" \"1700-5\" \"count\" \"9\""));
	assert_int_equal(event.kind, CHAOS_AUDIT_COMMIT);
	assert_int_equal(event.partition, 3);
	assert_int_equal(event.epoch, 17);
	assert_int_equal(event.id.ms, 1700);
	assert_int_equal(event.id.seq, 5);
}

static void a_commit_that_comes_again_after_a_later_one_writes_no_count(void **state)
{
	(void)state;
	call_commit();
	assert_true(take(LUA STATE "\"position\" \"1800-0\""));
	assert_int_equal(event.kind, CHAOS_AUDIT_AGAIN);
	assert_int_equal(event.id.ms, 1800);
}

static void a_claim_is_told_by_the_epoch_that_it_writes(void **state)
{
	(void)state;
	const char *call = CALL "\"c1a\" " KEYS "\"workers\" \"m\" \"nonce\" \"18\" \"0\"";
	assert_false(take(call));
	assert_false(take(LUA STATE "\"position\" \"0-0\" \"count\" \"0\""));
	assert_true(take(LUA STATE "\"epoch\" \"18\" \"position\" \"1700-5\" \"count\" \"9\""));
	assert_int_equal(event.kind, CHAOS_AUDIT_CLAIM);
	assert_int_equal(event.epoch, 18);
}

static void a_release_is_told_by_its_mark(void **state)
{
	(void)state;
	call_commit();
	assert_true(take(LUA STATE "\"clean\" \"1\" \"nonce\" \"\""));
	assert_int_equal(event.kind, CHAOS_AUDIT_RELEASE);
}

static void what_no_script_of_these_writes_is_nothing(void **state)
{
	(void)state;
	assert_false(take(LUA STATE "\"position\" \"1700-5\" \"count\" \"9\""));
	assert_false(take(CALL "\"f00\" " KEYS "\"workers\" \"17\" \"nonce\" \"1700-5\" \"9\""));
	assert_false(take(LUA STATE "\"position\" \"1700-5\" \"count\" \"9\""));
}

static void a_log_that_is_deleted_is_a_loss(void **state)
{
	(void)state;
	assert_true(take(LUA "\"DEL\" \"__default:chaos:partition_3\""));
	assert_int_equal(event.kind, CHAOS_AUDIT_LOG_LOST);
	assert_int_equal(event.partition, 3);
	assert_true(take("1795932255.945123 [0 unix:/r.sock] \"FLUSHALL\""));
	assert_int_equal(event.kind, CHAOS_AUDIT_ALL_LOST);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_commit_is_told_by_the_position_and_the_count_that_it_writes),
		TEST(a_commit_that_comes_again_after_a_later_one_writes_no_count),
		TEST(a_claim_is_told_by_the_epoch_that_it_writes),
		TEST(a_release_is_told_by_its_mark),
		TEST(what_no_script_of_these_writes_is_nothing),
		TEST(a_log_that_is_deleted_is_a_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
