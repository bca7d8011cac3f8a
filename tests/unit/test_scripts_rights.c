/*
 * test_scripts_rights.c - what the scripts do without the right to a command that they call after others: a script that fails in its
 * midst keeps what it has written, and its caller tries again. So they fail before they write anything. An operator can take a right
 * from a user that works. test_scripts_values.c tries the same with a commit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts.h"
#include "test_scripts_keys.h"

#define FROM "{__n:s:partition_0}:from"

static void take(const char *right)
{
	command("ACL SETUSER default -%s", right);
}

static void give_back(const char *right)
{
	command("ACL SETUSER default +%s", right);
}

/* The words that Redis 7 and Valkey have for it. */
static void assert_denied(const char *answer)
{
	if (!strstr(answer, "can't run") && !strstr(answer, "permission"))
		fail_msg("%s", answer);
}

static const char *added_of(const char *answer)
{
	const char *last = strrchr(answer, ' ');
	return strncmp(answer, "OK ", 3) == 0 && last ? last + 1 : answer;
}

/* --- append ------------------------------------------------------------------------------------------ */

#define append(sequence, oldest, data) \
	run(APPEND, 3, LOG, PRODUCER, COUNTERS, "100", "reject", sequence, oldest, "60000", "1", "k", data)
#define append_packed(sequence)                                                                           \
	run(APPEND_PACKED, 3, LOG, PRODUCER, COUNTERS, "100", "reject", sequence, sequence, "60000", "2", \
	    "packed", "value")

static void the_first_batch_is_not_added_if_its_outcome_cannot_be_noted(void **state)
{
	(void)state;
	take("set");
	assert_denied(append("1", "1", "a"));
	assert_denied(append_packed("1"));
	give_back("set");
	assert_int_equal(command_number("XLEN " LOG), 0);
	assert_string_equal(added_of(append("1", "1", "a")), "1");
}

static void a_batch_that_was_added_is_said_to_be_and_the_next_one_is_not_added(void **state)
{
	(void)state;
	append("1", "1", "a");
	take("set");
	assert_string_equal(added_of(append("2", "2", "b")), "1");
	assert_string_equal(append("3", "2", "c"), "GAP");
	assert_denied(append("3", "3", "c"));
	assert_int_equal(command_number("XLEN " LOG), 2);
	give_back("set");
	assert_string_equal(added_of(append("3", "3", "c")), "1");
	assert_int_equal(strncmp(append("3", "3", "c"), "DUP ", 4), 0);
	assert_int_equal(command_number("XLEN " LOG), 3);
}

static void a_packed_batch_is_not_added_if_it_cannot_be_counted(void **state)
{
	(void)state;
	take("hset");
	assert_denied(append_packed("1"));
	give_back("hset");
	assert_int_equal(command_number("XLEN " LOG), 0);
	assert_string_equal(added_of(append_packed("1")), "2");
}

/* --- emit -------------------------------------------------------------------------------------------- */

#define SOURCE_WORDS "100", "reject", "h:in:3", "0", "7", "0-0"
#define emit(mark) run(EMIT, 3, LOG, FROM, COUNTERS, SOURCE_WORDS, "1", mark, "k", "a")
#define emit_packed(mark) run(EMIT_PACKED, 3, LOG, FROM, COUNTERS, SOURCE_WORDS, "1", "packed", "value", mark)

static void an_output_is_not_added_if_the_partition_cannot_note_it(void **state)
{
	(void)state;
	for (int known = 0; known <= 1; known++) {
		take("hset");
		assert_denied(emit(known ? "- 6-0 1" : "- 5-0 1"));
		assert_denied(emit_packed(known ? "- 6-0 1" : "- 5-0 1"));
		give_back("hset");
		assert_int_equal(command_number("XLEN " LOG), known);
		assert_string_equal(emit(known ? "- 6-0 1" : "- 5-0 1"), "OK 1 1");
	}
	assert_string_equal(command("HGET " FROM " h:in:3"), "0 7 0-0 - 6-0 1");
}

/* --- dead letters ------------------------------------------------------------------------------------ */

static const char *dead_letter(const char *id, const char *count, const char *lettered)
{
	return run(DEAD_LETTER, 3, LOG, STATE, DEAD, "g", "5", "n", id, count, "it is broken", "3",
		   "wordcount", "7", "0", "drop-oldest", lettered);
}

static void a_letter_is_not_written_if_the_position_cannot_move(void **state)
{
	(void)state;
	static const char *const rights[] = {"hset", "hdel", "xgroup"};
	command("XADD " LOG " 1-1 data a");
	command("XADD " LOG " 1-2 data b");
	run(CLAIM, 2, LOG, STATE, "g", "0", "me", "5", "n");
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		take(rights[i]);
		assert_denied(dead_letter("1-1", "1", ""));
		give_back(rights[i]);
		assert_int_equal(command_number("XLEN " DEAD), 0);
		assert_string_equal(command("HGET " STATE " position"), "0-0");
	}
	assert_int_equal(strncmp(dead_letter("1-1", "1", ""), "OK ", 3), 0);
	assert_int_equal(command_number("XLEN " DEAD), 1);
	assert_string_equal(command("HMGET " STATE " position count"), "1-1 1");
}

static void a_letter_of_lanes_is_not_written_if_the_state_cannot_remember_it(void **state)
{
	(void)state;
	command("XADD " LOG " 1-1 data a");
	run(CLAIM, 2, LOG, STATE, "g", "0", "me", "5", "n");
	take("hset");
	assert_denied(dead_letter("1-1", "1", "1 1-1"));
	give_back("hset");
	assert_int_equal(command_number("XLEN " DEAD), 0);
	assert_int_equal(strncmp(dead_letter("1-1", "1", "1 1-1"), "OK ", 3), 0);
	assert_string_equal(command("HGET " STATE " position"), "0-0");
}

/* --- counts ------------------------------------------------------------------------------------------- */

/* Else a message became a dead letter, for which no process has died so often. */
static void a_claim_that_fails_counts_no_death(void **state)
{
	(void)state;
	command("XADD " LOG " 1-1 data a");
	run(CLAIM, 2, LOG, STATE, "g", "0", "me", "5", "n");
	run(MARK, 2, LOG, STATE, "5", "n", "mark", "1-1", "0");
	run(MARK, 2, LOG, STATE, "5", "n", "begun", "1-1", "0");
	run(MARK, 2, LOG, STATE, "5", "n", "reading", "0-0", "0");
	take("hset");
	for (int i = 0; i < 3; i++)
		assert_denied(run(CLAIM, 2, LOG, STATE, "g", "0", "me", "6", "m"));
	give_back("hset");
	assert_string_equal(command("HMGET " STATE " epoch attempts read_deaths"), "5 0 0");
	run(CLAIM, 2, LOG, STATE, "g", "0", "me", "6", "m");
	assert_string_equal(command("HMGET " STATE " epoch attempts read_deaths"), "6 1 1");
}

static void a_look_that_fails_counts_no_lost_message(void **state)
{
	(void)state;
	for (int i = 1; i <= 5; i++)
		command("XADD " LOG " 1-%d data a", i);
	run(CLAIM, 2, LOG, STATE, "g", "0", "me", "5", "n");
	command("XTRIM " LOG " MINID 1-3");
	take("hset");
	for (int i = 0; i < 3; i++) {
		assert_denied(run(GAP, 2, LOG, STATE, "5", "n", "1-5", "3", "0"));
		assert_denied(run(GAP, 2, LOG, STATE, "5", "n", "1-5", "2", "0", "9"));
		assert_denied(run(CLAIM, 2, LOG, STATE, "g", "0", "me", "6", "m"));
	}
	give_back("hset");
	assert_string_equal(command("HGET " STATE " lost"), "nil");
	run(GAP, 2, LOG, STATE, "5", "n", "1-5", "3", "0");
	assert_string_equal(command("HGET " STATE " lost"), "2");
	run(GAP, 2, LOG, STATE, "5", "n", "1-5", "2", "0", "9");
	assert_string_equal(command("HMGET " STATE " lost lost_upto"), "4 9");
}

#define TEST(function) cmocka_unit_test_setup(function, empty_redis)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_batch_is_not_added_if_its_outcome_cannot_be_noted),
		TEST(a_batch_that_was_added_is_said_to_be_and_the_next_one_is_not_added),
		TEST(a_packed_batch_is_not_added_if_it_cannot_be_counted),
		TEST(an_output_is_not_added_if_the_partition_cannot_note_it),
		TEST(a_letter_is_not_written_if_the_position_cannot_move),
		TEST(a_letter_of_lanes_is_not_written_if_the_state_cannot_remember_it),
		TEST(a_claim_that_fails_counts_no_death),
		TEST(a_look_that_fails_counts_no_lost_message),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
