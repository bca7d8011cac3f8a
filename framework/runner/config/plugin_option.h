/*
 * plugin_option.h - the values of a plugin's own options (`option.NAME = value`), by their declared seg_option_type.
 * Pure; any thread.
 *
 * The same units as everywhere in the file (units.h). Texts are the loader's: an option's value as written,
 * else its declared default.
 */
#ifndef SEG_CONFIG_PLUGIN_OPTION_H
#define SEG_CONFIG_PLUGIN_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

/*
 * Checks a text against a seg_option_type: 0, or SEG_EINVAL with what was expected in error->text. A text
 * may be anything, a path anything but empty. A type this header does not know is SEG_EINVAL.
 */
int seg_option_check(uint32_t type, const char *text, seg_error *error);

/* The value of a text that was checked; 0 for NULL and for what is none. */
int64_t seg_option_to_integer(const char *text);
int64_t seg_option_to_duration(const char *text); /* nanoseconds */
int seg_option_to_boolean(const char *text);      /* 0 or 1 */

/*
 * A path as the program must open it: absolute ones as they are, others from the directory of `file`, where
 * they were written. "-" stays. Returns a text the caller frees, or NULL when memory ran out.
 */
char *seg_option_to_path(const char *file, const char *text);

/* The declared names, for seg_suggest: the number put into names[size]. `options` ends with a NULL name, or
 * is NULL. */
size_t seg_option_names(const seg_option *options, const char **names, size_t size);

/* The option of that name, or NULL. */
const seg_option *seg_option_find(const seg_option *options, const char *name);

/* Whether a value of that name is likely a secret (password, secret, token, key), not to be printed. */
bool seg_option_is_secret(const char *name);

#endif
