/*
 * text.h - words as they stand in the files: any bytes, without tabs and line ends. Pure; any thread.
 */
#ifndef PLUGINS_TEXT_H
#define PLUGINS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/buffer.h"

/* Adds the word, control characters and \ as \xHH. */
void text_add_word(buffer *b, const void *word, size_t length);

/* Turns an escaped word of `length` characters back, in place; false if it is none. */
bool text_read_word(char *text, size_t *length);

/* FNV-1a, 64 bits: finds what was torn or damaged. */
uint64_t text_checksum(const void *bytes, size_t length);

#endif
