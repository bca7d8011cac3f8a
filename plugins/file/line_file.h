/*
 * line_file.h - a file of whole lines, each beginning with {"epoch":N, that several processes may append to.
 *
 * One thread at a time for one line_file. A function that fails returns -1 with one line in error.
 */
#ifndef PLUGINS_LINE_FILE_H
#define PLUGINS_LINE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct line_file {
	char *path;
	int fd;         /* -1: closed; a zeroed line_file has none either, told by path NULL */
	uint64_t epoch; /* whose lines we append; a line of a higher one bars us */
	off_t end;      /* where the last line we know of ends */
} line_file;

/*
 * Opens the file in the directory, or makes it, durably. An unfinished last line is cut off, and its bytes
 * counted in *cut. Fails where the last line is of a higher epoch, or while another process is writing.
 */
int line_file_open(line_file *file, const char *directory, const char *name, uint64_t epoch, size_t *cut,
		   char *error, size_t error_size);

/*
 * Appends the lines (whole ones) and waits until they are on the disk. When it fails, none of them is in the
 * file as far as can be helped, and it may be called again. A file that was moved away or removed is made
 * anew.
 */
int line_file_append(line_file *file, const char *lines, size_t length, char *error, size_t error_size);

/* A zeroed one is allowed. */
void line_file_close(line_file *file);

#endif
