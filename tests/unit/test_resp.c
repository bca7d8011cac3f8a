/* One value of entries: what is one, how much of the bytes it takes, and when there is none yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redis/resp.h"

static seg_resp value;

/* In memory that ends where the bytes end, so that AddressSanitizer sees a read beyond them; until the next call. */
static const char *copy_of(const char *bytes, size_t size)
{
	static char *copy;
	free(copy);
	copy = malloc(size ? size : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, size);
	return copy;
}

static size_t read_bytes(const char *bytes, size_t size)
{
	return seg_resp_read(&value, copy_of(bytes, size), size);
}

/* All bytes are one value; nothing shorter is one, and nothing shorter is wrong. */
static void is_value(const char *bytes, size_t size, seg_reply_type type)
{
	for (size_t come = 0; come < size; come++) {
		assert_int_equal(read_bytes(bytes, come), 0);
		assert_null(value.wrong);
	}
	assert_int_equal(read_bytes(bytes, size), size);
	assert_null(value.wrong);
	assert_int_equal(value.type, type);
}

#define IS(bytes, type) is_value(bytes, sizeof(bytes) - 1, type)

static void is_text(const char *text, size_t length)
{
	assert_int_equal(value.length, length);
	assert_memory_equal(value.text, text, length);
}

static void is_wrong(const char *bytes, const char *why)
{
	assert_int_equal(read_bytes(bytes, strlen(bytes)), 0);
	assert_non_null(value.wrong);
	assert_string_equal(value.wrong, why);
}

/* --- what is a value ------------------------------------------------------------------------- */

static void a_text_has_a_length_and_may_hold_any_bytes(void **state)
{
	(void)state;
	IS("$5\r\nhello\r\n", SEG_REPLY_TEXT);
	is_text("hello", 5);
	IS("$0\r\n\r\n", SEG_REPLY_TEXT);
	is_text("", 0);
	IS("$4\r\n\r\n\0x\r\n", SEG_REPLY_TEXT);
	is_text("\r\n\0x", 4);
	IS("$-1\r\n", SEG_REPLY_NIL);
}

static void of_an_array_only_the_head_is_read(void **state)
{
	(void)state;
	IS("*2\r\n", SEG_REPLY_ARRAY);
	assert_int_equal(value.number, 2);
	IS("*0\r\n", SEG_REPLY_ARRAY);
	assert_int_equal(value.number, 0);
	IS("*2147483647\r\n", SEG_REPLY_ARRAY);
	IS("*-1\r\n", SEG_REPLY_NIL);
	static const char with_elements[] = "*1\r\n:7\r\n";
	assert_int_equal(read_bytes(with_elements, sizeof(with_elements) - 1), 4);
}

static void what_follows_a_value_is_left(void **state)
{
	(void)state;
	static const char two[] = "$1\r\na\r\n$2\r\nOK\r\n";
	assert_int_equal(read_bytes(two, sizeof(two) - 1), 7);
	is_text("a", 1);
}

static void a_text_that_has_not_come_is_announced(void **state)
{
	(void)state;
	static const char begun[] = "$1000000\r\nab";
	assert_int_equal(read_bytes(begun, sizeof(begun) - 1), 0);
	assert_int_equal(value.type, SEG_REPLY_TEXT);
	assert_int_equal(value.length, 1000000);
	assert_int_equal(value.announced, sizeof("$1000000\r\n") - 1);
	assert_null(value.text);
	/* Its length may be any number; nothing is added to it. */
	static const char huge[] = "$9223372036854775807\r\nab\r\n";
	assert_int_equal(read_bytes(huge, sizeof(huge) - 1), 0);
	assert_null(value.wrong);
	assert_true(value.length == INT64_MAX);
}

/* --- what is none ---------------------------------------------------------------------------- */

static void a_number_is_digits_without_ornaments(void **state)
{
	(void)state;
	static const char *const numbers[] = {"",   "+1", "01",  "-",   "-0", "1 ",
					      " 1", "1x", "0x1", "--1", "1.0"};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char line[32];
		snprintf(line, sizeof(line), "$%s\r\n", numbers[i]);
		is_wrong(line, "a text's length that is no number");
		line[0] = '*';
		is_wrong(line, "an array's length that is no number");
	}
	is_wrong("$9223372036854775808\r\n", "a text's length that is no number");
	is_wrong("$99999999999999999999999\r\n", "a text's length that is no number");
}

static void a_length_is_not_below_minus_one(void **state)
{
	(void)state;
	is_wrong("$-2\r\n", "a text's length that is negative");
	is_wrong("*-2\r\n", "an array's length that is out of range");
	is_wrong("*2147483648\r\n", "an array's length that is out of range");
}

static void a_text_ends_where_it_said(void **state)
{
	(void)state;
	is_wrong("$2\r\nabc\r\n", "a text of another length than announced");
	is_wrong("$2\r\nab\n\r", "a text of another length than announced");
}

static void other_types_are_refused(void **state)
{
	(void)state;
	static const char *const types[] = {"+OK\r\n", "-ERR\r\n", ":1\r\n", "%1\r\n", "~1\r\n", ">1\r\n",
					    "_\r\n",   "#t\r\n",   ",1\r\n", "(1\r\n", "x",      "\r\n"};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		is_wrong(types[i], "a value that entries do not have");
}

/* --- the short way for texts ------------------------------------------------------------------ */

static size_t short_way(const char *bytes, size_t size, const char **text, size_t *length)
{
	return seg_resp_read_text(text, length, copy_of(bytes, size), size);
}

static void the_short_way_reads_a_text_when_it_is_whole(void **state)
{
	(void)state;
	static const char bytes[] = "$12\r\nhello\r\nworld\r\n:1\r\n";
	const char *text;
	size_t length, whole = sizeof("$12\r\nhello\r\nworld\r\n") - 1;
	for (size_t come = 0; come < whole; come++)
		assert_int_equal(short_way(bytes, come, &text, &length), 0);
	for (size_t come = whole; come < sizeof(bytes); come++) {
		assert_int_equal(short_way(bytes, come, &text, &length), whole);
		assert_int_equal(length, 12);
		assert_memory_equal(text, "hello\r\nworld", 12);
	}
	assert_int_equal(short_way("$0\r\n\r\n", 6, &text, &length), 6);
	assert_int_equal(length, 0);
}

static void the_short_way_reads_the_head_of_an_array(void **state)
{
	(void)state;
	static const char bytes[] = "*12\r\n$1\r\na\r\n";
	size_t count;
	for (size_t come = 0; come < sizeof(bytes); come++) {
		assert_int_equal(seg_resp_read_count(&count, copy_of(bytes, come), come), come < 5 ? 0 : 5);
		assert_true(come < 5 || count == 12);
	}
	assert_int_equal(seg_resp_read_count(&count, "*0\r\n", 4), 4);
	assert_int_equal(count, 0);
	static const char *const others[] = {"*-1\r\n", "*01\r\n",   "*\r\n",
					     "*1x\r\n", "*1\rx\r\n", "$1\r\na\r\n"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(seg_resp_read_count(&count, others[i], strlen(others[i])), 0);
}

static void the_short_way_leaves_all_else_to_the_other(void **state)
{
	(void)state;
	static const char *const others[] = {"$-1\r\n\r\n",       "$01\r\na\r\n",
					     "$\r\na\r\n",        "$1\r\nab\r\n",
					     "$1x\r\na\r\n",      "$1\rxa\r\n",
					     "$1\r\na\rx",        "+OK\r\nand so on\r\n",
					     "*1\r\n$1\r\na\r\n", "$99999999999999999999\r\na\r\n"};
	const char *text;
	size_t length;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(short_way(others[i], strlen(others[i]), &text, &length), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_has_a_length_and_may_hold_any_bytes),
		cmocka_unit_test(of_an_array_only_the_head_is_read),
		cmocka_unit_test(what_follows_a_value_is_left),
		cmocka_unit_test(a_text_that_has_not_come_is_announced),
		cmocka_unit_test(a_number_is_digits_without_ornaments),
		cmocka_unit_test(a_length_is_not_below_minus_one),
		cmocka_unit_test(a_text_ends_where_it_said),
		cmocka_unit_test(other_types_are_refused),
		cmocka_unit_test(the_short_way_reads_a_text_when_it_is_whole),
		cmocka_unit_test(the_short_way_reads_the_head_of_an_array),
		cmocka_unit_test(the_short_way_leaves_all_else_to_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
