/*
 * Replies: which bytes become which values, what is refused, and that the size of the pieces never matters. Linked with malloc and
 * redisReaderFeed wrapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <segmenter/segmenter.h>

#include "test_reply.h"

#define READS(bytes, expected) reads(bytes, sizeof(bytes) - 1, NULL, expected)

/* --- values ---------------------------------------------------------------------------- */

static void each_type_reads_as_what_it_is(void **state)
{
	(void)state;
	READS("+OK\r\n", "'OK'; ");
	READS("$5\r\nhello\r\n", "'hello'; ");
	READS("-ERR no such key\r\n", "!'ERR no such key'; ");
	READS(":42\r\n", "42; ");
	READS("$-1\r\n", "nil; ");
	READS("*-1\r\n", "nil; ");
	READS("*2\r\n:1\r\n$1\r\na\r\n", "[1 'a']; ");
}

static void values_at_their_limits_are_whole(void **state)
{
	(void)state;
	READS("$0\r\n\r\n", "''; ");
	READS("+\r\n", "''; ");
	READS("*0\r\n", "[]; ");
	READS(":9223372036854775807\r\n", "9223372036854775807; ");
	READS(":-9223372036854775808\r\n", "-9223372036854775808; ");
	READS("$5\r\n\0\r\n\0\0\r\n", "'\\0\r\n\\0\\0'; ");
}

static void arrays_in_arrays_keep_their_places(void **state)
{
	(void)state;
	READS("*4\r\n*0\r\n*2\r\n$-1\r\n*1\r\n-ERR x\r\n*-1\r\n:7\r\n", "[[] [nil [!'ERR x']] nil 7]; ");
	READS("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "[[[[[[1]]]]]]; ");
}

static void consecutive_replies_come_one_by_one(void **state)
{
	(void)state;
	READS("+a\r\n*1\r\n:1\r\n$-1\r\n-b\r\n$1\r\nc\r\n", "'a'; [1]; nil; !'b'; 'c'; ");
}

static void a_part_of_a_reply_is_no_reply(void **state)
{
	(void)state;
	READS("*2\r\n:1\r\n$3\r\nab", "");
	READS("+OK\r\n$5\r\nhello\r", "'OK'; ");
}

static void an_invalid_reply_is_refused_with_a_reason(void **state)
{
	(void)state;
	const char *wrong[] =
		{"HTTP/1.1 400 Bad Request\r\n", "$x\r\n", "$-2\r\n", "*-2\r\n", "*x\r\n", ":1x\r\n",
		 "$99999999999999999999\r\n",    "\r\n",   "*1\r\nx"};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		reads(wrong[i], strlen(wrong[i]), NULL, "REFUSED");
		assert_true(strlen(seg_reader_error(&reader)) > 0);
	}
}

static void after_a_refusal_nothing_is_read_until_a_restart(void **state)
{
	(void)state;
	begin();
	assert_int_equal(feed("+a\r\n?\r\n+b\r\n", 11, NULL), -1);
	assert_int_equal(feed("+c\r\n", 4, NULL), -1);
	assert_string_equal(trace, "'a'; REFUSEDREFUSED");
	begin();
	assert_int_equal(feed("+d\r\n", 4, NULL), 0);
	assert_string_equal(trace, "'d'; ");
}

static void a_restart_forgets_half_a_reply(void **state)
{
	(void)state;
	begin();
	feed("*2\r\n:1\r\n", 8, NULL);
	begin();
	feed(":2\r\n", 4, NULL);
	assert_string_equal(trace, "2; ");
}

/* --- memory ------------------------------------------------------------------------------ */

static void a_length_alone_takes_no_memory_to_speak_of(void **state)
{
	(void)state;
	const char *claims[] = {"*2147483647\r\n", "*1048577\r\n", "*1\r\n*2000000000\r\n", "$536870912\r\n"};
	for (size_t i = 0; i < COUNT(claims); i++) {
		begin();
		feed(claims[i], strlen(claims[i]), NULL);
		assert_true(reader.tree.arena.held <= 64 * 1024);
	}
}

static void the_longest_array_is_taken_and_a_longer_one_refused(void **state)
{
	(void)state;
	char head[32];
	snprintf(head, sizeof(head), "*%zu\r\n", SEG_REPLY_ELEMENTS_MAX);
	begin();
	assert_int_equal(feed(head, strlen(head), NULL), 0);
	snprintf(head, sizeof(head), "*%zu\r\n", SEG_REPLY_ELEMENTS_MAX + 1);
	begin();
	assert_int_equal(feed(head, strlen(head), NULL), -1);
	assert_non_null(seg_reader_error(&reader));
}

static void arrays_without_end_are_refused_or_waited_for_but_do_not_crash(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 10000; i++)
		if (feed("*1\r\n", 4, NULL))
			break;
	assert_true(reader.tree.arena.held <= 4 * 1024 * 1024);
}

static void the_memory_of_a_large_reply_is_given_back(void **state)
{
	(void)state;
	enum { LARGE = 4 * 1024 * 1024 };
	char *bytes = malloc(LARGE + 32);
	int head = snprintf(bytes, 32, "$%d\r\n", LARGE);
	memset(bytes + head, 'x', LARGE);
	memcpy(bytes + head + LARGE, "\r\n", 2);
	const seg_reply *reply = NULL;
	assert_true(feed_reader(&reader, bytes, (size_t)head + LARGE + 2));
	assert_int_equal(seg_reader_next(&reader, NULL, &reply), 1);
	assert_int_equal(reply->length, LARGE);
	assert_memory_equal(reply->text, bytes + head, LARGE);
	seg_reader_release(&reader);
	assert_true(reader.tree.arena.held <= SEG_TREE_KEEP);
	free(bytes);
}

/* No memory: for a tree of this many bytes or more; and for what hiredis is fed. */
static size_t too_large = SIZE_MAX;
static bool hiredis_starves;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int __real_redisReaderFeed(redisReader *parser, const char *bytes, size_t size);
int __wrap_redisReaderFeed(redisReader *parser, const char *bytes, size_t size);

void *__wrap_malloc(size_t size)
{
	return size >= too_large ? NULL : __real_malloc(size);
}

/* As hiredis does it: hiredis is a library that may be shared, so that its allocations cannot be wrapped. */
int __wrap_redisReaderFeed(redisReader *parser, const char *bytes, size_t size)
{
	if (!hiredis_starves || parser->err)
		return __real_redisReaderFeed(parser, bytes, size);
	parser->err = REDIS_ERR_OOM;
	snprintf(parser->errstr, sizeof(parser->errstr), "Out of memory");
	return REDIS_ERR;
}

static void a_reply_without_memory_is_not_called_another_protocol(void **state)
{
	(void)state;
	begin();
	hiredis_starves = true;
	assert_int_equal(feed("+OK\r\n", 5, NULL), -1);
	hiredis_starves = false;
	assert_null(seg_reader_error(&reader));
	assert_int_equal(feed("+OK\r\n", 5, NULL), -1);
	assert_null(seg_reader_error(&reader));
	begin();
	too_large = 1024 * 1024;
	assert_int_equal(feed("*1000000\r\n", 10, NULL), -1);
	too_large = SIZE_MAX;
	assert_null(seg_reader_error(&reader));
	begin();
	assert_int_equal(feed("?\r\n", 3, NULL), -1);
	hiredis_starves = true;
	assert_int_equal(feed("+OK\r\n", 5, NULL), -1);
	hiredis_starves = false;
	assert_non_null(seg_reader_error(&reader));
}

/* --- conversions of values ----------------------------------------------------------------- */

static const seg_reply *read_one(const char *bytes)
{
	const seg_reply *reply = NULL;
	seg_reader_release(&reader);
	assert_true(feed_reader(&reader, bytes, strlen(bytes)));
	assert_int_equal(seg_reader_next(&reader, NULL, &reply), 1);
	return reply;
}

static void a_number_is_one_also_as_text_and_else_the_other(void **state)
{
	(void)state;
	assert_int_equal(seg_reply_number(read_one(":-7\r\n"), 99), -7);
	assert_int_equal(seg_reply_number(read_one("$2\r\n-7\r\n"), 99), -7);
	const char *none[] = {"$-1\r\n",      "$0\r\n\r\n",
			      "$2\r\n7x\r\n", "$1\r\nx\r\n",
			      "-7\r\n",       "*1\r\n:7\r\n",
			      "+ 7\r\n",      "++7\r\n",
			      "+-\r\n",       "+9223372036854775808\r\n"};
	for (size_t i = 0; i < COUNT(none); i++)
		assert_int_equal(seg_reply_number(read_one(none[i]), 99), 99);
	assert_int_equal(seg_reply_number(NULL, 99), 99);
}

static void a_text_with_a_nul_is_no_number(void **state)
{
	(void)state;
	seg_reply reply = {.type = SEG_REPLY_TEXT, .text = "7\0x", .length = 3};
	assert_int_equal(seg_reply_number(&reply, 99), 99);
}

static void an_id_is_one_only_as_text(void **state)
{
	(void)state;
	seg_id id = {1, 2};
	assert_true(seg_reply_id(read_one("$4\r\n12-3\r\n"), &id));
	assert_int_equal(seg_id_compare(id, (seg_id){12, 3}), 0);
	const char *none[] = {":12\r\n", "-12-3\r\n", "$-1\r\n", "*1\r\n+12-3\r\n", "+12-\r\n"};
	for (size_t i = 0; i < COUNT(none); i++)
		assert_false(seg_reply_id(read_one(none[i]), &id));
	seg_reply cut = {.type = SEG_REPLY_TEXT, .text = "4-5\0x", .length = 5};
	assert_false(seg_reply_id(&cut, &id));
	assert_false(seg_reply_id(NULL, &id));
	assert_int_equal(seg_id_compare(id, (seg_id){12, 3}), 0);
}

static void a_word_is_only_itself(void **state)
{
	(void)state;
	assert_true(seg_reply_is(read_one("+OK\r\n"), "OK"));
	assert_true(seg_reply_is(read_one("$0\r\n\r\n"), ""));
	const char *others[] = {"+OKAY\r\n", "+O\r\n", "-OK\r\n", "+ok\r\n", "$-1\r\n", "*1\r\n+OK\r\n"};
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(seg_reply_is(read_one(others[i]), "OK"));
	assert_false(seg_reply_is(NULL, "OK"));
}

static void reading_past_an_arrays_end_or_into_a_text_gives_nothing(void **state)
{
	(void)state;
	const seg_reply *reply = read_one("*1\r\n:1\r\n");
	assert_non_null(seg_reply_at(reply, 0));
	assert_null(seg_reply_at(reply, 1));
	assert_null(seg_reply_at(reply, SIZE_MAX));
	assert_null(seg_reply_at(read_one("+OK\r\n"), 0));
	assert_null(seg_reply_at(NULL, 0));
}

static void only_errors_that_pass_are_transient(void **state)
{
	(void)state;
	const char *passing[] = {"-NOSCRIPT No matching script\r\n",
				 "-LOADING x\r\n",
				 "-BUSY x\r\n",
				 "-OOM command not allowed\r\n",
				 "-MISCONF x\r\n",
				 "-READONLY x\r\n",
				 "-TRYAGAIN x\r\n",
				 "-CLUSTERDOWN\r\n",
				 "-MASTERDOWN x\r\n",
				 "-NOREPLICAS x\r\n",
				 "-REDIRECT 127.0.0.1:6379\r\n",
				 "-UNBLOCKED x\r\n",
				 "-ERR WAIT cannot be used with replica instances. Please x\r\n"};
	const char *lasting[] = {"-ERR BUSY\r\n", "-BUSYGROUP x\r\n", "-WRONGTYPE x\r\n", "+BUSY\r\n",
				 "-OOMPH\r\n",    "-OO M\r\n",        "- BUSY\r\n",       "-ERR WAIT x\r\n"};
	for (size_t i = 0; i < COUNT(passing); i++)
		assert_true(seg_reply_is_transient(read_one(passing[i])));
	for (size_t i = 0; i < COUNT(lasting); i++)
		assert_false(seg_reply_is_transient(read_one(lasting[i])));
	assert_false(seg_reply_is_transient(NULL));
}

static void a_missing_right_has_an_error_of_its_own(void **state)
{
	(void)state;
	const char *rights[] = {"-NOAUTH Authentication required.\r\n", "-WRONGPASS invalid\r\n",
				"-NOPERM x\r\n",
				"-ERR The user executing the script can't run this command or subcommand\r\n",
				"-ERR AUTH <password> called without any password configured\r\n"};
	const char *others[] = {"-ERR unknown command 'AUTH'\r\n", "-NOAUTHORITY x\r\n", "-WRONGTYPE x\r\n"};
	for (size_t i = 0; i < COUNT(rights); i++)
		assert_int_equal(seg_reply_status(read_one(rights[i])), SEG_EAUTH);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(seg_reply_status(read_one(others[i])), SEG_ESERVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_type_reads_as_what_it_is),
		TEST(values_at_their_limits_are_whole),
		TEST(arrays_in_arrays_keep_their_places),
		TEST(consecutive_replies_come_one_by_one),
		TEST(a_part_of_a_reply_is_no_reply),
		TEST(an_invalid_reply_is_refused_with_a_reason),
		TEST(after_a_refusal_nothing_is_read_until_a_restart),
		TEST(a_restart_forgets_half_a_reply),
		TEST(a_length_alone_takes_no_memory_to_speak_of),
		TEST(the_longest_array_is_taken_and_a_longer_one_refused),
		TEST(arrays_without_end_are_refused_or_waited_for_but_do_not_crash),
		TEST(the_memory_of_a_large_reply_is_given_back),
		TEST(a_reply_without_memory_is_not_called_another_protocol),
		TEST(a_number_is_one_also_as_text_and_else_the_other),
		TEST(a_text_with_a_nul_is_no_number),
		TEST(an_id_is_one_only_as_text),
		TEST(a_word_is_only_itself),
		TEST(reading_past_an_arrays_end_or_into_a_text_gives_nothing),
		TEST(only_errors_that_pass_are_transient),
		TEST(a_missing_right_has_an_error_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
