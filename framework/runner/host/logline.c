#include "host/logline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/clock.h"
#include "config/options.h"

enum { TEXT_MAX = 2048, NAME_MAX_BYTES = 128, ESCAPED_MAX = 4 * TEXT_MAX + 1, TIME_MAX = 32 };

/* As wide as the longest, so that the messages begin in one column. */
static const char *const padded_names[] = {
	[SEG_LOG_DEBUG] = "DEBUG  ",
	[SEG_LOG_INFO] = "INFO   ",
	[SEG_LOG_WARNING] = "WARNING",
	[SEG_LOG_ERROR] = "ERROR  ",
};

static int known_level(int level)
{
	return level < SEG_LOG_DEBUG ? SEG_LOG_DEBUG : level > SEG_LOG_ERROR ? SEG_LOG_ERROR : level;
}

/* --- text that is safe to show -------------------------------------------------- */

/* How many bytes a UTF-8 character has that begins with this byte; 0 if none begins so. */
static size_t utf8_announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* How many bytes the UTF-8 character at c has, or 0 if there is none. A NUL ends the text. */
static size_t utf8_length(const unsigned char *c)
{
	size_t length = utf8_announced(c[0]);
	for (size_t i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
	bool surrogate = c[0] == 0xed && c[1] > 0x9f;
	bool too_high = c[0] == 0xf4 && c[1] > 0x8f;
	return overlong || surrogate || too_high ? 0 : length;
}

/* C0, DEL, and C1 (as UTF-8): terminals obey all three. */
static bool is_control(const unsigned char *c)
{
	return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

/*
 * Copies up to `max` bytes of text as UTF-8. Writes control characters, and bytes that are not UTF-8, as \xHH. out has
 * room for 4 * max + 1.
 */
static char *escape(const char *text, size_t max, char *out)
{
	char *end = out;
	const unsigned char *c = (const unsigned char *)text, *stop = c + strnlen(text, max);
	while (c < stop) {
		size_t length = utf8_length(c);
		if (length == 0 || is_control(c)) {
			end += sprintf(end, "\\x%02x", *c);
			/*
			 * The second byte of a C1 character is no character of its own, and is escaped in its
			 * turn.
			 */
			c++;
			continue;
		}
		if (c + length > stop)
			break;
		memcpy(end, c, length);
		end += length;
		c += length;
	}
	*end = '\0';
	return out;
}

static void format_time(char text[TIME_MAX])
{
	int64_t now = seg_wall_clock();
	time_t seconds = (time_t)(now / SEG_SECOND);
	struct tm utc;
	gmtime_r(&seconds, &utc);
	size_t length = strftime(text, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, TIME_MAX - length, ".%03dZ", (int)(now % SEG_SECOND / SEG_MS));
}

/* --- lines: each function returns the length, newline included, or 0 if memory ran out --- */

__attribute__((format(printf, 3, 4))) static void append(char *line, size_t *length, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	*length += (size_t)vsnprintf(line + *length, SEG_LOGLINE_MAX - *length, format, args);
	va_end(args);
}

static size_t make_text(char line[SEG_LOGLINE_MAX], const char *text, const seg_log_event *event)
{
	char when[TIME_MAX], name[4 * NAME_MAX_BYTES + 1];
	size_t length = 0;
	format_time(when);
	append(line, &length, "%s %s %s", when, padded_names[known_level(event->level)], text);
	if (event->stream)
		append(line, &length, " stream=%s", escape(event->stream, NAME_MAX_BYTES, name));
	if (event->group)
		append(line, &length, " group=%s", escape(event->group, NAME_MAX_BYTES, name));
	if (event->partition >= 0)
		append(line, &length, " partition=%" PRId64, event->partition);
	if (event->epoch)
		append(line, &length, " epoch=%" PRIu64, event->epoch);
	append(line, &length, "\n");
	return length;
}

/* Names are escaped first: jansson takes only UTF-8. */
static json_t *make_object(const char *text, const seg_log_event *event)
{
	char when[TIME_MAX], name[4 * NAME_MAX_BYTES + 1];
	format_time(when);
	json_t *object = json_pack("{ssssss}", "time", when, "level",
				   seg_log_level_names[known_level(event->level)], "message", text);
	if (!object)
		return NULL;
	if (event->stream)
		json_object_set_new(object, "stream",
				    json_string(escape(event->stream, NAME_MAX_BYTES, name)));
	if (event->group)
		json_object_set_new(object, "group", json_string(escape(event->group, NAME_MAX_BYTES, name)));
	if (event->partition >= 0)
		json_object_set_new(object, "partition", json_integer(event->partition));
	if (event->epoch)
		json_object_set_new(object, "epoch", json_integer((json_int_t)event->epoch));
	return object;
}

static size_t make_json(char line[SEG_LOGLINE_MAX], const char *text, const seg_log_event *event)
{
	json_t *object = make_object(text, event);
	size_t length = object ? json_dumpb(object, line, SEG_LOGLINE_MAX - 1, JSON_COMPACT) : 0;
	json_decref(object);
	if (length == 0 || length > SEG_LOGLINE_MAX - 1)
		return 0;
	line[length] = '\n';
	return length + 1;
}

size_t seg_logline_make(char line[SEG_LOGLINE_MAX], seg_logfile_format format, const seg_log_event *event)
{
	char text[ESCAPED_MAX];
	escape(event->text, TEXT_MAX, text);
	switch (format) {
	case SEG_LOGFILE_TEXT:
		return make_text(line, text, event);
	case SEG_LOGFILE_JSON:
		return make_json(line, text, event);
	}
	return 0;
}

/* --- the last line: nothing here may lock or allocate ------------------------------------------------------- */

static char *add(char *end, const char *text)
{
	for (size_t i = 0; i < 1024 && text[i]; i++)
		*end++ = text[i];
	return end;
}

static char *add_number(char *end, unsigned number, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; number /= 10)
		end[i] = (char)('0' + number % 10);
	return end + digits;
}

/*
 * gmtime_r takes a lock. Days to a date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days; the year
 * begins in March, so that a leap day is its last.
 */
static char *add_time(char *end)
{
	int64_t ms = seg_wall_clock() / SEG_MS;
	unsigned days = (unsigned)(ms / 86400000) + 719468, in_day = (unsigned)(ms % 86400000);
	unsigned era = days / 146097, of_era = days % 146097;
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
	unsigned day = of_year - (153 * month + 2) / 5 + 1;
	end = add_number(end, year + era * 400 + (month >= 10), 4);
	end = add_number(add(end, "-"), month < 10 ? month + 3 : month - 9, 2);
	end = add_number(add(end, "-"), day, 2);
	end = add_number(add(end, "T"), in_day / 3600000, 2);
	end = add_number(add(end, ":"), in_day / 60000 % 60, 2);
	end = add_number(add(end, ":"), in_day / 1000 % 60, 2);
	end = add_number(add(end, "."), in_day % 1000, 3);
	return add(end, "Z");
}

size_t seg_logline_make_last(char line[SEG_LOGLINE_MAX], seg_logfile_format format, const char *text)
{
	bool json = format == SEG_LOGFILE_JSON;
	char *end = add_time(add(line, json ? "{\"time\":\"" : ""));
	end = add(end, json ? "\",\"level\":\"error\",\"message\":\"" : " ERROR   ");
	end = add(end, text);
	end = add(end, json ? "\"}\n" : "\n");
	return (size_t)(end - line);
}
