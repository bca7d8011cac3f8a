/*
 * units.h - values as people write them: 500ms, 64KiB, 1_000_000, yes. Pure; any thread.
 *
 * A number is decimal digits, grouped by single `_` if one likes. Durations and sizes may have a fraction
 * ("1.5s"), blanks before the unit ("10 s"), and must have a unit unless they are 0: a bare "10" is refused
 * rather than guessed at. Units are case-sensitive, since mB, MB and Mb mean different things.
 *
 *     duration   ns us ms s min h d
 *     size       B KiB MiB GiB TiB (powers of 1024), KB MB GB TB (powers of 1000)
 *     boolean    yes no true false on off 1 0, in any case
 *
 * The parsers take the whole text, return 0 and the value, or SEG_EINVAL and in error->text what
 * was expected, without saying where: `"10" has no unit; write 10s, 10ms, ...`. error may be NULL.
 */
#ifndef SEG_BASE_UNITS_H
#define SEG_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

/* Nanoseconds, never negative; finer than 1 ns, or over 292 years, is an error. */
int seg_units_duration(const char *text, int64_t *ns, seg_error *error);

/* Bytes, never negative; part of a byte, or over 2^63 - 1, is an error. */
int seg_units_size(const char *text, int64_t *bytes, seg_error *error);

/* A whole number, with an optional sign; no unit. */
int seg_units_integer(const char *text, int64_t *value, seg_error *error);

/* An integer or a size, as a plugin's SEG_OPTION_INTEGER takes it. */
int seg_units_integer_or_size(const char *text, int64_t *value, seg_error *error);

int seg_units_boolean(const char *text, bool *value, seg_error *error);

/* Room for what the two below write. */
#define SEG_UNITS_TEXT_MAX 32

/* The shortest exact text that parses to the same value: "1500ms", "4MiB". Returns text. */
char *seg_units_duration_format(int64_t ns, char text[SEG_UNITS_TEXT_MAX]);
char *seg_units_size_format(int64_t bytes, char text[SEG_UNITS_TEXT_MAX]);

/*
 * The candidate that `word` is most likely a slip of, or NULL when none is close: for "did you mean". Judged
 * by edits (a swap of neighbours is one), case ignored, at most a third of the word.
 */
const char *seg_suggest(const char *word, const char *const *candidates, size_t count);

#endif
