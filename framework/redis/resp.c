#include "redis/resp.h"

#include <string.h>

enum { LINE_END = 2 };

/* --- lines ------------------------------------------------------------------------------- */

static bool is_line_end(const char *at)
{
	return at[0] == '\r' && at[1] == '\n';
}

/* The length of the line, without its end; -1: it has not come as a whole. A CR alone is a part of it. */
static ptrdiff_t line_length(const char *line, size_t size)
{
	const char *at = line, *end = line + size;
	while (at < end && (at = memchr(at, '\r', (size_t)(end - at)))) {
		if (at + 1 < end && at[1] == '\n')
			return at - line;
		at++;
	}
	return -1;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits that `line` begins with, of a number below 10^9 that is written as it must be; 0: there is none. */
static size_t short_number(size_t *number, const char *line, size_t size)
{
	enum { MOST = 9 };
	size_t digits = 0, value = 0;
	for (; digits < size && digits < MOST && is_digit(line[digits]); digits++)
		value = value * 10 + (size_t)(line[digits] - '0');
	*number = value;
	return digits > 1 && line[0] == '0' ? 0 : digits;
}

/* Strict: no sign but a minus, no zero in front, no overflow. */
static bool parse_number(const char *text, size_t length, int64_t *number)
{
	bool negative = length > 0 && text[0] == '-';
	size_t at = negative, digits = length - at;
	uint64_t limit = (uint64_t)INT64_MAX + negative, value = 0;
	if (digits == 0 || (text[at] == '0' && length > 1))
		return false;
	for (; at < length; at++) {
		if (!is_digit(text[at]))
			return false;
		uint64_t digit = (uint64_t)(text[at] - '0');
		if (value > (limit - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

/* The bytes of the line that is a number, with its end; 0: it has not come as a whole, or it is `wrong`. Nearly all are short. */
static size_t number_line(seg_resp *value, const char *line, size_t size, const char *wrong)
{
	size_t number, digits = short_number(&number, line, size);
	if (digits > 0 && size - digits >= LINE_END && is_line_end(line + digits)) {
		value->number = (int64_t)number;
		return digits + LINE_END;
	}
	ptrdiff_t length = line_length(line, size);
	if (length < 0)
		return 0;
	if (parse_number(line, (size_t)length, &value->number))
		return (size_t)length + LINE_END;
	value->wrong = wrong;
	return 0;
}

/* --- values; `line` is what follows the type, and the result counts from there -------------- */

static size_t read_text(seg_resp *value, const char *line, size_t size)
{
	size_t head = number_line(value, line, size, "a text's length that is no number");
	if (head == 0)
		return 0;
	if (value->number == -1) {
		value->type = SEG_REPLY_NIL;
		return head;
	}
	if (value->number < 0) {
		value->wrong = "a text's length that is negative";
		return 0;
	}
	size_t length = (size_t)value->number, come = size - head;
	value->length = length;
	if (come < LINE_END || come - LINE_END < length) {
		value->announced = 1 + head;
		return 0;
	}
	if (!is_line_end(line + head + length)) {
		value->wrong = "a text of another length than announced";
		return 0;
	}
	value->text = line + head;
	return head + length + LINE_END;
}

static size_t read_array(seg_resp *value, const char *line, size_t size)
{
	size_t head = number_line(value, line, size, "an array's length that is no number");
	if (head == 0)
		return 0;
	if (value->number == -1)
		value->type = SEG_REPLY_NIL;
	if (value->number >= -1 && value->number <= SEG_RESP_ELEMENTS_MAX)
		return head;
	value->wrong = "an array's length that is out of range";
	return 0;
}

size_t seg_resp_read(seg_resp *value, const char *bytes, size_t size)
{
	*value = (seg_resp){.type = SEG_REPLY_NIL};
	if (size == 0)
		return 0;
	const char *line = bytes + 1;
	size_t taken = 0, rest = size - 1;
	if (bytes[0] == '$') {
		value->type = SEG_REPLY_TEXT;
		taken = read_text(value, line, rest);
	} else if (bytes[0] == '*') {
		value->type = SEG_REPLY_ARRAY;
		taken = read_array(value, line, rest);
	} else {
		value->wrong = "a value that entries do not have";
	}
	return taken ? 1 + taken : 0;
}

/* --- the short way ----------------------------------------------------------------------------- */

size_t seg_resp_read_count(size_t *count, const char *bytes, size_t size)
{
	enum { FRAME = 1 + LINE_END };
	if (size < FRAME + 1 || bytes[0] != '*')
		return 0;
	size_t digits = short_number(count, bytes + 1, size - FRAME);
	return digits > 0 && is_line_end(bytes + 1 + digits) ? FRAME + digits : 0;
}

size_t seg_resp_read_text(const char **text, size_t *length, const char *bytes, size_t size)
{
	enum { FRAME = 1 + LINE_END + LINE_END };
	if (size < FRAME + 1 || bytes[0] != '$')
		return 0;
	size_t number, digits = short_number(&number, bytes + 1, size - FRAME);
	if (digits == 0 || size - FRAME - digits < number)
		return 0;
	const char *at = bytes + 1 + digits;
	if (!is_line_end(at) || !is_line_end(at + LINE_END + number))
		return 0;
	*text = at + LINE_END;
	*length = number;
	return FRAME + digits + number;
}
