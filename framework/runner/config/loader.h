/*
 * loader.h - a config while it is loaded: besides the values, where each was given. Main thread.
 *
 *     config.c            one load from first to last, and the freeing
 *     config_include.c    a file, and the files it includes
 *     config_section.c    sections and pairs into fields
 *     config_check.c      then judges what no single line can tell
 */
#ifndef SEG_CONFIG_LOADER_H
#define SEG_CONFIG_LOADER_H

#include <sys/stat.h>

#include "config/options.h"

/* Where each row of one section was given, by the row's index; line 0: it was not. */
typedef struct seg_config_given {
	seg_config_place at[SEG_CONFIG_ROWS_MAX];
} seg_config_given;

typedef struct seg_config_loader {
	seg_config *config;
	seg_config_errors *errors;
	seg_config_given redis;
	seg_config_given runner;
	seg_config_given *consumers; /* beside config->consumers */
	bool no_memory;              /* nothing else matters then */
} seg_config_loader;

typedef enum seg_config_frame_state {
	SEG_CONFIG_NO_SECTION = 0, /* above the first one */
	SEG_CONFIG_BAD_SECTION,    /* its header was reported; what is in it is passed over */
	SEG_CONFIG_IN_SECTION
} seg_config_frame_state;

/* A file being read, and the section that its next pair belongs to. */
typedef struct seg_config_frame {
	seg_config_loader *loader;
	struct seg_config_frame *parent; /* the file that includes it, or NULL */
	const struct seg_config_file *file;
	unsigned depth;
	seg_config_frame_state state;
	seg_config_section section; /* if SEG_CONFIG_IN_SECTION; a consumer is the last one */
} seg_config_frame;

/* A section begins: `name` is what stands between the brackets, and is changed; NULL for a header that was
 * reported. */
void seg_config_section_begin(seg_config_frame *frame, seg_config_place place, char *name);

/* A pair in the frame's section, or above the first one. */
void seg_config_pair_take(seg_config_frame *frame, seg_config_place place, const char *name,
			  const char *value);

/*
 * Reads the main file's text, and whatever it includes. `stat` is the file's, NULL if the text is from
 * memory.
 */
void seg_config_main_read(seg_config_loader *loader, const char *name, const struct stat *stat,
			  const char *text, size_t length);

/* Reads the file that `include = value` names, in a frame of its own. */
void seg_config_include(seg_config_frame *frame, seg_config_place place, const char *value);

/* Adds an error or warning for all that is wrong between the values, and reads the password file. */
void seg_config_check(seg_config_loader *loader);

#endif
