/*
 * test_scripts_values.c - what handlers have kept: commit changes it in the step that moves the position, values reads it, claim says
 * whether there is any.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts.h"
#include "test_scripts_keys.h"

static void fill_log(int count)
{
	for (int i = 1; i <= count; i++)
		command("XADD " LOG " 1-%d partitionKey k data %d", i, i);
}

static const char *claim(const char *epoch, const char *nonce)
{
	return run(CLAIM, 3, LOG, STATE, VALUES, "g", "0", "me", epoch, nonce);
}

/* One owner, with ten messages. */
static void own(void)
{
	fill_log(10);
	claim("5", "n");
}

/* Commits the position and the changes that follow: the number of values, fields and values, fields to delete. */
#define commit(nonce, position, ...) \
	run(COMMIT, 3, LOG, STATE, VALUES, "g", "5", nonce, position, "-1", "0", "", "", "", __VA_ARGS__)

static const char *value(const char *field)
{
	return command("HGET " VALUES " %s", field);
}

static const char *position(void)
{
	return command("HGET " STATE " position");
}

/* --- commit -------------------------------------------------------------------------------------- */

static void a_commit_makes_its_changes_with_the_position(void **state)
{
	(void)state;
	own();
	assert_string_equal(commit("n", "1-2", "2", "p:a", "1", "p:b", ""), "OK");
	assert_string_equal(position(), "1-2");
	assert_string_equal(value("p:a"), "1");
	assert_string_equal(value("p:b"), "");
	assert_string_equal(commit("n", "1-3", "1", "p:a", "2", "p:b", "p:absent"), "OK");
	assert_string_equal(value("p:a"), "2");
	assert_string_equal(value("p:b"), "nil");
	assert_string_equal(commit("n", "1-4", "0", "p:a"), "OK");
	assert_string_equal(command("EXISTS " VALUES), "0");
	assert_string_equal(position(), "1-4");
}

static void a_commit_without_changes_touches_no_values(void **state)
{
	(void)state;
	own();
	commit("n", "1-2", "1", "p:a", "1");
	assert_string_equal(run(COMMIT, 2, LOG, STATE, "g", "5", "n", "1-3", "-1", "0"), "OK");
	assert_string_equal(position(), "1-3");
	assert_string_equal(value("p:a"), "1");
}

static void a_commit_may_count_gaps_and_make_changes(void **state)
{
	(void)state;
	own();
	assert_string_equal(run(COMMIT, 3, LOG, STATE, VALUES, "g", "5", "n", "1-10", "10", "0", "0", "", "",
				"1", "p:a", "1"),
			    "OK 0 0 1-10");
	assert_string_equal(value("p:a"), "1");
	assert_string_equal(command("HGET " STATE " count"), "10");
}

static void a_stale_owner_changes_no_value(void **state)
{
	(void)state;
	own();
	commit("n", "1-2", "1", "p:a", "1");
	claim("6", "m");
	assert_string_equal(commit("n", "1-3", "1", "p:a", "2"), "FENCED 6");
	assert_string_equal(value("p:a"), "1");
}

static void a_commit_that_arrives_after_a_later_one_changes_no_value(void **state)
{
	(void)state;
	own();
	commit("n", "1-5", "1", "p:a", "5");
	assert_string_equal(commit("n", "1-3", "2", "p:a", "3", "p:b", "3"), "OK");
	assert_string_equal(value("p:a"), "5");
	assert_string_equal(value("p:b"), "nil");
	/* The same once more, because its answer was lost. */
	assert_string_equal(commit("n", "1-5", "1", "p:a", "5"), "OK");
	assert_string_equal(value("p:a"), "5");
	assert_string_equal(position(), "1-5");
}

static void where_the_values_cannot_be_stored_the_position_stays(void **state)
{
	(void)state;
	own();
	commit("n", "1-1", "0");
	command("SET " VALUES " x");
	assert_non_null(strstr(commit("n", "1-3", "1", "p:a", "3"), "WRONGTYPE"));
	assert_string_equal(position(), "1-1");
}

static void a_vanished_log_takes_no_changes(void **state)
{
	(void)state;
	own();
	commit("n", "1-5", "1", "p:a", "5");
	command("DEL " LOG);
	assert_string_equal(commit("n", "1-6", "1", "p:a", "6"), "GONE");
	assert_string_equal(run(COMMIT, 3, LOG, STATE, VALUES, "g", "5", "n", "1-6", "-1", "1", "", "", "",
				"1", "p:a", "6"),
			    "OK");
	assert_string_equal(value("p:a"), "5");
}

static void a_release_makes_its_changes(void **state)
{
	(void)state;
	own();
	assert_string_equal(run(COMMIT, 3, LOG, STATE, VALUES, "g", "5", "n", "1-6", "-1", "1", "", "", "",
				"1", "p:a", "6"),
			    "OK");
	assert_string_equal(value("p:a"), "6");
	assert_string_equal(command("HGET " STATE " clean"), "1");
}

static void thousands_of_changes_go_in_one_step(void **state)
{
	(void)state;
	enum { CHANGES = 4000, DELETIONS = 3600, HEAD = 13 };
	static char names[CHANGES][16];
	const char *words[HEAD + 2 * CHANGES] = {LOG,  STATE, VALUES, "g", "5", "n",   "1-2",
						 "-1", "0",   "",     "",  "",  "4000"};
	own();
	for (int i = 0; i < CHANGES; i++) {
		snprintf(names[i], sizeof(names[i]), "p:%d", i);
		words[HEAD + 2 * i] = words[HEAD + 2 * i + 1] = names[i];
	}
	assert_string_equal(reply_text(script_reply(SEG_SCRIPT_COMMIT, 3, words, HEAD + 2 * CHANGES)), "OK");
	assert_int_equal(command_number("HLEN " VALUES), CHANGES);
	assert_string_equal(value("p:3999"), "p:3999");
	words[6] = "1-3";
	words[HEAD - 1] = "0";
	for (int i = 0; i < DELETIONS; i++)
		words[HEAD + i] = names[i];
	assert_string_equal(reply_text(script_reply(SEG_SCRIPT_COMMIT, 3, words, HEAD + DELETIONS)), "OK");
	assert_int_equal(command_number("HLEN " VALUES), CHANGES - DELETIONS);
}

/* A right that an operator takes from an owner that lives. */
static void a_commit_that_may_not_write_the_changes_does_not_move_the_position(void **state)
{
	(void)state;
	static const char *const rights[] = {"hset", "hdel"};
	own();
	commit("n", "1-2", "1", "p:a", "1");
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		command("ACL SETUSER default -%s", rights[i]);
		const char *answer = commit("n", "1-5", "1", "p:a", "2", "p:b");
		assert_true(strstr(answer, "can't run") || strstr(answer, "permission"));
		command("ACL SETUSER default +%s", rights[i]);
		assert_string_equal(position(), "1-2");
		assert_non_null(strstr(command("XINFO GROUPS " LOG), "last-delivered-id 1-2"));
		assert_string_equal(value("p:a"), "1");
	}
	assert_string_equal(commit("n", "1-5", "1", "p:a", "2", "p:b"), "OK");
	assert_string_equal(value("p:a"), "2");
}

static void without_memory_changes_are_made(void **state)
{
	(void)state;
	own();
	command("CONFIG SET maxmemory 1");
	assert_string_equal(commit("n", "1-2", "1", "p:a", "1"), "OK");
	command("CONFIG SET maxmemory 0");
	assert_string_equal(value("p:a"), "1");
}

/* --- claim and values ---------------------------------------------------------------------------------- */

static void a_claim_says_how_many_values_there_are(void **state)
{
	(void)state;
	fill_log(3);
	assert_null(strstr(claim("5", "n"), "VALUES"));
	commit("n", "1-2", "2", "p:a", "1", "p:b", "2");
	assert_non_null(strstr(claim("6", "m"), " VALUES 2"));
	assert_null(strstr(run(CLAIM, 2, LOG, STATE, "g", "0", "me", "7", "o"), "VALUES"));
}

static void values_reads_all_of_a_small_state_in_one_step(void **state)
{
	(void)state;
	own();
	assert_string_equal(run(VALUES, 2, STATE, VALUES, "5", "n", "0", "1000"), "OK 0 0 []");
	commit("n", "1-2", "2", "p:a", "1", "p:b", "2");
	assert_string_equal(run(VALUES, 2, STATE, VALUES, "5", "n", "0", "1000"), "OK 0 2 [p:a 1 p:b 2]");
}

static void values_are_read_only_by_the_owner(void **state)
{
	(void)state;
	own();
	commit("n", "1-2", "1", "p:a", "1");
	assert_string_equal(run(VALUES, 2, STATE, VALUES, "4", "n", "0", "1000"), "FENCED 5");
	claim("6", "m");
	assert_string_equal(run(VALUES, 2, STATE, VALUES, "5", "n", "0", "1000"), "FENCED 6");
}

static void values_reads_a_large_state_in_steps(void **state)
{
	(void)state;
	enum { COUNT = 3000 };
	static bool seen[COUNT];
	char cursor[32] = "0";
	int steps = 0, found = 0;
	own();
	for (int i = 0; i < COUNT; i++)
		command("HSET " VALUES " p:%d %0100d", i, i);
	do {
		const char *words[] = {STATE, VALUES, "5", "n", cursor, "50000"};
		redisReply *reply = script_reply(SEG_SCRIPT_VALUES, 2, words, 6);
		assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
		assert_string_equal(reply->element[0]->str, "OK");
		assert_int_equal(reply->element[2]->integer, COUNT);
		for (size_t i = 3; i < reply->elements; i++)
			for (size_t k = 0; k < reply->element[i]->elements; k += 2) {
				int n = atoi(reply->element[i]->element[k]->str + 2);
				found += !seen[n];
				seen[n] = true;
				assert_int_equal(atoi(reply->element[i]->element[k + 1]->str), n);
			}
		snprintf(cursor, sizeof(cursor), "%s", reply->element[1]->str);
		freeReplyObject(reply);
		steps++;
	} while (strcmp(cursor, "0") != 0);
	assert_int_equal(found, COUNT);
	assert_in_range(steps, 4, 100);
}

/* --- reset ------------------------------------------------------------------------------------------ */

static const char *reset(const char *to, const char *fate)
{
	return run(RESET, 3, LOG, STATE, VALUES, "g", "", to, "-1", fate);
}

static void a_reset_drops_values_or_keeps_them_or_is_not_done(void **state)
{
	(void)state;
	own();
	commit("n", "1-5", "1", "p:a", "1");
	assert_string_equal(reset("1-2", ""), "VALUES");
	assert_string_equal(position(), "1-5");
	assert_string_equal(commit("n", "1-6", "1", "p:a", "2"), "OK");
	assert_string_equal(reset("1-2", "keep"), "OK 1-6");
	assert_string_equal(position(), "1-2");
	assert_string_equal(value("p:a"), "2");
	/* The owner's values are not what the new position has. */
	assert_non_null(strstr(commit("n", "1-7", "1", "p:a", "3"), "FENCED"));
	assert_string_equal(reset("1-1", "drop"), "OK 1-2");
	assert_string_equal(command("EXISTS " VALUES), "0");
	assert_string_equal(reset("1-3", ""), "OK 1-1");
	assert_string_equal(position(), "1-3");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, empty_redis)
	const struct CMUnitTest tests[] = {
		TEST(a_commit_makes_its_changes_with_the_position),
		TEST(a_commit_without_changes_touches_no_values),
		TEST(a_commit_may_count_gaps_and_make_changes),
		TEST(a_stale_owner_changes_no_value),
		TEST(a_commit_that_arrives_after_a_later_one_changes_no_value),
		TEST(where_the_values_cannot_be_stored_the_position_stays),
		TEST(a_vanished_log_takes_no_changes),
		TEST(a_release_makes_its_changes),
		TEST(thousands_of_changes_go_in_one_step),
		TEST(a_commit_that_may_not_write_the_changes_does_not_move_the_position),
		TEST(without_memory_changes_are_made),
		TEST(a_claim_says_how_many_values_there_are),
		TEST(values_reads_all_of_a_small_state_in_one_step),
		TEST(values_are_read_only_by_the_owner),
		TEST(values_reads_a_large_state_in_steps),
		TEST(a_reset_drops_values_or_keeps_them_or_is_not_done),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
