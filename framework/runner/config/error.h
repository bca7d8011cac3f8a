/*
 * error.h - the mistakes in a configuration: a list of lines "file:line: what is wrong; how to mend it". A
 * list is used by one thread at a time.
 */
#ifndef SEG_CONFIG_ERROR_H
#define SEG_CONFIG_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A place in a file, for error texts. line 0: no line, as for a default. The file name is borrowed. */
typedef struct seg_config_place {
	const char *file;
	unsigned line;
} seg_config_place;

typedef struct seg_config_error {
	bool warning; /* segrunner runs nevertheless */
	char *text;   /* one line, without the newline */
} seg_config_error;

/*
 * The mistakes in single lines, in their order; then missing options and contradictions. Initialise with {0}.
 */
typedef struct seg_config_errors {
	seg_config_error *list;
	size_t count;    /* errors and warnings */
	size_t warnings; /* how many of them are warnings */
	bool incomplete; /* some are missing: memory ran out, or there are more than 1,000 */
} seg_config_errors;

/* Adds an error or a warning, during loading or later: plugin/values.c adds the mistakes in `option.NAME`. */
__attribute__((format(printf, 3, 4))) void seg_config_error_add(seg_config_errors *errors,
								seg_config_place place, const char *format,
								...);
__attribute__((format(printf, 3, 4))) void seg_config_warning_add(seg_config_errors *errors,
								  seg_config_place place, const char *format,
								  ...);

/* Writes each on a line; a warning as "file:line: warning: ...". */
void seg_config_errors_print(const seg_config_errors *errors, FILE *out);

/* Frees the list, which is empty and usable afterwards. */
void seg_config_errors_fini(seg_config_errors *errors);

#endif
