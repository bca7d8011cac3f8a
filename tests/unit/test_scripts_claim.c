/*
 * test_scripts_claim.c - the scripts claim and mark: the fence, where an owner goes on, and whose death counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts_group.h"

/* --- claim ------------------------------------------------------------------------------------------ */

static void a_claim_makes_the_group_and_returns_its_position(void **state)
{
	(void)state;
	fill_log(3);
	assert_string_equal(claim("5", "n"), "OK 0-0 0 0 0-0 0 0");
	assert_string_equal(position(), "0-0");
	assert_string_equal(state_field("owner"), "me");
}

static void a_claim_tells_the_size_of_the_larger_entry_at_the_ends_of_the_log(void **state)
{
	(void)state;
	const char *answer = run(CLAIM, 2, LOG, STATE, "g", "0", "me", "5", "n");
	assert_null(strstr(answer, "ENTRY"));
	command("XADD " LOG " 1-1 partitionKey k data 123456789");
	command("XADD " LOG " 1-2 partitionKey k data 2");
	answer = run(CLAIM, 2, LOG, STATE, "g", "0", "me", "6", "n");
	assert_non_null(strstr(answer, " ENTRY 26")); /* partitionKey, k, data, 123456789 */
	command("XADD " LOG " 2-1 partitionKey k data 1234567890");
	answer = run(CLAIM, 2, LOG, STATE, "g", "0", "me", "7", "n");
	assert_non_null(strstr(answer, " ENTRY 27"));
	/* Nothing is left to read. */
	commit("7", "n", "2-1", "3");
	answer = run(CLAIM, 2, LOG, STATE, "g", "0", "me", "8", "n");
	assert_null(strstr(answer, "ENTRY"));
	/* How large its records are, a packed entry does not tell. */
	command("XADD " LOG " 3-9 packed x from 5");
	answer = run(CLAIM, 2, LOG, STATE, "g", "0", "me", "9", "n");
	assert_null(strstr(answer, "ENTRY"));
}

static void a_claim_of_nothing_makes_the_log(void **state)
{
	(void)state;
	assert_string_equal(claim("5", "n"), "OK 0-0 0 0 0-0 0 0");
	assert_string_equal(command("TYPE " LOG), "stream");
}

static void a_claim_begins_at_the_start_that_is_given(void **state)
{
	(void)state;
	fill_log(3);
	assert_string_equal(run(CLAIM, 2, LOG, STATE, "g", "$", "me", "5", "n"), "OK 1-3 3 0 0-0 0 0");
}

static void a_later_epoch_fences_the_earlier(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	claim("6", "m");
	assert_string_equal(commit("5", "n", "1-1", "1"), "FENCED 6");
	assert_string_equal(mark("5", "n", "1-1"), "FENCED 6");
	assert_string_equal(dead_letter("5", "n", "1-1", "1"), "FENCED 6");
	assert_string_equal(position(), "0-0");
	assert_int_equal(command_number("EXISTS " DEAD), 0);
	assert_string_equal(commit("6", "m", "1-1", "1"), "OK");
}

static void an_earlier_epoch_is_fenced_under_whatever_nonce(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	claim("6", "n");
	assert_string_equal(commit("5", "n", "1-1", "1"), "FENCED 6");
}

static void an_earlier_epoch_cannot_claim(void **state)
{
	(void)state;
	claim("1700000000010", "n");
	assert_string_equal(claim("1700000000009", "m"), "STALE 1700000000010");
	assert_string_equal(claim("999999", "m"), "STALE 1700000000010");
	assert_string_equal(state_field("nonce"), "n");
}

static void the_same_epoch_under_another_nonce_cannot_claim(void **state)
{
	(void)state;
	claim("5", "n");
	assert_string_equal(claim("5", "m"), "STALE 5");
	assert_string_equal(commit("5", "m", "1-1", "1"), "FENCED 5");
}

static void nobody_holds_the_fence_with_an_empty_nonce(void **state)
{
	(void)state;
	fill_log(1);
	claim("5", "n");
	release("5", "n", "0-0", "0");
	assert_string_equal(commit("5", "", "1-1", "1"), "FENCED 5");
}

static void a_released_epoch_cannot_be_claimed_again(void **state)
{
	(void)state;
	claim("5", "n");
	release("5", "n", "0-0", "0");
	assert_string_equal(claim("5", "n"), "STALE 5");
}

static void a_claim_continues_at_the_committed_position(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	commit("5", "n", "1-3", "3");
	assert_string_equal(claim("6", "m"), "OK 1-3 3 1 0-0 0 0");
}

static void a_position_that_was_set_by_hand_is_taken(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	commit("5", "n", "1-3", "3");
	command("XGROUP SETID " LOG " g 1-1");
	assert_string_equal(claim("6", "m"), "OK 1-1 -1 1 0-0 0 0");
	assert_string_equal(commit("6", "m", "1-2", "-1"), "OK");
	assert_string_equal(position(), "1-2");
}

/* --- groups that were read with XREADGROUP ---------------------------------------------------------- */

static void messages_that_a_reader_did_not_acknowledge_come_again(void **state)
{
	(void)state;
	fill_log(6);
	command("XGROUP CREATE " LOG " g 0");
	command("XREADGROUP GROUP g c COUNT 5 STREAMS " LOG " >");
	command("XACK " LOG " g 1-1 1-2 1-4");
	assert_string_equal(claim("5", "n"), "OK 1-2 -1 0 0-0 0 0");
	assert_string_equal(position(), "1-2");
	assert_string_equal(group_field("pending"), "0");
	/* That happened once: a commit from now on stays. */
	commit("5", "n", "1-6", "6");
	assert_string_equal(claim("6", "m"), "OK 1-6 6 0 0-0 0 0");
}

static void the_position_before_sequence_0_is_in_the_millisecond_before(void **state)
{
	(void)state;
	command("XADD " LOG " 1000-0 f v");
	command("XGROUP CREATE " LOG " g 0");
	command("XREADGROUP GROUP g c STREAMS " LOG " >");
	assert_string_equal(claim("5", "n"), "OK 999-18446744073709551615 0 0 0-0 0 0");
	assert_string_equal(command("XREAD STREAMS " LOG " %s", position()), "[" LOG " [[1000-0 [f v]]]]");
}

static void the_position_before_a_large_sequence_is_exact(void **state)
{
	(void)state;
	command("XADD " LOG " 7-9007199254740993000 f v");
	command("XADD " LOG " 7-18446744073709551615 f v");
	command("XGROUP CREATE " LOG " g 0");
	command("XREADGROUP GROUP g c STREAMS " LOG " >");
	assert_string_equal(claim("5", "n"), "OK 7-9007199254740992999 0 0 0-0 0 0");
	command("XREADGROUP GROUP g c STREAMS " LOG " >");
	command("XACK " LOG " g 7-9007199254740993000");
	assert_string_equal(claim("6", "n"), "OK 7-18446744073709551614 -1 1 0-0 0 0");
}

static void thousands_of_unacknowledged_entries_come_again(void **state)
{
	(void)state;
	for (int i = 1; i <= 3500; i++)
		redisAppendCommand(rig.redis, "XADD " LOG " %d-0 f v", i);
	redisReply *reply;
	for (int i = 1; i <= 3500; i++) {
		redisGetReply(rig.redis, (void **)&reply);
		freeReplyObject(reply);
	}
	command("XGROUP CREATE " LOG " g 0");
	freeReplyObject(test_server_command(rig.redis, "XREADGROUP GROUP g c COUNT 3500 STREAMS " LOG " >"));
	assert_string_equal(claim("5", "n"), "OK 0-18446744073709551615 0 0 0-0 0 0");
	assert_string_equal(group_field("pending"), "0");
}

static void entries_pending_after_the_position_do_not_move_it(void **state)
{
	(void)state;
	fill_log(4);
	command("XGROUP CREATE " LOG " g 0");
	command("XREADGROUP GROUP g c STREAMS " LOG " >");
	command("XACK " LOG " g 1-1 1-2");
	command("XGROUP SETID " LOG " g 1-1");
	assert_string_equal(claim("5", "n"), "OK 1-1 -1 0 0-0 0 0");
	assert_string_equal(group_field("pending"), "0");
}

/* --- crashes ---------------------------------------------------------------------------------------- */

static int crashes(const char *claimed)
{
	int crashes;
	if (sscanf(claimed, "OK %*s %*s %d", &crashes) != 1)
		fail_msg("no answer of claim: %s", claimed);
	return crashes;
}

static void owners_that_do_not_get_on_are_counted(void **state)
{
	(void)state;
	fill_log(3);
	assert_int_equal(crashes(claim("1", "a")), 0);
	assert_int_equal(crashes(claim("2", "b")), 1);
	assert_int_equal(crashes(claim("3", "c")), 2);
	commit("3", "c", "1-1", "1");
	assert_int_equal(crashes(claim("4", "d")), 1);
	assert_int_equal(crashes(claim("5", "e")), 2);
}

static void a_claim_whose_answer_was_lost_is_no_crash(void **state)
{
	(void)state;
	fill_log(3);
	claim("1", "a");
	assert_int_equal(crashes(claim("2", "b")), 1);
	assert_int_equal(crashes(claim("2", "b")), 1);
	assert_string_equal(commit("2", "b", "1-1", "1"), "OK");
}

static void a_clean_release_is_no_crash(void **state)
{
	(void)state;
	fill_log(3);
	claim("1", "a");
	claim("2", "b");
	assert_string_equal(release("2", "b", "0-0", "0"), "OK");
	assert_int_equal(crashes(claim("3", "c")), 0);
	assert_int_equal(crashes(claim("4", "d")), 1);
}

static void an_owner_that_died_with_nothing_to_handle_died_of_something_else(void **state)
{
	(void)state;
	fill_log(1);
	claim("1", "a");
	commit("1", "a", "1-1", "1");
	claim("2", "b");
	assert_int_equal(crashes(claim("3", "c")), 0);
	command("XADD " LOG " 1-2 f v");
	assert_int_equal(crashes(claim("4", "d")), 1);
}

/* --- mark ------------------------------------------------------------------------------------------- */

static void a_death_counts_against_the_marked_message_only_if_the_handler_had_begun(void **state)
{
	(void)state;
	fill_log(3);
	claim("1", "a");
	assert_string_equal(mark("1", "a", "1-1"), "OK");
	assert_string_equal(claim("2", "b"), "OK 0-0 0 1 1-1 2 0");
	mark("2", "b", "1-1");
	assert_string_equal(note("2", "b", "begun", "1-1", "2"), "OK");
	assert_string_equal(note("2", "b", "begun", "1-1", "2"), "OK");
	assert_string_equal(claim("3", "c"), "OK 0-0 0 2 1-1 3 0");
	/* The same claim, sent again, and an owner that died before it marked anything. */
	assert_string_equal(claim("3", "c"), "OK 0-0 0 2 1-1 3 0");
	assert_string_equal(claim("4", "d"), "OK 0-0 0 3 1-1 3 0");
}

static void a_mark_ends_when_the_position_has_passed_it(void **state)
{
	(void)state;
	fill_log(12);
	claim("1", "a");
	mark("1", "a", "1-9");
	commit("1", "a", "1-8", "8");
	assert_string_equal(claim("2", "b"), "OK 1-8 8 1 1-9 2 0");
	commit("2", "b", "1-10", "10");
	assert_string_equal(claim("3", "c"), "OK 1-10 10 1 0-0 0 0");
	assert_string_equal(state_field("suspect"), "nil");
}

static void an_owner_that_stops_cleanly_has_not_died_of_what_it_marked(void **state)
{
	(void)state;
	fill_log(3);
	claim("1", "a");
	mark("1", "a", "1-1");
	note("1", "a", "begun", "1-1", "2");
	release("1", "a", "0-0", "0");
	assert_string_equal(claim("2", "b"), "OK 0-0 0 0 1-1 2 0");
}

static void a_process_that_claims_again_has_not_died(void **state)
{
	(void)state;
	fill_log(3);
	claim("1", "0a.1");
	mark("1", "0a.1", "1-1");
	note("1", "0a.1", "begun", "1-1", "2");
	assert_string_equal(claim("2", "0a.2"), "OK 0-0 0 0 1-1 2 0");
	assert_string_equal(claim("3", "0b.1"), "OK 0-0 0 1 1-1 2 0");
}

static void a_death_while_an_entry_was_read_counts_against_the_entry_at_that_position(void **state)
{
	(void)state;
	fill_log(3);
	claim("1", "a");
	note("1", "a", "reading", "0-0", "2");
	assert_string_equal(claim("2", "b"), "OK 0-0 0 1 0-0 0 0 READING 0-0 3");
	assert_string_equal(claim("2", "b"), "OK 0-0 0 1 0-0 0 0 READING 0-0 3");
	/* The owner read it, and died later. */
	note("2", "b", "reading", "0-0", "3");
	note("2", "b", "read", "0-0", "0");
	assert_string_equal(claim("3", "c"), "OK 0-0 0 2 0-0 0 0");
	/* One that was read ahead of the position counts once the position has come to it, and not after. */
	note("3", "c", "reading", "1-1", "2");
	assert_string_equal(claim("4", "d"), "OK 0-0 0 3 0-0 0 0 READING 1-1 3");
	commit("4", "d", "1-2", "2");
	assert_string_equal(claim("5", "e"), "OK 1-2 2 1 0-0 0 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_claim_makes_the_group_and_returns_its_position),
		TEST(a_claim_tells_the_size_of_the_larger_entry_at_the_ends_of_the_log),
		TEST(a_claim_of_nothing_makes_the_log),
		TEST(a_claim_begins_at_the_start_that_is_given),
		TEST(a_later_epoch_fences_the_earlier),
		TEST(an_earlier_epoch_is_fenced_under_whatever_nonce),
		TEST(an_earlier_epoch_cannot_claim),
		TEST(the_same_epoch_under_another_nonce_cannot_claim),
		TEST(nobody_holds_the_fence_with_an_empty_nonce),
		TEST(a_released_epoch_cannot_be_claimed_again),
		TEST(a_claim_continues_at_the_committed_position),
		TEST(a_position_that_was_set_by_hand_is_taken),
		TEST(messages_that_a_reader_did_not_acknowledge_come_again),
		TEST(the_position_before_sequence_0_is_in_the_millisecond_before),
		TEST(the_position_before_a_large_sequence_is_exact),
		TEST(thousands_of_unacknowledged_entries_come_again),
		TEST(entries_pending_after_the_position_do_not_move_it),
		TEST(owners_that_do_not_get_on_are_counted),
		TEST(a_claim_whose_answer_was_lost_is_no_crash),
		TEST(a_clean_release_is_no_crash),
		TEST(an_owner_that_died_with_nothing_to_handle_died_of_something_else),
		TEST(a_death_counts_against_the_marked_message_only_if_the_handler_had_begun),
		TEST(a_mark_ends_when_the_position_has_passed_it),
		TEST(an_owner_that_stops_cleanly_has_not_died_of_what_it_marked),
		TEST(a_process_that_claims_again_has_not_died),
		TEST(a_death_while_an_entry_was_read_counts_against_the_entry_at_that_position),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
