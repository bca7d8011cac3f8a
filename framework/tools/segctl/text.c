#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#include "base/units.h"
#include "escape.h"
#include "memory.h"

char *ctl_duration_text(double seconds, char text[CTL_TEXT_MAX])
{
	_Static_assert(CTL_TEXT_MAX >= SEG_UNITS_TEXT_MAX, "a duration fits");
	return seg_units_seconds_text(seconds, text);
}

char *ctl_time_text(uint64_t ms, char text[CTL_TEXT_MAX])
{
	struct tm date;
	time_t seconds = (time_t)(ms / 1000);
	/* An id that another client chose may be no valid time. */
	if (ms / 1000 > 253402300799 || !gmtime_r(&seconds, &date)) {
		snprintf(text, CTL_TEXT_MAX, "%" PRIu64 " ms", ms);
		return text;
	}
	size_t length = strftime(text, CTL_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &date);
	snprintf(text + length, CTL_TEXT_MAX - length, ".%03uZ", (unsigned)(ms % 1000));
	return text;
}

char *ctl_count_text(uint64_t count, char text[CTL_TEXT_MAX])
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *to = text;
	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

char *ctl_printable(const void *bytes, size_t length)
{
	const char *from = bytes;
	char *text = ctl_allocate(4 * length + 1, 1), *to = text;
	mbstate_t state = {0};
	while (length > 0) {
		wchar_t c;
		size_t taken = mbrtowc(&c, from, length, &state);
		bool good = taken > 0 && taken <= length && iswprint((wint_t)c) && c != L'\\';
		if (good) {
			memcpy(to, from, taken);
			to += taken;
		} else {
			memset(&state, 0, sizeof(state));
			taken = 1;
			to += sprintf(to, *from == '\\' ? "\\\\" : "\\x%02x", (unsigned char)*from);
		}
		from += taken;
		length -= taken;
	}
	*to = '\0';
	return text;
}

void ctl_say(const char *format, ...)
{
	char fixed[1024], *text = fixed;
	va_list args;
	va_start(args, format);
	int length = vsnprintf(fixed, sizeof(fixed), format, args);
	va_end(args);
	if (length >= (int)sizeof(fixed)) {
		text = ctl_allocate((size_t)length + 1, 1);
		va_start(args, format);
		vsnprintf(text, (size_t)length + 1, format, args);
		va_end(args);
	}
	ctl_escape_write(text, length > 0 ? (size_t)length : 0, true, stdout);
	if (text != fixed)
		free(text);
}

int ctl_text_width(const char *text)
{
	int width = 0;
	mbstate_t state = {0};
	for (size_t left = strlen(text); left > 0;) {
		wchar_t c;
		size_t taken = mbrtowc(&c, text, left, &state);
		if (taken == 0 || taken > left)
			return width + (int)left;
		int columns = wcwidth(c);
		width += columns > 0 ? columns : 0;
		text += taken;
		left -= taken;
	}
	return width;
}

void ctl_text_wrap(const char *text, int column, FILE *out)
{
	size_t width = (size_t)(CTL_TEXT_WIDTH - column);
	for (bool first = true; first || *text; first = false) {
		size_t length = strlen(text);
		if (length > width)
			for (length = width; length > 0 && text[length] != ' '; length--)
				;
		/* A word that is longer than a line. */
		if (length == 0)
			length = strcspn(text, " ");
		fprintf(out, "%*s%.*s\n", first ? 0 : column, "", (int)length, text);
		text += length;
		text += *text == ' ';
	}
}
