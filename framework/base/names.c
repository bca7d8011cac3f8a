#include "base/names.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static bool allowed(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '-';
}

int seg_name_check(const char *what, const char *name, seg_error *error)
{
	if (!name || !*name)
		return seg_fail(error, SEG_EINVAL, "the %s is empty; use 1 to %d of A-Z a-z 0-9 . _ -", what,
				SEG_NAME_MAX);
	size_t length = strnlen(name, SEG_NAME_MAX + 1);
	if (length > SEG_NAME_MAX)
		return seg_fail(error, SEG_EINVAL,
				"the %s \"%.20s...\" is longer than %d characters; shorten it", what, name,
				SEG_NAME_MAX);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];
		if (allowed(c))
			continue;
		if (isprint(c))
			return seg_fail(error, SEG_EINVAL,
					"the %s \"%s\" contains '%c'; only A-Z a-z 0-9 . _ - are allowed",
					what, name, c);
		return seg_fail(
			error, SEG_EINVAL,
			"the %s contains the byte 0x%02x at position %zu; only A-Z a-z 0-9 . _ - are allowed",
			what, c, i + 1);
	}
	return 0;
}

int seg_key_log(char key[SEG_KEY_MAX], const char *name_space, const char *stream, uint32_t partition)
{
	return snprintf(key, SEG_KEY_MAX, "__%s:%s:partition_%" PRIu32, name_space, stream, partition);
}

int seg_key_beside_log(char key[SEG_KEY_MAX], const char *name_space, const char *stream, uint32_t partition,
		       const char *a, const char *b)
{
	return snprintf(key, SEG_KEY_MAX, "{__%s:%s:partition_%" PRIu32 "}:%s%s%s", name_space, stream,
			partition, a, b ? ":" : "", b ? b : "");
}

int seg_key_of_stream(char key[SEG_KEY_MAX], const char *name_space, const char *stream, const char *a,
		      const char *b)
{
	return snprintf(key, SEG_KEY_MAX, "{__%s:%s}:%s%s%s", name_space, stream, a, b ? ":" : "",
			b ? b : "");
}
