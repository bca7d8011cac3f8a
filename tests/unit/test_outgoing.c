/*
 * Commands on their way out: the protocol's bytes, partial writes, and memory that is reused and returned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "redis/outgoing.h"

static seg_outgoing output;

static int setup(void **state)
{
	(void)state;
	output = (seg_outgoing){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	seg_outgoing_fini(&output);
	return 0;
}

static void command(int argc, const char *const *argv, const size_t *lengths)
{
	assert_true(seg_outgoing_reserve(&output, 0, argc, argv, lengths));
	seg_outgoing_command(&output, argc, argv, lengths);
}

static void holds(const char *bytes, size_t length)
{
	assert_int_equal(seg_outgoing_length(&output), length);
	assert_memory_equal(seg_outgoing_bytes(&output), bytes, length);
}

#define HOLDS(bytes) holds(bytes, sizeof(bytes) - 1)

/* --- bytes ------------------------------------------------------------------------------ */

static void a_command_is_an_array_of_its_arguments(void **state)
{
	(void)state;
	command(3, (const char *[]){"SET", "key", ""}, NULL);
	HOLDS("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n");
}

static void an_argument_of_a_given_length_may_hold_anything(void **state)
{
	(void)state;
	command(2, (const char *[]){"a\0\r\n", NULL}, (size_t[]){4, 0});
	HOLDS("*2\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n");
}

static void a_head_and_its_arguments_are_one_command(void **state)
{
	(void)state;
	const char *rest[] = {"k", "v"};
	assert_true(seg_outgoing_reserve(&output, 0, 2, rest, NULL));
	seg_outgoing_begin(&output, 5);
	seg_outgoing_arguments(&output, 3, (const char *[]){"EVALSHA", "f00d", "1"}, NULL);
	seg_outgoing_arguments(&output, 2, rest, NULL);
	HOLDS("*5\r\n$7\r\nEVALSHA\r\n$4\r\nf00d\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\nv\r\n");
}

static void every_length_is_written_as_hiredis_writes_it(void **state)
{
	(void)state;
	static char data[100001];
	const size_t lengths[] = {0, 1, 9, 10, 99, 100, 999, 1000, 9999, 10000, 16383, 16384, 65536, 100000};
	memset(data, 'x', sizeof(data));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *expected;
		const char *argv[] = {"APPEND", data};
		size_t argument[] = {6, lengths[i]};
		int length = redisFormatCommandArgv(&expected, 2, argv, argument);
		seg_outgoing_clear(&output);
		command(2, argv, argument);
		holds(expected, (size_t)length);
		redisFreeCommand(expected);
	}
}

static void a_command_of_a_thousand_arguments_is_whole(void **state)
{
	(void)state;
	enum { ARGUMENTS = 1000 };
	const char *argv[ARGUMENTS];
	char *expected;
	for (int i = 0; i < ARGUMENTS; i++)
		argv[i] = i % 2 ? "odd" : "";
	int length = redisFormatCommandArgv(&expected, ARGUMENTS, argv, NULL);
	command(ARGUMENTS, argv, NULL);
	holds(expected, (size_t)length);
	redisFreeCommand(expected);
}

/* --- writing some of it --------------------------------------------------------------------- */

static void written_bytes_go_and_the_rest_stays_in_order(void **state)
{
	(void)state;
	command(1, (const char *[]){"PING"}, NULL);
	seg_outgoing_consume(&output, 5);
	HOLDS("4\r\nPING\r\n");
	command(1, (const char *[]){"QUIT"}, NULL);
	HOLDS("4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n");
	seg_outgoing_consume(&output, 23);
	HOLDS("");
	command(1, (const char *[]){"PING"}, NULL);
	HOLDS("*1\r\n$4\r\nPING\r\n");
}

/* Output equals input, for every order of reserves, moves and partial writes. */
static void the_bytes_that_leave_are_the_bytes_that_came_in(void **state)
{
	(void)state;
	static char data[40000];
	unsigned written = 0, read = 0;
	srand(1);
	for (int i = 0; i < 3000; i++) {
		size_t length = (size_t)(rand() % 10 ? rand() % 100 : rand() % (int)sizeof(data));
		for (size_t b = 0; b < length; b++)
			data[b] = (char)(written++ % 251);
		const char *argv[] = {data};
		assert_true(seg_outgoing_reserve(&output, 0, 1, argv, &length));
		/*
		 * Keeps the data without its length line, so that all data can be checked as one run of
		 * bytes.
		 */
		size_t before = output.end;
		seg_outgoing_arguments(&output, 1, argv, &length);
		size_t head = output.end - before - length - 2;
		memmove(output.bytes + before, output.bytes + before + head, length);
		output.end = before + length;
		size_t leaves = seg_outgoing_length(&output);
		if (rand() % 3)
			leaves = leaves ? (size_t)rand() % leaves : 0;
		const char *bytes = seg_outgoing_bytes(&output);
		for (size_t b = 0; b < leaves; b++)
			assert_int_equal((unsigned char)bytes[b], read++ % 251);
		seg_outgoing_consume(&output, leaves);
	}
	assert_int_equal(written, read + seg_outgoing_length(&output));
}

/* --- memory ------------------------------------------------------------------------------------ */

static void commands_that_leave_as_they_come_take_no_more_memory(void **state)
{
	(void)state;
	command(1, (const char *[]){"PING"}, NULL);
	size_t capacity = output.capacity;
	for (int i = 0; i < 10000; i++) {
		command(1, (const char *[]){"PING"}, NULL);
		/* The buffer is never quite empty. */
		seg_outgoing_consume(&output, 14);
	}
	assert_int_equal(output.capacity, capacity);
}

static void a_buffer_that_had_grown_large_is_given_back_when_it_runs_empty(void **state)
{
	(void)state;
	enum { LARGE = 8 * 1024 * 1024 };
	char *data = calloc(1, LARGE);
	const char *argv[] = {data};
	command(1, argv, (size_t[]){LARGE});
	seg_outgoing_consume(&output, seg_outgoing_length(&output) - 1);
	assert_true(output.capacity >= LARGE);
	seg_outgoing_consume(&output, 1);
	assert_true(output.capacity <= 4 * 1024 * 1024);
	command(1, argv, (size_t[]){LARGE});
	seg_outgoing_clear(&output);
	assert_true(output.capacity <= 4 * 1024 * 1024);
	assert_int_equal(seg_outgoing_length(&output), 0);
	command(1, (const char *[]){"PING"}, NULL);
	HOLDS("*1\r\n$4\r\nPING\r\n");
	free(data);
}

static void lengths_beyond_all_memory_are_refused_and_leave_what_was_there(void **state)
{
	(void)state;
	command(1, (const char *[]){"PING"}, NULL);
	const size_t lengths[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 8 + 1};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_false(seg_outgoing_reserve(&output, 0, 1, (const char *[]){"x"}, &lengths[i]));
	HOLDS("*1\r\n$4\r\nPING\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_command_is_an_array_of_its_arguments),
		TEST(an_argument_of_a_given_length_may_hold_anything),
		TEST(a_head_and_its_arguments_are_one_command),
		TEST(every_length_is_written_as_hiredis_writes_it),
		TEST(a_command_of_a_thousand_arguments_is_whole),
		TEST(written_bytes_go_and_the_rest_stays_in_order),
		TEST(the_bytes_that_leave_are_the_bytes_that_came_in),
		TEST(commands_that_leave_as_they_come_take_no_more_memory),
		TEST(a_buffer_that_had_grown_large_is_given_back_when_it_runs_empty),
		TEST(lengths_beyond_all_memory_are_refused_and_leave_what_was_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
