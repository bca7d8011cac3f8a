#include "unsent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory.h"

enum { RANGES_SHOWN = 8 };

void ctl_unsent_add(ctl_unsent *unsent, uint32_t file, uint64_t number)
{
	if (unsent->count == unsent->room) {
		unsent->room = unsent->room ? 2 * unsent->room : 64;
		unsent->list = ctl_reallocate(unsent->list, unsent->room, sizeof(*unsent->list));
	}
	unsent->list[unsent->count++] = (ctl_unsent_line){file, number};
}

static int by_place(const void *a, const void *b)
{
	const ctl_unsent_line *x = a, *y = b;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* The index after the lines that follow each other from `first` on. */
static size_t range_end(const ctl_unsent *unsent, size_t first)
{
	size_t end = first + 1;
	while (end < unsent->count && unsent->list[end].file == unsent->list[first].file &&
	       unsent->list[end].number <= unsent->list[end - 1].number + 1)
		end++;
	return end;
}

char *ctl_unsent_text(ctl_unsent *unsent, const char *const *names, char *text, size_t size)
{
	size_t used = 0, shown = 0;
	*text = '\0';
	if (unsent->count)
		qsort(unsent->list, unsent->count, sizeof(*unsent->list), by_place);
	for (size_t i = 0, end; i < unsent->count && used < size; i = end, shown++) {
		const ctl_unsent_line *first = &unsent->list[i];
		end = range_end(unsent, i);
		if (shown == RANGES_SHOWN) {
			snprintf(text + used, size - used, " and %zu more", unsent->count - i);
			break;
		}
		used += (size_t)snprintf(text + used, size - used, "%s", i ? ", " : "");
		if (used < size && (i == 0 || first->file != unsent->list[i - 1].file))
			used += (size_t)snprintf(text + used, size - used, "%.200s:", names[first->file]);
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, "%" PRIu64, first->number);
		if (used < size && end > i + 1)
			used += (size_t)snprintf(text + used, size - used, "-%" PRIu64,
						 unsent->list[end - 1].number);
	}
	return text;
}

void ctl_unsent_free(ctl_unsent *unsent)
{
	free(unsent->list);
	*unsent = (ctl_unsent){0};
}
