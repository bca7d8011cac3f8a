/* names.h - checks names, and writes the names of all keys in Redis. Pure; any thread. */
#ifndef SEG_BASE_NAMES_H
#define SEG_BASE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#define SEG_NAME_MAX 128
/*
 * Room for a key: four names of 128 characters, braces, separators, a partition's number, a suffix, and a
 * NUL.
 */
#define SEG_KEY_MAX 640

/*
 * Checks that a name has 1 to 128 characters of A-Z a-z 0-9 . _ -. 0, or SEG_EINVAL with a sentence that
 * calls it `what`: "stream name", "group".
 */
int seg_name_check(const char *what, const char *name, seg_error *error);

/* The key of a partition's log, as the Go library names it. All three return the key's length. */
int seg_key_log(char key[SEG_KEY_MAX], const char *name_space, const char *stream, uint32_t partition);

/* A key in the slot of the log: {<log>}:<a>:<b>; b NULL: {<log>}:<a>. */
int seg_key_beside_log(char key[SEG_KEY_MAX], const char *name_space, const char *stream, uint32_t partition,
		       const char *a, const char *b);

/* A key in the slot of the stream: {__<namespace>:<stream>}:<a>:<b>; b NULL: without :<b>. */
int seg_key_of_stream(char key[SEG_KEY_MAX], const char *name_space, const char *stream, const char *a,
		      const char *b);

#endif
