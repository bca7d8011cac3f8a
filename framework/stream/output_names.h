/* output_names.h - the names of the streams that a handler, or a caller of a pull consumer, may emit to. Any thread. */
#ifndef SEG_OUTPUT_NAMES_H
#define SEG_OUTPUT_NAMES_H

#include <segmenter/segmenter.h>

/* Most streams in a list that is written as text. */
enum { SEG_OUTPUT_NAMES_MAX = 64 };

/*
 * Reads "a, b": *names becomes { "a", "b", NULL }, which one free() frees. A name that is empty or has a character that no stream's
 * name has is refused: SEG_EINVAL or SEG_ENOMEM, with *error, which may be NULL.
 */
int seg_output_names_read(const char *text, char ***names, seg_error *error);

/*
 * Checks names[i] against those before it, and against the stream that is read (NULL: none). SEG_EINVAL with *error, which may
 * be NULL.
 */
int seg_output_names_check(const char *const *names, size_t i, const char *stream, seg_error *error);

#endif
