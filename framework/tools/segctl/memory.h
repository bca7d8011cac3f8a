/* memory.h - memory, or the end of the program: without memory, segctl reports it and exits with EX_OSERR. */
#ifndef CTL_MEMORY_H
#define CTL_MEMORY_H

#include <stddef.h>

/* Zeroed. Free it with free(). */
void *ctl_allocate(size_t count, size_t size);

/* Resizes `memory`, which ctl_allocate or this function returned, or NULL. New bytes are not zeroed. */
void *ctl_reallocate(void *memory, size_t count, size_t size);

/* A copy with a NUL behind it. text may be NULL where length is 0. */
char *ctl_copy(const char *text, size_t length);

#endif
