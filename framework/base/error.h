/* error.h - makes the one sentence for people where the facts are. */
#ifndef SEG_BASE_ERROR_H
#define SEG_BASE_ERROR_H

#include <segmenter/segmenter.h>

/* Fills error (if not NULL) and returns status, for `return seg_fail(...)`. */
__attribute__((format(printf, 3, 4))) int seg_fail(seg_error *error, int status, const char *format, ...);

#endif
