/*
 * error.h - the mistakes in a configuration: a list of lines "file:line: what is wrong; how to mend it". A list is used
 * by one thread at a time.
 */
#ifndef SEG_CONFIG_ERROR_H
#define SEG_CONFIG_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Where something was written, for messages about it. line 0: nowhere, a default. */
typedef struct seg_config_place {
	const char *file;
	unsigned line;
} seg_config_place;

typedef struct seg_config_error {
	bool warning; /* unwise, but it runs */
	char *text;   /* "file:line: what; how to mend it", one line without newline */
} seg_config_error;

/* What the lines say, in their order, then what contradicts or is missing. Start with {0}. */
typedef struct seg_config_errors {
	seg_config_error *list;
	size_t count;    /* of errors and warnings */
	size_t warnings; /* of those, the warnings */
	bool incomplete; /* memory ran out, or there were more than 1,000 */
} seg_config_errors;

/* Adds one, also after loading: the plugin loader's findings about `option.NAME`, say. */
__attribute__((format(printf, 3, 4))) void seg_config_error_add(seg_config_errors *errors,
								seg_config_place place, const char *format,
								...);
__attribute__((format(printf, 3, 4))) void seg_config_warning_add(seg_config_errors *errors,
								  seg_config_place place, const char *format,
								  ...);

/* Writes all, a line each; warnings as "file:line: warning: ...". */
void seg_config_errors_print(const seg_config_errors *errors, FILE *out);

/* Frees the list; it is empty and usable again. */
void seg_config_errors_fini(seg_config_errors *errors);

#endif
