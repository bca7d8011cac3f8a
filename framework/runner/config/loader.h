/*
 * loader.h - a configuration while it is loaded. Main thread.
 *
 *     load.c       drives one load from first to last
 *     include.c    reads the file and the files it includes, as one stream of sections and pairs
 *     section.c    begins a section for each header
 *     pair.c       puts each pair into a field of its section
 *     check.c      then finds missing options, and options that contradict each other
 */
#ifndef SEG_CONFIG_LOADER_H
#define SEG_CONFIG_LOADER_H

#include "config/include.h"
#include "config/options.h"

/* Where each row of one section was set, by the row's index; line 0: the file does not set it. */
typedef struct seg_config_given {
	seg_config_place at[SEG_CONFIG_ROWS_MAX];
} seg_config_given;

typedef enum seg_config_state {
	SEG_CONFIG_NO_SECTION = 0, /* above the file's first section */
	SEG_CONFIG_BAD_SECTION,    /* the header was reported; the section's pairs are ignored */
	SEG_CONFIG_IN_SECTION
} seg_config_state;

typedef struct seg_config_loader {
	seg_config *config;
	seg_config_errors *errors;
	seg_config_given redis;
	seg_config_given runner;
	seg_config_given *consumers; /* one for each of config->consumers */

	/* Where the next pair belongs. */
	const seg_config_file *file;
	seg_config_state state;
	seg_config_section
		section; /* if SEG_CONFIG_IN_SECTION; a consumer is the last one of config->consumers */

	bool leaves_files; /* that hold secrets, certificates and keys: they are not opened */

	bool no_memory; /* the load fails with SEG_ENOMEM */
} seg_config_loader;

/* Where the option was set; line 0 of the main file if it was not. */
seg_config_place seg_config_place_of(const seg_config_loader *loader, const seg_config_given *given,
				     seg_config_section section, const char *name);

#endif
