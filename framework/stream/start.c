#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <segmenter/segmenter.h>

#include "base/error.h"
#include "stream/spelling.h"

/* Reads exactly `digits` digits, a number within [low, high]. */
static bool read_part(const char **text, int digits, int low, int high, int *value)
{
	int number = 0;
	for (int i = 0; i < digits; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		number = number * 10 + (**text - '0');
	}
	*value = number;
	return number >= low && number <= high;
}

static bool read_mark(const char **text, const char *marks)
{
	if (!**text || !strchr(marks, **text))
		return false;
	(*text)++;
	return true;
}

/* A fraction of a second; digits after the third are ignored. */
static bool read_fraction(const char **text, int *ms)
{
	int weight = 100;
	const char *first = *text;
	*ms = 0;
	for (; **text >= '0' && **text <= '9'; (*text)++, weight /= 10)
		*ms += (**text - '0') * weight;
	return *text > first;
}

/* "Z", or the offset from UTC, in minutes. */
static bool read_zone(const char **text, int *minutes)
{
	int sign = **text == '-' ? -1 : 1, hour, minute;
	*minutes = 0;
	if (read_mark(text, "Zz"))
		return true;
	if (!read_mark(text, "+-") || !read_part(text, 2, 0, 23, &hour) || !read_mark(text, ":") ||
	    !read_part(text, 2, 0, 59, &minute))
		return false;
	*minutes = sign * (hour * 60 + minute);
	return true;
}

/* RFC 3339, from the year 1970 on: "2026-11-23T13:00:00.5+01:00". */
static bool read_time(const char *text, uint64_t *ms)
{
	int year, month, day, hour, minute, second, fraction = 0, zone;
	if (!read_part(&text, 4, 1970, 9999, &year) || !read_mark(&text, "-") ||
	    !read_part(&text, 2, 1, 12, &month) || !read_mark(&text, "-") ||
	    !read_part(&text, 2, 1, 31, &day) || !read_mark(&text, "Tt ") ||
	    !read_part(&text, 2, 0, 23, &hour) || !read_mark(&text, ":") ||
	    !read_part(&text, 2, 0, 59, &minute) || !read_mark(&text, ":") ||
	    !read_part(&text, 2, 0, 60, &second))
		return false;
	if (read_mark(&text, ".") && !read_fraction(&text, &fraction))
		return false;
	if (!read_zone(&text, &zone) || *text)
		return false;

	struct tm date = {.tm_year = year - 1900,
			  .tm_mon = month - 1,
			  .tm_mday = day,
			  .tm_hour = hour,
			  .tm_min = minute};
	/* A leap second, :60, becomes the first second of the next minute. */
	int64_t seconds = timegm(&date) + second - (int64_t)zone * 60;
	/* timegm turns February 30th into March. */
	if (date.tm_mon != month - 1 || seconds < 0)
		return false;
	*ms = (uint64_t)seconds * 1000 + (uint64_t)fraction;
	return true;
}

int seg_start_parse(const char *text, seg_start *start, seg_error *error)
{
	seg_start parsed = {.kind = SEG_START_EARLIEST};
	if (!text)
		return seg_fail(error, SEG_EINVAL,
				"the start is missing; write earliest, latest, an id or a time");
	if (strcmp(text, "earliest") == 0)
		parsed.kind = SEG_START_EARLIEST;
	else if (strcmp(text, "latest") == 0)
		parsed.kind = SEG_START_LATEST;
	else if (seg_id_parse(text, &parsed.id) == 0)
		parsed.kind = SEG_START_AFTER_ID;
	else if (read_time(text, &parsed.id.ms))
		parsed.kind = SEG_START_TIME;
	else
		return seg_fail(
			error, SEG_EINVAL,
			"\"%.80s\" is not a start; write earliest, latest, an id (1700000000000-0) or a time "
			"of UTC, with the Z (2026-11-23T13:00:00Z)",
			text);
	*start = parsed;
	return 0;
}

enum { YEAR_MAX = 9999 };

char *seg_start_format(const seg_start *start, char text[SEG_START_TEXT_MAX])
{
	struct tm date;
	time_t seconds = (time_t)(start->id.ms / 1000);
	switch (start->kind) {
	case SEG_START_EARLIEST:
		snprintf(text, SEG_START_TEXT_MAX, "earliest");
		return text;
	case SEG_START_LATEST:
		snprintf(text, SEG_START_TEXT_MAX, "latest");
		return text;
	case SEG_START_TIME:
		if (!gmtime_r(&seconds, &date) || date.tm_year + 1900 > YEAR_MAX)
			break;
		size_t length = strftime(text, SEG_START_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &date);
		snprintf(text + length, SEG_START_TEXT_MAX - length, ".%03uZ",
			 (unsigned)(start->id.ms % 1000));
		return text;
	case SEG_START_AFTER_ID:
		break;
	}
	return seg_id_format(start->id, text);
}
