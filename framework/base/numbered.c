#include "base/numbered.h"

#include <stdlib.h>
#include <string.h>

void *seg_numbered_reach(void *array, uint32_t *count, uint32_t number)
{
	if (number < *count)
		return array;
	void **larger = realloc(array, ((size_t)number + 1) * sizeof(*larger));
	if (!larger)
		return NULL;
	memset(larger + *count, 0, ((size_t)number + 1 - *count) * sizeof(*larger));
	*count = number + 1;
	return larger;
}
