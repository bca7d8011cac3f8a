#include "text.h"

void text_add_word(buffer *b, const void *word, size_t length)
{
	const unsigned char *c = word;
	size_t plain = 0; /* start of the bytes that need no escape and are not copied yet */
	for (size_t i = 0; i < length; i++) {
		if (c[i] >= 0x20 && c[i] != 0x7f && c[i] != '\\')
			continue;
		buffer_add(b, c + plain, i - plain);
		buffer_format(b, "\\x%02x", c[i]);
		plain = i + 1;
	}
	if (length > plain)
		buffer_add(b, c + plain, length - plain);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_read_word(char *text, size_t *length)
{
	size_t n = 0;
	for (size_t i = 0; i < *length; i++) {
		if (text[i] != '\\') {
			text[n++] = text[i];
			continue;
		}
		if (*length - i < 4 || text[i + 1] != 'x' || digit(text[i + 2]) < 0 || digit(text[i + 3]) < 0)
			return false;
		text[n++] = (char)(digit(text[i + 2]) << 4 | digit(text[i + 3]));
		i += 3;
	}
	*length = n;
	return true;
}

uint64_t text_checksum(const void *bytes, size_t length)
{
	const unsigned char *c = bytes;
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < length; i++)
		h = (h ^ c[i]) * UINT64_C(1099511628211);
	return h;
}
