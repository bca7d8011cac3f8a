#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "complain.h"

void *ctl_allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);
	if (!memory)
		ctl_die(EX_OSERR, "out of memory");
	return memory;
}

void *ctl_reallocate(void *memory, size_t count, size_t size)
{
	memory = reallocarray(memory, count ? count : 1, size);
	if (!memory)
		ctl_die(EX_OSERR, "out of memory");
	return memory;
}

char *ctl_copy(const char *text, size_t length)
{
	char *copy = ctl_allocate(length + 1, 1);
	if (length)
		memcpy(copy, text, length);
	return copy;
}
