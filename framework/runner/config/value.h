/* value.h - sets the fields of a section's struct from texts, by the table of options. Main thread. */
#ifndef SEG_CONFIG_VALUE_H
#define SEG_CONFIG_VALUE_H

#include "config/options.h"

/*
 * Turns a text into the row's field of the section's struct at `base`, and frees what the field held before.
 * `file` is the file that holds the text, for relative paths; NULL for a default. Returns 0, SEG_EINVAL with
 * what was expected in error->text, or SEG_ENOMEM.
 */
int seg_config_row_set(const seg_config_row *row, void *base, const char *file, const char *text,
		       seg_error *error);

/* Sets all fields of a section to their defaults. The struct at `base` is zeroed. Returns 0 or SEG_ENOMEM. */
int seg_config_defaults_set(seg_config_section section, void *base);

/* Frees the section's fields. Wipes secrets first. */
void seg_config_fields_free(seg_config_section section, void *base);

#endif
