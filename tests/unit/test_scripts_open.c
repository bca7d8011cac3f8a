/*
 * test_scripts_open.c - the scripts opening and open_group: where a group begins, and that a group that has vanished goes on where it
 * was, with its log or without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts_group.h"

/* --- opening ---------------------------------------------------------------------------------------- */

static const char *opening(const char *member, const char *partitions, const char *patience, const char *done)
{
	return run(OPENING, 1, "{__n:s}:g:partitions", member, partitions, patience, done);
}

static void of_the_members_that_start_one_opens_the_group(void **state)
{
	(void)state;
	assert_string_equal(opening("a", "8", "60000", "0"), "OPEN");
	assert_string_equal(opening("b", "8", "60000", "0"), "WAIT");
	assert_string_equal(opening("a", "8", "60000", "0"), "OPEN");
	assert_string_equal(opening("a", "8", "60000", "1"), "OPENED");
	assert_string_equal(opening("b", "8", "60000", "0"), "OPENED");
}

static void an_opener_that_takes_too_long_counts_as_dead(void **state)
{
	(void)state;
	assert_string_equal(opening("a", "8", "0", "0"), "OPEN");
	assert_string_equal(opening("b", "8", "60000", "0"), "OPEN");
	assert_string_equal(opening("a", "8", "60000", "0"), "WAIT");
}

static void a_group_that_was_opened_on_fewer_partitions_is_opened_again(void **state)
{
	(void)state;
	opening("a", "8", "60000", "1");
	assert_string_equal(opening("b", "9", "60000", "0"), "OPEN");
}

/* --- open_group ------------------------------------------------------------------------------------- */

static void a_group_begins_where_it_is_told(void **state)
{
	(void)state;
	fill_log(3);
	assert_string_equal(open_group("1-2"), "MADE 1-2");
	assert_string_equal(open_group("0"), "OK 1-2");
	empty_redis(NULL);
	fill_log(3);
	assert_string_equal(open_group("$"), "MADE 1-3");
	empty_redis(NULL);
	assert_string_equal(open_group("0"), "MADE 0-0");
}

static void a_vanished_group_is_made_again_where_it_began(void **state)
{
	(void)state;
	fill_log(3);
	open_group("$");
	fill_log(0);
	command("XADD " LOG " 1-4 f v");
	command("XGROUP DESTROY " LOG " g");
	assert_string_equal(open_group("$"), "REMADE 1-3");
}

static void a_vanished_group_is_made_again_at_its_position(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	commit("5", "n", "1-2", "2");
	command("XGROUP DESTROY " LOG " g");
	assert_string_equal(open_group("0"), "REMADE 1-2");
	/* Also if its newest message was deleted, or trimmed. */
	command("XDEL " LOG " 1-2");
	command("XGROUP DESTROY " LOG " g");
	assert_string_equal(open_group("0"), "REMADE 1-2");
	command("XTRIM " LOG " MAXLEN 0");
	command("XGROUP DESTROY " LOG " g");
	assert_string_equal(open_group("0"), "REMADE 1-2");
}

static void a_start_beyond_the_end_skips_nothing_that_comes_later(void **state)
{
	(void)state;
	fill_log(3);
	assert_string_equal(open_group("7-0"), "MADE 1-3");
}

static long long questions_for_groups(void)
{
	const char *line = strstr(command("INFO commandstats"), "cmdstat_xinfo|groups:calls=");
	long long calls = line ? strtoll(strchr(line, '=') + 1, NULL, 10) : 0;
	command("CONFIG RESETSTAT");
	return calls;
}

/* With many partitions and groups, these questions are a large part of what a start costs Redis. */
static void a_start_asks_redis_once_for_the_groups_of_a_log(void **state)
{
	(void)state;
	command("CONFIG RESETSTAT");
	assert_string_equal(open_group("0"), "MADE 0-0");
	assert_true(questions_for_groups() == 0); /* no log, no group */
	assert_string_equal(run(OPEN_GROUP, 2, LOG, "{" LOG "}:h:state", "h", "0"), "MADE 0-0");
	assert_true(questions_for_groups() == 1);
	assert_string_equal(claim("5", "n"), "OK 0-0 0 0 0-0 0 0");
	assert_true(questions_for_groups() == 1);
}

/* --- a log that was made anew ------------------------------------------------------------------------ */

/* The group has handled three entries up to 5-3 of a log that is deleted. */
static void forget_the_log(void)
{
	for (int i = 1; i <= 3; i++)
		command("XADD " LOG " 5-%d f v", i);
	claim("5", "n");
	commit("5", "n", "5-3", "3");
	command("DEL " LOG);
}

static void in_a_log_made_anew_the_group_begins_with_the_first_message(void **state)
{
	(void)state;
	forget_the_log();
	assert_string_equal(open_group("$"), "RENEWED 0-0 5-3");
	assert_string_equal(position(), "0-0");
	assert_string_equal(state_field("position"), "0-0");
	assert_string_equal(state_field("count"), "0");
	forget_the_log();
	fill_log(2);
	assert_string_equal(claim("6", "m"), "OK 0-0 0 1 0-0 0 0 RENEWED 5-3");
	/* Messages that were removed from it are lost. */
	empty_redis(NULL);
	forget_the_log();
	fill_log(4);
	command("XTRIM " LOG " MINID 1-2");
	assert_string_equal(claim("7", "m"), "OK 0-0 1 1 0-0 0 1 RENEWED 5-3");
}

/* New ids pass the old position while nobody looks. */
static void a_log_made_anew_is_known_also_when_its_ids_have_passed_the_position(void **state)
{
	(void)state;
	forget_the_log();
	fill_log(1);
	command("XADD " LOG " 6-1 f v");
	assert_string_equal(open_group("$"), "RENEWED 0-0 5-3");
	/* Also where none would be skipped, because the count of what was read would not hold. */
	forget_the_log();
	command("XADD " LOG " 6-1 f v");
	assert_string_equal(open_group("$"), "RENEWED 0-0 5-3");
	assert_string_equal(state_field("count"), "0");
}

static void a_log_made_anew_is_known_by_its_ids_where_nobody_has_counted_its_entries(void **state)
{
	(void)state;
	forget_the_log();
	command("HSET " STATE " count -1");
	fill_log(1);
	command("XADD " LOG " 6-1 f v");
	assert_string_equal(open_group("$"), "RENEWED 0-0 5-3");
}

static void a_log_made_anew_is_known_by_how_few_entries_it_ever_had(void **state)
{
	(void)state;
	forget_the_log();
	command("XADD " LOG " 5-3 f v");
	assert_string_equal(open_group("$"), "RENEWED 0-0 5-3");
}

static void a_packed_log_made_anew_is_known_by_the_records_before_its_entries(void **state)
{
	(void)state;
	command("XADD " LOG " 5-9 packed x from 0");
	claim("5", "n");
	/* A position within the entry. */
	commit("5", "n", "5-4", "r5");
	command("XGROUP DESTROY " LOG " g");
	assert_string_equal(open_group("$"), "REMADE 5-4");
	commit("5", "n", "5-9", "r10");
	command("DEL " LOG);
	command("XADD " LOG " 1-9 packed x from 10");
	command("XADD " LOG " 5-9 packed x from 20");
	assert_string_equal(open_group("$"), "RENEWED 0-0 5-9");
}

static void a_group_beyond_the_end_of_its_log_begins_anew_at_a_claim(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	command("XGROUP SETID " LOG " g 7-1");
	assert_string_equal(claim("6", "m"), "OK 0-0 0 1 0-0 0 0 RENEWED 7-1");
}

static void an_owner_learns_that_its_log_was_made_anew_and_commits_nothing_there(void **state)
{
	(void)state;
	forget_the_log();
	assert_string_equal(commit("5", "n", "5-3", "3"), "GONE");
	assert_string_equal(dead_letter("5", "n", "5-4", "4"), "GONE");
	assert_int_equal(command_number("EXISTS " DEAD " " LOG), 0);
	command("XADD " LOG " 1-1 f v");
	command("XADD " LOG " 9-1 f v");
	assert_string_equal(commit("5", "n", "9-1", "4"), "GONE");
	assert_string_equal(release("5", "n", "9-1", "4"), "OK");
	assert_string_equal(claim("6", "m"), "OK 0-0 0 0 0-0 0 0 RENEWED 5-3");
}

static void an_idle_owner_learns_whether_its_group_is_there(void **state)
{
	(void)state;
	fill_log(1);
	claim("5", "n");
	assert_string_equal(run(PRESENCE, 2, LOG, STATE, "g", "5", "n"), "OK");
	assert_string_equal(run(PRESENCE, 2, LOG, STATE, "g", "4", "n"), "FENCED 5");
	command("DEL " LOG);
	assert_string_equal(run(PRESENCE, 2, LOG, STATE, "g", "5", "n"), "GONE");
}

static void after_a_reset_or_in_a_new_log_the_run_rises(void **state)
{
	(void)state;
	command("XADD " LOG " 5-1 data a");
	claim("5", "n");
	assert_string_equal(command("HEXISTS " STATE " run"), "0");
	run(RESET, 2, LOG, STATE, "g", "", "0-0", "0");
	long long first = command_number("HGET " STATE " run");
	assert_true(first > 0);
	run(RESET, 2, LOG, STATE, "g", "", "0-0", "0");
	long long second = command_number("HGET " STATE " run");
	assert_true(second > first);
	char tagged[64];
	snprintf(tagged, sizeof(tagged), " RUN %lld", second);
	assert_non_null(strstr(run(CLAIM, 2, LOG, STATE, "g", "0", "me", "6", "n"), tagged));
	commit("6", "n", "5-1", "1");
	command("DEL " LOG);
	command("XADD " LOG " 1-1 data a");
	claim("7", "n");
	assert_true(command_number("HGET " STATE " run") > second);
}

/* --- what only the members remember ------------------------------------------------------------------- */

static const char *open_again(const char *hint, const char *sure)
{
	return run(OPEN_GROUP, 2, LOG, STATE, "g", "$", hint, sure);
}

static void a_forgotten_group_goes_on_where_its_newest_owner_remembers_it(void **state)
{
	(void)state;
	fill_log(3);
	assert_string_equal(open_again("1-1", "0"), "UNSURE");
	assert_string_equal(open_again("?", "0"), "UNSURE");
	assert_string_equal(run(CLAIM, 2, LOG, STATE, "g", "$", "me", "5", "n", "?", "0"), "UNSURE");
	assert_string_equal(open_again("1-2", "1"), "REMADE 1-2");
	assert_string_equal(state_field("position"), "1-2");
	assert_string_equal(open_again("1-1", "0"), "OK 1-2");
}

static void a_forgotten_group_in_a_forgotten_log_begins_with_the_first_message(void **state)
{
	(void)state;
	assert_string_equal(open_again("?", "0"), "FORGOTTEN 0-0");
	empty_redis(NULL);
	fill_log(3);
	assert_string_equal(open_again("7-1", "1"), "RENEWED 0-0 7-1");
	empty_redis(NULL);
	fill_log(3);
	assert_string_equal(open_again("1-0", "1"), "REMADE 1-0");
}

static void where_nobody_knows_the_position_the_group_begins_with_what_is_there(void **state)
{
	(void)state;
	fill_log(3);
	command("XTRIM " LOG " MINID 1-2");
	assert_string_equal(open_again("?", "1"), "FORGOTTEN 0-0");
	assert_string_equal(claim("5", "n"), "OK 0-0 1 0 0-0 0 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_the_members_that_start_one_opens_the_group),
		TEST(an_opener_that_takes_too_long_counts_as_dead),
		TEST(a_group_that_was_opened_on_fewer_partitions_is_opened_again),
		TEST(a_group_begins_where_it_is_told),
		TEST(a_vanished_group_is_made_again_where_it_began),
		TEST(a_vanished_group_is_made_again_at_its_position),
		TEST(a_start_beyond_the_end_skips_nothing_that_comes_later),
		TEST(a_start_asks_redis_once_for_the_groups_of_a_log),
		TEST(in_a_log_made_anew_the_group_begins_with_the_first_message),
		TEST(a_log_made_anew_is_known_also_when_its_ids_have_passed_the_position),
		TEST(a_log_made_anew_is_known_by_its_ids_where_nobody_has_counted_its_entries),
		TEST(a_log_made_anew_is_known_by_how_few_entries_it_ever_had),
		TEST(a_packed_log_made_anew_is_known_by_the_records_before_its_entries),
		TEST(a_group_beyond_the_end_of_its_log_begins_anew_at_a_claim),
		TEST(an_owner_learns_that_its_log_was_made_anew_and_commits_nothing_there),
		TEST(an_idle_owner_learns_whether_its_group_is_there),
		TEST(after_a_reset_or_in_a_new_log_the_run_rises),
		TEST(a_forgotten_group_goes_on_where_its_newest_owner_remembers_it),
		TEST(a_forgotten_group_in_a_forgotten_log_begins_with_the_first_message),
		TEST(where_nobody_knows_the_position_the_group_begins_with_what_is_there),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
