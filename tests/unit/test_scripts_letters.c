/*
 * test_scripts_letters.c - the script dead_letter: one letter for a message, its limit, and a full memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts_group.h"

/* --- dead_letter ------------------------------------------------------------------------------------ */

static void a_dead_letter_tells_what_and_why(void **state)
{
	(void)state;
	fill_log(3);
	claim("5", "n");
	char id[64];
	assert_int_equal(sscanf(dead_letter("5", "n", "1-2", "2"), "OK %63s", id), 1);
	redisReply *letters = test_server_command(rig.redis, "XRANGE " DEAD " - +");
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
	redisReply *letters = test_server_command(rig.redis, "XRANGE " DEAD " - +");
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
	freeReplyObject(redisCommandArgv(rig.redis, 3 + 2 * FIELDS, argv, NULL));
	claim("5", "n");
	dead_letter("5", "n", "1-1", "1");
	redisReply *letters = test_server_command(rig.redis, "XRANGE " DEAD " - +");
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

/* --- a full memory --------------------------------------------------------------------------------- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_dead_letter_tells_what_and_why),
		TEST(a_dead_letter_that_is_sent_twice_is_one),
		TEST(a_message_that_is_gone_leaves_a_letter_without_its_fields),
		TEST(an_entry_with_any_number_of_fields_is_kept_whole),
		TEST(a_dead_letter_ends_the_suspicion),
		TEST(where_the_letter_cannot_be_written_the_message_stays),
		TEST(the_oldest_letters_make_room_and_are_counted),
		TEST(a_group_that_stops_at_the_limit_continues_when_there_is_room),
		TEST(without_memory_what_is_committed_makes_room_for_a_dead_letter),
		TEST(without_memory_a_dead_letter_that_is_sent_again_is_done),
		TEST(without_memory_a_flood_of_letters_stays_within_its_limit),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}
