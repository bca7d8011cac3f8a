/* base64.h - RFC 4648, as Go's protojson writes and reads it. Pure; any thread. */
#ifndef SEG_BASE_BASE64_H
#define SEG_BASE_BASE64_H

#include <stddef.h>

/* Of the text for `length` bytes, without a NUL. */
static inline size_t seg_base64_length(size_t length)
{
	return (length + 2) / 3 * 4;
}

/* The most bytes that a text of `length` characters can stand for. */
static inline size_t seg_base64_bytes_max(size_t length)
{
	return length / 4 * 3 + 3;
}

/* Writes seg_base64_length(length) characters and a NUL: the standard alphabet, padded. */
void seg_base64_encode(const void *bytes, size_t length, char *text);

/*
 * Reads either alphabet, padded or not, into seg_base64_bytes_max(length) bytes. Returns how many they
 * are, or (size_t)-1 if the text is no base64. Line ends within the text are skipped, as Go does.
 */
size_t seg_base64_decode(const char *text, size_t length, void *bytes);

#endif
