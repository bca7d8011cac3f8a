/*
 * test_reply.h - the values that a reader makes of bytes, as one line of text. For test_reply.c and
 * test_reply_entries.c; include it after cmocka.h.
 */
#ifndef TEST_REPLY_H
#define TEST_REPLY_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/feed.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* --- the result of reading, as text --------------------------------------------------------- */

/* Every test writes its trace here; a NUL in a text is written as \0. */
static char trace[8192];
static size_t traced;

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(trace + traced, sizeof(trace) - traced, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < sizeof(trace) - traced);
	traced += (size_t)n;
}

static void put_text(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		text[i] ? put("%c", text[i]) : put("\\0");
}

static void put_reply(const seg_reply *reply)
{
	assert_non_null(reply);
	switch (reply->type) {
	case SEG_REPLY_NIL:
		put("nil");
		return;
	case SEG_REPLY_INTEGER:
		put("%" PRId64, reply->integer);
		return;
	case SEG_REPLY_TEXT:
	case SEG_REPLY_ERROR:
		put(reply->type == SEG_REPLY_TEXT ? "'" : "!'");
		put_text(reply->text, reply->length);
		put("'");
		assert_int_equal(reply->text[reply->length], 0);
		return;
	case SEG_REPLY_ARRAY:
		put("[");
		for (size_t i = 0; i < reply->count; i++) {
			put(i ? " " : "");
			put_reply(seg_reply_at(reply, i));
		}
		put("]");
		return;
	}
	fail_msg("a type that there is not: %d", (int)reply->type);
}

/* --- reading ------------------------------------------------------------------------- */

static seg_reader reader;

static int setup(void **state)
{
	(void)state;
	return seg_reader_init(&reader) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	seg_reader_fini(&reader);
	return 0;
}

/*
 * Reads all complete replies and writes "; " after each. Returns the newest status: 0, or -1 with REFUSED in
 * the trace.
 */
static int read_all(seg_entry_sink *to)
{
	const seg_reply *reply = NULL;
	int status;
	while ((status = seg_reader_next(&reader, to, &reply)) == 1) {
		put_reply(reply);
		put("; ");
		seg_reader_release(&reader);
	}
	if (status < 0)
		put("REFUSED");
	return status;
}

static void begin(void)
{
	assert_true(seg_reader_restart(&reader));
	traced = 0;
	trace[0] = '\0';
}

static int feed(const char *bytes, size_t length, seg_entry_sink *to)
{
	assert_true(feed_reader(&reader, bytes, length));
	return read_all(to);
}

/* Feeds the bytes whole, cut in two anywhere, and byte by byte; each time the trace must be `expected`. */
static void reads(const char *bytes, size_t length, seg_entry_sink *to, const char *expected)
{
	for (size_t cut = 0; cut < length; cut++) {
		begin();
		if (feed(bytes, cut, to) == 0)
			feed(bytes + cut, length - cut, to);
		if (strcmp(trace, expected) != 0)
			fail_msg("cut at %zu: %s, not %s", cut, trace, expected);
	}
	begin();
	for (size_t i = 0; i < length; i++)
		if (feed(bytes + i, 1, to))
			break;
	assert_string_equal(trace, expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
