#include "group/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text of the number of values, which comes behind the head. */
enum { NUMBER_MAX = 24 };

/* All changes, oldest first. NULL: out of memory. */
static const seg_change **list_all(const seg_completions *completions, size_t *count)
{
	size_t n = 0;
	for (const seg_completion *c = completions->first; c; c = c->next)
		n += c->change_count;
	const seg_change **list = malloc((n ? n : 1) * sizeof(*list));
	if (!list)
		return NULL;
	*count = n;
	n = 0;
	for (const seg_completion *c = completions->first; c; c = c->next)
		for (size_t i = 0; i < c->change_count; i++)
			list[n++] = &c->changes[i];
	return list;
}

static bool same_field(const seg_change *a, const seg_change *b)
{
	return a->hash == b->hash && a->field_length == b->field_length &&
	       memcmp(a->field, b->field, a->field_length) == 0;
}

/* Leaves of each field the newest change in the list, the others become NULL. False: out of memory. */
static bool keep_newest(const seg_change **list, size_t count)
{
	size_t size = 16;
	while (size < 2 * count)
		size *= 2;
	const seg_change **seen = calloc(size, sizeof(*seen));
	if (!seen)
		return false;
	for (size_t i = count; i > 0; i--) {
		const seg_change *change = list[i - 1];
		size_t at = (change->hash + change->slot) & (size - 1);
		while (seen[at] && !same_field(seen[at], change))
			at = (at + 1) & (size - 1);
		if (seen[at])
			list[i - 1] = NULL;
		else
			seen[at] = change;
	}
	free(seen);
	return true;
}

static void put(seg_changes *changes, const void *text, size_t length)
{
	changes->argv[changes->argc] = text;
	changes->lengths[changes->argc++] = length;
}

/* The number is in the same memory as the array, behind it. */
static void fill(seg_changes *changes, char *number, const char *const *head, int head_count,
		 const seg_change **list, size_t count)
{
	size_t values = 0;
	for (int i = 0; i < head_count; i++)
		put(changes, head[i], strlen(head[i]));
	for (size_t i = 0; i < count; i++)
		values += list[i] && list[i]->value;
	put(changes, number, (size_t)snprintf(number, NUMBER_MAX, "%zu", values));
	for (size_t i = 0; i < count; i++)
		if (list[i] && list[i]->value) {
			put(changes, list[i]->field, list[i]->field_length);
			put(changes, list[i]->value, list[i]->value_length);
		}
	for (size_t i = 0; i < count; i++)
		if (list[i] && !list[i]->value)
			put(changes, list[i]->field, list[i]->field_length);
}

bool seg_changes_gather(seg_changes *changes, const char *const *head, int head_count,
			const seg_completions *completions)
{
	size_t count;
	*changes = (seg_changes){0};
	const seg_change **list = list_all(completions, &count);
	/* A call's own changes are of different fields already, but where it says that they may not be. */
	bool repeats = completions->count > 1 || (completions->first && completions->first->repeats);
	if (!list || (repeats && !keep_newest(list, count)))
		goto failed;
	size_t room = (size_t)head_count + 1 + 2 * count;
	changes->argv = malloc(room * sizeof(*changes->argv) + NUMBER_MAX);
	changes->lengths = malloc(room * sizeof(*changes->lengths));
	if (!changes->argv || !changes->lengths)
		goto failed;
	fill(changes, (char *)(changes->argv + room), head, head_count, list, count);
	free(list);
	return true;
failed:
	free(list);
	seg_changes_free(changes);
	return false;
}

void seg_changes_free(seg_changes *changes)
{
	free(changes->argv);
	free(changes->lengths);
	*changes = (seg_changes){0};
}
