#include "base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

enum { UNITS_MAX = 9 };

typedef struct unit {
	const char *name;
	int64_t factor;
	const char *misspellings; /* other spellings, each between blanks: not accepted, but hinted at */
} unit;

typedef struct quantity {
	const char *noun;
	const char *example;
	const char *names;
	unit units[UNITS_MAX + 1]; /* the last has no name */
} quantity;

#define SECOND INT64_C(1000000000)

static const quantity duration = {
	.noun = "duration",
	.example = "500ms, 10s or 5min",
	.names = "ns us ms s min h d",
	.units =
		{
			{"ns", 1, " nsec NS "},
			{"us", 1000, " usec µs μs US "},
			{"ms", 1000000, " msec millis milliseconds MS "},
			{"s", SECOND, " sec secs second seconds S "},
			{"min", 60 * SECOND, " m mins minute minutes MIN "},
			{"h", 3600 * SECOND, " hr hrs hour hours H "},
			{"d", 86400 * SECOND, " day days D "},
		},
};

static const quantity size = {
	.noun = "size",
	.example = "512B, 64KiB or 4MiB",
	.names = "B KiB MiB GiB TiB KB MB GB TB",
	.units =
		{
			{"B", 1, " b byte bytes Byte Bytes "},
			{"KiB", INT64_C(1) << 10, " k K kib Ki KIB kiB "},
			{"MiB", INT64_C(1) << 20, " m M mib Mi MIB miB "},
			{"GiB", INT64_C(1) << 30, " g G gib Gi GIB giB "},
			{"TiB", INT64_C(1) << 40, " t T tib Ti TIB tiB "},
			{"KB", 1000, " kb kB Kb "},
			{"MB", 1000000, " mb mB Mb "},
			{"GB", INT64_C(1000000000), " gb gB Gb "},
			{"TB", INT64_C(1000000000000), " tb tB Tb "},
		},
};

/* How an error repeats the text: a long one is cut. */
#define SHOWN "%.60s"

/*
 * Reads digits, possibly grouped by single `_`, into *value, and moves *text after them. `scale`, if not
 * NULL, becomes 10 to the number of digits. 0; 1 if there are no digits or a stray `_`; 2 if they overflow.
 */
static int read_digits(const char **text, int64_t *value, int64_t *scale)
{
	const char *c = *text;
	*value = 0;
	if (scale)
		*scale = 1;
	if (!isdigit((unsigned char)*c))
		return 1;
	for (;; c++) {
		if (*c == '_' && isdigit((unsigned char)c[1]))
			c++;
		if (!isdigit((unsigned char)*c))
			break;
		if (__builtin_mul_overflow(*value, (int64_t)10, value) ||
		    __builtin_add_overflow(*value, (int64_t)(*c - '0'), value))
			return 2;
		if (scale && __builtin_mul_overflow(*scale, (int64_t)10, scale))
			return 2;
	}
	*text = c;
	return 0;
}

static const unit *find_unit(const quantity *kind, const char *name)
{
	for (const unit *u = kind->units; u->name; u++)
		if (strcmp(u->name, name) == 0)
			return u;
	return NULL;
}

static int fail_unit(const quantity *kind, const char *text, const char *name, seg_error *error)
{
	char misspelling[16];
	int n = snprintf(misspelling, sizeof(misspelling), " %s ", name);
	for (const unit *u = kind->units; n < (int)sizeof(misspelling) && u->name; u++)
		if (strstr(u->misspellings, misspelling))
			return seg_fail(error, SEG_EINVAL,
					"\"" SHOWN "\" has the unknown unit \"%s\"; did you mean \"%s\"?",
					text, name, u->name);
	return seg_fail(error, SEG_EINVAL, "\"" SHOWN "\" has the unknown unit \"%.20s\"; write one of %s",
			text, name, kind->names);
}

static int fail_size(const quantity *kind, const char *text, seg_error *error)
{
	return seg_fail(error, SEG_EINVAL, "\"" SHOWN "\" is too large for a %s; write a smaller one", text,
			kind->noun);
}

/* whole + part / scale, in the unit, as a number of the smallest units. */
static int scale_quantity(const quantity *kind, const char *text, const unit *found, int64_t whole,
			  int64_t part, int64_t scale, int64_t *value, seg_error *error)
{
	if (__builtin_mul_overflow(whole, found->factor, &whole) ||
	    __builtin_mul_overflow(part, found->factor, &part))
		return fail_size(kind, text, error);
	if (part % scale)
		return seg_fail(error, SEG_EINVAL,
				"\"" SHOWN "\" is not a whole number of %s; write fewer decimals", text,
				kind->units[0].name);
	if (__builtin_add_overflow(whole, part / scale, value))
		return fail_size(kind, text, error);
	return 0;
}

static int parse_quantity(const quantity *kind, const char *text, int64_t *value, seg_error *error)
{
	const char *c = text;
	int64_t whole, part = 0, scale = 1;
	if (*c == '-' && isdigit((unsigned char)c[1]))
		return seg_fail(error, SEG_EINVAL, "\"" SHOWN "\" is negative; a %s is 0 or more", text,
				kind->noun);
	int bad = read_digits(&c, &whole, NULL);
	if (!bad && *c == '.') {
		c++;
		bad = read_digits(&c, &part, &scale);
	}
	if (bad == 2)
		return fail_size(kind, text, error);
	if (bad)
		return seg_fail(error, SEG_EINVAL,
				"\"" SHOWN "\" is not a %s; write a number and a unit, such as %s", text,
				kind->noun, kind->example);
	while (*c == ' ' || *c == '\t')
		c++;
	if (!*c && (whole != 0 || part != 0))
		return seg_fail(error, SEG_EINVAL, "\"" SHOWN "\" has no unit; write one of %s after it",
				text, kind->names);
	const unit *found = *c ? find_unit(kind, c) : &kind->units[0];
	if (!found)
		return fail_unit(kind, text, c, error);
	return scale_quantity(kind, text, found, whole, part, scale, value, error);
}

int seg_units_duration(const char *text, int64_t *ns, seg_error *error)
{
	return parse_quantity(&duration, text, ns, error);
}

int seg_units_size(const char *text, int64_t *bytes, seg_error *error)
{
	return parse_quantity(&size, text, bytes, error);
}

int seg_units_integer(const char *text, int64_t *value, seg_error *error)
{
	const char *c = text + (*text == '-' || *text == '+');
	int64_t number;
	int bad = read_digits(&c, &number, NULL);
	if (bad == 2)
		return seg_fail(error, SEG_EINVAL,
				"\"" SHOWN "\" is too large for a number; write a smaller one", text);
	if (bad || *c)
		return seg_fail(error, SEG_EINVAL,
				"\"" SHOWN
				"\" is not a whole number; write digits only, such as 1000 or 1_000",
				text);
	*value = *text == '-' ? -number : number;
	return 0;
}

int seg_units_integer_or_size(const char *text, int64_t *value, seg_error *error)
{
	size_t length = strlen(text);
	if (length && isalpha((unsigned char)text[length - 1]) && isdigit((unsigned char)text[0]))
		return seg_units_size(text, value, error);
	return seg_units_integer(text, value, error);
}

int seg_units_boolean(const char *text, bool *value, seg_error *error)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) != 0)
			continue;
		*value = i % 2;
		return 0;
	}
	return seg_fail(error, SEG_EINVAL, "\"" SHOWN "\" is not a boolean; write yes or no", text);
}

/* Uses the largest of the first `limit` units that divides the value. */
static char *format_quantity(const quantity *kind, size_t limit, int64_t value, char *text)
{
	const unit *best = &kind->units[0];
	for (size_t i = 0; i < limit && kind->units[i].name; i++)
		if (value != 0 && value % kind->units[i].factor == 0)
			best = &kind->units[i];
	if (value == 0)
		snprintf(text, SEG_UNITS_TEXT_MAX, "0");
	else
		snprintf(text, SEG_UNITS_TEXT_MAX, "%" PRId64 "%s", value / best->factor, best->name);
	return text;
}

char *seg_units_seconds_text(double seconds, char text[SEG_UNITS_TEXT_MAX])
{
	uint64_t whole = seconds < 1e15 ? (uint64_t)(seconds + 0.5) : 1000000000000000;
	uint64_t minutes = whole / 60, hours = whole / 3600, days = whole / 86400;
	if (seconds < 10)
		snprintf(text, SEG_UNITS_TEXT_MAX, "%.*f s", seconds > 0, seconds);
	else if (whole < 120)
		snprintf(text, SEG_UNITS_TEXT_MAX, "%" PRIu64 " s", whole);
	else if (minutes < 60)
		snprintf(text, SEG_UNITS_TEXT_MAX, "%" PRIu64 " min", minutes);
	else if (hours < 24)
		snprintf(text, SEG_UNITS_TEXT_MAX, "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
	else
		snprintf(text, SEG_UNITS_TEXT_MAX, "%" PRIu64 " d %" PRIu64 " h", days, hours % 24);
	return text;
}

char *seg_units_duration_format(int64_t ns, char text[SEG_UNITS_TEXT_MAX])
{
	return format_quantity(&duration, UNITS_MAX, ns, text);
}

char *seg_units_size_format(int64_t bytes, char text[SEG_UNITS_TEXT_MAX])
{
	return format_quantity(&size, 5, bytes, text); /* powers of 1024 only */
}

enum { WORD_MAX = 64 };

/*
 * The number of edits from a to b; a swap of two neighbours is one edit (optimal string alignment distance).
 */
static size_t distance(const char *a, size_t m, const char *b, size_t n)
{
	size_t rows[3][WORD_MAX + 1];
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
			size_t best = above[j - 1] + (x != y);
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]) && above2[j - 2] + 1 < best)
				best = above2[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[m % 3][n];
}

const char *seg_suggest(const char *word, const char *const *candidates, size_t count)
{
	size_t length = strnlen(word, WORD_MAX + 1);
	if (length < 2 || length > WORD_MAX)
		return NULL;
	size_t limit = length < 6 ? 1 : length / 3;
	const char *best = NULL;
	for (size_t i = 0; i < count; i++) {
		size_t n = strnlen(candidates[i], WORD_MAX + 1);
		if (n > WORD_MAX)
			continue;
		size_t edits = distance(word, length, candidates[i], n);
		if (edits > limit)
			continue;
		best = candidates[i];
		limit = edits ? edits - 1 : 0;
		if (edits == 0)
			break;
	}
	return best;
}
