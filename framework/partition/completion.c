#include "partition/completion.h"

#include <stdlib.h>
#include <string.h>

/* Of the arena. Most completions have a few short texts. */
enum { BLOCK = 4096 };

seg_completion *seg_completion_create(void)
{
	seg_completion *c = calloc(1, sizeof(*c));
	if (c)
		seg_arena_init(&c->arena, BLOCK);
	return c;
}

void seg_completion_destroy(seg_completion *c)
{
	if (!c)
		return;
	seg_arena_fini(&c->arena);
	free(c->done);
	free(c->changes);
	free(c->emissions);
	free(c);
}

/* Makes *array, which has `count` items, longer by `more`: doubles it at powers of two, so it needs no field for its room. */
static void *grow(void **array, size_t *count, size_t more, size_t size)
{
	size_t room = 8, wanted = *count + more;
	while (room < wanted)
		room *= 2;
	size_t held = *count ? 8 : 0;
	while (held && held < *count)
		held *= 2;
	if (room > held) {
		void *grown = realloc(*array, room * size);
		if (!grown)
			return NULL;
		*array = grown;
	}
	void *added = (char *)*array + *count * size;
	memset(added, 0, more * size);
	*count = wanted;
	return added;
}

uint64_t *seg_completion_add_done(seg_completion *c, size_t count)
{
	void *array = c->done;
	uint64_t *added = grow(&array, &c->done_count, count, sizeof(*c->done));
	c->done = array;
	return added;
}

seg_change *seg_completion_add_change(seg_completion *c)
{
	void *array = c->changes;
	seg_change *added = grow(&array, &c->change_count, 1, sizeof(*c->changes));
	c->changes = array;
	c->bytes += added ? sizeof(*added) : 0;
	return added;
}

seg_emission *seg_completion_add_emission(seg_completion *c)
{
	void *array = c->emissions;
	seg_emission *added = grow(&array, &c->emission_count, 1, sizeof(*c->emissions));
	c->emissions = array;
	c->bytes += added ? sizeof(*added) : 0;
	return added;
}

void *seg_completion_alloc(seg_completion *c, size_t length)
{
	void *room = seg_arena_alloc(&c->arena, length);
	if (room)
		c->bytes += length;
	return room;
}

void *seg_completion_copy(seg_completion *c, const void *bytes, size_t length)
{
	void *copy = seg_completion_alloc(c, length);
	if (copy && length)
		memcpy(copy, bytes, length);
	return copy;
}

void seg_completions_add(seg_completions *queue, seg_completion *c)
{
	c->next = NULL;
	if (queue->last)
		queue->last->next = c;
	else
		queue->first = c;
	queue->last = c;
	queue->count++;
	queue->bytes += c->bytes;
}

seg_completion *seg_completions_take(seg_completions *queue)
{
	seg_completion *c = queue->first;
	if (!c)
		return NULL;
	queue->first = c->next;
	if (!queue->first)
		queue->last = NULL;
	queue->count--;
	queue->bytes -= c->bytes;
	c->next = NULL;
	return c;
}

void seg_completions_destroy(seg_completions *queue)
{
	for (seg_completion *c; (c = seg_completions_take(queue)) != NULL;)
		seg_completion_destroy(c);
}
