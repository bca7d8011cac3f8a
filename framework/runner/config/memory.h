/* memory.h - texts put together with open_memstream, which tells of missing memory in three places. */
#ifndef SEG_CONFIG_MEMORY_H
#define SEG_CONFIG_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/*
 * Closes the stream that open_memstream made for *text. Returns the whole text, which the caller frees, or NULL when
 * memory ran out on the way: a write failed, the closing failed, or glibc's last trim left a NULL.
 */
static inline char *seg_config_memory_close(FILE *out, char **text)
{
	int failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(*text);
		*text = NULL;
	}
	return *text;
}

#endif
