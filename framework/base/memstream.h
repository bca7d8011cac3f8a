/* memstream.h - texts built with open_memstream, which reports missing memory in three places. */
#ifndef SEG_BASE_MEMSTREAM_H
#define SEG_BASE_MEMSTREAM_H

#include <stdio.h>
#include <stdlib.h>

/*
 * Closes the stream that open_memstream made for *text. Returns the whole text, which the caller frees; or
 * NULL if memory ran out: a write failed, fclose failed, or glibc's last realloc left a NULL.
 */
static inline char *seg_memstream_close(FILE *out, char **text)
{
	int failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(*text);
		*text = NULL;
	}
	return *text;
}

#endif
