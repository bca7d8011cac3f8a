/* escape.h - output that commands no terminal, whatever other programs have written into Redis. */
#ifndef CTL_ESCAPE_H
#define CTL_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes text with control characters, and bytes that are no UTF-8, as \xNN. Line breaks and tabs stay if `lines`. */
void ctl_escape_write(const char *text, size_t length, bool lines, FILE *out);

#endif
