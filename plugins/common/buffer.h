/*
 * buffer.h - text that grows, and any bytes as text or JSON.
 *
 * Start with {0}. When memory runs out, the buffer sets `failed` and ignores what is added from then on: check once, at the
 * end. One thread at a time.
 */
#ifndef PLUGINS_BUFFER_H
#define PLUGINS_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct buffer {
	char *bytes;
	size_t length;
	size_t size;
	bool failed;
} buffer;

/* Empties the buffer and keeps its memory. */
static inline void buffer_reset(buffer *b)
{
	b->length = 0;
	b->failed = false;
}

static inline void buffer_fini(buffer *b)
{
	free(b->bytes);
	*b = (buffer){0};
}

/* Makes room for n more bytes. False if out of memory. */
static inline bool buffer_reserve(buffer *b, size_t n)
{
	if (b->failed || n > SIZE_MAX / 4 - b->length) {
		b->failed = true;
		return false;
	}
	if (b->length + n <= b->size)
		return true;
	size_t size = b->size ? b->size : 4096;
	while (size < b->length + n)
		size *= 2;
	char *bytes = realloc(b->bytes, size);
	if (!bytes) {
		b->failed = true;
		return false;
	}
	b->bytes = bytes;
	b->size = size;
	return true;
}

static inline void buffer_add(buffer *b, const void *bytes, size_t n)
{
	if (n == 0 || !buffer_reserve(b, n))
		return;
	memcpy(b->bytes + b->length, bytes, n);
	b->length += n;
}

static inline void buffer_text(buffer *b, const char *text)
{
	buffer_add(b, text, strlen(text));
}

/* Adds text as printf makes it, at most 1,023 bytes; more sets `failed`. For numbers and names. */
__attribute__((format(printf, 2, 3))) static inline void buffer_format(buffer *b, const char *format, ...)
{
	enum { ROOM = 1024 };
	if (!buffer_reserve(b, ROOM))
		return;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(b->bytes + b->length, ROOM, format, args);
	va_end(args);
	if (n < 0 || n >= ROOM)
		b->failed = true;
	else
		b->length += (size_t)n;
}

/* The length of the UTF-8 character that starts with this byte; 0 if none does. */
static inline size_t utf8_announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* The length of the UTF-8 character at c; 0 if the n >= 1 bytes there do not start with one. */
static inline size_t utf8_length(const unsigned char *c, size_t n)
{
	size_t length = utf8_announced(c[0]);
	if (length > n)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
	bool surrogate = c[0] == 0xed && c[1] > 0x9f;
	bool too_high = c[0] == 0xf4 && c[1] > 0x8f;
	return overlong || surrogate || too_high ? 0 : length;
}

static inline bool is_utf8(const void *bytes, size_t n)
{
	const unsigned char *c = bytes, *end = c + n;
	while (c < end) {
		size_t length = utf8_length(c, (size_t)(end - c));
		if (length == 0)
			return false;
		c += length;
	}
	return true;
}

/* Whether a terminal would obey the character rather than show it: C0, DEL and, in UTF-8, C1. */
static inline bool is_control(const unsigned char *c, size_t length)
{
	return c[0] < 0x20 || c[0] == 0x7f || (length == 2 && c[0] == 0xc2 && c[1] < 0xa0);
}

/* Adds the bytes, which must be UTF-8, as a JSON string with quotes. */
static inline void buffer_json(buffer *b, const void *bytes, size_t n)
{
	const unsigned char *c = bytes;
	buffer_text(b, "\"");
	size_t plain = 0; /* start of the bytes that need no escape and are not copied yet */
	for (size_t i = 0; i < n; i++) {
		if (c[i] >= 0x20 && c[i] != '"' && c[i] != '\\' && c[i] != 0x7f)
			continue;
		buffer_add(b, c + plain, i - plain);
		plain = i + 1;
		if (c[i] == '"' || c[i] == '\\')
			buffer_format(b, "\\%c", c[i]);
		else if (c[i] == '\n')
			buffer_text(b, "\\n");
		else
			buffer_format(b, "\\u%04x", c[i]);
	}
	if (n > plain)
		buffer_add(b, c + plain, n - plain);
	buffer_text(b, "\"");
}

/* Adds the bytes in base64 (RFC 4648, padded) with quotes. */
static inline void buffer_base64(buffer *b, const void *bytes, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *c = bytes;
	if (n > SIZE_MAX / 8 || !buffer_reserve(b, n / 3 * 4 + 6)) {
		b->failed = true;
		return;
	}
	char *out = b->bytes + b->length;
	*out++ = '"';
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t three = (uint32_t)c[i] << 16 | (left > 1 ? (uint32_t)c[i + 1] << 8 : 0) |
				 (left > 2 ? c[i + 2] : 0);
		*out++ = digits[three >> 18];
		*out++ = digits[three >> 12 & 63];
		*out++ = left > 1 ? digits[three >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[three & 63] : '=';
	}
	*out++ = '"';
	b->length = (size_t)(out - b->bytes);
}

/* Adds `"NAME":"text"`; or `"NAME_base64":"..."` if the bytes are not UTF-8 or `base64` is set. NAME: letters and _. */
static inline void buffer_field(buffer *b, const char *name, const void *bytes, size_t n, bool base64)
{
	if (!base64 && is_utf8(bytes, n)) {
		buffer_format(b, "\"%s\":", name);
		buffer_json(b, bytes, n);
	} else {
		buffer_format(b, "\"%s_base64\":", name);
		buffer_base64(b, bytes, n);
	}
}

#endif
