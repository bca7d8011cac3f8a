#include "escape.h"

#include <stdint.h>

/* The length of the UTF-8 character at the front, and the character; 0: there is none. */
static size_t utf8(const unsigned char *text, size_t length, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = *text < 0x80       ? 1
		      : *text >> 5 == 6  ? 2
		      : *text >> 4 == 14 ? 3
		      : *text >> 3 == 30 ? 4
					 : 0;
	if (size == 0 || size > length)
		return 0;
	*c = size == 1 ? *text : *text & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		*c = *c << 6 | (text[i] & 0x3f);
	}
	return *c < least[size] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : size;
}

/* The ASCII ones, those of 8 bits, and those that turn the direction of writing. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

void ctl_escape_write(const char *text, size_t length, bool lines, FILE *out)
{
	const unsigned char *from = (const unsigned char *)text;
	for (size_t size; length > 0; from += size, length -= size) {
		uint32_t c = 0;
		size = utf8(from, length, &c);
		if (size > 0 && (!is_control(c) || (lines && (c == '\n' || c == '\t')))) {
			fwrite(from, 1, size, out);
			continue;
		}
		size = size ? size : 1;
		for (size_t i = 0; i < size; i++)
			fprintf(out, "\\x%02x", from[i]);
	}
}
