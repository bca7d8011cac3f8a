/* file.h - files read whole and in bounds: the configuration, what it includes, a password. Main
 * thread. */
#ifndef SEG_CONFIG_FILE_H
#define SEG_CONFIG_FILE_H

#include <sys/stat.h>

#include "config/config.h"

/* A file that a config was made of. Places point to its name. */
struct seg_config_file {
	struct seg_config_file *next;
	char *name;
	dev_t device; /* 0 and 0 for a text from memory */
	ino_t inode;
	mode_t mode;
};

enum { SEG_CONFIG_FILE_MAX = 1 << 20 };

typedef struct seg_config_content {
	char *text; /* length bytes and a NUL */
	size_t length;
	struct stat stat;
} seg_config_content;

/*
 * Reads a file of at most `limit` bytes, never waiting for one that is no regular file unless `any_kind` (a
 * pipe as in <(...)). 0 and a content to pass to _fini, SEG_ENOTFOUND with the reason in error->text, or
 * SEG_ENOMEM.
 */
int seg_config_file_read(const char *path, bool any_kind, size_t limit, seg_config_content *content,
			 seg_error *error);

/* Wipes and frees the text. */
void seg_config_content_fini(seg_config_content *content);

#endif
