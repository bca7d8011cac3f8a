/* error.h - writes the sentence of an error. Any thread. */
#ifndef SEG_BASE_ERROR_H
#define SEG_BASE_ERROR_H

#include <segmenter/segmenter.h>

/*
 * Fills error, if it is not NULL, and returns status, for `return seg_fail(...)`. Cuts a text that is too
 * long, and replaces control characters by blanks, and secrets by *** (redact.h).
 */
__attribute__((format(printf, 3, 4))) int seg_fail(seg_error *error, int status, const char *format, ...);

#endif
