/* Replies to XREAD: which become entries, and that a reply of any other shape is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <segmenter/segmenter.h>

#include "test_reply.h"

/* --- a sink that notes every part, and refuses one on request --------------- */

static const char *refused_call; /* "stream", "entry", "text" or NULL */

static bool taken(const char *call)
{
	return !refused_call || strcmp(call, refused_call) != 0;
}

static bool take_stream(seg_entry_sink *sink, const char *key, size_t length)
{
	(void)sink;
	put("{");
	put_text(key, length);
	put("}");
	return taken("stream");
}

static bool take_entry(seg_entry_sink *sink, const char *id, size_t length, int64_t texts)
{
	(void)sink;
	put("(");
	put_text(id, length);
	put(" %" PRId64 ")", texts);
	return taken("entry");
}

static bool take_text(seg_entry_sink *sink, const char *text, size_t length)
{
	(void)sink;
	if (text) {
		put("<");
		put_text(text, length);
		put(">");
	} else {
		put("<%zu left out>", length);
	}
	return taken("text");
}

static seg_entry_sink sink = {.stream = take_stream, .entry = take_entry, .text = take_text};

#define ENTRIES(bytes, expected) reads(bytes, sizeof(bytes) - 1, &sink, expected)

/* --- entries --------------------------------------------------------------------------------- */

#define ID "$3\r\n1-1\r\n"
#define KEY "$1\r\nk\r\n"
/* One stream with one entry, whose parts the argument gives. */
#define ONE "*1\r\n*2\r\n" KEY "*1\r\n*2\r\n"
#define TO_ENTRY "{k}(1-1 "

static void entries_come_stream_by_stream_field_by_field(void **state)
{
	(void)state;
	ENTRIES("*2\r\n"
		"*2\r\n$2\r\nlA\r\n*2\r\n"
		"*2\r\n$3\r\n1-1\r\n*4\r\n$1\r\na\r\n$0\r\n\r\n$1\r\nb\r\n$3\r\n\0\r\n\r\n"
		"*2\r\n$3\r\n1-2\r\n*2\r\n$0\r\n\r\n$1\r\nc\r\n"
		"*2\r\n$2\r\nlB\r\n*1\r\n"
		"*2\r\n$4\r\n10-1\r\n*2\r\n$1\r\nd\r\n$1\r\ne\r\n",
		"{lA}(1-1 4)<a><><b><\\0\r\n>(1-2 2)<><c>{lB}(10-1 2)<d><e>[]; ");
}

static void an_entry_that_was_deleted_meanwhile_has_no_fields(void **state)
{
	(void)state;
	ENTRIES(ONE ID "*-1\r\n", TO_ENTRY "-1)[]; ");
	ENTRIES(ONE ID "$-1\r\n", TO_ENTRY "-1)[]; ");
	ENTRIES(ONE ID "*0\r\n", TO_ENTRY "0)[]; ");
}

static void nothing_new_and_errors_are_ordinary_replies(void **state)
{
	(void)state;
	ENTRIES("*-1\r\n", "nil; ");
	ENTRIES("$-1\r\n", "nil; ");
	ENTRIES("*0\r\n", "[]; ");
	ENTRIES("-UNBLOCKED x\r\n", "!'UNBLOCKED x'; ");
	ENTRIES("+QUEUED\r\n:3\r\n", "'QUEUED'; 3; ");
	ENTRIES("*1\r\n*2\r\n" KEY "*0\r\n", "{k}[]; ");
}

static void a_reply_of_another_shape_is_refused_where_it_differs(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *expected;
	} wrong[] = {
		{"*1\r\n:1\r\n", "REFUSED"},                          /* a stream that is a number */
		{"*1\r\n$1\r\nk\r\n", "REFUSED"},                     /* or a text */
		{"*1\r\n*-1\r\n", "REFUSED"},                         /* or nil */
		{"*1\r\n-ERR x\r\n", "REFUSED"},                      /* or an error */
		{"*1\r\n*1\r\n" KEY, "REFUSED"},                      /* a key alone */
		{"*1\r\n*3\r\n" KEY "*0\r\n*0\r\n", "REFUSED"},       /* or with too much */
		{"*1\r\n*2\r\n:1\r\n", "REFUSED"},                    /* a key that is a number */
		{"*1\r\n*2\r\n*0\r\n", "REFUSED"},                    /* or an array */
		{"*1\r\n*2\r\n$-1\r\n", "REFUSED"},                   /* or nil */
		{"*1\r\n*2\r\n" KEY "$1\r\nx\r\n", "{k}REFUSED"},     /* entries that are a text */
		{"*1\r\n*2\r\n" KEY "*-1\r\n", "{k}REFUSED"},         /* or nil */
		{"*1\r\n*2\r\n" KEY "*1\r\n" ID, "{k}REFUSED"},       /* an entry that is an id alone */
		{"*1\r\n*2\r\n" KEY "*1\r\n*1\r\n" ID, "{k}REFUSED"}, /* in an array, too */
		{"*1\r\n*2\r\n" KEY "*1\r\n*3\r\n" ID "*0\r\n", "{k}REFUSED"}, /* or with too much */
		{"*1\r\n*2\r\n" KEY "*1\r\n*3\r\n" ID "*2\r\n", "{k}REFUSED"}, /* before fields, too */
		{ONE ":1\r\n", "{k}REFUSED"},                                  /* an id that is a number */
		{ONE "*0\r\n", "{k}REFUSED"},                                  /* or an array */
		{ONE "$-1\r\n", "{k}REFUSED"},                                 /* or nil */
		{ONE ID "$1\r\nx\r\n", "{k}REFUSED"},                          /* fields that are a text */
		{ONE ID ":1\r\n", "{k}REFUSED"},                               /* or a number */
		{ONE ID "*1\r\n$1\r\na\r\n", "{k}REFUSED"},                    /* a field without its value */
		{ONE ID "*3\r\n$1\r\na\r\n", "{k}REFUSED"},                    /* or one too many */
		{ONE ID "*2\r\n:1\r\n", TO_ENTRY "2)REFUSED"},                 /* a name that is a number */
		{ONE ID "*2\r\n$1\r\na\r\n$-1\r\n", TO_ENTRY "2)<a>REFUSED"},  /* a value that is nil */
		{ONE ID "*2\r\n$1\r\na\r\n*0\r\n", TO_ENTRY "2)<a>REFUSED"},   /* or an array */
		{ONE ID "*2\r\n$1\r\na\r\n-ERR x\r\n", TO_ENTRY "2)<a>REFUSED"}, /* or an error */
		{"%1\r\n$1\r\nk\r\n*0\r\n", "REFUSED"}, /* a map, as RESP3 would have it */
		{"~1\r\n:1\r\n", "REFUSED"},            /* or a set */
	};
	for (size_t i = 0; i < COUNT(wrong); i++)
		reads(wrong[i].bytes, strlen(wrong[i].bytes), &sink, wrong[i].expected);
}

static void an_id_longer_than_any_id_is_refused(void **state)
{
	(void)state;
	char bytes[256], id[128];
	for (int length = 63; length <= 64; length++) {
		memset(id, '1', sizeof(id));
		id[length] = '\0';
		for (int texts = 0; texts <= 2; texts += 2) {
			int n = snprintf(bytes, sizeof(bytes), ONE "$%d\r\n%s\r\n*%d\r\n", length, id, texts);
			begin();
			assert_int_equal(feed(bytes, (size_t)n, &sink), length == 63 ? 0 : -1);
		}
	}
}

static void whatever_the_sink_refuses_ends_the_reading(void **state)
{
	(void)state;
	const char *calls[] = {"stream", "entry", "text"};
	const char *expected[] = {"{k}REFUSED", TO_ENTRY "4)REFUSED", TO_ENTRY "4)<a>REFUSED"};
	for (size_t i = 0; i < COUNT(calls); i++) {
		refused_call = calls[i];
		ENTRIES(ONE ID "*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n", expected[i]);
	}
	refused_call = NULL;
}

static void entries_and_values_may_follow_each_other(void **state)
{
	(void)state;
	begin();
	feed(ONE ID "*2\r\n$1\r\na\r\n$1\r\nb\r\n", strlen(ONE ID "*2\r\n$1\r\na\r\n$1\r\nb\r\n"), &sink);
	feed("*1\r\n*1\r\n:1\r\n", 12, NULL);
	feed("*-1\r\n", 5, &sink);
	feed(ONE ID "*-1\r\n", strlen(ONE ID "*-1\r\n"), NULL);
	assert_string_equal(trace, TO_ENTRY "2)<a><b>[]; [[1]]; nil; [['k' [['1-1' nil]]]]; ");
}

static void a_text_longer_than_the_sink_takes_is_left_out_and_the_reply_goes_on(void **state)
{
	(void)state;
	static char bytes[8192], expected[4096];
	char text[2048];
	memset(text, 'x', sizeof(text));
	memcpy(text + 6, "\r\n$3\r\n", 6); /* what looks like the protocol is none */
	sink.text_max = 5;
	for (int length = 6; length < 1200; length += length < 120 ? 1 : 173) {
		int n = snprintf(bytes, sizeof(bytes),
				 ONE ID
				 "*4\r\n$5\r\nabcde\r\n$%d\r\n%.*s\r\n$%d\r\n%.*s\r\n$1\r\nz\r\n:7\r\n",
				 length, length, text, length, length, text);
		snprintf(expected, sizeof(expected), TO_ENTRY "4)<abcde><%d left out><%d left out><z>[]; 7; ",
			 length, length);
		reads(bytes, (size_t)n, &sink, expected);
	}
	sink.text_max = 0;
}

static void a_text_that_is_left_out_takes_no_memory(void **state)
{
	(void)state;
	enum { PIECE = 1000, PIECES = 1000 };
	static char piece[PIECE];
	const char *head = ONE ID "*2\r\n$1000000\r\n", *tail = "\r\n$1\r\nb\r\n";
	sink.text_max = 100;
	memset(piece, 'x', sizeof(piece));
	begin();
	feed(head, strlen(head), &sink);
	for (int i = 0; i < PIECES; i++) {
		feed(piece, PIECE, &sink);
		assert_in_range(reader.end, 0, 2 * PIECE);
	}
	feed(tail, strlen(tail), &sink);
	sink.text_max = 0;
	assert_string_equal(trace, TO_ENTRY "2)<1000000 left out><b>[]; ");
}

static void a_key_or_an_id_that_is_too_long_is_refused(void **state)
{
	(void)state;
	sink.text_max = 2;
	ENTRIES("*1\r\n*2\r\n$3\r\nkey\r\n", "REFUSED");
	ENTRIES(ONE "$8\r\n100000-1\r\n*-1\r\n", "{k}REFUSED");
	ENTRIES(ONE "$8\r\n100000-1\r\n*2\r\n", "{k}REFUSED");
	sink.text_max = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entries_come_stream_by_stream_field_by_field),
		TEST(an_entry_that_was_deleted_meanwhile_has_no_fields),
		TEST(nothing_new_and_errors_are_ordinary_replies),
		TEST(a_reply_of_another_shape_is_refused_where_it_differs),
		TEST(an_id_longer_than_any_id_is_refused),
		TEST(whatever_the_sink_refuses_ends_the_reading),
		TEST(entries_and_values_may_follow_each_other),
		TEST(a_text_longer_than_the_sink_takes_is_left_out_and_the_reply_goes_on),
		TEST(a_text_that_is_left_out_takes_no_memory),
		TEST(a_key_or_an_id_that_is_too_long_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
