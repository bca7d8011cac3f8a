/*
 * Names and keys: which names are allowed, what a refusal says, and that different names never make the same
 * key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/names.h"

static seg_error error;

static void allows(const char *name)
{
	if (seg_name_check("group", name, &error))
		fail_msg("\"%s\" is refused: %s", name, error.text);
}

static void refuses(const char *name, const char *text)
{
	error = (seg_error){0};
	assert_int_equal(seg_name_check("group", name, &error), SEG_EINVAL);
	assert_string_equal(error.text, text);
}

/* --- names -------------------------------------------------------------------------------- */

static void letters_digits_dot_underscore_and_hyphen_are_allowed_everywhere(void **state)
{
	(void)state;
	allows("a");
	allows("Z.9_-");
	allows("-");
	allows("..");
	allows("0");
}

static void no_other_byte_is_allowed(void **state)
{
	(void)state;
	const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	for (int c = 1; c < 256; c++) {
		const char name[] = {'x', (char)c, 'x', '\0'};
		int expected = strchr(allowed, c) ? 0 : SEG_EINVAL;
		assert_int_equal(seg_name_check("group", name, NULL), expected);
	}
}

static void a_name_has_1_to_128_characters(void **state)
{
	(void)state;
	char name[SEG_NAME_MAX + 2];
	memset(name, 'a', sizeof(name));
	name[SEG_NAME_MAX] = '\0';
	allows(name);
	name[SEG_NAME_MAX] = 'a';
	name[SEG_NAME_MAX + 1] = '\0';
	refuses(name, "the group \"aaaaaaaaaaaaaaaaaaaa...\" is longer than 128 characters; shorten it");
	refuses("", "the group is empty; use 1 to 128 of A-Z a-z 0-9 . _ -");
	refuses(NULL, "the group is empty; use 1 to 128 of A-Z a-z 0-9 . _ -");
}

static void a_refusal_names_the_character_or_the_byte_and_its_place(void **state)
{
	(void)state;
	refuses("my group", "the group \"my group\" contains ' '; only A-Z a-z 0-9 . _ - are allowed");
	refuses("a:b", "the group \"a:b\" contains ':'; only A-Z a-z 0-9 . _ - are allowed");
	refuses("ab\n", "the group contains the byte 0x0a at position 3; only A-Z a-z 0-9 . _ - are allowed");
	refuses("\xc3\xa4",
		"the group contains the byte 0xc3 at position 1; only A-Z a-z 0-9 . _ - are allowed");
}

static void a_refusal_never_carries_control_characters(void **state)
{
	(void)state;
	for (int c = 1; c < 0x20; c++) {
		/* The printable wrong character comes first, because an error might repeat the whole name. */
		const char name[] = {'a', '!', (char)c, '\0'};
		assert_int_equal(seg_name_check("group", name, &error), SEG_EINVAL);
		for (const char *t = error.text; *t; t++)
			if ((unsigned char)*t < 0x20)
				fail_msg("the byte 0x%02x is repeated as it is", c);
	}
}

/* --- keys ----------------------------------------------------------------------------------- */

static void keys_are_the_contracts_own(void **state)
{
	(void)state;
	char key[SEG_KEY_MAX];
	int length = seg_key_log(key, "ns", "orders", 1023);
	assert_string_equal(key, "__ns:orders:partition_1023");
	assert_int_equal(length, strlen(key));
	length = seg_key_beside_log(key, "ns", "orders", 0, "billing", "state");
	assert_string_equal(key, "{__ns:orders:partition_0}:billing:state");
	assert_int_equal(length, strlen(key));
	seg_key_beside_log(key, "ns", "orders", 0, "producers", NULL);
	assert_string_equal(key, "{__ns:orders:partition_0}:producers");
	length = seg_key_of_stream(key, "ns", "orders", "billing", "members");
	assert_string_equal(key, "{__ns:orders}:billing:members");
	assert_int_equal(length, strlen(key));
	seg_key_of_stream(key, "ns", "orders", "groups", NULL);
	assert_string_equal(key, "{__ns:orders}:groups");
}

/* The part that Redis Cluster hashes: between the first { and the next }, or the whole key. */
static void hash_tag(const char *key, char tag[SEG_KEY_MAX])
{
	const char *open = strchr(key, '{'), *close = open ? strchr(open, '}') : NULL;
	if (close && close > open + 1)
		snprintf(tag, SEG_KEY_MAX, "%.*s", (int)(close - open - 1), open + 1);
	else
		snprintf(tag, SEG_KEY_MAX, "%s", key);
}

static void keys_beside_a_log_hash_as_the_log_does(void **state)
{
	(void)state;
	char log[SEG_KEY_MAX], beside[SEG_KEY_MAX], tag[SEG_KEY_MAX];
	for (uint32_t partition = 0; partition < 3; partition++) {
		seg_key_log(log, "a.b", "-", partition);
		seg_key_beside_log(beside, "a.b", "-", partition, "g", "dead");
		hash_tag(beside, tag);
		assert_string_equal(tag, log);
		hash_tag(log, tag);
		assert_string_equal(tag, log);
	}
}

static void the_longest_names_make_a_whole_key(void **state)
{
	(void)state;
	char name[SEG_NAME_MAX + 1], key[SEG_KEY_MAX];
	memset(name, 'n', SEG_NAME_MAX);
	name[SEG_NAME_MAX] = '\0';
	int length = seg_key_beside_log(key, name, name, UINT32_MAX, name, name);
	assert_true(length < SEG_KEY_MAX);
	assert_int_equal(length, strlen(key));
	assert_memory_equal(key + length - SEG_NAME_MAX, name, SEG_NAME_MAX);
	length = seg_key_of_stream(key, name, name, name, name);
	assert_true(length < SEG_KEY_MAX);
}

static void names_that_look_alike_when_joined_make_different_keys(void **state)
{
	(void)state;
	const char *names[][2] = {{"a", "b"},   {"a_b", "c"}, {"a", "b_c"}, {"a.b", "c"},
				  {"a", "b-c"}, {"_", "a"},   {"__", "a"}};
	enum { PAIRS = sizeof(names) / sizeof(names[0]) };
	char keys[PAIRS][SEG_KEY_MAX];
	for (size_t i = 0; i < PAIRS; i++) {
		seg_key_log(keys[i], names[i][0], names[i][1], 1);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(keys[i], keys[j]);
	}
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(letters_digits_dot_underscore_and_hyphen_are_allowed_everywhere),
		TEST(no_other_byte_is_allowed),
		TEST(a_name_has_1_to_128_characters),
		TEST(a_refusal_names_the_character_or_the_byte_and_its_place),
		TEST(a_refusal_never_carries_control_characters),
		TEST(keys_are_the_contracts_own),
		TEST(keys_beside_a_log_hash_as_the_log_does),
		TEST(the_longest_names_make_a_whole_key),
		TEST(names_that_look_alike_when_joined_make_different_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
