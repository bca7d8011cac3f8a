/*
 * redact.h - hides secrets in a text for people. Pure; any thread.
 *
 *     redis://app:SECRET@host:6379          a login in a URL
 *     https://host/path?user=al&token=SECRET  a secret parameter of a URL
 *     host=db password='SECRET' user=al     a connection string, or a command line
 *     {"api_key":"SECRET"}                  JSON
 *     Authorization: Bearer SECRET          a header
 *
 * It recognises secrets by their names and places, so it cannot find each: a token in the path of a URL stays. An option
 * whose whole value is a secret is declared (SEG_OPTION_SECRET), or is named password, token and the like.
 */
#ifndef SEG_BASE_REDACT_H
#define SEG_BASE_REDACT_H

#include <stdbool.h>
#include <stddef.h>

/* Replaces each secret in `text` by ***. The text stays within `size` bytes, its NUL included: its end may be cut. */
void seg_redact(char *text, size_t size);

/* A redacted copy, which the caller frees. NULL if out of memory. */
char *seg_redact_copy(const char *text);

#endif
