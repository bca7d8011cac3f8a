/*
 * whole_number.h - whole numbers in texts that other programs wrote: digits and nothing else, where strtoull takes blanks and
 * signs, too, and reads 0 in a text without any. In the header, because the parser of a log's entries reads two for each. Pure;
 * any thread.
 */
#ifndef SEG_BASE_WHOLE_NUMBER_H
#define SEG_BASE_WHOLE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Reads the digits that the text at *text begins with, which ends before `end`, and moves *text behind them. False: there are none,
 * or they are beyond 64 bits.
 */
static inline bool seg_whole_number_read(const char **text, const char *end, uint64_t *number)
{
	enum { DIGITS_SAFE = 19 }; /* so many digits always fit into 64 bits */
	const char *at = *text, *safe = end - at > DIGITS_SAFE ? at + DIGITS_SAFE : end;
	uint64_t n = 0;
	for (; at < safe && (unsigned char)(*at - '0') <= 9; at++)
		n = n * 10 + (unsigned char)(*at - '0');
	for (; at < end && (unsigned char)(*at - '0') <= 9; at++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (unsigned char)(*at - '0'), &n))
			return false;
	bool any = at > *text;
	*text = at;
	*number = n;
	return any;
}

/* Whether the whole text is such a number. */
static inline bool seg_whole_number_parse(const char *text, uint64_t *number)
{
	const char *end = text + strlen(text);
	return seg_whole_number_read(&text, end, number) && text == end;
}

#endif
