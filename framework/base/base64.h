/* base64.h - base64 (RFC 4648), as Go's protojson writes and reads it. Pure; any thread. */
#ifndef SEG_BASE_BASE64_H
#define SEG_BASE_BASE64_H

#include <stddef.h>

/* The length of the text for `length` bytes, without its NUL. */
static inline size_t seg_base64_length(size_t length)
{
	return (length + 2) / 3 * 4;
}

/* The most bytes that a text of `length` characters can stand for. */
static inline size_t seg_base64_bytes_max(size_t length)
{
	return length / 4 * 3 + 3;
}

/* Encodes into seg_base64_length(length) characters and a NUL, with the standard alphabet and padding. */
void seg_base64_encode(const void *bytes, size_t length, char *text);

/*
 * Decodes either alphabet, padded or not, into at most seg_base64_bytes_max(length) bytes. Returns their
 * number, or (size_t)-1 if the text is not base64. Ignores line ends, as Go does.
 */
size_t seg_base64_decode(const char *text, size_t length, void *bytes);

#endif
