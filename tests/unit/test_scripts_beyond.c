/*
 * test_scripts_beyond.c - the scripts claim, commit, dead_letter and reset with lanes: what is done beyond the position is kept for
 * the next owner, and never longer than it is true.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test_scripts.h"

#define LOG "{__n:s:0}"
#define STATE LOG ":g:state"
#define VALUES LOG ":g:values"
#define DEAD LOG ":g:dead"
#define COUNTERS LOG ":counters"

static const char *claim(const char *epoch, const char *nonce)
{
	return run(CLAIM, 2, LOG, STATE, "g", "0", "me", epoch, nonce);
}

/* `beyond`: `<done> <set>`, or `<done>` and a sign. */
static const char *commit_or_release(const char *epoch, const char *nonce, const char *position,
				     const char *release, const char *beyond)
{
	char done[24], value[200];
	const char *set = strchr(beyond, ' ') + 1;
	snprintf(done, sizeof(done), "%.*s", (int)(set - beyond) - 1, beyond);
	if (set[1])
		snprintf(value, sizeof(value), "%s %s %s", nonce, position, set);
	else
		snprintf(value, sizeof(value), "%s", set);
	return run(COMMIT, 2, LOG, STATE, "g", epoch, nonce, position, "-1", release, "", done, value);
}

static const char *commit(const char *epoch, const char *nonce, const char *position, const char *beyond)
{
	return commit_or_release(epoch, nonce, position, "0", beyond);
}

static const char *release(const char *epoch, const char *nonce, const char *position, const char *beyond)
{
	return commit_or_release(epoch, nonce, position, "1", beyond);
}

static const char *letter(const char *epoch, const char *nonce, const char *id, const char *lettered)
{
	return run(DEAD_LETTER, 3, LOG, STATE, DEAD, "g", epoch, nonce, id, "-1", "it is broken", "3",
		   "wordcount", "7", "0", "drop-oldest", lettered);
}

static void fill_log(int count)
{
	for (int i = 1; i <= count; i++)
		command("XADD " LOG " 1-%d partitionKey k data %d", i, i);
}

static const char *state_field(const char *name)
{
	return command("HGET " STATE " %s", name);
}

/* A claim whose answer has this in it; NULL: nothing is inherited. */
static void inherits(const char *epoch, const char *nonce, const char *expected)
{
	const char *answer = claim(epoch, nonce);
	if (strncmp(answer, "OK ", 3) != 0)
		fail_msg("%s", answer);
	if (expected ? !strstr(answer, expected) : strstr(answer, "BEYOND") || strstr(answer, "LETTERED"))
		fail_msg("\"%s\", not \"%s\"", answer, expected ? expected : "nothing");
}

/* The owner hands a message over alone, because owners have died. */
static void mark(const char *epoch, const char *nonce, const char *id)
{
	assert_string_equal(run(MARK, 2, LOG, STATE, epoch, nonce, "mark", id, "2"), "OK");
	assert_string_equal(run(MARK, 2, LOG, STATE, epoch, nonce, "begun", id, "2"), "OK");
	assert_string_equal(run(MARK, 2, LOG, STATE, epoch, nonce, "ended", id, "2"), "OK");
}

/* That message, if the next owner is to handle it alone. */
static void keeps_the_suspect(const char *epoch, const char *nonce, const char *suspect)
{
	claim(epoch, nonce);
	assert_string_equal(state_field("suspect"), suspect);
}

/* Deaths in a row, a suspect, and then its end beyond the position. */
static void a_suspect_that_is_done_beyond_the_position_is_none_any_more(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	claim("2", "a");
	claim("3", "a");
	claim("4", "b");
	mark("4", "b", "1-5");
	commit("4", "b", "1-2", "4 1 1-5 2");
	keeps_the_suspect("5", "c", "nil");
	/* The deaths that it explains do not count against others; this one does. */
	assert_string_equal(state_field("crashes"), "1");
	claim("6", "d");
	assert_string_equal(state_field("crashes"), "2");
}

static void a_suspect_that_is_not_done_remains_one(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	mark("1", "a", "1-3");
	commit("1", "a", "1-2", "4 1 1-5 2");
	keeps_the_suspect("2", "b", "1-3");
	mark("2", "b", "1-6");
	keeps_the_suspect("3", "c", "1-6");
	mark("3", "c", "1-7");
	/* 1-4 to 1-6 and 1-8 are done. */
	commit("3", "c", "1-2", "9 1,4 1-8 4");
	keeps_the_suspect("4", "d", "1-7");
	mark("4", "d", "1-4");
	keeps_the_suspect("5", "e", "nil");
}

/* 1-9 and 2-5 are in holes; numbers of 64 bits are none of Lua's. */
static void holes_are_found_by_their_distances_whatever_their_size(void **state)
{
	(void)state;
	command("XADD " LOG " 1-2 partitionKey k data 1");
	command("XADD " LOG " 18446744073709551615-18446744073709551615 partitionKey k data 1");
	const char *set = "4 7:1-5,18446744073709551613-18446744073709551000:10 "
			  "18446744073709551615-18446744073709551615 2";
	const struct {
		const char *id, *left;
	} cases[] = {
		{"1-8", "nil"},
		{"1-9", "1-9"},
		{"2-5", "2-5"},
		{"2-6", "nil"},
		{"18446744073709551615-18446744073709550999", "nil"},
		{"18446744073709551615-18446744073709551000", "18446744073709551615-18446744073709551000"},
		{"18446744073709551615-18446744073709551010", "18446744073709551615-18446744073709551010"},
		{"18446744073709551615-18446744073709551011", "nil"},
	};
	claim("1", "a");
	assert_string_equal(commit("1", "a", "1-2", set), "OK");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char epoch[8];
		snprintf(epoch, sizeof(epoch), "%zu", i + 2);
		command("HSET " STATE " suspect %s attempts 2", cases[i].id);
		keeps_the_suspect(epoch, "b", cases[i].left);
	}
}

static void a_suspect_that_is_a_dead_letter_is_none_any_more(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	mark("1", "a", "1-5");
	letter("1", "a", "1-5", "1 1-5");
	keeps_the_suspect("2", "b", "nil");
}

static void the_next_owner_gets_what_is_done_beyond_the_position(void **state)
{
	(void)state;
	fill_log(9);
	inherits("1", "a", NULL);
	commit("1", "a", "1-2", "4 1 1-5 2");
	inherits("2", "b", "BEYOND 1 1-5 2");
	/* It dies before it commits. */
	inherits("3", "c", "BEYOND 1 1-5 2");
	assert_string_equal(state_field("beyond"), "c 1-2 1 1-5 2");
}

static void a_claim_that_is_sent_twice_gets_it_twice(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-2", "4 1 1-5 2");
	inherits("2", "b", "BEYOND 1 1-5 2");
	inherits("2", "b", "BEYOND 1 1-5 2");
}

static void what_was_released_is_kept_too(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	assert_string_equal(release("1", "a", "1-2", "4 1 1-5 2"), "OK");
	assert_string_equal(release("1", "a", "1-2", "4 1 1-5 2"), "OK");
	inherits("2", "b", "BEYOND 1 1-5 2");
}

static void a_position_that_has_caught_up_leaves_nothing(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-2", "4 1 1-5 2");
	commit("1", "a", "1-5", "5 -");
	assert_string_equal(state_field("beyond"), "nil");
	inherits("2", "b", NULL);
}

static void a_commit_of_an_owner_without_lanes_makes_it_untrue(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-2", "4 1 1-5 2");
	claim("2", "b");
	run(COMMIT, 2, LOG, STATE, "g", "2", "b", "1-4", "-1", "0");
	inherits("3", "c", NULL);
	assert_string_equal(state_field("beyond"), "nil");
}

/* An earlier version does not know the field, and goes on with an ownership as if it were not there. */
static void an_owner_of_an_earlier_version_makes_it_untrue(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-2", "4 1 1-5 2");
	command("HSET " STATE " epoch 2 nonce old");
	command("XGROUP SETID " LOG " g 1-7");
	command("HSET " STATE " position 1-7");
	command("XGROUP SETID " LOG " g 1-2");
	command("HSET " STATE " position 1-2 nonce '' ");
	inherits("3", "c", NULL);
}

static void a_position_that_was_set_by_hand_makes_it_untrue(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-3", "4 1 1-5 1");
	command("XGROUP SETID " LOG " g 1-1");
	inherits("2", "b", NULL);
	assert_string_equal(state_field("beyond"), "nil");
}

static void a_reset_forgets_it_also_where_the_position_stays(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	letter("1", "a", "1-7", "1 1-7");
	release("1", "a", "1-2", "4 1 1-5 2");
	assert_non_null(strstr(run(RESET, 2, LOG, STATE, "g", "", "1-2", "2"), "OK"));
	inherits("2", "b", NULL);
}

static void a_log_made_anew_forgets_it(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-2", "4 1 1-5 2");
	command("DEL " LOG);
	command("XADD " LOG " 1-1 partitionKey k data 1");
	inherits("2", "b", NULL);
	assert_string_equal(state_field("beyond"), "nil");
}

static void a_log_made_anew_before_its_first_message_was_done_forgets_it(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "0-0", "4 1-1 1-5 4");
	letter("1", "a", "1-7", "1 1-7");
	command("DEL " LOG);
	fill_log(9);
	inherits("2", "b", NULL);
}

static void a_group_that_is_made_again_in_its_log_keeps_it(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-2", "4 1 1-5 2");
	command("XGROUP DESTROY " LOG " g");
	inherits("2", "b", "BEYOND 1 1-5 2");
}

static void a_late_commit_does_not_take_back_what_was_done_since(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-2", "4 1 1-5 2");
	commit("1", "a", "1-2", "6 1 1-7 4");
	assert_string_equal(commit("1", "a", "1-2", "4 1 1-5 2"), "OK");
	assert_string_equal(state_field("beyond"), "a 1-2 1 1-7 4");
	commit("1", "a", "1-9", "9 -");
	assert_string_equal(commit("1", "a", "1-2", "6 1 1-7 4"), "OK");
	assert_string_equal(state_field("beyond"), "nil");
}

static void a_fenced_owner_stores_nothing(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	claim("2", "b");
	assert_string_equal(commit("1", "a", "1-2", "4 1 1-5 2"), "FENCED 2");
	assert_string_equal(state_field("beyond"), "nil");
	assert_string_equal(letter("1", "a", "1-2", "1 1-2"), "FENCED 2");
}

/* --- dead letters ---------------------------------------------------------------------------- */

static void a_letter_does_not_move_the_position_and_the_next_owner_hears_of_it(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-2", "4 1 1-5 2");
	assert_null(strstr(letter("1", "a", "1-7", "1 1-7"), "OK 0-0"));
	assert_string_equal(state_field("position"), "1-2");
	assert_null(strstr(letter("1", "a", "1-8", "2 1-8 1-7"), "OK 0-0"));
	assert_int_equal(command_number("XLEN " DEAD), 2);
	inherits("2", "b", "BEYOND 1 1-5 2 LETTERED 1-8 1-7");
	inherits("3", "c", "LETTERED 1-8 1-7");
}

static void a_letter_that_is_sent_twice_is_one(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	letter("1", "a", "1-7", "1 1-7");
	assert_string_equal(letter("1", "a", "1-7", "1 1-7"), "OK 0-0");
	letter("1", "a", "1-8", "2 1-8");
	/* The first one comes late, once more. */
	assert_string_equal(letter("1", "a", "1-7", "1 1-7"), "OK 0-0");
	assert_int_equal(command_number("XLEN " DEAD), 2);
}

static void the_next_owner_counts_its_letters_from_one(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	letter("1", "a", "1-6", "1 1-6");
	letter("1", "a", "1-7", "2 1-7 1-6");
	claim("2", "b");
	assert_null(strstr(letter("2", "b", "1-8", "1 1-8 1-7 1-6"), "OK 0-0"));
	assert_int_equal(command_number("XLEN " DEAD), 3);
	inherits("3", "c", "LETTERED 1-8 1-7 1-6");
}

static void letters_are_forgotten_where_the_position_goes_back(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	commit("1", "a", "1-5", "5 =");
	letter("1", "a", "1-7", "1 1-7");
	command("XGROUP SETID " LOG " g 1-3");
	inherits("2", "b", NULL);
}

/* --- looks ------------------------------------------------------------------------------------- */

/* How many messages are done beyond the position, how many lanes are busy, and how many slots wait. */
static const char *looked(void)
{
	run(LOOK_PARTITION, 5, LOG, DEAD, COUNTERS, STATE, VALUES, "g");
	char *word = strrchr(said, ']');
	*word = '\0';
	for (int i = 0; i < 3; i++)
		do
			word--;
		while (*word != ' ');
	return word + 1;
}

static void count_lanes(const char *epoch, const char *nonce, const char *busy, const char *waiting)
{
	run(NOTE, 1, STATE, epoch, nonce, "none", "0-0", "0", "0", "", busy, waiting);
}

static void a_look_tells_how_much_is_done_beyond_the_position(void **state)
{
	(void)state;
	fill_log(9);
	assert_string_equal(looked(), "0 0 0");
	claim("1", "a");
	commit("1", "a", "1-2", "4 1:1,1 1-8 3");
	assert_string_equal(looked(), "3 0 0");
	command("XGROUP SETID " LOG " g 1-1");
	assert_string_equal(looked(), "0 0 0");
}

static void a_look_tells_how_many_lanes_are_busy_until_their_owner_has_gone(void **state)
{
	(void)state;
	fill_log(9);
	claim("1", "a");
	count_lanes("1", "a", "7", "2");
	assert_string_equal(looked(), "0 7 2");
	claim("2", "b");
	assert_string_equal(looked(), "0 0 0");
	count_lanes("1", "a", "6", "3");
	assert_string_equal(looked(), "0 0 0");
	count_lanes("2", "b", "1", "0");
	assert_string_equal(looked(), "0 1 0");
	release("2", "b", "1-2", "1 =");
	assert_string_equal(looked(), "0 0 0");
}

#define TEST(name) cmocka_unit_test_setup(name, empty_redis)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_suspect_that_is_done_beyond_the_position_is_none_any_more),
		TEST(a_suspect_that_is_not_done_remains_one),
		TEST(holes_are_found_by_their_distances_whatever_their_size),
		TEST(a_suspect_that_is_a_dead_letter_is_none_any_more),
		TEST(the_next_owner_gets_what_is_done_beyond_the_position),
		TEST(a_claim_that_is_sent_twice_gets_it_twice),
		TEST(what_was_released_is_kept_too),
		TEST(a_position_that_has_caught_up_leaves_nothing),
		TEST(a_commit_of_an_owner_without_lanes_makes_it_untrue),
		TEST(an_owner_of_an_earlier_version_makes_it_untrue),
		TEST(a_position_that_was_set_by_hand_makes_it_untrue),
		TEST(a_reset_forgets_it_also_where_the_position_stays),
		TEST(a_log_made_anew_forgets_it),
		TEST(a_log_made_anew_before_its_first_message_was_done_forgets_it),
		TEST(a_group_that_is_made_again_in_its_log_keeps_it),
		TEST(a_late_commit_does_not_take_back_what_was_done_since),
		TEST(a_fenced_owner_stores_nothing),
		TEST(a_letter_does_not_move_the_position_and_the_next_owner_hears_of_it),
		TEST(a_letter_that_is_sent_twice_is_one),
		TEST(the_next_owner_counts_its_letters_from_one),
		TEST(letters_are_forgotten_where_the_position_goes_back),
		TEST(a_look_tells_how_much_is_done_beyond_the_position),
		TEST(a_look_tells_how_many_lanes_are_busy_until_their_owner_has_gone),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
