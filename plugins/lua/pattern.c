#include "pattern.h"

#include <ctype.h>
#include <string.h>

/* As in Lua: how deep it nests, and how many captures there are. */
enum { DEPTH_MAX = 200, CAPTURES_MAX = 32, OPEN = -1, POSITION = -2 };

typedef struct matcher {
	const char *text, *end, *pattern_end;
	uint64_t steps, most;
	bool stopped; /* too many steps, or Lua refuses the pattern */
	int depth, level;
	struct {
		const char *from;
		ptrdiff_t length; /* or OPEN, or POSITION */
	} captures[CAPTURES_MAX];
} matcher;

static const char *match(matcher *m, const char *s, const char *p);

static const char *stop(matcher *m)
{
	m->stopped = true;
	return NULL;
}

static bool step(matcher *m, uint64_t count)
{
	m->steps += count;
	if (m->steps > m->most)
		m->stopped = true;
	return !m->stopped;
}

/* --- one character ------------------------------------------------------------------------- */

/* The end of the class at p: a character, %x, or a set. NULL if it is malformed. */
static const char *class_end(matcher *m, const char *p)
{
	char first = *p++;
	if (first == '%')
		return p == m->pattern_end ? stop(m) : p + 1;
	if (first != '[')
		return p;
	if (*p == '^')
		p++;
	do {
		if (p >= m->pattern_end)
			return stop(m);
		if (*p++ == '%' && p < m->pattern_end)
			p++;
	} while (*p != ']' || p >= m->pattern_end);
	return p + 1;
}

static bool is_in_class(int c, int class)
{
	int result;
	switch (tolower(class)) {
	case 'a':
		result = isalpha(c);
		break;
	case 'c':
		result = iscntrl(c);
		break;
	case 'd':
		result = isdigit(c);
		break;
	case 'g':
		result = isgraph(c);
		break;
	case 'l':
		result = islower(c);
		break;
	case 'p':
		result = ispunct(c);
		break;
	case 's':
		result = isspace(c);
		break;
	case 'u':
		result = isupper(c);
		break;
	case 'w':
		result = isalnum(c);
		break;
	case 'x':
		result = isxdigit(c);
		break;
	default:
		return class == c;
	}
	return isupper(class) ? !result : result != 0;
}

/* Whether c is in the set from the '[' at p to the ']' at last. */
static bool is_in_set(int c, const char *p, const char *last)
{
	bool in = true;
	if (p[1] == '^') {
		in = false;
		p++;
	}
	while (++p < last) {
		if (*p == '%') {
			p++;
			if (is_in_class(c, (unsigned char)*p))
				return in;
		} else if (p[1] == '-' && p + 2 < last) {
			p += 2;
			if ((unsigned char)p[-2] <= c && c <= (unsigned char)*p)
				return in;
		} else if ((unsigned char)*p == c) {
			return in;
		}
	}
	return !in;
}

static bool matches_one(matcher *m, const char *s, const char *p, const char *class_stop)
{
	if (s >= m->end || !step(m, 1 + (uint64_t)(class_stop - p) / 8))
		return false;
	int c = (unsigned char)*s;
	switch (*p) {
	case '.':
		return true;
	case '%':
		return is_in_class(c, (unsigned char)p[1]);
	case '[':
		return is_in_set(c, p, class_stop - 1);
	default:
		return (unsigned char)*p == c;
	}
}

/* --- what stands for several --------------------------------------------------------------------- */

/* %bxy */
static const char *match_balance(matcher *m, const char *s, const char *p)
{
	if (p + 1 >= m->pattern_end)
		return stop(m);
	if (s >= m->end || *s != p[0])
		return NULL;
	int depth = 1;
	while (++s < m->end && step(m, 1)) {
		if (*s == p[1]) {
			if (--depth == 0)
				return s + 1;
		} else if (*s == p[0]) {
			depth++;
		}
	}
	return NULL;
}

/* As many as there are, then fewer. */
static const char *match_most(matcher *m, const char *s, const char *p, const char *class_stop)
{
	ptrdiff_t count = 0;
	while (matches_one(m, s + count, p, class_stop))
		count++;
	for (; count >= 0 && !m->stopped; count--) {
		const char *end = match(m, s + count, class_stop + 1);
		if (end)
			return end;
	}
	return NULL;
}

/* As few as there may be, then more. */
static const char *match_fewest(matcher *m, const char *s, const char *p, const char *class_stop)
{
	for (;;) {
		const char *end = match(m, s, class_stop + 1);
		if (end || m->stopped || !matches_one(m, s, p, class_stop))
			return end;
		s++;
	}
}

/* --- captures --------------------------------------------------------------------------------------- */

static const char *open_capture(matcher *m, const char *s, const char *p, int what)
{
	if (m->level >= CAPTURES_MAX)
		return stop(m);
	m->captures[m->level].from = s;
	m->captures[m->level].length = what;
	m->level++;
	const char *end = match(m, s, p);
	if (!end)
		m->level--;
	return end;
}

static const char *close_capture(matcher *m, const char *s, const char *p)
{
	int i = m->level - 1;
	while (i >= 0 && m->captures[i].length != OPEN)
		i--;
	if (i < 0)
		return stop(m);
	m->captures[i].length = s - m->captures[i].from;
	const char *end = match(m, s, p);
	if (!end)
		m->captures[i].length = OPEN;
	return end;
}

/* %1 */
static const char *match_capture(matcher *m, const char *s, int digit)
{
	int i = digit - '1';
	if (i < 0 || i >= m->level || m->captures[i].length == OPEN)
		return stop(m);
	ptrdiff_t length = m->captures[i].length;
	if (length < 0) /* a position: Lua compares no bytes, and what it does then is not worth counting */
		return NULL;
	if (!step(m, 1 + (uint64_t)length / 8) || m->end - s < length ||
	    memcmp(m->captures[i].from, s, (size_t)length) != 0)
		return NULL;
	return s + length;
}

/* --- the pattern -------------------------------------------------------------------------------------- */

/* %f[set] */
static bool is_frontier(matcher *m, const char *s, const char *p, const char **rest)
{
	if (*p != '[' || !(*rest = class_end(m, p))) {
		stop(m);
		return false;
	}
	int before = s == m->text ? 0 : (unsigned char)s[-1], here = s < m->end ? (unsigned char)*s : 0;
	return !is_in_set(before, p, *rest - 1) && is_in_set(here, p, *rest - 1);
}

/* A class with what follows it. Returns whether to go on at *s and *p; else *result is the end. */
static bool match_item(matcher *m, const char **s, const char **p, const char **result)
{
	const char *after = class_end(m, *p);
	*result = NULL;
	if (!after)
		return false;
	char how = after < m->pattern_end ? *after : '\0';
	switch (how) {
	case '?':
		if (matches_one(m, *s, *p, after) && (*result = match(m, *s + 1, after + 1)))
			return false;
		*p = after + 1;
		return true;
	case '+':
		if (matches_one(m, *s, *p, after))
			*result = match_most(m, *s + 1, *p, after);
		return false;
	case '*':
		*result = match_most(m, *s, *p, after);
		return false;
	case '-':
		*result = match_fewest(m, *s, *p, after);
		return false;
	default:
		if (!matches_one(m, *s, *p, after))
			return false;
		*s += 1;
		*p = after;
		return true;
	}
}

/* %b, %f and %1. Returns whether it is one of them; then *s is where to go on, or NULL. */
static bool match_special(matcher *m, const char **s, const char **p)
{
	const char *rest;
	if (**p != '%' || *p + 1 >= m->pattern_end)
		return false;
	char kind = (*p)[1];
	if (kind == 'b') {
		*s = match_balance(m, *s, *p + 2);
		*p += 4;
	} else if (kind == 'f') {
		*s = is_frontier(m, *s, *p + 2, &rest) ? *s : NULL;
		if (*s)
			*p = rest;
	} else if (isdigit((unsigned char)kind)) {
		*s = match_capture(m, *s, kind);
		*p += 2;
	} else {
		return false;
	}
	return true;
}

static const char *match_on(matcher *m, const char *s, const char *p)
{
	const char *result;
	while (s && p < m->pattern_end && step(m, 1)) {
		if (*p == '(')
			return p[1] == ')' ? open_capture(m, s, p + 2, POSITION)
					   : open_capture(m, s, p + 1, OPEN);
		if (*p == ')')
			return close_capture(m, s, p + 1);
		if (*p == '$' && p + 1 == m->pattern_end)
			return s == m->end ? s : NULL;
		if (!match_special(m, &s, &p) && !match_item(m, &s, &p, &result))
			return result;
	}
	return m->stopped ? NULL : s;
}

static const char *match(matcher *m, const char *s, const char *p)
{
	if (++m->depth > DEPTH_MAX)
		stop(m);
	const char *end = m->stopped ? NULL : match_on(m, s, p);
	m->depth--;
	return end;
}

uint64_t pattern_steps(const pattern_search *search, uint64_t most)
{
	matcher m = {.text = search->text,
		     .end = search->text + search->length,
		     .pattern_end = search->pattern + search->pattern_length,
		     .most = most};
	const char *s = search->text + search->from, *last = NULL;
	bool anchored = search->anchor && search->pattern_length > 0 && search->pattern[0] == '^';
	for (uint64_t found = 0; found < search->matches && step(&m, 1);) {
		m.level = 0;
		const char *end = match(&m, s, search->pattern + anchored);
		if (end && end != last) {
			found++;
			s = last = end;
		} else if (s < m.end) {
			s++;
		} else {
			break;
		}
		if (anchored)
			break;
	}
	return m.steps;
}
