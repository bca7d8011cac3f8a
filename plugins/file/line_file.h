/*
 * line_file.h - a file of lines that start with {"epoch":N, to which several processes may append.
 *
 * One thread at a time uses a line_file. Functions return 0, or -1 with one line in error.
 */
#ifndef PLUGINS_LINE_FILE_H
#define PLUGINS_LINE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct line_file {
	char *path;
	int fd;         /* -1: closed. Meaningless while path is NULL, as in a zeroed line_file */
	uint64_t epoch; /* of the lines that are appended; a line of a higher epoch forbids appending */
	off_t end;      /* of the last known line, in bytes from the start */
} line_file;

/*
 * Opens the file in the directory, or creates it durably. Removes an incomplete last line and stores its length in *cut.
 * Fails if the last line has a higher epoch, or while another process writes.
 */
int line_file_open(line_file *file, const char *directory, const char *name, uint64_t epoch, size_t *cut,
		   char *error, size_t error_size);

/*
 * Appends complete lines and waits until they are on the disk. After a failure it may be called again; it tries to leave
 * none of the lines in the file then. Creates the file again if it was renamed or removed.
 */
int line_file_append(line_file *file, const char *lines, size_t length, char *error, size_t error_size);

/* Does nothing to a zeroed line_file. */
void line_file_close(line_file *file);

#endif
