#include "base/arena.h"

#include <stdlib.h>

struct seg_arena_block {
	struct seg_arena_block *next;
	size_t size; /* of data */
	_Alignas(16) char data[];
};

void seg_arena_init(seg_arena *arena, size_t block_size)
{
	*arena = (seg_arena){.block_size = block_size};
}

static void enter(seg_arena *arena, struct seg_arena_block *block)
{
	arena->current = block;
	arena->next = block ? block->data : NULL;
	arena->end = block ? block->data + block->size : NULL;
}

static void free_chain(seg_arena *arena, struct seg_arena_block *block)
{
	while (block) {
		struct seg_arena_block *next = block->next;
		arena->held -= block->size;
		free(block);
		block = next;
	}
}

void seg_arena_fini(seg_arena *arena)
{
	free_chain(arena, arena->first);
	arena->first = NULL;
	enter(arena, NULL);
}

void *seg_arena_alloc_slow(seg_arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size_t rounded = (size + 15) & ~(size_t)15;
	if (rounded == 0)
		rounded = 16;
	/* Blocks that a reset kept are used in their order; one that is too small is skipped. */
	struct seg_arena_block **link = arena->current ? &arena->current->next : &arena->first;
	while (*link && (*link)->size < rounded)
		link = &(*link)->next;
	if (!*link) {
		size_t size_of_block = rounded > arena->block_size ? rounded : arena->block_size;
		struct seg_arena_block *block = malloc(sizeof(*block) + size_of_block);
		if (!block)
			return NULL;
		block->next = NULL;
		block->size = size_of_block;
		arena->held += size_of_block;
		*link = block;
	}
	enter(arena, *link);
	void *piece = arena->next;
	arena->next += rounded;
	arena->used += rounded;
	return piece;
}

/* Keeps the blocks from `link` on that are at most `keep` bytes together, and frees the rest. */
static void cut_chain(seg_arena *arena, struct seg_arena_block **link, size_t keep)
{
	for (size_t kept = 0; *link && kept + (*link)->size <= keep; link = &(*link)->next)
		kept += (*link)->size;
	free_chain(arena, *link);
	*link = NULL;
}

void seg_arena_trim(seg_arena *arena, size_t spare)
{
	cut_chain(arena, arena->current ? &arena->current->next : &arena->first, spare);
}

void seg_arena_reset(seg_arena *arena, size_t keep)
{
	cut_chain(arena, &arena->first, keep);
	arena->used = 0;
	enter(arena, arena->first);
}
