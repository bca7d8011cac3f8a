/* names.h - which names are allowed, and the names of all keys in Redis. Pure; any thread. */
#ifndef SEG_BASE_NAMES_H
#define SEG_BASE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#define SEG_NAME_MAX 128
/* Four names of 128, braces, separators, a partition number, a suffix. */
#define SEG_KEY_MAX 640

/* `what` names the thing in the error: "stream name", "group". 0 or SEG_EINVAL. */
int seg_name_check(const char *what, const char *name, seg_error *error);

/* The key of a partition's log: the Go library's name for it. Returns its length. */
int seg_key_log(char key[SEG_KEY_MAX], const char *name_space, const char *stream, uint32_t partition);

/* Keys that share the log's slot: {<log>}:<a>:<b>, b may be NULL. */
int seg_key_beside_log(char key[SEG_KEY_MAX], const char *name_space, const char *stream, uint32_t partition,
		       const char *a, const char *b);

/* Keys that share the stream's slot: {__<ns>:<stream>}:<a>:<b>, b may be NULL. */
int seg_key_of_stream(char key[SEG_KEY_MAX], const char *name_space, const char *stream, const char *a,
		      const char *b);

#endif
