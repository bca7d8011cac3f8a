/*
 * option.h - the options that a plugin declares, and the values that a section sets with `option.NAME =
 * value`. Pure; any thread.
 *
 * Values have the units of all other options (base/units.h).
 */
#ifndef SEG_PLUGIN_OPTION_H
#define SEG_PLUGIN_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

/*
 * Checks a text against a seg_option_type. Returns 0, or SEG_EINVAL with what was expected in error->text;
 * also for a type that this segrunner does not know. Any text is a SEG_OPTION_TEXT, and any text but the
 * empty one a SEG_OPTION_PATH.
 */
int seg_option_check(uint32_t type, const char *text, seg_error *error);

/* The seg_option_type of an option, and whether it is marked as SEG_OPTION_SECRET. */
static inline uint32_t seg_option_kind(const seg_option *option)
{
	return option->type & ~(uint32_t)(SEG_OPTION_SECRET | SEG_OPTION_CONTENT);
}

static inline bool seg_option_is_secret(const seg_option *option)
{
	return option->type & SEG_OPTION_SECRET;
}

/* The value of a text that seg_option_check accepted; 0 for NULL and for any other text. */
int64_t seg_option_to_integer(const char *text);
int64_t seg_option_to_duration(const char *text); /* nanoseconds */
int seg_option_to_boolean(const char *text);      /* 0 or 1 */

/*
 * Puts at most `size` of the declared names into names[size], for seg_suggest. Returns how many. `options` ends
 * with a NULL name, or is NULL.
 */
size_t seg_option_names(const seg_option *options, const char **names, size_t size);

/* The declared option of that name, or NULL. */
const seg_option *seg_option_find(const seg_option *options, const char *name);

#endif
