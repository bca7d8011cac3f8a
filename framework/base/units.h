/*
 * units.h - parses and formats values as people write them: 500ms, 64KiB, 1_000_000, yes. Pure; any thread.
 *
 * A number is decimal digits; a single `_` may separate groups. A duration or size may have a fraction
 * ("1.5s") and blanks before the unit ("10 s"). It must have a unit unless it is 0: "10" is refused, because
 * the unit would be a guess. Units are case-sensitive: mB, MB and Mb mean different things.
 *
 *     duration   ns us ms s min h d
 *     size       B KiB MiB GiB TiB (powers of 1024), KB MB GB TB (powers of 1000)
 *     boolean    yes no true false on off 1 0, in any case
 *
 * A parser reads the whole text. It returns 0 and the value, or SEG_EINVAL with a sentence that says what was
 * expected, but not where: `"10" has no unit; write one of ns us ms s min h d after it`. error may be NULL.
 */
#ifndef SEG_BASE_UNITS_H
#define SEG_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

/* Nanoseconds, 0 or more. A fraction of 1 ns, or more than 292 years (2^63 - 1 ns), is an error. */
int seg_units_duration(const char *text, int64_t *ns, seg_error *error);

/* Bytes, 0 or more. A fraction of a byte, or more than 2^63 - 1, is an error. */
int seg_units_size(const char *text, int64_t *bytes, seg_error *error);

/* A whole number, with an optional sign; no unit. */
int seg_units_integer(const char *text, int64_t *value, seg_error *error);

/* An integer or a size, as SEG_OPTION_INTEGER of a plugin accepts it. */
int seg_units_integer_or_size(const char *text, int64_t *value, seg_error *error);

int seg_units_boolean(const char *text, bool *value, seg_error *error);

/* Room for a formatted duration or size. */
#define SEG_UNITS_TEXT_MAX 32

/* Format as the shortest exact text that parses to the same value: "1500ms", "4MiB". Return text. */
char *seg_units_duration_format(int64_t ns, char text[SEG_UNITS_TEXT_MAX]);
char *seg_units_size_format(int64_t bytes, char text[SEG_UNITS_TEXT_MAX]);

/* For people: 0 or more seconds, rounded: "3.2 s", "90 s", "17 min", "3 h 4 min". Returns text. */
char *seg_units_seconds_text(double seconds, char text[SEG_UNITS_TEXT_MAX]);

/*
 * For "did you mean": the candidate most similar to `word`; NULL if none is similar enough. Similarity is the
 * number of edits (optimal string alignment distance: a swap of neighbours is one edit), without regard to
 * case: at most 1 for a word of 2 to 5 characters, at most a third of a longer one.
 */
const char *seg_suggest(const char *word, const char *const *candidates, size_t count);

#endif
