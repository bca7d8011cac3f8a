/*
 * amount.h - numbers that add up without loss as long as they are integers. Pure; any thread.
 *
 * An amount is an integer of 64 bits, or else a double: a text that is no integer is a double, and so is a sum that does not fit.
 */
#ifndef PLUGINS_WINDOW_AMOUNT_H
#define PLUGINS_WINDOW_AMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct amount {
	bool is_integer;
	int64_t integer;
	double real;
} amount;

enum { AMOUNT_TEXT_MAX = 48 };

/* False unless the text is a finite decimal number, such as 7, -0.5 or 1e3. */
bool amount_read(amount *a, const char *text, size_t length);

void amount_write(const amount *a, char text[AMOUNT_TEXT_MAX]);

amount amount_add(const amount *a, const amount *b);

bool amount_is_less(const amount *a, const amount *b);

#endif
