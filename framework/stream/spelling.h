/*
 * spelling.h - how the values of a stream's and a consumer's options are written, in Redis, in configuration
 * files and on command lines. Each name is spelled here and nowhere else. Pure; any thread.
 */
#ifndef SEG_STREAM_SPELLING_H
#define SEG_STREAM_SPELLING_H

#include <stddef.h>

#include <segmenter/segmenter.h>

/* The names of an enum's values. The index is the value, and NULL ends the table. */
extern const char *const seg_overflow_names[];     /* of seg_overflow */
extern const char *const seg_packing_names[];      /* of seg_packing */
extern const char *const seg_codec_names[];        /* of seg_codec */
extern const char *const seg_dead_letters_names[]; /* of seg_dead_letters */

/* The name of a value; NULL if the table has no such value. Static text. */
const char *seg_spelling_name(const char *const *names, int value);

/* The value whose name has exactly these `length` bytes; -1 if the table has no such name. */
int seg_spelling_value(const char *const *names, const char *text, size_t length);

static inline const char *seg_overflow_name(seg_overflow overflow)
{
	return seg_overflow_names[overflow];
}

/* Room for the text of any start. */
#define SEG_START_TEXT_MAX 64

/*
 * Writes a start as seg_start_parse reads it: "earliest", "latest", an id, or a time in UTC with
 * milliseconds. A time after the year 9999 is written as the id {ms, 0}: a time of more than four digits of
 * year cannot be parsed. Returns text.
 */
char *seg_start_format(const seg_start *start, char text[SEG_START_TEXT_MAX]);

#endif
