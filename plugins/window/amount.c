#include "amount.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double real_of(const amount *a)
{
	return a->is_integer ? (double)a->integer : a->real;
}

static amount of_real(double real)
{
	return (amount){.real = real};
}

bool amount_read(amount *a, const char *text, size_t length)
{
	char copy[AMOUNT_TEXT_MAX], *end;
	if (length == 0 || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	/* Not what else strtod takes: blanks, hexadecimal digits, inf and nan. */
	if (strspn(copy, "0123456789+-.eE") != length)
		return false;
	errno = 0;
	*a = (amount){.is_integer = true, .integer = strtoll(copy, &end, 10)};
	if (*end == '\0' && errno == 0)
		return true;
	*a = of_real(strtod(copy, &end));
	return end != copy && *end == '\0' && isfinite(a->real);
}

void amount_write(const amount *a, char text[AMOUNT_TEXT_MAX])
{
	if (a->is_integer) {
		snprintf(text, AMOUNT_TEXT_MAX, "%" PRId64, a->integer);
		return;
	}
	/* The shortest text that reads back the same. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, AMOUNT_TEXT_MAX, "%.*g", digits, a->real);
		if (strtod(text, NULL) == a->real)
			return;
	}
}

amount amount_add(const amount *a, const amount *b)
{
	amount sum = {.is_integer = true};
	if (a->is_integer && b->is_integer && !__builtin_add_overflow(a->integer, b->integer, &sum.integer))
		return sum;
	double real = real_of(a) + real_of(b);
	/* JSON has no infinity. */
	return of_real(isfinite(real) ? real : copysign(1.7976931348623157e308, real));
}

bool amount_is_less(const amount *a, const amount *b)
{
	if (a->is_integer && b->is_integer)
		return a->integer < b->integer;
	return real_of(a) < real_of(b);
}
