/* secret.h - a password or a token that a file of its own holds, in one line. Any thread. */
#ifndef SEG_BASE_SECRET_H
#define SEG_BASE_SECRET_H

#include <stddef.h>

#include <segmenter/segmenter.h>

/* The most bytes of such a file. */
#define SEG_SECRET_MAX 4096

typedef enum seg_secret_fault {
	SEG_SECRET_GOOD,
	SEG_SECRET_EMPTY, /* nothing, or blanks alone */
	SEG_SECRET_LINES  /* more than one line */
} seg_secret_fault;

/* Judges the text of a file; *length: that of the text, afterwards without the line end. */
seg_secret_fault seg_secret_judge(const char *text, size_t *length);

/*
 * Reads the file. 0 and the secret, which the caller gives to seg_secret_forget; SEG_ENOMEM; or SEG_EAUTH with a
 * sentence that names the file.
 */
int seg_secret_read(const char *path, char **secret, seg_error *error);

/* Overwrites and frees. NULL is allowed. */
void seg_secret_forget(char *secret);

#endif
