#include "doctor/size_text.h"

#include <stdio.h>

char *seg_size_text(int64_t bytes, char text[SEG_SIZE_TEXT_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double size = (double)bytes;
	size_t unit = 0;
	for (; size >= 1024 && unit < 4; unit++)
		size /= 1024;
	snprintf(text, SEG_SIZE_TEXT_MAX, size < 10 && unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
	return text;
}
