/*
 * test_scripts_group.c - the scripts opening, open_group, claim, commit, mark and dead_letter, with one group in one
 * partition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts.h"

#define LOG "__n:s:partition_0"
#define STATE "{__n:s:partition_0}:g:state"
#define VALUES "{__n:s:partition_0}:g:values"
#define DEAD "{__n:s:partition_0}:g:dead"
#define COUNTERS "{__n:s:partition_0}:counters"

static const char *open_group(const char *start)
{
	return run(OPEN_GROUP, 2, LOG, STATE, "g", start);
}

static const char *opening(const char *member, const char *partitions, const char *patience, const char *done)
{
	return run(OPENING, 1, "{__n:s}:g:partitions", member, partitions, patience, done);
}

static void cut_at(char *text, const char *word)
{
	char *at = strstr(text, word);
	if (at)
		*at = '\0';
}

static const char *claim(const char *epoch, const char *nonce)
{
	static char answer[512];
	snprintf(answer, sizeof(answer), "%s", run(CLAIM, 2, LOG, STATE, "g", "0", "me", epoch, nonce));
	/* The run is a time: after_a_reset_or_in_a_new_log_the_run_rises looks at it. */
	cut_at(answer, " RUN ");
	/* a_claim_tells_the_size_of_the_larger_entry_at_the_ends_of_the_log */
	cut_at(answer, " ENTRY ");
	return answer;
}

static const char *commit(const char *epoch, const char *nonce, const char *position, const char *count)
{
	return run(COMMIT, 2, LOG, STATE, "g", epoch, nonce, position, count, "0");
}

static const char *release(const char *epoch, const char *nonce, const char *position, const char *count)
{
	return run(COMMIT, 2, LOG, STATE, "g", epoch, nonce, position, count, "1");
}

static const char *mark(const char *epoch, const char *nonce, const char *id)
{
	return run(MARK, 2, LOG, STATE, epoch, nonce, "mark", id, "2");
}

static const char *note(const char *epoch, const char *nonce, const char *what, const char *id,
			const char *deaths)
{
	return run(MARK, 2, LOG, STATE, epoch, nonce, what, id, deaths);
}

static const char *dead_letter(const char *epoch, const char *nonce, const char *id, const char *count)
{
	return run(DEAD_LETTER, 3, LOG, STATE, DEAD, "g", epoch, nonce, id, count, "it is broken", "3",
		   "wordcount", "7", "0", "drop-oldest");
}

static const char *limited_letter(const char *id, const char *count, const char *limit, const char *full)
{
	return run(DEAD_LETTER, 3, LOG, STATE, DEAD, "g", "5", "n", id, count, "it is broken", "3",
		   "wordcount", "7", limit, full);
}

/* `count` entries with the ids 1-1, 1-2, ... */
static void fill_log(int count)
{
	for (int i = 1; i <= count; i++)
		command("XADD " LOG " 1-%d partitionKey k data %d", i, i);
}

static char field_text[128];

/* A field of XINFO GROUPS. */
static const char *group_field(const char *name)
{
	redisReply *groups = test_server_command(redis, "XINFO GROUPS " LOG);
	snprintf(field_text, sizeof(field_text), "no group");
	if (groups->type == REDIS_REPLY_ARRAY && groups->elements == 1) {
		redisReply *fields = groups->element[0];
		for (size_t i = 0; i < fields->elements; i += 2)
			if (strcmp(fields->element[i]->str, name) == 0 &&
			    fields->element[i + 1]->type == REDIS_REPLY_INTEGER)
				snprintf(field_text, sizeof(field_text), "%lld",
					 fields->element[i + 1]->integer);
			else if (strcmp(fields->element[i]->str, name) == 0)
				snprintf(field_text, sizeof(field_text), "%s",
					 fields->element[i + 1]->str ? fields->element[i + 1]->str : "nil");
	}
	freeReplyObject(groups);
	return field_text;
}

static const char *position(void)
{
	return group_field("last-delivered-id");
}

static const char *state_field(const char *name)
{
	return command("HGET " STATE " %s", name);
}

/* --- opening ---------------------------------------------------------------------------------------- */

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
		redisAppendCommand(redis, "XADD " LOG " %d-0 f v", i);
	redisReply *reply;
	for (int i = 1; i <= 3500; i++) {
		redisGetReply(redis, (void **)&reply);
		freeReplyObject(reply);
	}
	command("XGROUP CREATE " LOG " g 0");
	freeReplyObject(test_server_command(redis, "XREADGROUP GROUP g c COUNT 3500 STREAMS " LOG " >"));
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

/* --- dead_letter ------------------------------------------------------------------------------------ */

static void a_dead_letter_tells_what_and_why(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	char id[64];
	assert_int_equal(sscanf(dead_letter("5", "n", "1-2", "2"), "OK %63s", id), 1);
	redisReply *letters = test_server_command(redis, "XRANGE " DEAD " - +");
	assert_int_equal(letters->elements, 1);
	assert_string_equal(letters->element[0]->element[0]->str, id);
	redisReply *fields = letters->element[0]->element[1];
	const char *expected[] = {"id",           "1-2", "reason",  "it is broken",
				  "attempts",     "3",   "handler", "wordcount",
				  "partition",    "7",   "time_ms", NULL,
				  "partitionKey", "k",   "data",    "2"};
	assert_int_equal(fields->elements, 16);
	for (size_t i = 0; i < 16; i++)
		if (expected[i])
			assert_string_equal(fields->element[i]->str, expected[i]);
	long long apart = atoll(fields->element[11]->str) - atoll(id);
	assert_true(apart >= -1 && apart <= 1);
	freeReplyObject(letters);
	assert_string_equal(position(), "1-2");
	assert_string_equal(group_field("lag"), "1");
}

static void a_dead_letter_that_is_sent_twice_is_one(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	dead_letter("5", "n", "1-2", "2");
	assert_string_equal(dead_letter("5", "n", "1-2", "2"), "OK 0-0");
	assert_int_equal(command_number("XLEN " DEAD), 1);
	assert_string_equal(position(), "1-2");
}

static void a_message_that_is_gone_leaves_a_letter_without_its_fields(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	command("XDEL " LOG " 1-1");
	dead_letter("5", "n", "1-1", "1");
	redisReply *letters = test_server_command(redis, "XRANGE " DEAD " - +");
	assert_int_equal(letters->element[0]->element[1]->elements, 12);
	freeReplyObject(letters);
}

static void an_entry_with_any_number_of_fields_is_kept_whole(void **state)
{
	(void)state;
	enum { FIELDS = 10000 };
	static const char *argv[3 + 2 * FIELDS] = {"XADD", LOG, "1-1"};
	static char names[FIELDS][8];
	for (int i = 0; i < FIELDS; i++) {
		snprintf(names[i], sizeof(names[i]), "%d", i);
		argv[3 + 2 * i] = argv[4 + 2 * i] = names[i];
	}
	freeReplyObject(redisCommandArgv(redis, 3 + 2 * FIELDS, argv, NULL));
	claim("5", "n");
	dead_letter("5", "n", "1-1", "1");
	redisReply *letters = test_server_command(redis, "XRANGE " DEAD " - +");
	int next = 0;
	for (size_t i = 0; i < letters->elements; i++) {
		redisReply *fields = letters->element[i]->element[1];
		assert_string_equal(fields->element[1]->str, "1-1");
		for (size_t f = 12; f < fields->elements; f += 2, next++)
			assert_int_equal(atoi(fields->element[f]->str), next);
	}
	freeReplyObject(letters);
	assert_int_equal(next, FIELDS);
	assert_string_equal(position(), "1-1");
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

static void a_dead_letter_ends_the_suspicion(void **state)
{
	(void)state;
	fill_log(3);
	claim("1", "a");
	claim("2", "b");
	mark("2", "b", "1-1");
	dead_letter("2", "b", "1-1", "1");
	assert_string_equal(claim("3", "c"), "OK 1-1 1 1 0-0 0 0");
}

static void where_the_letter_cannot_be_written_the_message_stays(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	command("SET " DEAD " x");
	assert_non_null(strstr(dead_letter("5", "n", "1-1", "1"), "WRONGTYPE"));
	assert_string_equal(position(), "0-0");
}

static void the_oldest_letters_make_room_and_are_counted(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	limited_letter("1-1", "1", "2", "drop-oldest");
	limited_letter("1-2", "2", "2", "drop-oldest");
	assert_string_equal(strrchr(limited_letter("1-3", "3", "2", "drop-oldest"), ' '), " 1");
	assert_string_equal(strrchr(limited_letter("1-4", "4", "1", "drop-oldest"), ' '), " 2");
	assert_int_equal(command_number("XLEN " DEAD), 1);
	assert_string_equal(state_field("letters_dropped"), "3");
	assert_string_equal(position(), "1-4");
}

static void a_group_that_stops_at_the_limit_continues_when_there_is_room(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	limited_letter("1-1", "1", "1", "stop");
	assert_string_equal(limited_letter("1-2", "2", "1", "stop"), "FULL 1");
	assert_string_equal(position(), "1-1");
	command("DEL " DEAD);
	assert_int_equal(strncmp(limited_letter("1-2", "2", "1", "stop"), "OK ", 3), 0);
	assert_string_equal(position(), "1-2");
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

static void without_memory_what_is_committed_makes_room_for_a_dead_letter(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	commit("5", "n", "1-2", "2");
	command("CONFIG SET maxmemory 1");
	assert_int_equal(strncmp(dead_letter("5", "n", "1-3", "3"), "OK ", 3), 0);
	assert_int_equal(command_number("XLEN " LOG), 3);
	assert_int_equal(strncmp(dead_letter("5", "n", "1-4", "4"), "OK ", 3), 0);
	assert_int_equal(command_number("XLEN " LOG), 2);
	assert_int_equal(command_number("XLEN " DEAD), 2);
	assert_string_equal(position(), "1-4");
}

/* Its answer was lost, and Redis has lost its memory since. */
static void without_memory_a_dead_letter_that_is_sent_again_is_done(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	dead_letter("5", "n", "1-2", "2");
	command("CONFIG SET maxmemory 1");
	assert_string_equal(dead_letter("5", "n", "1-2", "2"), "OK 0-0");
	assert_string_equal(position(), "1-2");
}

static void without_memory_a_flood_of_letters_stays_within_its_limit(void **state)
{
	(void)state;
	fill_log(5);
	claim("5", "n");
	limited_letter("1-1", "1", "1", "drop-oldest");
	command("CONFIG SET maxmemory 1");
	assert_int_equal(strncmp(limited_letter("1-2", "2", "1", "drop-oldest"), "OK ", 3), 0);
	assert_string_equal(limited_letter("1-3", "3", "1", "stop"), "FULL 1");
	assert_int_equal(command_number("XLEN " DEAD), 1);
	assert_string_equal(position(), "1-2");
}

#define TEST(function) cmocka_unit_test_setup(function, empty_redis)

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(a_forgotten_group_goes_on_where_its_newest_owner_remembers_it),
		TEST(a_forgotten_group_in_a_forgotten_log_begins_with_the_first_message),
		TEST(where_nobody_knows_the_position_the_group_begins_with_what_is_there),
		TEST(a_claim_makes_the_group_and_returns_its_position),
		TEST(a_claim_tells_the_size_of_the_larger_entry_at_the_ends_of_the_log),
		TEST(a_claim_of_nothing_makes_the_log),
		TEST(a_claim_begins_at_the_start_that_is_given),
		TEST(a_later_epoch_fences_the_earlier),
		TEST(an_earlier_epoch_is_fenced_under_whatever_nonce),
		TEST(an_earlier_epoch_cannot_claim),
		TEST(the_same_epoch_under_another_nonce_cannot_claim),
		TEST(nobody_holds_the_fence_with_an_empty_nonce),
		TEST(of_the_members_that_start_one_opens_the_group),
		TEST(an_opener_that_takes_too_long_counts_as_dead),
		TEST(a_group_that_was_opened_on_fewer_partitions_is_opened_again),
		TEST(a_released_epoch_cannot_be_claimed_again),
		TEST(a_claim_continues_at_the_committed_position),
		TEST(a_position_that_was_set_by_hand_is_taken),
		TEST(the_count_follows_from_the_log_at_its_ends),
		TEST(the_count_is_right_where_unread_entries_were_dropped),
		TEST(a_gap_is_what_came_and_was_not_read),
		TEST(a_gap_is_counted_once_however_often_it_is_asked_for),
		TEST(a_commit_counts_what_was_removed_unread_once),
		TEST(a_commit_that_is_sent_again_after_a_later_one_counts_nothing),
		TEST(a_gap_that_a_dead_owner_had_noticed_is_not_counted_again),
		TEST(the_next_owner_does_not_count_a_gap_within_the_log_again),
		TEST(a_claim_that_arrives_twice_keeps_the_gap_of_its_owner),
		TEST(a_look_that_arrives_late_counts_nothing_that_was_committed_since),
		TEST(without_anything_removed_there_is_no_gap),
		TEST(only_the_owner_counts_gaps),
		TEST(redis_shows_the_lag),
		TEST(messages_that_a_reader_did_not_acknowledge_come_again),
		TEST(the_position_before_sequence_0_is_in_the_millisecond_before),
		TEST(the_position_before_a_large_sequence_is_exact),
		TEST(thousands_of_unacknowledged_entries_come_again),
		TEST(entries_pending_after_the_position_do_not_move_it),
		TEST(owners_that_do_not_get_on_are_counted),
		TEST(a_claim_whose_answer_was_lost_is_no_crash),
		TEST(a_clean_release_is_no_crash),
		TEST(an_owner_that_died_with_nothing_to_handle_died_of_something_else),
		TEST(a_commit_before_the_last_one_is_answered_and_ignored),
		TEST(a_commit_under_a_lost_state_is_fenced),
		TEST(a_commit_makes_a_vanished_group_again),
		TEST(a_commit_that_redis_refuses_changes_nothing),
		TEST(a_released_owner_cannot_commit),
		TEST(a_release_that_is_sent_twice_is_done_once),
		TEST(a_death_counts_against_the_marked_message_only_if_the_handler_had_begun),
		TEST(a_mark_ends_when_the_position_has_passed_it),
		TEST(an_owner_that_stops_cleanly_has_not_died_of_what_it_marked),
		TEST(a_death_while_an_entry_was_read_counts_against_the_entry_at_that_position),
		TEST(a_process_that_claims_again_has_not_died),
		TEST(a_dead_letter_tells_what_and_why),
		TEST(a_dead_letter_that_is_sent_twice_is_one),
		TEST(a_message_that_is_gone_leaves_a_letter_without_its_fields),
		TEST(an_entry_with_any_number_of_fields_is_kept_whole),
		TEST(a_dead_letter_ends_the_suspicion),
		TEST(what_is_missing_of_a_packed_stream_is_stored_once),
		TEST(the_oldest_letters_make_room_and_are_counted),
		TEST(a_group_that_stops_at_the_limit_continues_when_there_is_room),
		TEST(what_hinders_the_owner_is_shown_until_the_position_has_passed_it),
		TEST(only_the_owner_says_what_hinders_it),
		TEST(nothing_hinders_where_nobody_owns_or_a_reset_has_moved_the_group),
		TEST(a_letter_waits_for_room_only_while_there_is_none),
		TEST(an_owner_of_an_earlier_version_is_shown_too),
		TEST(where_the_letter_cannot_be_written_the_message_stays),
		TEST(without_memory_a_group_is_opened_claimed_committed_and_released),
		TEST(without_memory_what_is_committed_makes_room_for_a_dead_letter),
		TEST(without_memory_a_dead_letter_that_is_sent_again_is_done),
		TEST(without_memory_a_flood_of_letters_stays_within_its_limit),
		cmocka_unit_test_setup(after_a_reset_or_in_a_new_log_the_run_rises, empty_redis),
	};
	return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
