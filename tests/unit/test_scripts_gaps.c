/*
 * test_scripts_gaps.c - how many entries a group has read, and how many were removed before it had read them: the script gap, and what
 * claim and commit count.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts_group.h"

/* --- how many entries were read --------------------------------------------------------------------- */

static void the_count_follows_from_the_log_at_its_ends(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	commit("5", "n", "1-2", "-1");
	assert_string_equal(claim("6", "n"), "OK 1-2 -1 1 0-0 0 0");
	/* Everything before 1-4 is trimmed, some of it unread: three entries ever existed, two are left. */
	command("XTRIM " LOG " MINID 1-4");
	assert_string_equal(claim("7", "n"), "OK 1-2 3 2 0-0 0 0");
	commit("7", "n", "1-5", "-1");
	assert_string_equal(claim("8", "n"), "OK 1-5 5 0 0-0 0 0");
	command("XTRIM " LOG " MAXLEN 0");
	assert_string_equal(claim("9", "n"), "OK 1-5 5 0 0-0 0 0");
}

static void the_count_is_right_where_unread_entries_were_dropped(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	commit("5", "n", "1-1", "1");
	command("XTRIM " LOG " MINID 1-4");
	assert_string_equal(claim("6", "m"), "OK 1-1 3 1 0-0 0 2");
	commit("6", "m", "1-5", "5");
	assert_string_equal(group_field("lag"), "0");
}

/* Without the end of the gap. */
static const char *gap(const char *epoch, const char *nonce, const char *fetched, const char *count)
{
	char *text = (char *)(uintptr_t)run(GAP, 2, LOG, STATE, epoch, nonce, fetched, count, "0");
	char *end = strncmp(text, "OK ", 3) == 0 ? strrchr(text, ' ') : NULL;
	if (end)
		*end = '\0';
	return text;
}

static void a_gap_is_what_came_and_was_not_read(void **state)
{
	(void)state;
	fill_log(9);
	claim("5", "n");
	command("XDEL " LOG " 1-3 1-7");
	/* A gap in the middle of the log cannot be counted yet. */
	assert_string_equal(gap("5", "n", "1-5", "4"), "OK 0 0");
	assert_string_equal(gap("5", "n", "1-9", "7"), "OK 2 0");
	assert_string_equal(command("HGET " STATE " lost"), "2");
}

static void a_gap_is_counted_once_however_often_it_is_asked_for(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	command("XTRIM " LOG " MINID 1-4");
	assert_string_equal(gap("5", "n", "0-0", "0"), "OK 3 0");
	assert_string_equal(gap("5", "n", "0-0", "0"), "OK 3 0");
	assert_string_equal(gap("5", "n", "1-5", "2"), "OK 3 0");
	command("XADD " LOG " 1-6 partitionKey k data 6");
	command("XADD " LOG " 1-7 partitionKey k data 7");
	command("XDEL " LOG " 1-6");
	assert_string_equal(gap("5", "n", "1-7", "3"), "OK 4 0");
	assert_string_equal(command("HGET " STATE " lost"), "4");
}

static void a_gap_that_is_known_leaves_the_number_of_the_lost_alone(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	command("XTRIM " LOG " MINID 1-4");
	gap("5", "n", "0-0", "0");
	command("HDEL " STATE " lost");
	assert_string_equal(gap("5", "n", "1-5", "2"), "OK 3 0");
	assert_string_equal(command("HMGET " STATE " lost gap gap_id"), "nil 3 1-5");
	assert_string_equal(claim("6", "m"), "OK 0-0 3 1 0-0 0 0");
	assert_string_equal(command("HGET " STATE " lost"), "nil");
}

/* `removed`: what the owner knows of, which `count` includes. */
static const char *commit_and_count(const char *position, const char *count, const char *removed)
{
	return run(COMMIT, 2, LOG, STATE, "g", "5", "n", position, count, "0", removed);
}

static void a_commit_counts_what_was_removed_unread_once(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	command("XDEL " LOG " 1-2 1-3");
	/* In the middle of the log, what came up to the position is unknown. */
	assert_string_equal(commit_and_count("1-1", "1", "0"), "OK 0 0 1-1");
	assert_string_equal(commit_and_count("1-5", "3", "0"), "OK 2 0 1-5");
	assert_string_equal(command("HMGET " STATE " lost count position"), "2 5 1-5");
	assert_string_equal(group_field("lag"), "0");
	/* Its answer was lost; and then the owner knows. */
	assert_string_equal(commit_and_count("1-5", "3", "0"), "OK 2 0 1-5");
	command("XADD " LOG " 1-6 partitionKey k data 6");
	assert_string_equal(commit_and_count("1-6", "6", "2"), "OK 2 0 1-6");
	command("XADD " LOG " 1-7 partitionKey k data 7");
	command("XADD " LOG " 1-8 partitionKey k data 8");
	command("XDEL " LOG " 1-7");
	assert_string_equal(commit_and_count("1-8", "7", "2"), "OK 3 0 1-8");
	assert_string_equal(command("HMGET " STATE " lost count"), "3 8");
	/* Neither a commit of the same position that knows of less, nor the next owner, counts it again. */
	commit("5", "n", "1-8", "5");
	assert_string_equal(command("HMGET " STATE " lost count"), "3 8");
	assert_string_equal(claim("6", "m"), "OK 1-8 8 0 0-0 0 0");
	assert_string_equal(commit_and_count("1-8", "8", "0"), "FENCED 6");
}

static void a_commit_that_is_sent_again_after_a_later_one_counts_nothing(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	commit("5", "n", "1-5", "5");
	command("XTRIM " LOG " MAXLEN 0");
	assert_string_equal(commit_and_count("1-2", "2", "0"), "OK");
	assert_string_equal(command("HGET " STATE " lost"), "nil");
	assert_string_equal(commit_and_count("1-5", "5", "0"), "OK 0 0 1-5");
}

static void a_gap_that_a_dead_owner_had_noticed_is_not_counted_again(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	command("XTRIM " LOG " MINID 1-4");
	gap("5", "n", "0-0", "0");
	gap("5", "n", "1-5", "2");
	assert_string_equal(claim("6", "m"), "OK 0-0 3 1 0-0 0 0");
	assert_string_equal(claim("7", "o"), "OK 0-0 3 2 0-0 0 0");
	assert_string_equal(command("HGET " STATE " lost"), "3");
}

static void the_next_owner_does_not_count_a_gap_within_the_log_again(void **state)
{
	(void)state;
	fill_log(9);
	claim("5", "n");
	commit("5", "n", "1-2", "2");
	command("XDEL " LOG " 1-4 1-6");
	assert_string_equal(gap("5", "n", "1-9", "7"), "OK 2 0");
	assert_string_equal(claim("6", "m"), "OK 1-2 2 1 0-0 0 0");
	assert_string_equal(gap("6", "m", "1-9", "7"), "OK 2 2");
	/* One that died before it noticed anything, and one of whose gap a part was committed. */
	claim("7", "o");
	claim("8", "p");
	assert_string_equal(gap("8", "p", "1-9", "7"), "OK 2 2");
	commit("8", "p", "1-5", "4");
	claim("9", "q");
	assert_string_equal(gap("9", "q", "1-9", "7"), "OK 2 2");
	command("XADD " LOG " 1-10 partitionKey k data 10");
	command("XADD " LOG " 1-11 partitionKey k data 11");
	command("XDEL " LOG " 1-10");
	assert_string_equal(gap("9", "q", "1-11", "8"), "OK 3 2");
	assert_string_equal(command("HGET " STATE " lost"), "3");
}

static void a_claim_that_arrives_twice_keeps_the_gap_of_its_owner(void **state)
{
	(void)state;
	fill_log(9);
	claim("5", "n");
	command("XDEL " LOG " 1-2 1-3");
	commit("5", "n", "1-1", "1");
	assert_string_equal(gap("5", "n", "1-9", "7"), "OK 2 0");
	claim("5", "n");
	assert_string_equal(gap("5", "n", "1-9", "7"), "OK 2 0");
	commit("5", "n", "1-9", "9");
	claim("5", "n");
	assert_string_equal(gap("5", "n", "1-9", "7"), "OK 2 0");
	assert_string_equal(command("HGET " STATE " lost"), "2");
}

static void a_look_that_arrives_late_counts_nothing_that_was_committed_since(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	for (int i = 4; i <= 9; i++)
		command("XADD " LOG " 1-%d partitionKey k data %d", i, i);
	commit("5", "n", "1-7", "7");
	command("XTRIM " LOG " MINID 1-8");
	assert_string_equal(gap("5", "n", "1-3", "3"), "OK 0 0");
	assert_string_equal(command("HGET " STATE " lost"), "nil");
	/* What was removed beyond the position is found by the next look. */
	command("XDEL " LOG " 1-8");
	assert_string_equal(gap("5", "n", "1-3", "3"), "OK 0 0");
	assert_string_equal(gap("5", "n", "1-7", "7"), "OK 1 0");
	assert_string_equal(gap("5", "n", "1-9", "8"), "OK 1 0");
	assert_string_equal(command("HGET " STATE " lost"), "1");
}

static void without_anything_removed_there_is_no_gap(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	assert_string_equal(gap("5", "n", "0-0", "0"), "OK 0 0");
	commit("5", "n", "1-3", "3");
	command("XTRIM " LOG " MINID 1-4");
	assert_string_equal(gap("5", "n", "1-3", "3"), "OK 0 0");
	assert_string_equal(gap("5", "n", "1-5", "5"), "OK 0 0");
	assert_string_equal(claim("6", "m"), "OK 1-3 3 1 0-0 0 0");
	assert_string_equal(command("HGET " STATE " lost"), "nil");
}

static void only_the_owner_counts_gaps(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	claim("6", "m");
	assert_string_equal(gap("5", "n", "1-5", "2"), "FENCED 6");
	command("DEL " LOG);
	assert_string_equal(gap("6", "m", "1-5", "5"), "OK 0 0");
}

static void redis_shows_the_lag(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	commit("5", "n", "1-2", "2");
	assert_string_equal(group_field("entries-read"), "2");
	assert_string_equal(group_field("lag"), "3");
}

static void what_is_missing_of_a_packed_stream_is_stored_once(void **state)
{
	(void)state;
	fill_log(3);
	claim("1", "a");
	assert_string_equal(run(GAP, 2, LOG, STATE, "1", "a", "1-1", "7", "0", "10"), "OK 7 0 1-1");
	assert_string_equal(run(GAP, 2, LOG, STATE, "1", "a", "1-1", "7", "0", "10"), "OK 7 0 1-1");
	claim("2", "b");
	assert_string_equal(run(GAP, 2, LOG, STATE, "2", "b", "1-1", "7", "0", "10"), "OK 7 0 1-1");
	assert_string_equal(run(GAP, 2, LOG, STATE, "1", "a", "1-2", "1", "0", "12"), "FENCED 2");
	assert_string_equal(run(GAP, 2, LOG, STATE, "2", "b", "1-2", "1", "0", "12"), "OK 1 0 1-2");
	assert_string_equal(state_field("lost"), "8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_count_follows_from_the_log_at_its_ends),
		TEST(the_count_is_right_where_unread_entries_were_dropped),
		TEST(a_gap_is_what_came_and_was_not_read),
		TEST(a_gap_is_counted_once_however_often_it_is_asked_for),
		TEST(a_gap_that_is_known_leaves_the_number_of_the_lost_alone),
		TEST(a_commit_counts_what_was_removed_unread_once),
		TEST(a_commit_that_is_sent_again_after_a_later_one_counts_nothing),
		TEST(a_gap_that_a_dead_owner_had_noticed_is_not_counted_again),
		TEST(the_next_owner_does_not_count_a_gap_within_the_log_again),
		TEST(a_claim_that_arrives_twice_keeps_the_gap_of_its_owner),
		TEST(a_look_that_arrives_late_counts_nothing_that_was_committed_since),
		TEST(without_anything_removed_there_is_no_gap),
		TEST(only_the_owner_counts_gaps),
		TEST(redis_shows_the_lag),
		TEST(what_is_missing_of_a_packed_stream_is_stored_once),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
