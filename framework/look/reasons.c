#include "look/reasons.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 16 };

/* NULL if out of memory. */
static seg_reason *find(seg_reasons *all, const char *text)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->list[i].text, text) == 0)
			return &all->list[i];
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : ROOM;
		seg_reason *list = reallocarray(all->list, room, sizeof(*list));
		if (!list)
			return NULL;
		all->list = list;
		all->room = room;
	}
	char *copy = strdup(text);
	if (!copy)
		return NULL;
	all->list[all->count] = (seg_reason){.text = copy, .first_ms = UINT64_MAX};
	return &all->list[all->count++];
}

bool seg_reasons_add(seg_reasons *reasons, const char *text, uint32_t partition, uint64_t time_ms,
		     seg_id letter)
{
	seg_reason *r = find(reasons, text);
	if (!r)
		return false;
	r->partitions += r->letters == 0 || r->counted != partition;
	r->counted = partition;
	if (r->letters == 0 || time_ms >= r->last_ms) {
		r->last_ms = time_ms;
		r->partition = partition;
		r->letter = letter;
	}
	r->first_ms = time_ms < r->first_ms ? time_ms : r->first_ms;
	r->letters++;
	reasons->letters++;
	return true;
}

static int most_first(const void *a, const void *b)
{
	const seg_reason *x = a, *y = b;
	if (x->letters != y->letters)
		return x->letters < y->letters ? 1 : -1;
	return strcmp(x->text, y->text);
}

void seg_reasons_sort(seg_reasons *reasons)
{
	if (reasons->count)
		qsort(reasons->list, reasons->count, sizeof(*reasons->list), most_first);
}

void seg_reasons_free(seg_reasons *reasons)
{
	for (size_t i = 0; i < reasons->count; i++)
		free(reasons->list[i].text);
	free(reasons->list);
	*reasons = (seg_reasons){0};
}
