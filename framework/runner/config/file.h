/* file.h - reads a whole file of limited size: a configuration, an included file, a secret. Any thread. */
#ifndef SEG_CONFIG_FILE_H
#define SEG_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <segmenter/segmenter.h>

enum { SEG_CONFIG_FILE_MAX = 1 << 20 };

typedef struct seg_config_content {
	char *text; /* `length` bytes and a NUL */
	size_t length;
	struct stat stat;
} seg_config_content;

/*
 * Reads a file of at most `limit` bytes. Only with `any_kind`, the file may be a pipe, as in <(...), which
 * may block. Returns 0 and a content to pass to _fini; SEG_ENOTFOUND with the reason in error->text, to
 * follow the path; or SEG_ENOMEM.
 */
int seg_config_file_read(const char *path, bool any_kind, size_t limit, seg_config_content *content,
			 seg_error *error);

/* Wipes and frees the text. */
void seg_config_content_fini(seg_config_content *content);

#endif
