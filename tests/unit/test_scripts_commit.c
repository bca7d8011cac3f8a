/*
 * test_scripts_commit.c - the scripts commit and note: the position moves forward, only for the owner, and also without memory; and
 * what hinders the owner.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts_group.h"

/* --- commit ----------------------------------------------------------------------------------------- */

static void a_commit_before_the_last_one_is_answered_and_ignored(void **state)
{
	(void)state;
	fill_log(12);
	claim("5", "n");
	commit("5", "n", "1-10", "10");
	assert_string_equal(commit("5", "n", "1-9", "9"), "OK");
	assert_string_equal(position(), "1-10");
	assert_string_equal(state_field("position"), "1-10");
	assert_string_equal(state_field("count"), "10");
}

static void a_commit_under_a_lost_state_is_fenced(void **state)
{
	(void)state;
	fill_log(2);
	claim("5", "n");
	command("DEL " STATE);
	assert_string_equal(commit("5", "n", "1-1", "1"), "FENCED 0");
}

static void a_commit_makes_a_vanished_group_again(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	command("XGROUP DESTROY " LOG " g");
	assert_string_equal(commit("5", "n", "1-2", "2"), "OK");
	assert_string_equal(position(), "1-2");
}

static void a_commit_that_redis_refuses_changes_nothing(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	assert_non_null(strstr(commit("5", "n", "1-1", "many"), "ERR"));
	assert_non_null(strstr(release("5", "n", "1-1", "-7"), "ERR"));
	assert_non_null(strstr(commit("5", "n", "x", "1"), "ERR"));
	assert_string_equal(position(), "0-0");
	assert_string_equal(state_field("position"), "0-0");
	assert_string_equal(commit("5", "n", "1-1", "1"), "OK");
}

static void a_released_owner_cannot_commit(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	assert_string_equal(release("5", "n", "1-2", "2"), "OK");
	assert_string_equal(position(), "1-2");
	assert_string_equal(commit("5", "n", "1-3", "3"), "FENCED 5");
	assert_string_equal(position(), "1-2");
}

static void a_release_that_is_sent_twice_is_done_once(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	release("5", "n", "1-2", "2");
	assert_string_equal(release("5", "n", "1-2", "2"), "OK");
	claim("6", "m");
	assert_string_equal(release("5", "n", "1-2", "2"), "FENCED 6");
	assert_string_equal(state_field("clean"), "0");
}

/* --- what hinders the owner ------------------------------------------------------------------------ */

static const char *hinder(const char *epoch, const char *nonce, const char *kind, const char *id,
			  const char *number)
{
	return run(NOTE, 1, STATE, epoch, nonce, kind, id, number, "60000000", "it is\ntold");
}

/* Without the milliseconds, which pass. "nil" for nothing. */
static const char *hindrance(void)
{
	run(LOOK_PARTITION, 5, LOG, DEAD, COUNTERS, STATE, VALUES, "g");
	char *note = strrchr(said, '['), *ms = note;
	if (strcmp(said + strlen(said) - 4, " nil") == 0)
		return "nil";
	for (int word = 0; word < 3; word++)
		ms = strchr(ms + 1, ' ');
	memmove(ms, strchr(ms + 1, ' '), strlen(strchr(ms + 1, ' ')) + 1);
	return note;
}

static void what_hinders_the_owner_is_shown_until_the_position_has_passed_it(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	assert_string_equal(hindrance(), "nil");
	assert_string_equal(hinder("5", "n", "retry", "1-1", "7"), "OK");
	assert_string_equal(hindrance(), "[retry 1-1 7 it is\ntold]");
	commit("5", "n", "1-1", "1");
	assert_string_equal(hindrance(), "nil");
	hinder("5", "n", "hang", "0-0", "0");
	assert_string_equal(hindrance(), "[hang 0-0 0 it is\ntold]");
	hinder("5", "n", "none", "0-0", "0");
	assert_string_equal(hindrance(), "nil");
}

static void only_the_owner_says_what_hinders_it(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	claim("6", "m");
	hinder("6", "m", "retry", "1-1", "2");
	assert_string_equal(hinder("5", "n", "hang", "0-0", "0"), "FENCED 6");
	assert_string_equal(hinder("5", "n", "none", "0-0", "0"), "FENCED 6");
	assert_string_equal(hindrance(), "[retry 1-1 2 it is\ntold]");
	claim("7", "o");
	assert_string_equal(hindrance(), "nil");
	assert_string_equal(state_field("hindrance"), "nil");
}

static void nothing_hinders_where_nobody_owns_or_a_reset_has_moved_the_group(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	hinder("5", "n", "hang", "0-0", "0");
	release("5", "n", "0-0", "0");
	assert_string_equal(hindrance(), "nil");
	claim("6", "n");
	hinder("6", "n", "full", "1-1", "0");
	run(RESET, 2, LOG, STATE, "g", "", "0-0", "0");
	assert_string_equal(hindrance(), "nil");
	assert_string_equal(state_field("hindrance"), "nil");
}

static void a_letter_waits_for_room_only_while_there_is_none(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	limited_letter("1-1", "1", "1", "stop");
	hinder("5", "n", "full", "1-2", "1");
	assert_string_equal(hindrance(), "[full 1-2 1 it is\ntold]");
	command("DEL " DEAD);
	assert_string_equal(hindrance(), "nil");
}

static void an_owner_of_an_earlier_version_is_shown_too(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	command("HSET " STATE " remark %s", "5 59990000000000 it hangs");
	assert_non_null(
		strstr(run(LOOK_PARTITION, 5, LOG, DEAD, COUNTERS, STATE, VALUES, "g"), "[hang 0-0 0 "));
	command("HSET " STATE " retry %s", "5 1-1 3 59990000000000 it fails");
	assert_non_null(
		strstr(run(LOOK_PARTITION, 5, LOG, DEAD, COUNTERS, STATE, VALUES, "g"), "[retry 1-1 3 "));
	command("HSET " STATE " letters_full 1");
	assert_non_null(
		strstr(run(LOOK_PARTITION, 5, LOG, DEAD, COUNTERS, STATE, VALUES, "g"), "[retry 1-1 3 "));
	limited_letter("1-1", "1", "1", "stop");
	assert_non_null(
		strstr(run(LOOK_PARTITION, 5, LOG, DEAD, COUNTERS, STATE, VALUES, "g"), "[full 0-0 1 0 ]"));
	claim("6", "m");
	assert_string_equal(hindrance(), "nil");
	assert_string_equal(command("HMGET " STATE " retry remark letters_full"), "nil nil nil");
}

/* --- a full memory --------------------------------------------------------------------------------- */

static void without_memory_a_group_is_opened_claimed_committed_and_released(void **state)
{
	(void)state;
	fill_log(5);
	command("CONFIG SET maxmemory 1");
	assert_string_equal(open_group("0"), "MADE 0-0");
	assert_string_equal(claim("5", "n"), "OK 0-0 0 0 0-0 0 0");
	assert_string_equal(mark("5", "n", "1-1"), "OK");
	assert_string_equal(hinder("5", "n", "retry", "1-1", "2"), "OK");
	assert_string_equal(commit("5", "n", "1-2", "2"), "OK");
	command("XGROUP DESTROY " LOG " g");
	assert_string_equal(commit("5", "n", "1-3", "3"), "OK");
	assert_string_equal(release("5", "n", "1-4", "4"), "OK");
	assert_string_equal(position(), "1-4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_commit_before_the_last_one_is_answered_and_ignored),
		TEST(a_commit_under_a_lost_state_is_fenced),
		TEST(a_commit_makes_a_vanished_group_again),
		TEST(a_commit_that_redis_refuses_changes_nothing),
		TEST(a_released_owner_cannot_commit),
		TEST(a_release_that_is_sent_twice_is_done_once),
		TEST(what_hinders_the_owner_is_shown_until_the_position_has_passed_it),
		TEST(only_the_owner_says_what_hinders_it),
		TEST(nothing_hinders_where_nobody_owns_or_a_reset_has_moved_the_group),
		TEST(a_letter_waits_for_room_only_while_there_is_none),
		TEST(an_owner_of_an_earlier_version_is_shown_too),
		TEST(without_memory_a_group_is_opened_claimed_committed_and_released),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
