#include "stream/spelling.h"

#include <string.h>

const char *const seg_overflow_names[] = {
	[SEG_OVERFLOW_REJECT] = "reject",
	[SEG_OVERFLOW_DROP_OLDEST] = "drop-oldest",
	NULL,
};

const char *const seg_packing_names[] = {
	[SEG_PACKING_OFF] = "off",
	[SEG_PACKING_ON] = "on",
	[SEG_PACKING_LZ4] = "lz4",
	[SEG_PACKING_ZSTD] = "zstd",
	NULL,
};

const char *const seg_codec_names[] = {
	[SEG_CODEC_RAW] = "raw",
	[SEG_CODEC_SEGMENTER_GO] = "segmenter-go",
	NULL,
};

const char *const seg_dead_letters_names[] = {
	[SEG_DEAD_LETTERS_DROP_OLDEST] = "drop-oldest",
	[SEG_DEAD_LETTERS_STOP] = "stop",
	NULL,
};

const char *seg_spelling_name(const char *const *names, int value)
{
	if (value < 0)
		return NULL;
	for (; *names && value > 0; value--)
		names++;
	return *names;
}

int seg_spelling_value(const char *const *names, const char *text, size_t length)
{
	for (int i = 0; names[i]; i++)
		if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0)
			return i;
	return -1;
}
