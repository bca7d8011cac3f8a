#include "base/base64.h"

#include <stdint.h>
#include <string.h>

/*
 * OpenSSL's block decoder accepts "=" anywhere, but only one alphabet, and no unpadded text. Go's does the
 * opposite.
 */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void seg_base64_encode(const void *bytes, size_t length, char *text)
{
	const unsigned char *in = bytes;
	for (; length >= 3; length -= 3, in += 3) {
		*text++ = alphabet[in[0] >> 2];
		*text++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
		*text++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
		*text++ = alphabet[in[2] & 63];
	}
	if (length > 0) {
		unsigned second = length == 2 ? in[1] : 0;
		*text++ = alphabet[in[0] >> 2];
		*text++ = alphabet[(in[0] & 3) << 4 | second >> 4];
		*text++ = length == 2 ? alphabet[(second & 15) << 2] : '=';
		*text++ = '=';
	}
	*text = '\0';
}

/* The six bits a character stands for, or -1. */
static int sextet(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

size_t seg_base64_decode(const char *text, size_t length, void *bytes)
{
	unsigned char *out = bytes;
	uint32_t bits = 0;
	size_t characters = 0, padding = 0;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '\n' || c == '\r')
			continue;
		if (c == '=') {
			padding++;
			continue;
		}
		int value = sextet(c);
		if (value < 0 || padding > 0)
			return (size_t)-1;
		bits = bits << 6 | (uint32_t)value;
		if (++characters % 4 == 0) {
			*out++ = (unsigned char)(bits >> 16);
			*out++ = (unsigned char)(bits >> 8);
			*out++ = (unsigned char)bits;
		}
	}
	size_t rest = characters % 4;
	if (rest == 1 || (padding > 0 && (rest == 0 || rest + padding != 4)))
		return (size_t)-1;
	if (rest == 2) {
		*out++ = (unsigned char)(bits >> 4);
	} else if (rest == 3) {
		*out++ = (unsigned char)(bits >> 10);
		*out++ = (unsigned char)(bits >> 2);
	}
	return (size_t)(out - (unsigned char *)bytes);
}
