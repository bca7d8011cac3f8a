/*
 * text.h - words in files: any bytes, escaped so that they contain no tabs and newlines. Pure; any thread.
 */
#ifndef PLUGINS_TEXT_H
#define PLUGINS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/buffer.h"

/* Adds the word, with control characters and \ as \xHH. */
void text_add_word(buffer *b, const void *word, size_t length);

/* Unescapes a word of *length bytes in place, and sets its new length. False if an escape is invalid. */
bool text_read_word(char *text, size_t *length);

/* FNV-1a, 64 bits: detects incomplete and damaged records. */
uint64_t text_checksum(const void *bytes, size_t length);

#endif
