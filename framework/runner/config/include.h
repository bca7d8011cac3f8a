/*
 * include.h - a configuration file and the files that it includes, as one stream of sections and pairs. Main
 * thread.
 *
 * `include = PATH` above a file's first section stands for the file at PATH. Includes may nest 16 deep, and
 * there may be 256 files in all; an include that leads back to an open file is an error.
 */
#ifndef SEG_CONFIG_INCLUDE_H
#define SEG_CONFIG_INCLUDE_H

#include <sys/stat.h>

#include "config/text.h"

#define SEG_CONFIG_INCLUDE "include"

/* A file that was read. Places point to its name. */
typedef struct seg_config_file {
	struct seg_config_file *next;
	char *name;
	dev_t device; /* 0 and 0 for a text from memory */
	ino_t inode;
	mode_t mode;
} seg_config_file;

typedef struct seg_config_reader {
	/*
	 * What comes next is in this file, above its first section: called as a file begins, and after each
	 * include.
	 */
	void (*file)(void *arg, const seg_config_file *file);

	/*
	 * The sections and pairs of all files, in order, without the includes. `sink.arg` is file's arg, too.
	 */
	seg_config_sink sink;

	seg_config_file **files; /* each file that was read is added; the caller frees the list */
	seg_config_errors *errors;
} seg_config_reader;

/*
 * Reads the text of the main file, and the files that it includes. `stat` is the main file's status; NULL for
 * a text from memory. Adds an error for each include that cannot be read. Returns 0 or SEG_ENOMEM.
 */
int seg_config_files_read(const seg_config_reader *reader, const char *name, const struct stat *stat,
			  const char *text, size_t length);

void seg_config_files_free(seg_config_file *files);

#endif
